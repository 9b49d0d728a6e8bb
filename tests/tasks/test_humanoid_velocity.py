"""HumanoidVelocity by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from torch import Tensor

from rlkit.env.task_env import TaskEnv
from rlkit.rotations import about_z, rotate
from rlkit.tasks.robots.h1 import H1
from rlkit.tasks.robots.humanoids import HUMANOIDS
from rlkit.tasks.velocity.humanoid_velocity import HumanoidVelocity

STANDING = {"command": {**task_config("task=HumanoidVelocity")["command"], "standingShare": 1.0}}


def joint(name: str) -> int:
    return H1.joints.index(name)


def velocity(n: int = 1, **changes: Any) -> HumanoidVelocity:
    """The task standing in its stance at rest, both feet on the ground, told to walk forward at 0.5 m/s."""
    config = {**task_config("task=HumanoidVelocity"), **changes}
    sim = StubSimulator(HumanoidVelocity.scene(config), n, joint_limit=3.0)
    task = HumanoidVelocity(config, sim, torch.Generator().manual_seed(0))
    sim.body_pos[:, 0, 2], sim.body_pos[:, 1:3, 2], sim.body_pos[:, 3:, 2] = 0.98, 1.42, task.robot.sole
    sim.joint_pos[:] = task.stance
    sim.contact_force[:, :, 2] = 250.0
    task.targets[:] = task.stance
    task.commands[:] = torch.tensor([0.5, 0.0, 0.0])
    task.command_time[:] = 5.0
    task.refresh()
    return task


def measured(task: HumanoidVelocity, term: str) -> Any:
    """One term of a fresh state: a number, or one for each of several envs."""
    task.refresh()
    values = getattr(task, term)().tolist()
    return values[0] if len(values) == 1 else values


# What is wanted.


def test_tracking_is_a_gaussian_of_the_error_in_the_frame_of_the_heading() -> None:
    """Facing left (+y), so forward is the world's +y and left its -x."""
    task = velocity(3)
    task.sim.body_quat[:, 0] = about_z(torch.full((3,), math.pi / 2))
    task.sim.body_lin_vel[:, 0] = torch.tensor([[0.0, 0.5, 9.0], [-0.3, 0.1, 0.0], [0.0, -0.5, 0.0]])
    task.sim.body_ang_vel[:, 0, 2] = torch.tensor([0.0, 0.5, -1.0])
    errors = [0.0, 0.3**2 + 0.4**2, 1.0]
    assert measured(task, "track_linear") == pytest.approx([math.exp(-e / 0.25) for e in errors])
    assert measured(task, "track_yaw") == pytest.approx([1.0, math.exp(-1.0), math.exp(-4.0)])
    assert measured(task, "wrong_turning") == [0.0, 0.25, 1.0]
    assert measured(task, "moving") == measured(task, "track_linear")


def test_turning_is_about_the_vertical_even_when_the_pelvis_leans() -> None:
    task = velocity()
    task.sim.body_quat[0, 0] = torch.tensor([math.cos(0.2), 0.0, math.sin(0.2), 0.0])
    task.sim.body_ang_vel[0, 0] = torch.tensor([0.7, 0.0, 0.5])
    task.commands[0] = torch.tensor([0.0, 0.0, 0.5])
    assert measured(task, "track_yaw") == pytest.approx(1.0)


def test_the_clock_wants_each_foot_in_the_air_for_its_part_of_the_period() -> None:
    """A foot stands for 55 % of the period; the right one is half a period behind the left."""
    task = velocity(5)
    task.phase[:] = torch.tensor([0.0, 0.1, 0.3, 0.6, 0.775])
    task.refresh()
    ground = [[True, True], [True, False], [True, False], [False, True], [False, True]]
    assert (task.swing() == 0.0).tolist() == ground
    assert measured(task, "contact_schedule") == [1.0, 0.5, 0.5, 0.5, 0.5]  # both are on the ground
    task.sim.contact_force[3, 0] = 0.0
    assert measured(task, "contact_schedule")[3] == 1.0
    swing = [0.0, 0.05 / 0.45, 0.25 / 0.45, 0.05 / 0.45, 0.5]
    heights = [0.08 * math.sin(math.pi * s) ** 2 for s in swing]
    assert task.swing().sum(dim=-1).tolist() == pytest.approx(swing, abs=1e-6)
    expected = [math.exp(-((h / 0.05) ** 2)) for h in heights]
    assert measured(task, "swing_height") == pytest.approx(expected, abs=1e-5)
    task.sim.body_pos[4, 3, 2] += 0.08  # the left foot, in the middle of its swing
    assert measured(task, "swing_height")[4] == pytest.approx(1.0)
    assert task.gait_clock()[2].tolist() == pytest.approx([math.sin(0.6 * math.pi), math.cos(0.6 * math.pi)])


