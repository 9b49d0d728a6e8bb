"""Clips as a robot is given them: one file, from which numpy alone tells the reference at any time, and words on it."""

from __future__ import annotations

import io
from typing import Any, Mapping, Sequence

import numpy as np

from rlkit.motion.library import MotionLibrary
from rlkit.motion.pack import fill_pack

FILE = "clips.npz"
_PHASE = (
    "a clip begins at t = 0 s, and t goes on by control_period with each action; the observation looks at the"
    " reference at t, and target_root and target_joints at t + each of targets"
)


def facts_of(
    library: MotionLibrary, anchor: int, config: Mapping[str, Any], terms: Sequence[str]
) -> dict[str, Any]:
    """What a robot must know to look at the clips of `packed`, as JSON can hold it.

    anchor: number of a body. config: of the task, with `targets` [s] and `action.mode`. terms: those of the observation
    that are reckoned from the clips.
    """
    clips = [
        {"name": entry.name, "fps": entry.fps, "duration": entry.duration, "loop": entry.loop}
        for entry in library.entries
    ]
    return {
        "file": FILE,
        "clips": clips,
        "observations": list(terms),
        "mode": str(config["action"]["mode"]),
        "anchor": library.robot.bodies[anchor],
        "targets": [float(moment) for moment in config["targets"]],
        "phase": _PHASE,
    }


def packed(library: MotionLibrary, anchor: int) -> bytes:
    """The packed file of all clips, F frames, with what need not be reckoned again.

    Beside `root_pos`, `root_quat` and `joint_pos`: `root_lin_vel` `[F, 3]` m/s and `joint_vel` `[F, J]` rad/s;
    `anchor_pos` `[F, 3]` m and `anchor_quat` `[F, 4]` wxyz, body to world, of the body with this number; and what a
    cycle of each of the C clips moves on by, `cycle_turn` `[C]` rad and `cycle_shift` `[C, 3]` m. World frame.
    """
    frames, (turn, shift) = library.frames(), library.cycles
    held = {
        "root_pos": frames.root_pos,
        "root_quat": frames.root_quat,
        "joint_pos": frames.joint_pos,
        "root_lin_vel": frames.root_lin_vel,
        "joint_vel": frames.joint_vel,
        "anchor_pos": frames.body_pos[:, anchor],
        "anchor_quat": frames.body_quat[:, anchor],
        "cycle_turn": turn,
        "cycle_shift": shift,
    }
    file = io.BytesIO()
    fill_pack(
        file, library.entries, {n: [values.cpu().numpy().astype(np.float32)] for n, values in held.items()}
    )
    return file.getvalue()
