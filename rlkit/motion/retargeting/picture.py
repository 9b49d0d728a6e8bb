"""One picture of a retargeted motion: stick figures of both, and errors over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlkit.motion.entry import ClipEntry
from rlkit.motion.errors import MotionError
from rlkit.motion.retargeting.measures import Measures, Sticks

_POSES = 8  # side by side
_COLOURS = {1: "tab:blue", -1: "tab:red", 0: "black"}  # left, right, middle


def draw(title: str, entry: ClipEntry, measures: Measures, sticks: Sticks, path: Path) -> None:
    """See `RetargetReport.picture`. Raises MotionError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MotionError(
            f"a picture needs matplotlib ({error}): pip install 'rlkit-robotics[plot]'"
        ) from error
    page = Figure(figsize=(12.0, 7.5), layout="constrained")
    figures, over_time, joints = page.subplots(3, 1, height_ratios=(2.4, 1.0, 1.0))
    page.suptitle(title, wrap=True, fontsize=10)
    _draw_sticks(figures, entry, sticks)
    seconds = np.arange(entry.frames) / entry.fps
    for part, errors in measures.position.items():
        over_time.plot(seconds, 1e3 * errors, label=part)
    over_time.plot(seconds, 1e3 * measures.sole, color="grey", label="lowest sole")
    over_time.set(ylabel="mm", xlim=(0.0, seconds[-1]))
    over_time.legend(loc="upper right", fontsize=7, ncols=4)
    joints.plot(seconds[1:], measures.speed.max(axis=1), label="fastest joint")
    joints.set(ylabel="rad/s", xlabel="s", xlim=(0.0, seconds[-1]))
    limited = measures.at_limit.any(axis=1)
    joints.fill_between(seconds, 0.0, limited, alpha=0.2, color="red", step="mid", label="at a limit",
                        transform=joints.get_xaxis_transform())  # fmt: skip
    joints.legend(loc="upper right", fontsize=7, ncols=2)
    page.savefig(path, dpi=100)


def _draw_sticks(axes: Any, entry: ClipEntry, sticks: Sticks) -> None:
    """Seen from the robot's right, the person above the robot, both in their own size; left limbs are blue, right ones
    red."""
    way = sticks.robot[-1, 0] - sticks.robot[0, 0]
    ahead = np.array([way[0], way[1], 0.0]) if np.hypot(way[0], way[1]) > 0.3 else np.array([1.0, 0.0, 0.0])
    ahead /= np.linalg.norm(ahead)
    frames = np.linspace(0, entry.frames - 1, min(_POSES, entry.frames)).astype(int)
    for number, frame in enumerate(frames):
        for poses, parents, of, lift in (
            (sticks.person, sticks.person_parents, sticks.person_sides, 2.1),
            (sticks.robot, sticks.robot_parents, sticks.robot_sides, 0.0),
        ):
            pose = poses[frame]
            along = (pose - pose[0]) @ ahead + 1.5 * number
            for body, parent in enumerate(parents):
                if parent >= 0:
                    axes.plot(
                        along[[parent, body]],
                        pose[[parent, body], 2] + lift,
                        color=_COLOURS[of[body]],
                        linewidth=2,
                    )
        axes.text(1.5 * number, -0.25, f"{frame / entry.fps:.2f} s", ha="center", fontsize=8)
    for lift in (0.0, 2.1):
        axes.axhline(lift, color="grey", linewidth=0.8)
    axes.set(aspect="equal", yticks=(0.0, 2.1), yticklabels=(entry.robot, "person"), xticks=())
