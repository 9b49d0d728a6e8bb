"""A person's motion by its parts: where they are and how they are turned, whatever frames a format gives joints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

import numpy as np
import torch

from rlkit.motion.retargeting.parts import SIDES
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.rotations import rotate

CONTACT_HEIGHT, CONTACT_SPEED = 0.02, 0.3  # m above the foot's own lowest, m/s
FLICKER = 0.1  # s
_NEARBY, _DRIFT = 0.75, 0.08  # s, m
_ALIGNED = np.cos(np.radians(35.0))  # what is nearer to an axis of a joint's frame means that axis


@dataclass(frozen=True, eq=False)
class Person:
    """T frames of a person; world frame, z up.

    pos: part -> `[T, 3]` m. turn: pelvis, torso, ankles -> `[T, 3, 3]`, columns are where their front, left and upper
    side point. contact: ankle -> `[T]`, whether that foot stands.
    """

    pos: Mapping[str, np.ndarray]
    turn: Mapping[str, np.ndarray]
    contact: Mapping[str, np.ndarray]
    fps: float

    @property
    def leg(self) -> float:
        """Length of a leg from hip to ankle, m: the mean of both."""
        return float(np.mean([_length(self.pos, side) for side in SIDES]))

    @property
    def half_hip_width(self) -> float:
        """From the middle to a hip, m."""
        return 0.5 * float(np.linalg.norm(self.pos["left_hip"] - self.pos["right_hip"], axis=-1).mean())

    @property
    def hips(self) -> np.ndarray:
        """The middle between the hips, `[T, 3]` m in the world."""
        return 0.5 * (self.pos["left_hip"] + self.pos["right_hip"])


def matrices(quat: np.ndarray) -> np.ndarray:
    """`[..., 3, 3]`, body to world, of quaternions `[..., 4]` wxyz."""
    turns = rotate(
        torch.from_numpy(np.asarray(quat, np.float64))[..., None, :], torch.eye(3, dtype=torch.float64)
    )
    return turns.numpy().swapaxes(-1, -2)


def person_of(motion: SkeletonMotion, joints: Mapping[str, int]) -> Person:
    """The parts of a skeleton's motion. joints: part -> number of the joint (`parts.skeleton_map`)."""
    pos = {part: np.asarray(motion.pos[:, joint], np.float64) for part, joint in joints.items()}
    raw = {part: matrices(motion.quat[:, joint]) for part, joint in joints.items()}
    contact = {f"{side}_ankle": contacts(pos[f"{side}_ankle"], motion.fps) for side in SIDES}
    up = _upwards(pos)
    hips = pos["left_hip"] - pos["right_hip"]
    turn = {
        "pelvis": raw["pelvis"]
        @ _frame(_mean_in(raw["pelvis"], up), _mean_in(raw["pelvis"], hips), left=True)
    }
    if "torso" in joints:
        across = hips
        if "left_shoulder" in pos and "right_shoulder" in pos:
            across = pos["left_shoulder"] - pos["right_shoulder"]
        turn["torso"] = raw["torso"] @ _frame(
            _mean_in(raw["torso"], up), _mean_in(raw["torso"], across), left=True
        )
    for side in SIDES:
        ankle = f"{side}_ankle"
        turn[ankle] = raw[ankle] @ _foot_frame(pos, raw[ankle], turn["pelvis"], contact[ankle], side)
    return Person(pos, turn, contact, motion.fps)


def contacts(ankle: np.ndarray, fps: float) -> np.ndarray:
    """`[T]`, whether a foot stands: its ankle `[T, 3]` m is slow, and low: near the lowest it is when slow about that
    time, as floors of recordings drift, and not far above the lowest of all."""
    slow = np.linalg.norm(np.gradient(ankle, axis=0), axis=-1) * fps < CONTACT_SPEED
    height = ankle[:, 2]
    if not slow.any():
        return slow
    reach = round(_NEARBY * fps)
    padded = np.pad(np.where(slow, height, np.inf), reach, constant_values=np.inf)
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=-1)
    low = (height < lowest + CONTACT_HEIGHT) & (height < np.quantile(height[slow], 0.01) + _DRIFT)
    return _most(slow & low, fps)


def _most(flags: np.ndarray, fps: float) -> np.ndarray:
    """`[T]` without what lasts for less than half of FLICKER, flags or gaps."""
    reach = int(0.5 * FLICKER * fps)
    padded = np.pad(flags.astype(np.float64), reach, mode="edge")
    return np.convolve(padded, np.ones(2 * reach + 1), mode="valid") > reach + 0.25


def heading(turn: np.ndarray) -> np.ndarray:
    """Where the front of frames `[..., 3, 3]` points, seen from above: `[...]` rad."""
    return np.arctan2(turn[..., 1, 0], turn[..., 0, 0])


def _length(pos: Mapping[str, np.ndarray], side: str) -> float:
    hip, knee, ankle = (pos[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    return float((np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)).mean())


def _upwards(pos: Mapping[str, np.ndarray]) -> np.ndarray:
    """`[T, 3]`, from the hips along the back."""
    hips = 0.5 * (pos["left_hip"] + pos["right_hip"])
    if "left_shoulder" in pos and "right_shoulder" in pos:
        return 0.5 * (pos["left_shoulder"] + pos["right_shoulder"]) - hips
    if "torso" in pos:
        return pos["torso"] - hips
    return hips - 0.5 * (pos["left_knee"] + pos["right_knee"])


def _mean_in(turn: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """The mean over the frames of vectors `[T, 3]` as the bodies turned by `[T, 3, 3]` see them, unit length."""
    return _unit(np.einsum("tji,tj->i", turn, vector))


def _foot_frame(
    pos: Mapping[str, np.ndarray], raw: np.ndarray, pelvis: np.ndarray, contact: np.ndarray, side: str
) -> np.ndarray:
    """Up is what points up while the foot stands; the front is where the toes are, else what points ahead meanwhile."""
    height = pos[f"{side}_ankle"][:, 2]
    stands = contact if contact.any() else height <= np.quantile(height, 0.1)
    up = _mean_in(raw[stands], np.broadcast_to([0.0, 0.0, 1.0], (int(stands.sum()), 3)))
    if f"{side}_toe" in pos:
        front = _mean_in(raw, pos[f"{side}_toe"] - pos[f"{side}_ankle"])
    else:
        front = _nearest_axis(_mean_in(raw[stands], pelvis[stands][..., 0] * [1.0, 1.0, 0.0]))
    return _frame(up, front, left=False, snap=False)


def _frame(up: np.ndarray, across: np.ndarray, left: bool, snap: bool = True) -> np.ndarray:
    """`[3, 3]`, columns are front, left and up in a joint's frame; `across` is nearly its left, or its front."""
    up = _nearest_axis(up) if snap else up
    across = _nearest_axis(across) if snap else across
    across = _unit(across - (across @ up) * up)
    front = np.cross(across, up) if left else across
    return np.stack((front, np.cross(up, front), up), axis=-1)


def _nearest_axis(vector: np.ndarray) -> np.ndarray:
    """The axis of the frame that a unit vector is near to: skeletons at rest stand along their axes; else itself."""
    axis = np.zeros(3)
    axis[np.abs(vector).argmax()] = np.sign(vector[np.abs(vector).argmax()])
    return axis if vector @ axis > _ALIGNED else vector


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
