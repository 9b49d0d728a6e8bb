"""Where joint angles put the links, and how fast: what Isaac Gym itself knows only after its next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.rotations import multiply, rotate
from rlkit.sims.isaacgym.tree import Link, Tree


@dataclass(frozen=True)
class Motion:
    """Of links, world frame: `pos` `[k, links, 3]` m, `quat` `[k, links, 4]` wxyz, `lin` and `ang` `[k, links, 3]`.

    lin: velocity of the link frame's origin, m/s. ang: rad/s.
    """

    pos: Tensor
    quat: Tensor
    lin: Tensor
    ang: Tensor


class Kinematics:
    """The links of all trees, one after the other; one batched operation a link for all envs together."""

    def __init__(self, trees: Sequence[Tree], dofs: Sequence[str], device: torch.device) -> None:
        """dofs: names of the joints in the columns of `joint_pos`."""
        self.names: list[str] = []
        self._rows: list[_Row] = []
        free = [tree for tree in trees if tree.free]
        for tree in trees:
            first = len(self._rows)
            for link in tree.links:
                dof = dofs.index(link.joint) if link.joint else -1
                self._rows.append(_row(link, first, dof, device))
                self.names.append(link.name)
            root = self._rows[first]
            root.free = free.index(tree) if tree.free else -1
            root.pos, root.quat = _tensor(tree.pos, device), _tensor(tree.quat, device)

    def motion(self, joint_pos: Tensor, joint_vel: Tensor, free_pose: Tensor, free_vel: Tensor) -> Motion:
        """All links, at `joint_pos` (rad or m) and `joint_vel` (rad/s or m/s) `[k, dofs]`.

        free_pose: `[k, free, 7]` position (m) and unit quaternion wxyz, body to world. free_vel: `[k, free, 6]` linear
        (m/s, of the origin), then angular (rad/s), world frame.
        """
        k = len(joint_pos)
        pos: list[Tensor] = []
        quat: list[Tensor] = []
        lin: list[Tensor] = []
        ang: list[Tensor] = []
        for row in self._rows:
            if row.parent < 0:
                root = self._root(row, k, free_pose, free_vel)
            else:
                p = row.parent
                root = _carried(row, pos[p], quat[p], lin[p], ang[p])
            where, turn, speed, spin = root
            if row.dof >= 0:
                q, v = joint_pos[:, row.dof, None], joint_vel[:, row.dof, None]
                axis = rotate(turn, row.axis)
                if row.slides:
                    offset = axis * q
                    where, speed = where + offset, speed + torch.cross(spin, offset, dim=-1) + axis * v
                else:
                    half = 0.5 * q
                    turn = multiply(turn, torch.cat((half.cos(), half.sin() * row.axis), dim=-1))
                    spin = spin + axis * v
            for values, value in ((pos, where), (quat, turn), (lin, speed), (ang, spin)):
                values.append(value)
        return Motion(*(torch.stack(values, dim=1) for values in (pos, quat, lin, ang)))

    @staticmethod
    def _root(row: _Row, k: int, pose: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if row.free < 0:
            still = torch.zeros(k, 3, device=pose.device)
            return row.pos.expand(k, 3), row.quat.expand(k, 4), still, still
        p, v = pose[:, row.free], velocity[:, row.free]
        return p[:, :3], p[:, 3:], v[:, :3], v[:, 3:]


@dataclass
class _Row:
    """One link as tensors: its place among all links' rows, and its joint's among the columns."""

    parent: int
    dof: int
    slides: bool
    pos: Tensor
    quat: Tensor
    axis: Tensor
    free: int = -1


def _row(link: Link, first: int, dof: int, device: torch.device) -> _Row:
    parent = link.parent + first if link.parent >= 0 else -1
    return _Row(
        parent,
        dof,
        link.slides,
        _tensor(link.pos, device),
        _tensor(link.quat, device),
        _tensor(link.axis, device),
    )


def _carried(
    row: _Row, pos: Tensor, quat: Tensor, lin: Tensor, ang: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The link's frame at joint angle 0, moving with its parent."""
    arm = rotate(quat, row.pos)
    return pos + arm, multiply(quat, row.quat), lin + torch.cross(ang, arm, dim=-1), ang


def _tensor(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float32, device=device)
