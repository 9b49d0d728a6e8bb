"""Biovision's BVH: a hierarchy of joints with channels in any order, and rows of degrees and of lengths."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterator

import numpy as np

from rlkit.motion.readers.source import Source, rate_of
from rlkit.motion.skeleton import SkeletonMotion

SAYS = "BVH: HIERARCHY and MOTION, from any mocap program"

_MOST_JOINTS = 2000
# Height of a person in units of length -> metres of one.
_UNITS = (
    ((0.5, 2.6), 1.0, "metres"),
    ((50.0, 260.0), 0.01, "centimetres"),
    ((500.0, 2600.0), 0.001, "millimetres"),
)


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: list[str] = field(default_factory=list)  # as "Xrotation"


def recognises(source: Source) -> bool:
    """Whether it begins with the word that every BVH begins with."""
    return source.head_text.lstrip()[:9].upper() == "HIERARCHY"


def read(source: Source) -> list[SkeletonMotion]:
    """The one motion of the file; raises MotionError and what TORN names."""
    parts = re.split(r"^\s*MOTION\b", source.text, maxsplit=1, flags=re.MULTILINE)
    if len(parts) != 2:
        source.refuse("it has no MOTION: it is cut short")
    joints = _hierarchy(source, parts[0])
    head = re.match(r"\s*Frames:\s*(\d{1,9})\s+Frame\s+Time:\s*(\S+)", parts[1], flags=re.IGNORECASE)
    if head is None:
        source.refuse("after MOTION come `Frames:` and `Frame Time:`, and here they do not")
    frames, step = int(head[1]), float(head[2])
    width = sum(len(joint.channels) for joint in joints)
    values = parts[1][head.end() :].split()
    if len(values) != frames * width:
        source.refuse(f"{len(values):,} numbers for {frames:,} frames of {width}")
    if frames < 2 or not 1e-5 < step < 10.0:
        source.refuse(f"{frames} frames of {step:g} s")
    rows = np.array(values, np.float64).reshape(frames, width)
    return [_motion(source, joints, rows, source.asked.fps or rate_of(step))]


def _hierarchy(source: Source, text: str) -> list[_Joint]:
    """The joints, a parent before its children; an end without channels is `<parent>_end`."""
    words = iter(text.split()[1:])
    joints: list[_Joint] = []
    open_: list[int] = []
    for word in words:
        kind = word.upper()
        if kind in ("ROOT", "JOINT", "END"):
            name = next(words)
            parent = open_[-1] if open_ else -1
            if kind == "END":
                name = f"{joints[parent].name}_end"
            if kind == "ROOT" and joints:
                source.refuse(f"a second root, {name}; one skeleton a file is read")
            joints.append(_Joint(name, parent))
            if next(words) != "{" or len(joints) > _MOST_JOINTS or (kind != "ROOT" and parent < 0):
                source.refuse(f"its HIERARCHY cannot be read at joint {name}")
            open_.append(len(joints) - 1)
        elif kind == "OFFSET":
            joints[open_[-1]].offset = (float(next(words)), float(next(words)), float(next(words)))
        elif kind == "CHANNELS":
            joints[open_[-1]].channels = list(_channels(source, words))
        elif word == "}":
            open_.pop()
        else:
            source.refuse(f"its HIERARCHY holds the word {word[:40]}, which is none of BVH's")
    if not joints or open_:
        source.refuse("its HIERARCHY is cut short")
    return joints


def _channels(source: Source, words: Iterator[str]) -> Iterator[str]:
    count = int(next(words))
    if not 0 <= count <= 6:
        source.refuse(f"a joint with {count} channels; there are 6 at most")
    for _ in range(count):
        word = next(words)
        if not re.fullmatch("[XYZ](rotation|position)", word, flags=re.IGNORECASE):
            source.refuse(f"a channel {word[:40]}; there are Xposition … Zrotation")
        yield word[0].upper() + word[1:].lower()


def _motion(source: Source, joints: list[_Joint], rows: np.ndarray, fps: float) -> SkeletonMotion:
    import torch

    from rlkit.motion.readers import skeletal

    skeletal.require_finite(source, "number", rows)
    numbers = torch.from_numpy(rows)
    parents = [joint.parent for joint in joints]
    scale = _scale(source, joints)
    offsets = torch.tensor([joint.offset for joint in joints], dtype=torch.float64).repeat(len(rows), 1, 1)
    local = torch.zeros((len(rows), len(joints), 4), dtype=torch.float64)
    local[..., 0] = 1.0
    column = 0
    for index, joint in enumerate(joints):
        turned = [place for place, name in enumerate(joint.channels) if name.endswith("rotation")]
        for place, name in enumerate(joint.channels):
            if name.endswith("position"):  # in place of the offset, as LAFAN and MotionBuilder mean it
                offsets[:, index, "XYZ".index(name[0])] = numbers[:, column + place]
        order = "".join(joint.channels[place][0] for place in turned)
        local[:, index] = skeletal.from_angles(order, numbers[:, [column + place for place in turned]])
        column += len(joint.channels)
    pos, quat = skeletal.forward(parents, scale * offsets, local, scale * offsets[:, 0])
    if _up(source, pos.numpy()) == "y":
        pos, quat = skeletal.in_our_axes(skeletal.Y_UP_Z_FORWARD, pos, quat)
    names = [joint.name for joint in joints]
    return skeletal.skeleton_motion(source, names, parents, pos, quat, fps, source.loops)


def _scale(source: Source, joints: list[_Joint]) -> float:
    """Metres of one unit: the user's, or what makes the skeleton at rest as tall as a person."""
    if source.asked.scale is not None:
        return source.asked.scale
    places: list[np.ndarray] = []
    for joint in joints:
        places.append(np.array(joint.offset) + places[joint.parent] if joint.parent >= 0 else np.zeros(3))
    height = float(np.ptp(np.array(places), axis=0).max())
    fitting = [(scale, unit) for (low, high), scale, unit in _UNITS if low <= height <= high]
    if not fitting:
        source.refuse(
            f"the skeleton measures {height:.4g} units, and a person about 1.7 m: say how many metres one unit is, as"
            " with --scale 0.0254 for inches"
        )
    scale, unit = fitting[0]
    source.note(f"lengths taken as {unit}: the skeleton measures {height:.4g}; --scale says otherwise")
    return scale


def _up(source: Source, pos: np.ndarray) -> str:
    """The axis that points up: the user's, else y, with a note where the body rather stands along z."""
    if source.asked.up is not None:
        return source.asked.up
    extent = np.ptp(pos, axis=1).mean(axis=0)
    hint = "; the body is longer along z, so look at it" if extent[2] > 1.2 * extent[1] else ""
    source.note(f"y taken as up, as BVH mostly has it{hint}; --up z says otherwise")
    return "y"
