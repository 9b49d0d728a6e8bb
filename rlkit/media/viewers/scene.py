"""A MuJoCo model as what a viewer draws: a shape for each visible geom, and the poses of the bodies."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
import trimesh

from rlkit.media.viewers.api import ViewerError
from rlkit.sims.mjcf import unpacked

_KINDS = mujoco.mjtGeom
_PLAIN = (0.5, 0.5, 0.5, 1.0)  # the colour of a geom that names none
_MOST_GROUP = 2  # MuJoCo shows the geom groups 0 to 2; the others are for collision
_WORLD = 0


@dataclass(frozen=True)
class Shape:
    """A visible geom: a mesh in its body's frame [m], and its colour, red green blue alpha in 0 to 1.

    body, geom: ids in the model. faceted: its edges are its own, not those of a round thing in triangles.
    """

    name: str
    body: int
    geom: int
    mesh: trimesh.Trimesh
    rgba: tuple[float, float, float, float]
    faceted: bool = False


@dataclass(frozen=True)
class Ground:
    """A plane of the model: its pose in the world [m, quaternion w x y z] and its colour."""

    position: np.ndarray
    quaternion: np.ndarray
    rgba: tuple[float, float, float, float]


class Scene:
    """The compiled model, what of it is drawn, and where its bodies are.

    bodies: names, unnamed ones by number. moving: ids of the bodies that can move. not_drawn: geoms of
    kinds that have no shape here. Raises ViewerError for a model that MuJoCo cannot compile.
    """

    def __init__(self, mjcf: str) -> None:
        try:
            text, files = unpacked(mjcf)
            self.model = mujoco.MjSpec.from_string(text, assets=files).compile()
        except ValueError as error:
            raise ViewerError(f"MuJoCo cannot read the model to show: {error}") from error
        model = self.model
        self.data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, self.data)
        self.bodies = [model.body(i).name or f"body {i}" for i in range(model.nbody)]
        self.moving = [i for i in range(model.nbody) if model.body_weldid[i] != _WORLD]
        self.not_drawn: list[str] = []
        self.shapes: list[Shape] = []
        self.grounds: list[Ground] = []
        for geom in range(model.ngeom):
            self._add(geom)

    def pose(self, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions [nbody, 3] in m and quaternions [nbody, 4] wxyz, body to world, at qpos [nq]; world frame."""
        if np.shape(qpos) != (self.model.nq,):
            raise ViewerError(f"the state has {np.size(qpos)} positions, the model {self.model.nq}")
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)
        return self.data.xpos.copy(), self.data.xquat.copy()

    def _add(self, geom: int) -> None:
        model = self.model
        rgba = _colour(model, geom)
        if model.geom_group[geom] > _MOST_GROUP or rgba[3] == 0:
            return
        body, name = int(model.geom_bodyid[geom]), model.geom(geom).name or f"geom {geom}"
        kind = int(model.geom_type[geom])
        if kind == int(_KINDS.mjGEOM_PLANE):
            position, quaternion = self.data.xpos[body].copy(), np.zeros(4)
            offset = np.zeros(3)
            mujoco.mju_rotVecQuat(offset, model.geom_pos[geom], self.data.xquat[body])
            mujoco.mju_mulQuat(quaternion, self.data.xquat[body], model.geom_quat[geom])
            self.grounds.append(Ground(position + offset, quaternion, rgba))
            return
        mesh = _mesh(model, geom, kind)
        if mesh is None:
            self.not_drawn.append(name)
            return
        placed = trimesh.transformations.quaternion_matrix(model.geom_quat[geom])
        placed[:3, 3] = model.geom_pos[geom]
        mesh.apply_transform(placed)
        faceted = kind in (int(_KINDS.mjGEOM_BOX), int(_KINDS.mjGEOM_HFIELD))
        self.shapes.append(Shape(name, body, geom, mesh, rgba, faceted))


def _mesh(model: mujoco.MjModel, geom: int, kind: int) -> trimesh.Trimesh | None:
    """The geom's surface in its own frame; None for the kinds that are rare in robot models."""
    size = model.geom_size[geom]
    if kind == int(_KINDS.mjGEOM_BOX):
        return trimesh.creation.box(extents=2 * size)
    if kind == int(_KINDS.mjGEOM_SPHERE):
        return trimesh.creation.icosphere(subdivisions=3, radius=size[0])
    if kind == int(_KINDS.mjGEOM_CAPSULE):
        return trimesh.creation.capsule(radius=size[0], height=2 * size[1], count=(24, 24))
    if kind == int(_KINDS.mjGEOM_CYLINDER):
        return trimesh.creation.cylinder(radius=size[0], height=2 * size[1], sections=32)
    if kind == int(_KINDS.mjGEOM_ELLIPSOID):
        return trimesh.creation.icosphere(subdivisions=3).apply_scale(size)
    if kind == int(_KINDS.mjGEOM_MESH):
        return _model_mesh(model, int(model.geom_dataid[geom]))
    if kind == int(_KINDS.mjGEOM_HFIELD):
        return _surface(model, int(model.geom_dataid[geom]))
    return None


def _surface(model: mujoco.MjModel, hfield: int) -> trimesh.Trimesh:
    """The top of a height field, in the triangles that things rest on."""
    rows, columns = int(model.hfield_nrow[hfield]), int(model.hfield_ncol[hfield])
    first = int(model.hfield_adr[hfield])
    half_x, half_y, rise, _ = model.hfield_size[hfield]
    y, x = np.meshgrid(
        np.linspace(-half_y, half_y, rows), np.linspace(-half_x, half_x, columns), indexing="ij"
    )
    z = rise * model.hfield_data[first : first + rows * columns]
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    right, opposite, left = corner + 1, corner + columns + 1, corner + columns
    faces = np.concatenate((np.stack((corner, right, opposite), 1), np.stack((corner, opposite, left), 1)))
    return trimesh.Trimesh(np.stack((x.ravel(), y.ravel(), z), 1), faces, process=False)


def _model_mesh(model: mujoco.MjModel, mesh: int) -> trimesh.Trimesh:
    vertex, face = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
    return trimesh.Trimesh(
        model.mesh_vert[vertex : vertex + model.mesh_vertnum[mesh]],
        model.mesh_face[face : face + model.mesh_facenum[mesh]],
        process=False,
    )


def _colour(model: mujoco.MjModel, geom: int) -> tuple[float, float, float, float]:
    """A geom's own colour, else its material's: MuJoCo's order."""
    own, material = model.geom_rgba[geom], int(model.geom_matid[geom])
    if material >= 0 and np.allclose(own, _PLAIN):
        own = model.mat_rgba[material]
    red, green, blue, alpha = (float(value) for value in own)
    return red, green, blue, alpha
