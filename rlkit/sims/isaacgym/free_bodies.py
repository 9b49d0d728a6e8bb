"""Free bodies in Isaac Gym's tensor of root states, told as the seam tells them."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.rotations import rotate
from rlkit.sims.isaacgym.layout import numbers
from rlkit.sims.isaacgym.world import World

_WXYZ, _XYZW = [3, 0, 1, 2], [1, 2, 3, 0]  # from the other order


class FreeBodies:
    """All actors on a free joint, in the model's order.

    root: `[N, actors, 13]`, the sim's tensor: position from its own origin, quaternion xyzw, velocity of the centre of
    mass, angular velocity. origin: `[N, 3]` m, what it adds to each env's positions.

    Poses `[..., 7]` are position (m, without `origin`) and quaternion wxyz, body to world; velocities `[..., 6]` linear
    (m/s, of the body frame's origin), then angular (rad/s), world frame. `ids`: `[k]` envs.
    """

    def __init__(self, world: World, root: Tensor, listed: Sequence[str]) -> None:
        """listed: names of the free bodies that a reset sets, in its order."""
        trees, model = world.trees, world.model
        places = [k for k, tree in enumerate(trees) if tree.free]
        self._root = root
        self._places = torch.tensor(places, dtype=torch.int64, device=root.device)
        self.names = [trees[k].name for k in places]
        self._listed = torch.tensor(
            [self.names.index(name) for name in listed], dtype=torch.int64, device=root.device
        )
        self._start = numbers([np.concatenate((trees[k].pos, trees[k].quat)) for k in places], root.device, 7)
        centers = [model.body_ipos[trees[k].links[0].body] for k in places]
        self._center = numbers(centers, root.device, 3)
        # Whether positions count from an env's middle or from the world's: we know where we put the actors.
        put = torch.as_tensor(trees[0].pos, dtype=torch.float32, device=root.device)
        self.origin = (root[:, 0, :3] - put).clone()

    def start(self, k: int) -> tuple[Tensor, Tensor]:
        """The model's own poses `[k, free, 7]` and no velocities `[k, free, 6]`."""
        return self._start.repeat(k, 1, 1), torch.zeros(k, len(self.names), 6, device=self._root.device)

    def listed_start(self, k: int) -> tuple[Tensor, Tensor]:
        """`start` of the listed ones alone: `[k, listed, 7]` and `[k, listed, 6]`."""
        pose, velocity = self.start(k)
        return pose[:, self._listed], velocity[:, self._listed]

    def filled(self, pose: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
        """All poses `[k, free, 7]` and velocities `[k, free, 6]`: the listed ones' as given, the others' of the model.

        pose: `[k, listed, 7]`, velocity: `[k, listed, 6]`; quaternions become unit ones.
        """
        whole, moving = self.start(len(pose))
        whole[:, self._listed], moving[:, self._listed] = pose, velocity
        whole[..., 3:] = torch.nn.functional.normalize(whole[..., 3:], dim=-1)
        return whole, moving

    def put(self, ids: Tensor, pose: Tensor, velocity: Tensor) -> None:
        """Write poses `[k, free, 7]` and velocities `[k, free, 6]` of all free bodies in the envs `ids`."""
        quat, ang = pose[..., 3:], velocity[..., 3:]
        lin = velocity[..., :3] + torch.cross(ang, rotate(quat, self._center), dim=-1)
        pos = pose[..., :3] + self.origin[ids, None]
        self._root[ids[:, None], self._places] = torch.cat((pos, quat[..., _XYZW], lin, ang), dim=-1)

    def read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Poses `[k, free, 7]` and velocities `[k, free, 6]` of all free bodies in the envs `ids`."""
        pos, quat, lin, ang = unpacked(self._root[ids[:, None], self._places], self._center)
        return torch.cat((pos - self.origin[ids, None], quat), dim=-1), torch.cat((lin, ang), dim=-1)


def unpacked(rows: Tensor, center: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The sim's rows `[k, n, 13]` of bodies, as position, quaternion, linear and angular velocity.

    center: `[n, 3]` m, their centres of mass in the body's frame. `[k, n, 3]` m with the sim's origin, `[k, n, 4]`
    wxyz, body to world, `[k, n, 3]` m/s of the body frame's origin, `[k, n, 3]` rad/s, world frame.
    """
    quat, ang = rows[..., 3:7][..., _WXYZ], rows[..., 10:]
    arm = rotate(quat, center)
    return rows[..., :3], quat, rows[..., 7:10] - torch.cross(ang, arm, dim=-1), ang
