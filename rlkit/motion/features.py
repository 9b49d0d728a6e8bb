"""What a style is told by: one function of the bodies' states, for the live robot and the reference alike.

A discriminator tells apart whatever is reckoned in two ways, so nothing here knows where a state is from.
"""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from rlkit.motion.errors import MotionError
from rlkit.motion.library import MotionState
from rlkit.motion.robots import Robot
from rlkit.nearest import did_you_mean
from rlkit.rotations import conjugate, heading, multiply, rotate_inverse, six_d, turn_about_z

SPEED_SCALE = 0.1  # of joint speeds, so that they are as large as the angles


def style_features(state: MotionState, keys: Tensor) -> Tensor:
    """`[..., 13 + 2 J + 3 K]` numbers that tell how a robot moves, wherever it stands and whichever way it faces.

    Of the root its height (m), its rotation in the heading's frame (`six_d`) and its velocities in it (m/s, rad/s); all
    joints (rad) and their speeds (rad/s) times 0.1; and where the bodies `keys` `[K]`, numbers of bodies, are from the
    root, in the heading's frame (m). Both ProtoMotions and IsaacGymEnvs take these.
    """
    facing = heading(state.root_quat)
    offsets = state.body_pos[..., keys, :] - state.root_pos[..., None, :]
    return torch.cat(
        (
            state.root_pos[..., 2:],
            six_d(multiply(conjugate(facing), state.root_quat)),
            rotate_inverse(facing, state.root_lin_vel),
            rotate_inverse(facing, state.root_ang_vel),
            state.joint_pos,
            SPEED_SCALE * state.joint_vel,
            rotate_inverse(facing[..., None, :], offsets).flatten(-2),
        ),
        dim=-1,
    )


def differences(reference: MotionState, state: MotionState, keys: Tensor | slice) -> Tensor:
    """`[..., 15 + 2 J + 3 K]`: how a reference differs from a robot, in the frame of the robot's heading; 0 where both
    are in one state.

    Of the root how far off it is (m), how it is turned (two columns of each rotation matrix, subtracted) and its
    velocities (m/s, rad/s); joints (rad) and their speeds (rad/s) times 0.1; and of the bodies `keys` `[K]` where they
    are from the root (m). The observations of ADD (Zhang et al. 2025, arXiv 2505.04961).
    """
    facing = heading(state.root_quat)
    there = conjugate(facing)
    turned = six_d(multiply(there, reference.root_quat)) - six_d(multiply(there, state.root_quat))
    wanted, robot = (of.body_pos[..., keys, :] - of.root_pos[..., None, :] for of in (reference, state))
    return torch.cat(
        (
            rotate_inverse(facing, reference.root_pos - state.root_pos),
            turned,
            rotate_inverse(facing, reference.root_lin_vel - state.root_lin_vel),
            rotate_inverse(facing, reference.root_ang_vel - state.root_ang_vel),
            reference.joint_pos - state.joint_pos,
            SPEED_SCALE * (reference.joint_vel - state.joint_vel),
            rotate_inverse(facing[..., None, :], wanted - robot).flatten(-2),
        ),
        dim=-1,
    )


def style_size(robot: Robot) -> int:
    """Numbers that `style_features` gives of a robot with its key bodies."""
    return 13 + 2 * len(robot.joints) + 3 * len(robot.keys)


def body_indices(robot: Robot, names: Sequence[str], device: torch.device | str = "cpu") -> Tensor:
    """Numbers `[len(names)]` of bodies by their names; raises MotionError for an unknown one."""
    for name in names:
        if name not in robot.bodies:
            raise MotionError(f"robot {robot.name} has no body {name}{did_you_mean(name, robot.bodies)}")
    return torch.tensor([robot.bodies.index(name) for name in names], device=device, dtype=torch.long)


def anchored(
    anchor_pos: Tensor,
    anchor_quat: Tensor,
    ref_pos: Tensor,
    ref_quat: Tensor,
    body_pos: Tensor,
    body_quat: Tensor,
) -> tuple[Tensor, Tensor]:
    """Reference bodies moved to where the robot stands and turned to where it faces, at the reference's height.

    anchor_pos, ref_pos: `[..., 3]` m and anchor_quat, ref_quat: `[..., 4]` wxyz, body to world, of the anchor body of
    the robot and of the reference. body_pos: `[..., B, 3]` m, body_quat: `[..., B, 4]` wxyz, body to world, of the
    reference; so are those returned. World frame. Source: BeyondMimic, p' = (x, y of the robot, z of the reference) +
    yaw(q q_ref⁻¹) (p − p_ref).
    """
    about = heading(multiply(anchor_quat, conjugate(ref_quat)))[..., None, None]  # behind [...]: wxyz, 1, 1
    w, z = about[..., 0, :, :], about[..., 3, :, :]
    moved = (body_pos - ref_pos[..., None, :]).transpose(-1, -2)  # as x, y and z of all bodies
    turn_about_z(moved[..., :2, :], w * w - z * z, 2.0 * w * z, dim=-2)
    moved += torch.cat((anchor_pos[..., :2], ref_pos[..., 2:]), dim=-1)[..., None]
    turned = body_quat.transpose(-1, -2).clone()
    turn_about_z(turned, w, z, dim=-2)
    return moved.transpose(-1, -2), turned.transpose(-1, -2)
