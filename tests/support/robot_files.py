"""A small robot in several files, as those of others come: includes, meshes, textures, a height field, no names."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

ROBOT = """
<mujoco model="scout">
  <compiler angle="radian" meshdir="../assets/meshes" texturedir="../assets"/>
  <include file="shared/defaults.xml"/>
  <asset>
    <mesh file="wedge.obj" scale="0.1 0.1 0.1"/>
    <mesh name="block" file="parts/wedge.stl" scale="0.1 0.1 0.1"/>
    <texture name="skin" type="2d" file="skin.png"/>
    <material name="painted" texture="skin"/>
    <hfield name="hills" file="hills.png" size="3 3 0.2 0.1"/>
  </asset>
  <worldbody>
    <geom type="hfield" hfield="hills" pos="0 0 -1" contype="0" conaffinity="0"/>
    <include file="shared/body.xml"/>
  </worldbody>
  <actuator>
    <motor joint="knee" ctrlrange="-1 1" ctrllimited="true"/>
    <motor name="named" joint="knee" ctrlrange="-1 1" ctrllimited="true"/>
  </actuator>
</mujoco>"""
DEFAULTS = '<mujocoinclude><default><geom density="500"/></default></mujocoinclude>'
BODY = """
<mujocoinclude>
  <body name="trunk" pos="0 0 1">
    <freejoint/>
    <geom type="mesh" mesh="wedge" material="painted"/>
    <body pos="0.2 0 0">
      <joint axis="0 1 0" range="-1 1"/>
      <geom type="mesh" mesh="block"/>
      <body pos="0.2 0 0"><joint name="knee" axis="0 1 0" range="-1 1"/><geom size="0.05"/></body>
    </body>
  </body>
</mujocoinclude>"""
CORNERS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
FACES = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))


def robot(folder: Path) -> Path:
    """Write the robot below `folder` and return its main file."""
    files = {
        "robot/scout.xml": ROBOT.encode(),
        "robot/shared/defaults.xml": DEFAULTS.encode(),
        "robot/shared/body.xml": BODY.encode(),
        "assets/meshes/wedge.obj": obj(),
        "assets/meshes/parts/wedge.stl": stl(),
        "assets/skin.png": png(2, 2, 3),
        "assets/meshes/hills.png": png(4, 4, 1),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "robot" / "scout.xml"


def obj() -> bytes:
    """A tetrahedron of 1 m edges along the axes."""
    lines = [f"v {x} {y} {z}" for x, y, z in CORNERS]
    return "\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in FACES)]).encode() + b"\n"


def stl() -> bytes:
    """The same, binary."""
    rows = [struct.pack("<12fH", 0, 0, 0, *(x for k in face for x in CORNERS[k]), 0) for face in FACES]
    return bytes(80) + struct.pack("<I", len(rows)) + b"".join(rows)


def stl_text(word: str = "vertex") -> bytes:
    """The same as text."""
    faces = [
        "facet normal 0 0 0\n outer loop\n"
        + "".join(f"  {word} {' '.join(f'{x:e}' for x in CORNERS[k])}\n" for k in face)
        + " endloop\nendfacet\n"
        for face in FACES
    ]
    return ("solid tetra\n" + "".join(faces) + "endsolid tetra\n").encode()


def png(width: int, height: int, channels: int) -> bytes:
    """A picture that gets brighter from row to row, 8 bits, grey (1) or coloured (3)."""
    rows = b"".join(b"\0" + bytes([40 * (row + 1)]) * (width * channels) for row in range(height))
    header = struct.pack(">2I5B", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)
