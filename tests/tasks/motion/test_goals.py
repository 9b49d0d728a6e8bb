"""Goals by hand: a clip that glides along x at 0.5 m/s, a robot that is where its reference is, and places to reach."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from task_config import task_config
from test_track_motion import clip_file, tracker

from rlkit.motion.errors import MotionError
from rlkit.rotations import about_z, multiply
from rlkit.tasks.motion.goals_file import Goal, read_goals
from rlkit.tasks.motion.masks import Masks
from rlkit.tasks.motion.showing import Chosen
from rlkit.tasks.track_motion import TrackMotion

BODIES = ("pelvis", "torso_link", "left_hand")
TEXT = """
goals:
  - {time: 0.6, body: torso_link, position: [0.3, 0.1, 1.2], rotation: [0.0, 0, 0, 2e0]}
  - {time: 0.2, body: pelvis, position: [0.1, 0.0, 0.95]}
"""


def written(folder: Path, text: str = TEXT) -> str:
    (folder / "goals.yaml").write_text(text)
    return str(folder / "goals.yaml")


# The file.


def test_goals_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    file = written(tmp_path, TEXT.replace("2e0", "1.02"))
    assert read_goals(file, BODIES) == [
        Goal(0.2, "pelvis", (0.1, 0.0, 0.95), None),
        Goal(0.6, "torso_link", (0.3, 0.1, 1.2), (0.0, 0.0, 0.0, 1.0)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("goals: []", "lists no goals; write `goals:`"),
        ("a: [", "goals.yaml:1: "),
        ("goals: [pelvis]", "goal 1 has a time and a body, as in `- {time: 1.0"),
        ("goals: [{time: 1, body: pelvis, place: [1, 2, 3]}]", "unknown key place"),
        (
            "goals: [{time: 1, body: pelvic, position: [1, 2, 3]}]",
            "no target is of pelvic; did you mean pelvis?",
        ),
        ("goals: [{time: 0, body: pelvis, position: [1, 2, 3]}]", "its time is 0 s; it lies after"),
        ("goals: [{time: .nan, body: pelvis, position: [1, 2, 3]}]", "its time is a number, not nan"),
        ("goals: [{time: 1, body: pelvis}]", "give it a position, m, or a rotation"),
        ("goals: [{time: 1, body: pelvis, position: [1, 2]}]", "its position, m, is 3 numbers, not "),
        ("goals: [{time: 1, body: pelvis, position: [1, 2, true]}]", "its position, m, is 3 numbers, not "),
        ("goals: [{time: 1, body: pelvis, rotation: [2, 0, 0, 0]}]", "has the length 2; a quaternion's is 1"),
        (
            "goals: [{time: 1, body: pelvis, position: [1, 2, 3]}, {time: 1, body: pelvis, rotation: [1, 0, 0, 0]}]",
            "goal 2: pelvis has another one at 1 s",
        ),
        ("goals: [!!python/object/apply:os.system [ls]]", "plain values only"),
    ],
)
def test_what_is_no_goal_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MotionError) as refused:
        read_goals(written(tmp_path, text), BODIES)
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"none\.yaml cannot be read: No such file"):
        read_goals(tmp_path / "none.yaml", BODIES)


# What the policy sees.


def going(tmp_path: Path, **masking: Any) -> tuple[TrackMotion, Masks, int]:
    """The task, its masks and the number of bodies; the robot's episode begins at 1 s of the clip, turned by 90°."""
    config = task_config("task=TrackMotion")
    masking = {"show": "goals", "goals": written(tmp_path, TEXT.replace("2e0", "1")), **masking}
    task = tracker(
        clip_file(tmp_path),
        2,
        observations=["masked_targets"],
        groups={"targets": ["body_targets"]},
        masking={**config["masking"], **masking},
        termination={"success": {"goals_reached": True}, "failure": {}},
    )
    masks = task.masks
    assert masks is not None
    masks.begin(torch.arange(2))
    masks.forget()
    return task, masks, len(masks.bodies)


