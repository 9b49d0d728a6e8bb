"""The humanoid tasks by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.env.task_env import TaskEnv
from rlkit.rotations import about_z
from rlkit.tasks.api import TaskError
from rlkit.tasks.registry import task_class
from rlkit.tasks.robots.g1 import G1
from rlkit.tasks.robots.h1 import H1
from rlkit.tasks.robots.humanoid import Humanoid, gaussian, linear, quadratic, short_of
from rlkit.tasks.robots.humanoid_robot import HumanoidRobot
from rlkit.tasks.robots.humanoids import HUMANOIDS

NAMES = ("HumanoidStand", "HumanoidWalk", "HumanoidRun")
KNEE = H1.joints.index("left_knee")


def humanoid(name: str, n: int = 1, **changes: Any) -> Humanoid:
    """The task standing straight in its stance: shoulders at 1.42 m, pelvis upright at 0.98 m, at rest."""
    config = {**task_config(f"task={name}"), **changes}
    cls: Any = task_class(name)
    task = cls(config, StubSimulator(cls.scene(config), n, joint_limit=3.0), torch.Generator().manual_seed(0))
    task.sim.body_pos[:, 0, 2] = 0.98
    task.sim.body_pos[:, 1:, 2] = 1.42
    task.sim.joint_pos[:] = task.stance
    task.targets[:] = task.stance
    task.refresh()
    return task


def test_the_shapes_of_tolerance_by_hand() -> None:
    distance = torch.tensor([0.0, 1.0, 2.0, 4.0])
    assert gaussian(distance, 2.0).tolist() == pytest.approx([1.0, 0.1**0.25, 0.1, 1e-4])
    assert linear(distance, 2.0).tolist() == [1.0, 0.5, 0.0, 0.0]
    assert quadratic(distance, 2.0).tolist() == [1.0, 0.75, 0.0, 0.0]
    for shape in (gaussian, linear, quadratic):
        assert torch.equal(shape(-distance, 2.0), shape(distance, 2.0)), shape
    assert short_of(torch.tensor([0.5, 1.0, 7.0]), 1.0).tolist() == [0.5, 0.0, 0.0]


# The reward.


def test_standing_still_in_the_stance_earns_everything_that_stand_can_give() -> None:
    task = humanoid("HumanoidStand")
    assert task.humanoid_bench().item() == pytest.approx(1.0)


def test_a_written_state_earns_what_a_hand_computes() -> None:
    """Shoulders a quarter low, pelvis leaning by 60 degrees, one knee torque of 5 N m, half the wanted speed."""
    task = humanoid("HumanoidWalk")
    task.sim.body_pos[0, 1, 2], task.sim.body_pos[0, 2, 2] = 1.41 * 0.7, 1.41 * 0.8  # their mean is 0.75
    lean = math.radians(60.0)
    task.sim.body_quat[0, 0] = torch.tensor([math.cos(lean / 2), 0.0, math.sin(lean / 2), 0.0])
    task.sim.body_lin_vel[0, 0] = torch.tensor([0.5, 3.0, 0.0])  # pitched, not turned: it faces x
    task.targets[0, KNEE] += 0.02  # 300 * 0.02 - 6 * 1/6 = 5 N m
    task.sim.joint_vel[0, KNEE] = 1.0 / 6.0
    task.refresh()
    assert task.joint_torques()[0, KNEE].item() == pytest.approx(5.0, abs=1e-4)
    standing, upright = 0.1, 1.0 - (0.9 - 0.5) / 1.9
    control, moving = (4.0 + (18 + 0.75) / 19) / 5.0, (5.0 * 0.5 + 1.0) / 6.0
    factors = [task.standing(), task.upright(), task.small_control(), task.moving()]
    assert [f.item() for f in factors] == pytest.approx([standing, upright, control, moving], abs=1e-5)
    assert task.humanoid_bench().item() == pytest.approx(standing * upright * control * moving, abs=1e-5)


def test_only_forward_counts_whichever_way_it_faces() -> None:
    for name, wanted in (("HumanoidWalk", 1.0), ("HumanoidRun", 5.0)):
        task = humanoid(name, 5)
        task.sim.body_quat[:, 0] = about_z(torch.full((5,), math.pi / 2))  # facing +y
        speeds = torch.tensor([0.0, 0.5, 1.0, 2.0, -1.0]) * wanted
        task.sim.body_lin_vel[:, 0, 1] = speeds
        task.refresh()
        assert task.moving().tolist() == pytest.approx([1 / 6, 3.5 / 6, 1.0, 1.0, 1 / 6], abs=1e-5), name
        assert task.pelvis_lin_vel()[1].tolist() == pytest.approx([0.5 * wanted, 0.0, 0.0], abs=1e-5)


def test_stand_wants_no_horizontal_speed_of_either_kind() -> None:
    task = humanoid("HumanoidStand", 2)
    task.sim.body_lin_vel[0, 0] = torch.tensor([2.0, 0.0, 9.0])
    task.sim.body_lin_vel[1, 0] = torch.tensor([1.0, -2.0, 0.0])
    task.refresh()
    assert task.moving().tolist() == pytest.approx([0.55, (0.1**0.25 + 0.1) / 2])


def test_the_torque_is_clamped_at_the_servos_limit() -> None:
    task = humanoid("HumanoidStand")
    task.targets += 2.0
    task.refresh()
    torques = dict(zip(H1.joints, task.joint_torques()[0].tolist()))
    assert torques["left_hip_roll"] == 200.0 and torques["right_knee"] == 300.0  # asked for 400 and 600
    assert torques["torso"] == 200.0 and torques["left_ankle"] == 40.0 and torques["right_elbow"] == 18.0
    assert task.small_control().item() == pytest.approx(0.8)


# Actions.


@pytest.mark.parametrize("name", NAMES)
def test_no_action_is_the_stance_and_a_full_one_goes_its_share_of_the_way(name: str) -> None:
    task = humanoid(name, actionRange=0.5)
    assert task.action_names == H1.joints
    assert torch.equal(task.controls(torch.zeros(1, 19))[0], task.stance)
    knee = [task.controls(torch.full((1, 19), a))[0, KNEE].item() for a in (1.0, -1.0, 0.5)]
    assert knee == pytest.approx([0.8 + 0.5 * 2.2, 0.8 - 0.5 * 3.8, 0.8 + 0.25 * 2.2])  # the stub ends at ±3


# Robots.


def test_another_robot_brings_its_own_joints_stance_and_heights() -> None:
    """A G1: shoulders wanted at 1.04 m; servos of 40.2 N m/rad at hips and waist, 16.8 at the wrists, at most 5 N m."""
    task = humanoid("HumanoidStand", robot="g1")
    assert task.action_names == G1.joints and len(G1.joints) == 29
    assert task.stance[3].item() == pytest.approx(0.669) and G1.joints[3] == "left_knee"
    task.sim.body_pos[0, 1:, 2] = 1.04 * 0.75
    task.targets[0, G1.joints.index("waist_yaw")] += 0.1
    task.targets[0, G1.joints.index("left_wrist_yaw")] += 1.0
    task.refresh()
    assert task.standing().item() == pytest.approx(0.1)
    torques = dict(zip(G1.joints, task.joint_torques()[0].tolist()))
    assert torques["waist_yaw"] == pytest.approx(4.017924) and torques["left_wrist_yaw"] == 5.0
    assert task.joint_pos_rel().shape == (1, 29) and not task.joint_pos_rel().any()
    state = task.begin(torch.arange(1))
    assert 0.757 <= state.free_pose[0, 0, 2].item() <= 0.768
    told = task.deployment()
    assert told["robot"] == "g1" and told["joints"][14]["name"] == "waist_pitch" and len(told["units"]) == 29


@pytest.mark.slow
def test_heights_by_their_words_are_the_robots_own_and_numbers_stay() -> None:
    heights = {
        (task, robot): task_config(f"task={task}", f"task.robot={robot}")["fallHeight"]
        for task in ("HumanoidRun", "HumanoidVelocity")
        for robot in HUMANOIDS
    }
    assert heights == {
        ("HumanoidRun", "h1"): 0.2,
        ("HumanoidRun", "g1"): 0.15,
        ("HumanoidVelocity", "h1"): 0.6,
        ("HumanoidVelocity", "g1"): 0.46,
    }
    assert task_config("task=HumanoidWalk", "task.robot=g1", "task.fallHeight=0.3")["fallHeight"] == 0.3


def test_a_task_without_a_robot_is_an_h1s_as_it_was_before_there_were_others() -> None:
    config = task_config("task=HumanoidWalk")
    del config["robot"]
    cls: Any = task_class("HumanoidWalk")
    assert cls.scene(config) == cls.scene({**config, "robot": "h1"})


def test_an_unknown_robot_is_told_with_those_that_there_are() -> None:
    with pytest.raises(TaskError, match=r"task\.robot=g2: no humanoid here is called so; there are h1, g1"):
        humanoid("HumanoidStand", robot="g2")


# Endings.


def test_a_pelvis_on_the_ground_has_fallen() -> None:
    task = humanoid("HumanoidWalk", 2)
    task.sim.body_pos[:, 0, 2] = torch.tensor([0.19, 0.21])
    task.refresh()
    assert task.fallen().tolist() == [True, False]


def test_success_is_a_whole_episode_that_earned_the_bar() -> None:
    task = humanoid("HumanoidStand", 2, episodeLength=10, successReturn=8.0)
    task.sim.body_pos[1, 1:, 2] = 1.41 * 0.75  # env 1 earns a tenth
    env = TaskEnv(task.sim, task)
    task.refresh()
    for step in range(1, 11):
        _, rewards, terminated, truncated, info = env.step(torch.zeros(2, 19))
        assert rewards.tolist() == pytest.approx([1.0, 0.1])
        assert info.success.tolist() == [step == 10, False]
        # the robot would stand on: learners expect what follows
        assert truncated.tolist() == [step == 10] * 2
        assert not terminated.any()
    assert task.earned.tolist() == [0.0, 0.0]  # a new episode begins with nothing


# Resets, memory, order.


def test_resets_stay_within_their_noise_at_rest_and_face_any_way() -> None:
    task = humanoid("HumanoidWalk", 400)
    state = task.begin(torch.arange(400))
    off = (state.joint_pos - task.stance).abs()
    assert off.max() <= 0.0201 and off.max() > 0.019
    height, quat = state.free_pose[:, 0, 2], state.free_pose[:, 0, 3:]
    assert height.min() >= 0.98 and height.max() <= 0.9901 and height.max() > 0.9895
    yaw = 2 * torch.atan2(quat[:, 3], quat[:, 0])
    assert yaw.min() < -3.0 and yaw.max() > 3.0 and not quat[:, 1:3].any()
    assert not state.joint_vel.any() and not state.free_vel.any()
    assert torch.equal(task.targets, state.joint_pos)  # nothing pulls before the first action


def test_memory_is_every_tensor_that_spans_steps_and_a_reset_clears_only_its_envs() -> None:
    task = humanoid("HumanoidWalk", 3)
    task.sim.joint_vel[:] = 1.0
    task.controls(torch.ones(3, 19))
    task.advance()
    task.remember()
    before = {name: tensor.clone() for name, tensor in task.memory().items()}
    task.begin(torch.tensor([1]))
    assert set(before) == {"targets", "last_actions", "earned", "earlier_actions", "earlier_joint_vel"}
    for name, tensor in task.memory().items():
        assert torch.equal(tensor[[0, 2]], before[name][[0, 2]]) and not torch.equal(
            tensor[1], before[name][1]
        )


def test_the_original_observation_can_be_listed() -> None:
    task = humanoid("HumanoidWalk", observations=["root_state", "joint_pos", "joint_vel"])
    row = torch.cat([term() for term in task.observation_terms.values()], dim=-1)
    assert row.shape == (1, 51) and row[0, :4].tolist() == pytest.approx([0.0, 0.0, 0.98, 1.0])


# The mirror image.


def test_the_mirror_exchanges_left_and_right_and_turns_roll_and_yaw_around() -> None:
    source, sign = H1.joint_mirror()
    image = {name: (H1.joints[i], s) for name, i, s in zip(H1.joints, source, sign)}
    assert image["left_hip_roll"] == ("right_hip_roll", -1.0)
    assert image["right_shoulder_yaw"] == ("left_shoulder_yaw", -1.0)
    assert image["left_knee"] == ("right_knee", 1.0) and image["torso"] == ("torso", -1.0)
    assert [source[i] for i in source] == list(range(19))
    source, sign = G1.joint_mirror()
    image = {name: (G1.joints[i], s) for name, i, s in zip(G1.joints, source, sign)}
    assert image["left_ankle_roll"] == ("right_ankle_roll", -1.0)
    assert image["left_wrist_pitch"] == ("right_wrist_pitch", 1.0)
    assert [image[f"waist_{axis}"] for axis in ("yaw", "roll", "pitch")] == [
        ("waist_yaw", -1.0),
        ("waist_roll", -1.0),
        ("waist_pitch", 1.0),
    ]
    assert [source[i] for i in source] == list(range(29))


@pytest.mark.parametrize("robot", HUMANOIDS.values(), ids=list(HUMANOIDS))
def test_every_observation_term_has_a_mirror_image_of_its_size(robot: HumanoidRobot) -> None:
    task = humanoid("HumanoidWalk", robot=robot.name)
    images = task.mirror()
    assert images is not None
    sizes = {**task.observation_sizes(), "actions": len(robot.joints)}
    assert sizes["joint_vel"] == len(robot.joints) and sizes["pelvis_gravity"] == 3
    assert {name: len(source) for name, (source, _) in images.items()} == sizes
    assert all(sorted(source) == list(range(len(sign))) for source, sign in images.values())


def test_the_feet_are_left_then_right_and_change_places_in_the_mirror() -> None:
    task = humanoid("HumanoidWalk")
    task.sim.contact_force[0, task.sim.contact("left_ankle_link")] = 5.0
    task.refresh()
    feet, images = task.feet_on_ground()[0], task.mirror()
    assert images is not None and feet.tolist() == [1.0, 0.0]
    assert feet[list(images["feet_on_ground"][0])].tolist() == [0.0, 1.0]
