"""A robot's clip as a person's motion, and then as another robot's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rlkit.motion.clip import read_clip
from rlkit.motion.collection import SHIPPED
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.retargeting import retarget
from rlkit.motion.retargeting.between import as_skeleton
from rlkit.motion.robots import find_robot

WALK = read_clip(SHIPPED / "h1" / "walk.npz")


def test_the_parts_of_a_robot_are_the_joints_of_its_skeleton() -> None:
    motion = as_skeleton(WALK)
    assert motion.names[0] == "pelvis" and {"left_knee", "right_hand", "torso"} <= {*motion.names}
    tree = {name: motion.names[parent] for name, parent in zip(motion.names[1:], motion.parents[1:])}
    assert tree["left_ankle"] == "left_knee" and tree["left_hip"] == "pelvis"
    assert tree["right_hand"] == "right_elbow" and tree["right_shoulder"] == "torso"
    assert (motion.fps, motion.loop, len(motion.pos)) == (50.0, True, 41)
    robot = find_robot("h1")
    arrays = (torch.from_numpy(array) for array in (WALK.root_pos, WALK.root_quat, WALK.joint_pos))
    bodies, _ = Kinematics(robot).poses(*arrays)
    ankle, elbow = (robot.bodies.index(name) for name in ("right_ankle_link", "left_elbow_link"))
    found = motion.pos[:, motion.names.index("right_ankle")]
    np.testing.assert_allclose(found, bodies[:, ankle].numpy(), atol=1e-5)
    hand = motion.pos[:, motion.names.index("left_hand")] - bodies[:, elbow].numpy()
    np.testing.assert_allclose(np.linalg.norm(hand, axis=-1), np.hypot(0.28, 0.015), atol=1e-5)


@pytest.mark.slow
def test_the_g1_walks_as_the_h1_does_in_its_own_size() -> None:
    motion = as_skeleton(WALK)
    clip, report = retarget(motion, "g1", map={part: part for part in motion.names})
    assert report.verdict.kind == "ok"
    assert (clip.entry.robot, clip.entry.loop, clip.entry.frames) == ("g1", True, 41)
    theirs, ours = (walk.root_pos[-1, :2] - walk.root_pos[0, :2] for walk in (WALK, clip))
    share = np.linalg.norm(ours) / np.linalg.norm(theirs)
    assert 0.6 < share < 0.9  # its legs are about three quarters as long
    theirs = as_skeleton(read_clip(SHIPPED / "h1" / "sidestep_right.npz"))
    clip, _ = retarget(theirs, "g1", map={part: part for part in theirs.names})
    shipped = read_clip(SHIPPED / "g1" / "sidestep_right.npz")
    np.testing.assert_allclose(clip.joint_pos, shipped.joint_pos, atol=0.05)
