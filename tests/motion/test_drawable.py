"""Motions as models and states: where what is drawn lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from motion_files import HALF, leg

from rlkit.media import recording
from rlkit.media.motions import recording_of
from rlkit.media.viewers.playback import Episodes, Playback
from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.errors import MotionError
from rlkit.motion.robots import find_robot
from rlkit.motion.shown.described import facts, model_notes, table
from rlkit.motion.shown.drawable import drawable, lasting
from rlkit.motion.skeleton import SkeletonMotion

# A body whose two bones, 1 m each, point up and then to the left, and to the right in the second frame.
PERSON = SkeletonMotion(
    names=("hips", "chest", "hand"),
    parents=(-1, 0, 1),
    pos=np.array([[[0, 0, 1], [0, 0, 2], [0, 1, 2]], [[1, 0, 1], [1, 0, 2], [1, -1, 2]]], np.float32),
    quat=np.tile(np.array([1, 0, 0, 0], np.float32), (2, 3, 1)),
    fps=10.0,
    loop=False,
    source="a.bvh",
    licence="free",
)


def placed(mjcf: str, qpos: np.ndarray) -> tuple[Any, Any]:
    model = mujoco.MjModel.from_xml_string(mjcf)  # pyright: ignore[reportAttributeAccessIssue]
    data = mujoco.MjData(model)  # pyright: ignore[reportAttributeAccessIssue]
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)  # pyright: ignore[reportAttributeAccessIssue]
    return model, data


def test_a_loop_is_shown_for_a_while() -> None:
    """One metre a cycle, which lasts 0.2 s and turns by a quarter to the left: four cycles end where they began."""
    facts = {"fps": 10, "loop": True, "source": "made for tests", "licence": "free", "name": "square"}
    robot, half = find_robot("h1"), 0.5**0.5
    root_pos, joint_pos = np.array([[0, 0, 1], [0.5, 0, 1], [1.0, 0, 1]]), np.zeros((3, len(robot.joints)))
    joint_pos[1] = 0.1
    root_quat = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [half, 0, 0, half]])
    clip = make_clip(robot, root_pos, root_quat, joint_pos, **facts)  # type: ignore[arg-type]
    long = lasting(clip, 0.8)
    assert isinstance(long, Clip) and long.entry.frames == len(long.root_pos) == 9
    ways = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5], [0, 0]]
    np.testing.assert_allclose(long.root_pos, [[x, y, 1] for x, y in ways], atol=1e-6)
    np.testing.assert_allclose(np.abs(long.root_quat[2]), [half, 0, 0, half], atol=1e-6)
    assert long.joint_pos[:, 0].tolist() == pytest.approx([0, 0.1] * 4 + [0])
    assert lasting(PERSON, 9.0) is PERSON


@pytest.mark.parametrize("frame", [0, 1])
def test_a_stick_reaches_from_joint_to_joint(frame: int) -> None:
    mjcf, qpos = drawable(PERSON)
    model, data = placed(mjcf, qpos[frame])
    sticks = [index for index in range(model.ngeom) if model.geom_type[index] == 3]  # capsules
    assert len(sticks) == 2
    for stick, (start, end) in zip(sticks, ((0, 1), (1, 2))):
        middle = 0.5 * (PERSON.pos[frame, start] + PERSON.pos[frame, end])
        np.testing.assert_allclose(data.geom_xpos[stick], middle, atol=1e-6)
        along = data.geom_xmat[stick].reshape(3, 3)[:, 2]
        assert abs(along @ (PERSON.pos[frame, end] - PERSON.pos[frame, start])) == pytest.approx(
            1.0, abs=1e-6
        )
        assert model.geom_size[stick, 1] == pytest.approx(0.5)


def test_a_clip_is_drawn_on_its_robot(tmp_path: Path) -> None:
    robot = find_robot(leg(tmp_path))
    joints = np.array([[np.pi / 2, 0.0, 0.3]] * 2)
    clip = make_clip(
        robot, np.array([[1.0, 2.0, 3.0]] * 2), np.array([[HALF, 0, 0, HALF]] * 2), joints,
        fps=50.0, loop=False, source="mine", licence="free", name="a",
    )  # fmt: skip
    with pytest.raises(MotionError, match=r"clip a is of robot leg, .*--robot MODEL.xml"):
        drawable(clip)
    mjcf, qpos = drawable(clip, leg(tmp_path))
    model, data = placed(mjcf, qpos[0])
    # 0.4 m below the hip, turned behind it by the hip, and behind is -y after the root's quarter turn
    np.testing.assert_allclose(data.body("left_shin").xpos, [1 - 0.1, 2 - 0.4, 3], atol=1e-6)
    assert "drawn_ground" in [model.geom(index).name for index in range(model.ngeom)]
    assert model_notes(clip, leg(tmp_path)) == []
    text = Path(leg(tmp_path)).read_text()
    (tmp_path / "other.xml").write_text(text.replace("0 0 -0.4", "0 0 -0.5"))
    assert model_notes(clip, str(tmp_path / "other.xml")) == [
        "made for another model of the robot than today's: check it"
    ]


def test_a_motion_is_played_as_recordings_are(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    recording.save(path, recording_of("walk", *drawable(PERSON), period=0.1))
    playback = Playback(Episodes([path]))
    assert (playback.states, playback.period) == (2, pytest.approx(0.1))
    playback.advance()
    frame = playback.frame()
    assert (frame.time, frame.caption) == (pytest.approx(0.1), "walk")
    assert frame.qpos[0] == 1.0  # the first bone begins at the hips


def test_a_motion_is_told_in_words() -> None:
    said = dict(facts(PERSON))
    assert said["duration"] == "0.100 s, 2 frames at 10 Hz"
    assert said["goes"] == "1.00 m from start to end, 1.00 m on its way: 10.00 m/s"
    assert said["of"] == "a person with 3 joints"
    assert table(PERSON)[3] == ("hand", "chest", "2.000", "2.000", "22.4")  # it moves by (1, -2, 0) in 0.1 s
