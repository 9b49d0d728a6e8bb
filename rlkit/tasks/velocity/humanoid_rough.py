"""HumanoidRough: HumanoidVelocity over rough ground, slopes and stairs."""

from __future__ import annotations

from rlkit.tasks.velocity.humanoid_velocity import HumanoidVelocity


class HumanoidRough(HumanoidVelocity):
    """The same; its terrain and weights stand in conf/task/HumanoidRough.yaml."""
