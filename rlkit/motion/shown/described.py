"""A motion in words and a small table."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from rlkit.motion.clip import Clip
from rlkit.motion.robots import ROBOTS
from rlkit.motion.shown.drawable import robot_of_clip
from rlkit.motion.skeleton import SkeletonMotion


def facts(motion: Clip | SkeletonMotion) -> list[tuple[str, str]]:
    """What the motion says of itself, and where it goes: names and texts."""
    if isinstance(motion, SkeletonMotion):
        frames, root = len(motion.pos), motion.pos[:, 0]
        rows = [("of", f"a person with {len(motion.names)} joints")]
        loop, source, licence = motion.loop, motion.source, motion.licence
        fps, duration = motion.fps, motion.duration
    else:
        entry = motion.entry
        frames, root, fps, duration = entry.frames, motion.root_pos, entry.fps, entry.duration
        rows = [("of", f"robot {entry.robot} with {len(entry.joints)} joints")]
        loop, source, licence = entry.loop, entry.source, entry.licence
    way = np.linalg.norm(root[-1, :2] - root[0, :2])
    length = np.linalg.norm(np.diff(root[:, :2], axis=0), axis=1).sum()
    rows += [
        ("duration", f"{duration:.3f} s, {frames} frames at {fps:g} Hz"),
        ("loop", "yes, the last frame is the first one moved on" if loop else "no"),
        ("goes", f"{way:.2f} m from start to end, {length:.2f} m on its way: {length / duration:.2f} m/s"),
        ("root", f"{root[:, 2].min():.3f} to {root[:, 2].max():.3f} m high"),
        ("source", source),
        ("licence", licence),
    ]
    return rows


def table(motion: Clip | SkeletonMotion) -> list[Sequence[str]]:
    """Rows of the motion's joints, the first of headings."""
    if isinstance(motion, SkeletonMotion):
        rows: list[Sequence[str]] = [("joint", "below", "lowest m", "highest m", "fastest m/s")]
        speed = np.linalg.norm(np.diff(motion.pos, axis=0), axis=-1).max(axis=0) * motion.fps
        for joint, name in enumerate(motion.names):
            parent = motion.parents[joint]
            heights = motion.pos[:, joint, 2]
            above = motion.names[parent] if parent >= 0 else ""
            rows.append((name, above, f"{heights.min():.3f}", f"{heights.max():.3f}", f"{speed[joint]:.1f}"))
        return rows
    rows = [("joint", "least rad", "most rad", "fastest rad/s")]
    speed = np.abs(np.diff(motion.joint_pos, axis=0)).max(axis=0) * motion.entry.fps
    for joint, name in enumerate(motion.entry.joints):
        angles = motion.joint_pos[:, joint]
        rows.append((name, f"{angles.min():.3f}", f"{angles.max():.3f}", f"{speed[joint]:.1f}"))
    return rows


def model_notes(motion: Clip | SkeletonMotion, robot: str | None = None) -> list[str]:
    """What is to be said of the model that a clip was made for; nothing where it is today's."""
    if isinstance(motion, SkeletonMotion):
        return []
    if motion.entry.model is None:
        return ["it does not say which model of the robot it was made for"]
    if robot is None and motion.entry.robot not in ROBOTS:
        return []
    today = robot_of_clip(motion, robot).fingerprint
    return (
        [] if motion.entry.model == today else ["made for another model of the robot than today's: check it"]
    )
