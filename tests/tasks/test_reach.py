"""The Panda, Reach and ReachOrigin by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.tasks.api import TaskError
from rlkit.tasks.reach import NUM_GOALS, Reach, reachable_goals
from rlkit.tasks.reach_origin import ReachOrigin
from rlkit.tasks.robots.panda import ARM, COMMANDS, FINGERS, JOINTS, forward

LIMITS = torch.tensor([[-2.8973, 2.8973], [-1.7628, 1.7628], [-2.8973, 2.8973], [-3.0718, -0.0698],
                       [-2.8973, 2.8973], [-0.0175, 3.7525], [-2.8973, 2.8973]])  # fmt: skip
HOME = torch.tensor([[0.0, 0.0, 0.0, -math.pi / 2, 0.0, math.pi / 2, -math.pi / 4]])


def reach(n: int = 2, **changes: Any) -> Reach:
    config = {**task_config("task=Reach"), **changes}
    sim = StubSimulator(Reach.scene(config), n)
    sim.joint_range[:7] = LIMITS
    sim.joint_range[7:] = torch.tensor([0.0, 0.04])
    task = Reach(config, sim, torch.Generator().manual_seed(0))
    task.refresh()
    return task


def origin(n: int = 2, **changes: Any) -> ReachOrigin:
    config = {**task_config("task=ReachOrigin"), **changes}
    sim = StubSimulator(ReachOrigin.scene(config), n)
    sim.joint_range[7:] = torch.tensor([0.0, 0.04])
    task = ReachOrigin(config, sim, torch.Generator().manual_seed(0))
    task.refresh()
    return task


def at(task: Reach, *distances: float) -> None:
    """Put each env's grasp point so far below its goal."""
    task.sim.site_pos[:, 0] = task.goal
    task.sim.site_pos[:, 0, 2] -= torch.tensor(distances)
    task.refresh()


# Actions.


def test_an_action_moves_its_joint_and_the_gripper_both_fingers() -> None:
    task = origin(1, controlMode="position_delta")
    for index, name in enumerate(COMMANDS):
        task.targets[:] = torch.tensor([0.0] * 7 + [0.02])
        action = torch.zeros(1, 8)
        action[0, index] = -1.0
        ctrl = dict(zip(JOINTS, task.controls(action)[0].tolist()))
        for joint in ARM:  # 2 rad/s for 40 ms
            assert ctrl[joint] == pytest.approx(-0.08 if joint == name else 0.0)
        for finger in FINGERS:  # 0.2 m/s for 40 ms
            assert ctrl[finger] == pytest.approx(0.012 if name == "gripper" else 0.02)


def test_a_position_is_approached_at_the_velocity_limit_and_reached() -> None:
    task = origin(1)  # the stub's ranges: -2 to 2 rad
    action = torch.tensor([[0.5] + [0.0] * 6 + [-1.0]])  # joint1 to 1 rad, gripper to 0
    first = task.controls(action)[0, 0].item()
    assert first == pytest.approx(0.08)
    ctrl = [task.controls(action)[0] for _ in range(20)][-1]
    assert ctrl[0].item() == pytest.approx(1.0)
    assert ctrl[1:].abs().max().item() == pytest.approx(0.0, abs=1e-6)


def test_reach_leaves_the_gripper_as_it_begins_and_stops_at_the_limits() -> None:
    task = reach(1)
    assert task.action_names == ARM
    task.begin(torch.tensor([0]))
    ctrl = [task.controls(torch.ones(1, 7))[0] for _ in range(200)][-1]
    assert torch.equal(ctrl[:7], LIMITS[:, 1])
    assert ctrl[7:].tolist() == pytest.approx([0.04, 0.04])
    commands = {command["name"]: command for command in task.deployment()["commands"]}
    assert commands["gripper"]["action"] is None and commands["joint7"]["action"] == 6


def test_an_unknown_control_mode_is_refused() -> None:
    with pytest.raises(TaskError, match="allowed are position_delta and position"):
        reach(controlMode="torque")


# Where poses put the gripper.


