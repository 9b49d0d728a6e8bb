"""MaskedMimic: a student that follows clips of which it sees a part."""

from __future__ import annotations

from dataclasses import replace

from rlkit.env.api import VecEnv
from rlkit.learners.api import Iteration
from rlkit.learners.distill.learner import Distill
from rlkit.learners.distill.masked.settings import Settings
from rlkit.learners.distill.masked.student import MaskedStudent
from rlkit.learners.distill.student import Student


class MaskedMimic(Distill):
    """As Distill, whose arguments and errors it has; of what it learns from an expert see docs/distill.md.

    Its env shows in the group `policy` targets of which some are hidden, and in `targets` all of them.
    """

    groups: tuple[str, ...] = ("policy", "targets", "teacher")
    settings_class = Settings
    student: MaskedStudent

    def _make_student(self) -> Student:
        assert isinstance(self.settings, Settings)
        return MaskedStudent(self.spec, self.settings)

    def iterate(self, env: VecEnv) -> Iteration:
        """See `Distill.iterate`; it also tells the weight of the divergence."""
        weight = self.student.kl_weight(self.iteration)
        done = super().iterate(env)
        return replace(done, metrics={**done.metrics, "imitation/kl_weight": weight})
