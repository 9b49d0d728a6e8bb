"""Reward terms of following a reference, of two families: BeyondMimic's and DeepMimic's.

Each is exp(−e / σ²) of a squared error e, within [0, 1], σ being `task.widths.<term>`; an exponent k of the papers is
σ = 1/√k. BeyondMimic (Liao et al. 2025, arXiv 2508.08241): bodies against the reference, moved to where the robot
stands and faces; means over the tracked bodies. DeepMimic (Peng et al. 2018, arXiv 1804.02717, with the constants of
MimicKit): joints, the root, and key bodies relative to the root; sums.
"""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.motion.library import MotionState
from rlkit.rotations import squared_angle
from rlkit.sims.api import Index, Simulator
from rlkit.tasks.api import reward
from rlkit.tasks.motion.beside import Beside, mean_square
from rlkit.tasks.robots.humanoid_task import HumanoidTask

TURNING_SHARE = 0.1  # of angles (rad²) beside metres² in DeepMimic's errors of the root


class Tracking(HumanoidTask):
    """The terms; a task says what is compared.

    reference: where the robot should be now, with all its bodies, B of them, the root first. state: where it is.
    beside: what follows from both. tracked: bodies that count; keys: key bodies; anchor: a body.
    """

    reference: MotionState
    state: MotionState
    beside: Beside
    tracked: Index
    keys: Index
    anchor: int

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self._widths = {name: float(width) for name, width in config["widths"].items()}

    def score(self, term: str, squared: Tensor) -> Tensor:
        """exp(−e / σ²) `[N]` of squared errors `[N]`, σ being that of the term."""
        return torch.exp(-squared / self._widths[term] ** 2)

    def _off(self, bodies: int | Index) -> Tensor:
        return self.beside.off[:, bodies].square().sum(dim=-1)

    def _turned(self, bodies: int | Index) -> Tensor:
        return squared_angle(self.state.body_quat[:, bodies], self.reference.body_quat[:, bodies])

    # BeyondMimic.

    @reward
    def anchor_position(self) -> Tensor:
        """Of the anchor's distance to the reference's, m."""
        return self.score("anchor_position", self._off(self.anchor))

    @reward
    def anchor_place(self) -> Tensor:
        """As anchor_position with another σ: a wide one leads there from far away, a narrow one keeps it there."""
        return self.score("anchor_place", self._off(self.anchor))

    @reward
    def anchor_rotation(self) -> Tensor:
        """Of the angle between the anchor and the reference's, rad."""
        return self.score("anchor_rotation", self._turned(self.anchor))

    @reward
    def body_positions(self) -> Tensor:
        """Of the bodies' distances to the moved reference, m: the mean of their squares."""
        off = self.state.body_pos[:, self.tracked] - self.beside.moved[0][:, self.tracked]
        return self.score("body_positions", mean_square(off))

    @reward
    def body_rotations(self) -> Tensor:
        """Of the angles between the bodies and the moved reference, rad: the mean of their squares."""
        robot, wanted = self.state.body_quat[:, self.tracked], self.beside.moved[1][:, self.tracked]
        return self.score("body_rotations", squared_angle(robot, wanted).mean(dim=-1))

    @reward
    def body_velocities(self) -> Tensor:
        """Of the bodies' velocities against the reference's, m/s, world: the mean of the squared differences."""
        off = self.state.body_lin_vel[:, self.tracked] - self.reference.body_lin_vel[:, self.tracked]
        return self.score("body_velocities", mean_square(off))

    @reward
    def body_turning(self) -> Tensor:
        """Of the bodies' angular velocities against the reference's, rad/s, world: the mean of squared differences."""
        off = self.state.body_ang_vel[:, self.tracked] - self.reference.body_ang_vel[:, self.tracked]
        return self.score("body_turning", mean_square(off))

    # DeepMimic.

    @reward
    def joint_angles(self) -> Tensor:
        """Of the joints against the reference, rad: the sum of the squared differences."""
        off = self.state.joint_pos - self.reference.joint_pos
        return self.score("joint_angles", off.square().sum(dim=-1))

    @reward
    def joint_speeds(self) -> Tensor:
        """Of the joints' velocities against the reference, rad/s: the sum of the squared differences."""
        off = self.state.joint_vel - self.reference.joint_vel
        return self.score("joint_speeds", off.square().sum(dim=-1))

    @reward
    def key_bodies(self) -> Tensor:
        """Of the key bodies' places beside the root, in the world's axes, m: the sum of the squared differences."""
        off = self.beside.off[:, self.keys] - self.beside.off[:, :1]
        return self.score("key_bodies", off.square().sum(dim=(-1, -2)))

    @reward
    def root_pose(self) -> Tensor:
        """Of the root's distance d (m) and angle θ (rad) to the reference: d² + 0.1 θ²."""
        return self.score("root_pose", self._off(0) + TURNING_SHARE * self._turned(0))

    @reward
    def root_velocity(self) -> Tensor:
        """Of the root's velocity (m/s) and angular velocity (rad/s) against the reference's: Δv² + 0.1 Δω²."""
        moving = self.state.body_lin_vel[:, 0] - self.reference.body_lin_vel[:, 0]
        turning = self.state.body_ang_vel[:, 0] - self.reference.body_ang_vel[:, 0]
        squared = moving.square().sum(dim=-1) + TURNING_SHARE * turning.square().sum(dim=-1)
        return self.score("root_velocity", squared)
