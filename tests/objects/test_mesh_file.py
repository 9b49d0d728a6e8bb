"""Meshes of the user's: what is read, and what is refused with what would help."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from known_objects import BOX_FACES, box_points, obj

from rlkit.objects import mesh_file
from rlkit.objects.mesh_file import MeshError, read

POINTS = box_points(1.0, 2.0, 3.0)


def written(folder: Path, text: str | bytes, name: str = "thing.obj") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def triangles() -> list[tuple[tuple[float, float, float], ...]]:
    return [
        tuple(POINTS[i] for i in corners) for a, b, c, d in BOX_FACES for corners in ((a, b, c), (a, c, d))
    ]


def test_an_obj_with_faces_of_four_corners_textures_and_a_seam_is_eight_points(tmp_path: Path) -> None:
    seam = obj([*POINTS, POINTS[7]], [*BOX_FACES[:5], (1, 3, 8, 5)])
    lines = ["# made by hand", "vt 0 0", *seam.replace("f 1 3 4 2", "f 1/1/1 3/1 4//1 2").splitlines()]
    mesh = read(written(tmp_path, "\n".join(lines)))
    assert sorted(mesh.points) == sorted(POINTS) and len(mesh.faces) == 12


def test_an_stl_is_the_same_in_binary_and_in_text(tmp_path: Path) -> None:
    rows = b"".join(
        struct.pack("<12fH", 0, 0, 0, *(x for corner in one for x in corner), 0) for one in triangles()
    )
    binary = bytes(80) + struct.pack("<I", 12) + rows
    corners = ["".join(f"vertex {x} {y} {z}\n" for x, y, z in one) for one in triangles()]
    text = "solid a\n" + "".join(
        f"facet normal 0 0 0\nouter loop\n{one}endloop\nendfacet\n" for one in corners
    )
    first, second = read(written(tmp_path, binary, "a.stl")), read(written(tmp_path, text, "b.STL"))
    assert first == second and len(first.points) == 8 and len(first.faces) == 12


def test_a_mesh_that_is_inside_out_is_turned(tmp_path: Path) -> None:
    inward = [face[::-1] for face in BOX_FACES]
    right, turned = (
        read(written(tmp_path, obj(POINTS, faces), f"{len(faces[0])}{i}.obj"))
        for i, faces in enumerate((BOX_FACES, inward))
    )
    assert {tuple(sorted(face)) for face in turned.faces} != set()
    volume = sum(mesh_file._six_volumes(*(turned.points[i] for i in face)) for face in turned.faces) / 6
    assert volume == pytest.approx(6.0) and len(right.faces) == len(turned.faces)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.obj", obj(POINTS, BOX_FACES[:5]), "is not closed: 4 of its 17 edges have a face on one side alone"),
        ("a.obj", obj(POINTS, [*BOX_FACES[:5], BOX_FACES[5][::-1]]), "make its normals consistent"),
        ("a.obj", obj(POINTS[:3], [(0, 1, 2), (0, 2, 1)]), "encloses no volume"),
        ("a.obj", "v 0 0 0\nf 1 2 3\n", "is no OBJ file: it has 1 points and 1 faces that fit them"),
        ("a.obj", "v 0 zero 0\n", "is no OBJ file: could not convert string to float"),
        ("a.obj", obj([*POINTS[:7], (float("inf"), 2.0, 3.0)], BOX_FACES), "a corner that is not finite"),
        ("a.stl", "solid nothing\nendsolid\n", "is no STL file: it has 0 corners of triangles"),
        ("a.dae", "", "a mesh is a file .stl or .obj, and this ends in .dae"),
    ],
)  # fmt: skip
def test_what_is_no_solid_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(MeshError, match=said.replace(".", r"\.")):
        read(written(tmp_path, text, name))


def test_files_that_are_missing_or_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MeshError, match=r"there is no such file$"):
        read(str(tmp_path / "nothing.stl"))
    with pytest.raises(MeshError, match="there is no such file in /"):
        read("nothing.stl")
    path = written(tmp_path, obj(POINTS, BOX_FACES))
    monkeypatch.setattr(mesh_file, "MOST_FACES", 11)
    with pytest.raises(
        MeshError, match="has 12 triangles, and 11 are the most; what touches is its convex hull"
    ):
        read(path)
    monkeypatch.setattr(mesh_file, "_MOST_BYTES", 10)
    with pytest.raises(MeshError, match="MB, and 0 are the most"):
        read(path)
