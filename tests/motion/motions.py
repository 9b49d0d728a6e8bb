"""Clips that tests can reckon with by hand, of the H1."""

from __future__ import annotations

import numpy as np

from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.robots import find_robot

H1 = find_robot("h1")


def even_clip(
    frames: int = 51,
    fps: float = 50.0,
    loop: bool = True,
    speed: float = 0.0,
    turning: float = 0.0,
    joint_speed: float = 0.0,
    name: str = "even",
) -> Clip:
    """Forward at `speed` m/s along an arc of `turning` rad/s; every joint turns at `joint_speed` rad/s from 0."""
    time = np.arange(frames) / fps
    yaw = turning * time
    if turning:
        x, y = speed / turning * np.sin(yaw), speed / turning * (1.0 - np.cos(yaw))
    else:
        x, y = speed * time, 0.0 * time
    root_pos = np.stack((x, y, np.full(frames, 0.98)), axis=-1)
    zero = np.zeros(frames)
    root_quat = np.stack((np.cos(yaw / 2), zero, zero, np.sin(yaw / 2)), axis=-1)
    joints = np.tile((joint_speed * time)[:, None], (1, len(H1.joints)))
    facts = {"fps": fps, "loop": loop, "source": "made for tests", "licence": "Apache-2.0", "name": name}
    return make_clip(H1, root_pos, root_quat, joints, **facts)  # type: ignore[arg-type]
