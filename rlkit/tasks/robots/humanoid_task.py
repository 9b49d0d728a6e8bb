"""The humanoid on the ground and what its tasks share beside what every robot on legs has: its pelvis, and falling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from torch import Tensor

from rlkit.sims.api import SceneSpec
from rlkit.tasks.api import MirrorImage, TaskError, failure, observation
from rlkit.tasks.robots.humanoid_robot import HumanoidRobot
from rlkit.tasks.robots.humanoids import DEFAULT, HUMANOIDS, robot_of
from rlkit.tasks.robots.legged_task import LeggedTask


class HumanoidTask(LeggedTask):
    """A humanoid (`task.robot`), driven by one position target for each of its joints; see `LeggedTask`."""

    @classmethod
    def robot_in(cls, config: Mapping[str, Any]) -> HumanoidRobot:
        """The robot of a `task` section; a run from before there were several has none in it."""
        found = robot_of({"robot": DEFAULT, **config})
        if found is None:
            raise TaskError(
                f"task.robot={config['robot']}: no humanoid here is called so; there are {', '.join(HUMANOIDS)}"
            )
        return found

    @property
    def robot(self) -> HumanoidRobot:
        """The humanoid that has the task."""
        return self.robot_in(self.config)

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The robot on flat ground; raises TaskError where `task.robot` is no humanoid that is here."""
        spec = super().scene(config)
        return replace(spec, bodies=(*spec.bodies, *cls.robot_in(config).shoulders))

    # State.

    @property
    def pelvis(self) -> int:
        """Its place among the scene's bodies."""
        return self.root

    @property
    def pelvis_pos(self) -> Tensor:
        """`[N, 3]` m, world."""
        return self.root_pos

    @property
    def pelvis_quat(self) -> Tensor:
        """`[N, 4]` wxyz, body to world."""
        return self.root_quat

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """As of every robot on legs, with the pelvis's own vectors."""
        vector, rotation = ([0, 1, 2], [1.0, -1.0, 1.0]), ([0, 1, 2], [-1.0, 1.0, -1.0])
        return {
            **(super().mirror() or {}),
            "pelvis_height": ([0], [1.0]),
            "pelvis_gravity": vector,
            "pelvis_lin_vel": vector,
            "pelvis_ang_vel": rotation,
        }

    # Observations.

    @observation(1)
    def pelvis_height(self) -> Tensor:
        """Height of the pelvis above the ground below it, m."""
        return self.above_ground(self.pelvis_pos)[:, None]

    @observation(3)
    def pelvis_gravity(self) -> Tensor:
        """Unit vector straight down, in the pelvis's frame: (0, 0, -1) when upright."""
        return self.gravity

    @observation(3)
    def pelvis_lin_vel(self) -> Tensor:
        """Velocity of the pelvis, m/s: forward, left, up, in the frame turned with its heading alone."""
        return self.velocity

    @observation(3)
    def pelvis_ang_vel(self) -> Tensor:
        """Angular velocity of the pelvis, rad/s, in its own frame."""
        return self.spin()

    # Endings.

    @failure
    def fallen(self) -> Tensor:
        """The pelvis is below `fallHeight`, above the ground below it."""
        return self.above_ground(self.pelvis_pos) < float(self.config["fallHeight"])
