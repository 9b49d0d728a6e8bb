"""Simulators: one file each, behind the seam in `rlkit.sims.api`."""
