"""STL files of text become binary ones, which MuJoCo reads."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import struct

import mujoco
import pytest
import robot_files

from rlkit.sims import stl


def test_text_becomes_the_same_mesh() -> None:
    assert (
        stl.binary(robot_files.stl_text()) == stl.binary(robot_files.stl_text("VERTEX")) == robot_files.stl()
    )
    assert stl.binary(b"\r\n  " + robot_files.stl_text()) == robot_files.stl()
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><asset><mesh name="t" file="t.stl"/></asset></mujoco>',
        {"t.stl": stl.binary(robot_files.stl_text())},
    )
    assert model.mesh_facenum.tolist() == [4]


def test_what_is_binary_stays_as_it_is() -> None:
    named = b"solid, but binary".ljust(80) + robot_files.stl()[80:]
    for content in (robot_files.stl(), named, b"", b"\x89PNG"):
        assert stl.binary(content) is content
    assert struct.unpack_from("<I", named, 80) == (4,)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"  vertex 1.000000e+00 0.000000e+00 0.000000e+00\n", b"", "9 corners for 4 triangles"),
        (b"1.000000e+00", b"one", "could not convert"),
        (b"1.000000e+00", b"nan", "12 corners for 4 triangles, or one that is not finite"),
        (b"vertex", b"corner", "0 corners for 4 triangles"),
    ],
)
def test_a_broken_text_is_refused(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stl.binary(robot_files.stl_text().replace(old, new))
