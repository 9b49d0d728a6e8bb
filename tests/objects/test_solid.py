"""Mass, inertia, extents and rest of objects, by hand."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_objects import BOX_FACES, box_points, obj, write_box

from rlkit.objects.mesh_file import MeshError
from rlkit.objects.scene import with_objects
from rlkit.objects.settings import SETS, names, objects_of
from rlkit.objects.solid import Solid, integrals, solid_of

BOX = {"size": 0.05, "mass": 0.1, "friction": 0.7}


def solid(**entry: Any) -> Solid:
    return solid_of(objects_of(BOX, [entry])[0])


# By hand, the numbers of a box of 0.12 kg: (4² + 2²)/12, (6² + 2²)/12, (6² + 4²)/12 in cm²; of a ball 2/5 m r².
@pytest.mark.parametrize(
    ("entry", "mass", "inertia", "size", "height"),
    [
        ({"shape": "box", "size": [0.06, 0.04, 0.02], "mass": 0.12}, 0.12,
         (2e-5, 4e-5, 5.2e-5), (0.06, 0.04, 0.02), 0.01),
        ({"shape": "box", "size": 0.1, "density": 500}, 0.5, (0.5 * 0.01 / 6,) * 3, (0.1,) * 3, 0.05),
        ({"shape": "sphere", "radius": 0.03, "mass": 0.2}, 0.2, (7.2e-5,) * 3, (0.06,) * 3, 0.03),
        # m/12 (3 r² + h²) = 0.2/12 (12 + 64) cm², m/2 r² = 0.4 cm²
        ({"shape": "cylinder", "radius": 0.02, "height": 0.08, "mass": 0.2}, 0.2,
         (1.2666667e-4, 1.2666667e-4, 4e-5), (0.04, 0.04, 0.08), 0.04),
        # volume: 4/3 pi 8 + pi 4 * 4 = 26.667 pi cm³, of which the balls are 0.4. Along: 0.6 m r²/2 + 0.4 m 2/5 r²
        # = 0.46 m r² ; across: 0.6 m (r²/4 + L²/12) + 0.4 m (2/5 r² + L²/4 + 3/8 L r), L = 4 cm: 1.4 + 3.44 of m cm²
        ({"shape": "capsule", "radius": 0.02, "height": 0.08, "mass": 0.2}, 0.2,
         (9.68e-5, 9.68e-5, 3.68e-5), (0.04, 0.04, 0.08), 0.02),
        ({"shape": "capsule", "radius": 0.02, "height": 0.08, "density": 1000}, 26.6666667e-6 * math.pi * 1000,
         None, (0.04, 0.04, 0.08), 0.02),
    ],
)  # fmt: skip
def test_a_shape_weighs_and_turns_as_worked_out_by_hand(
    entry: dict[str, Any], mass: float, inertia: tuple[float, ...] | None, size: Any, height: float
) -> None:
    found = solid(**entry)
    assert found.mass == pytest.approx(mass) and found.size == pytest.approx(size)
    assert found.rest_height == pytest.approx(height) and found.settings.friction == 0.7
    if inertia is not None:
        assert found.inertia == pytest.approx(inertia)


def test_a_mesh_of_a_box_is_that_box_wherever_it_is_in_its_file(tmp_path: Path) -> None:
    """In millimetres, and its least corner at the origin."""
    file = write_box(tmp_path / "brick.obj", 60.0, 40.0, 20.0)
    found = solid(shape="mesh", file=str(file), scale=0.001, density=2500)
    assert found.mass == pytest.approx(0.12) and found.inertia == pytest.approx((2e-5, 4e-5, 5.2e-5))
    assert found.size == pytest.approx((0.06, 0.04, 0.02)) and found.rest_quat == (1.0, 0.0, 0.0, 0.0)
    assert found.middle == pytest.approx((0, 0, 0), abs=1e-12) and found.rest_height == pytest.approx(0.01)
    assert sorted(found.points)[0] == pytest.approx((-0.03, -0.02, -0.01))


def test_the_axes_of_a_turned_mesh_are_the_principal_ones_and_it_lies_as_in_its_file(tmp_path: Path) -> None:
    """A box turned by 30 degrees about x, then 20 about y: at rest it is turned so, on its lowest corner."""
    about_x, about_y = math.radians(30.0), math.radians(20.0)
    (cx, sx), (cy, sy) = ((math.cos(angle), math.sin(angle)) for angle in (about_x, about_y))
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    points = (np.array(box_points(0.06, 0.04, 0.02)) @ turn.T).tolist()
    (tmp_path / "turned.obj").write_text(obj(points, BOX_FACES))
    found = solid(shape="mesh", file=str(tmp_path / "turned.obj"), mass=0.12)
    assert found.inertia == pytest.approx((2e-5, 4e-5, 5.2e-5)) and found.size == pytest.approx(
        (0.06, 0.04, 0.02)
    )
    lowest = np.abs(turn[2] * (0.03, 0.02, 0.01)).sum()
    assert found.rest_height == pytest.approx(lowest)
    half_x, half_y = about_x / 2, about_y / 2  # the product of both quaternions, by hand
    expected = (
        math.cos(half_y) * math.cos(half_x), math.cos(half_y) * math.sin(half_x),
        math.sin(half_y) * math.cos(half_x), -math.sin(half_y) * math.sin(half_x),
    )  # fmt: skip
    assert found.rest_quat == pytest.approx(expected)


def test_a_tetrahedron_is_a_sixth_of_its_box_and_its_centre_a_quarter_along() -> None:
    """Moment of inertia of the corner of a unit cube about its edge: 2 * 1/60; about the centre 1/30 - 2/16/6."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]) + 100.0
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    volume, centre, inertia = integrals(points, faces)
    assert volume == pytest.approx(1 / 6) and centre == pytest.approx([100.25] * 3)
    assert np.diag(inertia) == pytest.approx([1 / 30 - 2 / 96] * 3)
    assert inertia[0, 1] == pytest.approx(-(1 / 120 - 1 / 96))


