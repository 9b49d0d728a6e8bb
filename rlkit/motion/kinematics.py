"""Where the bodies of a robot are, from its joints: forward kinematics in batches, on the device."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import torch
from torch import Tensor

from rlkit.motion.errors import MotionError
from rlkit.motion.robots import Robot
from rlkit.rotations import multiply_columns, rotate_columns
from rlkit.sims import mjcf

_CHUNK = 4096  # poses at once on a CPU: what they need stays in a core's cache
_HINGE = 3  # mujoco.mjtJoint
_OTHERS = {0: "free", 1: "a ball", 2: "a slide"}


class Kinematics:
    """A robot with a free root and hinges, with the numbers of MuJoCo's model of it.

    robot: its bodies (the root first) and joints name the columns here. low, high: `[J]` rad, the joints' ranges,
    infinite where there are none. Raises MotionError for other joints, and where MuJoCo is missing.
    """

    def __init__(
        self, robot: Robot, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.robot, self.device = robot, torch.device(device)
        model = compiled(robot)
        links = _links(model, robot)

        def numbers(values: Sequence[Any]) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=self.device)

        def columns(name: str) -> Tensor:  # [3 or 4, links, 1]
            return numbers([getattr(link, name) for link in links]).T[..., None]

        def places(values: Sequence[int]) -> Tensor:
            return torch.tensor(values, device=self.device)

        depths = [link.depth for link in links]
        self._levels = [
            slice(depths.index(d), depths.index(d) + depths.count(d)) for d in range(1, max(depths) + 1)
        ]
        self._parents = places([link.parent for link in links])
        self._offset, self._quat, self._anchor = columns("offset"), columns("quat"), columns("anchor")
        axis = columns("axis")
        self._quat_axis = torch.stack(multiply_columns(self._quat.unbind(), (0.0 * axis[0], *axis)))
        self._has_anchors = bool(self._anchor.any())
        self._anchor_at_zero = torch.stack(rotate_columns(self._quat.unbind(), self._anchor.unbind()))
        self._zero = numbers([link.zero for link in links])
        # Links without a hinge take the column behind the last joint, which is zero.
        self._columns = places([link.joint % (len(robot.joints) + 1) for link in links])
        of_body = {link.body: number for number, link in enumerate(links)}
        self._bodies = places([of_body[body] for body in range(len(robot.bodies))])
        ranges = [_range(model, name) for name in robot.joints]
        self.low, self.high = numbers([low for low, _ in ranges]), numbers([high for _, high in ranges])

    def poses(self, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor) -> tuple[Tensor, Tensor]:
        """Positions `[..., B, 3]` m and rotations `[..., B, 4]` wxyz, body to world, of all bodies, world frame.

        root_pos: `[..., 3]` m. root_quat: `[..., 4]` wxyz, body to world, unit length. joint_pos: `[..., J]` rad.
        """
        shape, count = root_pos.shape[:-1], root_pos[..., 0].numel()
        pos = root_pos.new_empty(count, len(self.robot.bodies), 3)
        quat = root_pos.new_empty(count, len(self.robot.bodies), 4)
        flat = (root_pos.reshape(-1, 3), root_quat.reshape(-1, 4), joint_pos.reshape(count, -1))
        size = _CHUNK if self.device.type == "cpu" else max(count, 1)
        for start in range(0, count, size):
            rows = slice(start, start + size)
            pos[rows], quat[rows] = self._poses(*(values[rows] for values in flat))
        return pos.reshape(*shape, -1, 3), quat.reshape(*shape, -1, 4)

    def _poses(self, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor) -> tuple[Tensor, Tensor]:
        """Of poses `[n, ...]`; inside, numbers of one kind lie together, as `[4, links, n]`, which is twice as fast."""
        angles = torch.nn.functional.pad(joint_pos, (0, 1)).T[self._columns] - self._zero[:, None]
        cosine, sine = (0.5 * angles).cos(), (0.5 * angles).sin()
        local = cosine * self._quat + sine * self._quat_axis
        offset = self._offset.expand(-1, -1, len(root_pos))
        if self._has_anchors:
            swing = rotate_columns(local.unbind(), self._anchor.unbind())
            offset = offset + self._anchor_at_zero - torch.stack(swing)
        pos, quat = torch.empty_like(offset), torch.empty_like(local)
        pos[:, 0], quat[:, 0] = root_pos.T, root_quat.T
        for level in self._levels:
            above = quat[:, self._parents[level]]
            for column, value in zip(quat, multiply_columns(above.unbind(), local[:, level].unbind())):
                column[level] = value
            from_parent = rotate_columns(above.unbind(), offset[:, level].unbind())
            for column, parent, value in zip(pos, pos[:, self._parents[level]], from_parent):
                torch.add(parent, value, out=column[level])
        return pos[:, self._bodies].permute(2, 1, 0), quat[:, self._bodies].permute(2, 1, 0)


def compiled(robot: Robot) -> Any:
    """MuJoCo's model of a robot; raises MotionError where MuJoCo is missing or refuses it."""
    try:
        import mujoco
    except ImportError as error:
        raise MotionError(
            "the kinematics of motions are read from a model by MuJoCo, which is not installed here: pip install mujoco"
        ) from error
    text, assets = mjcf.unpacked(robot.mjcf)
    try:
        return mujoco.MjModel.from_xml_string(text, assets)  # type: ignore[attr-defined]
    except ValueError as error:
        raise MotionError(f"robot {robot.name}: MuJoCo refuses its model: {error}") from error


