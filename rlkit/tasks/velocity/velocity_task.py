"""What the tasks of going as told share: commands, the clock of a gait, and the terms that follow them.

Terms and weights follow what is common for this task: legged_gym (Rudin et al. 2021, arXiv 2109.11978), Isaac Lab's
velocity tasks, and the gait clock of Siekmann et al. 2021 (arXiv 2011.01387).
A term named after something unwanted is positive and has a negative weight.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, fact, observation, reward, success
from rlkit.tasks.velocity.terrain_task import TerrainTask


class VelocityTask(TerrainTask):
    """A robot on legs under a velocity command, drawn with each episode and again every few seconds.

    gait: how far each foot is ahead of the clock, as a share of its period. clearance_width: of `swing_height`, m.
    at_rest: the commands that are 0 where it is to stand.
    Solved: no failure to the episode's end, with mean errors of velocity and turning within `successErrors`.
    """

    command_names = ("forward", "sideways", "yawRate")
    gait: tuple[float, ...]
    clearance_width = 0.05
    at_rest = slice(None)

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The robot on its ground, its feet among the bodies."""
        spec = super().scene(config)
        return replace(spec, bodies=(*spec.bodies, *cls.robot_in(config).feet))

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        device = self.device
        self._feet = sim.bodies(self.robot.feet)
        self._ahead = torch.tensor(self.gait, device=device)  # [feet]
        ranges = torch.tensor(self.command_ranges(), device=device)
        self._command_low, self._command_high = ranges.unbind(-1)  # [3] m/s, m/s, rad/s
        allowed = [config["successErrors"][name] for name in ("linear", "yaw")]
        self._allowed_errors = torch.tensor(allowed, device=device)  # m/s, rad/s
        self.commands = self.buffer("commands", 3)  # m/s forward, m/s left, rad/s counter-clockwise
        self.command_time = self.buffer("command_time")  # s, until the next one
        self.phase = self.buffer("phase")  # of the gait clock, [0, 1)
        self.error_sums = self.buffer("error_sums", 2)  # m/s, rad/s, over this episode's steps
        self.steps_measured = self.buffer("steps_measured")

    def deployment(self) -> dict[str, Any]:
        """As of every robot on legs, with what the policy may be commanded and the clock it listens to."""
        gait = self.config["gait"]
        return {
            **super().deployment(),
            "command": dict(zip(self.command_names, map(list, self.command_ranges()))),
            "gait": {"period": float(gait["period"]), "clock": "sin and cos of 2 pi t / period; 0 at rest"},
        }

    def command_ranges(self) -> list[Sequence[float]]:
        """Least and greatest of each command, m/s and rad/s."""
        return [self.config["command"][name] for name in self.command_names]

    # State.

    def refresh(self) -> None:
        """As of every robot on legs; with the rate of turning, the soles, and how far off the command it is."""
        super().refresh()
        self.turning = self.sim.body_ang_vel[:, self.root, 2]  # rad/s, about the vertical
        self.sole_height = self.above_ground(self.sim.body_pos[:, self._feet]) - self.robot.sole
        self._follow_command()

    def _follow_command(self) -> None:
        self.linear_error = (self.commands[:, :2] - self.velocity[:, :2]).norm(dim=-1)  # m/s
        self.yaw_error = (self.commands[:, 2] - self.turning).abs()  # rad/s
        self.moves = self.commands.abs().sum(dim=-1) > 0.0

    def swing(self) -> Tensor:
        """How far through the air the clock wants each foot, `[N, feet]`: 0 while it is to stand, then to 1."""
        stance = float(self.config["gait"]["stance"])
        feet = (self.phase[:, None] + self._ahead) % 1.0
        return ((feet - stance) / (1.0 - stance)).clamp(min=0.0) * self.moves[:, None]

    def advance(self) -> None:
        """Run the clocks of gait and command; add up the errors of tracking."""
        super().advance()
        self.phase.copy_((self.phase + self.control_period / float(self.config["gait"]["period"])) % 1.0)
        self.error_sums += torch.stack((self.linear_error, self.yaw_error), dim=-1)
        self.steps_measured += 1.0
        self.command_time -= self.control_period

    def remember(self) -> None:
        """Keep actions and velocities to compare with; draw the next command where the last one's time is over."""
        super().remember()
        over = self.command_time <= 0.0
        # For all: to ask for how many would wait for a GPU.
        commands, times = self._next_commands()
        self.commands.copy_(torch.where(over[:, None], commands, self.commands))
        self.command_time.copy_(torch.where(over, times, self.command_time))
        self._follow_command()

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `TerrainTask.reset`; with a new command, and the clock at any point of its period."""
        state = super().reset(env_ids)
        self.commands[env_ids], self.command_time[env_ids] = self._drawn_commands(len(env_ids))
        self.phase[env_ids] = self.uniform(0.0, 1.0, len(env_ids))
        return state

    def _next_commands(self) -> tuple[Tensor, Tensor]:
        """For every env what it would be told next `[N, 3]`, and for how long `[N]`, s."""
        return self._drawn_commands(self.num_envs)

    def _drawn_commands(self, k: int) -> tuple[Tensor, Tensor]:
        """Commands `[k, 3]`, and for how long each holds `[k]`, s."""
        command = self.config["command"]
        drawn = self._command_low + (self._command_high - self._command_low) * self.uniform(0.0, 1.0, k, 3)
        stands = self.uniform(0.0, 1.0, k) < float(command["standingShare"])
        drawn[:, self.at_rest] *= ~stands[:, None]
        shortest, longest = (float(time) for time in command["time"])
        return drawn, self.uniform(shortest, longest, k)

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As of every robot on legs: left becomes right, and the feet exchange their halves of the clock."""
        images: dict[str, tuple[Sequence[int], Sequence[float]]] = {
            "command": ([0, 1, 2], [1.0, -1.0, -1.0]),
            "gait_clock": ([0, 1], [-1.0, -1.0]),
        }
        return {**(super().mirror() or {}), **images}

    # Observations.

    @observation(3)
    def command(self) -> Tensor:
        """Wanted velocity forward and to the left (m/s) and rate of turning counter-clockwise (rad/s)."""
        return self.commands

    @observation(2)
    def gait_clock(self) -> Tensor:
        """Sine and cosine of the gait's phase; 0 and 0 while the command is to stand."""
        angle = 2.0 * math.pi * self.phase
        return torch.stack((angle.sin(), angle.cos()), dim=-1) * self.moves[:, None]

    # Rewards: what is wanted, within [0, 1].

    @reward
    def track_linear(self) -> Tensor:
        """exp(−|v* − v|² / σ²) of the horizontal velocity in the heading's frame (legged_gym, Isaac Lab)."""
        return torch.exp(-((self.linear_error / float(self.config["trackingWidth"]["linear"])) ** 2))

    @reward
    def track_yaw(self) -> Tensor:
        """exp(−(ω* − ω)² / σ²) of the rate of turning about the vertical (legged_gym, Isaac Lab)."""
        return torch.exp(-((self.yaw_error / float(self.config["trackingWidth"]["yaw"])) ** 2))

    @reward
    def contact_schedule(self) -> Tensor:
        """Share of the feet that are on the ground when the clock says so and in the air when it says so
        (Siekmann et al. 2021, with contacts instead of forces and speeds); at a command to stand: on the ground.
        """
        return (self.on_ground == (self.swing() <= 0.0)).float().mean(dim=-1)

    @reward
    def swing_height(self) -> Tensor:
        """exp(−Σ (h − h*)² / w²) over the feet, w = `clearance_width`: h* is h sin²(π s), s from 0 to 1 through a
        foot's swing, and 0 while it belongs on the ground (the feet_phase of MuJoCo Playground, with another curve).
        """
        wanted = float(self.config["gait"]["swingHeight"]) * torch.sin(math.pi * self.swing()) ** 2  # m
        off = (self.sole_height - wanted) / self.clearance_width
        return torch.exp(-(off**2).sum(dim=-1))

    # Rewards: what is not wanted.

    @reward
    def wrong_turning(self) -> Tensor:
        """(ω* − ω)², (rad/s)²: `track_yaw` is flat where the body swings with every step."""
        return self.yaw_error**2

    @reward
    def vertical_speed(self) -> Tensor:
        """Square of the root's velocity upwards, (m/s)²."""
        return self.velocity[:, 2] ** 2

    @reward
    def roll_pitch_rate(self) -> Tensor:
        """Squares of the root's angular velocity about its own x and y, (rad/s)²."""
        return (self.spin()[:, :2] ** 2).sum(dim=-1)

    @reward
    def tilt(self) -> Tensor:
        """Square of the sine of the root's tilt: g_x² + g_y² of the unit gravity in its frame."""
        return (self.gravity[:, :2] ** 2).sum(dim=-1)

    @reward
    def feet_slide(self) -> Tensor:
        """Σ horizontal speed (m/s) of the feet that are on the ground (Isaac Lab)."""
        speed = self.sim.body_lin_vel[:, self._feet, :2].norm(dim=-1)
        return (speed * self.on_ground).sum(dim=-1)

    # How far off.

    def mean_errors(self) -> Tensor:
        """`[N, 2]` m/s and rad/s: of velocity and of turning, means over the episode."""
        return self.error_sums / self.steps_measured.clamp(min=1.0)[:, None]

    @fact("m/s")
    def error_velocity(self) -> Tensor:
        """`[N]` m/s: how far the horizontal velocity is from the wanted one, the mean over the episode."""
        return self.mean_errors()[:, 0]

    @fact("rad/s")
    def error_turning(self) -> Tensor:
        """`[N]` rad/s: the same of the rate of turning."""
        return self.mean_errors()[:, 1]

    # Endings.

    @success
    def tracked(self) -> Tensor:
        """The last step of the episode, and the mean errors over it are within `successErrors`."""
        close = (self.mean_errors() <= self._allowed_errors).all(dim=-1)
        return close & (self.episode_step >= self.max_episode_length)
