"""QuadrupedVelocity by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from torch import Tensor

from rlkit.env.task_env import TaskEnv
from rlkit.rotations import about_z, multiply, rotate
from rlkit.tasks.api import TaskError
from rlkit.tasks.robots.go2 import GO2
from rlkit.tasks.velocity.quadruped_velocity import QuadrupedVelocity

CONTACTS = [*GO2.feet, GO2.trunk, *GO2.thighs, *GO2.calves]
FEET = slice(1, 5)  # of the bodies, behind the trunk


def joint(name: str) -> int:
    return GO2.joints.index(name)


def velocity(n: int = 1, **changes: Any) -> QuadrupedVelocity:
    """The task standing in its stance at rest, its feet on the ground, told to go forward at 0.5 m/s."""
    config = {**task_config("task=QuadrupedVelocity"), **changes}
    sim = StubSimulator(QuadrupedVelocity.scene(config), n, joint_limit=3.0)
    task = QuadrupedVelocity(config, sim, torch.Generator().manual_seed(0))
    sim.body_pos[:, 0, 2], sim.body_pos[:, FEET, 2] = 0.3, GO2.sole
    sim.joint_pos[:] = task.stance
    sim.contact_force[:, :4, 2] = 37.0
    task.targets[:] = task.stance
    task.commands[:] = torch.tensor([0.5, 0.0, 0.0])
    task.command_time[:] = 5.0
    task.refresh()
    return task


def measured(task: QuadrupedVelocity, term: str) -> Any:
    """One term of a fresh state: a number, or one for each of several envs."""
    task.refresh()
    values = getattr(task, term)().tolist()
    return values[0] if len(values) == 1 else values


# Actions and observations.


def test_an_action_is_an_offset_from_the_stance() -> None:
    task = velocity(3)
    actions = torch.zeros(3, 12)
    actions[1, joint("FL_calf")], actions[2, joint("RR_hip")] = 1.0, -0.5
    off = task.controls(actions) - task.stance
    assert off[0].tolist() == [0.0] * 12
    assert off[1].nonzero().tolist() == [[joint("FL_calf")]] and off[1].sum().item() == pytest.approx(0.5)
    assert off[2].nonzero().tolist() == [[joint("RR_hip")]] and off[2].sum().item() == pytest.approx(-0.25)


def test_the_policy_sees_what_the_robot_measures_and_the_critic_its_velocity_too() -> None:
    task = velocity()
    env = TaskEnv(task.sim, task)
    assert {name: obs.shape[1] for name, obs in env.reset().items()} == {"policy": 47, "critic": 54}
    assert "base_lin_vel" not in task.observation_terms and "base_lin_vel" in task.group_terms["critic"]


def test_vectors_are_seen_in_the_frames_that_they_are_said_to_be_in() -> None:
    """Facing left, and then nose down by 0.3 rad."""
    task = velocity()
    nose_down = torch.tensor([[math.cos(0.15), 0.0, math.sin(0.15), 0.0]])
    task.sim.body_quat[:, 0] = multiply(about_z(torch.tensor([math.pi / 2])), nose_down)
    task.sim.body_lin_vel[:, 0] = torch.tensor([-0.2, 0.7, 0.1])
    own = torch.tensor([0.3, -0.2, 0.6])
    task.sim.body_ang_vel[:, 0] = rotate(task.sim.body_quat[0, 0], own)
    assert measured(task, "base_lin_vel") == pytest.approx([0.7, 0.2, 0.1], abs=1e-6)
    assert measured(task, "base_ang_vel") == pytest.approx(own.tolist(), abs=1e-6)
    assert measured(task, "projected_gravity") == pytest.approx(
        [math.sin(0.3), 0.0, -math.cos(0.3)], abs=1e-6
    )
    assert measured(task, "tilt") == pytest.approx(math.sin(0.3) ** 2)
    assert measured(task, "roll_pitch_rate") == pytest.approx(0.13)
    assert measured(task, "vertical_speed") == pytest.approx(0.01)


# What is wanted.


def test_the_clock_wants_diagonal_feet_in_the_air_together() -> None:
    """A foot stands for 60 % of the period: at 0.8 front left and rear right swing, at 0.3 the other two."""
    task = velocity(4)
    task.phase[:] = torch.tensor([0.0, 0.8, 0.3, 0.55])
    task.refresh()
    first, second = [False, True, True, False], [True, False, False, True]
    assert (task.swing() == 0.0).tolist() == [[True] * 4, first, second, [True] * 4]
    assert task.swing()[1].tolist() == pytest.approx([0.5, 0.0, 0.0, 0.5])
    assert measured(task, "contact_schedule") == [1.0, 0.5, 0.5, 1.0]  # all are on the ground
    task.sim.contact_force[1, [0, 3]] = 0.0
    assert measured(task, "contact_schedule")[1] == 1.0
    low = math.exp(-2.0 * 0.8**2)
    assert measured(task, "swing_height") == pytest.approx([1.0, low, low, 1.0], abs=1e-5)
    task.sim.body_pos[1, [1, 4], 2] += 0.08
    assert measured(task, "swing_height")[1] == pytest.approx(1.0)
    task.commands[1] = 0.0  # to stand: the clock stops, and feet in the air are wrong
    assert measured(task, "contact_schedule")[1] == 0.5 and task.gait_clock()[1].tolist() == [0.0, 0.0]


def test_a_flight_counts_when_it_ends_and_only_while_told_to_go() -> None:
    task = velocity(3)
    task.commands[2] = 0.0
    task.sim.contact_force[:, 0], task.sim.contact_force[1, 1] = 0.0, 0.0
    task.refresh()
    for _ in range(30):
        task.advance()
        assert measured(task, "feet_air_time") == [0.0, 0.0, 0.0]
    task.sim.contact_force[:, 0, 2] = 37.0
    task.refresh()
    task.advance()
    assert task.landed[0].tolist() == pytest.approx([0.6, 0.0, 0.0, 0.0])  # 30 steps of 20 ms
    assert measured(task, "feet_air_time") == pytest.approx([0.1, 0.1, 0.0])
    task.sim.contact_force[1, 1, 2] = 0.9  # under 1 N: flies
    task.refresh()
    task.advance()
    assert task.flight[1].tolist() == pytest.approx([0.0, 0.64, 0.0, 0.0])
    assert measured(task, "feet_air_time") == [0.0, 0.0, 0.0]


# What is not wanted.


def test_torques_are_those_of_the_servos_and_the_calf_has_more() -> None:
    task = velocity()
    assert measured(task, "torque") == 0.0
    task.targets[0, joint("FL_hip")] += 0.1  # 35 * 0.1 - 0.5 * 1 = 3 N m
    task.sim.joint_vel[0, joint("FL_hip")] = 1.0
    task.targets[0, joint("RL_thigh")] += 9.0
    assert measured(task, "torque") == pytest.approx(9.0 + 23.7**2)
    task.targets[0, joint("FR_calf")] -= 9.0
    assert measured(task, "torque") == pytest.approx(9.0 + 23.7**2 + 45.43**2)


def test_thighs_and_calves_on_the_ground_cost_and_joints_away_from_the_stance() -> None:
    task = velocity(2)
    assert measured(task, "undesired_contacts") == measured(task, "joint_deviation") == [0.0, 0.0]
    for part in ("RL_thigh", "FR_calf"):
        task.sim.contact_force[1, CONTACTS.index(part), 0] = 1.1
    task.sim.contact_force[0, CONTACTS.index("FR_calf"), 0] = 0.9
    task.sim.joint_pos[1, joint("FR_hip")] -= 0.2
    task.sim.joint_pos[1, joint("RR_calf")] += 0.3
    assert measured(task, "undesired_contacts") == [0.0, 2.0]
    assert measured(task, "joint_deviation") == pytest.approx([0.0, 0.5])


def test_only_a_foot_on_the_ground_slides() -> None:
    task = velocity(2)
    task.sim.body_lin_vel[:, 1] = torch.tensor([0.3, 0.4, 1.0])
    task.sim.body_lin_vel[:, 4] = torch.tensor([0.1, 0.0, 0.0])
    task.sim.contact_force[1, 0] = 0.0
    assert measured(task, "feet_slide") == pytest.approx([0.6, 0.1])


def test_the_reward_of_a_step_is_the_weighted_sum_of_the_terms() -> None:
    """At rest in the stance, told to go at 0.5 m/s, all feet to stand: 1/e for the speed, all else full."""
    task = velocity(command={**task_config("task=QuadrupedVelocity")["command"], "standingShare": 0.0})
    task.sim.body_lin_vel[0, 0, 2] = 0.2
    _, rewards, terminated, _, _ = TaskEnv(task.sim, task).step(torch.zeros(1, 12))
    weights = task.reward_weights
    wanted = weights["track_linear"] * math.exp(-1.0) + sum(
        weights[term] for term in ("track_yaw", "contact_schedule", "swing_height")
    )
    assert rewards.item() == pytest.approx(wanted + weights["vertical_speed"] * 0.04, abs=1e-4)
    assert not terminated.item()


# Endings, resets, and what a robot is told.


def test_it_has_failed_with_its_trunk_on_the_ground_or_tipped_over() -> None:
    task = velocity(4)
    task.sim.contact_force[:, CONTACTS.index("base"), 2] = torch.tensor([0.9, 1.1, 0.0, 0.0])
    angles = torch.tensor([0.0, 0.0, 59.0, 61.0]) * math.pi / 360.0  # halves of them, rad
    task.sim.body_quat[:, 0] = torch.stack((angles.cos(), angles.sin(), 0 * angles, 0 * angles), dim=-1)
    assert measured(task, "base_contact") == [False, True, False, False]
    assert measured(task, "bad_orientation") == [False, False, False, True]


def test_success_is_a_whole_episode_whose_mean_errors_are_within_bounds() -> None:
    task = velocity(3, episodeLength=10, successErrors={"linear": 0.3, "yaw": 0.3})
    env = TaskEnv(task.sim, task)
    task.sim.body_lin_vel[:, 0, 0] = torch.tensor([0.25, 0.15, 0.5])  # 0.25, 0.35 and 0 m/s short
    task.sim.body_ang_vel[:, 0, 2] = torch.tensor([0.0, 0.0, 0.4])
    for step in range(1, 11):
        info = env.step(torch.zeros(3, 12)).info
        assert info.success.tolist() == [step == 10, False, False], step


def test_an_episode_begins_near_the_stance_with_a_command_of_its_ranges() -> None:
    task = velocity(2000)
    state = task.begin(torch.arange(2000))
    off = state.joint_pos - task.stance
    assert -0.1 <= off.min() < -0.098 and 0.098 < off.max() <= 0.1 and not state.joint_vel.any()
    heights = state.free_pose[:, 0, 2]
    assert 0.3235 <= heights.min() < 0.324 and 0.343 < heights.max() <= 0.3435 + 1e-6
    assert not state.free_vel.any() and torch.equal(task.targets, state.joint_pos)
    moving = task.commands[task.commands.abs().sum(dim=-1) > 0]
    assert 1.0 - len(moving) / 2000 == pytest.approx(0.1, abs=0.02)
    for column, (low, high) in enumerate(((-0.6, 1.0), (-0.4, 0.4), (-0.8, 0.8))):
        assert low <= moving[:, column].min() < low + 0.01 < high - 0.01 < moving[:, column].max() <= high


def test_an_exported_policy_tells_what_it_may_be_commanded() -> None:
    told = velocity().deployment()
    assert told["command"] == {"forward": [-0.6, 1.0], "sideways": [-0.4, 0.4], "yawRate": [-0.8, 0.8]}
    assert (told["robot"], told["gait"]["period"], len(told["joints"])) == ("go2", 0.5, 12)
    calf = told["joints"][joint("RR_calf")]
    assert (calf["stance"], calf["up"], calf["down"], calf["limit"]) == (-1.5, 0.5, 0.5, pytest.approx(45.43))


def test_another_robot_is_refused() -> None:
    with pytest.raises(
        TaskError, match=r"task\.robot=h1: no robot on four legs here is called so; there is go2"
    ):
        velocity(robot="h1")


# The mirror image.


def mirrored_pair() -> QuadrupedVelocity:
    """Env 0 in a state drawn at random, env 1 in its mirror image, written body by body."""
    task = velocity(2)
    sim, draw = task.sim, torch.Generator().manual_seed(1)
    source = [joint(name) for name in ("FR_hip", "FR_thigh", "FR_calf", "FL_hip", "FL_thigh", "FL_calf")]
    source += [joint(name) for name in ("RR_hip", "RR_thigh", "RR_calf", "RL_hip", "RL_thigh", "RL_calf")]
    sign = torch.tensor([-1.0, 1.0, 1.0] * 4)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw)

    rows = (sim.joint_pos, sim.joint_vel, task.targets, task.last_actions)
    for tensor in (*rows, task.earlier_actions, task.earlier_joint_vel):
        tensor[0] += 2.5 * random(12)
        tensor[1] = tensor[0, source] * sign
    twin, feet = [0, 2, 1, 4, 3], [1, 0, 3, 2]
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
    sim.contact_force[0, :, 2] = torch.tensor([0.0, 9.0, 9.0, 9.0, 0.0] + [0.0] * 4 + [9.0, 0.0, 0.0, 0.0])
    sim.contact_force[1] = sim.contact_force[0, [1, 0, 3, 2, 4, 6, 5, 8, 7, 10, 9, 12, 11]]
    task.commands[:] = torch.tensor([[0.4, 0.1, -0.3], [0.4, -0.1, 0.3]])
    task.phase[:] = torch.tensor([0.75, 0.25])
    task.flight[0] = torch.tensor([0.1, 0.3, 0.0, 0.0])
    task.flight[1] = task.flight[0, feet]
    task.refresh()
    return task


def test_a_mirrored_state_earns_the_same_from_every_term() -> None:
    task = mirrored_pair()
    task.advance()
    values = {name: getattr(task, name)().tolist() for name in task.terms("reward")}
    for name, (straight, mirrored) in values.items():
        assert mirrored == pytest.approx(straight, rel=1e-4, abs=1e-7), name
    assert min(abs(pair[0]) for pair in values.values()) > 1e-5, values


def test_the_declared_mirror_turns_the_observation_of_a_state_into_that_of_its_image() -> None:
    task = mirrored_pair()
    images = task.mirror()
    sizes = {**task.observation_sizes(), "actions": 12}
    assert images is not None and {name: len(source) for name, (source, _) in images.items()} == sizes
    for name in task.terms("observation"):
        straight, mirrored = getattr(task, name)()
        source, sign = images[name]
        assert torch.allclose(straight[list(source)] * torch.tensor(sign), mirrored, atol=1e-5), name