class _Link(NamedTuple):
    """A body, or a part of one that has several hinges: fixed in its parent but for one hinge."""

    body: int  # of the robot's
    parent: int
    depth: int
    joint: int = -1  # of the robot's; -1 where it is fixed
    offset: Sequence[float] = (0.0, 0.0, 0.0)
    quat: Sequence[float] = (1.0, 0.0, 0.0, 0.0)
    axis: Sequence[float] = (0.0, 0.0, 0.0)
    anchor: Sequence[float] = (0.0, 0.0, 0.0)  # of the hinge, in the link's frame
    zero: float = 0.0  # rad, the hinge's angle in the pose that the model's file shows


def _links(model: Any, robot: Robot) -> list[_Link]:
    """The robot's links, those of one depth together, so that each depth is one operation."""
    links = [_Link(body=0, parent=0, depth=0)]
    of_body = {model.body(robot.root).id: 0}  # body of the model -> its last link
    for number, name in enumerate(robot.bodies[1:], start=1):
        body = model.body(name).id
        above = of_body[model.body_parentid[body]]
        place = {"offset": model.body_pos[body].tolist(), "quat": model.body_quat[body].tolist()}
        for joint in range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body]):
            hinge = _hinge(model, joint, robot)
            links.append(_Link(number, above, links[above].depth + 1, **place, **hinge))
            above, place = len(links) - 1, {}
        if place:
            links.append(_Link(number, above, links[above].depth + 1, **place))
            above = len(links) - 1
        of_body[body] = above
    order = sorted(range(len(links)), key=lambda number: links[number].depth)
    new = {old: place for place, old in enumerate(order)}
    return [links[old]._replace(parent=new[links[old].parent]) for old in order]


def _hinge(model: Any, joint: int, robot: Robot) -> dict[str, Any]:
    name, kind = model.joint(joint).name, int(model.jnt_type[joint])
    if kind != _HINGE:
        raise MotionError(
            f"robot {robot.name}: joint {name} is {_OTHERS[kind]}; motions are of robots whose root is free and whose"
            " other joints are hinges: a ball joint can be written as three hinges"
        )
    return {
        "joint": robot.joints.index(name),
        "axis": model.jnt_axis[joint].tolist(),
        "anchor": model.jnt_pos[joint].tolist(),
        "zero": float(model.qpos0[model.jnt_qposadr[joint]]),
    }


def _range(model: Any, name: str) -> tuple[float, float]:
    joint = model.joint(name).id
    return tuple(model.jnt_range[joint]) if model.jnt_limited[joint] else (-float("inf"), float("inf"))
