"""The Panda arm and what its tasks share: commands, first poses, and where a pose puts the gripper."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.rotations import about_z, multiply, rotate
from rlkit.sims import models
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import Task, observation
from rlkit.tasks.robots.targets import RULES, control_mode, described, next_targets

ARM = ("joint1", "joint2", "joint3", "joint4", "joint5", "joint6", "joint7")
FINGERS = ("finger_joint1", "finger_joint2")
JOINTS = ARM + FINGERS
COMMANDS = (*ARM, "gripper")
NUM_ARM, NUM_COMMANDS = len(ARM), len(COMMANDS)


class Panda(Task):
    """The arm on the ground, driven by 7 joint commands and, where the task has it, one of both fingers.

    What an action means is `task.controlMode`, see `rlkit.tasks.robots.targets`.
    """

    drives_gripper = True

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The arm alone."""
        return SceneSpec(models.load("panda"), JOINTS, JOINTS, bodies=("hand",), sites=("grasp",))

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self._mode = control_mode(config)
        self.action_names = COMMANDS if self.drives_gripper else ARM
        self.arm, self.fingers = sim.joints(ARM), sim.joints(FINGERS)
        self.hand, self._grasp = sim.body("hand"), sim.site("grasp")
        # [8] rad, m: the fingers' are equal
        self._low, self._high = sim.joint_range[sim.joints((*ARM, FINGERS[0]))].unbind(-1)
        speeds = [float(config["maxJointVelocity"])] * NUM_ARM + [float(config["maxGripperVelocity"])]
        self._speed = torch.tensor(speeds, device=self.device)  # [8] rad/s, m/s
        start = config["initialPose"]
        self._start = torch.tensor([*start["joints"], start["gripper"]], device=self.device)  # [8] rad, m
        self.targets = self.buffer("targets", NUM_COMMANDS)  # rad, m

    # Actions.

    def controls(self, actions: Tensor) -> Tensor:
        """Joint targets `[N, 9]` (rad, m)."""
        owned = slice(len(self.action_names))
        low, high, step = self._low[owned], self._high[owned], self._speed[owned] * self.control_period
        self.targets[:, owned] = next_targets(self._mode, self.targets[:, owned], actions, low, high, step)
        return self.joint_targets(self.targets)

    @staticmethod
    def joint_targets(targets: Tensor) -> Tensor:
        """Targets of the 9 joints `[k, 9]` from those of the 8 commands: both fingers get the gripper's."""
        return torch.cat((targets, targets[:, NUM_ARM:]), dim=-1)

    def deployment(self) -> dict[str, Any]:
        """The rule from actions to joint targets, and each command's unit, limits, start and joints."""
        joints = [{name: 1.0} for name in ARM] + [dict.fromkeys(FINGERS, 1.0)]
        limits = {"low": self._low, "high": self._high, "speed": self._speed, "start": self._start}
        units = ["rad"] * NUM_ARM + ["m"]
        return {
            "mode": self._mode,
            "rule": f"{RULES[self._mode]}; a joint's target is that of its command, held for a control period; a"
            " command whose action is null keeps its initial target",
            "commands": described(COMMANDS, units, joints, self.action_names, **limits),
            "units": {name: "m" if name in FINGERS else "rad" for name in JOINTS},
        }

    # State.

    def refresh(self) -> None:
        """Name the pieces of the simulator's state."""
        sim = self.sim
        self.hand_position = sim.body_pos[:, self.hand]  # the hand's origin, at the wrist's flange
        self.grasp_position, self.grasp_quat = sim.site_pos[:, self._grasp], sim.site_quat[:, self._grasp]
        self.finger_positions = sim.joint_pos[:, self.fingers]  # [N, 2] m, 0 closed

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Task.reset`: the configured pose with noise on the arm's joints, at rest; the targets begin there."""
        k = len(env_ids)
        targets = self._start.repeat(k, 1)
        targets[:, :NUM_ARM] += self.uniform(-1.0, 1.0, k, NUM_ARM) * float(
            self.config["resetNoise"]["joints"]
        )
        targets = torch.minimum(torch.maximum(targets, self._low), self._high)
        self.targets[env_ids] = targets
        joints = self.joint_targets(targets)
        return ResetState(joints, torch.zeros_like(joints), *self.free_body_state(env_ids))

    # Observations.

    @observation(9, alias="joint_positions")
    def joint_pos(self) -> Tensor:
        """The arm's seven joints (rad), then the two fingers (m)."""
        return self.sim.joint_pos

    @observation(9, alias="joint_velocities")
    def joint_vel(self) -> Tensor:
        """Their velocities, rad/s and m/s."""
        return self.sim.joint_vel

    @observation(9)
    def target_error(self) -> Tensor:
        """Target minus position of the nine joints, rad and m: what the servos push against."""
        return self.joint_targets(self.targets) - self.sim.joint_pos

    @observation(3)
    def hand_pos(self) -> Tensor:
        """The hand's origin, m, world."""
        return self.hand_position

    @observation(3)
    def grasp_pos(self) -> Tensor:
        """The middle between the fingertips, m, world."""
        return self.grasp_position


def add_marker(mjcf: str, name: str, rgba: str) -> str:
    """The scene `mjcf` with a floating ball `name` that touches nothing: it shows a goal in pictures, no more."""
    root = ET.fromstring(mjcf)
    world = root.find("worldbody")
    assert world is not None
    body = ET.SubElement(world, "body", name=name, gravcomp="1")
    ET.SubElement(body, "freejoint", name=name)
    ET.SubElement(body, "inertial", pos="0 0 0", mass="0.01", diaginertia="1e-5 1e-5 1e-5")
    ET.SubElement(body, "geom", type="sphere", size="0.02", contype="0", conaffinity="0", rgba=rgba)
    return ET.tostring(root, encoding="unicode")


def forward(arm: Tensor) -> Tensor:
    """Where arm angles `[k, 7]` (rad) put the parts: `[k, 8, 3]` m, the origins of link1 to link7, then the grasp.

    The chain is read from the model, in float32 of `arm`'s device.
    """
    root = ET.fromstring(models.load("panda"))
    position = torch.zeros(len(arm), 3, device=arm.device)
    turn = about_z(torch.zeros_like(arm[:, 0]))
    points = []
    for index in range(NUM_ARM):
        body = root.find(f".//body[@name='link{index + 1}']")
        assert body is not None
        position = position + rotate(turn, _numbers(body, "pos", "0 0 0", arm))
        turn = multiply(turn, _numbers(body, "quat", "1 0 0 0", arm).expand_as(turn))
        turn = multiply(turn, about_z(arm[:, index]))
        points.append(position)
    hand, site = root.find(".//body[@name='hand']"), root.find(".//site[@name='grasp']")
    assert hand is not None and site is not None
    # The hand turns about the axis that the site lies on.
    reach = _numbers(hand, "pos", "0 0 0", arm) + _numbers(site, "pos", "0 0 0", arm)
    return torch.stack((*points, position + rotate(turn, reach)), dim=1)


def _numbers(element: ET.Element, attribute: str, default: str, like: Tensor) -> Tensor:
    return torch.tensor([float(x) for x in element.get(attribute, default).split()], device=like.device)
