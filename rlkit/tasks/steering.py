"""Steering: go at a speed into one direction of the world while facing another, as a joystick says it.

The task of ASE and ProtoMotions, with MimicKit's form of the reward, in which standing still at a target speed of 0
earns everything. Learnt without motion data by the terms of `HumanoidVelocity`; with `task.motion` episodes begin in
the clips' poses.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.rotations import yaw
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, fact, metric, observation, reward
from rlkit.tasks.motion.loading import load_library
from rlkit.tasks.motion.style import StyleWindow, with_ends
from rlkit.tasks.robots.humanoids import sizes_of
from rlkit.tasks.velocity.humanoid_velocity import HumanoidVelocity

SPEED, DIRECTION, FACING = range(3)


class Steering(HumanoidVelocity):
    """A humanoid that goes and faces as told, each command a change of the last one, now and then another altogether.

    Solved: upright to the episode's end, with mean errors of velocity and of where it faces within `successErrors`.
    """

    command_names = ("speed", "direction", "facing")
    at_rest = slice(SPEED, SPEED + 1)

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """As that of HumanoidVelocity, with the hands."""
        return with_ends(super().scene(config), config)

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        self._faces_its_way = config["command"]["facing"] == "ahead"
        super().__init__(config, sim, generator)
        change = config["command"]["change"]
        self._changes = torch.tensor([float(change[name]) for name in self.command_names], device=self.device)
        self.style_size = sizes_of(config)["style_size"]
        self.course_sums = self.buffer("course_sums", 3)  # m/s, rad and steps, over this episode
        del self.fact_terms["error_turning"]
        self.window: StyleWindow | None = None
        if config["motion"]:
            self.window = StyleWindow(self, load_library(config, self.robot, self.device))
        else:  # there is no style to be near to
            del self.metric_terms["style_distance"], self.fact_terms["near"], self.fact_terms["cover"]

    def command_ranges(self) -> list[Sequence[float]]:
        """See `VelocityTask.command_ranges`, m/s and rad."""
        command = self.config["command"]
        return [
            command["speed"],
            command["direction"],
            command["direction" if self._faces_its_way else "facing"],
        ]

    def _follow_command(self) -> None:
        if self._faces_its_way:
            self.commands[:, FACING] = self.commands[:, DIRECTION]
        speed, direction, facing = self.commands.unbind(-1)
        wanted = speed[:, None] * _unit(direction)
        velocity = self.sim.body_lin_vel[:, self.pelvis, :2]
        self.along = (velocity * _unit(direction)).sum(dim=-1)  # m/s
        self.linear_error = (wanted - velocity).norm(dim=-1)  # m/s
        self.speed_off = (speed - velocity.norm(dim=-1)).abs()  # m/s
        off = direction - torch.atan2(velocity[:, 1], velocity[:, 0])
        self.direction_off = torch.atan2(off.sin(), off.cos()).abs()  # rad
        self.facing_off = facing - yaw(self.pelvis_quat)  # rad, with whole turns
        self.yaw_error = torch.atan2(self.facing_off.sin(), self.facing_off.cos()).abs()  # rad
        self.moves = speed > 0.0

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `VelocityTask.reset`; with motion data in the pose and at the speed of any moment of a clip."""
        state = super().reset(env_ids)
        if self.window is None:
            return state
        state = self.window.begin(env_ids)
        self.targets[env_ids] = state.joint_pos
        return state

    def advance(self) -> None:
        """As the parent's; add up speeds and directions; with motion data how it moves is taken in."""
        super().advance()
        self.course_sums += torch.stack(
            (self.speed_off, self.moves * self.direction_off, self.moves.float()), dim=-1
        )
        if self.window is not None:
            self.window.advance()

    def demonstrations(self, count: int) -> dict[str, Tensor]:
        """See `Task.demonstrations`: the style of the clips."""
        return {} if self.window is None else {"style": self.window.demonstrations(count)}

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

    @observation("style_size")
    def style(self) -> Tensor:
        """How it has just moved, at `task.style.moments`, as of `Style`; 0 without motion data."""
        if self.window is None:
            return torch.zeros(self.num_envs, self.style_size, device=self.device)
        return self.window.seen()

    @metric
    def style_distance(self) -> Tensor:
        """`[N]`: how far it is from the nearest frame of the clips, in spreads of theirs; with motion data alone."""
        return torch.zeros(self.num_envs, device=self.device) if self.window is None else self.window.distance

    @fact("rad")
    def error_facing(self) -> Tensor:
        """`[N]` rad: between where it faces and where it should, the mean over the episode."""
        return self.mean_errors()[:, 1]

    @fact("m/s")
    def error_speed(self) -> Tensor:
        """`[N]` m/s: between its speed, wherever to, and the wanted one, the mean over the episode."""
        return self.course_sums[:, 0] / self.steps_measured.clamp(min=1.0)

    @fact("rad")
    def error_direction(self) -> Tensor:
        """`[N]` rad: between where it goes and where it should, the mean over the steps in which it is to move; NaN
        where there are none.
        """
        moving = self.course_sums[:, 2]
        return self.course_sums[:, 1] / torch.where(moving > 0.0, moving, torch.nan)

    @fact()
    def near(self) -> Tensor:
        """`[N]`: `style_distance`, the mean over the episode."""
        return self.style_distance() if self.window is None else self.window.near()

    @fact()
    def cover(self) -> Tensor:
        """`[N]`: the mean distance from the clips' frames to the nearest of the episode."""
        return self.style_distance() if self.window is None else self.window.cover()

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
