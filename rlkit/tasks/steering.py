"""Steering: go at a speed into one direction of the world while facing another, as a joystick says it.

The task of ASE and ProtoMotions, with MimicKit's form of the reward, in which standing still at a target speed of 0
earns everything. Learnt without motion data by the terms of `HumanoidVelocity`; with `task.motion` episodes begin in
the clips' poses.
"""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.rotations import yaw
from rlkit.sims.api import ResetState, Simulator
from rlkit.tasks.api import MirrorImage, observation, reward
from rlkit.tasks.humanoid_velocity import HumanoidVelocity
from rlkit.tasks.motion.loading import load_library

SPEED, DIRECTION, FACING = range(3)


class Steering(HumanoidVelocity):
    """A humanoid that goes and faces as told, each command a change of the last one, now and then another altogether.

    Solved: upright to the episode's end, with mean errors of velocity and of where it faces within `successErrors`.
    """

    command_names = ("speed", "direction", "facing")

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        change = config["command"]["change"]
        self._changes = torch.tensor([float(change[name]) for name in self.command_names], device=self.device)
        self.library = load_library(config, self.robot, self.device) if config["motion"] else None

    def _follow_command(self) -> None:
        speed, direction, facing = self.commands.unbind(-1)
        wanted = speed[:, None] * _unit(direction)
        velocity = self.sim.body_lin_vel[:, self.pelvis, :2]
        self.along = (velocity * _unit(direction)).sum(dim=-1)  # m/s
        self.linear_error = (wanted - velocity).norm(dim=-1)  # m/s
        self.facing_off = facing - yaw(self.pelvis_quat)  # rad, with whole turns
        self.yaw_error = torch.atan2(self.facing_off.sin(), self.facing_off.cos()).abs()  # rad
        self.moves = speed > 0.0

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `HumanoidVelocity.reset`; with motion data in the pose and at the speed of any moment of a clip."""
        state = super().reset(env_ids)
        if self.library is None:
            return state
        k = len(env_ids)
        clips = torch.multinomial(self.library.weights, k, replacement=True, generator=self.generator)
        begun = self.library.state(clips, self.uniform(0.0, 1.0, k) * self.library.durations[clips])
        pose = torch.cat((begun.root_pos, begun.root_quat), dim=-1)[:, None]
        velocity = torch.cat((begun.root_lin_vel, begun.root_ang_vel), dim=-1)[:, None]
        self.targets[env_ids] = begun.joint_pos
        return ResetState(begun.joint_pos, begun.joint_vel, pose, velocity)

    def _next_commands(self) -> tuple[Tensor, Tensor]:
        """A change of each command that holds, for a share of the envs a new one."""
        drawn, times = self._drawn_commands(self.num_envs)
        change = self._changes * self.uniform(-1.0, 1.0, self.num_envs, 3)
        changed = self.commands + change
        changed[:, SPEED].clamp_(self._command_low[SPEED], self._command_high[SPEED])
        anew = self.uniform(0.0, 1.0, self.num_envs) < float(self.config["command"]["newShare"])
        stood = self.commands[:, SPEED] == 0.0  # a small change of nothing would be a crawl
        return torch.where((anew | stood)[:, None], drawn, changed), times

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As the parent's: directions to the left become directions to the right."""
        image = ([0, 1, 2, 3, 4], [1.0, -1.0, 1.0, 1.0, -1.0])
        return {**(super().mirror() or {}), "command": image}

    @observation(5)
    def command(self) -> Tensor:
        """In the robot's heading frame the direction to go, the speed (m/s), and the direction to face: 2 + 1 + 2."""
        turned = yaw(self.pelvis_quat)
        direction = _unit(self.commands[:, DIRECTION] - turned)
        return torch.cat((direction, self.commands[:, SPEED, None], _unit(self.facing_off)), dim=-1)

    @reward
    def steering(self) -> Tensor:
        """exp(−‖v* − v‖² / σ²) of the horizontal velocity, σ = 1.41 m/s; 0 where it moves against the direction
        (MimicKit's exponent 0.5; at a target speed of 0 all of it counts).
        """
        going = (self.along >= 0.0) | ~self.moves
        return torch.exp(-0.5 * self.linear_error**2) * going

    @reward
    def facing(self) -> Tensor:
        """The cosine between where it faces and where it should, at least 0."""
        return self.facing_off.cos().clamp(min=0.0)


def _unit(angle: Tensor) -> Tensor:
    """`[..., 2]`: the direction at an angle `[...]` (rad)."""
    return torch.stack((angle.cos(), angle.sin()), dim=-1)
