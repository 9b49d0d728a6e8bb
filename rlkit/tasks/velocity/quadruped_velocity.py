"""QuadrupedVelocity: trot as told, at a speed forward, a speed sideways and a rate of turning.

The flat velocity task of legged_gym, Isaac Lab and mjlab for robots on four legs, with the gait clock of UniLab's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.sims.api import ContactSensor, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, TaskError, failure, observation, reward
from rlkit.tasks.robots.legged import QUADRUPEDS
from rlkit.tasks.robots.legged_task import CONTACT_FORCE
from rlkit.tasks.robots.quadruped_robot import QuadrupedRobot
from rlkit.tasks.velocity.velocity_task import VelocityTask

WORTHWHILE_FLIGHT = 0.5  # s: a shorter swing costs


class QuadrupedVelocity(VelocityTask):
    """A robot on four legs under a velocity command; the clock wants it to trot, diagonal feet together.

    An action of 0 is the stance, 1 and -1 are `actionScale` from there. Failed: trunk on the ground, or tipped over.
    Solved: no failure to the episode's end, with mean errors of velocity and turning within `successErrors`.
    """

    gait = (0.0, 0.5, 0.5, 0.0)  # front left, front right, rear left, rear right
    clearance_width = (
        0.1  # m: with 5 cm two feet that stay down earn nothing, and nothing leads away from there
    )

    @classmethod
    def robot_in(cls, config: Mapping[str, Any]) -> QuadrupedRobot:
        """The robot of a `task` section; raises TaskError where it is none on four legs."""
        if config["robot"] not in QUADRUPEDS:
            raise TaskError(
                f"task.robot={config['robot']}: no robot on four legs here is called so; there is"
                f" {', '.join(QUADRUPEDS)}"
            )
        return QUADRUPEDS[config["robot"]]

    @property
    def robot(self) -> QuadrupedRobot:
        """The robot that has the task."""
        return self.robot_in(self.config)

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The robot on its ground; what is felt of trunk, thighs and calves beside the feet."""
        spec, robot = super().scene(config), cls.robot_in(config)
        parts = (robot.trunk, *robot.thighs, *robot.calves)
        return replace(spec, contacts=(*spec.contacts, *(ContactSensor(part, part) for part in parts)))

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.up = self.down = torch.full_like(self.stance, float(config["actionScale"]))
        self._trunk = sim.contact(self.robot.trunk)
        self._limbs = sim.contacts((*self.robot.thighs, *self.robot.calves))
        self.flight = self.buffer("flight", self.num_feet)  # s that a foot has been in the air
        self.landed = self.buffer("landed", self.num_feet)  # s of a flight that ended in this step, else 0

    # State.

    def advance(self) -> None:
        """As the parent's, with the clocks of the feet's flights."""
        super().advance()
        self.landed.copy_(self.flight * self.on_ground)
        self.flight.copy_((self.flight + self.control_period) * ~self.on_ground)

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As the parent's, with the trunk's own vectors."""
        vector, rotation = ([0, 1, 2], [1.0, -1.0, 1.0]), ([0, 1, 2], [-1.0, 1.0, -1.0])
        return {
            **(super().mirror() or {}),
            "projected_gravity": vector,
            "base_lin_vel": vector,
            "base_ang_vel": rotation,
        }

    # Observations.

    @observation(3)
    def projected_gravity(self) -> Tensor:
        """Unit vector straight down, in the trunk's frame: (0, 0, -1) when level."""
        return self.gravity

    @observation(3)
    def base_ang_vel(self) -> Tensor:
        """Angular velocity of the trunk, rad/s, in its own frame."""
        return self.spin()

    @observation(3)
    def base_lin_vel(self) -> Tensor:
        """Velocity of the trunk, m/s: forward, left, up, in the frame turned with its heading alone."""
        return self.velocity

    # Rewards.

    @reward
    def feet_air_time(self) -> Tensor:
        """Σ (flight − 0.5 s) of the feet that touch down in this step, when told to go (legged_gym)."""
        return ((self.landed - WORTHWHILE_FLIGHT) * (self.landed > 0.0)).sum(dim=-1) * self.moves

    @reward
    def undesired_contacts(self) -> Tensor:
        """How many thighs and calves touch anything with more than 1 N (legged_gym's collision)."""
        force = self.sim.contact_force[:, self._limbs].norm(dim=-1)
        return (force > CONTACT_FORCE).float().sum(dim=-1)

    @reward
    def joint_deviation(self) -> Tensor:
        """Σ |q − stance|, rad (UniLab's pose)."""
        return self.joint_pos_rel().abs().sum(dim=-1)

    # Endings.

    @failure
    def base_contact(self) -> Tensor:
        """The trunk touches the ground with more than 1 N (Isaac Lab)."""
        return self.sim.contact_force[:, self._trunk].norm(dim=-1) > CONTACT_FORCE

    @failure
    def bad_orientation(self) -> Tensor:
        """The trunk is tilted by more than `tiltLimit` degrees (Isaac Lab)."""
        return -self.gravity[:, 2] < math.cos(math.radians(float(self.config["tiltLimit"])))
