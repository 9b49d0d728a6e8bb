"""Acclaim's ASF and AMC, as CMU's mocap database has them: bones in one file, degrees a frame in the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlkit.errors import shown
from rlkit.motion.readers.source import Source
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.untrusted import read_plain

SAYS = "Acclaim (CMU): .amc, with the .asf of its skeleton"

_INCH, _CMU_RATE = 0.0254, 120.0  # m; frames a second
_MOST = 1 << 22  # bytes of an .asf
_LINES = re.MULTILINE | re.IGNORECASE
_TURNS = ("rx", "ry", "rz")


@dataclass
class _Bone:
    name: str
    parent: int
    direction: np.ndarray  # unit length, world's axes at rest
    length: float  # m
    axis: tuple[str, np.ndarray]  # order and degrees of the frame that its turns are about
    turns: tuple[str, ...]


class _Skeleton(NamedTuple):
    bones: list[_Bone]  # the root and the bones, a parent before its children
    order: list[str]  # of the root's six numbers, as "TX"
    scale: float  # m of one unit


def recognises(source: Source) -> bool:
    """Whether it is an .amc, or the .asf that goes with one."""
    return (
        re.search(r"^:(FULLY-SPECIFIED|DEGREES|RADIANS|bonedata|version)\b", source.head_text, _LINES)
        is not None
    )


def read(source: Source) -> list[SkeletonMotion]:
    """The one motion of the file; raises MotionError, and what TORN names."""
    if re.search(r"^:(bonedata|version)\b", source.head_text, _LINES):
        source.refuse(
            f"it is a skeleton without motion; give the .amc, and this with --skeleton {source.path.name}"
        )
    path = _skeleton_file(source)
    skeleton = _read_skeleton(source, path)
    degrees, root = _frames(source, skeleton)
    fps = source.rate(_CMU_RATE, "as CMU records; the file does not say")
    return [_motion(source, skeleton, degrees, root, fps)]


def _skeleton_file(source: Source) -> Path:
    """The .asf: the user's, the one of the clip's subject (11 of 11_01), or the only one beside the clip."""
    if source.asked.skeleton is not None:
        return source.asked.skeleton
    beside = source.path.parent / f"{source.path.stem.split('_')[0]}.asf"
    found = [beside] if beside.is_file() else sorted(source.path.parent.glob("*.asf"))
    if len(found) != 1:
        source.refuse(
            f"{len(found)} skeletons (.asf) lie beside it; say which is its own with --skeleton FILE.asf"
        )
    source.note(f"bones of {found[0].name}; --skeleton says otherwise")
    return found[0]


def _read_skeleton(source: Source, path: Path) -> _Skeleton:
    text = "\n".join(
        line.split("#")[0] for line in read_plain(path, _MOST)[0].decode("utf-8-sig").splitlines()
    )
    parts = dict(re.findall(r"^:(\w+)([^\n]*\n(?:(?!:\w).*\n?)*)", text, flags=re.M))
    lacking = [name for name in ("units", "root", "bonedata", "hierarchy") if name not in parts]
    if lacking:
        source.refuse(f"the skeleton {shown(path)} has no :{', :'.join(lacking)}")
    units = dict(re.findall(r"(\w+)\s+(\S+)", parts["units"]))
    if not units.get("angle", "deg").startswith("deg"):
        source.refuse(f"the skeleton {shown(path)} has angles in {units['angle']}; degrees are read")
    scale = source.asked.scale
    if scale is None:
        scale = _INCH / float(units.get("length", "1"))
        source.note(
            f"one unit of length is {scale:.5f} m, an inch / {units.get('length', '1')}; --scale says otherwise"
        )
    root = {line.split()[0]: line.split()[1:] for line in parts["root"].splitlines() if line.split()}
    facts = {
        "root": _Bone(
            "root", -1, np.zeros(3), 0.0, (root["axis"][0].upper(), _vector(root["orientation"])), ()
        )
    }
    for block in re.findall(r"begin(.*?)end", parts["bonedata"], flags=re.S):
        bone = _bone(source, dict(re.findall(r"^\s*(\w+)\s+([^\n]+)", block, flags=re.M)), scale)
        facts[bone.name] = bone
    names, bones = ["root"], [facts["root"]]
    for line in parts["hierarchy"].splitlines():
        for name in line.split()[1:]:
            if line.split()[0] not in names or name not in facts or name in names:
                source.refuse(
                    f"the skeleton {shown(path)} has a :hierarchy that cannot be read at {line.strip()[:60]}"
                )
            facts[name].parent = names.index(line.split()[0])
            names.append(name)
            bones.append(facts[name])
    order = [word.upper() for word in root["order"]]
    if sorted(order) != ["RX", "RY", "RZ", "TX", "TY", "TZ"]:
        source.refuse(
            f"the skeleton {shown(path)} has the root's order {' '.join(order)}, not TX TY TZ RX RY RZ"
        )
    return _Skeleton(bones, order, scale)


def _bone(source: Source, facts: dict[str, str], scale: float) -> _Bone:
    turns = tuple(facts.get("dof", "").lower().split())
    if not set(turns) <= set(_TURNS):
        source.refuse(f"bone {facts['name']} slides ({' '.join(turns)}); bones that turn are read")
    *degrees, order = facts["axis"].split()
    direction = _vector(facts["direction"].split())
    direction = direction / max(float(np.linalg.norm(direction)), 1e-9)
    return _Bone(
        facts["name"].strip(),
        -1,
        direction,
        scale * float(facts["length"]),
        (order.upper(), _vector(degrees)),
        turns,
    )


def _vector(words: list[str]) -> np.ndarray:
    if len(words) != 3:
        raise ValueError(f"{len(words)} numbers for a vector of 3")
    return np.array(words, np.float64)


def _frames(source: Source, skeleton: _Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Degrees `[T, bones, 3]` about x, y and z, and the root's position `[T, 3]` in units of length."""
    bones = skeleton.bones
    places = {bone.name: index for index, bone in enumerate(bones)}
    orders = {bone.name: [_TURNS.index(turn) for turn in bone.turns] for bone in bones}
    if re.search(r"^:RADIANS\b", source.head_text, _LINES):
        source.refuse("its angles are radians; degrees are read")
    rows: list[np.ndarray] = []
    for line in source.text.splitlines():
        name, *values = line.split() or [""]
        if not name or name[0] in "#:":
            continue
        if name.isdigit() and not values:
            rows.append(np.zeros((len(bones) + 1, 3)))
        elif name == "root" and rows and len(values) == 6:
            six = dict(zip(skeleton.order, map(float, values)))
            rows[-1][0], rows[-1][-1] = [six[f"R{a}"] for a in "XYZ"], [six[f"T{a}"] for a in "XYZ"]
        elif name in places and rows and len(values) == len(orders[name]):
            rows[-1][places[name], orders[name]] = [float(value) for value in values]
        else:
            source.refuse(
                f"frame {len(rows)}: `{line.strip()[:60]}` fits no bone of the skeleton; is the .asf its own?"
            )
    if len(rows) < 2:
        source.refuse(f"it has {len(rows)} frames; a motion has two or more")
    numbers = np.array(rows)
    return numbers[:, :-1], numbers[:, -1]


