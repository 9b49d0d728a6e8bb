"""Formats of people: rate, axes and the place of a joint, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motion_files import HALF, UPRIGHT, amc, bvh, deepmimic, poselib

from rlkit.motion.errors import MotionError
from rlkit.motion.readers import Asked, read_all
from rlkit.motion.readers.source import rate_of
from rlkit.motion.skeleton import SkeletonMotion

NONE = [0.0, 0.0, 0.0, 1.0]  # xyzw: no turn


def skeleton(path: Path, **asked: Any) -> SkeletonMotion:
    reading = read_all(path, Asked(**asked))
    assert len(reading.motions) == 1
    found = reading.motions[0]
    assert isinstance(found, SkeletonMotion)
    return found


def place(motion: SkeletonMotion, joint: str, frame: int = 0) -> list[float]:
    return [round(float(number), 5) + 0.0 for number in motion.pos[frame, motion.names.index(joint)]]


def turn(motion: SkeletonMotion, joint: str, frame: int = 0) -> list[float]:
    return [round(float(number), 5) + 0.0 for number in motion.quat[frame, motion.names.index(joint)]]


def test_deepmimic_has_y_up_x_forward_and_angles_about_z(tmp_path: Path) -> None:
    knee = 20  # 1 + 3 of the root, wxyz of root, chest, neck, right hip
    moved = {1: 1.0, 2: 2.0, 3: 3.0, knee: -np.pi / 2}
    found = skeleton(deepmimic(tmp_path / "walk.txt", [moved, {**moved, 1: 1.5}], loop="wrap"))
    assert (found.fps, found.loop) == (10.0, True)
    # forward 1, up 2, right 3 -> x 1, y -3, z 2; the right hip is 0.084887 to the right
    assert place(found, "root") == [1, -3, 2]
    assert place(found, "root", 1) == [1.5, -3, 2]
    assert place(found, "right_hip") == pytest.approx([1, -3.084887, 2], abs=1e-5)
    assert place(found, "right_knee") == pytest.approx([1, -3.084887, 2 - 0.421546], abs=1e-5)
    # bent by a quarter turn the shin points back
    assert place(found, "right_ankle") == pytest.approx([1 - 0.40987, -3.084887, 2 - 0.421546], abs=1e-5)
    assert place(found, "left_ankle") == pytest.approx([1, -3 + 0.084887, 2 - 0.831416], abs=1e-5)
    assert place(found, "neck") == pytest.approx([1, -3, 2 + 0.460045], abs=1e-5)
    # a bent knee turns about the axis to the left, ours y
    assert turn(found, "right_knee") == pytest.approx([HALF, 0, HALF, 0], abs=1e-5)
    assert turn(found, "left_knee") == UPRIGHT


def test_deepmimic_turns_about_its_up_are_ours_about_z(tmp_path: Path) -> None:
    left = {4: HALF, 5: 0.0, 6: HALF, 7: 0.0}  # a quarter turn about y, to the left
    found = skeleton(deepmimic(tmp_path / "a.json", [left, left]), loop=None)
    assert turn(found, "root") == pytest.approx([HALF, 0, 0, HALF], abs=1e-5)
    # its right now points ahead of where it faced: x
    assert place(found, "right_hip") == pytest.approx([0.08489, 0, 1], abs=1e-5)
    assert found.loop is False


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"Loop": "wrap", "Frames": [[1, 2], [1, 2]]}', "its frames have 2 numbers"),
        ('{"Loop": "wrap", "Frames": []}', "no list Frames of two frames"),
        ('{"Frames": [[0' + ", 0" * 43 + "], [0" + ", 0" * 43 + "]]}", "frame 0 lasts 0 s"),
    ],
)
def test_wrong_deepmimic_is_told(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(MotionError, match=said):
        skeleton(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("step", "rate"), [(0.033332, 30.0), (0.0083333, 120.0), (0.08, 12.5), (0.0416, 1 / 0.0416)]
)
def test_a_rate_of_few_digits_is_a_whole_number(step: float, rate: float) -> None:
    assert rate_of(step) == rate


def test_uneven_durations_are_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"last from 0.1 to 0.2 s"):
        skeleton(deepmimic(tmp_path / "a.txt", [{}, {0: 0.2}, {}, {}]))


# Position of the hips in cm, then Y X Z of the hips, Z X Y of the thigh, Z X Y of the spine, in degrees
ROW = [10.0, 100.0, 20.0, 90.0, 0.0, 0.0, 0.0, 90.0, 0.0, 0.0, 0.0, 0.0]


def test_bvh_takes_channels_in_their_order(tmp_path: Path) -> None:
    found = skeleton(bvh(tmp_path / "a.bvh", [ROW, ROW, ROW]))
    assert (found.fps, len(found.pos)) == (50.0, 3)
    assert found.names == ("Hips", "Thigh", "Thigh_end", "Spine", "Spine_end")
    # y up, z forward, x left, in cm: (10, 100, 20) is 0.2 ahead, 0.1 to the left, 1 up
    assert place(found, "Hips") == [0.2, 0.1, 1.0]
    # the hips turned by 90 about y face where x was: ours, to the left
    assert turn(found, "Hips") == pytest.approx([HALF, 0, 0, HALF], abs=1e-5)
    assert place(found, "Thigh") == [0.2, 0.1, 0.5]
    # the thigh turned by 90 about its x: what was below it is behind it, and behind is now our -y
    assert place(found, "Thigh_end") == pytest.approx([0.2, 0.1 - 0.4, 0.5], abs=1e-5)


def test_two_turns_of_a_bvh_do_not_commute(tmp_path: Path) -> None:
    both = [0.0, 0, 0, 0, 0, 0, 90.0, 90.0, 0, 0, 0, 0]  # the thigh's Z, then X about the turned x
    found = skeleton(bvh(tmp_path / "a.bvh", [both, both]), scale=1.0, up="z")
    # its end, (0, -40, 0): about x it goes to (0, 0, -40), about z it stays there. The other way round: (40, 0, 0)
    assert place(found, "Thigh_end") == pytest.approx([0, -50, -40], abs=1e-4)


@pytest.mark.parametrize(
    ("scale", "up", "hips"),
    [(None, None, [0.2, 0.1, 1.0]), (0.1, None, [2, 1, 10]), (0.01, "z", [0.1, 1.0, 0.2])],
)
def test_units_and_axes_of_a_bvh_are_guessed_or_given(
    tmp_path: Path, scale: float | None, up: str | None, hips: list[float]
) -> None:
    reading = read_all(bvh(tmp_path / "a.bvh", [ROW, ROW]), Asked(scale=scale, up=up))
    found = reading.motions[0]
    assert isinstance(found, SkeletonMotion)
    assert place(found, "Hips") == hips
    assert any("taken as centimetres: the skeleton measures 170" in note for note in reading.notes) == (
        not scale
    )
    assert any("y taken as up" in note for note in reading.notes) == (not up)


def test_a_skeleton_of_no_likely_size_is_told(tmp_path: Path) -> None:
    path = bvh(tmp_path / "a.bvh", [ROW, ROW])
    path.write_text(
        path.read_text().replace(" -50 0", " -5 0").replace(" 80 0", " 8 0").replace(" -40 0", " -4 0")
    )
    with pytest.raises(MotionError, match=r"measures 17 units, .* --scale 0.0254 for inches"):
        skeleton(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Frames: 2", "Frames: 3", "24 numbers for 3 frames of 12"),
        ("Frames: 2", "Frames: 999999999", "24 numbers for 999,999,999 frames"),
        ("MOTION", "", "no MOTION"),
        ("Xrotation Yrotation\n    End", "Wrotation Yrotation\n    End", "a channel Wrotation"),
        ("CHANNELS 3 Z", "CHANNELS 33333333 Z", "33333333 channels"),
        ("Frame Time: 0.02", "Frame Time: 0", "2 frames of 0 s"),
        ("JOINT Thigh", "JOINT", "HIERARCHY"),
        ("100.0", "nan", "frame 0 holds a number that is no number"),
    ],
)
def test_wrong_bvh_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = bvh(tmp_path / "a.bvh", [ROW, ROW])
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(MotionError, match=said):
        skeleton(path)


def test_amc_turns_bones_about_their_own_axes(tmp_path: Path) -> None:
    frame = "root 1 2 3 0 90 0\nthigh 90 0 0\nshin 0"
    found = skeleton(amc(tmp_path / "11_01.amc", [frame, frame]))
    assert found.fps == 120.0
    assert found.names == ("root", "hip", "thigh", "shin", "shin_end")
    # a unit of length is an inch / 0.0254 = 1 m; (1, 2, 3) is 3 ahead, 1 to the left, 2 up
    assert place(found, "root") == [3, 1, 2]
    # the hip's bone points along x, to the left; the root turned by 90 about y has it point to -z, behind
    assert place(found, "thigh") == pytest.approx([3 - 0.1, 1, 2], abs=1e-5)
    # the thigh's x axis is the skeleton's y: turning about it leaves the thigh down, and the shin too
    assert place(found, "shin") == pytest.approx([2.9, 1, 1.6], abs=1e-5)
    assert place(found, "shin_end") == pytest.approx([2.9, 1, 1.3], abs=1e-5)


def test_amc_bends_a_knee(tmp_path: Path) -> None:
    frame = "root 0 1 0 0 0 0\nshin 90"
    found = skeleton(amc(tmp_path / "1_1.amc", [frame, frame]), fps=60.0)
    assert found.fps == 60.0
    assert place(found, "thigh") == pytest.approx([0, 0.1, 1], abs=1e-5)
    # y turned by 90 about x is z: what points down points back
    assert place(found, "shin_end") == pytest.approx([-0.3, 0.1, 0.6], abs=1e-5)


def test_amc_turns_about_x_first(tmp_path: Path) -> None:
    frame = "root 0 0 0 90 0 90"  # x, then z, both fixed: the hip's bone along x stays, then goes to y, up
    found = skeleton(amc(tmp_path / "1_1.amc", [frame, frame]))
    assert place(found, "thigh") == pytest.approx([0, 0, 0.1], abs=1e-5)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (["root 0 0 0 0 0 0", "tail 1"], "`tail 1` fits no bone"),
        (["root 0 0 0 0 0 0", "shin 1 2"], "`shin 1 2` fits no bone"),
        (["root 0 0 0 0 0 0"], "1 frames"),
        (["root 0 0 0 0 0 0", "shin x"], "could not convert"),
        (["root 0 0 0 0 0 0", "shin nan"], "frame 1 holds a"),
    ],
)
def test_wrong_amc_is_told(tmp_path: Path, frames: list[str], said: str) -> None:
    with pytest.raises(MotionError, match=said):
        skeleton(amc(tmp_path / "1_1.amc", frames))


def test_amc_without_its_skeleton_is_told(tmp_path: Path) -> None:
    path = amc(tmp_path / "1_1.amc", ["root 0 0 0 0 0 0"] * 2)
    moved = (tmp_path / "1.asf").rename(tmp_path / "mine.txt")
    with pytest.raises(MotionError, match=r"0 skeletons .* --skeleton FILE.asf"):
        skeleton(path)
    assert len(skeleton(path, skeleton=moved).names) == 5
    with pytest.raises(MotionError, match=r"skeleton without motion; give the .amc"):
        skeleton(moved)


def test_poselib_multiplies_turns_from_parent_to_child(tmp_path: Path) -> None:
    bent = [HALF * value for value in (0, 1, 0, 1)]  # xyzw: a quarter about y
    path = poselib(tmp_path / "a.npy", [[NONE, bent, NONE]] * 2, [[1, 2, 3]] * 2)
    found = skeleton(path)
    assert (found.fps, found.names) == (60.0, ("pelvis", "shin", "foot"))
    assert place(found, "pelvis") == [1, 2, 3]
    assert place(found, "shin") == [1, 2, 2.5]
    assert place(found, "foot") == pytest.approx([1 - 0.4, 2, 2.5], abs=1e-5)
    assert turn(found, "foot") == pytest.approx([HALF, 0, HALF, 0], abs=1e-5)
    globally = skeleton(poselib(tmp_path / "b.npy", [[NONE, bent, bent]] * 2, [[1, 2, 3]] * 2, local=False))
    np.testing.assert_allclose(globally.pos, found.pos, atol=1e-6)
    np.testing.assert_allclose(globally.quat, found.quat, atol=1e-6)


@pytest.mark.parametrize(
    ("rotation", "root", "said"),
    [
        ([[NONE] * 2] * 2, [[0, 0, 0]] * 2, r"rotation is \[2, 2, 4\]; 2 frames of 3 bodies"),
        ([[NONE] * 3] * 2, [[0, 0, 0]] * 3, r"rotation is \[2, 3, 4\]; 3 frames of 3"),
        ([[NONE] * 2 + [[0, 0, 0, 5]]] * 2, [[0, 0, 0]] * 2, "length"),
        ([[NONE] * 3] * 2, [[0, 0, np.inf]] * 2, "frame 0 holds a position that is no number"),
    ],
)
def test_wrong_poselib_is_told(tmp_path: Path, rotation: Any, root: Any, said: str) -> None:
    with pytest.raises(MotionError, match=said):
        skeleton(poselib(tmp_path / "a.npy", rotation, root))


def body_model(path: Path) -> Path:
    """22 vertices that are the joints; the spine goes up, the legs down, the arms to the sides."""
    rest = np.zeros((22, 3))
    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
    rest[4] = [0.0, -0.4, 0.0]  # the left knee, below the left hip
    rest[7] = [0.0, -0.8, 0.0]
    shapes = np.zeros((22, 3, 2))
    shapes[4, 1, 0] = -0.1
    np.savez(
        path, v_template=rest, J_regressor=np.eye(22), kintree_table=[parents, range(22)], shapedirs=shapes
    )
    return path


def test_amass_needs_the_users_own_body_model(tmp_path: Path) -> None:
    poses = np.zeros((2, 156))
    poses[:, 12] = np.pi / 2  # the left knee, the fourth joint, about its x
    np.savez(
        tmp_path / "a.npz",
        poses=poses,
        trans=[[1, 2, 3]] * 2,
        mocap_framerate=120.0,
        betas=[1.0, 0],
        gender="neutral",
    )
    with pytest.raises(MotionError, match=r"register at https://smpl.is.tue.mpg.de .*--skeleton model.npz"):
        skeleton(tmp_path / "a.npz")
    found = skeleton(tmp_path / "a.npz", skeleton=body_model(tmp_path / "smplh.npz"))
    assert found.fps == 120.0
    # not turned, a body of SMPL's lies on its back in a world with z up: its up, y, is the world's y
    assert place(found, "pelvis") == [1, 2, 3]
    assert place(found, "left_knee") == pytest.approx([1, 2 - 0.5, 3], abs=1e-5)
    # the bone below the knee, 0.3 along -y, turned by 90 about x: -z
    assert place(found, "left_ankle") == pytest.approx([1, 1.5, 3 - 0.3], abs=1e-5)
    # its axes are ours: x where it faces (the world's z), z where its head is (the world's y)
    assert turn(found, "pelvis") == pytest.approx([0.5, -0.5, -0.5, -0.5], abs=1e-5)
    with pytest.raises(MotionError, match=r"the body model .* cannot be read"):
        skeleton(tmp_path / "a.npz", skeleton=tmp_path / "no.npz")
    with pytest.raises(MotionError, match=r"it has no .*J_regressor|it has no kintree|it has no v_template"):
        skeleton(tmp_path / "a.npz", skeleton=tmp_path / "a.npz")


@pytest.mark.parametrize(
    "order", [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4], [0, 1, 1, 2, 2, 3, 3, 4, 4], [0, 0, 1, 1, 2, 2, 3, 3, 4]]
)
def test_frames_that_are_there_twice_are_read_once_at_half_the_rate(tmp_path: Path, order: list[int]) -> None:
    """5 places 0.1 m apart, each twice at 60 Hz: 4 steps of a thirtieth of a second, whichever way the pairs begin."""
    path = poselib(tmp_path / "a.npy", [[NONE] * 3] * len(order), [[0.1 * step, 0.0, 1.0] for step in order])
    reading = read_all(path)
    (found,) = reading.motions
    assert isinstance(found, SkeletonMotion)
    assert found.pos[:, 0, 0].tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert (found.fps, found.duration) == (30.0, pytest.approx(4 / 30))
    assert reading.notes == ["each frame is there twice: read once, at 30 frames a second instead of 60"]


@pytest.mark.parametrize("order", [[0] * 10, [0, 0, 0, 0, 0, 0, 1, 2, 3, 4], [0, 0, 1, 1, 2, 3, 4, 5, 6, 7]])
def test_who_stands_still_for_a_while_keeps_his_frames(tmp_path: Path, order: list[int]) -> None:
    path = poselib(tmp_path / "a.npy", [[NONE] * 3] * 10, [[0.1 * step, 0.0, 1.0] for step in order])
    found = skeleton(path)
    assert (len(found.pos), found.fps) == (10, 60.0)