def test_a_command_to_stand_stops_the_clock_and_wants_both_feet_on_the_ground() -> None:
    task = velocity(2)
    task.phase[:], task.commands[:] = 0.775, 0.0
    task.sim.contact_force[1, 1] = 0.0
    assert measured(task, "contact_schedule") == [1.0, 0.5]
    assert task.gait_clock().tolist() == [[0.0, 0.0]] * 2 and not task.swing().any()


def test_air_time_is_the_time_on_one_leg_and_only_while_told_to_go() -> None:
    task = velocity(4)
    task.sim.contact_force[1:, 0] = 0.0  # env 0 stands on both; the others have the left foot in the air
    task.refresh()
    for _ in range(10):
        task.advance()
    assert task.mode_time[1].tolist() == pytest.approx([0.2, 0.2])  # 10 steps of 20 ms
    assert measured(task, "air_time") == pytest.approx([0.0, 0.2, 0.2, 0.2])
    task.sim.contact_force[2, 0, 2] = 250.0  # touches down
    task.sim.contact_force[3, 1, 2] = 0.9  # under 1 N: flies
    task.refresh()
    task.advance()
    assert task.mode_time[2].tolist() == pytest.approx([0.02, 0.22])
    assert measured(task, "air_time") == pytest.approx([0.0, 0.22, 0.0, 0.0])
    for _ in range(20):
        task.advance()
    assert measured(task, "air_time") == pytest.approx([0.0, 0.4, 0.0, 0.0])  # no more than that
    task.commands[1] = 0.0
    assert measured(task, "air_time")[1] == 0.0


# What is not wanted.


def test_the_pelvis_is_not_to_bob_roll_pitch_or_lean() -> None:
    task = velocity()
    assert [measured(task, term) for term in ("vertical_speed", "roll_pitch_rate", "tilt")] == [0.0, 0.0, 0.0]
    task.sim.body_quat[0, 0] = torch.tensor([math.cos(0.25), math.sin(0.25), 0.0, 0.0])  # leans by 0.5 rad
    task.sim.body_lin_vel[0, 0] = torch.tensor([0.0, 0.0, -0.4])
    own = torch.tensor([0.3, -0.2, 5.0])
    task.sim.body_ang_vel[0, 0] = rotate(task.sim.body_quat[0, 0], own)
    assert measured(task, "vertical_speed") == pytest.approx(0.16)
    assert measured(task, "roll_pitch_rate") == pytest.approx(0.13, abs=1e-5)
    assert measured(task, "tilt") == pytest.approx(math.sin(0.5) ** 2)


def test_torque_acceleration_and_action_rate_by_hand() -> None:
    task = velocity()
    assert (
        measured(task, "torque") == measured(task, "joint_acceleration") == measured(task, "action_rate") == 0
    )
    task.targets[0, joint("left_knee")] += 0.02  # 300 * 0.02 - 6 * 0.5 = 3 N m
    task.targets[0, joint("torso")] += 9.0  # clamped at 200 N m
    task.sim.joint_vel[0, joint("left_knee")] = 0.5
    assert measured(task, "torque") == pytest.approx(9.0 + 200.0**2)
    task.earlier_joint_vel[0, joint("left_knee")] = 0.1
    assert measured(task, "joint_acceleration") == pytest.approx((0.4 / 0.02) ** 2)
    task.last_actions[0, :2] = torch.tensor([0.5, -0.5])
    task.earlier_actions[0, :2] = torch.tensor([0.2, 0.5])
    assert measured(task, "action_rate") == pytest.approx(0.09 + 1.0)


def test_joints_beyond_their_soft_limits_and_away_from_the_stance_cost() -> None:
    task = velocity()
    assert measured(task, "joint_limits") == 0.0  # the stub's joints end at 3, softly at 2.7
    task.sim.joint_pos[0, joint("left_knee")] = 2.9
    task.sim.joint_pos[0, joint("right_knee")] = -2.8
    assert measured(task, "joint_limits") == pytest.approx(0.3)
    assert measured(task, "hip_deviation") == measured(task, "upper_body_deviation") == 0.0
    task.sim.joint_pos[0, joint("left_hip_yaw")] = -0.1
    task.sim.joint_pos[0, joint("right_hip_roll")] = 0.3
    task.sim.joint_pos[0, joint("right_hip_pitch")] = 1.0  # free to swing
    assert measured(task, "hip_deviation") == pytest.approx(0.4)
    for name, angle in (("torso", 0.1), ("left_elbow", -0.2), ("right_shoulder_yaw", 0.5)):
        task.sim.joint_pos[0, joint(name)] = angle
    assert measured(task, "upper_body_deviation") == pytest.approx(0.8)


