"""A saved buffer taken up by a ring of another length: every row against the naive reference."""

from __future__ import annotations

import pytest
import torch
from test_replay_chains import RUNS_ON, TERMINATED, TRUNCATED, Pair

from rlkit.learners.off_policy.replay.buffer import ReplayBuffer

pytestmark = pytest.mark.slow

LIMIT = 4


def check(pair: Pair) -> None:
    """Every stored transition, oldest first, wherever it lies."""
    buffer, envs = pair.buffer, len(pair.references)
    times, stored = len(pair.references[0].history), buffer.steps_stored
    rows = (buffer._oldest + torch.arange(stored * envs)) % ((buffer.steps + 1) * envs)
    for i, time in enumerate(range(times - stored, times)):
        batch = buffer._gather(rows[i * envs : (i + 1) * envs])
        for env, reference in enumerate(pair.references):
            pair.compare(batch, env, reference.row(time, pair.n_step))


def play(pair: Pair, times: int) -> None:
    """Time-outs every LIMIT steps, at another step in each env; env 0 terminates now and then."""
    for _ in range(times):
        time = len(pair.references[0].history)
        endings = [TRUNCATED if (time + shift) % LIMIT == 3 else RUNS_ON for shift in (0, 2, 1)]
        if time % 7 == 5 and endings[0] == RUNS_ON:
            endings[0] = TERMINATED
        pair.add(endings)


@pytest.mark.parametrize(("n_step", "groups"), [(1, "shared"), (3, "both")])
@pytest.mark.parametrize("before", [1, 3, 8, 9, 10, 23])
@pytest.mark.parametrize("steps", [8, 9, 12, 20, 3])
def test_growing_and_shrinking_keep_the_newest(n_step: int, before: int, steps: int, groups: str) -> None:
    pair = Pair(num_envs=3, steps=8, n_step=n_step, limit=LIMIT, groups=groups)
    pair.start()
    play(pair, before)
    resized = ReplayBuffer(**{**pair.options, "steps": steps})
    resized.load_state(pair.buffer.state())
    assert resized.steps_stored == min(before, 8, steps)
    pair.buffer = resized
    for reference in pair.references:
        reference.kept = steps // LIMIT + 1
    check(pair)
    for _ in range(steps + LIMIT + 1):  # once around, so that everything old is gone
        play(pair, 1)
        check(pair)
        assert (
            pair.buffer._gather(pair.buffer._draw(50, torch.Generator().manual_seed(0))).weight.min() == 1.0
        )
    pair.start()
    play(pair, 2)
    check(pair)


def test_a_grown_ring_draws_the_same_transitions_for_the_same_random_numbers() -> None:
    """So a training resumed with more iterations, and a larger buffer, equals one that had them from the start."""
    pair = Pair(num_envs=3, steps=8, n_step=2, limit=LIMIT, groups="shared")
    pair.start()
    play(pair, 8)
    grown = ReplayBuffer(**{**pair.options, "steps": 30})
    grown.load_state(pair.buffer.state())
    one, other = (buffer.sample(200, torch.Generator().manual_seed(3)) for buffer in (pair.buffer, grown))
    assert all(torch.equal(a, b) for a, b in zip(one, other))


def test_a_buffer_that_saw_nothing_fits_any_length() -> None:
    pair = Pair(num_envs=3, steps=8, n_step=1, limit=LIMIT, groups="shared")
    other = ReplayBuffer(**{**pair.options, "steps": 5})
    other.load_state(pair.buffer.state())
    assert other.steps_stored == 0
