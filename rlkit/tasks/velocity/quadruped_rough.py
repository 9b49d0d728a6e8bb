"""QuadrupedRough: QuadrupedVelocity over rough ground, slopes, stairs and stones."""

from __future__ import annotations

from rlkit.tasks.velocity.quadruped_velocity import QuadrupedVelocity


class QuadrupedRough(QuadrupedVelocity):
    """The same; its terrain and weights stand in conf/task/QuadrupedRough.yaml."""
