"""Small motion files of every format, made by hand for poses that are known."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np

LEG = """
<mujoco model="leg">
  <worldbody>
    <body name="base" pos="0 0 1">
      <freejoint/>
      <geom size="0.1"/>
      <body name="left" pos="0 0.1 0">
        <joint name="left_hip_joint" axis="0 1 0"/>
        <geom size="0.05"/>
        <body name="left_shin" pos="0 0 -0.4">
          <joint name="left_knee_joint" axis="0 1 0"/>
          <geom size="0.05"/>
        </body>
      </body>
      <body name="right" pos="0 -0.2 0">
        <joint name="right_hip_joint" axis="0 1 0"/>
        <geom size="0.05"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""
"""A robot of three hinges; counted level by level they are left hip, right hip, left knee."""

UPRIGHT = [1.0, 0.0, 0.0, 0.0]  # wxyz
HALF = 0.5**0.5


def leg(folder: Path) -> str:
    """The robot's file."""
    path = folder / "leg.xml"
    path.write_text(LEG)
    return str(path)


def csv(path: Path, rows: Sequence[Sequence[float]], header: str = "") -> Path:
    """Rows of numbers with commas, under a heading."""
    lines = [header] if header else []
    path.write_text("\n".join([*lines, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def deepmimic(path: Path, frames: list[dict[int, float]], loop: str = "none") -> Path:
    """Frames of 0.1 s at rest, but for the numbers at these places of the 44."""
    rest = [0.1, 0.0, 1.0, 0.0, *UPRIGHT, *UPRIGHT, *UPRIGHT]
    for _ in range(2):  # right, then left: hip, knee, ankle, shoulder, elbow
        rest += [*UPRIGHT, 0.0, *UPRIGHT, *UPRIGHT, 0.0]
    rows = [[frame.get(place, number) for place, number in enumerate(rest)] for frame in frames]
    path.write_text(json.dumps({"Loop": loop, "Frames": rows}))
    return path


BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 5 6 7
  CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation
  JOINT Thigh
  {
    OFFSET 0 -50 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -40 0
    }
  }
  JOINT Spine
  {
    OFFSET 0 80 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 0 0
    }
  }
}
MOTION
"""


def bvh(path: Path, rows: Sequence[Sequence[float]], step: float = 0.02) -> Path:
    """Rows of 12 numbers: position, then Y X Z of the hips, Z X Y of thigh and spine."""
    numbers = "\n".join(" ".join(map(str, row)) for row in rows)
    path.write_text(f"{BVH}Frames: {len(rows)}\nFrame Time: {step}\n{numbers}\n")
    return path


ASF = """# a comment
:version 1.10
:name TEST
:units
  mass 1.0
  length 0.0254
  angle deg
:documentation
  made by hand
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name hip  # straight to the left
    direction 2 0 0
    length 0.1
    axis 0 0 0 XYZ
  end
  begin
    id 2
    name thigh
    direction 0 -1 0
    length 0.4
    axis 0 0 90 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 3
    name shin
    direction 0 -1 0
    length 0.3
    axis 0 0 0 XYZ
    dof rx
    limits (-10.0 170.0)
  end
:hierarchy
  begin
    root hip
    hip thigh
    thigh shin
  end
"""


def amc(path: Path, frames: list[str]) -> Path:
    """Frames in AMC's words, and beside them the skeleton `<subject>.asf`."""
    (path.parent / f"{path.stem.split('_')[0]}.asf").write_text(ASF)
    numbered = "".join(f"{number}\n{frame}\n" for number, frame in enumerate(frames, 1))
    path.write_text(f"#!OML:ASF x.asf\n:FULLY-SPECIFIED\n:DEGREES\n{numbered}")
    return path


def poselib(path: Path, rotation: Any, root: Any, local: bool = True, **others: Any) -> Path:
    """A skeleton of pelvis, shin (0.5 m below) and foot (0.4 m below that); rotation [T, 3, 4] xyzw."""

    def tensor(value: Any) -> dict[str, Any]:
        return {"arr": np.array(value, np.float32), "context": {"dtype": "float32"}}

    tree = OrderedDict(
        node_names=["pelvis", "shin", "foot"],
        parent_indices=tensor([-1, 0, 1]),
        local_translation=tensor([[9, 9, 9], [0, 0, -0.5], [0, 0, -0.4]]),
    )
    content = OrderedDict(
        rotation=tensor(rotation), root_translation=tensor(root), skeleton_tree=tree, is_local=local, fps=60
    )
    content.update(others)
    np.save(path, content, allow_pickle=True)  # pyright: ignore[reportArgumentType]
    return path


def poselib_of(path: Path, value: Any) -> Path:
    """What numpy.save makes of any object."""
    np.save(path, np.array(value, dtype=object), allow_pickle=True)
    return path


class Planted:
    """Touches a file where somebody unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.marker,)


def require_live(planted: Planted) -> None:
    """The planted code does run where a plain pickle is loaded: what follows then proves something."""
    pickle.loads(pickle.dumps(planted))
    assert planted.marker.exists()
    planted.marker.unlink()
