"""Targets of a reference of which some are hidden: what a policy that fills the gaps sees (MaskedMimic).

After Tessler et al. 2024 (arXiv 2409.14393). A target is where one body of the reference is at a moment ahead, and how
it is turned there; of each either may be hidden. The last moment lies anywhere ahead, and stays until it has passed.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.motion.library import MotionLibrary
from rlkit.rotations import conjugate, multiply, rotate, six_d
from rlkit.tasks.motion.goals import JUST_AHEAD, Course, Goals
from rlkit.tasks.motion.goals_file import read_goals
from rlkit.tasks.motion.showing import Chosen, Showing
from rlkit.tasks.motion.tracking import Tracking

TERMS = ("masked_targets", "body_targets")
"""The observation terms for which there are masks."""
SHOW = ("drawn", "all", "head_and_hands", "keyframes", "goals")
"""The values of `task.masking.show`."""


class Following(Tracking):
    """A task whose envs follow clips.

    library: the clips. clip: `[N]` int64, which one. clip_time: `[N]` s, the present moment in it.
    """

    library: MotionLibrary
    clip: Tensor
    clip_time: Tensor


class Masks:
    """N envs, M moments ahead, b bodies. What spans steps is kept in buffers of the task.

    visible: `[N, M, b, 2]` 1 where the position, and the rotation, of a body is shown. far: `[N]` s in the clip, the
    last moment. left: `[N]` s for which the mask stays.
    """

    def __init__(self, task: Following, settings: Mapping[str, Any]) -> None:
        robot, names = task.robot, task.library.robot.bodies
        self.task, self.settings = task, settings
        self.bodies = tuple(settings["bodies"]) or robot.masked_bodies
        self._places = torch.tensor([names.index(body) for body in self.bodies], device=task.device)
        self._near = torch.tensor(task.config["targets"], device=task.device)  # s from now
        self.moments = len(self._near) + 1
        self.visible = task.buffer("masks_visible", self.moments, len(self.bodies), 2)
        self.far, self.left = task.buffer("masks_far"), task.buffer("masks_left")
        only = tuple(body for body in self.bodies if body in (settings["only"] or self.bodies))
        self.showing = Showing(SHOW, self.bodies, settings["show"], only)
        self._shown = self._fixed(self.showing.show, only)
        self._looked: tuple[int, Chosen] | None = None  # an env that somebody looks at, what it shows
        self._drawn = torch.zeros_like(self.visible[0])  # the mask that was drawn for it
        self._targets: tuple[Tensor, Tensor] | None = None
        self.goals = Goals(task.num_envs, self.bodies, task.device)
        listed = [] if settings["goals"] is None else read_goals(settings["goals"], self.bodies)
        self.course = Course(listed, self.goals, self.bodies) if listed else None

    def _fixed(self, show: str, only: Sequence[str]) -> Tensor | None:
        """The mask `[M, b, 2]` that `task.masking.show` stands for, of these bodies; None where masks are drawn."""
        robot = self.task.robot
        if show == "drawn":
            return None
        some = set(only)
        if show == "head_and_hands":  # there is no head: it is on the torso
            some &= {robot.torso, *robot.hands}
        shown = self._of(some)
        if show in ("keyframes", "goals"):
            shown[:-1] = 0.0
        return shown

    def _of(self, some: Iterable[str]) -> Tensor:
        """The mask `[M, b, 2]` that shows all of some bodies, and nothing of the others."""
        shown = torch.zeros_like(self.visible[0])
        shown[:, [body in some for body in self.bodies]] = 1.0
        return shown

    # Masks in time.

    def begin(self, env_ids: Tensor) -> None:
        """New masks for new episodes of `env_ids` `[k]`, whose clips and times are set."""
        task, count = self.task, len(env_ids)
        now = task.clip_time[env_ids]
        self.far[env_ids] = self._next_far(count, now)
        self.visible[env_ids] = self._draw(count)
        self.left[env_ids] = self._hold(count)
        if self.course is not None:
            root = task.library.state(task.clip[env_ids], now)
            self.course.begin(env_ids, root.root_pos, root.root_quat, now)
            self._follow_course()
        if self._looked is not None and bool((env_ids == self._looked[0]).any()):
            self._keep_to(anew=True, come=True)

    def advance(self) -> None:
        """A control step on: moments that have come, and masks that have stayed long enough, are drawn anew."""
        count, now = len(self.far), self.task.clip_time
        self.left -= self.task.control_period
        come, over = self.far <= now + JUST_AHEAD, self.left <= 0.0
        if self.course is not None:
            self.course.judge(come & self._unwatched(), self.task.state.body_pos[:, self._places])
        self.far.copy_(torch.where(come, self._next_far(count, now), self.far))
        self.visible.copy_(torch.where(over[:, None, None, None], self._draw(count), self.visible))
        self.left.copy_(torch.where(over, self._hold(count), self.left))
        if self.course is not None:
            self._follow_course()
        if self._looked is not None:
            env = self._looked[0]
            self._keep_to(anew=bool(over[env]), come=bool(come[env]))
        self.forget()

    def _follow_course(self) -> None:
        """All that nobody looks at are shown their next goals, once these are as near as moments ever are."""
        course, now = self.course, self.task.clip_time
        assert course is not None and self._shown is not None
        envs = self._unwatched()
        far = course.next(envs, now)
        near = far - now <= float(self.settings["farthest"]) + JUST_AHEAD
        self.far.copy_(torch.where(envs, far, self.far))
        shown = self._shown.expand_as(self.visible).clone()
        shown[:, -1] *= self.goals.visible * near[:, None, None]
        self.visible.copy_(torch.where(envs[:, None, None, None], shown, self.visible))

    def _unwatched(self) -> Tensor:
        """`[N]` bool: the envs that nobody looks at."""
        envs = torch.ones_like(self.goals.on)
        if self._looked is not None:
            envs[self._looked[0]] = False
        return envs

    def look(self, env: int, chosen: Chosen) -> None:
        """One env shows what was chosen until it is another; that is again as all are.

        Nothing of bodies that were not chosen is ever shown, of masks that are drawn either.
        """
        if self._looked is not None and self._looked[0] != env:
            before = self._looked[0]
            self.goals.on[before] = False
            self.visible[before] = self._draw(1)[0]
            self.far[before] = self._next_far(1, self.task.clip_time[before : before + 1])[0]
        come = self._looked is None or self._looked[0] != env or self._looked[1].show != chosen.show
        self._looked = (env, chosen)
        if self.course is not None:
            self._follow_course()
        self._keep_to(anew=True, come=come)
        self.forget()

    def _keep_to(self, *, anew: bool, come: bool) -> None:
        """Show what is looked at; anew: its mask's time is over. come: so is that of its last moment."""
        assert self._looked is not None
        env, (show, only, places) = self._looked
        if come:
            self.far[env] = self._next_far(1, self.task.clip_time[env : env + 1], show)[0]
        fixed = self._fixed(show, only)
        if fixed is None and anew:
            self._drawn = self._by_chance(1)[0]
        self.visible[env] = self._drawn * self._of(only) if fixed is None else fixed
        self.goals.on[env] = show == "goals"
        if show == "goals":
            self.goals.hold(env, places)
            self.visible[env, -1] *= self.goals.visible[env]

    def forget(self) -> None:
        """What was looked up is no more true: time or the robot has moved."""
        self._targets = None

    def _next_far(self, count: int, now: Tensor, show: str = "") -> Tensor:
        """`[count]` s in the clip, ahead of `now`: drawn, or of keyframes the next one. show: other than of the
        settings."""
        if (show or self.settings["show"]) == "keyframes":
            every = float(self.settings["every"])
            return ((now + JUST_AHEAD) / every).floor() * every + every
        near = float(self._near.max())
        return now + self.task.uniform(near, max(near, float(self.settings["farthest"])), count)

    def _hold(self, count: int) -> Tensor:
        low, high = self.settings["hold"]
        return self.task.uniform(float(low), float(high), count)

    def _draw(self, count: int) -> Tensor:
        """Masks `[count, M, b, 2]`: as the settings say, or drawn."""
        if self._shown is not None:
            return self._shown.expand(count, -1, -1, -1)
        return self._by_chance(count)

    def _by_chance(self, count: int) -> Tensor:
        """Drawn masks `[count, M, b, 2]`, each of which shows something at least."""
        uniform, bodies, moments = self.task.uniform, len(self.bodies), self.moments
        number = 1.0 + (uniform(0.0, 1.0, count, 1) * bodies).floor()  # of the bodies that are shown
        ranks = uniform(0.0, 1.0, count, bodies).argsort(dim=-1).argsort(dim=-1)
        kind = uniform(0.0, 3.0, count, bodies)  # below 1 the position alone, above 2 the rotation alone
        parts = torch.stack((kind < 2.0, kind >= 1.0), dim=-1) & (ranks < number)[..., None]
        there = uniform(0.0, 1.0, count, moments) >= float(self.settings["hidden"])
        there[:, -1] |= ~there.any(dim=-1)
        shown = parts[:, None] & there[..., None, None]
        everything = uniform(0.0, 1.0, count) < float(self.settings["allShown"])
        return (shown | everything[:, None, None, None]).float()

    # Observations.

    def whole(self) -> Tensor:
        """All targets `[N, M (9 b + 1)]`: of each moment the bodies, 9 numbers each, then how far ahead it lies, s."""
        values, ahead = self._look()
        return torch.cat((values.flatten(2), ahead[..., None]), dim=-1).flatten(1)

    def masked(self) -> Tensor:
        """The targets that are shown `[N, M (11 b + 1)]`, 0 where they are hidden, with what is: of each moment the
        bodies, 9 numbers each, 1 for each position and rotation that is shown, and how far ahead it lies, s, where it
        shows any."""
        values, ahead = self._look()
        position, rotation = self.visible[..., :1], self.visible[..., 1:]
        values = torch.cat((values[..., :3] * position, values[..., 3:] * rotation), dim=-1)
        ahead = ahead * (self.visible.sum(dim=(-1, -2)) > 0.0)
        parts = (values.flatten(2), self.visible.flatten(2), ahead[..., None])
        return torch.cat(parts, dim=-1).flatten(1)

    def _look(self) -> tuple[Tensor, Tensor]:
        """Targets `[N, M, b, 9]`: places, m, and rotations (two columns), beside the robot's pelvis in its heading's
        frame; and how far ahead the moments lie `[N, M]`, s."""
        if self._targets is None:
            task, now = self.task, self.task.clip_time[:, None]
            times = torch.cat((now + self._near, self.far[:, None]), dim=-1)
            there = task.library.state(task.clip[:, None].expand_as(times), times)
            back = conjugate(task.heading)[:, None, None]
            places, turns = there.body_pos[:, :, self._places], there.body_quat[:, :, self._places]
            if self._looked is not None or self.course is not None:
                on = self.goals.on[:, None, None]
                places[:, -1] = torch.where(on, self.goals.position, places[:, -1])
                turns[:, -1] = torch.where(on, self.goals.rotation, turns[:, -1])
            off = places - task.pelvis_pos[:, None, None]
            turned = six_d(multiply(back, turns))
            self._targets = torch.cat((rotate(back, off), turned), dim=-1), times - now
        return self._targets
