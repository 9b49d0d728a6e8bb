"""How far an exported policy's actions are from the original's, over episodes that were played."""

from __future__ import annotations

import statistics
import time
from typing import Callable, NamedTuple

import torch
from torch import Tensor

from rlkit.env.api import Observations, VecEnv
from rlkit.export.formats import Act, ExportError
from rlkit.learners.acting import Remembering, zero_state
from rlkit.learners.api import Memory, Policy

TOLERANCE = 1e-5  # between actions, which lie in [-1, 1]


class Played(NamedTuple):
    """What a policy saw while it played, `[steps, N, size]`, and whose episode ended with which step, `[steps, N]`."""

    obs: Tensor
    ended: Tensor


@torch.no_grad()
def play(env: VecEnv, policy: Policy, steps: int) -> Played:
    """Let it play on the CPU. Half way it takes all episodes for new ones, so that there is an end in any case."""
    seen, ends = [], []
    obs = env.reset()
    for number in range(1, steps + 1):
        seen.append(obs["policy"].clone())
        step = env.step(policy(obs))
        ends.append(step.ended | (2 * number == steps))
        policy.forget(ends[-1])
        obs = step.obs
    return Played(torch.stack(seen), torch.stack(ends))


def policy_of(act: Act, memory: Memory, numbers: Callable[[Tensor], Tensor] = lambda rows: rows) -> Policy:
    """A format as a policy. numbers: makes what it takes of the env's rows, `[N, size]`."""

    def step(rows: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        given = (numbers(rows), *state)
        return tuple(map(torch.from_numpy, act(*(tensor.numpy() for tensor in given))))

    def act_once(obs: Observations) -> Tensor:
        return step(obs["policy"])[0]

    return Remembering(step, memory) if memory else Policy(act_once)


def largest_difference(policy: Policy, reference: Policy, played: Played) -> float:
    """Between the actions of two, for all envs at once and for the first alone; NaN where one of them is."""
    differences = []
    for few in (slice(None), slice(0, 1)):
        policy.forget()
        reference.forget()
        for rows, ended in zip(played.obs[:, few], played.ended[:, few]):
            obs = {"policy": rows}
            differences.append((policy(obs) - reference(obs)).abs().max())
            policy.forget(ended)
            reference.forget(ended)
    return float(torch.stack(differences).max())


def require_equal(name: str, difference: float) -> None:
    """Raise ExportError unless the difference is below TOLERANCE; NaN is not."""
    if not difference < TOLERANCE:
        raise ExportError(
            f"{name} differs from the policy by up to {difference:.3g} (allowed: {TOLERANCE:g}); nothing was written"
        )


def latency(act: Act, obs: Tensor, memory: Memory, calls: int = 300) -> float:
    """The median time [µs] of one call with one observation, `obs [1, size]`."""
    given = [tensor.numpy() for tensor in (obs, *zero_state(memory, obs))]
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        act(*given)
        times.append(time.perf_counter() - started)
    return 1e6 * statistics.median(times)
