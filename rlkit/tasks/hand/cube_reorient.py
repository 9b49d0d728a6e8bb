"""CubeReorient: turn a cube in the hand to one orientation after another."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.objects.scene import with_objects
from rlkit.objects.settings import objects_of
from rlkit.objects.solid import solid_of
from rlkit.rotations import (
    about_z,
    angle_between,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate_inverse,
    six_d,
)
from rlkit.sims import models
from rlkit.sims.api import SceneSpec, Simulator
from rlkit.tasks.api import TaskError, fact, failure, metric, observation, reward, success, unit
from rlkit.tasks.base_task import NUM_BASE, BaseTask

AXES = ("vertical", "any")
FACES = {  # the direction of each and its colour, so that views show how the cube is turned
    (1, 0, 0): "0.85 0.2 0.2 1",
    (-1, 0, 0): "0.95 0.55 0.15 1",
    (0, 1, 0): "0.2 0.65 0.3 1",
    (0, -1, 0): "0.2 0.4 0.85 1",
    (0, 0, 1): "0.95 0.95 0.95 1",
    (0, 0, -1): "0.95 0.85 0.2 1",
}


class CubeReorient(BaseTask):
    """The palm is up and a cube lies in it; whenever its orientation is that of the goal, there is a new goal.

    A goal is reached within `goal.tolerance`, wherever the cube is in the hand. The next is turned from it by an angle
    of `goal.angle`. Solved when at least `successGoals` were reached in an episode without a drop, decided in its last
    step.
    """

    success_ends = False

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The hand, and a free cube of the configured size, mass and friction with a colour on each face."""
        (box,) = objects_of(config["box"], None)
        (mjcf,) = with_objects(models.load("dexhand"), "box", [solid_of(box)])
        return cls.scene_with("box", [paint(mjcf, float(config["box"]["size"]))])

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self._any_axis, self._angles = _goal_turns(config["goal"])
        self._tolerance = float(config["goal"]["tolerance"])  # rad
        self._success_goals = int(config["successGoals"])
        self._drop_distance = float(config["dropDistance"])  # m
        self._home = torch.tensor(config["box"]["position"], device=self.device)  # [3] m, world
        self._start = self._initial_targets()[NUM_BASE:]  # [12] rad
        self.box = sim.body("box")
        self.goal = self.buffer("goal", 4)  # wxyz, box to world
        self.goals = self.buffer("goals")  # reached in this episode
        self.goal_time = self.buffer("goal_time")  # s, when the last of them was
        self.last_angle = self.buffer("last_angle")  # rad, to the goal, a control step ago
        self.older_actions = self.buffer("older_actions", self.last_actions.shape[1])

    # State.

    def refresh(self) -> None:
        """Add the cube, and how far it is turned from the goal."""
        super().refresh()
        sim, box = self.sim, self.box
        self.box_position, self.box_quat = sim.body_pos[:, box], sim.body_quat[:, box]
        self.away = self.box_position - self._home  # [N, 3] m
        self.angle = angle_between(self.goal, self.box_quat)  # [N] rad
        self.at_goal = self.angle < self._tolerance

    def controls(self, actions: Tensor) -> Tensor:
        """As the parent's, `[N, 25]` (m, rad); the actions before are kept for `action_rate`."""
        self.older_actions.copy_(self.last_actions)
        return super().controls(actions)

    def advance(self) -> None:
        """Count a goal that is reached."""
        super().advance()
        self.goals += self.at_goal
        time = self.steps_played * self.control_period
        self.goal_time.copy_(torch.where(self.at_goal, time, self.goal_time))

    def remember(self) -> None:
        """Draw the next goal where one has been reached, and keep how far each is: it has been paid for."""
        super().remember()
        self.goal.copy_(torch.where(self.at_goal[:, None], self._next_goals(self.goal), self.goal))
        self.angle = angle_between(self.goal, self.box_quat)
        self.last_angle.copy_(self.angle)

    def _next_goals(self, quats: Tensor) -> Tensor:
        """Goals `[k, 4]`, each turned from one of `quats` `[k, 4]` about a drawn axis of the world, either way.

        The largest angle grows with the level of `task.randomization.curriculum`.
        """
        k, (low, high) = len(quats), self._angles
        angle = self.uniform(low, low + self.level * (high - low), k)
        if self._any_axis:
            axis = torch.randn(k, 3, generator=self.generator, device=self.device)
            turn = from_rotation_vector(angle[:, None] * axis / axis.norm(dim=-1, keepdim=True))
        else:
            turn = about_z(torch.where(self.uniform(-1.0, 1.0, k) < 0.0, -angle, angle))
        return multiply(turn, quats)

    def free_body_state(self, env_ids: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.free_body_state`: the cube at rest in the hand, turned about the vertical; with its first goal."""
        k, box = len(env_ids), self.config["box"]
        pose = torch.zeros(k, 1, 7, device=self.device)
        reach, yaw = float(box["xyRange"]), math.radians(float(box["yawRange"]))
        pose[:, 0, :3] = self._home
        pose[:, 0, :2] += self.uniform(-reach, reach, k, 2)
        pose[:, 0, 3:] = about_z(self.uniform(-yaw, yaw, k))
        goals = self._next_goals(pose[:, 0, 3:])
        self.goal[env_ids] = goals
        self.last_angle[env_ids] = angle_between(goals, pose[:, 0, 3:])
        return pose, torch.zeros(k, 1, 6, device=self.device)

    def ghost(self, env_ids: Tensor) -> Mapping[str, Tensor]:
        """See `Task.ghost`: a cube turned as the goal, `goal.shownAt` (m, world)."""
        place = torch.tensor(self.config["goal"]["shownAt"], device=self.device).expand(len(env_ids), 3)
        return {"box": torch.cat((place, self.goal[env_ids]), dim=-1)}

    # Observations.

    @observation(3)
    def box_displacement(self) -> Tensor:
        """From where the cube began to where it is, m, world."""
        return self.away

    @observation(6)
    def box_rotation(self) -> Tensor:
        """The first two columns of the cube's rotation matrix, cube to world."""
        return six_d(self.box_quat)

    @observation(6)
    def goal_rotation(self) -> Tensor:
        """Those of the goal's."""
        return six_d(self.goal)

    @observation(6)
    def goal_turn(self) -> Tensor:
        """Those of the turn that is left, from the cube to the goal, world."""
        return six_d(multiply(self.goal, conjugate(self.box_quat)))

    @observation(6)
    def box_vel(self) -> Tensor:
        """The cube's linear (m/s) and angular (rad/s) velocity, world."""
        sim, box = self.sim, self.box
        return torch.cat((sim.body_lin_vel[:, box], sim.body_ang_vel[:, box]), dim=-1)

    @observation(12)
    def finger_target_error(self) -> Tensor:
        """Target minus position of the twelve finger controls, rad: what the servos push against."""
        return self.targets[:, NUM_BASE:] - self.sim.joint_pos[:, self._observed]

    @observation(12)
    def finger_prev_actions(self) -> Tensor:
        """The last actions of the fingers in [-1, 1]."""
        return self.last_actions[:, NUM_BASE:]

    @observation(15)
    def pads_to_box(self) -> Tensor:
        """From the cube's centre to each finger pad, m, in the cube's frame."""
        off = self.pad_pos - self.box_position[:, None]
        return rotate_inverse(self.box_quat[:, None], off).flatten(1)

    # Rewards.

    @reward
    def goal_orientation(self) -> Tensor:
        """1 / (θ + 0.1), θ (rad) from the cube to the goal (rot_rew of IsaacGymEnvs, its rot_eps)."""
        return 1.0 / (self.angle + 0.1)

    @reward
    def goal_progress(self) -> Tensor:
        """By how much θ (rad) has become smaller in this step."""
        return self.last_angle - self.angle

    @reward
    def goal_reached(self) -> Tensor:
        """1 in the step that reaches a goal: the next step has another."""
        return self.at_goal.float()

    @reward
    def box_distance(self) -> Tensor:
        """How far the cube is from where it began, m."""
        return self.away.norm(dim=-1)

    @reward
    def action_size(self) -> Tensor:
        """Σ a² of the actions."""
        return self.last_actions.square().sum(dim=-1)

    @reward
    def action_rate(self) -> Tensor:
        """Σ (Δa)² of the actions since the step before."""
        return (self.last_actions - self.older_actions).square().sum(dim=-1)

    @reward
    def finger_pose(self) -> Tensor:
        """Σ (target − first pose)² of the twelve finger controls, rad²."""
        return (self.targets[:, NUM_BASE:] - self._start).square().sum(dim=-1)

    # What an episode came to.

    @metric
    @unit("rad")
    def goal_angle(self) -> Tensor:
        """`[N]` rad: how far the cube is turned from the goal."""
        return self.angle

    @fact(more_is_better=True)
    def consecutive_goals(self) -> Tensor:
        """`[N]`: goals reached, one after another, before the episode ended or the cube was dropped."""
        return self.goals

    @fact("s")
    def time_to_goal(self) -> Tensor:
        """`[N]` s: the mean time that a goal took, of those reached; NaN where there is none."""
        return self.goal_time / self.goals

    @fact()
    def dropped(self) -> Tensor:
        """`[N]`: 1 where the cube was dropped."""
        return self.box_dropped().float()

    # Endings.

    @success
    def goals_in_sequence(self) -> Tensor:
        """At the end of the episode: at least `successGoals` reached, and no drop."""
        return self.out_of_time() & (self.goals >= self._success_goals) & ~self.box_dropped()

    @failure
    def box_dropped(self) -> Tensor:
        """The cube is further than `dropDistance` from where it began."""
        return self.away.norm(dim=-1) > self._drop_distance

    def success_words(self) -> str:
        """The number of goals, their tolerance, and no drop."""
        return f"at the end, {self._success_goals} goals or more, each within {self._tolerance:g} rad, and no drop"


def _goal_turns(goal: Mapping[str, Any]) -> tuple[bool, tuple[float, float]]:
    """Whether goals turn about any axis, and by how much (rad); raises TaskError for what cannot be."""
    axis, (low, high), tolerance = str(goal["axis"]), map(float, goal["angle"]), float(goal["tolerance"])
    if axis not in AXES:
        raise TaskError(f"task.goal.axis={axis!r}: allowed are {' and '.join(AXES)}")
    if not 0.0 < tolerance < low <= high <= math.pi:
        raise TaskError(
            f"task.goal.angle=[{low:g}, {high:g}] rad: from more than task.goal.tolerance={tolerance:g}, else a goal is"
            " reached when it is drawn, to at most 3.14159, least first"
        )
    return axis == "any", (low, high)


def paint(mjcf: str, size: float) -> str:
    """The scene `mjcf` with a plate of its own colour on each face of the body "box", edge `size` (m).

    The plates touch nothing and have no mass.
    """
    root = ET.fromstring(mjcf)
    body = root.find(".//body[@name='box']")
    assert body is not None
    half, thick = 0.5 * size, 0.0004
    for normal, colour in FACES.items():
        centre = " ".join(f"{half * part:g}" for part in normal)
        extent = " ".join(f"{thick if part else 0.9 * half:g}" for part in normal)
        ET.SubElement(
            body,
            "geom",
            type="box",
            pos=centre,
            size=extent,
            contype="0",
            conaffinity="0",
            mass="0",
            rgba=colour,
        )
    return ET.tostring(root, encoding="unicode")
