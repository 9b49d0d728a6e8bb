"""Style inputs and re-anchoring by hand, and the rotations that they are made of."""

from __future__ import annotations

import math

import pytest
import torch
from motions import H1, even_clip
from torch import Tensor

from rlkit.motion.errors import MotionError
from rlkit.motion.features import anchored, body_indices, differences, style_features, style_size
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.library import MotionLibrary, MotionState
from rlkit.rotations import (
    about_z,
    from_rotation_vector,
    heading,
    multiply,
    rotate,
    rotation_vector,
    six_d,
    slerp,
    squared_angle,
    turn_about_z,
    yaw,
)

HALF = math.sqrt(0.5)


def close(found: Tensor, expected: object, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found, torch.as_tensor(expected, dtype=found.dtype), atol=atol, rtol=0.0)


def test_features_do_not_know_where_it_stands_or_faces() -> None:
    """1 m/s along a circle, 0.5 rad/s: ahead at 1 m/s at any time, upright, all joints turning at 2 rad/s."""
    clip = even_clip(speed=1.0, turning=0.5, joint_speed=2.0, loop=False)
    library = MotionLibrary([clip], Kinematics(H1))
    ids, times = torch.zeros(3, dtype=torch.long), torch.tensor([0.2, 0.5, 0.9])
    features = style_features(library.state(ids, times), body_indices(H1, H1.keys))
    assert features.shape == (3, 63) and style_size(H1) == 63
    upright, ahead, turning = [1, 0, 0, 0, 1, 0], [1, 0, 0], [0, 0, 0.5]
    close(features[:, :13], [[0.98, *upright, *ahead, *turning]] * 3, atol=1e-3)
    close(features[:, 13:32], (2.0 * times)[:, None].expand(3, 19).tolist(), atol=1e-5)
    close(features[:, 32:51], [[0.2] * 19] * 3, atol=1e-4)
    still = MotionLibrary([even_clip()], Kinematics(H1)).state(ids[:1], times[:1])
    ankle = style_features(still, body_indices(H1, H1.keys))[0, 51:54]
    close(ankle, [0.039468, 0.0875 + 0.11536, -0.1742 - 0.4 - 0.4], atol=1e-5)


def test_an_unknown_body_is_told() -> None:
    with pytest.raises(MotionError, match="robot h1 has no body left_ankle; did you mean left_ankle_link"):
        body_indices(H1, ["left_ankle"])


def test_the_reference_is_moved_to_the_robot() -> None:
    """The robot at (5, 5, 0.9), a quarter turn to the left of the reference, and leaning, which changes nothing."""
    robot = multiply(about_z(torch.tensor(math.pi / 2)), from_rotation_vector(torch.tensor([0.0, 0.3, 0.0])))
    ref_pos, ref_quat = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 0.0, 0.0, 0.0])
    body_pos, body_quat = torch.tensor([[2.0, 2.0, 0.5], [1.0, 2.0, 1.0]]), ref_quat.repeat(2, 1)
    pos, quat = anchored(torch.tensor([5.0, 5.0, 0.9]), robot, ref_pos, ref_quat, body_pos, body_quat)
    close(pos, [[5.0, 6.0, 0.5], [5.0, 5.0, 1.0]])
    close(quat, [[HALF, 0.0, 0.0, HALF]] * 2)


def test_yaw_and_heading_are_of_the_x_axis() -> None:
    tilted = multiply(about_z(torch.tensor(2.0)), from_rotation_vector(torch.tensor([0.4, 0.0, 0.0])))
    close(yaw(tilted), 2.0)
    close(heading(tilted), about_z(torch.tensor(2.0)))


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 0.5, 3.0])
def test_rotation_vectors_there_and_back(angle: float) -> None:
    vector = angle * torch.tensor([2.0, -1.0, 2.0], dtype=torch.float64) / 3.0
    close(rotation_vector(from_rotation_vector(vector)), vector, atol=1e-12)
    close(rotation_vector(-from_rotation_vector(vector)), vector, atol=1e-12)