def test_a_mesh_that_went_bad_after_the_request_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"the mesh .*gone\.obj: there is no such file"):
        solid(shape="mesh", file=str(tmp_path / "gone.obj"), mass=0.1)


def test_names_are_the_users_or_numbered_shapes() -> None:
    box, mesh = {"shape": "box"}, {"shape": "mesh", "file": "a/mug.stl"}
    entries = [box, {"shape": "box", "name": "brick"}, box, mesh]
    assert names(entries) == ["box", "brick", "box_2", "mug"]
    assert [one.name for one in objects_of(BOX, "shapes")] == ["box", "cylinder", "capsule", "sphere"]
    assert len(objects_of(BOX, [])) == 1 and all(len(objects_of(BOX, name)) > 1 for name in SETS)


def test_models_of_a_set_differ_in_the_object_alone() -> None:
    base = "<mujoco><worldbody/></mujoco>"
    models = with_objects(base, "box", [solid_of(one) for one in objects_of(BOX, "shapes")])
    geoms = [ET.fromstring(model).find("worldbody/body/geom") for model in models]
    assert [(geom.get("type"), geom.get("size")) for geom in geoms if geom is not None] == [
        ("box", "0.025 0.025 0.025"), ("cylinder", "0.025 0.03"), ("capsule", "0.022 0.023"), ("sphere", "0.028"),
    ]  # fmt: skip


def test_the_box_in_the_scene_is_the_configured_one() -> None:
    box = {"size": 0.06, "mass": 0.3, "friction": 0.7}
    (scene,) = with_objects(
        "<mujoco><worldbody/></mujoco>", "box", [solid_of(one) for one in objects_of(box, [])]
    )
    assert (
        'size="0.03 0.03 0.03"' in scene and 'mass="0.3"' in scene and 'friction="0.7 0.01 0.0001"' in scene
    )
    assert f'diaginertia="{" ".join([str(0.3 * 0.06**2 / 6.0)] * 3)}"' in scene
