"""A robot as a retargeter sees it: its parts in MuJoCo, their places at zero, and its soles."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import numpy as np

from rlkit.motion.errors import MotionError
from rlkit.motion.retargeting.parts import SIDES, RobotMap
from rlkit.motion.robots import Robot
from rlkit.motion.soles import balls


class Figure:
    """A robot's model, on which one pose at a time is set.

    Its zero pose stands upright on flat feet and looks along x: from it the lengths are taken, and how a body's frame
    stands to front, left and up.

    model, data: MuJoCo's. joints: addresses of the hinges in qpos. low, high: their ranges, `[J]` rad. rest: part ->
    `[3, 3]`, a body's frame to the world at zero. soles: ankle -> points `[P, 3]` m in its body's frame, and the radii
    `[P]` m of the spheres there.
    """

    def __init__(self, robot: Robot, mapped: RobotMap) -> None:
        import mujoco

        self.robot, self.map = robot, mapped
        self.model: Any = mujoco.MjModel.from_xml_string(robot.mjcf)
        self.data: Any = mujoco.MjData(self.model)
        self.bodies = {part: self.model.body(body).id for part, (body, _) in mapped.parts.items()}
        self.at = {part: np.array(at) for part, (_, at) in mapped.parts.items()}
        self.root = int(self.model.joint(self.model.body(robot.root).jntadr[0]).qposadr[0])
        ids = [self.model.joint(name).id for name in robot.joints]
        self.joints = self.model.jnt_qposadr[ids]
        limited = self.model.jnt_limited[ids].astype(bool)
        self.low = np.where(limited, self.model.jnt_range[ids, 0], -np.inf)
        self.high = np.where(limited, self.model.jnt_range[ids, 1], np.inf)
        self.zero = self.model.qpos0.copy()
        self.zero[self.root : self.root + 7] = 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0
        self.zero[self.joints] = np.clip(0.0, self.low, self.high)
        self.set(self.zero)
        self.rest = {part: self.turn(part).copy() for part in mapped.parts}
        self._at_rest = {part: self.place(part).copy() for part in mapped.parts}
        self.soles = {f"{side}_ankle": self._sole(f"{side}_ankle") for side in SIDES}

    def set(self, qpos: np.ndarray) -> None:
        """Put the robot in the pose `[nq]`: places and turns are those of it then."""
        import mujoco

        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def place(self, part: str) -> np.ndarray:
        """Where a part is, `[3]` m in the world."""
        body = self.bodies[part]
        return self.data.xpos[body] + self.data.xmat[body].reshape(3, 3) @ self.at[part]

    def turn(self, part: str) -> np.ndarray:
        """A part's body to the world, `[3, 3]`."""
        return self.data.xmat[self.bodies[part]].reshape(3, 3)

    @property
    def leg(self) -> float:
        """Length of a leg from hip to ankle, m: the mean of both."""
        places = self._at_rest
        lengths = [
            np.linalg.norm(places[f"{side}_knee"] - places[f"{side}_hip"])
            + np.linalg.norm(places[f"{side}_ankle"] - places[f"{side}_knee"])
            for side in SIDES
        ]
        return float(np.mean(lengths))

    @property
    def half_hip_width(self) -> float:
        """From the middle to a hip, m."""
        return 0.5 * float(np.linalg.norm(self._at_rest["left_hip"] - self._at_rest["right_hip"]))

    @property
    def hips(self) -> np.ndarray:
        """The middle between the hips, `[3]` m from the pelvis, along its front, left and up."""
        return 0.5 * (self.hip("left") + self.hip("right"))

    def hip(self, side: str) -> np.ndarray:
        """A hip, `[3]` m from the pelvis, along its front, left and up."""
        return self._at_rest[f"{side}_hip"] - self._at_rest["pelvis"]

    def clearance(self, ankle: str, turn: np.ndarray) -> np.ndarray:
        """`[T]` m from the sole's lowest point up to the ankle, whose front, left and up point along `[T, 3, 3]`."""
        points, radii = self.soles[ankle]
        down = (turn @ self.rest[ankle])[:, 2]
        return (radii - (down @ (points - self.at[ankle]).T)).max(axis=-1)

    def lowest(self, ankle: str) -> tuple[np.ndarray, np.ndarray]:
        """As it is set: the sole's points `[P, 3]` m in the world, their heights over the ground `[P]` m."""
        points, radii = self.soles[ankle]
        body = self.bodies[ankle]
        world = self.data.xpos[body] + points @ self.turn(ankle).T
        return world, world[:, 2] - radii

    def ends(self, ankle: str) -> tuple[np.ndarray, np.ndarray]:
        """The lowest points of the sole at the heel and at the toes, each `[3]` m from the ankle to front, left, up."""
        points, radii = self.soles[ankle]
        points = (points - self.at[ankle]) @ self.rest[ankle].T
        middle, low = points[:, 1].mean(), (points[:, 2] - radii).min()
        return np.array([points[:, 0].min(), middle, low]), np.array([points[:, 0].max(), middle, low])

    def below_knee(self, ankle: str) -> np.ndarray:
        """`[J]`, which joints turn a foot against its shin."""
        body, knee = self.bodies[ankle], self.bodies[ankle.replace("ankle", "knee")]
        chain = set()
        while body not in (0, knee):
            chain.add(body)
            body = int(self.model.body_parentid[body])
        return np.isin([self.model.joint(name).bodyid[0] for name in self.robot.joints], list(chain))

    def _sole(self, ankle: str) -> tuple[np.ndarray, np.ndarray]:
        found = balls(self.model, self.bodies[ankle])
        if not found:
            raise MotionError(
                f"robot {self.robot.name}: {self.map.parts[ankle][0]}, which plays {ankle}, has no geom that touches"
                " the ground; name the body that has the sole"
            )
        return np.array([point for point, _ in found]), np.array([radius for _, radius in found])
