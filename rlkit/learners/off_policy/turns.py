"""How turns are run: as written, or captured once in a CUDA graph and replayed as a single launch."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Callable

import torch
from torch import Tensor

from rlkit.learners import ranks
from rlkit.learners.off_policy.update import Update

log = logging.getLogger("rlkit")

Run = Callable[[], None]
Capture = Callable[[Run, torch.Generator], Run]


class Turns:
    """Runs turns the fast way once it has proved equal to the plain way on the first batches.

    capture: makes a quick replay of a turn; None runs every turn as written. compiled: use torch.compile for the
    losses. Where the quick way fails or differs, on one of several ranks even, one line says so and everything is run
    as written.
    """

    def __init__(self, update: Update, *, capture: Capture | None, compiled: bool) -> None:
        self._update, self._capture, self._compiled = update, capture, compiled
        self._ready: dict[tuple[int, bool], Run] = {}
        self.updates = 0  # of the critics, so far
        self.seconds = 0.0  # that turns took here, so far

    @property
    def mode(self) -> str:
        """How turns are run, in words."""
        if not self._compiled:
            return "as written" if self._capture is None else "CUDA graph"
        return "compiled" if self._capture is None else "compiled, CUDA graph"

    def run(self, actor_learns: bool) -> None:
        """One turn of learning."""
        started, settings = time.perf_counter(), self._update.settings
        key = (self.updates % settings.policy_frequency, actor_learns)
        if self._capture is None and not self._compiled:
            self._update.turn(*key)
        elif key in self._ready:
            self._ready[key]()
        else:
            self._prepare(key)
        self.updates += settings.num_updates
        self.seconds += time.perf_counter() - started

    def _prepare(self, key: tuple[int, bool]) -> None:
        """Run this turn both ways from the same state, compare, and keep the quick way if they agree.

        Each of several ranks does that by itself, since one that fails would leave the others waiting; then all of
        them run the turn together, in the way that suits all.
        """
        update, turn = self._update, partial(self._update.turn, *key)
        with ranks.apart():
            before, plain, quick, problem = self._compared(turn)
        if ranks.anywhere(bool(problem), update.device):
            problem = problem or "so they do on another rank"
            log.warning("turns of learning run as written instead of %s (slower): %s", self.mode, problem)
            self._capture, self._compiled = None, False
            self._ready.clear()
            update.use_plain_losses()
            quick = turn
            plain.restore(update)
        else:
            self._ready[key] = quick
        if ranks.several():
            before.restore(update)
            quick()

    def _compared(self, turn: Run) -> tuple[_Snapshot, _Snapshot, Run, str]:
        """The state before the turn and after its plain way, its quick way, and why that is of no use, if so."""
        update = self._update
        update.use_plain_losses()
        before = _Snapshot.of(update)
        turn()
        before.extend(update)
        plain = _Snapshot.of(update)
        before.restore(update)
        if self._compiled and not self._ready:
            log.info("torch compiles the losses (train.compile=true), which may take minutes")
        try:
            quick = self._make_quick(turn)
            quick()
            problem = plain.difference(before, update)
        except RuntimeError as error:  # of CUDA's capture, or of the compiler
            problem = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
            quick = turn
        return before, plain, quick, problem

    def _make_quick(self, turn: Run) -> Run:
        if self._compiled:
            self._update.use_compiled_losses()
        return turn if self._capture is None else self._capture(turn, self._update.generator)


def cuda_graph(turn: Run, generator: torch.Generator) -> Run:
    """Capture `turn` in one CUDA graph, with its random numbers drawn anew at every replay."""
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        turn()
    return graph.replay


@dataclass
class _Snapshot:
    """Copies of everything that a turn changes."""

    tensors: list[Tensor]
    generator: Tensor

    @classmethod
    def of(cls, update: Update) -> _Snapshot:
        copies = [tensor.detach().clone() for tensor in update.tensors()]
        return cls(copies, update.generator.get_state())

    def extend(self, update: Update) -> None:
        """Take up the sums that the first turn has made: they were zero before."""
        self.tensors += [torch.zeros_like(tensor) for tensor in update.tensors()[len(self.tensors) :]]

    @torch.no_grad()
    def restore(self, update: Update) -> None:
        for tensor, copy in zip(update.tensors(), self.tensors):
            tensor.copy_(copy)
        update.generator.set_state(self.generator)

    @torch.no_grad()
    def difference(self, before: _Snapshot, update: Update) -> str:
        """Where the state now departs from this one, by more than rounding; empty where it does not.

        Adam's first steps have the length of the learning rate whatever the gradient, so single numbers may differ
        where a gradient is all but zero: means over a tensor are compared.
        """
        for tensor, mine, old in zip(update.tensors(), self.tensors, before.tensors):
            apart = (tensor.float() - mine.float()).abs().mean().item()
            moved = (mine.float() - old.float()).abs().mean().item()
            if not apart <= 0.05 * moved + 1e-7:
                return f"results differ: {apart:.2e} where one turn moves {moved:.2e}"
        return ""
