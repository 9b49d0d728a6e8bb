"""Rows of robots: CSV, and the npz of BeyondMimic, mjlab and LocoMuJoCo, each of a known pose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motion_files import HALF, csv, leg

from rlkit.motion.clip import Clip, write_clip
from rlkit.motion.errors import MotionError
from rlkit.motion.pack import write_pack
from rlkit.motion.readers import Asked, read_all, read_any

YAWED = [HALF, 0.0, 0.0, HALF]  # wxyz: a quarter turn to the left


def clip(path: Path, **asked: Any) -> Clip:
    reading = read_all(path, Asked(**asked))
    assert len(reading.motions) == 1
    found = reading.motions[0]
    assert isinstance(found, Clip)
    return found


def test_csv_in_either_order_of_the_quaternion_is_the_same_motion(tmp_path: Path) -> None:
    wxyz = [0.965926, 0.0, 0.0, 0.258819]  # 30 degrees to the left
    rows = [[0.1, 0.2, 0.9, *wxyz, 0.1, 0.2, 0.3], [0.8, 0.2, 0.9, *wxyz, 0.1, 0.2, 0.4]]
    turned = [[*row[:3], *row[4:7], row[3], *row[7:]] for row in rows]
    robot = leg(tmp_path)
    first = clip(csv(tmp_path / "kimodo.csv", rows), robot=robot)
    second = clip(csv(tmp_path / "lafan.csv", turned), robot=robot)
    for found in (first, second):
        np.testing.assert_allclose(found.root_quat[1], wxyz, atol=1e-5)
        np.testing.assert_allclose(found.root_pos[1], [0.8, 0.2, 0.9], atol=1e-6)
        np.testing.assert_allclose(found.joint_pos[1], [0.1, 0.2, 0.4], atol=1e-6)
        assert found.entry.fps == 30.0
    assert first.entry.joints == ("left_hip_joint", "left_knee_joint", "right_hip_joint")
    assert first.entry.name == "kimodo"


def test_what_a_csv_does_not_say_is_told(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", [[0, 0, 1, *YAWED[:1], 0, 0, 0.5, 0, 0, 0]] * 2, header="some,heading")
    with pytest.raises(MotionError, match=r"quaternion of frame 0 has length"):
        clip(path, robot=leg(tmp_path), quat="wxyz")
    rows = [[0, 0, 1, *YAWED, 0, 0, 0]] * 2
    reading = read_all(csv(tmp_path / "b.csv", rows, "x,y"), Asked(robot=leg(tmp_path), quat="wxyz"))
    assert reading.notes == [
        "1 line of headings passed over",
        "30 frames a second, as LAFAN's and Kimodo's CSV have; the file does not say; --fps says otherwise",
    ]


def test_a_robot_that_faces_backwards_leaves_the_order_open(tmp_path: Path) -> None:
    rows = [[0, 0, 1, 0, 0, 0, 1, 0, 0, 0]] * 2  # wxyz: half a turn; xyzw: none. Both stand
    path = csv(tmp_path / "back.csv", rows)
    with pytest.raises(MotionError, match=r"--quat wxyz \(Kimodo\) or --quat xyzw"):
        clip(path, robot=leg(tmp_path))
    np.testing.assert_allclose(clip(path, robot=leg(tmp_path), quat="xyzw").root_quat[0], [1, 0, 0, 0])
    np.testing.assert_allclose(clip(path, robot=leg(tmp_path), quat="wxyz").root_quat[0], [0, 0, 0, 1])


def test_headings_name_the_order_of_quaternion_and_joints(tmp_path: Path) -> None:
    names = "root_x,root_y,root_z,root_qx,root_qy,root_qz,root_qw,right_hip,left_hip,left_knee"
    found = clip(
        csv(tmp_path / "a.csv", [[0, 0, 1, 0, 0, 0, 1, 0.3, 0.1, 0.2]] * 2, names), robot=leg(tmp_path)
    )
    np.testing.assert_allclose(found.joint_pos[0], [0.1, 0.2, 0.3], atol=1e-7)
    np.testing.assert_allclose(found.root_quat[0], [1, 0, 0, 0])


def test_26_columns_are_an_h1(tmp_path: Path) -> None:
    rows = [
        [x, 0, 1, 0, 0, 0, 1, *np.arange(19) / 100] for x in (0, 1)
    ]  # it walks along x, which xyzw has it face
    reading = read_all(csv(tmp_path / "a.csv", rows), Asked(fps=50.0, loop=True))
    found = reading.motions[0]
    assert isinstance(found, Clip)
    assert (found.entry.robot, found.entry.fps, found.entry.loop) == ("h1", 50.0, True)
    assert dict(zip(found.entry.joints, found.joint_pos[0].round(4)))["right_elbow"] == np.float32(0.18)
    assert any("taken as robot h1" in note for note in reading.notes)


def test_signs_of_quaternions_do_not_jump(tmp_path: Path) -> None:
    rows = [[0, 0, 1, sign, 0, 0, 0, 0, 0, 0] for sign in (1, -1, -1, 1)]
    found = clip(csv(tmp_path / "a.csv", rows), robot=leg(tmp_path), quat="wxyz")
    np.testing.assert_allclose(found.root_quat, [[1, 0, 0, 0]] * 4)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([0, 0, 95, 1, 0, 0, 0, 0, 0, 0], "up to 95 m high; where these are centimetres, say --scale 0.01"),
        ([0, 0, 1, 1, 0, 0, 0, 45, 0, 0], "turns by 45 rad; are these degrees"),
        ([0, 0, 1, 1, 0, 0, 0, float("nan"), 0, 0], "frame 1 holds a value that is no number"),
        ([0, 0, 1, 1, 0, 0, 0, 0, 0], "line 2 has 9 columns, and those before it 10"),
    ],
)
def test_a_wrong_row_is_told(tmp_path: Path, row: list[float], said: str) -> None:
    good = [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    with pytest.raises(MotionError, match=said):
        clip(csv(tmp_path / "a.csv", [good, row]), robot=leg(tmp_path))


def test_columns_that_fit_no_robot_are_told(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", [[0, 0, 1, 1, 0, 0, 0, *[0] * 11]] * 2)
    with pytest.raises(MotionError, match=r"it has 11 joints \(h1 has 19.*--robot NAME or --robot MODEL.xml"):
        clip(path)
    with pytest.raises(MotionError, match="it has 11 joints, and robot leg has 3"):
        clip(path, robot=leg(tmp_path))


def tracking(path: Path, joints: list[list[float]], bodies: list[list[list[float]]], fps: Any) -> Path:
    quats = np.tile(np.array([1.0, 0, 0, 0]), (len(bodies), len(bodies[0]), 1))
    np.savez(path, fps=fps, joint_pos=joints, body_pos_w=bodies, body_quat_w=quats, joint_vel=joints)
    return path


# The left hip turned by a quarter about y: what hung 0.4 m below it lies 0.4 m behind it. base, left, left_shin, right
POSE = [[0.0, 0.0, 1.0], [0.0, 0.1, 1.0], [-0.4, 0.1, 1.0], [0.0, -0.2, 1.0]]


@pytest.mark.parametrize(
    ("joints", "said"),
    [([np.pi / 2, 0.2, 0.3], "as mjlab writes it"), ([np.pi / 2, 0.3, 0.2], "as Isaac Lab writes it")],
)
def test_the_order_of_joints_is_told_by_where_the_bodies_lie(
    tmp_path: Path, joints: list[float], said: str
) -> None:
    # a shin of the right leg, which would hang from its hip, tells the two apart
    text = Path(leg(tmp_path)).read_text()
    right = '<joint name="right_hip_joint" axis="0 1 0"/>'
    assert right in text
    robot = tmp_path / "two.xml"
    robot.write_text(
        text.replace(right, right + '<body name="right_shin" pos="0 0 -0.5"><geom size="0.05"/></body>')
    )
    # left hip 90 degrees; right hip 0.3 rad: 0.5 m below it, 0.3 rad behind
    pose = [*POSE, [-0.5 * np.sin(0.3), -0.2, 1.0 - 0.5 * np.cos(0.3)]]
    path = tracking(tmp_path / "a.npz", [joints] * 2, [pose] * 2, np.array([50]))
    reading = read_all(path, Asked(robot=str(robot)))
    found = reading.motions[0]
    assert isinstance(found, Clip)
    np.testing.assert_allclose(found.joint_pos[0], [np.pi / 2, 0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(found.root_pos[0], [0, 0, 1])
    assert found.entry.fps == 50.0
    assert any(said in note for note in reading.notes)


def test_bodies_that_lie_elsewhere_are_another_robot(tmp_path: Path) -> None:
    far = [[x, y, z - 0.3] for x, y, z in POSE[1:]]
    path = tracking(tmp_path / "a.npz", [[0.0, 0.0, 0.0]] * 2, [[POSE[0], *far]] * 2, 50.0)
    with pytest.raises(MotionError, match="is it of another robot"):
        clip(path, robot=leg(tmp_path))
    assert clip(path, robot=leg(tmp_path), joint_order="breadth").entry.frames == 2


def test_locomujoco_has_its_own_names_and_a_root_of_six_joints(tmp_path: Path) -> None:
    names = [
        "pelvis_tx",
        "pelvis_tz",
        "pelvis_ty",
        "pelvis_tilt",
        "pelvis_list",
        "pelvis_rotation",
        "back_bkz",
    ]
    for side in "lr":
        names += [f"hip_{turn}_{side}" for turn in ("rotation", "adduction", "flexion")]
        names += [f"knee_angle_{side}", f"ankle_angle_{side}"]
        names += [f"{side}_arm_sh{axis}" for axis in "yxz"]
    values = {f"q_{name}": np.zeros(3) for name in (*names, "left_elbow", "right_elbow", "l_arm_wry")}
    values["q_pelvis_tz"] += 0.5
    values["q_pelvis_tilt"] += np.pi / 2  # about -y
    values["q_hip_flexion_l"] += 0.25
    values["q_back_bkz"] -= 0.5
    np.savez(tmp_path / "a.npz", **values)  # pyright: ignore[reportArgumentType]
    reading = read_all(tmp_path / "a.npz")
    found = reading.motions[0]
    assert isinstance(found, Clip)
    assert reading.format == "locomujoco"
    joints = dict(zip(found.entry.joints, found.joint_pos[0].tolist()))
    assert {name for name, angle in joints.items() if angle} == {"left_hip_pitch", "torso"}
    assert (joints["left_hip_pitch"], joints["torso"]) == (0.25, -0.5)
    np.testing.assert_allclose(found.root_pos[0], [0, 0.5, 1.045], atol=1e-6)
    np.testing.assert_allclose(found.root_quat[0], [HALF, 0, -HALF, 0], atol=1e-6)
    assert any("no such joints: l_arm_wry" in note for note in reading.notes)


def test_own_clips_are_read(tmp_path: Path) -> None:
    made = clip(csv(tmp_path / "a.csv", [[0, 0, 1, *YAWED, 0.1, 0, 0]] * 2), robot=leg(tmp_path), quat="wxyz")
    write_clip(tmp_path / "b.npz", made)
    found = read_any(tmp_path / "b.npz")
    assert isinstance(found, Clip)
    np.testing.assert_array_equal(found.joint_pos, made.joint_pos)
    write_pack(tmp_path / "all.npz", [made, found])
    packed = read_all(tmp_path / "all.npz").motions
    assert [motion.name for motion in packed if isinstance(motion, Clip)] == ["a", "b"]
