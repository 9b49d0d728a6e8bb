"""A robot on legs on the ground and what its tasks share: servos, observations, the mirror image, smoothness."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.rotations import about_z, heading, rotate_inverse
from rlkit.sims import models
from rlkit.sims.api import ContactSensor, ResetState, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, Task, TaskError, observation, reward
from rlkit.tasks.robots.legged_robot import LeggedRobot
from rlkit.tasks.robots.servos import Servos

CONTACT_FORCE = 1.0  # N: more than that is a foot on the ground


class LeggedTask(Task):
    """A robot on legs (`task.robot`), driven by one position target for each of its joints.

    centre, up, down: `[J]` rad, where an action of 0 puts a target, and how far from there 1 and -1 do.
    """

    success_ends = False

    @classmethod
    @abstractmethod
    def robot_in(cls, config: Mapping[str, Any]) -> LeggedRobot:
        """The robot of a `task` section; raises TaskError where it is none that may have the task."""

    @property
    def robot(self) -> LeggedRobot:
        """The robot that has the task."""
        return self.robot_in(self.config)

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The robot on flat ground; raises TaskError where `task.robot` is none that may have the task."""
        robot = cls.robot_in(config)
        return SceneSpec(
            mjcf=models.load(robot.name),
            joints=robot.joints,
            actuators=robot.joints,
            bodies=(robot.root,),
            free_bodies=(robot.root,),
            contacts=tuple(ContactSensor(foot, foot) for foot in robot.feet),
        )

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        device, robot = self.device, self.robot
        self.num_joints, self.num_feet = len(robot.joints), len(robot.feet)
        self.action_names = robot.joints
        self.root = sim.body(robot.root)
        self._soles = sim.contacts(robot.feet)
        self.servos = Servos(robot.servos.values(), device)
        self.stance = torch.tensor(robot.stance, device=device)  # [J] rad
        self._low, self._high = sim.joint_range.unbind(-1)  # [J] rad
        self.centre, self.up, self.down = self.stance, self._high - self.stance, self.stance - self._low
        margin = 0.5 * (1.0 - float(config.get("softLimits", 1.0))) * (self._high - self._low)
        self._soft_low, self._soft_high = self._low + margin, self._high - margin  # [J] rad
        self._down_axis = torch.tensor([0.0, 0.0, -1.0], device=device)
        self.targets = self.buffer("targets", self.num_joints)  # rad
        self.last_actions = self.buffer("last_actions", self.num_joints)  # [-1, 1]
        self.earlier_actions = self.buffer("earlier_actions", self.num_joints)  # of the step before
        self.earlier_joint_vel = self.buffer("earlier_joint_vel", self.num_joints)  # rad/s

    # Actions.

    def controls(self, actions: Tensor) -> Tensor:
        """Joint targets `[N, J]`, rad."""
        self.last_actions.copy_(actions)
        self.targets.copy_(self.middle() + torch.where(actions > 0, actions * self.up, actions * self.down))
        return self.targets

    def middle(self) -> Tensor:
        """Where an action of 0 puts the targets in this step, rad: `[J]`, or `[N, J]` where that moves."""
        return self.centre

    def deployment(self) -> dict[str, Any]:
        """The rule from actions to joint targets, with each joint's stance, centre, reach and servo."""
        robot = self.robot
        parts = (robot.stance, self.centre.tolist(), self.up.tolist(), self.down.tolist())
        rows = zip(robot.joints, zip(*parts), robot.servos.values())
        return {
            "robot": robot.name,
            "mode": "position",
            "rule": "target = centre + action * (up if action > 0 else down), held for a control period;"
            " torque = stiffness * (target - angle) - damping * velocity, within the limit",
            "joints": [
                {"name": name, **dict(zip(("stance", "centre", "up", "down"), angles)), **servo._asdict()}
                for name, angles, servo in rows
            ],
            "units": dict.fromkeys(robot.joints, "rad"),
        }

    def drive_as(self, control: Mapping[str, Any]) -> None:
        """See `Task.drive_as`: the other's centre and reach of each joint."""
        joints = {joint["name"]: joint for joint in control.get("joints", ())}
        missing = [
            name for name in self.robot.joints if not {"centre", "up", "down"} <= joints.get(name, {}).keys()
        ]
        if missing:
            raise TaskError(
                f"the policy's deployment does not say where an action puts the joint {missing[0]}"
            )
        self.centre, self.up, self.down = (
            torch.tensor([float(joints[name][part]) for name in self.robot.joints], device=self.device)
            for part in ("centre", "up", "down")
        )

    # State.

    def refresh(self) -> None:
        """The root in its own frames, the servos' torques, and which feet are on the ground."""
        sim = self.sim
        self.root_pos, self.root_quat = sim.body_pos[:, self.root], sim.body_quat[:, self.root]
        self.heading = heading(self.root_quat)
        # m/s, x is where it faces
        self.velocity = rotate_inverse(self.heading, sim.body_lin_vel[:, self.root])
        self.gravity = rotate_inverse(self.root_quat, self._down_axis.expand_as(self.root_pos))
        self.torques = self.servos.torques(self.targets, sim.joint_pos, sim.joint_vel)
        self.on_ground = sim.contact_force[:, self._soles].norm(dim=-1) > CONTACT_FORCE

    def above_ground(self, places: Tensor) -> Tensor:
        """Heights `[...]` m of places `[..., 3]` m, world, above the ground below them: here a plane at 0."""
        return places[..., 2]

    def remember(self) -> None:
        """Keep actions and velocities to compare with."""
        self.earlier_actions.copy_(self.last_actions)
        self.earlier_joint_vel.copy_(self.sim.joint_vel)

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Task.reset`: the stance facing any way, with a little noise; at rest."""
        k, noise = len(env_ids), self.config["resetNoise"]
        joints = self.stance + self.uniform(-1.0, 1.0, k, self.num_joints) * float(noise["joints"])
        joints = torch.minimum(torch.maximum(joints, self._low), self._high)
        pose = torch.zeros(k, 1, 7, device=self.device)
        pose[:, 0, 2] = self.robot.stance_height + self.uniform(0.0, 1.0, k) * float(noise["height"])
        pose[:, 0, 3:] = about_z(self.uniform(-1.0, 1.0, k) * math.radians(float(noise["yaw"])))
        self.targets[env_ids] = joints
        return ResetState(joints, torch.zeros_like(joints), pose, torch.zeros(k, 1, 6, device=self.device))

    def spin(self) -> Tensor:
        """Angular velocity of the root in its own frame, `[N, 3]` rad/s."""
        return rotate_inverse(self.root_quat, self.sim.body_ang_vel[:, self.root])

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """The plane between left and right: vectors lose the sign of y, rotations that of x and z."""
        joints = self.robot.joint_mirror()
        names = ("joint_pos_rel", "joint_pos", "joint_vel", "joint_torques", "prev_actions", "actions")
        return {
            **dict.fromkeys(names, joints),
            "feet_on_ground": self.robot.feet_mirror(),
            "root_state": (list(range(13)), [1, -1, 1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1]),
        }

    # Observations.

    @observation("num_joints", alias="joint_offsets")
    def joint_pos_rel(self) -> Tensor:
        """Joint angles less those of the stance, rad."""
        return self.sim.joint_pos - self.stance

    @observation("num_joints", alias="joint_angles")
    def joint_pos(self) -> Tensor:
        """Joint angles, rad."""
        return self.sim.joint_pos

    @observation("num_joints", alias="joint_velocities")
    def joint_vel(self) -> Tensor:
        """Joint velocities, rad/s."""
        return self.sim.joint_vel

    @observation("num_joints")
    def joint_torques(self) -> Tensor:
        """The servos' torques by their law, N m."""
        return self.torques

    @observation("num_joints")
    def prev_actions(self) -> Tensor:
        """The last actions in [-1, 1]."""
        return self.last_actions

    @observation("num_feet")
    def feet_on_ground(self) -> Tensor:
        """1 for each foot, of pairs left then right, that carries more than 1 N."""
        return self.on_ground.float()

    @observation(13)
    def root_state(self) -> Tensor:
        """Position (m), orientation wxyz, velocity (m/s) and angular velocity (rad/s) of the root, world."""
        velocity, spin = self.sim.body_lin_vel[:, self.root], self.sim.body_ang_vel[:, self.root]
        return torch.cat((self.root_pos, self.root_quat, velocity, spin), dim=-1)

    # Rewards that other terms go with.

    @reward
    def alive(self) -> Tensor:
        """1."""
        return torch.ones_like(self.root_pos[:, 0])

    @reward
    def torque(self) -> Tensor:
        """Σ τ² of the servos' own law, (N m)²."""
        return (self.torques**2).sum(dim=-1)

    @reward
    def joint_acceleration(self) -> Tensor:
        """Σ ((q̇ − q̇ of the step before) / control period)², (rad/s²)²."""
        return (((self.sim.joint_vel - self.earlier_joint_vel) / self.control_period) ** 2).sum(dim=-1)

    @reward
    def action_rate(self) -> Tensor:
        """Σ (a − a of the step before)²."""
        return ((self.last_actions - self.earlier_actions) ** 2).sum(dim=-1)

    @reward
    def joint_limits(self) -> Tensor:
        """Σ rad by which joints are beyond the middle `softLimits` of their ranges."""
        angles = self.sim.joint_pos
        return ((self._soft_low - angles).clamp(min=0.0) + (angles - self._soft_high).clamp(min=0.0)).sum(
            dim=-1
        )
