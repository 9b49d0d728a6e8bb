"""What `python -m benchmarks.scaling` reckons of several ranks, by hand."""

from __future__ import annotations

import pytest

from benchmarks.scaling import Network, Work, reduction, strong, talking, weak

LINK = Network(bandwidth=1e6, latency=0.01)
WORK = Work({8: 1.0, 4: 0.6, 2: 0.4}, {1000: 5, 4000: 2})


def test_a_ring_sends_each_byte_twice_but_for_ones_own_share() -> None:
    assert reduction(1000, 1, LINK) == 0.0
    assert reduction(1000, 2, LINK) == pytest.approx(0.001 + 0.02)
    assert reduction(1000, 4, LINK) == pytest.approx(0.0015 + 0.06)


def test_what_ranks_give_is_less_by_what_they_talk() -> None:
    said = 5 * 0.021 + 2 * 0.024
    assert talking(WORK, 2, LINK) == pytest.approx(said)
    assert weak(WORK, 2, LINK) == pytest.approx(2 * 1.0 / (1.0 + said))
    assert strong(WORK, 2, LINK) == pytest.approx(1.0 / (0.6 + said))
    assert (
        strong(WORK, 4, LINK) < strong(WORK, 2, LINK) < 2.0
    )  # this work and this network pay for two at most
