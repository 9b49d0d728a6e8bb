"""Which clip an episode begins with, and when in it: more often where the policy fails."""

from __future__ import annotations

from typing import Mapping

import torch
from torch import Tensor

from rlkit.motion.errors import MotionError
from rlkit.motion.library import MotionLibrary

BIN_SECONDS = 1.0
FORGETTING = 0.001  # share of each new count of failures (BeyondMimic), and of endings
FIRST_ENDINGS = 0.02  # a step, before any are counted: episodes of 50 steps
FEWEST_ENDINGS = 0.001  # a step: a clip whose episodes hardly end is still begun
UNIFORM = 0.1  # what all bins of a clip have together, beside its failures of 1 (BeyondMimic)
KEPT = 0.999**200  # of a clip's weight after an evaluation in which it succeeded: 0.82 (ProtoMotions)
_WHOLE = float(1 << 40)  # probabilities as whole numbers, whose sums do not depend on their order


class ClipSampler:
    """Draws clips and times of a library of C clips, each cut into bins of a second at most.

    A clip's share of the steps is its weight in the library times its difficulty, which begins at 1, falls with every
    evaluation that it passes to no less than 1/C, and is 1 again when it fails (ProtoMotions). To have that share it is
    drawn the more often, the sooner its episodes end: else a clip that fails after ten steps, beside others that last
    five hundred, has a fiftieth of theirs to be learnt from. Within a clip a bin's chance is its share of the failures
    there, averaged over time, and a uniform part (BeyondMimic). from_start: share of the draws that begin at 0 s.
    generator: of the library's device; whoever owns it saves its state.

    Sources: ProtoMotions (NVlabs), BeyondMimic (HybridRobotics/whole_body_tracking).
    """

    def __init__(
        self, library: MotionLibrary, generator: torch.Generator, *, from_start: float = 0.0
    ) -> None:
        self.library, self.generator, self.from_start = library, generator, from_start
        device = library.device
        self.difficulty = torch.ones(len(library), device=device)
        self.endings = torch.full_like(self.difficulty, FIRST_ENDINGS)  # [C] a step that is played
        counts = (library.durations / BIN_SECONDS - 1e-4).ceil().clamp(min=1.0).long()
        self._first = counts.cumsum(0) - counts  # [C] bins
        self._counts, self._widths = counts, library.durations / counts
        self._clips = torch.repeat_interleave(torch.arange(len(library), device=device), counts)  # [bins]
        self.failures = torch.zeros(len(self._clips), device=device)

    def probabilities(self) -> Tensor:
        """The chance `[bins]` of each bin, those of a clip behind one another in its order; their sum is 1."""
        within = self.failures + UNIFORM / self._counts[self._clips]
        sums = torch.zeros_like(self.difficulty).scatter_add_(0, self._clips, within)
        clips = self.library.weights * self.difficulty * self.endings.clamp(min=FEWEST_ENDINGS)
        return (clips / clips.sum() / sums)[self._clips] * within

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Clips `[count]` and times `[count]` s."""
        device = self.library.device
        upto = (self.probabilities().double() * _WHOLE).round().long().cumsum(0)
        lots = torch.rand(3, count, generator=self.generator, device=device, dtype=torch.float64)
        bins = torch.searchsorted(upto, (lots[0] * upto[-1]).long(), right=True).clamp(max=len(upto) - 1)
        clips = self._clips[bins]
        times = (bins - self._first[clips] + lots[1]).float() * self._widths[clips]
        return clips, torch.where(lots[2] < self.from_start, 0.0, times)

    def failed(self, clip_ids: Tensor, times: Tensor, which: Tensor | None = None) -> None:
        """Count failures in clips `[N]` at times `[N]` s; which: `[N]` bool, those of them that did fail.

        Averaged with 0.001 of a step's failures, as shares of those in the same clip: it does not matter how many envs
        there are.
        """
        cycles = torch.where(
            self.library.loops[clip_ids], (times / self.library.durations[clip_ids]).floor(), 0.0
        )
        times = times - cycles * self.library.durations[clip_ids]
        within = torch.minimum(
            (times / self._widths[clip_ids]).long().clamp(min=0), self._counts[clip_ids] - 1
        )
        ones = torch.ones_like(clip_ids) if which is None else which.long()
        new = torch.zeros_like(self._clips).index_add_(0, self._first[clip_ids] + within, ones)
        of_clip = torch.zeros_like(self._counts).scatter_add_(0, self._clips, new)[self._clips]
        average = torch.lerp(self.failures, new / of_clip.clamp(min=1), FORGETTING)
        self.failures = torch.where(of_clip > 0, average, self.failures)

    def ended(self, clip_ids: Tensor, which: Tensor) -> None:
        """Count a step in clips `[N]`; which: `[N]` bool, the episodes that it ended. Averaged as failures are."""
        played = torch.zeros_like(self.endings).index_add_(
            0, clip_ids, torch.ones_like(which, dtype=torch.float)
        )
        over = torch.zeros_like(self.endings).index_add_(0, clip_ids, which.float())
        average = torch.lerp(self.endings, over / played.clamp(min=1.0), FORGETTING)
        self.endings = torch.where(played > 0, average, self.endings)

    def evaluated(self, success: Tensor, which: Tensor | None = None) -> None:
        """Take over an evaluation of every clip: success `[C]` bool; which: `[C]` bool, those that were evaluated."""
        new = torch.where(success, (KEPT * self.difficulty).clamp(min=1.0 / len(self.library)), 1.0)
        self.difficulty = new if which is None else torch.where(which, new, self.difficulty)

    # Resume.

    def state(self) -> dict[str, Tensor]:
        """What was learnt, `difficulty` and `endings` `[C]`, `failures` `[bins]`, whatever the number of envs."""
        return {name: getattr(self, name).clone() for name in ("difficulty", "endings", "failures")}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state()`, `[C]`, `[C]` and `[bins]`; what an older one does not tell stays as it is.

        Raises MotionError where it is of other numbers.
        """
        known = {name: ours for name, ours in self.state().items() if name in state}
        for name, ours in known.items():
            if state[name].shape != ours.shape:
                raise MotionError(
                    f"the saved {name} of the clips has {len(state[name])} numbers, and these clips have {len(ours)}"
                )
        for name in known:
            setattr(self, name, state[name].to(self.library.device, copy=True))
