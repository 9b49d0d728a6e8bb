"""BaseTask: the floating hand alone. Holding still is its optimum; other hand tasks build on it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.rotations import conjugate, multiply, rotate_inverse
from rlkit.sims import models
from rlkit.sims.api import ContactSensor, ResetState, SceneSpec, Simulator
from rlkit.tasks.api import HoldTimer, Task, TaskError, failure, observation, reward
from rlkit.tasks.robots import dexhand
from rlkit.tasks.robots.targets import RULES, control_mode, described, next_targets

NUM_BASE, NUM_CONTROLS, NUM_FINGERS = 6, 12, 5
NUM_COMMANDS = NUM_BASE + NUM_CONTROLS


class BaseTask(Task):
    """The DexHand on its six-axis base, driven by 6 base and 12 finger commands.

    What an action means is `task.controlMode`, see `rlkit.tasks.robots.targets`.
    """

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The hand over the ground."""
        return SceneSpec(
            mjcf=models.load("dexhand"),
            joints=dexhand.JOINTS,
            actuators=dexhand.JOINTS,
            bodies=(dexhand.HAND_BODY, dexhand.CARRIAGE_BODY),
            sites=dexhand.TIPS + dexhand.PADS,
            contacts=cls.finger_contacts(None),
        )

    @classmethod
    def scene_with(cls, body: str, models_: Sequence[str]) -> SceneSpec:
        """The hand and a free body that its fingers feel; models_: each with that body, envs have one of them each."""
        return SceneSpec(
            mjcf=models_[0],
            alternatives=tuple(models_) if len(models_) > 1 else (),
            joints=dexhand.JOINTS,
            actuators=dexhand.JOINTS,
            bodies=(dexhand.HAND_BODY, dexhand.CARRIAGE_BODY, body),
            sites=dexhand.TIPS + dexhand.PADS,
            free_bodies=(body,),
            contacts=cls.finger_contacts(body),
        )

    @staticmethod
    def finger_contacts(other: str | None) -> tuple[ContactSensor, ...]:
        """One sensor per finger: the force on its links, from everything or from the body `other` alone."""
        return tuple(
            ContactSensor(name, root, other, subtree=True)
            for name, root in zip(dexhand.FINGERS, dexhand.FINGER_ROOTS)
        )

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        device = self.device
        self._coupling = dexhand.coupling_matrix(device)
        self._base, self._fingers = sim.joints(dexhand.BASE_JOINTS), sim.joints(dexhand.FINGER_JOINTS)
        self._observed = sim.joints(dexhand.CONTROL_JOINTS)
        self._hand, self._carriage = sim.body(dexhand.HAND_BODY), sim.body(dexhand.CARRIAGE_BODY)
        self._tips, self._pads = sim.sites(dexhand.TIPS), sim.sites(dexhand.PADS)
        self._contacts = sim.contacts(dexhand.FINGERS)
        ranges = torch.cat((sim.joint_range[self._base], sim.joint_range[self._observed]))
        self._low, self._high = ranges.unbind(-1)  # [18] m or rad
        self._joint_low, self._joint_high = sim.joint_range[self._fingers].unbind(-1)  # [19] rad
        speeds = [config["maxBaseLinearVelocity"]] * 3 + [config["maxBaseAngularVelocity"]] * 3
        speeds += [config["maxFingerJointVelocity"]] * NUM_CONTROLS
        self._speed = torch.tensor(speeds, device=device)  # [18] m/s or rad/s
        self._mode = control_mode(config)
        self._policy_owned = self._owned_commands(config)
        commands = dexhand.BASE_JOINTS + dexhand.CONTROLS
        self.action_names = tuple(commands[i] for i in self._policy_owned.tolist())

        self.targets = self.buffer("targets", NUM_COMMANDS)  # m or rad
        self.last_actions = self.buffer("last_actions", NUM_COMMANDS)  # [-1, 1]
        self.contact = HoldTimer(self, "contact_time", NUM_FINGERS)
        # What the smoothness terms compare with: the values one control step ago.
        self.last_joint_vel = self.buffer("last_joint_vel", len(dexhand.JOINTS))
        self.last_hand_vel = self.buffer("last_hand_vel", 6)
        self.last_touching = self.buffer("last_touching", NUM_FINGERS, first=False)

    def _owned_commands(self, config: Mapping[str, Any]) -> Tensor:
        owned = [config["policyControlsHandBase"]] * NUM_BASE
        owned += [config["policyControlsFingers"]] * NUM_CONTROLS
        if not any(owned):
            raise TaskError(
                "task.policyControlsHandBase and task.policyControlsFingers are both false:"
                " nothing is left to control; set one of them to true"
            )
        return torch.tensor([i for i, own in enumerate(owned) if own], device=self.device)

    # Actions.

    def controls(self, actions: Tensor) -> Tensor:
        """Actuator targets `[N, 25]` (m, rad)."""
        self.last_actions[:, self._policy_owned] = actions
        step = self._speed * self.control_period
        wanted = next_targets(self._mode, self.targets, self.last_actions, self._low, self._high, step)
        self.targets[:, self._policy_owned] = wanted[:, self._policy_owned]
        return self.joint_targets(self.targets)

    def joint_targets(self, targets: Tensor) -> Tensor:
        """Targets of the 25 joints `[k, 25]` from those of the 18 commands `[k, 18]`."""
        return torch.cat((targets[:, :NUM_BASE], targets[:, NUM_BASE:] @ self._coupling.T), dim=-1)

    def deployment(self) -> dict[str, Any]:
        """The rule from actions to joint targets, and each command's unit, limits, start and joints."""
        names = dexhand.BASE_JOINTS + dexhand.CONTROLS
        couplings = [{name: 1.0} for name in dexhand.BASE_JOINTS] + list(dexhand.COUPLING.values())
        units = ["m"] * 3 + ["rad"] * (len(names) - 3)
        limits = {"low": self._low, "high": self._high, "speed": self._speed}
        return {
            "mode": self._mode,
            "rule": f"{RULES[self._mode]}; a joint's target = factor * target of its command, held for a control"
            " period; a command whose action is null keeps its initial target",
            "commands": described(
                names, units, couplings, self.action_names, **limits, start=self._initial_targets()
            ),
            "units": {name: "m" if name in dexhand.BASE_JOINTS[:3] else "rad" for name in dexhand.JOINTS},
        }

    # State.

    def refresh(self) -> None:
        """Name the pieces of the simulator's state."""
        sim = self.sim
        self.base_pos, self.finger_pos = sim.joint_pos[:, self._base], sim.joint_pos[:, self._fingers]
        self.base_vel, self.finger_vel = sim.joint_vel[:, self._base], sim.joint_vel[:, self._fingers]
        hand, tips, pads = self._hand, self._tips, self._pads
        self.hand_pos, self.hand_quat = sim.body_pos[:, hand], sim.body_quat[:, hand]
        self.hand_vel = torch.cat((sim.body_lin_vel[:, hand], sim.body_ang_vel[:, hand]), dim=-1)
        self.tip_pos, self.tip_quat = sim.site_pos[:, tips], sim.site_quat[:, tips]
        self.pad_pos, self.pad_quat = sim.site_pos[:, pads], sim.site_quat[:, pads]
        self.finger_force = sim.contact_force[:, self._contacts]
        self.force_magnitude = self.finger_force.norm(dim=-1)
        self.touching = self.force_magnitude > float(self.config["contactForceThreshold"])

    def advance(self) -> None:
        """Run the contact timers."""
        self.contact.run(self.touching)

    def remember(self) -> None:
        """Keep what the smoothness terms compare with."""
        self.last_joint_vel.copy_(self.sim.joint_vel)
        self.last_hand_vel.copy_(self.hand_vel)
        self.last_touching.copy_(self.touching)

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Task.reset`: the configured initial pose with its noise, everything at rest."""
        k, noise = len(env_ids), self.config["resetNoise"]
        targets = self._initial_targets().repeat(k, 1)
        targets[:, :3] += self.uniform(-1.0, 1.0, k, 3) * float(noise["handPosition"])
        targets[:, 3:6] += self.uniform(-1.0, 1.0, k, 3) * float(noise["handRotation"])
        targets[:, 6:] += self.uniform(-1.0, 1.0, k, NUM_CONTROLS) * float(noise["fingers"])
        targets = torch.minimum(torch.maximum(targets, self._low), self._high)
        self.targets[env_ids] = targets
        joints = self.joint_targets(targets)
        return ResetState(joints, torch.zeros_like(joints), *self.free_body_state(env_ids))

    def _initial_targets(self) -> Tensor:
        """Targets of the 18 commands in the configured pose, without noise, m and rad."""
        start = self.config["initialPose"]
        mount = torch.tensor(dexhand.MOUNT_POSITION, device=self.device)
        position = torch.tensor(start["handPosition"], device=self.device) - mount
        angles = torch.tensor([*start["handRotation"], *start["fingers"]], device=self.device)
        return torch.cat((position, angles))

    # Observations.

    @observation(6)
    def base_dof_pos(self) -> Tensor:
        """Base joints: x, y, z (m, from the mount), rotations about x, y, z (rad)."""
        return self.base_pos

    @observation(6)
    def base_dof_vel(self) -> Tensor:
        """Base joint velocities, m/s and rad/s."""
        return self.base_vel

    @observation(6)
    def base_dof_target(self) -> Tensor:
        """Base joint targets, m and rad."""
        return self.targets[:, :NUM_BASE]

    @observation(12)
    def active_finger_dof_pos(self) -> Tensor:
        """The twelve controls' joints, rad, in the order of the actions."""
        return self.sim.joint_pos[:, self._observed]

    @observation(12)
    def active_finger_dof_vel(self) -> Tensor:
        """Velocities of the twelve controls' joints, rad/s."""
        return self.sim.joint_vel[:, self._observed]

    @observation(12)
    def active_finger_dof_target(self) -> Tensor:
        """Targets of the twelve controls, rad."""
        return self.targets[:, NUM_BASE:]

    @observation(19)
    def all_finger_dof_pos(self) -> Tensor:
        """All finger joints, rad."""
        return self.finger_pos

    @observation(19)
    def all_finger_dof_vel(self) -> Tensor:
        """All finger joint velocities, rad/s."""
        return self.finger_vel

    @observation(18)
    def target_error(self) -> Tensor:
        """Target minus position of the 18 commands, m and rad: what the servos push against."""
        return self.targets - torch.cat((self.base_pos, self.sim.joint_pos[:, self._observed]), dim=-1)

    @observation(7)
    def hand_pose(self) -> Tensor:
        """The hand's position (m) and orientation wxyz, world."""
        return torch.cat((self.hand_pos, self.hand_quat), dim=-1)

    @observation(7)
    def hand_pose_arr_aligned(self) -> Tensor:
        """The hand's pose (m, wxyz) without its mounting rotation: identity when the base joints are zero."""
        sim, carriage = self.sim, self._carriage
        return torch.cat((sim.body_pos[:, carriage], sim.body_quat[:, carriage]), dim=-1)

    @observation(15)
    def contact_forces(self) -> Tensor:
        """Contact force on each finger, N, world."""
        return self.finger_force.flatten(1)

    @observation(5)
    def contact_force_magnitude(self) -> Tensor:
        """Magnitude of the contact force on each finger, N."""
        return self.force_magnitude

    @observation(5)
    def contact_binary(self) -> Tensor:
        """1 for each finger that touches: with more than `task.contactForceThreshold`, N."""
        return self.touching.float()

    @observation(5)
    def contact_duration(self) -> Tensor:
        """How long each finger has been touching without a break, s."""
        return self.contact.time

    @observation(18)
    def prev_actions(self) -> Tensor:
        """The last actions in [-1, 1]; zero for commands that the policy does not own."""
        return self.last_actions

    @observation(35)
    def fingertip_poses_world(self) -> Tensor:
        """Position (m) and orientation wxyz of the five fingertips, world."""
        return torch.cat((self.tip_pos, self.tip_quat), dim=-1).flatten(1)

    @observation(35)
    def fingertip_poses_hand(self) -> Tensor:
        """Position (m) and orientation wxyz of the five fingertips, in the hand's frame."""
        return self._in_hand(self.tip_pos, self.tip_quat)

    @observation(35)
    def fingerpad_poses_world(self) -> Tensor:
        """Position (m) and orientation wxyz of the five finger pads, world."""
        return torch.cat((self.pad_pos, self.pad_quat), dim=-1).flatten(1)

    @observation(35)
    def fingerpad_poses_hand(self) -> Tensor:
        """Position (m) and orientation wxyz of the five finger pads, in the hand's frame."""
        return self._in_hand(self.pad_pos, self.pad_quat)

    def _in_hand(self, pos: Tensor, quat: Tensor) -> Tensor:
        hand_quat = self.hand_quat[:, None]
        local = rotate_inverse(hand_quat, pos - self.hand_pos[:, None])
        return torch.cat((local, multiply(conjugate(hand_quat).expand_as(quat), quat)), dim=-1).flatten(1)

    @observation(1)
    def episode_time(self) -> Tensor:
        """Time since the episode began, s."""
        return (self.episode_step * self.control_period).float()[:, None]

    # Rewards: all at most 1, larger is better.

    @reward
    def alive(self) -> Tensor:
        """1 in every step."""
        return torch.ones(self.num_envs, device=self.device)

    @reward
    def height_safety(self) -> Tensor:
        """1 − exp(−20 (lowest tip − 2 cm)), not below 0: fingertips well above the ground."""
        lowest = self.tip_pos[..., 2].amin(dim=-1)
        return (1.0 - torch.exp(-20.0 * (lowest - 0.02))).clamp(0.0, 1.0)

    @reward
    def finger_velocity(self) -> Tensor:
        """exp(−0.1 ‖finger joint velocities‖)."""
        return torch.exp(-0.1 * self.finger_vel.norm(dim=-1))

    @reward
    def hand_velocity(self) -> Tensor:
        """exp(−0.2 ‖hand velocity‖)."""
        return torch.exp(-0.2 * self.hand_vel[:, :3].norm(dim=-1))

    @reward
    def hand_angular_velocity(self) -> Tensor:
        """exp(−0.2 ‖hand angular velocity‖)."""
        return torch.exp(-0.2 * self.hand_vel[:, 3:].norm(dim=-1))

    @reward
    def joint_limit(self) -> Tensor:
        """1 − mean over finger joints of how far each is into the last tenth of its range at the upper end.

        Open fingers rest on their lower limit by design, so only the upper one counts.
        """
        span = self._joint_high - self._joint_low
        into = ((self.finger_pos - self._joint_low) / span - 0.9).clamp(0.0, 0.1) / 0.1
        return 1.0 - into.mean(dim=-1)

    @reward
    def finger_acceleration(self) -> Tensor:
        """exp(−2 ‖change of finger joint velocities in one control step‖)."""
        return torch.exp(-2.0 * (self.finger_vel - self.last_joint_vel[:, self._fingers]).norm(dim=-1))

    @reward
    def hand_acceleration(self) -> Tensor:
        """exp(−0.5 ‖change of the hand's velocity in one control step‖)."""
        return torch.exp(-0.5 * (self.hand_vel - self.last_hand_vel)[:, :3].norm(dim=-1))

    @reward
    def hand_angular_acceleration(self) -> Tensor:
        """exp(−0.5 ‖change of the hand's angular velocity in one control step‖)."""
        return torch.exp(-0.5 * (self.hand_vel - self.last_hand_vel)[:, 3:].norm(dim=-1))

    @reward
    def contact_stability(self) -> Tensor:
        """exp(−number of fingers whose contact began or ended in this step)."""
        return torch.exp(-(self.touching ^ self.last_touching).sum(dim=-1).float())

    @reward
    def object_height(self) -> Tensor:
        """0: there is no object here. Tasks with one say how high it is."""
        return torch.zeros(self.num_envs, device=self.device)

    # Endings.

    @failure
    def hitting_ground(self) -> Tensor:
        """The hand's base or a fingertip is below its height threshold."""
        limits = self.config["heightSafety"]
        tips_low = (self.tip_pos[..., 2] < float(limits["fingertip"])).any(dim=-1)
        return tips_low | (self.hand_pos[:, 2] < float(limits["handBase"]))
