"""DeepMimic's clips of its humanoid: JSON of `Loop` and `Frames`; y up, x forward, quaternions wxyz."""

from __future__ import annotations

import numpy as np

from rlkit.motion.readers.source import Source, rate_of
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.untrusted import parse_json

SAYS = "DeepMimic: JSON with Loop and Frames of 44 numbers"

# joint: parent, offset from it in m with y up, numbers a frame. Source: DeepMimic's humanoid3d (MIT, X. B. Peng 2018).
_JOINTS = {
    "root": ("", (0.0, 0.0, 0.0), 4),
    "chest": ("root", (0.0, 0.236151, 0.0), 4),
    "neck": ("chest", (0.0, 0.223894, 0.0), 4),
    "right_hip": ("root", (0.0, 0.0, 0.084887), 4),
    "right_knee": ("right_hip", (0.0, -0.421546, 0.0), 1),
    "right_ankle": ("right_knee", (0.0, -0.40987, 0.0), 4),
    "right_shoulder": ("chest", (-0.02405, 0.24350, 0.18311), 4),
    "right_elbow": ("right_shoulder", (0.0, -0.274788, 0.0), 1),
    "left_hip": ("root", (0.0, 0.0, -0.084887), 4),
    "left_knee": ("left_hip", (0.0, -0.421546, 0.0), 1),
    "left_ankle": ("left_knee", (0.0, -0.40987, 0.0), 4),
    "left_shoulder": ("chest", (-0.02405, 0.24350, -0.18311), 4),
    "left_elbow": ("left_shoulder", (0.0, -0.274788, 0.0), 1),
}
_WRISTS = {
    "right_wrist": ("right_elbow", (0.0, -0.258947, 0.0)),
    "left_wrist": ("left_elbow", (0.0, -0.258947, 0.0)),
}
_WIDTH = 44


def recognises(source: Source) -> bool:
    """Whether it is JSON that has frames, as its beginning tells."""
    return source.head_text.lstrip()[:1] == "{" and (
        '"Frames"' in source.head_text or '"Loop"' in source.head_text
    )


def read(source: Source) -> list[SkeletonMotion]:
    """The one motion of the file; raises MotionError and what TORN names."""
    content = parse_json(source.data)
    frames = content.get("Frames")
    if not isinstance(frames, list) or len(frames) < 2:
        source.refuse("it has no list Frames of two frames or more")
    widths = {len(frame) for frame in frames}
    if widths != {_WIDTH}:
        source.refuse(
            f"its frames have {', '.join(map(str, sorted(widths)))} numbers; DeepMimic's have {_WIDTH}:"
            " duration, root position and wxyz, then wxyz of each ball joint and one angle of knees and elbows"
        )
    rows = np.array(frames, np.float64)
    durations = rows[:-1, 0]  # the last frame lasts until nothing
    if not (durations > 0.0).all():
        source.refuse(f"frame {int(np.argmin(durations > 0.0))} lasts {durations.min():g} s")
    step = float(np.median(durations))
    if np.abs(durations - step).max() > 0.01 * step:
        source.refuse(
            f"its frames last from {durations.min():g} to {durations.max():g} s; an even rate is read"
        )
    loop = source.asked.loop if source.asked.loop is not None else content.get("Loop") == "wrap"
    return [_motion(source, rows[:, 1:], source.asked.fps or rate_of(step), loop)]


def _motion(source: Source, rows: np.ndarray, fps: float, loop: bool) -> SkeletonMotion:
    import torch  # only here and below: what recognises a format needs none

    from rlkit.motion.readers import skeletal

    numbers = torch.from_numpy(rows)
    names = [*_JOINTS, *_WRISTS]
    above = {**{name: row[:2] for name, row in _JOINTS.items()}, **_WRISTS}
    local = torch.zeros((len(rows), len(names), 4), dtype=torch.float64)
    local[..., 0] = 1.0
    column = 3
    for joint, (_, _, width) in enumerate(_JOINTS.values()):
        values = numbers[:, column : column + width]
        local[:, joint] = values if width == 4 else skeletal.from_angles("Z", torch.rad2deg(values))
        column += width
    skeletal.require_finite(source, "number", rows)
    local[:, : len(_JOINTS)] = torch.from_numpy(
        skeletal.unit_quaternions(source, local[:, : len(_JOINTS)].numpy())
    )
    parents = [names.index(above[name][0]) if above[name][0] else -1 for name in names]
    offsets = torch.tensor([above[name][1] for name in names], dtype=torch.float64)
    scale = source.asked.scale or 1.0
    pos, quat = skeletal.forward(parents, scale * offsets, local, scale * numbers[:, :3])
    pos, quat = skeletal.in_our_axes(skeletal.Y_UP_X_FORWARD, pos, quat)
    return skeletal.skeleton_motion(source, names, parents, pos, quat, fps, loop)
