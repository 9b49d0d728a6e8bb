"""How a robot has just moved: the window that a style is judged by, and how far that is from what clips show."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.motion.features import body_indices, style_features
from rlkit.motion.library import MotionLibrary, MotionState
from rlkit.sims.api import ResetState, SceneSpec
from rlkit.tasks.api import Term, chances_upto
from rlkit.tasks.robots.humanoid_task import HumanoidTask
from rlkit.tasks.robots.humanoids import robot_of, sizes_of

MOST_FRAMES = 1024  # of the clips, that distances are taken to
MOST_SHARES = 24  # clips that are told of by name; all others are one
LEAST_SPREAD = 0.02  # added to the clips' own, so that what hardly changes there does not decide alone


def with_ends(spec: SceneSpec, config: Mapping[str, Any]) -> SceneSpec:
    """A humanoid's scene with its feet and hands among the bodies: where they are belongs to a style."""
    robot = robot_of(config)
    ends = () if robot is None else (*robot.feet, *robot.hands)
    return replace(spec, bodies=tuple(dict.fromkeys((*spec.bodies, *ends))))


class StyleWindow:
    """The last moments of each env, in the numbers of `style_features`, F of them; robot and clips go through the same.

    task: a humanoid whose scene is `with_ends`. moments: `task.style.moments`, s before now.

    distance: `[N]`, how far the robot is from the nearest frame of the clips: the root of the mean square over the F
    numbers, each in units of its spread in the clips. On a walk, another cycle of it is about 0.1 away, standing
    still 1, lying about 2.5.
    """

    def __init__(self, task: HumanoidTask, library: MotionLibrary) -> None:
        self.task, self.library = task, library
        self._upto = chances_upto(library.weights)  # [C]
        device, robot, period = task.device, task.robot, task.control_period
        ends = (*robot.feet, *robot.hands)
        self._keys = body_indices(library.robot, ends, device)
        self._bodies = task.sim.bodies((robot.pelvis, *ends))
        self._own_keys = torch.arange(1, len(ends) + 1, device=device)
        moments = task.config["style"]["moments"]
        self._ages = torch.tensor([round(float(age) / period) for age in moments], device=device)
        count = int(self._ages.max()) + 1
        self._times = period * torch.arange(count, device=device)  # [L] s ago
        size = sizes_of(task.config)["style_size"] // len(moments)
        self.history = task.buffer("style_history", count, size)  # the newest first
        self.distance_sum = task.buffer("style_distance_sum")  # of this episode
        self.distance = torch.zeros(task.num_envs, device=device)
        self._nearest: Tensor | None = None  # [N, R], of this episode so far; where facts are asked for
        self._visits: Tensor | None = None  # [N, shares], steps nearest to each clip, likewise
        self._hold_reference()

    def _hold_reference(self) -> None:
        """Frames of the clips `[R, F]` for distances: around their mean, in units of their spread."""
        library, period, device = self.library, self.task.control_period, self.task.device
        clips, times = [], []
        for clip, duration in enumerate(library.durations.tolist()):
            times.append(torch.arange(0.0, duration - 0.5 * period, period, device=device))
            clips.append(torch.full_like(times[-1], clip, dtype=torch.int64))
        ids, at = torch.cat(clips), torch.cat(times)
        some = torch.linspace(0, len(ids) - 1, min(len(ids), MOST_FRAMES), device=device).long()
        frames = style_features(library.state(ids[some], at[some]), self._keys)
        self._share_of = ids[some].clamp(max=MOST_SHARES)  # [R]
        spread = frames.std(dim=0, unbiased=False) + LEAST_SPREAD
        self._mean, self._scale = frames.mean(dim=0), 1.0 / (spread * frames.shape[1] ** 0.5)
        self._reference = self._scaled(frames)

    def _scaled(self, frames: Tensor) -> Tensor:
        """Features `[..., F]` as distances are taken between them; without the mean, rounding would cost digits."""
        return (frames - self._mean) * self._scale

    # Steps.

    def advance(self) -> None:
        """Take in the state that a step has led to; called once a step, in `Task.advance`."""
        sim, bodies = self.task.sim, self._bodies
        state = MotionState(
            sim.joint_pos,
            sim.joint_vel,
            sim.body_pos[:, bodies],
            sim.body_quat[:, bodies],
            sim.body_lin_vel[:, bodies],
            sim.body_ang_vel[:, bodies],
        )
        now = style_features(state, self._own_keys)
        self.history.copy_(torch.cat((now[:, None], self.history[:, :-1]), dim=1))
        off = torch.cdist(self._scaled(now), self._reference)  # [N, R]
        self.distance = off.amin(dim=1)
        self.distance_sum += self.distance
        if self._nearest is not None:
            torch.minimum(self._nearest, off, out=self._nearest)
        if self._visits is not None and self.task.tells_facts:
            there = self._share_of[off.argmin(dim=1)]
            self._visits.scatter_add_(1, there[:, None], torch.ones_like(self.distance)[:, None])

    def begin(self, env_ids: Tensor) -> ResetState:
        """First states of new episodes for `env_ids` `[k]`: moments of the clips, with what was before them there.

        A history of copies of the first frame would tell the robot from the clips at once.
        """
        clips, times = self._draw(len(env_ids))
        past = self.library.future(clips, times, -self._times)
        self.history[env_ids] = style_features(past, self._keys)
        if self.task.tells_facts and self._nearest is None:
            size = (self.task.num_envs, len(self._reference))
            self._nearest = torch.full(size, torch.inf, device=self.task.device)
        if self._nearest is not None:
            self._nearest[env_ids] = torch.inf
        if self._visits is not None:
            self._visits[env_ids] = 0.0
        begun = MotionState(*(part[:, 0] for part in past))
        pose = torch.cat((begun.root_pos, begun.root_quat), dim=-1)[:, None]
        velocity = torch.cat((begun.root_lin_vel, begun.root_ang_vel), dim=-1)[:, None]
        return ResetState(begun.joint_pos, begun.joint_vel, pose, velocity)

    def _draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Clips `[count]` and moments `[count]` s of them, with as much of the clip before them as the window needs."""
        library, task = self.library, self.task
        clips = task.one_of(self._upto, count)
        last = library.durations[clips]
        first = torch.minimum(torch.where(library.loops[clips], 0.0, self._times[-1]), last)
        return clips, first + task.uniform(0.0, 1.0, count) * (last - first)

    # What it tells.

    def seen(self) -> Tensor:
        """The window `[N, moments * F]`."""
        return self.history[:, self._ages].flatten(1)

    def demonstrations(self, count: int) -> Tensor:
        """Windows `[count, moments * F]` of the clips, at moments that are drawn as those of episodes are."""
        shown = self.library.future(*self._draw(count), -self._times[self._ages])
        return style_features(shown, self._keys).flatten(1)

    def shares(self) -> dict[str, Term]:
        """Facts `[N]` by "share/<clip>": the share of an episode's steps that were nearest to a frame of that clip.

        Clips beyond MOST_SHARES are told of together, as "share/others".
        """
        names = self.library.names
        if len(names) > MOST_SHARES:
            names = (*names[:MOST_SHARES], "others")
        self._visits = torch.zeros(self.task.num_envs, len(names), device=self.task.device)
        return {f"share/{name}": partial(self._share, place) for place, name in enumerate(names)}

    def _share(self, place: int) -> Tensor:
        assert self._visits is not None
        return self._visits[:, place] / self.task.steps_played

    def near(self) -> Tensor:
        """`[N]`: the mean `distance` over the episode; small where every moment looks like one of the clips."""
        return self.distance_sum / self.task.steps_played

    def cover(self) -> Tensor:
        """`[N]`: the mean distance from the frames of the clips to the nearest of the episode.

        Small where the episode shows all that the clips do; one good pose, held, is not enough.
        """
        return (
            torch.full_like(self.distance, torch.inf) if self._nearest is None else self._nearest.mean(dim=1)
        )
