"""Tasks: one file each, behind the seam in `rlkit.tasks.api`."""
