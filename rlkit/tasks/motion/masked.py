"""A task that follows clips, and may hide a part of them from its policy; what it tells of that."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.tasks.api import TaskError, fact, observation, success
from rlkit.tasks.motion.goals import Course
from rlkit.tasks.motion.masks import TERMS, Following, Masks
from rlkit.tasks.motion.showing import Chosen
from rlkit.tasks.robots.humanoids import sizes_of


class MaskedTracking(Following):
    """What a task of clips has of masks; without an observation of TERMS it has none, and nothing is drawn.

    masks: what is shown, None where nothing asks for it. Whoever derives calls `hide_targets` once its clips are there,
    and the masks' `begin`, `advance` and `forget` in its own `reset`, `advance` and `refresh`.
    """

    masks: Masks | None = None

    def hide_targets(self) -> None:
        """Make the masks, where an observation asks for them."""
        sizes = sizes_of(self.config)
        self.masked_size, self.whole_size = sizes["masked_size"], sizes["whole_size"]
        shown = {*self.observation_terms, *(term for terms in self.group_terms.values() for term in terms)}
        if shown & {*TERMS}:
            self.masks = Masks(self, self.config["masking"])
            self.showing = self.masks.showing
        if self.masks is None or self.masks.course is None:
            del self.fact_terms["error_goals"]

    def show_targets(self, env: int, chosen: Chosen) -> None:
        """See `Task.show_targets`."""
        if self.masks is None:
            super().show_targets(env, chosen)
        else:
            self.masks.look(env, chosen)

    # Observations.

    @observation("masked_size")
    def masked_targets(self) -> Tensor:
        """Where bodies of the reference will be beside the robot's pelvis, m, and how they will be turned (two
        columns), in its heading frame, at `task.targets` and at a moment farther on; 0 where `task.masking` hides it.
        Of each moment: the bodies, 9 numbers each, 1 for each position and rotation that is shown, how far ahead it
        is, s. Where no observation asks for masks all is hidden.
        """
        return self._unseen(self.masked_size) if self.masks is None else self.masks.masked()

    @observation("whole_size")
    def body_targets(self) -> Tensor:
        """The same with nothing hidden, without what tells what is shown; 0 where no observation asks for masks."""
        return self._unseen(self.whole_size) if self.masks is None else self.masks.whole()

    def _unseen(self, size: int) -> Tensor:
        return torch.zeros(self.num_envs, size, device=self.device)

    # Goals.

    @fact("m")
    def error_goals(self) -> Tensor:
        """`[N]` m: mean distance of bodies to their goals (`task.masking.goals`) when these are due; NaN before."""
        course = self._course()
        return course.error_sum / torch.where(course.count > 0.0, course.count, torch.nan)

    def _course(self) -> Course:
        if self.masks is None or self.masks.course is None:
            raise TaskError("goals_reached needs goals; write task.masking.goals=FILE")
        return self.masks.course

    @success
    def goals_reached(self) -> Tensor:
        """The last step, and bodies were never farther than `masking.reached` from goals that were due, a mean."""
        course = self._course()
        near = course.error_worst <= float(self.config["masking"]["reached"])
        return self.out_of_time() & near & (course.count > 0.0)