def test_only_a_foot_on_the_ground_slides() -> None:
    task = velocity(2)
    task.sim.body_lin_vel[:, 3] = torch.tensor([0.3, 0.4, 1.0])
    task.sim.body_lin_vel[:, 4] = torch.tensor([0.1, 0.0, 0.0])
    task.sim.contact_force[1, 0] = 0.0
    assert measured(task, "feet_slide") == pytest.approx([0.6, 0.1])


def test_the_reward_of_a_step_is_the_weighted_sum_of_the_terms() -> None:
    """At rest in the stance, told to walk at 0.5 m/s, with both feet to stand: 1/e for the speed, all else full."""
    task = velocity(command={**STANDING["command"], "standingShare": 0.0})
    task.sim.body_lin_vel[0, 0, 2] = 0.2
    _, rewards, terminated, _, _ = TaskEnv(task.sim, task).step(torch.zeros(1, 19))
    wanted = 2.0 * math.exp(-1.0) + 0.5 + 0.15 + 0.5 + 0.5
    assert rewards.item() == pytest.approx(wanted - 0.5 * 0.04, abs=1e-4) and not terminated.item()


# The command.


def test_commands_are_uniform_within_their_ranges_and_some_are_to_stand() -> None:
    task = velocity(4000)
    task.begin(torch.arange(4000))
    moving = task.commands[task.commands.abs().sum(dim=-1) > 0]
    assert 1.0 - len(moving) / 4000 == pytest.approx(0.1, abs=0.02)
    for column, (low, high) in enumerate(((0.0, 1.0), (-0.2, 0.2), (-0.5, 0.5))):
        values = moving[:, column]
        assert values.min() >= low and values.max() <= high, column
        assert values.mean().item() == pytest.approx((low + high) / 2, abs=0.03 * (high - low)), column
        assert values.std().item() == pytest.approx((high - low) / math.sqrt(12), rel=0.05), column
    assert task.command_time.min() >= 4.0 and task.command_time.max() <= 8.0
    assert task.phase.min() < 0.01 and task.phase.max() > 0.99


def test_a_command_is_judged_to_its_last_step_and_the_next_one_is_seen_before_it_counts() -> None:
    task = velocity(2, **STANDING)  # whatever is drawn is to stand
    task.command_time[:] = torch.tensor([0.05, 5.0])
    env = TaskEnv(task.sim, task)
    columns = slice(66, 69)
    for step in range(1, 4):
        obs, rewards, *_ = env.step(torch.zeros(2, 19))
        assert rewards[0].item() == pytest.approx(rewards[1].item()), step
        assert obs["policy"][0, columns].tolist() == ([0.0] * 3 if step == 3 else [0.5, 0.0, 0.0]), step
    assert task.commands[1].tolist() == [0.5, 0.0, 0.0] and task.command_time[0] >= 4.0
    assert task.track_linear()[0].item() == 1.0  # judged by the new one from here on


# Endings.


def test_success_is_a_whole_episode_whose_mean_errors_are_within_bounds() -> None:
    """Mean errors 0.25, 0.35 and 0 m/s; 0, 0 and 0.4 rad/s."""
    task = velocity(3, episodeLength=10)
    env = TaskEnv(task.sim, task)
    task.sim.body_lin_vel[:, 0, 0] = torch.tensor([0.25, 0.15, 0.5])
    task.sim.body_ang_vel[:, 0, 2] = torch.tensor([0.0, 0.0, 0.4])
    for step in range(1, 11):
        _, _, terminated, truncated, info = env.step(torch.zeros(3, 19))
        assert info.success.tolist() == [step == 10, False, False], step
        assert (terminated | truncated).tolist() == [step == 10] * 3, step
        if step == 9:
            assert task.error_velocity().tolist() == pytest.approx([0.25, 0.35, 0.0])
            assert task.error_turning().tolist() == pytest.approx([0.0, 0.0, 0.4])
    assert not task.error_sums.any() and not task.steps_measured.any()


def test_an_episode_whose_age_was_staggered_is_judged_by_the_steps_it_had() -> None:
    task = velocity(2, episodeLength=10)
    env = TaskEnv(task.sim, task)
    env.stagger()  # the second env is 5 steps old
    task.sim.body_lin_vel[:, 0, 0] = 0.1  # 0.4 m/s short of the command
    ended = [env.step(torch.zeros(2, 19)) for _ in range(5)][-1]
    assert ended[3].tolist() == [False, True] and not ended[4].success.any()


def test_a_pelvis_below_60_cm_has_fallen() -> None:
    task = velocity(2)
    task.sim.body_pos[:, 0, 2] = torch.tensor([0.59, 0.61])
    assert measured(task, "fallen") == [True, False]


# Resets, memory, and what a robot is told.


