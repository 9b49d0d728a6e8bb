"""Reach: bring the middle between the fingertips to a random goal and keep it there."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.sims import models
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import HoldTimer, TaskError, observation, reward, success
from rlkit.tasks.robots.panda import JOINTS, NUM_ARM, Panda, add_marker, forward

NUM_GOALS = 4096
_DRAWS = 1 << 17  # poses that the goals are chosen from
_CLEARANCE = 0.08  # m, every link's origin above the ground: a link is 6 cm thick


class Reach(Panda):
    """Solved when the grasp point has stayed within `successDistance` of the goal for `successDuration`.

    Goals are where drawn joint angles put the grasp point, so every goal has a pose that reaches it. They are one
    table, the same for every seed and simulator; which one an episode gets is drawn. The gripper stays as it begins.
    """

    drives_gripper = False

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The arm, and a ball that shows the goal."""
        return SceneSpec(
            mjcf=add_marker(models.load("panda"), "goal", "0.2 0.75 0.35 0.7"),
            joints=JOINTS,
            actuators=JOINTS,
            bodies=("hand", "goal"),
            sites=("grasp",),
            free_bodies=("goal",),
        )

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        space = config["goalSpace"]
        limits = sim.joint_range[self.arm].cpu()
        self.goals = reachable_goals(limits, space["low"], space["high"]).to(self.device)  # [goals, 3] m
        self.goal = self.buffer("goal", 3)  # m, world
        self.hold = HoldTimer(self, "hold_time")

    # State.

    def refresh(self) -> None:
        """Add where the goal is, seen from the grasp point."""
        super().refresh()
        self.to_goal = self.goal - self.grasp_position
        self.distance = self.to_goal.norm(dim=-1)  # m

    def advance(self) -> None:
        """Run the timer of the hold: unbroken time at the goal."""
        self.hold.run(self.distance < float(self.config["successDistance"]))

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Panda.reset`; with a goal of the table."""
        chosen = torch.randint(len(self.goals), (len(env_ids),), generator=self.generator, device=self.device)
        self.goal[env_ids] = self.goals[chosen]
        return super().reset(env_ids)

    def free_body_state(self, env_ids: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.free_body_state`: the ball at the goal."""
        pose = torch.zeros(len(env_ids), 1, 7, device=self.device)
        pose[:, 0, :3] = self.goal[env_ids]
        pose[:, 0, 3] = 1.0
        return pose, torch.zeros(len(env_ids), 1, 6, device=self.device)

    # Observations.

    @observation(7, alias="arm_positions")
    def arm_joint_pos(self) -> Tensor:
        """The arm's seven joints, rad."""
        return self.sim.joint_pos[:, self.arm]

    @observation(7, alias="arm_velocities")
    def arm_joint_vel(self) -> Tensor:
        """Their velocities, rad/s."""
        return self.sim.joint_vel[:, self.arm]

    @observation(7)
    def arm_target_error(self) -> Tensor:
        """Target minus position of the arm's joints, rad."""
        return self.targets[:, :NUM_ARM] - self.sim.joint_pos[:, self.arm]

    @observation(3)
    def goal_pos(self) -> Tensor:
        """The goal, m, world."""
        return self.goal

    @observation(3)
    def grasp_to_goal(self) -> Tensor:
        """From the grasp point to the goal, m, world."""
        return self.to_goal

    @observation(1)
    def hold_time(self) -> Tensor:
        """How long the grasp point has been at the goal without a break, s."""
        return self.hold.time[:, None]

    # Rewards: none above zero, so that the quickest episode has the largest return.

    @reward
    def goal_distance(self) -> Tensor:
        """−tanh(5 d), d the distance to the goal in m: a slope from afar."""
        return -torch.tanh(5.0 * self.distance)

    @reward
    def goal_precision(self) -> Tensor:
        """exp(−d / 2 cm) − 1: the last centimetres."""
        return torch.exp(-self.distance / 0.02) - 1.0

    # Endings.

    @success
    def goal_reached(self) -> Tensor:
        """At the goal for long enough."""
        return self.hold.reached(float(self.config["successDuration"]))


def reachable_goals(limits: Tensor, low: list[float], high: list[float]) -> Tensor:
    """The table of goals `[NUM_GOALS, 3]` m: grasp points within the box `low` to `high`, m, world.

    limits: `[7, 2]` rad, on the CPU. The poses are drawn uniformly within them,
    and those with a link or the grasp point near the ground are left out. Raises TaskError when too few remain.
    """
    draw = torch.rand(_DRAWS, NUM_ARM, generator=torch.Generator().manual_seed(0))
    points = forward(limits[:, 0] + draw * (limits[:, 1] - limits[:, 0]))
    grasp = points[:, -1]
    inside = ((grasp >= torch.tensor(low)) & (grasp <= torch.tensor(high))).all(dim=-1)
    found = grasp[inside & (points[..., 2] > _CLEARANCE).all(dim=-1)]
    if len(found) < NUM_GOALS:
        raise TaskError(
            f"task.goalSpace low={list(low)} high={list(high)}: of {_DRAWS} drawn poses {len(found)} put the gripper"
            f" in there, {NUM_GOALS} are needed; make it larger, or move it into the arm's reach of 1 m"
        )
    return found[:NUM_GOALS].contiguous()