def test_the_long_way_round_becomes_the_short_one() -> None:
    """Three quarters to the left are a quarter to the right."""
    close(rotation_vector(about_z(torch.tensor(1.5 * math.pi))), [0.0, 0.0, -math.pi / 2])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_slerp_goes_evenly_the_short_way(sign: float) -> None:
    start, end = about_z(torch.tensor(0.2)), sign * about_z(torch.tensor(1.4))
    share = torch.tensor([[0.0], [0.25], [1.0]])
    close(yaw(slerp(start.expand(3, 4), end.expand(3, 4), share)), [0.2, 0.5, 1.4])
    close(slerp(start, start, torch.tensor([0.3])), start)


def test_vectors_and_quaternions_are_turned_about_z_along_any_axis() -> None:
    """A right angle to the left, of x and y that lie along the last axis, and of quaternions along the first one."""
    nought, one = torch.tensor(0.0), torch.tensor(1.0)
    vectors = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    turn_about_z(vectors, nought, one)
    close(vectors, [[-1.0, 3.0], [-2.0, 0.0]])
    quats = torch.nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.7, 0.2], [1.0, 0.0, 0.0, 0.0]]), dim=-1)
    half = torch.tensor(math.pi / 4)
    turned = quats.clone()
    turn_about_z(turned.T, half.cos(), half.sin(), dim=0)
    close(turned, multiply(about_z(2.0 * half).expand(2, 4), quats))


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.4, 3.0])
def test_squared_angles_are_those_of_angle_between(angle: float) -> None:
    turn, start = from_rotation_vector(torch.tensor([angle, 0.0, 0.0])), about_z(torch.tensor(0.7))
    close(squared_angle(start, -multiply(turn, start)), angle**2, atol=2e-6)


def test_six_d_is_the_x_and_y_axis() -> None:
    quat = torch.nn.functional.normalize(torch.tensor([0.3, -0.5, 0.7, 0.2]), dim=-1)
    x, y = rotate(quat.expand(2, 4), torch.eye(3)[:2])
    close(six_d(quat), [*x.tolist(), *y.tolist()])


def test_differences_are_zero_of_equal_states_and_in_the_robots_heading_otherwise() -> None:
    """A robot that faces the world's y: the reference 0.3 m along y is 0.3 m ahead of it, its knees 0.1 rad off."""
    clip = even_clip(speed=1.0, turning=0.5, joint_speed=2.0, loop=False)
    library, keys = MotionLibrary([clip], Kinematics(H1)), body_indices(H1, H1.keys)
    state = library.state(torch.zeros(4, dtype=torch.long), torch.tensor([0.2, 0.4, 0.6, 0.9]))
    same = differences(state, MotionState(*(part.clone() for part in state)), keys)
    assert same.shape == (4, 15 + 2 * 19 + 3 * 4) and not same.any()

    turned = about_z(torch.tensor([math.pi / 2.0]))
    quat = turned[:, None].expand(1, len(H1.bodies), 4).clone()
    still = torch.zeros(1, len(H1.bodies), 3)
    robot = MotionState(torch.zeros(1, 19), torch.zeros(1, 19), still, quat, still, still)
    moved = torch.tensor([0.0, 0.3, 0.1])
    wanted = MotionState(
        robot.joint_pos + 0.1, robot.joint_vel + 1.0, still + moved, quat, still + moved, still
    )
    found = differences(wanted, robot, keys)[0]
    close(found[:3], [0.3, 0.0, 0.1])
    close(found[3:9], [0.0] * 6)
    close(found[9:15], [0.3, 0.0, 0.1, 0.0, 0.0, 0.0])
    close(found[15:34], [0.1] * 19)
    close(found[34:53], [0.1] * 19)  # rad/s times 0.1
    close(found[53:], [0.0] * 12)  # moved as a whole