def test_memory_is_every_tensor_that_spans_steps_and_a_reset_clears_only_its_envs() -> None:
    task = velocity(3)
    task.sim.joint_vel[:], task.sim.contact_force[:, 0] = 1.0, 0.0
    task.refresh()
    task.controls(torch.ones(3, 19))
    for _ in range(2):
        task.advance()
    task.remember()
    task.earned[:] = 1.0  # where `return_reached` decides
    before = {name: tensor.clone() for name, tensor in task.memory().items()}
    task.begin(torch.tensor([1]))
    held = {name for name, value in vars(task).items() if isinstance(value, Tensor) and len(value) == 3}
    derived = {
        "root_pos",
        "root_quat",
        "velocity",
        "gravity",
        "shoulder_height",
        "torques",
        "on_ground",
        "heading",
    }
    derived |= {"on_ground", "turning", "sole_height", "linear_error", "yaw_error", "moves"}
    derived |= {
        "_allowed_errors",
        "episode_step",
        "head_start",
        "scenario",
        "_down_axis",
        "_command_low",
        "_command_high",
    }
    assert set(before) == held - derived
    for name, tensor in task.memory().items():
        assert torch.equal(tensor[[0, 2]], before[name][[0, 2]]), name
        assert not torch.equal(tensor[1], before[name][1]), name


def test_an_exported_policy_tells_what_it_may_be_commanded() -> None:
    told = velocity().deployment()
    assert told["command"] == {"forward": [0.0, 1.0], "sideways": [-0.2, 0.2], "yawRate": [-0.5, 0.5]}
    assert told["gait"]["period"] == 0.8 and len(told["joints"]) == 19


# The mirror image.


def mirrored_pair(robot: str) -> HumanoidVelocity:
    """Env 0 in a state drawn at random, env 1 in its mirror image, written body by body."""
    task = velocity(2, robot=robot)
    sim, draw = task.sim, torch.Generator().manual_seed(1)
    source, sign = task.robot.joint_mirror()

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw)

    rows = (sim.joint_pos, sim.joint_vel, task.targets, task.last_actions)
    for tensor in (*rows, task.earlier_actions, task.earlier_joint_vel):
        tensor[0] += 2.5 * random(task.num_joints)
        tensor[1] = tensor[0, list(source)] * torch.tensor(sign)
    twin, feet = [0, 2, 1, 4, 3], [1, 0]  # left and right shoulder, left and right foot
    flip_vector, flip_rotation = torch.tensor([1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0, -1.0])
    for tensor, flip in (
        (sim.body_pos, flip_vector),
        (sim.body_lin_vel, flip_vector),
        (sim.body_ang_vel, flip_rotation),
    ):
        tensor[0] += 0.04 * random(5, 3)
        tensor[1] = tensor[0, twin] * flip
    quat = torch.nn.functional.normalize(torch.tensor([1.0, 0.0, 0.0, 0.0]) + 0.3 * random(4), dim=-1)
    sim.body_quat[:, 0] = torch.stack((quat, quat * torch.tensor([1.0, -1.0, 1.0, -1.0])))
    sim.contact_force[:] = torch.tensor(
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 99.0]], [[0.0, 0.0, 99.0], [0.0, 0.0, 0.0]]]
    )
    task.commands[:] = torch.tensor([[0.4, 0.1, -0.3], [0.4, -0.1, 0.3]])
    task.phase[:] = torch.tensor([0.7, 0.2])
    task.mode_time[0] = torch.tensor([0.1, 0.3])
    task.was_on_ground[0] = torch.tensor([False, True])
    task.mode_time[1], task.was_on_ground[1] = task.mode_time[0, feet], task.was_on_ground[0, feet]
    task.refresh()
    return task


@pytest.mark.parametrize("robot", HUMANOIDS)
def test_a_mirrored_state_earns_the_same_from_every_term(robot: str) -> None:
    task = mirrored_pair(robot)
    task.advance()
    values = {name: getattr(task, name)().tolist() for name in task.terms("reward")}
    for name, (straight, mirrored) in values.items():
        assert mirrored == pytest.approx(straight, rel=1e-4, abs=1e-7), name
    assert min(abs(pair[0]) for name, pair in values.items() if name != "humanoid_bench") > 1e-5, values


@pytest.mark.parametrize("robot", HUMANOIDS)
def test_the_declared_mirror_turns_the_observation_of_a_state_into_that_of_its_image(robot: str) -> None:
    task = mirrored_pair(robot)
    images = task.mirror()
    sizes = {**task.observation_sizes(), "actions": task.num_joints}
    assert images is not None and {name: len(source) for name, (source, _) in images.items()} == sizes
    for name in task.terms("observation"):
        straight, mirrored = getattr(task, name)()
        source, sign = images[name]
        assert torch.allclose(straight[list(source)] * torch.tensor(sign), mirrored, atol=1e-5), name
