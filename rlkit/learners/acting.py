"""What learners share where their policies act outside training."""

from __future__ import annotations

import copy
from typing import Callable, Sequence, Tuple

import torch
from torch import Tensor, nn

from rlkit.env.api import Observations
from rlkit.learners.api import LearnerError, Memory, Policy

Step = Callable[..., Tuple[Tensor, ...]]
"""Policy observations `[N, size]` and a state's tensors `[layers, N, units]`, to actions and the next state."""

# Away from the seeds of the tasks and learners of a run, which are those that users choose.
_NOISE_SEED_OFFSET = 7_000_003


def noise_generator(device: torch.device) -> torch.Generator:
    """Random numbers for actions, decided by the seed of torch's global generator, from which nothing is drawn."""
    seed = (torch.initial_seed() + _NOISE_SEED_OFFSET) % 2**63
    return torch.Generator(device=device).manual_seed(seed)


def detached(*stages: nn.Module) -> nn.Module:
    """The stages one after another as one module: a copy in float32 on the CPU, without gradients."""
    whole = stages[0] if len(stages) == 1 else nn.Sequential(*stages)
    return copy.deepcopy(whole).cpu().float().eval().requires_grad_(False)


class Remembering(Policy):
    """A policy with memory: it keeps the state of every env's episode between two calls.

    step: how it acts. memory: of what sizes its state is. The first call after `forget()` says of how many envs.
    """

    def __init__(self, step: Step, memory: Memory) -> None:
        self._step, self._memory = step, memory
        self._state: Sequence[Tensor] = ()

    def __call__(self, obs: Observations) -> Tensor:
        """See `Policy`; raises LearnerError where the number of rows is another than in the call before."""
        rows = obs["policy"]
        if not self._state:
            self._state = zero_state(self._memory, rows)
        before = self._state[0].shape[1]
        if before != len(rows):
            raise LearnerError(
                f"this policy remembers the episodes of {before} envs, and is shown {len(rows)}; where these are new"
                " ones, let it forget the others first"
            )
        actions, *self._state = self._step(rows, *self._state)
        return actions

    def forget(self, ended: Tensor | None = None) -> None:
        """See `Policy.forget`."""
        if ended is None:
            self._state = ()
        else:
            self._state = [kept(part, ~ended) for part in self._state]


def zero_state(memory: Memory, rows: Tensor) -> list[Tensor]:
    """The state at the start of the episodes of `rows` `[N, ...]`: `[layers, N, units]` each."""
    return [
        rows.new_zeros(layers, len(rows), units, dtype=torch.float32) for layers, units in memory.values()
    ]


def kept(state: Tensor, goes_on: Tensor) -> Tensor:
    """A state `[layers, N, units]` where the episode goes on, `[N]` bool; zeros elsewhere."""
    return state * goes_on[:, None]
