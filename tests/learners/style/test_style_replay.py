"""The ring of the policy's earlier motion, row by row."""

from __future__ import annotations

import torch

from rlkit.learners.ppo.style.replay import Replay

CPU = torch.device("cpu")


def rows(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[:, None]


def held(replay: Replay) -> list[float]:
    return replay.rows.squeeze(1).tolist()


def test_it_fills_then_keeps_a_few_in_place_of_the_oldest() -> None:
    replay = Replay(5, 1, 2, CPU)
    replay.add(rows(1, 2, 3))
    assert (held(replay), replay.count, replay.full) == ([1, 2, 3, 0, 0], 3, False)
    replay.add(rows(4, 5, 6))  # not full yet: all of them, around the end
    assert (held(replay), replay.full, replay.next) == ([6, 2, 3, 4, 5], True, 1)
    replay.add(rows(7, 7, 7, 7))
    assert (held(replay), replay.next) == ([6, 7, 7, 4, 5], 3)


def test_more_at_once_than_it_holds_are_thinned() -> None:
    replay = Replay(3, 1, 2, CPU)
    replay.add(rows(*range(1, 11)))
    assert replay.full and len(set(held(replay))) == 3 and set(held(replay)) <= set(range(1, 11))


def test_only_what_it_holds_is_drawn() -> None:
    replay = Replay(100, 1, 2, CPU)
    replay.add(rows(3, 4))
    assert set(replay.sample(50).squeeze(1).tolist()) == {3.0, 4.0}


def test_its_state_goes_on_also_where_there_is_more_room() -> None:
    replay, same, larger, smaller = (Replay(size, 1, 1, CPU) for size in (3, 3, 5, 2))
    replay.add(rows(1, 2, 3))
    replay.add(rows(4))
    state = replay.state()
    assert same.load(state) and larger.load(state) and not smaller.load(state)
    assert not Replay(3, 2, 1, CPU).load(state)
    for other in (replay, same):
        other.add(rows(5))
        assert held(other) == [4, 5, 3]
    larger.add(rows(5))
    assert held(larger) == [4, 2, 3, 5, 0]