def _motion(
    source: Source, skeleton: _Skeleton, degrees: np.ndarray, root: np.ndarray, fps: float
) -> SkeletonMotion:
    """A bone's joint is where its parent ends; the ends of the last bones are `<bone>_end`."""
    import torch

    from rlkit.motion.readers import skeletal
    from rlkit.rotations import conjugate, multiply

    bones, turns = skeleton.bones, torch.from_numpy(degrees)
    parents, names = [bone.parent for bone in bones], [bone.name for bone in bones]
    offsets = [
        bones[p].direction * bones[p].length if (p := bone.parent) >= 0 else np.zeros(3) for bone in bones
    ]
    local = []
    for index, bone in enumerate(bones):
        axes, angles = bone.axis
        frame = skeletal.from_angles(
            axes[::-1], torch.from_numpy(angles[["XYZ".index(a) for a in axes[::-1]]])
        )
        # Fixed axes, x first: the same as about turned axes with z first.
        turned = "".join(w[1] for w in skeleton.order if w[0] == "R") if index == 0 else "XYZ"
        motion = skeletal.from_angles(turned[::-1], turns[:, index, ["XYZ".index(a) for a in turned[::-1]]])
        frame = frame.expand_as(motion)
        local.append(multiply(multiply(frame, motion), conjugate(frame)))
    for index, bone in enumerate(bones):
        if index not in parents[1:] and index:
            names.append(f"{bone.name}_end")
            parents.append(index)
            offsets.append(bone.direction * bone.length)
            local.append(torch.tensor((1.0, 0.0, 0.0, 0.0), dtype=torch.float64).expand(len(degrees), 4))
    places = skeleton.scale * torch.from_numpy(root)
    pos, quat = skeletal.forward(parents, torch.from_numpy(np.array(offsets)), torch.stack(local, 1), places)
    pos, quat = skeletal.in_our_axes(skeletal.Y_UP_Z_FORWARD, pos, quat)
    return skeletal.skeleton_motion(source, names, parents, pos, quat, fps, source.loops)