def last_moment(task: TrackMotion, bodies: int) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Values `[b, 9]`, what is shown `[b, 2]` and how far ahead, of the first env."""
    values, shown, ahead = (
        task.masked_targets()[0].view(-1, 11 * bodies + 1)[-1].split((9 * bodies, 2 * bodies, 1))
    )
    return values.view(bodies, 9), shown.view(bodies, 2), ahead.item()


def step(task: TrackMotion) -> None:
    """A control step of a robot that stays where it is."""
    task.clip_time += task.control_period
    task.advance()


def test_the_next_goal_alone_is_seen_from_the_pelvis_until_it_is_due(tmp_path: Path) -> None:
    """The pelvis of the clip begins at x = 0.5 m; the first goal is 0.1 m ahead of it, at a height of 0.95 m."""
    task, masks, bodies = going(tmp_path)
    pelvis = task.pelvis_pos[0].clone()
    values, shown, ahead = last_moment(task, bodies)
    assert masks.visible[:, :-1].eq(0.0).all()  # nothing of the clip
    assert ahead == pytest.approx(0.2, abs=1e-5)
    assert shown[0].tolist() == [1.0, 0.0] and shown[1:].eq(0.0).all()
    torch.testing.assert_close(values[0, :3], torch.tensor([0.1, 0.0, 0.95 - pelvis[2].item()]))
    assert values[0, 3:].eq(0.0).all()
    for _ in range(10):
        step(task)
    values, shown, ahead = last_moment(task, bodies)
    torso = masks.bodies.index("torso_link")
    assert ahead == pytest.approx(0.4, abs=1e-5)
    assert shown[torso].tolist() == [1.0, 1.0] and shown.sum() == 2.0
    torch.testing.assert_close(values[torso, :3], torch.tensor([0.3, 0.1, 1.2 - pelvis[2].item()]))
    # half a turn about z: two columns of the rotation
    torch.testing.assert_close(values[torso, 3:], torch.tensor([-1.0, 0, 0, 0, -1.0, 0]), atol=1e-5, rtol=0.0)
    for _ in range(20):
        step(task)
    assert masks.visible.eq(0.0).all()  # none is left


def test_goals_lie_where_the_episode_begins_and_as_it_faces(tmp_path: Path) -> None:
    """Begun at (2, 1), facing along y: 0.1 m ahead is at (2, 1.1)."""
    task, masks, _ = going(tmp_path)
    assert masks.course is not None
    quarter = about_z(torch.tensor([torch.pi / 2, 0.0]))
    root = torch.tensor([[2.0, 1.0, 0.9]]).expand(2, 3)
    masks.course.begin(torch.arange(2), root, quarter, task.clip_time)
    everyone = torch.ones(2, dtype=torch.bool)
    due = masks.course.next(everyone, task.clip_time + 0.3)
    torso = masks.bodies.index("torso_link")
    torch.testing.assert_close(due, task.clip_time + 0.6)
    torch.testing.assert_close(masks.goals.position[0, torso], torch.tensor([1.9, 1.3, 1.2]))
    torch.testing.assert_close(masks.goals.position[1, torso], torch.tensor([2.3, 1.1, 1.2]))
    half = torch.tensor([0.0, 0.0, 0.0, 1.0])
    torch.testing.assert_close(masks.goals.rotation[0, torso], multiply(quarter[0], half))


def test_a_goal_is_shown_when_it_is_as_near_as_moments_are_in_training(tmp_path: Path) -> None:
    task, masks, _ = going(tmp_path, farthest=0.1)
    seen = []
    for _ in range(10):
        seen.append(bool(masks.visible[0].any()))
        step(task)
    assert seen == [False] * 5 + [True] * 5


def test_what_is_off_when_goals_are_due_is_told_and_decides(tmp_path: Path) -> None:
    """The first env's pelvis is 0.15 m off its goal, and its torso 0.3 m: a mean of 0.225 m, beyond 0.2 m."""
    task, masks, _ = going(tmp_path)
    torso = task.library.robot.bodies.index("torso_link")
    task.state.body_pos[:, 0] = torch.tensor([0.5 + 0.1, 0.0, 0.95])
    task.state.body_pos[:, torso] = torch.tensor([0.5 + 0.3, 0.1, 1.2])
    task.state.body_pos[0, 0, 1] += 0.15
    task.state.body_pos[0, torso, 2] += 0.3
    for _ in range(35):
        step(task)
    task.episode_step[:] = task.max_episode_length
    assert task.episode_facts()["error_goals"].tolist() == pytest.approx([0.225, 0.0], abs=1e-5)
    assert task.goals_reached().tolist() == [False, True]
    masks.begin(torch.tensor([1]))
    # Nothing was due yet: no number, which a mean over episodes leaves out and a table has last
    assert task.error_goals().tolist() == pytest.approx([0.225, math.nan], abs=1e-5, nan_ok=True)
    assert task.goals_reached().tolist() == [False, False]


def test_without_goals_nothing_is_told_of_them(tmp_path: Path) -> None:
    assert "error_goals" not in tracker(clip_file(tmp_path)).fact_terms


def test_a_goal_that_is_dragged_holds_for_its_env_alone(tmp_path: Path) -> None:
    """From the page: a foot of env 1 is to be at (1, 2, 0.3), whatever the file says, until another is looked at."""
    task, masks, bodies = going(tmp_path)
    foot = masks.bodies[2]
    task.show_targets(1, Chosen("goals", (foot,), {foot: (1.0, 2.0, 0.3)}))
    for number in range(3):
        shown = masks.masked()[1].view(-1, 11 * bodies + 1)[-1]
        assert masks.visible[1].sum() == 1.0 and masks.visible[1, -1, 2, 0] == 1.0
        offset = torch.tensor([1.0, 2.0, 0.3]) - task.pelvis_pos[1]
        torch.testing.assert_close(shown[18:21], offset)
        assert masks.far[0].item() == pytest.approx(task.clip_time[0].item() - 0.02 * number + 0.2, abs=1e-4)
        step(task)
    assert masks.course is not None
    masks.far[1] = task.clip_time[1]  # it is due: the file's goals are not judged by it
    step(task)
    assert masks.course.count.tolist() == [0.0, 0.0]
    task.show_targets(0, Chosen("all", masks.bodies))
    assert masks.visible[0].eq(1.0).all()
    assert masks.visible[1, -1, 0, 0] == 1.0 and masks.visible[1].sum() == 1.0  # the file's first goal again
