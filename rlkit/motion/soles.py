"""The soles of a robot: points of its feet's contact geoms, how high they are, and how fast where they touch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlkit.motion.differences import Spans, angular_velocities, linear_velocities
from rlkit.motion.kinematics import compiled
from rlkit.motion.robots import Robot
from rlkit.rotations import rotate

_SPHERE, _CAPSULE, _CYLINDER, _BOX = 2, 3, 5, 6  # mujoco.mjtGeom
_AROUND = np.stack([(np.cos(a), np.sin(a), 0.0) for a in np.linspace(0.0, 2 * np.pi, 8, endpoint=False)])
_CORNERS = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(-1, 3)


class Soles:
    """P balls that the contact geoms of the feet are made of: ends of capsules, corners of boxes (of no radius).

    Meshes and ellipsoids are taken by their boxes. Empty where the robot's feet are not known.
    """

    def __init__(self, robot: Robot, dtype: torch.dtype = torch.float64) -> None:
        model = compiled(robot) if robot.feet else None
        found = [
            (robot.bodies.index(foot), point, radius)
            for foot in robot.feet
            for point, radius in balls(model, model.body(foot).id)  # type: ignore[union-attr]
        ]
        self.bodies = torch.tensor([body for body, _, _ in found], dtype=torch.long)
        self.points = torch.tensor(np.array([point for _, point, _ in found]).reshape(-1, 3), dtype=dtype)
        self.radii = torch.tensor([radius for _, _, radius in found], dtype=dtype)

    def __len__(self) -> int:
        return len(self.radii)

    def heights(self, body_pos: Tensor, body_quat: Tensor) -> Tensor:
        """Lowest points `[..., P]` m above z = 0, of bodies `[..., B, 3]` m, `[..., B, 4]` wxyz, body to world."""
        return self._centres(body_pos, body_quat)[..., 2] - self.radii

    def speeds(self, body_pos: Tensor, body_quat: Tensor, spans: Spans) -> Tensor:
        """Horizontal speeds `[F, P]` m/s of the lowest points, world frame.

        body_pos: `[F, B, 3]` m. body_quat: `[F, B, 4]` wxyz, body to world. A ball that rolls does not skate: the speed
        is that of the material which is below.
        """
        velocity = linear_velocities(self._centres(body_pos, body_quat), spans)
        turning = angular_velocities(body_quat[:, self.bodies], spans)
        # omega x (0, 0, -r)
        below = torch.stack((-turning[..., 1] * self.radii, turning[..., 0] * self.radii), dim=-1)
        return (velocity[..., :2] + below).norm(dim=-1)

    def _centres(self, body_pos: Tensor, body_quat: Tensor) -> Tensor:
        return body_pos[..., self.bodies, :] + rotate(body_quat[..., self.bodies, :], self.points)


def balls(model: Any, body: int) -> list[tuple[np.ndarray, float]]:
    """Centres `[3]` m in the body's frame and radii, m, of the balls that the body's contact geoms are made of."""
    found = []
    for geom in range(model.body_geomadr[body], model.body_geomadr[body] + model.body_geomnum[body]):
        if not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
            continue
        size, radius = model.geom_size[geom], 0.0
        kind = int(model.geom_type[geom])
        if kind == _SPHERE:
            local, radius = np.zeros((1, 3)), float(size[0])
        elif kind == _CAPSULE:
            local, radius = np.array([[0.0, 0.0, size[1]], [0.0, 0.0, -size[1]]]), float(size[0])
        elif kind == _CYLINDER:
            rim = size[0] * _AROUND
            local = np.concatenate((rim + [0.0, 0.0, size[1]], rim - [0.0, 0.0, size[1]]))
        elif kind == _BOX:
            local = size * _CORNERS
        else:
            box = model.geom_aabb[geom]
            local = box[:3] + box[3:] * _CORNERS
        turn = torch.tensor(model.geom_quat[geom]).expand(len(local), 4)
        placed = model.geom_pos[geom] + rotate(turn, torch.tensor(local)).numpy()
        found += [(point, radius) for point in placed]
    return found
