"""The heights that tasks look up are those of MuJoCo's own surface."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch
from known_terrain import SMALL

from rlkit.sims.mjcf import MjcfError, unpacked
from rlkit.terrain.field import HeightField, height_field
from rlkit.terrain.ground import Ground
from rlkit.terrain.scene import on_terrain

PLANE = (
    '<mujoco><worldbody><geom name="ground" type="plane" size="1 1 1" friction="0.7"/></worldbody></mujoco>'
)
CPU = torch.device("cpu")


def compiled(mjcf: str) -> mujoco.MjModel:
    text, files = unpacked(mjcf)
    return mujoco.MjSpec.from_string(text, assets=files).compile()


def test_heights_are_straight_over_both_triangles_of_a_cell() -> None:
    corners = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)  # rows along y, columns along x
    ground = Ground(HeightField(corners, (1.0, -1.0), 0.5, np.zeros((1, 1, 3), np.float32)), CPU)
    places = torch.tensor(
        [
            *([1.0, -1.0], [1.5, -1.0], [1.0, -0.5], [1.5, -0.5]),  # the corners
            [1.25, -0.75],  # the diagonal: (0 + 4) / 2
            [1.5, -0.75],  # between 1 and 4
            [1.25, -0.875],  # x 0.5, y 0.25: 0.5 (1 - 0) + 0.25 (4 - 1)
            [1.125, -0.75],  # x 0.25, y 0.5: 0.5 (2 - 0) + 0.25 (4 - 2)
            [0.0, -9.0],  # beyond
            [float("nan"), 0.0],
        ]
    )
    assert ground.height(places)[:9].tolist() == pytest.approx([0.0, 1.0, 2.0, 4.0, 2.0, 2.5, 1.25, 1.5, 0.0])
    assert torch.isfinite(ground.height(places)).all()


def test_it_is_the_surface_that_mujocos_rays_find() -> None:
    field = height_field(SMALL)
    model = compiled(on_terrain(PLANE, field))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    random, down, hit = np.random.default_rng(1), np.array([0.0, 0.0, -1.0]), np.zeros(1, np.int32)
    places = random.uniform((-2.9, -2.9), (6.9, 26.9), (500, 2))
    rays = [
        5.0 - mujoco.mj_ray(model, data, np.array([*place, 5.0]), down, None, 1, -1, hit) for place in places
    ]
    looked_up = Ground(field, CPU).height(torch.tensor(places, dtype=torch.float32))
    assert looked_up.numpy() == pytest.approx(np.array(rays), abs=2e-5)


def test_the_plane_gives_way_to_the_field_and_keeps_all_else() -> None:
    model = compiled(on_terrain(PLANE, height_field(SMALL)))
    assert model.geom("ground").type[0] == int(mujoco.mjtGeom.mjGEOM_HFIELD)
    assert model.geom("ground").friction[0] == 0.7 and model.ngeom == 1
    with pytest.raises(MjcfError, match="takes the place of the plane"):
        on_terrain("<mujoco><worldbody/></mujoco>", height_field(SMALL))


def test_the_edge_is_told_from_both_sides() -> None:
    ground = Ground(height_field(SMALL), CPU)  # x from -3 to 7, y from -3 to 27
    places = torch.tensor(
        [[0.0, 0.0], [-2.6, 0.0], [-2.4, 0.0], [6.6, 0.0], [6.4, 26.4], [0.0, 26.6], [0.0, 90.0]]
    )
    assert ground.beyond(places, 0.5).tolist() == [False, True, False, True, False, True, True]
