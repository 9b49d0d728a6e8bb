"""A person made for tests: bones along the axes, on the spot, lifting one knee after the other."""

from __future__ import annotations

import numpy as np

from rlkit.motion.skeleton import SkeletonMotion

NAMES = ("root", "chest", "neck", *(f"{side}_{part}" for side in ("left", "right")
                                    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")))  # fmt: skip
THIGH, SHIN, SOLE = 0.42, 0.41, 0.06  # m


def about_y(angle: np.ndarray) -> np.ndarray:
    zero = np.zeros_like(angle)
    return np.stack((np.cos(angle / 2), zero, np.sin(angle / 2), zero), axis=-1)


def person(frames: int = 41, fps: float = 30.0, loop: bool = True, lift: float = 0.7) -> SkeletonMotion:
    """Knees rise by `lift` rad in turn, once each; feet stay level."""
    phase = np.linspace(0.0, 2.0 * np.pi, frames)
    pos, quat = np.zeros((frames, len(NAMES), 3)), np.zeros((frames, len(NAMES), 4))
    quat[..., 0] = 1.0
    at = dict(zip(NAMES, range(len(NAMES))))
    hips = SOLE + THIGH + SHIN - 0.01
    for name, height in (("root", hips), ("chest", hips + 0.24), ("neck", hips + 0.46)):
        pos[:, at[name], 2] = height
    for side, sign in (("left", 1.0), ("right", -1.0)):
        bend = lift * np.maximum(0.0, sign * np.sin(phase)) ** 2 + np.arccos(1.0 - 0.01 / (THIGH + SHIN))
        hip = np.tile([0.0, 0.09 * sign, hips], (frames, 1))
        knee = hip + THIGH * np.stack((np.sin(bend), 0.0 * bend, -np.cos(bend)), axis=-1)
        ankle = knee + SHIN * np.stack((-np.sin(bend), 0.0 * bend, -np.cos(bend)), axis=-1)
        shoulder = np.tile([0.0, 0.18 * sign, hips + 0.45], (frames, 1))
        elbow, wrist = shoulder - [0.0, 0.0, 0.27], shoulder + [0.1, 0.0, -0.48]
        for part, place in zip(("hip", "knee", "ankle", "shoulder", "elbow", "wrist"),
                               (hip, knee, ankle, shoulder, elbow, wrist)):  # fmt: skip
            pos[:, at[f"{side}_{part}"]] = place
        quat[:, at[f"{side}_hip"]], quat[:, at[f"{side}_knee"]] = about_y(-bend), about_y(bend)
    above = {"chest": "root", "neck": "chest", "hip": "root", "knee": "hip", "ankle": "knee", "shoulder": "chest",
             "elbow": "shoulder", "wrist": "elbow"}  # fmt: skip
    parents = [-1]
    for name in NAMES[1:]:
        side, _, part = name.rpartition("_")
        parent = above[part]
        parents.append(at[parent if parent in at else f"{side}_{parent}"])
    return SkeletonMotion(NAMES, tuple(parents), pos, quat, fps, loop, "made for tests", "Apache-2.0")