def test_the_home_pose_by_hand() -> None:
    """Along x: 0.0825 + 0.384 + 0.088; along z: 0.333 + 0.316 + 0.0825 - 0.107 - 0.1034."""
    points = forward(HOME)[0]
    assert points[-1].tolist() == pytest.approx([0.5545, 0.0, 0.5211], abs=1e-5)
    assert points[3].tolist() == pytest.approx([0.0825, 0.0, 0.649], abs=1e-5)


def test_the_home_pose_turned_about_the_first_joint() -> None:
    pose = HOME.clone()
    pose[0, 0] = math.pi / 2
    assert forward(pose)[0, -1].tolist() == pytest.approx([0.0, 0.5545, 0.5211], abs=1e-5)


def test_the_models_grasp_point_is_where_the_chain_says() -> None:
    mujoco = pytest.importorskip("mujoco")
    from rlkit.sims import models

    model = mujoco.MjModel.from_xml_string(models.load("panda"))
    data = mujoco.MjData(model)
    generator = torch.Generator().manual_seed(1)
    arm = LIMITS[:, 0] + torch.rand(20, 7, generator=generator) * (LIMITS[:, 1] - LIMITS[:, 0])
    points = forward(arm)
    for pose, expected in zip(arm, points):
        data.qpos[:7] = pose.numpy()
        mujoco.mj_kinematics(model, data)
        assert data.site("grasp").xpos.tolist() == pytest.approx(expected[-1].tolist(), abs=1e-5)
        assert data.body("link5").xpos.tolist() == pytest.approx(expected[4].tolist(), abs=1e-5)


def test_the_model_holds_its_home_pose_and_survives_a_thousand_random_commands() -> None:
    mujoco = pytest.importorskip("mujoco")
    import numpy as np

    from rlkit.sims import models

    model = mujoco.MjModel.from_xml_string(models.load("panda"))
    model.opt.timestep = 0.005
    data = mujoco.MjData(model)
    assert (model.nq, model.nu, model.nmesh) == (9, 9, 0)
    assert model.body_subtreemass[0] == pytest.approx(17.45, abs=0.01)
    home = np.array([*HOME[0].tolist(), 0.04, 0.04])
    data.qpos[:] = data.ctrl[:] = home
    for _ in range(400):  # 2 s
        mujoco.mj_step(model, data)
    assert np.abs(data.qpos - home).max() < 1e-6
    numbers = np.random.default_rng(0)
    for _ in range(1000):
        data.ctrl[:] = numbers.uniform(*model.actuator_ctrlrange.T)
        mujoco.mj_step(model, data, 4)
    assert not any(warning.number for warning in data.warning)
    overshoot = np.maximum(model.jnt_range[:, 0] - data.qpos, data.qpos - model.jnt_range[:, 1])
    assert overshoot.max() < 0.05


# Goals.


@pytest.mark.slow
def test_every_goal_is_inside_its_box_and_has_a_pose() -> None:
    low, high = [0.3, -0.4, 0.1], [0.7, 0.4, 0.7]
    goals = reachable_goals(LIMITS, low, high)
    assert goals.shape == (NUM_GOALS, 3)
    assert (goals >= torch.tensor(low)).all() and (goals <= torch.tensor(high)).all()
    assert goals.unique(dim=0).shape[0] == NUM_GOALS
    # A pose for some of them, found apart from the drawing: descend the distance over joint angles.
    some = goals[:4].repeat_interleave(32, dim=0)
    share = torch.zeros(len(some), 7).uniform_(-1, 1, generator=torch.Generator().manual_seed(3))
    share.requires_grad_()
    descent = torch.optim.Adam([share], lr=0.1)

    def miss() -> torch.Tensor:
        arm = LIMITS[:, 0] + (0.5 + 0.5 * share.tanh()) * (LIMITS[:, 1] - LIMITS[:, 0])
        return (forward(arm)[:, -1] - some).norm(dim=-1)

    for _ in range(80):
        descent.zero_grad()
        miss().square().sum().backward()
        descent.step()
    assert (miss().view(4, 32).amin(dim=1) < 0.01).all()


