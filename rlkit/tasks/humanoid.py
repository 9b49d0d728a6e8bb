"""What the humanoid tasks share: the H1 on the ground, HumanoidBench's reward, and falling.

The reward is a product of factors in [0, 1], so an episode of 1000 steps earns at most 1000. A task says what its
factor `moving` asks for.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Mapping, Optional

import torch
from torch import Tensor

from rlkit.sims import models
from rlkit.sims.api import ContactSensor, ResetState, SceneSpec, Simulator
from rlkit.tasks import h1
from rlkit.tasks.api import MirrorImage, Task, failure, observation, reward, success
from rlkit.tasks.rotations import about_z, rotate_inverse

PELVIS, SHOULDERS = 0, slice(1, 3)  # indices in the scene's bodies
STANDING_HEIGHT = 1.41  # m, of the shoulders
CONTACT_FORCE = 1.0  # N: more than that is a foot on the ground
_TOLERANCE_AT_MARGIN = 0.1  # of the Gaussian


# dm_control's tolerance is one of these shapes over the distance to what is wanted.


def gaussian(distance: Tensor, margin: float) -> Tensor:
    """1 at distance 0, 0.1 at `margin`, towards 0 beyond it."""
    return torch.exp(math.log(_TOLERANCE_AT_MARGIN) * (distance / margin) ** 2)


def linear(distance: Tensor, margin: float) -> Tensor:
    """1 at distance 0, 0 from `margin` on, straight between them."""
    return (1.0 - distance.abs() / margin).clamp(min=0.0)


def quadratic(distance: Tensor, margin: float) -> Tensor:
    """1 at distance 0, 0 from `margin` on, a parabola between them."""
    return (1.0 - (distance / margin) ** 2).clamp(min=0.0)


def short_of(value: Tensor, bound: float) -> Tensor:
    """How much `value` lacks to reach `bound`; 0 at and above it."""
    return (bound - value).clamp(min=0.0)


class Humanoid(Task):
    """The H1, driven by one position target for each of its 19 joints.

    An action of 0 is the stance; 1 and -1 are `actionRange` of the way from there to the joint's limits.
    Solved: the episode lasted its whole length and earned at least `successReturn`.
    """

    success_ends = False

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The H1 on flat ground."""
        return SceneSpec(
            mjcf=models.load("h1"),
            joints=h1.JOINTS,
            actuators=h1.JOINTS,
            bodies=(h1.PELVIS, *h1.SHOULDERS),
            free_bodies=(h1.PELVIS,),
            contacts=tuple(ContactSensor(foot, foot) for foot in h1.FEET),
        )

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        n, device = self.num_envs, self.device
        self.action_names = h1.JOINTS
        self.servos = h1.Servos(device)
        self.stance = h1.stance(device)
        self._low, self._high = sim.joint_range.unbind(-1)  # [19] rad
        share = float(config["actionRange"])
        self._up, self._down = share * (self._high - self.stance), share * (self.stance - self._low)
        self._down_axis = torch.tensor([0.0, 0.0, -1.0], device=device)
        self.targets = torch.zeros(n, len(h1.JOINTS), device=device)  # rad
        self.last_actions = torch.zeros(n, len(h1.JOINTS), device=device)  # [-1, 1]
        self.earned = torch.zeros(n, device=device)  # sum of humanoid_bench in this episode

    # Actions.

    def controls(self, actions: Tensor) -> Tensor:
        """Joint targets `[N, 19]`, rad."""
        self.last_actions.copy_(actions)
        self.targets.copy_(self.stance + torch.where(actions > 0, actions * self._up, actions * self._down))
        return self.targets

    def deployment(self) -> dict[str, Any]:
        """The rule from actions to joint targets, with each joint's stance, reach and servo."""
        rows = zip(
            h1.JOINTS, self.stance.tolist(), self._up.tolist(), self._down.tolist(), h1.SERVOS.values()
        )
        return {
            "mode": "position",
            "rule": "target = stance + action * (up if action > 0 else down), held for a control period;"
            " torque = stiffness * (target - angle) - damping * velocity, within the limit",
            "joints": [
                {"name": name, "stance": stance, "up": up, "down": down, **servo._asdict()}
                for name, stance, up, down, servo in rows
            ],
            "units": dict.fromkeys(h1.JOINTS, "rad"),
        }

    # State.

    def refresh(self) -> None:
        """The pelvis in its own frames, the servos' torques, and the factors of the reward."""
        sim = self.sim
        self.pelvis_pos, self.pelvis_quat = sim.body_pos[:, PELVIS], sim.body_quat[:, PELVIS]
        w, x, y, z = self.pelvis_quat.unbind(-1)
        yaw = torch.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        self.velocity = rotate_inverse(about_z(yaw), sim.body_lin_vel[:, PELVIS])  # m/s, x is where it faces
        self.gravity = rotate_inverse(self.pelvis_quat, self._down_axis.expand_as(self.pelvis_pos))
        self.shoulder_height = sim.body_pos[:, SHOULDERS, 2].mean(dim=-1)
        self.torques = self.servos.torques(self.targets, sim.joint_pos, sim.joint_vel)
        self.on_ground = sim.contact_force.norm(dim=-1) > CONTACT_FORCE

    def advance(self) -> None:
        """Add up what the episode has earned, where that decides."""
        if "return_reached" in self.success_terms:
            self.earned += self.humanoid_bench()

    def reset(self, env_ids: Tensor) -> ResetState:
        """The stance facing any way, with a little noise; at rest."""
        k, noise = len(env_ids), self.config["resetNoise"]
        joints = self.stance + self.uniform(-1.0, 1.0, k, len(h1.JOINTS)) * float(noise["joints"])
        joints = torch.minimum(torch.maximum(joints, self._low), self._high)
        pose = torch.zeros(k, 1, 7, device=self.device)
        pose[:, 0, 2] = h1.STANCE_HEIGHT + self.uniform(0.0, 1.0, k) * float(noise["height"])
        pose[:, 0, 3:] = about_z(self.uniform(-1.0, 1.0, k) * math.radians(float(noise["yaw"])))
        self.targets[env_ids] = joints
        self.last_actions[env_ids] = 0.0
        self.earned[env_ids] = 0.0
        return ResetState(joints, torch.zeros_like(joints), pose, torch.zeros(k, 1, 6, device=self.device))

    def memory(self) -> dict[str, Tensor]:
        """What spans steps."""
        return {"targets": self.targets, "last_actions": self.last_actions, "earned": self.earned}

    def mirror(self) -> Optional[Mapping[str, MirrorImage]]:
        """The plane between left and right: vectors lose the sign of y, rotations that of x and z."""
        joints = h1.joint_mirror()
        vector, rotation = ([0, 1, 2], [1.0, -1.0, 1.0]), ([0, 1, 2], [-1.0, 1.0, -1.0])
        return {
            "pelvis_height": ([0], [1.0]),
            "pelvis_gravity": vector,
            "pelvis_lin_vel": vector,
            "pelvis_ang_vel": rotation,
            "joint_offsets": joints,
            "joint_angles": joints,
            "joint_velocities": joints,
            "joint_torques": joints,
            "prev_actions": joints,
            "feet_on_ground": ([1, 0], [1.0, 1.0]),
            "root_state": (list(range(13)), [1, -1, 1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1]),
            "actions": joints,
        }

    # Observations.

    @observation(1)
    def pelvis_height(self) -> Tensor:
        """Height of the pelvis, m."""
        return self.pelvis_pos[:, 2:]

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
        return rotate_inverse(self.pelvis_quat, self.sim.body_ang_vel[:, PELVIS])

    @observation(19)
    def joint_offsets(self) -> Tensor:
        """Joint angles less those of the stance, rad."""
        return self.sim.joint_pos - self.stance

    @observation(19)
    def joint_angles(self) -> Tensor:
        """Joint angles, rad."""
        return self.sim.joint_pos

    @observation(19)
    def joint_velocities(self) -> Tensor:
        """Joint velocities, rad/s."""
        return self.sim.joint_vel

    @observation(19)
    def joint_torques(self) -> Tensor:
        """The servos' torques by their law, N m."""
        return self.torques

    @observation(19)
    def prev_actions(self) -> Tensor:
        """The last actions in [-1, 1]."""
        return self.last_actions

    @observation(2)
    def feet_on_ground(self) -> Tensor:
        """1 for each foot, left then right, that carries more than 1 N."""
        return self.on_ground.float()

    @observation(13)
    def root_state(self) -> Tensor:
        """Position (m), orientation wxyz, velocity (m/s) and angular velocity (rad/s) of the pelvis, world."""
        sim = self.sim
        parts = (
            self.pelvis_pos,
            self.pelvis_quat,
            sim.body_lin_vel[:, PELVIS],
            sim.body_ang_vel[:, PELVIS],
        )
        return torch.cat(parts, dim=-1)

    # Rewards: within [0, 1].

    @reward
    def humanoid_bench(self) -> Tensor:
        """The product of standing, upright, small_control and moving."""
        return self.standing() * self.upright() * self.small_control() * self.moving()

    @reward
    def standing(self) -> Tensor:
        """1 with the shoulders at 1.41 m or higher, 0.1 a quarter of that lower (Gaussian)."""
        return gaussian(short_of(self.shoulder_height, STANDING_HEIGHT), STANDING_HEIGHT / 4.0)

    @reward
    def upright(self) -> Tensor:
        """1 while the pelvis's axis is within 26 degrees of vertical (cosine 0.9), 0 upside down, linear."""
        return linear(short_of(-self.gravity[:, 2], 0.9), 1.9)

    @reward
    def small_control(self) -> Tensor:
        """From 0.8 to 1: the mean over joints of a parabola that is 0 from 10 N m on."""
        return (4.0 + quadratic(self.torques, 10.0).mean(dim=-1)) / 5.0

    @abstractmethod
    def moving(self) -> Tensor:
        """The factor that is the task's own, a reward term `[N]` within [0, 1]."""

    def forward(self, speed: float) -> Tensor:
        """`moving` for tasks that go somewhere: 1/6 at rest, 1 from `speed` (m/s) forward on, linear."""
        return (5.0 * linear(short_of(self.velocity[:, 0], speed), speed) + 1.0) / 6.0

    # Endings.

    @success
    def return_reached(self) -> Tensor:
        """The last step of the episode, and at least `successReturn` earned on the way."""
        return (self.episode_step >= self.max_episode_length) & (
            self.earned >= float(self.config["successReturn"])
        )

    @failure
    def fallen(self) -> Tensor:
        """The pelvis is below `fallHeight`."""
        return self.pelvis_pos[:, 2] < float(self.config["fallHeight"])
