"""Chances of clips and bins by hand, and draws that continue bit for bit."""

from __future__ import annotations

import pytest
import torch
from motions import H1, even_clip
from torch import Tensor

from rlkit.motion.errors import MotionError
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.library import MotionLibrary
from rlkit.motion.sampling import ClipSampler

KINEMATICS = Kinematics(H1)
SHORT, LONG = even_clip(31, 50.0), even_clip(151, 50.0, loop=False)  # 0.6 s in one bin, 3 s in three


def sampler(weights: tuple[float, ...] = (1.0, 1.0), **settings: float) -> ClipSampler:
    library = MotionLibrary([SHORT, LONG], KINEMATICS, weights=weights)
    return ClipSampler(library, torch.Generator().manual_seed(5), **settings)


def close(found: Tensor, *expected: float) -> None:
    torch.testing.assert_close(found, torch.tensor(expected))


def test_at_first_clips_are_drawn_by_their_weights_and_bins_alike() -> None:
    close(sampler((1.0, 3.0)).probabilities(), 0.25, 0.25, 0.25, 0.25)
    clips, times = sampler((1.0, 4.0)).draw(4000)
    assert (clips == 1).float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert times.min() >= 0.0 and times[clips == 0].max() < 0.6 and 2.9 < times.max() < 3.0
    assert times[clips == 1].mean().item() == pytest.approx(1.5, abs=0.05)


def test_a_share_of_the_draws_begins_at_the_start() -> None:
    _, times = sampler(from_start=0.2).draw(4000)
    assert (times == 0.0).float().mean().item() == pytest.approx(0.2, abs=0.03)


def test_an_evaluation_changes_the_clips_weights_down_to_a_floor() -> None:
    ours = sampler()
    ours.evaluated(torch.tensor([True, False]))
    kept = 0.999**200
    assert kept == pytest.approx(0.82, abs=0.002)
    close(ours.difficulty, kept, 1.0)
    close(ours.probabilities()[:1], kept / (kept + 1.0))
    for _ in range(9):
        ours.evaluated(torch.tensor([True, True]))
    close(ours.difficulty, 0.5, 0.5)  # 1 of 2 clips
    ours.evaluated(torch.tensor([False, False]), which=torch.tensor([True, False]))
    close(ours.difficulty, 1.0, 0.5)


def test_failures_are_counted_where_they_happen() -> None:
    """Four failures in the long clip, three in its last bin; one in the short one, after three cycles and a bit."""
    ours = sampler()
    clips, times = torch.tensor([1, 1, 1, 1, 0, 1]), torch.tensor([2.0, 2.5, 9.0, 0.99, 1.85, 1.5])
    ours.failed(clips, times, which=torch.tensor([True, True, True, True, True, False]))
    close(ours.failures, 0.001, 0.00025, 0.0, 0.00075)
    ours.failed(clips[3:4], times[3:4])
    close(ours.failures, 0.001, 0.999 * 0.00025 + 0.001, 0.0, 0.999 * 0.00075)
    ours.failures = torch.tensor([1.0, 0.0, 0.0, 1.0])  # after very many
    close(ours.probabilities(), 0.5, *(0.5 * x / 1.1 for x in (0.1 / 3, 0.1 / 3, 1.0 + 0.1 / 3)))
    drawn, when = ours.draw(4000)
    assert ((drawn == 1) & (when >= 2.0)).float().mean().item() == pytest.approx(0.5 * 0.939, abs=0.03)


def test_no_failures_change_nothing() -> None:
    ours = sampler()
    ours.failed(torch.tensor([0, 1]), torch.tensor([0.1, 0.2]), which=torch.zeros(2, dtype=torch.bool))
    assert not ours.failures.any()


def test_clips_whose_episodes_end_soon_begin_more_often() -> None:
    """Two of three envs in the long clip end an episode, none of four in the short one; then there is only that."""
    ours = sampler()
    ours.ended(
        torch.tensor([0, 1, 0, 1, 1, 0, 0]), torch.tensor([False, True, False, True, False, False, False])
    )
    close(ours.endings, 0.999 * 0.02, 0.999 * 0.02 + 0.001 * 2 / 3)
    ours.ended(torch.tensor([0]), torch.tensor([True]))
    close(ours.endings, 0.999**2 * 0.02 + 0.001, 0.999 * 0.02 + 0.001 * 2 / 3)
    ours.endings = torch.tensor([0.002, 0.1])
    close(ours.probabilities()[:1], 0.002 / 0.102)
    ours.endings = torch.tensor([0.0, 0.1])  # no less than 0.001
    close(ours.probabilities()[:1], 0.001 / 0.101)


def test_weights_are_shares_of_the_steps() -> None:
    """Episodes of 4 steps in the one clip and of 64 in the other: after a while each has half of the steps."""
    ours, steps = sampler(), 0
    lengths = torch.tensor([4, 64])
    clips, _ = ours.draw(256)
    ages, played = torch.zeros(256, dtype=torch.long), torch.zeros(2)
    for step in range(4000):
        ages += 1
        over = ages >= lengths[clips]
        ours.ended(clips, over)
        if step >= 3000:
            played += torch.bincount(clips, minlength=2)
            steps += 256
        fresh, _ = ours.draw(256)
        clips, ages = torch.where(over, fresh, clips), torch.where(over, 0, ages)
    assert played[0].item() / steps == pytest.approx(0.5, abs=0.03)


def test_a_resumed_sampler_draws_the_same_with_any_number_of_envs() -> None:
    ours = sampler()
    ours.draw(7)
    ours.failed(torch.tensor([0, 1, 1]), torch.tensor([0.1, 0.2, 2.2]))
    ours.ended(torch.tensor([0, 1, 1]), torch.tensor([True, False, False]))
    ours.evaluated(torch.tensor([True, False]))
    saved, lots = ours.state(), ours.generator.get_state()
    expected = [ours.draw(5), ours.draw(300)]
    again = sampler()
    again.load(saved)
    again.generator.set_state(lots)
    for (clips, times), count in zip(expected, (5, 300)):
        found = again.draw(count)
        assert torch.equal(found[0], clips) and torch.equal(found[1], times)
    again.evaluated(torch.tensor([True, True]))
    assert torch.equal(saved["difficulty"], torch.tensor([0.999**200, 1.0]))  # the saved one is nobody else's


def test_a_state_of_other_clips_is_refused() -> None:
    other = ClipSampler(MotionLibrary([SHORT], KINEMATICS), torch.Generator())
    with pytest.raises(
        MotionError, match=r"the saved difficulty of the clips has 2 numbers, and these clips have 1"
    ):
        other.load(sampler().state())


def test_a_state_from_before_endings_were_counted_is_gone_on_with() -> None:
    ours = sampler()
    ours.failed(torch.tensor([0, 1, 1]), torch.tensor([0.1, 0.2, 2.2]))
    ours.evaluated(torch.tensor([True, False]))
    older = {name: value for name, value in ours.state().items() if name != "endings"}
    again = sampler()
    again.load(older)
    assert torch.equal(again.difficulty, ours.difficulty) and torch.equal(again.failures, ours.failures)
    assert again.endings.tolist() == pytest.approx([0.02, 0.02])
