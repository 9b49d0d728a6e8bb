"""BoxGrasping: take a box, or another object of a set, from the ground and hold it up."""

from __future__ import annotations

import math
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.objects.scene import with_objects
from rlkit.rotations import about_z, conjugate, multiply, rotate, rotate_inverse
from rlkit.sims import models
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import HoldTimer, failure, observation, reward, success
from rlkit.tasks.base_task import BaseTask
from rlkit.tasks.objects.chosen import Objects, solids_of
from rlkit.tasks.robots import dexhand


class BoxGrasping(BaseTask):
    """Solved when the box's centre has been above `successHeight` with enough fingers on it for `successDuration`.

    Fingers are on the box when the contact force between finger and box, and nothing else, exceeds
    `contactForceThreshold`. Positions of the box are of its centre; "gap" is a pad's distance to its surface. With
    `task.objects` each episode has one of them in the box's place, and all that is said of the box is said of that.
    """

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The hand over the ground, and a free box, or a set of objects of which each env has one."""
        return cls.scene_with("box", with_objects(models.load("dexhand"), "box", solids_of(config)))

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self._success_height = float(config["successHeight"])  # m
        self._success_duration = float(config["successDuration"])  # s
        self.box = sim.body("box")
        self.hold = HoldTimer(self, "hold_time")
        self.objects = Objects(self, solids_of(config))
        self._palm = torch.tensor(dexhand.palm_centre(), device=self.device)  # [3] m, in the hand's frame

    # State.

    def refresh(self) -> None:
        """Add the box, and the pads as it sees them."""
        super().refresh()
        sim, box = self.sim, self.box
        self.box_position, self.box_quat = sim.body_pos[:, box], sim.body_quat[:, box]
        self.box_velocity, self.box_spin = sim.body_lin_vel[:, box], sim.body_ang_vel[:, box]
        self.pads_in_box = rotate_inverse(self.box_quat[:, None], self.pad_pos - self.box_position[:, None])
        self.gap = self.objects.gaps(self.pads_in_box)  # [N, 5] m
        self.fingers_on_box = self.touching.sum(dim=-1)
        self.thumb_and_finger = self.touching[:, 0] & self.touching[:, 1:].any(dim=-1)
        climbed = self.box_position[:, 2] - self.objects.rest_height
        self.lift = (climbed / self.objects.climb).clamp(0.0, 1.2)

    def advance(self) -> None:
        """Run the timer of the hold: unbroken time above the height with enough fingers on the box."""
        super().advance()
        enough = self.fingers_on_box >= int(self.config["minFingersForGrasp"])
        self.hold.run(enough & (self.box_position[:, 2] > self._success_height))

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `BaseTask.reset`; with an object for the episode."""
        self.objects.begin(env_ids)
        return super().reset(env_ids)

    def free_body_state(self, env_ids: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.free_body_state`: the box at rest on the ground, xy and yaw drawn uniformly."""
        k, box = len(env_ids), self.config["box"]
        pose = torch.zeros(k, 1, 7, device=self.device)
        reach = float(box["xyRange"])
        pose[:, 0, :2] = self.uniform(-reach, reach, k, 2)
        pose[:, 0, 2] = self.objects.rest_height[env_ids]
        yaw = math.radians(float(box["yawRange"]))
        pose[:, 0, 3:] = self.objects.turned(about_z(self.uniform(-yaw, yaw, k)), env_ids)
        return pose, torch.zeros(k, 1, 6, device=self.device)

    # Which object.

    def playing(self, env: int) -> str:
        """See `Task.playing`: the object, where there are several."""
        return self.objects.playing(env)

    def variants(self) -> dict[str, Tensor]:
        """The objects that the running episodes have, `[N]` bool by name."""
        return self.objects.variants()

    def memory(self) -> dict[str, Tensor]:
        """As of every task, `[N, ...]`; with which object each env has."""
        return {**super().memory(), **self.objects.memory()}

    def shared_state(self) -> dict[str, Tensor]:
        """As of every task; with which objects these are, `[32]` uint8, where there are several."""
        return {**super().shared_state(), **self.objects.shared_state()}

    def load_shared_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Task.load_shared_state`; raises TaskError where it is of other objects."""
        self.objects.check_saved(state)
        super().load_shared_state(state)

    def deployment(self) -> dict[str, Any]:
        """As of every task of the hand; with the objects, where the policy sees which it has."""
        return {**super().deployment(), **self.objects.deployment(self.observation_terms)}

    # Observations.

    @observation(7)
    def box_pose(self) -> Tensor:
        """The box's position (m) and orientation wxyz, world."""
        return torch.cat((self.box_position, self.box_quat), dim=-1)

    @observation(6)
    def box_vel(self) -> Tensor:
        """Its linear (m/s) and angular (rad/s) velocity, world."""
        return torch.cat((self.box_velocity, self.box_spin), dim=-1)

    @observation(3)
    def hand_to_box(self) -> Tensor:
        """From the hand to the box, m, in the hand's frame."""
        return rotate_inverse(self.hand_quat, self.box_position - self.hand_pos)

    @observation(4)
    def box_quat_hand(self) -> Tensor:
        """The box's orientation wxyz in the hand's frame."""
        return multiply(conjugate(self.hand_quat), self.box_quat)

    @observation(15)
    def pads_to_box(self) -> Tensor:
        """From the box's centre to each finger pad, m, in the box's frame."""
        return self.pads_in_box.flatten(1)

    @observation(5)
    def pad_gaps(self) -> Tensor:
        """Each pad's distance to the box's surface, m."""
        return self.gap

    @observation(3)
    def object_size(self) -> Tensor:
        """How long the box, or what is in its place, is along its own axes, m."""
        return self.objects.size

    @observation(5)
    def object_shape(self) -> Tensor:
        """1 for its shape, else 0: box, cylinder, capsule, sphere, mesh."""
        return self.objects.shape

    @observation(1)
    def object_mass(self) -> Tensor:
        """Its mass, kg, without what randomisation makes of it."""
        return self.objects.mass

    @observation(5)
    def fingerpad_distances(self) -> Tensor:
        """Each pad's distance to the box's centre, m."""
        return self.pads_in_box.norm(dim=-1)

    @observation(3)
    def first_three_fingerpad_centroid(self) -> Tensor:
        """The middle of the pads of thumb, index and middle finger, m, world."""
        return self.pad_pos[:, :3].mean(dim=1)

    @observation(1, alias="grasp_time")
    def hold_time(self) -> Tensor:
        """How long the box has been held above `successHeight`, s."""
        return self.hold.time[:, None]

    # Rewards.

    @reward
    def object_height(self) -> Tensor:
        """The box's height while thumb and finger hold it: 0 on the ground, 1 at the success height, at most 1.2."""
        return self.lift * self.thumb_and_finger

    @reward
    def lift_speed(self) -> Tensor:
        """The box's upward speed while held below the success height, in units of 0.2 m/s, within [0, 1]."""
        speed = (self.box_velocity[:, 2] / 0.2).clamp(0.0, 1.0)
        return speed * self.thumb_and_finger * (self.lift < 1.0)

    @reward
    def single_finger_contact(self) -> Tensor:
        """1 while exactly one finger is on the box."""
        return (self.fingers_on_box == 1).float()

    @reward
    def multi_finger_contact(self) -> Tensor:
        """1 while the thumb and at least one other finger are on the box."""
        return self.thumb_and_finger.float()

    @reward
    def contact_fraction(self) -> Tensor:
        """The share of the five fingers that are on the box."""
        return self.fingers_on_box.float() / 5.0

    @reward
    def hand_to_object(self) -> Tensor:
        """exp(−5 ‖palm − box‖), with a slope from afar; of the palm's centre, 11 cm from the hand's origin."""
        palm = self.hand_pos + rotate(self.hand_quat, self._palm.expand_as(self.hand_pos))
        return torch.exp(-5.0 * (palm - self.box_position).norm(dim=-1))

    @reward
    def finger_to_object(self) -> Tensor:
        """exp(−gap / 3 cm), the mean over the five pads, the thumb counted as much as the four fingers."""
        near = torch.exp(-self.gap / 0.03)
        return 0.5 * near[:, 0] + 0.5 * near[:, 1:].mean(dim=-1)

    @reward
    def fingerpad_to_box_centroid(self) -> Tensor:
        """exp(−‖middle of the first three pads − box‖ / 5 cm): the box between thumb and fingers."""
        centroid = self.pad_pos[:, :3].mean(dim=1)
        return torch.exp(-20.0 * (centroid - self.box_position).norm(dim=-1))

    @reward
    def grasp_duration(self) -> Tensor:
        """How much of the required hold is done, 0 to 1."""
        return (self.hold.time / self._success_duration).clamp(0.0, 1.0)

    # Endings.

    @success
    def grasp_lift_success(self) -> Tensor:
        """Held above the success height by enough fingers for long enough."""
        return self.hold.reached(self._success_duration)

    @failure
    def box_too_far(self) -> Tensor:
        """The box is further from the hand than maxBoxDistance."""
        return (self.box_position - self.hand_pos).norm(dim=-1) > float(self.config["maxBoxDistance"])
