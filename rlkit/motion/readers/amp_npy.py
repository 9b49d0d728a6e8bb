"""Isaac Gym's AMP clips: .npy of a pickled dict, of which no code runs; z up, quaternions xyzw to the parent."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from rlkit.archives import plain_pickle
from rlkit.motion.readers.source import Source
from rlkit.motion.skeleton import SkeletonMotion

SAYS = "Isaac Gym's AMP and ASE (poselib): .npy with rotation, root_translation, skeleton_tree, fps"

_MAGIC = b"\x93NUMPY"
_MOST_BODIES = 1000


def recognises(source: Source) -> bool:
    """Whether numpy.save wrote it."""
    return source.head.startswith(_MAGIC)


def read(source: Source) -> list[SkeletonMotion]:
    """The one motion of the file; raises MotionError and what TORN names."""
    stream = io.BytesIO(source.data)
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = header(stream)
    if not kind.hasobject:
        source.refuse(
            f"it is one array {list(shape)} of {kind}; a motion of poselib is a dict, saved with numpy.save"
        )
    content = plain_pickle.loads(stream.read())
    missing = {"rotation", "root_translation", "skeleton_tree", "fps"} - set(content)
    if missing:
        source.refuse(f"it has no {', '.join(sorted(missing))}: it is no motion of poselib")
    tree = content["skeleton_tree"]
    names, parents = list(tree["node_names"]), _numbers(tree["parent_indices"]).astype(int).tolist()
    offsets, rotation = _numbers(tree["local_translation"]), _numbers(content["rotation"])
    root = _numbers(content["root_translation"])
    bodies, frames = len(names), len(root)
    if not 0 < bodies <= _MOST_BODIES or not all(isinstance(name, str) for name in names):
        source.refuse(f"a skeleton of {bodies} bodies")
    for what, array, wanted in (
        ("rotation", rotation, (frames, bodies, 4)),
        ("root_translation", root, (frames, 3)),
        ("local_translation", offsets, (bodies, 3)),
        ("parent_indices", np.array(parents), (bodies,)),
    ):
        if array.shape != wanted:
            source.refuse(
                f"{what} is {list(array.shape)}; {frames} frames of {bodies} bodies have {list(wanted)}"
            )
    if parents[0] != -1 or any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        source.refuse("a body of its skeleton comes before its parent")
    fps = source.asked.fps or float(content["fps"])
    return [
        _motion(
            source, names, parents, offsets, rotation, root, fps, content.get("is_local", True) is not False
        )
    ]


def _numbers(value: Any) -> np.ndarray:
    """An array of a poselib tensor, which is a dict of `arr` and its kind."""
    return np.asarray(value["arr"] if isinstance(value, dict) else value).astype(np.float64)


def _motion(
    source: Source,
    names: list[str],
    parents: list[int],
    offsets: np.ndarray,
    rotation: np.ndarray,
    root: np.ndarray,
    fps: float,
    local: bool,
) -> SkeletonMotion:
    import torch

    from rlkit.motion.readers import skeletal
    from rlkit.rotations import conjugate, multiply

    skeletal.require_finite(source, "rotation", rotation)
    quat = torch.from_numpy(skeletal.unit_quaternions(source, rotation[..., [3, 0, 1, 2]]))
    if not local:
        quat = torch.cat((quat[:, :1], multiply(conjugate(quat[:, parents[1:]]), quat[:, 1:])), dim=1)
    scale = source.asked.scale or 1.0
    pos, quat = skeletal.forward(
        parents, scale * torch.from_numpy(offsets), quat, scale * torch.from_numpy(root)
    )
    return skeletal.skeleton_motion(source, names, parents, pos, quat, fps, source.loops)
