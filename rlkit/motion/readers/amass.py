"""AMASS and SMPL: .npz of joints' turns; the bones are in the body model, which each user gets for himself."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np

from rlkit.archives.npz import NpzArchive
from rlkit.errors import shown
from rlkit.motion.readers.source import Source
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.torn import TORN

SAYS = "AMASS and SMPL: .npz with poses, trans, mocap_framerate; with --skeleton, a body model of SMPL's"

_RATES = ("mocap_framerate", "mocap_frame_rate")
# The first 22, which SMPL, SMPL+H and SMPL-X share.
_JOINTS = (
    *(
        "pelvis",
        "left_hip",
        "right_hip",
        "spine1",
        "left_knee",
        "right_knee",
        "spine2",
        "left_ankle",
        "right_ankle",
    ),
    *("spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
_MODEL = ("kintree_table", "J_regressor", "v_template")
_WHERE = (
    "the bones are in the body model, which rlkit may not ship: register at https://smpl.is.tue.mpg.de (SMPL),"
    " https://mano.is.tue.mpg.de (SMPL+H, which AMASS is of) or https://smpl-x.is.tue.mpg.de, and give its .npz with"
    " --skeleton model.npz"
)


def recognises(source: Source) -> bool:
    """Whether the zip has poses and the body's place."""
    return {"poses.npy", "trans.npy"} <= set(source.members)


def read(source: Source) -> list[SkeletonMotion]:
    """The one motion of the file; raises MotionError and what TORN names."""
    if source.asked.skeleton is None:
        source.refuse(f"it holds how the joints turn, and {_WHERE}")
    with NpzArchive(source.path) as archive:
        poses, trans = (archive.read(name).astype(np.float64) for name in ("poses", "trans"))
        betas = (
            archive.read("betas").astype(np.float64).reshape(-1) if "betas" in archive.names else np.zeros(0)
        )
        rate = next((name for name in _RATES if name in archive.names), None)
        fps = source.asked.fps or (float(archive.read(rate)) if rate else 0.0)
    count = len(_JOINTS)
    if poses.ndim != 2 or poses.shape[1] < 3 * count or trans.shape != (len(poses), 3):
        source.refuse(
            f"poses {list(poses.shape)}, trans {list(trans.shape)}: {count} joints have 3 numbers each"
        )
    if not fps > 0.0:
        source.refuse("it does not say its rate; give --fps")
    parents, rest = _body(source, source.asked.skeleton, betas)
    turns = poses[:, : 3 * count].reshape(-1, count, 3)
    return [_motion(source, parents, rest, turns, trans, fps)]


def _body(source: Source, path: Path, betas: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Parents of the 22 joints, and where they are at rest `[22, 3]` m, for a body of the shape `betas`."""
    try:
        with NpzArchive(path) as archive:
            if not set(_MODEL) <= set(archive.names):
                _no_model(source, path, f"it has no {', '.join(set(_MODEL) - set(archive.names))}")
            tree, regressor, vertices = (archive.read(name) for name in _MODEL)
            shapes = (
                archive.read("shapedirs") if "shapedirs" in archive.names else np.zeros((*vertices.shape, 0))
            )
    except OSError as error:
        _no_model(source, path, error.strerror or str(error))
    except TORN as error:
        _no_model(source, path, str(error))
    count, used = len(_JOINTS), min(len(betas), shapes.shape[-1])
    joints = regressor @ (vertices + shapes[..., :used] @ betas[:used])
    parents = [-1, *np.asarray(tree)[0, 1:count].astype(int).tolist()]
    if len(joints) < count or any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        _no_model(source, path, "its tree of joints is none of SMPL's")
    return parents, np.asarray(joints[:count], np.float64)


def _no_model(source: Source, path: Path, why: str) -> NoReturn:
    source.refuse(
        f"the body model {shown(path)} cannot be read: {why}; give the .npz of SMPL, SMPL+H or SMPL-X"
    )


def _motion(
    source: Source, parents: list[int], rest: np.ndarray, turns: np.ndarray, trans: np.ndarray, fps: float
) -> SkeletonMotion:
    """The world has z up already; a body at rest has y up and z forward, and gets our axes instead."""
    import torch

    from rlkit.motion.readers import skeletal
    from rlkit.rotations import conjugate, from_rotation_vector, multiply

    skeletal.require_finite(source, "turn", turns)
    bones = np.array([rest[joint] - rest[parent] for joint, parent in enumerate(parents)])
    local = from_rotation_vector(torch.from_numpy(turns))
    pos, quat = skeletal.forward(parents, torch.from_numpy(bones), local, torch.from_numpy(trans + rest[0]))
    quat = multiply(quat, conjugate(skeletal.Y_UP_Z_FORWARD).expand_as(quat))
    return skeletal.skeleton_motion(source, _JOINTS, parents, pos, quat, fps, source.loops)
