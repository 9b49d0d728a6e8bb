"""Clips of recordings, their parts, and the cycles found in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from motion_files import HALF, LEG, UPRIGHT, leg

from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.errors import MotionError
from rlkit.motion.recorded.clips import recorded
from rlkit.motion.recorded.seams import Seam, best_seam, looped
from rlkit.motion.robots import find_robot
from rlkit.rotations import about_z, multiply


def swinging(folder: Path, seconds: float, settling: float = 0.0, fps: float = 50.0) -> Clip:
    """A robot that walks 1 m/s along x with its hips swinging once a second; they begin settling rad too wide."""
    time = np.arange(round(seconds * fps) + 1) / fps
    swing = 0.5 * np.sin(2.0 * np.pi * time)
    width = 1.0 + settling * np.exp(-4.0 * time)
    joints = np.stack((width * swing, np.zeros_like(time), -width * swing), axis=-1)
    pos = np.stack((time, np.zeros_like(time), 1.0 + 0.02 * np.cos(4.0 * np.pi * time)), axis=-1)
    return make_clip(
        find_robot(leg(folder)), pos, np.tile(UPRIGHT, (len(time), 1)), joints,
        fps=fps, loop=False, source="test", licence="none", name="swing",
    )  # fmt: skip


def test_one_cycle_is_found_where_the_motion_has_settled(tmp_path: Path) -> None:
    seam = best_seam(swinging(tmp_path, 5.0, settling=1.0))
    assert seam.last - seam.first == 50
    assert seam.first > 100  # after 2 s the hips are 0.0003 rad too wide
    assert seam.gap < 1e-3


def test_a_half_cycle_is_none_though_the_pose_is_the_same(tmp_path: Path) -> None:
    """After half a second the hips are in the middle again, and swing the other way."""
    seam = best_seam(swinging(tmp_path, 3.0), shortest=0.4, longest=0.9)
    assert seam.last - seam.first > 35  # no whole cycle is allowed: the longest is nearest to one
    assert (
        best_seam(swinging(tmp_path, 3.0), shortest=1.2).last - best_seam(swinging(tmp_path, 3.0), 1.2).first
        == 100
    )


def test_a_cycle_becomes_an_exact_loop(tmp_path: Path) -> None:
    made = swinging(tmp_path, 3.0, settling=0.2)
    # it turns to the left by 1 rad/s, and leans back by 0.1 rad more and more
    time = np.arange(151) / 50.0
    yaw, lean = 0.5 * time, -0.05 * time / 3.0
    quat = np.stack((np.cos(yaw) * np.cos(lean), -np.sin(yaw) * np.sin(lean),
                     np.cos(yaw) * np.sin(lean), np.sin(yaw) * np.cos(lean)), axis=-1)  # fmt: skip
    loop = looped(replace(made, root_quat=quat.astype(np.float32)), Seam(25, 75, 0.0))
    assert loop.entry.loop and loop.entry.frames == 51
    np.testing.assert_allclose(loop.joint_pos[-1], loop.joint_pos[0], atol=1e-6)
    assert loop.root_pos[-1, 2] == pytest.approx(loop.root_pos[0, 2], abs=1e-6)
    assert loop.root_pos[-1, 0] - loop.root_pos[0, 0] == pytest.approx(1.0, abs=1e-6)
    # the last rotation is the first, turned by the second's 1 rad about the world's z
    first, last = (torch.from_numpy(loop.root_quat[frame]).double() for frame in (0, -1))
    moved = multiply(about_z(torch.tensor(1.0, dtype=torch.float64)), first)
    assert abs(float((moved * last).sum())) == pytest.approx(1.0, abs=1e-6)
    middle = np.abs(loop.joint_pos[25] - made.joint_pos[50]).max()
    assert middle < 1e-6  # nothing is moved halfway between the ends


def test_too_short_a_motion_is_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"clip swing lasts 0.30 s; a cycle of 0.4 s or more"):
        best_seam(swinging(tmp_path, 0.3))
    with pytest.raises(MotionError, match="--start and --end"):
        best_seam(swinging(tmp_path, 61.0))


# Another joint stands before the robot's root, and the robot's own are not in the order of its model.
SCENE = LEG.replace(
    "<worldbody>", '<worldbody><body name="door"><joint name="door" axis="0 0 1"/><geom size="0.1"/></body>'
)


def test_a_recording_is_read_by_the_names_of_its_joints(tmp_path: Path) -> None:
    # door, root 3 + 4, left hip, left knee, right hip
    qpos = np.array([[9.0, 1, 2, 3, HALF, 0, 0, HALF, 0.1, 0.2, 0.3]] * 2)
    made = recorded(SCENE, qpos, 50.0, robot=leg(tmp_path), name="a", source="run", licence="ours")
    np.testing.assert_allclose(made.root_pos[0], [1, 2, 3])
    np.testing.assert_allclose(made.root_quat[1], [HALF, 0, 0, HALF], atol=1e-6)
    np.testing.assert_allclose(made.joint_pos[0], [0.1, 0.2, 0.3], atol=1e-6)
    assert (made.entry.fps, made.entry.source, made.entry.licence) == (50.0, "run", "ours")


def test_a_scene_without_a_robot_is_told(tmp_path: Path) -> None:
    qpos = np.zeros((2, 11))
    with pytest.raises(MotionError, match=r"none of the robots h1.* is in the recorded model; .*--robot"):
        recorded(SCENE, qpos, 50.0, robot=None, name="a", source="run", licence="ours")
    with pytest.raises(MotionError, match="the model has no joint left_hip_yaw"):
        recorded(SCENE, qpos, 50.0, robot="h1", name="a", source="run", licence="ours")
    fixed = SCENE.replace("<freejoint/>", "")
    with pytest.raises(MotionError, match="a robot that is fixed to the world"):
        recorded(fixed, qpos, 50.0, robot=leg(tmp_path), name="a", source="run", licence="ours")
