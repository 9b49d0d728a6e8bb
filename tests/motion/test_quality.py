"""What is measured of clips by hand, and the verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from motions import H1, even_clip

from rlkit.motion.clip import Clip
from rlkit.motion.differences import spans_of
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.quality import Report, check_clip, cut
from rlkit.motion.soles import Soles
from rlkit.rotations import rotate

KINEMATICS = Kinematics(H1, dtype=torch.float64)
# Legs straight, an H1's soles are .1742 + .4 + .4 + .07 m below its pelvis.
STANDING = 1.0442
LEFT_KNEE = H1.joints.index("left_knee")


def clip_at(height: float, frames: int = 101, loop: bool = False, **motion: float) -> Clip:
    clip = even_clip(frames, loop=loop, **motion)  # type: ignore[arg-type]
    root_pos = clip.root_pos.copy()
    root_pos[:, 2] = height
    return replace(clip, root_pos=root_pos)


def with_joint(clip: Clip, frames: slice, angle: float) -> Clip:
    joint_pos = clip.joint_pos.copy()
    joint_pos[frames, LEFT_KNEE] = angle
    return replace(clip, joint_pos=joint_pos)


def checked(clip: Clip) -> Report:
    return check_clip(clip, KINEMATICS)


def test_soles_of_h1_are_the_ends_of_three_capsules_a_foot() -> None:
    assert len(Soles(H1)) == 12


def test_standing_is_ok_and_its_soles_are_on_the_ground() -> None:
    report = checked(clip_at(STANDING))
    assert report.verdict == "ok" and report.usable and not report.problems
    assert report.measured["sole_median"] == pytest.approx(0.0, abs=2e-4)
    assert report.measured["skate_5mm"] == pytest.approx(0.0, abs=1e-6)
    assert report.lines()[:2] == ["even: ok", "  101 frames at 50 Hz, 2.00 s"]


def test_sliding_soles_are_measured_and_a_floating_robot_is_told() -> None:
    sliding = checked(clip_at(STANDING + 0.007, speed=0.3))
    assert "skate_5mm" not in sliding.measured
    assert sliding.measured["skate_10mm"] == pytest.approx(0.3, abs=1e-5)
    assert "touching soles slide at 0.30 m/s within 10 mm" in sliding.notes[-1]
    floating = checked(clip_at(STANDING + 0.25))
    assert floating.verdict == "ok" and "it is above the ground: shift its root by -0.250 m" in floating.notes
    assert "skate_10mm" not in floating.measured


def test_rotations_that_were_read_in_another_order_are_told() -> None:
    """An upright root's (1, 0, 0, 0), read the other way round, is (0, 0, 0, 1) with a turn about z: upright still; one
    that leans a little, wxyz = (0.995, 0, 0.1, 0), becomes (0, 0.1, 0, 0.995); (0, 0.995, 0, 0.1) is upside down."""
    upright = clip_at(STANDING)
    wrong = replace(upright, root_quat=np.tile(np.array([0.0, 0.995, 0.0, 0.1], np.float32), (101, 1)))
    told = "it is upside down in 100% of the frames"
    assert any(note.startswith(told) for note in checked(wrong).notes)
    assert not any("upside down" in note for note in checked(upright).notes)


def test_a_foot_that_rolls_does_not_skate() -> None:
    """Balls of 14 mm under a foot that turns about y at 1 rad/s, the ankle moving so that the lowest ball rolls."""
    soles = Soles(H1)
    frames, fps = 11, 100.0
    time = torch.arange(frames, dtype=torch.float64) / fps
    pitch = time - time[5]
    quat = torch.zeros(frames, len(H1.bodies), 4, dtype=torch.float64)
    quat[..., 0], quat[..., 2] = (pitch[:, None] / 2).cos(), (pitch[:, None] / 2).sin()
    pos = torch.zeros(frames, len(H1.bodies), 3, dtype=torch.float64)
    spans = spans_of(pos[:, 0], quat[:, 0], [frames], [fps], [False])
    centre = rotate(quat[:, 0], soles.points[0].expand(frames, 3))
    pos[..., 0] = (soles.radii[0] * pitch - centre[:, 0])[:, None]
    assert soles.speeds(pos, quat, spans)[5, 0].item() == pytest.approx(0.0, abs=1e-5)


def test_a_jump_at_the_end_is_cut_off() -> None:
    report = checked(with_joint(clip_at(STANDING), slice(81, None), 1.5))
    assert (report.verdict, report.keep) == ("cut 0..80", (0, 80))
    assert report.problems == ("left_knee turns at 75 rad/s behind frame 80",)
    assert checked(cut(with_joint(clip_at(STANDING), slice(81, None), 1.5), 0, 80)).verdict == "ok"


def test_nothing_long_enough_is_left() -> None:
    report = checked(with_joint(clip_at(STANDING), slice(45, 55), 1.5))
    assert report.verdict == "refused" and report.keep is None and not report.measured
    report = checked(with_joint(clip_at(STANDING, frames=31), slice(10, None), 1.5))
    assert report.verdict == "refused"  # 0.4 s are left


def test_numbers_that_are_none_are_named_and_cut_off() -> None:
    clip = clip_at(STANDING)
    root_pos, root_quat = clip.root_pos.copy(), clip.root_quat.copy()
    root_pos[3, 0] = np.nan
    root_quat[5] = 0.0
    report = checked(replace(clip, root_pos=root_pos, root_quat=root_quat))
    assert report.verdict == "cut 6..100"
    assert report.problems == (
        "numbers are not finite in 1 of its frames, first in 3",
        "root_quat is no rotation in 1 of its frames, first in 5",
    )
    root_pos[:] = np.inf
    assert checked(replace(clip, root_pos=root_pos)).verdict == "refused"


def test_a_joint_at_its_limit_is_told_with_its_share() -> None:
    """The knee's range ends at 2.05 rad; 30 of 101 frames are there, reached slowly."""
    clip = with_joint(clip_at(STANDING), slice(71, None), 2.05)
    joint_pos = clip.joint_pos.copy()
    joint_pos[:71, LEFT_KNEE] = np.linspace(0.0, 2.0, 71)
    report = checked(replace(clip, joint_pos=joint_pos))
    assert report.verdict == "cut 0..70"
    assert report.problems == ("at a limit in many of its frames: left_knee 30%",)


def test_a_root_that_jumps_is_told() -> None:
    clip = clip_at(STANDING)
    root_pos = clip.root_pos.copy()
    root_pos[20:, 0] += 1.0
    report = checked(replace(clip, root_pos=root_pos))
    assert report.verdict == "cut 20..100"
    assert report.problems == ("the root jumps behind frame 19, at 50 m/s",)


def test_a_loop_that_does_not_close_is_no_loop() -> None:
    clip = with_joint(clip_at(STANDING, loop=True), slice(None), 0.0)
    joint_pos = clip.joint_pos.copy()
    joint_pos[:, LEFT_KNEE] = np.linspace(0.0, 0.5, 101)
    report = checked(replace(clip, joint_pos=joint_pos))
    assert report.verdict == "refused"
    assert report.problems == (
        "it is no loop: between its last frame and its first, left_knee differs by 0.50 rad; write it with loop: false",
    )
    assert checked(clip_at(STANDING, loop=True, speed=1.0, turning=0.4)).verdict == "ok"


def test_another_model_and_a_low_rate_are_noted() -> None:
    clip = clip_at(STANDING)
    odd = replace(clip, entry=replace(clip.entry, model="0" * 16, fps=5.0))
    notes = " ".join(checked(odd).notes)
    assert "made for another model of h1" in notes and "5 frames a second are few" in notes
