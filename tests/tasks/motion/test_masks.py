"""Hidden targets by hand: a clip that glides straight on, and a robot that is where its reference is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from task_config import task_config
from test_track_motion import clip_file, tracker

from rlkit.tasks.api import TaskError
from rlkit.tasks.motion.masks import Masks
from rlkit.tasks.motion.showing import Chosen
from rlkit.tasks.track_motion import TrackMotion

IDENTITY = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]  # two columns of it
BODIES, MOMENTS = 6, 4  # pelvis, torso, feet, hands; 0.02, 0.04, 0.16 s and one farther on


@pytest.fixture
def glide(tmp_path: Any) -> str:
    return clip_file(tmp_path)


def masked(motion: str, n: int = 1, **masking: Any) -> tuple[TrackMotion, Masks]:
    """The task with every robot where the clip is at 1 s, and its masks drawn for that moment."""
    config = task_config("task=TrackMotion")
    task = tracker(
        motion,
        n,
        observations=["masked_targets"],
        groups={"targets": ["body_targets"]},
        masking={**config["masking"], **masking},
    )
    assert task.masks is not None
    task.masks.begin(torch.arange(n))
    task.masks.forget()
    return task, task.masks


def parts(task: TrackMotion) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values `[M, b, 9]`, what is shown `[M, b, 2]` and how far ahead `[M]` of the first env's observation."""
    values, shown, ahead = (
        task.masked_targets()[0].view(MOMENTS, -1).split((9 * BODIES, 2 * BODIES, 1), dim=-1)
    )
    return values.view(MOMENTS, BODIES, 9), shown.view(MOMENTS, BODIES, 2), ahead[:, 0]


def test_all_shown_is_where_the_bodies_will_be_beside_the_pelvis(glide: str) -> None:
    """At 0.5 m/s the pelvis is 0.01, 0.02 and 0.08 m on at the three near moments."""
    task, masks = masked(glide, show="all", farthest=0.5)
    values, shown, ahead = parts(task)
    assert shown.eq(1.0).all()
    far = masks.far[0].item() - 1.0
    assert 0.16 <= far <= 0.5
    torch.testing.assert_close(ahead, torch.tensor([0.02, 0.04, 0.16, far]))
    for moment, time in enumerate([0.02, 0.04, 0.16, far]):
        expected = torch.tensor([0.5 * time, 0.0, 0.0, *IDENTITY])
        torch.testing.assert_close(values[moment, 0], expected, atol=1e-4, rtol=0.0)
    torso = task.state.body_pos[0, masks.task.library.robot.bodies.index("torso_link")] - task.pelvis_pos[0]
    torch.testing.assert_close(values[0, 1, :3], torso + torch.tensor([0.01, 0.0, 0.0]), atol=1e-4, rtol=0.0)
    whole = task.body_targets()[0].view(MOMENTS, -1)
    torch.testing.assert_close(whole, torch.cat((values.flatten(1), ahead[:, None]), dim=-1))


@pytest.mark.parametrize(
    ("masking", "bodies", "moments"),
    [
        ({"show": "head_and_hands"}, [1, 4, 5], [0, 1, 2, 3]),
        ({"show": "all", "only": ["left_ankle_link"]}, [2], [0, 1, 2, 3]),
        ({"show": "keyframes"}, [0, 1, 2, 3, 4, 5], [3]),
        ({"show": "keyframes", "only": ["pelvis"]}, [0], [3]),
    ],
)
def test_what_a_test_asks_for_is_shown_and_a_hidden_target_changes_nothing(
    glide: str, masking: dict[str, Any], bodies: list[int], moments: list[int]
) -> None:
    task, masks = masked(glide, **masking)
    values, shown, ahead = parts(task)
    wanted = torch.zeros(MOMENTS, BODIES, 2)
    for moment in moments:
        wanted[moment, bodies] = 1.0
    assert torch.equal(shown, wanted)
    assert (ahead > 0.0).tolist() == [moment in moments for moment in range(MOMENTS)]
    hidden = wanted[..., 0] == 0.0
    assert values[hidden].eq(0.0).all() and values[~hidden].abs().sum(dim=-1).gt(0.5).all()

    before = task.masked_targets()
    there, times = masks._look()
    masks._targets = there + 7.0 * hidden[..., None], times
    assert torch.equal(task.masked_targets(), before)
    assert not torch.equal(task.body_targets(), before)


def test_a_rotation_alone_hides_the_place(glide: str) -> None:
    task, masks = masked(glide, show="all")
    masks.visible[..., 0] = 0.0
    values, _, _ = parts(task)
    assert values[..., :3].eq(0.0).all() and values[0, 0, 3:].tolist() == pytest.approx(IDENTITY, abs=1e-4)


