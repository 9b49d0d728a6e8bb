"""What a library says of its clips at any time, against values reckoned by hand."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from motions import H1, even_clip
from needs import assert_cheap
from torch import Tensor

from rlkit.motion.clip import Clip
from rlkit.motion.errors import MotionError
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.library import MotionLibrary, MotionState
from rlkit.motion.robots import Robot
from rlkit.rotations import rotate
from rlkit.tasks.robots.humanoids import HUMANOIDS

KINEMATICS = Kinematics(H1)
# 1 m/s along a circle of 2 m, 0.5 rad/s; a cycle of 1 s.
CIRCLE = even_clip(speed=1.0, turning=0.5, name="circle")


def library(*clips: Clip, **settings: object) -> MotionLibrary:
    return MotionLibrary(clips, KINEMATICS, **settings)  # type: ignore[arg-type]


def at(motions: MotionLibrary, time: float, clip: int = 0) -> MotionState:
    return MotionState(*(value[0] for value in motions.state(torch.tensor([clip]), torch.tensor([time]))))


def close(found: Tensor, expected: object, atol: float = 1e-5) -> None:
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=found.dtype), atol=atol, rtol=0.0)


@pytest.mark.parametrize("time", [0.0, 0.013, 0.5, 0.99, 1.0, 1.01, 2.5, 7.777, -0.4, 100.25])
def test_a_loop_goes_on_along_its_circle(time: float) -> None:
    """Also across the seam, after 2.5 cycles, and before the beginning: an even motion has one velocity everywhere."""
    state = at(library(CIRCLE), time)
    yaw = 0.5 * time
    place = [2.0 * math.sin(yaw), 2.0 * (1.0 - math.cos(yaw)), 0.98]
    sign = math.copysign(1.0, float(state.root_quat[0]) * math.cos(yaw / 2))
    close(state.root_pos, place, atol=2e-4)
    close(sign * state.root_quat, [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])
    close(state.root_lin_vel, [math.cos(yaw), math.sin(yaw), 0.0], atol=1e-3)
    close(state.root_ang_vel, [0.0, 0.0, 0.5], atol=1e-4)
    left_hip = state.body_pos[H1.bodies.index("left_hip_yaw_link")]
    offset = rotate(state.root_quat, torch.tensor([0.0, 0.0875, -0.1742]))
    close(left_hip - state.root_pos, offset)


def test_straight_ahead_after_two_and_a_half_cycles() -> None:
    close(at(library(even_clip(speed=0.8)), 2.5).root_pos, [2.0, 0.0, 0.98])


def test_velocities_across_a_loops_seam_are_central() -> None:
    """x of 0, 1, 3, 6 m at 1 Hz: the frames 0 and 3 are the same moment, and step by 3 m and 1 m around it."""
    clip = even_clip(frames=4, fps=1.0)
    root_pos = np.zeros((4, 3), np.float32)
    root_pos[:, 0] = [0.0, 1.0, 3.0, 6.0]
    joints = np.zeros((4, 19), np.float32)
    joints[:, 2] = [0.0, 0.2, 0.3, 0.0]
    moving = Clip(clip.entry, root_pos, clip.root_quat, joints)
    looping, once = library(moving), library(replace(moving, entry=replace(clip.entry, loop=False)))
    speeds = [at(looping, float(t)).root_lin_vel[0].item() for t in range(4)]
    assert speeds == [2.0, 1.5, 2.5, 2.0]
    assert [at(once, float(t)).root_lin_vel[0].item() for t in range(4)] == [1.0, 1.5, 2.5, 3.0]
    # The joint steps by -0.3 rad before the seam and 0.2 rad behind it.
    close(at(looping, 0.0).joint_vel[2], -0.05)
    close(at(looping, 6.0).joint_vel[2], -0.05)
    close(at(once, 0.0).joint_vel[2], 0.2)
    close(at(once, 3.0).joint_vel[2], -0.3)
    # Halfway between frames: mixed evenly.
    close(at(looping, 1.5).root_pos[0], 2.0)
    close(at(looping, 1.5).root_lin_vel[0], 2.0)


def test_rotations_are_mixed_the_short_way_at_an_even_speed() -> None:
    """From 0 to 80 degrees about z, the second frame with the other sign: a quarter of the way is 20 degrees."""
    clip = even_clip(frames=2, fps=1.0, turning=math.radians(80.0), loop=False)
    turned = replace(clip, root_quat=clip.root_quat * np.array([[1], [-1]], np.float32))
    quat = at(library(turned), 0.25).root_quat
    close(quat, [math.cos(math.radians(10.0)), 0.0, 0.0, math.sin(math.radians(10.0))], atol=1e-6)
    close(at(library(turned), 0.25).root_ang_vel, [0.0, 0.0, math.radians(80.0)])


def test_a_clip_that_does_not_loop_stays_at_its_ends() -> None:
    motions = library(even_clip(speed=1.0, loop=False))
    close(at(motions, -3.0).root_pos, [0.0, 0.0, 0.98])
    close(at(motions, 9.0).root_pos, [1.0, 0.0, 0.98])
    ids = torch.zeros(3, dtype=torch.long)
    assert motions.ended(ids, torch.tensor([0.5, 0.999, 1.0])).tolist() == [False, False, True]
    assert not library(CIRCLE).ended(ids, torch.tensor([0.5, 1.0, 50.0])).any()


def test_clips_of_other_lengths_and_rates_do_not_touch_each_other() -> None:
    clips = (even_clip(speed=1.0, loop=False), even_clip(31, 30.0, speed=2.0), CIRCLE)
    motions = library(*clips)
    close(motions.durations, [1.0, 1.0, 1.0])
    for number, clip in enumerate(clips):
        for moment in (0.0, 0.3, 1.0, 1.7):
            for found, alone in zip(at(motions, moment, number), at(library(clip), moment)):
                torch.testing.assert_close(found, alone)


def test_future_states_are_those_of_later_times() -> None:
    motions = library(even_clip(speed=1.0, loop=False), CIRCLE)
    ids, times = torch.tensor([1, 0, 1]), torch.tensor([0.2, 0.95, 3.0])
    offsets = torch.tensor([0.02, 0.04, 0.16, 2.0])
    future = motions.future(ids, times, offsets)
    assert future.body_pos.shape == (3, 4, 20, 3) and future.joint_vel.shape == (3, 4, 19)
    for k, offset in enumerate(offsets):
        for whole, one in zip(future, motions.state(ids, times + offset)):
            torch.testing.assert_close(whole[:, k], one)
    close(future.root_pos[1, :, 0], [0.97, 0.99, 1.0, 1.0])
    now, soon = motions.now_and_soon(ids, times, offsets)
    for found, alone in zip(now, motions.state(ids, times)):
        torch.testing.assert_close(found, alone)
    for name in ("root_pos", "root_quat", "joint_pos"):
        torch.testing.assert_close(getattr(soon, name), getattr(future, name), atol=1e-5, rtol=1e-5)


def test_the_range_of_the_joints_is_that_of_all_frames() -> None:
    low, high = library(even_clip(speed=1.0, loop=False), CIRCLE).joint_range()
    joints = np.concatenate([even_clip(speed=1.0, loop=False).joint_pos, CIRCLE.joint_pos])
    close(low, joints.min(axis=0).tolist())
    close(high, joints.max(axis=0).tolist())


def test_another_rate_is_taken_at_load() -> None:
    motions = library(even_clip(121, 120.0, speed=1.0, loop=False), fps=50.0)
    close(at(motions, 0.5).root_pos, [0.5, 0.0, 0.98])
    assert motions._rows.shape[0] == 51


def test_every_clip_is_followed_by_its_mirror_image() -> None:
    """A left turn becomes a right one, and what the left hip does the right one does."""
    joints = CIRCLE.joint_pos.copy()
    joints[:, H1.joints.index("left_hip_roll")] = 0.3
    joints[:, H1.joints.index("left_knee")] = 0.7
    motions = library(
        replace(CIRCLE, joint_pos=joints), joint_mirror=HUMANOIDS["h1"].joint_mirror(), weights=[3.0]
    )
    assert motions.names == ("circle", "circle (mirror image)") and motions.weights.tolist() == [0.5, 0.5]
    plain, image = at(motions, 2.3), at(motions, 2.3, clip=1)
    flip = torch.tensor([1.0, -1.0, 1.0])
    close(image.root_pos, plain.root_pos * flip)
    close(image.root_lin_vel, plain.root_lin_vel * flip)
    close(image.root_ang_vel, plain.root_ang_vel * -flip)
    close(image.joint_pos[H1.joints.index("right_hip_roll")], -0.3)
    close(image.joint_pos[H1.joints.index("right_knee")], 0.7)
    left, right = (H1.bodies.index(f"{side}_ankle_link") for side in ("left", "right"))
    close(image.body_pos[right], plain.body_pos[left] * flip, atol=1e-4)


def test_the_fingerprint_is_of_the_content() -> None:
    name = library(CIRCLE).fingerprint
    assert name == library(replace(CIRCLE, root_pos=CIRCLE.root_pos.astype(np.float64))).fingerprint
    joints = CIRCLE.joint_pos.copy()
    joints[20, 3] += 1e-6
    changed = [
        library(replace(CIRCLE, joint_pos=joints)),
        library(replace(CIRCLE, entry=replace(CIRCLE.entry, loop=False))),
        library(replace(CIRCLE, entry=replace(CIRCLE.entry, fps=60.0))),
        library(CIRCLE, CIRCLE),
        library(CIRCLE, joint_mirror=HUMANOIDS["h1"].joint_mirror()),
    ]
    assert len({name, *(each.fingerprint for each in changed)}) == 6


def test_what_no_library_can_hold_is_refused() -> None:
    with pytest.raises(MotionError, match="needs a clip at least"):
        library()
    with pytest.raises(MotionError, match="weights of 1 clips are as many numbers from 0 on, not all 0"):
        library(CIRCLE, weights=[0.0])
    other = replace(CIRCLE, entry=replace(CIRCLE.entry, robot="g1"))
    with pytest.raises(
        MotionError, match="clip circle is not of the robot h1: it is of g1; rlkit motion retarget makes"
    ):
        library(other)
    names = tuple(name.replace("left_knee", "left_knees") for name in H1.joints)
    other = replace(CIRCLE, entry=replace(CIRCLE.entry, joints=names))
    with pytest.raises(MotionError, match="it has no joint left_knee; did you mean left_knees"):
        library(other)
    broken = CIRCLE.root_pos.copy()
    broken[7, 1] = np.nan
    with pytest.raises(
        MotionError, match="clip circle: root_pos is not finite in frame 7; rlkit motion check"
    ):
        library(replace(CIRCLE, root_pos=broken))
    with pytest.raises(MotionError, match=r"clip even: it is no loop: .*left_hip_yaw differs by 1.00 rad"):
        library(even_clip(joint_speed=1.0))
    with pytest.raises(MotionError, match="root_quat is no rotation in frame 0"):
        library(replace(CIRCLE, root_quat=2.0 * CIRCLE.root_quat))


@pytest.mark.slow
def test_a_lookup_asks_the_device_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device there are no numbers that could come to the host."""
    motions = library(CIRCLE, even_clip(loop=False))
    for name in ("_rows", "_facts", "durations", "loops"):
        setattr(motions, name, getattr(motions, name).to("meta"))
    motions._spans = type(motions._spans)(*(value.to("meta") for value in motions._spans))
    ids, times = torch.zeros(4, dtype=torch.long, device="meta"), torch.zeros(4, device="meta")
    assert motions.future(ids, times, torch.zeros(3, device="meta")).body_quat.shape == (4, 3, 20, 4)
    assert motions.ended(ids, times).shape == (4,)


@pytest.mark.slow
@pytest.mark.alone
def test_an_hour_takes_less_than_250_mb_and_two_seconds() -> None:
    from benchmarks.motion_library import hour

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        clips = hour()
        start = time.process_time()
        motions = MotionLibrary(clips, KINEMATICS)
        assert_cheap(time.process_time() - start, 2.0)
    finally:
        torch.set_num_threads(threads)
    assert motions.nbytes < 250e6
    assert motions.durations.sum().item() == pytest.approx(3600.0, rel=1e-3)


def test_a_robot_of_ones_own_makes_a_library() -> None:
    own = Robot("mine", H1.mjcf, H1.root, H1.joints, H1.bodies)
    clip = replace(CIRCLE, entry=replace(CIRCLE.entry, robot="mine"))
    assert len(MotionLibrary([clip], Kinematics(own))) == 1
