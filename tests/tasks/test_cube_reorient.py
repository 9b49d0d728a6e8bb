"""CubeReorient by hand, on a simulator whose state the tests write, and how the cube lies in MuJoCo."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from torch import Tensor

from rlkit.env.task_env import TaskEnv
from rlkit.rotations import about_z, angle_between, conjugate, multiply, six_d
from rlkit.tasks.api import TaskError
from rlkit.tasks.box_grasping import BoxGrasping
from rlkit.tasks.hand.cube_reorient import FACES, CubeReorient, paint

HOME = torch.tensor(task_config("task=CubeReorient")["box"]["position"])


def reorienting(n: int = 2, **changes: Any) -> CubeReorient:
    """The cube at home and level, the goal a turn of 1 rad about the vertical away."""
    config = {**task_config("task=CubeReorient"), "randomization": {}, **changes}
    task = CubeReorient(
        config, StubSimulator(CubeReorient.scene(config), n), torch.Generator().manual_seed(0)
    )
    task.sim.body_pos[:, task.box] = HOME
    task.goal.copy_(about_z(torch.ones(n)))
    task.last_angle[:] = 1.0
    task.refresh()
    return task


def turn(task: CubeReorient, *yaws: float) -> None:
    """The cube of each env, turned about the vertical, at the end of a control step."""
    task.sim.body_quat[:, task.box] = about_z(torch.tensor(yaws))
    task.episode_step += 1
    task.refresh()
    task.advance()


def near(wanted: list[float]) -> Any:
    return pytest.approx(wanted, abs=1e-5)


def vertical_turn(quat: Tensor) -> Tensor:
    """By how much quaternions `[k, 4]` about the vertical turn, rad."""
    return 2.0 * torch.atan2(quat[:, 3], quat[:, 0])


def test_orientation_and_progress_by_hand() -> None:
    task = reorienting(3)
    turn(task, 0.0, 0.5, -1.0)
    assert task.goal_orientation().tolist() == near([1 / 1.1, 1 / 0.6, 1 / 2.1])
    assert task.goal_progress().tolist() == near([0.0, 0.5, -1.0])
    assert task.goal_angle().tolist() == near([1.0, 0.5, 2.0])
    task.remember()
    turn(task, 0.1, 0.5, -0.8)
    assert task.goal_progress().tolist() == near([0.1, 0.0, 0.2])


def test_a_goal_is_paid_once_and_the_next_one_is_turned_from_it() -> None:
    """Within 0.4 rad it is reached; the next is 0.8 to 1.57 rad from the goal, not from the cube."""
    task = reorienting(2)
    turn(task, 0.61, 0.59)
    assert task.goal_reached().tolist() == [1.0, 0.0] and task.goals.tolist() == [1.0, 0.0]
    task.remember()
    turned = vertical_turn(multiply(task.goal, conjugate(about_z(torch.ones(2)))))
    assert 0.8 <= abs(turned[0].item()) <= 1.57 and turned[1].item() == pytest.approx(0.0, abs=1e-6)
    assert task.last_angle[0].item() == pytest.approx(abs(1.0 + turned[0].item() - 0.61), abs=1e-5)
    assert task.goal_turn()[0].tolist() == near(
        six_d(about_z(torch.tensor(1.0 + turned[0].item() - 0.61))).tolist()
    )
    turn(task, 0.61, 0.59)
    assert task.goal_reached().tolist() == [0.0, 0.0] and task.goals.tolist() == [1.0, 0.0]
    assert task.goal_progress().tolist() == near([0.0, 0.0])


def test_goals_about_the_vertical_go_both_ways_and_grow_with_the_level() -> None:
    task = reorienting(1)
    quats = about_z(torch.zeros(400))
    turned = vertical_turn(task._next_goals(quats))
    assert turned.abs().min() >= 0.8 and 1.5 < turned.abs().max() <= 1.57
    assert 150 < (turned > 0).sum() < 250
    task.level = 0.5
    assert 1.1 < vertical_turn(task._next_goals(quats)).abs().max() <= 0.8 + 0.5 * 0.77 + 1e-5


def test_goals_about_any_axis_are_as_far_and_lean_over() -> None:
    goal = {**task_config("task=CubeReorient")["goal"], "axis": "any", "angle": [0.5, 3.0]}
    quats = about_z(torch.linspace(-3.0, 3.0, 400))
    goals = reorienting(1, goal=goal)._next_goals(quats)
    angles = angle_between(goals, quats)
    assert angles.min() >= 0.5 - 1e-4 and angles.max() <= 3.0 + 1e-4 and angles.std() > 0.5
    up = 1.0 - 2.0 * (goals[:, 1] ** 2 + goals[:, 2] ** 2)  # of the cube's z axis
    assert up.min() < -0.9 and up.max() > 0.9
    assert goals.norm(dim=-1).tolist() == near([1.0] * 400)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"axis": "level"}, "task.goal.axis='level': allowed are vertical and any"),
        ({"angle": [0.3, 1.0]}, r"task.goal.angle=\[0.3, 1\] rad: from more than task.goal.tolerance=0.4"),
        ({"angle": [1.5, 1.0]}, "least first"),
        ({"angle": [1.0, 4.0]}, "at most 3.14159"),
        ({"tolerance": 0.0}, "task.goal.tolerance=0"),
    ],
)
def test_goals_that_cannot_be_are_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(TaskError, match=told):
        reorienting(1, goal={**task_config("task=CubeReorient")["goal"], **change})


def test_the_cube_s_place_and_its_drop_by_hand() -> None:
    task = reorienting(3)
    task.sim.body_pos[1, task.box] += torch.tensor([0.03, 0.0, -0.04])
    task.sim.body_pos[2, task.box, 2] -= 0.101
    turn(task, 0.0, 0.0, 0.0)
    assert task.box_distance().tolist() == near([0.0, 0.05, 0.101])
    assert task.box_displacement()[1].tolist() == near([0.03, 0.0, -0.04])
    assert task.box_dropped().tolist() == [False, False, True]
    assert task.dropped().tolist() == [0.0, 0.0, 1.0]


def test_actions_move_the_fingers_alone_and_their_terms_by_hand() -> None:
    task = reorienting(1)
    assert len(task.action_names) == 12
    task.begin(torch.arange(1))
    start = task.targets.clone()
    actions = torch.zeros(1, 12)
    actions[0, 4], actions[0, 5] = 1.0, -0.5
    task.controls(actions)
    assert task.action_size().item() == pytest.approx(1.25) == task.action_rate().item()
    moved = (task.targets - start)[0]
    assert moved[10].item() == pytest.approx(3.0 * 0.05) and moved[11].item() == pytest.approx(-1.5 * 0.05)
    assert not moved[:10].any() and not moved[12:].any()
    task.controls(0.5 * actions)
    assert task.action_size().item() == pytest.approx(0.3125) == task.action_rate().item()
    task.targets[:, 6:] = task._start + 0.1
    assert task.finger_pose().item() == pytest.approx(12 * 0.01, abs=1e-5)


def test_facts_of_an_episode_by_hand() -> None:
    """Goals after 1 s and after 3 s: 1.5 s each; no time where there was none."""
    task = reorienting(2)
    for step in range(1, 61):
        goal = float(vertical_turn(task.goal)[0])
        turn(task, goal if step in (20, 60) else goal + 0.5, 0.0)
        task.remember()
    assert task.consecutive_goals().tolist() == [2.0, 0.0]
    times = task.time_to_goal().tolist()
    assert times[0] == pytest.approx(1.5) and math.isnan(times[1])


def test_success_is_five_goals_at_the_end_without_a_drop_and_the_time_out_bootstraps() -> None:
    task = reorienting(4)
    env = TaskEnv(task.sim, task)
    env.reset()
    task.goals[:] = torch.tensor([5.0, 4.0, 5.0, 5.0])
    task.episode_step[:] = torch.tensor([399, 399, 399, 20])
    task.sim.body_pos[2, task.box, 2] -= 0.2  # falls in the last step
    step = env.step(torch.zeros(4, 12))
    assert step.info.success.tolist() == [True, False, False, False]
    assert step.truncated.tolist() == [True, True, False, False]
    assert step.terminated.tolist() == [False, False, True, False]
    assert step.reward[2].item() < -19.0
    assert step.info.facts["consecutive_goals"].tolist()[:3] == [5.0, 4.0, 5.0]
    assert task.goals.tolist() == [0.0, 0.0, 0.0, 5.0]


def test_a_reset_begins_with_a_new_goal_and_shows_it() -> None:
    task = reorienting(8)
    env = TaskEnv(task.sim, task)
    env.reset()
    old = task.goal.clone()
    task.episode_step[:4] = 399
    obs = env.step(torch.zeros(8, 12)).obs["policy"]
    assert (angle_between(task.goal, old)[:4] > 1e-3).all() and torch.equal(task.goal[4:], old[4:])
    seen = obs[:, -12:-6]  # goal_rotation, before goal_turn
    assert torch.allclose(seen, six_d(task.goal)) and not task.goals.any()
    away = angle_between(task.goal, task.box_quat)
    assert torch.allclose(task.last_angle, away) and (away[:4] >= 0.8 - 1e-4).all()
    assert (task.box_displacement()[:, :2].abs() <= 0.005 + 1e-6).all()


def test_the_critic_sees_more_than_the_policy() -> None:
    config = task_config("task=CubeReorient")
    assert config["groups"]["critic"][: len(config["observations"])] == config["observations"]
    assert {"box_vel", "pads_to_box"} <= set(config["groups"]["critic"]) - set(config["observations"])
    assert reorienting(1).mirror() is None


def test_the_goal_is_shown_beside_the_hand() -> None:
    task = reorienting(2)
    (shown,) = task.ghost(torch.tensor([1])).values()
    assert shown[0].tolist() == near([*task.config["goal"]["shownAt"], *task.goal[1].tolist()])


def test_paint_weighs_nothing_and_touches_nothing() -> None:
    mujoco = pytest.importorskip("mujoco")
    plain = BoxGrasping.scene(
        task_config("task=BoxGrasping", "task.box.size=0.06", "task.box.mass=0.08")
    ).mjcf
    before, after = (mujoco.MjModel.from_xml_string(text) for text in (plain, paint(plain, 0.06)))
    assert after.ngeom == before.ngeom + len(FACES)
    assert after.body("box").mass[0] == before.body("box").mass[0] == 0.08
    assert after.body("box").inertia.tolist() == before.body("box").inertia.tolist()
    assert not after.geom_contype[-6:].any() and not after.geom_conaffinity[-6:].any()


@pytest.mark.slow
def test_the_cube_rests_in_the_open_hand_however_it_is_turned() -> None:
    """10 s without an action: it moves by less than a centimetre from where it should be, and lies still."""
    pytest.importorskip("mujoco")
    from rlkit.config import compose
    from rlkit.runtime.build import build_env
    from rlkit.runtime.process.ranks import Ranks

    words = ["task=CubeReorient", "device=cpu", "numEnvs=16", "task.randomization.enabled=false"]
    with closing(build_env(compose(words), Ranks())) as env:
        assert isinstance(env, TaskEnv) and isinstance(env.task, CubeReorient)
        env.reset()
        for _ in range(200):
            step = env.step(torch.zeros(16, 12))
            assert not step.terminated.any()
        assert env.task.box_distance().max() < 0.01
        assert env.task.box_vel()[:, :3].abs().max() < 0.01 and env.task.box_vel()[:, 3:].abs().max() < 0.2