def test_keyframes_lie_at_whole_multiples_and_the_next_comes_when_one_has_passed(glide: str) -> None:
    task, masks = masked(glide, show="keyframes", every=0.4)
    assert masks.far.tolist() == pytest.approx([1.2])
    for step in range(1, 12):
        task.clip_time += 0.02
        task.refresh()
        task.advance()
        assert masks.far.tolist() == pytest.approx([1.2 if step < 10 else 1.6]), step


def test_masks_are_drawn_by_their_shares_and_never_hide_everything(glide: str) -> None:
    _, masks = masked(glide, 400, allShown=0.3, hidden=0.2)
    everything = masks.visible.flatten(1).eq(1.0).all(dim=-1)
    assert 0.25 < everything.float().mean() < 0.42  # all bodies, by chance with both parts, come on top
    some = masks.visible[~everything].sum(dim=(-1, -2))
    assert (some.sum(dim=-1) > 0.0).all()
    assert 0.15 < (some[:, :-1] == 0.0).float().mean() < 0.25
    _, alone = masked(glide, 50, allShown=0.0, hidden=1.0)
    assert alone.visible[:, :-1].eq(0.0).all() and alone.visible[:, -1].sum(dim=(-1, -2)).gt(0.0).all()
    _, whole = masked(glide, 50, allShown=1.0)
    assert whole.visible.eq(1.0).all()


def test_a_mask_stays_for_its_time(glide: str) -> None:
    task, masks = masked(glide, 50, hold=[0.1, 0.1], allShown=0.0)
    first = masks.visible.clone()
    for step in range(1, 6):
        task.clip_time += 0.02
        task.advance()
        assert torch.equal(masks.visible, first) == (step < 5), step


def test_an_env_that_is_looked_at_shows_what_is_chosen_and_the_others_do_not(glide: str) -> None:
    """The choice holds at once and from then on, for new episodes too, until another env is looked at."""
    task, masks = masked(glide, 3, show="all", only=["torso_link"], every=0.4)
    assert task.showing is not None
    assert (task.showing.show, task.showing.only) == ("all", ("torso_link",))
    task.show_targets(1, Chosen("keyframes", task.showing.bodies))
    ones = torch.ones(BODIES, 2)
    for _ in range(3):
        assert masks.visible[1, :-1].eq(0.0).all() and torch.equal(masks.visible[1, -1], ones)
        assert masks.far[1].item() == pytest.approx(1.2)
        assert masks.visible[[0, 2], :, 1].eq(1.0).all() and masks.visible[[0, 2], :, 0].eq(0.0).all()
        task.clip_time += 0.02
        task.advance()
    masks.begin(torch.arange(3))
    assert torch.equal(masks.visible[1, -1], ones) and masks.visible[1, :-1].eq(0.0).all()

    task.show_targets(1, Chosen("all", ("pelvis",)))
    wanted = torch.zeros(MOMENTS, BODIES, 2)
    wanted[:, 0] = 1.0
    assert torch.equal(
        task.masked_targets()[1].view(MOMENTS, -1)[:, 9 * BODIES : -1].flatten(), wanted.flatten()
    )

    task.show_targets(2, Chosen("head_and_hands", task.showing.bodies))
    assert masks.visible[2].sum(dim=(0, 2)).tolist() == [0.0, 8.0, 0.0, 0.0, 8.0, 8.0]
    assert masks.visible[1].sum(dim=(0, 2)).tolist() == [0.0, 8.0, 0.0, 0.0, 0.0, 0.0]  # as the settings say


def test_a_mask_that_is_drawn_for_a_look_stays_for_its_time_and_shows_no_other_body(glide: str) -> None:
    task, masks = masked(glide, 2, show="all", hold=[0.1, 0.1], allShown=1.0)
    task.show_targets(0, Chosen("drawn", ("pelvis",)))
    assert masks.visible[0].sum(dim=(0, 2)).tolist() == [8.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    masks.settings = {**masks.settings, "allShown": 0.0, "hidden": 1.0}
    for step in range(1, 6):
        task.clip_time += 0.02
        task.advance()
        assert bool(masks.visible[0, :-1].eq(0.0).all()) == (step == 5), step
        assert masks.visible[0, :, 1:].eq(0.0).all()


def test_who_does_not_look_at_them_has_no_masks(glide: str) -> None:
    """Nothing is drawn either: a training of before goes on bit by bit."""
    task = tracker(glide)
    assert task.masks is None and not any("masks" in name for name in task.memory())
    assert task.showing is None
    with pytest.raises(TaskError, match="TrackMotion hides no targets"):
        task.show_targets(0, Chosen("all", ()))


def test_masks_are_in_the_memory_of_the_task(glide: str) -> None:
    task, masks = masked(glide, 3)
    memory = task.memory()
    assert memory["masks_visible"] is masks.visible
    assert {"masks_far", "masks_left"} <= memory.keys()
