"""PickCube: take a cube from the ground and bring it to a point above."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from rlkit.objects.scene import with_objects
from rlkit.rotations import rotate
from rlkit.sims import models
from rlkit.sims.api import ContactSensor, SceneSpec, Simulator
from rlkit.tasks.api import HoldTimer, fact, failure, observation, reward, success
from rlkit.tasks.objects.chosen import solids_of
from rlkit.tasks.robots.panda import JOINTS, NUM_ARM, Panda, add_marker

SIDES = ("left", "right")
_OPEN = 0.08  # m, between the open fingers
_PREGRASP = 0.03  # m, of each finger: 2 cm more than the cube in all
_OPPOSITE = -0.5  # cosine between the forces on both fingers: they press from two sides, not both from above
_NEAR, _AT = 0.01, 0.012  # m, from where the fingers should close, and from where the cube counts as reached


class PickCube(Panda):
    """RoboVerse's `rl_pick` (from MuJoCo Playground): reach a 4 cm cube, close on it, bring it to the target.

    Solved when the cube's centre has been above `successHeight` within `successDistance` of the grasp point for
    `successDuration`; or, where that is asked for (`box_at_target`), there within `targetDistance` of the target as
    long. The cube begins on the ground and the targets of the joints begin where the joints are.
    """

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The arm, a free cube of the configured size, mass and friction, and a ball that shows the target."""
        (with_cube,) = with_objects(models.load("panda"), "box", solids_of(config))
        return SceneSpec(
            mjcf=add_marker(with_cube, "target", "0.2 0.75 0.35 0.5"),
            joints=JOINTS,
            actuators=JOINTS,
            bodies=("hand", "box", "target"),
            sites=("grasp",),
            free_bodies=("box", "target"),
            contacts=(
                ContactSensor("floor", "hand", "world", subtree=True),
                *(ContactSensor(side, f"{side}_finger", "box") for side in SIDES),
            ),
        )

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self._axes = torch.eye(3, device=self.device)
        self._target_rotation = self._axes.flatten()  # the cube should not turn
        self.box, self._floor, self._sides = sim.body("box"), sim.contact("floor"), sim.contacts(SIDES)
        self.target = self.buffer("target", 3)  # m, world
        self.way = self.buffer("way", first=1.0)  # m, from where the cube begins to the target
        self.hold = HoldTimer(self, "hold_time")
        self.arrived = HoldTimer(self, "arrived_time")

    # State.

    def refresh(self) -> None:
        """Add the cube, seen from the grasp point and from the target."""
        super().refresh()
        self.box_position = self.sim.body_pos[:, self.box]
        self.box_rotation = self._rotation(self.sim.body_quat[:, self.box])  # [N, 9], row by row
        self.to_box = self.box_position - self.grasp_position
        self.distance = self.to_box.norm(dim=-1)  # m, from the grasp point to the cube's centre
        self.to_target = self.target - self.box_position
        forces = self.sim.contact_force[:, self._sides]  # [N, 2, 3] N, world
        self.pinched = cosine_similarity(forces[:, 0], forces[:, 1], dim=-1) < _OPPOSITE

    def _rotation(self, quat: Tensor) -> Tensor:
        """Rotation matrices `[N, 9]`, row by row, of quaternions `[N, 4]`."""
        return rotate(quat[:, None], self._axes[None]).transpose(1, 2).flatten(1)

    def advance(self) -> None:
        """Run the timers of the hold, unbroken time in the air between the fingers, and at the target."""
        held = self.distance < float(self.config["successDistance"])
        self.hold.run(held & (self.box_position[:, 2] > float(self.config["successHeight"])))
        self.arrived.run(held & (self.to_target.norm(dim=-1) < float(self.config["targetDistance"])))

    def free_body_state(self, env_ids: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.free_body_state`: the cube at rest on the ground within its ranges, the ball at the target."""
        k, box = len(env_ids), self.config["box"]
        pose = torch.zeros(k, 2, 7, device=self.device)
        pose[:, :, 0] = self.uniform(*box["xRange"], k, 1)
        pose[:, :, 1] = self.uniform(*box["yRange"], k, 1)
        pose[:, 0, 2] = 0.5 * float(box["size"])
        pose[:, 1, 2] = self.uniform(*self.config["targetHeight"], k)
        pose[:, :, 3] = 1.0
        self.target[env_ids] = pose[:, 1, :3]
        self.way[env_ids] = (pose[:, 1, :3] - pose[:, 0, :3]).norm(dim=-1)
        return pose, torch.zeros(k, 2, 6, device=self.device)

    # Observations.

    @observation(6)
    def grasp_rotation(self) -> Tensor:
        """The last two rows of the hand's rotation matrix, hand to world."""
        return self._rotation(self.grasp_quat)[:, 3:]

    @observation(6)
    def box_rotation_rows(self) -> Tensor:
        """The last two rows of the cube's rotation matrix, cube to world."""
        return self.box_rotation[:, 3:]

    @observation(3)
    def grasp_to_box(self) -> Tensor:
        """From the grasp point to the cube's centre, m, world."""
        return self.to_box

    @observation(3)
    def box_to_target(self) -> Tensor:
        """From the cube's centre to the target, m, world."""
        return self.to_target

    @observation(6)
    def rotation_to_target(self) -> Tensor:
        """The first two rows of the target's rotation matrix minus those of the cube's, both to the world's frame."""
        return (self._target_rotation - self.box_rotation)[:, :6]

    @observation(1)
    def hold_time(self) -> Tensor:
        """How long the cube has been held up without a break, s."""
        return self.hold.time[:, None]

    # Rewards.

    @reward
    def reach(self) -> Tensor:
        """1 − tanh(5 d), d from the grasp point to the cube's centre in m."""
        return 1.0 - torch.tanh(5.0 * self.distance)

    @reward
    def grasp(self) -> Tensor:
        """Farther than 1 cm: half of how near the fingers are to 3 cm each; there: how far the gripper is closed."""
        pregrasp = 0.5 * (1.0 - (self.finger_positions - _PREGRASP).abs() / _PREGRASP).mean(dim=-1)
        closure = (_OPEN - self.finger_positions.sum(dim=-1)) / _OPEN
        return torch.where(self.distance > _NEAR, pregrasp, closure)

    @reward
    def lift(self) -> Tensor:
        """1 − tanh(5 (0.9 position + 0.1 rotation error to the target)), while the cube is within 1.2 cm."""
        rotation_error = self.rotation_to_target().norm(dim=-1)
        error = 0.9 * self.to_target.norm(dim=-1) + 0.1 * rotation_error
        return (1.0 - torch.tanh(5.0 * error)) * (self.distance < _AT)

    @reward
    def pinch(self) -> Tensor:
        """1 while the fingers press the cube between them."""
        return self.pinched.float()

    @reward
    def carry(self) -> Tensor:
        """How much of its way to the target the cube has made, 0 to 1, while the fingers press it between them."""
        left = self.to_target.norm(dim=-1) / self.way
        return (1.0 - left).clamp(min=0.0) * self.pinched

    @reward
    def no_floor_collision(self) -> Tensor:
        """1 while neither hand nor fingers touch the ground."""
        return (self.sim.contact_count[:, self._floor] == 0).float()

    @reward
    def home_pose(self) -> Tensor:
        """1 − tanh(‖arm joints − first pose‖), rad."""
        away = self.sim.joint_pos[:, self.arm] - self._start[:NUM_ARM]
        return 1.0 - torch.tanh(away.norm(dim=-1))

    # How far it came.

    @fact("m")
    def target_distance(self) -> Tensor:
        """`[N]` m: from the cube to the target in the episode's last step."""
        return self.to_target.norm(dim=-1)

    # Endings.

    @success
    def box_lifted(self) -> Tensor:
        """Held in the air for long enough."""
        return self.hold.reached(float(self.config["successDuration"]))

    @success
    def box_at_target(self) -> Tensor:
        """Held at the target for long enough."""
        return self.arrived.reached(float(self.config["successDuration"]))

    @failure
    def box_lost(self) -> Tensor:
        """The cube is more than 1 m from the robot's base along an axis, or below the ground."""
        return (self.box_position.abs() > 1.0).any(dim=-1) | (self.box_position[:, 2] < 0.0)
