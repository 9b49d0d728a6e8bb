"""Learners: one folder each, behind the seam in `rlkit.learners.api`."""
