"""ProtoMotions' .motion and packed .pt: what torch.save wrote, of which no code runs; quaternions xyzw."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Mapping, Union

import numpy as np

from rlkit.archives.torch_archive import StoredTensor, TorchArchive
from rlkit.motion.clip import Clip
from rlkit.motion.readers.rows import clip_of, robot_of
from rlkit.motion.readers.source import Source
from rlkit.motion.robots import ROBOTS, find_robot
from rlkit.motion.skeleton import SkeletonMotion

SAYS = "ProtoMotions: .motion, and packed .pt of many"

Motion = Union[Clip, SkeletonMotion]

_KINDS = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "int64": "i8",
    "int32": "i4",
    "bool": "?",
    "uint8": "u1",
}
_ARRAYS = ("dof_pos", "rigid_body_pos", "rigid_body_rot")
_PACKED = ("dps", "gts", "grs")  # the same of all clips, one after the other
_MOST_CLIPS, _SPREAD = 100_000, 1 << 20  # numbers that one stored number may stand for
_FINGERS = ("Index", "Middle", "Pinky", "Ring", "Thumb")


def _hand(side: str) -> list[tuple[str, str]]:
    return [(f"{side}_Wrist", " ".join(f"{side}_{finger}{joint}" for joint in "123")) for finger in _FINGERS]


def _smpl(hands: Mapping[str, list[tuple[str, str]]]) -> list[tuple[str, str]]:
    chains = [
        ("", "Pelvis"),
        ("Pelvis", "L_Hip L_Knee L_Ankle L_Toe"),
        ("Pelvis", "R_Hip R_Knee R_Ankle R_Toe"),
    ]
    chains += [("Pelvis", "Torso Spine Chest Neck Head")]
    for side in "LR":
        chains += [("Chest", f"{side}_Thorax {side}_Shoulder {side}_Elbow {side}_Wrist"), *hands[side]]
    return chains


# People that ProtoMotions knows, by their number of bodies: chains of names, and the body that each hangs from.
_PEOPLE = {
    24: _smpl({side: [(f"{side}_Wrist", f"{side}_Hand")] for side in "LR"}),
    52: _smpl({side: _hand(side) for side in "LR"}),
    23: [
        ("", "Hips Spine1 Spine2 Chest Neck1 Neck2 Head"),
        ("Chest", "RightShoulder RightArm RightForeArm RightHand"),
        ("Chest", "LeftShoulder LeftArm LeftForeArm LeftHand"),
        ("Hips", "RightLeg RightShin RightFoot RightToeBase"),
        ("Hips", "LeftLeg LeftShin LeftFoot LeftToeBase"),
    ],
}


def recognises(source: Source) -> bool:
    """Whether torch.save wrote it."""
    return any(name.endswith("/data.pkl") for name in source.members)


def read(source: Source) -> list[Motion]:
    """Every motion of the file; raises MotionError and what TORN names."""
    with TorchArchive(source.path) as archive:
        content = archive.content()
        if not isinstance(content, dict):
            source.refuse(f"torch saved a {type(content).__name__} in it; a motion of ProtoMotions is a dict")
        values = {key: _plain(archive, value) for key, value in content.items() if isinstance(key, str)}
    if set(_PACKED) <= set(values):
        return _unpacked(source, values)
    missing = [key for key in (*_ARRAYS, "fps") if key not in values]
    if missing:
        source.refuse(
            f"it has no {', '.join(missing)}: it is no motion of ProtoMotions, but another file of torch's"
        )
    fps = source.asked.fps or float(np.asarray(values["fps"]).reshape(-1)[0])
    return [_motion(source, [values[key] for key in _ARRAYS], fps, source.path.stem)]


def _unpacked(source: Source, values: Mapping[str, Any]) -> list[Motion]:
    lacking = [key for key in ("length_starts", "motion_num_frames", "motion_dt") if key not in values]
    if lacking:
        source.refuse(f"a packed file without {', '.join(lacking)}")
    starts, counts, steps = (
        np.asarray(values[key]).reshape(-1) for key in ("length_starts", "motion_num_frames", "motion_dt")
    )
    if not len(starts) == len(counts) == len(steps) <= _MOST_CLIPS:
        source.refuse(f"{len(starts)} starts, {len(counts)} lengths and {len(steps)} rates of clips")
    names = values.get("motion_files") or ()
    found: list[Motion] = []
    for index, (start, count, step) in enumerate(
        zip(starts.astype(int), counts.astype(int), steps.astype(float))
    ):
        if not 0 <= start < start + count <= len(values["gts"]):
            source.refuse(f"clip {index} has frames {start} to {start + count} of {len(values['gts'])}")
        named = index < len(names) and isinstance(names[index], str)
        name = PurePosixPath(names[index].replace("\\", "/")).stem if named else f"{source.path.stem}_{index}"
        arrays = [values[key][start : start + count] for key in _PACKED]
        found.append(_motion(source, arrays, source.asked.fps or 1.0 / step, name))
    return found


def _plain(archive: TorchArchive, value: Any) -> Any:
    return _array(archive, value) if isinstance(value, StoredTensor) else value


def _array(archive: TorchArchive, tensor: StoredTensor) -> np.ndarray:
    """The numbers of a tensor `[...]` in its own unit; raises ValueError where it claims more than there is."""
    if tensor.dtype not in _KINDS:
        raise ValueError(f"a tensor of {tensor.dtype or 'a kind that is not read'}")
    flat = np.frombuffer(archive.read(tensor.record), _KINDS[tensor.dtype])
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride))
    fits = (
        len(tensor.shape) == len(tensor.stride) and min((tensor.offset, *tensor.stride, *tensor.shape)) >= 0
    )
    if not fits or last >= len(flat) or np.prod(tensor.shape, dtype=float) > max(len(flat), _SPREAD):
        raise ValueError(f"a tensor {list(tensor.shape)} of a storage of {len(flat)}")
    steps = [flat.itemsize * step for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps).copy()


def _motion(source: Source, arrays: list[Any], fps: float, name: str) -> Motion:
    joints, pos, quat = (np.asarray(array, np.float64) for array in arrays)
    if joints.ndim != 2 or pos.ndim != 3 or pos.shape[2] != 3 or quat.shape != (*pos.shape[:2], 4):
        source.refuse(
            f"dof_pos {list(joints.shape)}, rigid_body_pos {list(pos.shape)}, rot {list(quat.shape)}"
        )
    if len(joints) != len(pos):
        source.refuse(f"{len(joints)} frames of joints and {len(pos)} of bodies")
    quat = quat[..., [3, 0, 1, 2]]
    known = any(len(find_robot(robot).joints) == joints.shape[1] for robot in ROBOTS)
    if source.asked.robot is not None or known or pos.shape[1] not in _PEOPLE:
        return clip_of(source, robot_of(source, joints.shape[1]), pos[:, 0], quat[:, 0], joints, fps, name)
    return _person(source, pos, quat, fps)


def _person(source: Source, pos: np.ndarray, quat: np.ndarray, fps: float) -> SkeletonMotion:
    import torch

    from rlkit.motion.readers.skeletal import skeleton_motion

    names, parents = [], []
    for above, chain in _PEOPLE[pos.shape[1]]:
        for joint in chain.split():
            parents.append(names.index(above) if above else -1)
            names.append(joint)
            above = joint
    scale = source.asked.scale or 1.0
    poses = torch.from_numpy(scale * pos), torch.from_numpy(quat)
    return skeleton_motion(source, names, parents, *poses, fps, source.loops)