def test_a_box_out_of_reach_is_refused() -> None:
    with pytest.raises(TaskError, match=r"of 131072 drawn poses 0 put the gripper.*reach of 1 m"):
        reach(goalSpace={"low": [2.0, 2.0, 2.0], "high": [3.0, 3.0, 3.0]})


def test_a_reset_draws_goals_of_its_envs_alone_and_shows_them() -> None:
    task = reach(3)
    task.begin(torch.arange(3))
    before, targets = task.goal.clone(), task.targets.clone()
    task.hold.time[:] = 1.0
    state = task.begin(torch.tensor([1]))
    assert torch.equal(task.goal[[0, 2]], before[[0, 2]]) and not torch.equal(task.goal[1], before[1])
    assert torch.equal(task.targets[[0, 2]], targets[[0, 2]])
    assert task.hold.time.tolist() == [1.0, 0.0, 1.0]
    assert torch.equal(state.free_pose[0, 0, :3], task.goal[1])
    assert torch.equal(state.joint_pos[0, :8], task.targets[1])
    assert (state.joint_pos[0, :7] - HOME[0]).abs().max() <= 0.05 + 1e-4


def test_another_seed_draws_other_goals_of_the_same_table() -> None:
    one, two = reach(8), reach(8)
    two.generator.manual_seed(1)
    for task in (one, two):
        task.begin(torch.arange(8))
    assert torch.equal(one.goals, two.goals) and not torch.equal(one.goal, two.goal)


# Rewards and endings.


def test_rewards_of_reach_by_hand() -> None:
    task = reach(3)
    task.begin(torch.arange(3))
    at(task, 0.0, 0.02, 0.2)
    assert task.goal_distance().tolist() == pytest.approx([0.0, -0.099668, -0.761594], abs=1e-5)
    assert task.goal_precision().tolist() == pytest.approx([0.0, -0.632121, -0.999955], abs=1e-5)
    assert task.grasp_to_goal()[2].tolist() == pytest.approx([0.0, 0.0, 0.2], abs=1e-6)


def test_success_needs_an_unbroken_stay() -> None:
    task = reach(2)
    task.begin(torch.arange(2))
    for step in range(1, 6):  # 0.2 s are five steps
        at(task, 0.019, 0.021 if step == 3 else 0.0)
        task.advance()
        assert task.goal_reached().tolist() == [step == 5, False], step
    at(task, 0.019, 0.0)
    for _ in range(3):
        task.advance()
    assert task.goal_reached()[1]


def test_the_reward_of_reach_origin_is_minus_the_distance_of_the_hand() -> None:
    task = origin(2)
    task.sim.body_pos[:, 0] = torch.tensor([[0.3, 0.0, 0.4], [0.0, 0.0, 0.0]])
    task.sim.site_pos[:, 0] = 9.0  # of no effect: it is the hand's own origin
    task.refresh()
    assert task.hand_distance().tolist() == pytest.approx([-0.5, 0.0])
    assert not task.success_terms and not task.failure_terms
    assert torch.cat([term() for term in task.observation_terms.values()], dim=-1).shape == (2, 12)


def test_no_pose_reaches_the_origin() -> None:
    """Each pose that would bring the hand within 10 cm of it has a part 1 cm deep in the base or the ground."""
    mujoco = pytest.importorskip("mujoco")
    from rlkit.sims import models

    draw = torch.rand(1 << 17, 7, generator=torch.Generator().manual_seed(0))
    arm = LIMITS[:, 0] + draw * (LIMITS[:, 1] - LIMITS[:, 0])
    candidates = arm[forward(arm)[:, 6].norm(dim=-1) < 0.21]  # link7 is 10.7 cm from the hand
    model = mujoco.MjModel.from_xml_string(models.load("panda"))
    data = mujoco.MjData(model)
    near = 0
    for pose in candidates:
        data.qpos[:7] = pose.numpy()
        mujoco.mj_forward(model, data)
        if (data.body("hand").xpos ** 2).sum() < 0.1**2:
            near += 1
            assert data.contact.dist.min() < -0.01
    assert near > 50
