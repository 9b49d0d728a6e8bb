"""PickCube by hand, on a simulator whose state the tests write, and the grip in MuJoCo."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.tasks.pick_cube import PickCube


def picking(n: int = 2, **changes: Any) -> PickCube:
    config = {**task_config("task=PickCube"), **changes}
    sim = StubSimulator(PickCube.scene(config), n)
    sim.joint_range[7:] = torch.tensor([0.0, 0.04])
    task = PickCube(config, sim, torch.Generator().manual_seed(0))
    task.sim.body_pos[:, task.box] = torch.tensor([0.5, 0.0, 0.02])
    task.target[:] = torch.tensor([0.5, 0.0, 0.32])
    task.refresh()
    return task


def put(task: PickCube, *distances: float) -> None:
    """The grasp point of each env so far above its cube."""
    task.sim.site_pos[:, 0] = task.sim.body_pos[:, task.box]
    task.sim.site_pos[:, 0, 2] += torch.tensor(distances)
    task.refresh()


def fingers(task: PickCube, *openings: float) -> None:
    task.sim.joint_pos[:, 7:] = torch.tensor(openings)[:, None]
    task.refresh()


def tanh1(x: float) -> float:
    return 1.0 - math.tanh(x)


def test_reach_by_hand() -> None:
    task = picking(3)
    put(task, 0.0, 0.1, 0.4)
    assert task.reach().tolist() == pytest.approx([1.0, tanh1(0.5), tanh1(2.0)], abs=1e-5)


def test_grasp_by_hand_from_afar_and_at_the_cube() -> None:
    task = picking(6)
    put(task, 0.2, 0.2, 0.2, 0.009, 0.009, 0.009)
    fingers(task, 0.03, 0.04, 0.0, 0.04, 0.02, 0.0)
    assert task.grasp().tolist() == pytest.approx([0.5, 1 / 3, 0.0, 0.0, 0.5, 1.0], abs=1e-5)


def test_lift_by_hand_and_only_with_the_cube_between_the_fingers() -> None:
    task = picking(3)
    task.target[1] = task.sim.body_pos[1, task.box]
    put(task, 0.011, 0.011, 0.013)
    assert task.lift().tolist() == pytest.approx([tanh1(5 * 0.9 * 0.3), 1.0, 0.0], abs=1e-5)


def press(task: PickCube, *forces: tuple[tuple[float, float, float], tuple[float, float, float]]) -> None:
    """What the cube does to the left and the right finger of each env, N, world."""
    sides = task.sim.contacts(("left", "right"))
    task.sim.contact_force[:, sides] = torch.tensor(forces)
    task.refresh()


SQUEEZED = ((0.0, 3.0, 1.0), (0.0, -3.0, 1.0))


def test_a_pinch_is_from_two_sides_and_not_from_above_or_by_one_finger() -> None:
    task = picking(4)
    nothing = (0.0, 0.0, 0.0)
    press(task, SQUEEZED, ((0.0, 0.2, 3.0), (0.0, -0.2, 3.0)), (SQUEEZED[0], nothing), (nothing, nothing))
    assert task.pinch().tolist() == [1.0, 0.0, 0.0, 0.0]


def test_carry_is_the_share_of_the_way_that_is_done_between_the_fingers() -> None:
    """From z = 0.02 to 0.32 m, by 0, 0.15 and 0.3 m, then let go there, and farther off than at first."""
    task = picking(5)
    task.way[:] = 0.3
    nothing = (0.0, 0.0, 0.0)
    press(task, SQUEEZED, SQUEEZED, SQUEEZED, (nothing, nothing), SQUEEZED)
    task.sim.body_pos[:, task.box, 2] = torch.tensor([0.02, 0.17, 0.32, 0.32, 0.7])
    task.refresh()
    assert task.carry().tolist() == pytest.approx([0.0, 0.5, 1.0, 0.0, 0.0], abs=1e-5)


def test_a_turned_cube_is_off_its_target_by_its_rotation() -> None:
    """A quarter turn about z: the first row changes from (1, 0, 0) to (0, -1, 0), the second by as much."""
    task = picking(1)
    task.target[0] = task.sim.body_pos[0, task.box]
    task.sim.body_quat[0, task.box] = torch.tensor([math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5)])
    put(task, 0.0)
    assert task.rotation_to_target()[0].tolist() == pytest.approx([1, 1, 0, -1, 1, 0], abs=1e-6)
    assert task.lift().item() == pytest.approx(tanh1(5 * 0.1 * 2.0), abs=1e-5)
    assert task.box_rotation_rows()[0].tolist() == pytest.approx([1, 0, 0, 0, 0, 1], abs=1e-6)


def test_floor_and_home_terms_by_hand() -> None:
    task = picking(2)
    task.sim.contact_count[:, 0] = torch.tensor([0.0, 2.0])
    start = task.config["initialPose"]["joints"]
    task.sim.joint_pos[:, :7] = torch.tensor(start)
    task.sim.joint_pos[1, 2] += 0.5
    task.refresh()
    assert task.no_floor_collision().tolist() == [1.0, 0.0]
    assert task.home_pose().tolist() == pytest.approx([1.0, tanh1(0.5)], abs=1e-5)


def test_the_best_step_pays_less_for_ever_than_success() -> None:
    config = task_config("task=PickCube")
    best = sum(config["rewardWeights"].values()) - 0.5 * config["rewardWeights"]["grasp"]  # 4 cm stay open
    assert best / (1 - 0.97) < config["terminationRewards"]["success"]


def test_success_is_the_cube_held_up_without_a_break() -> None:
    task = picking(3)
    task.sim.body_pos[:, task.box, 2] = 0.16
    for step in range(1, 26):  # 0.5 s
        put(task, 0.0, 0.04, 0.0)  # the second is not in the gripper
        task.sim.body_pos[2, task.box, 2] = 0.14 if step == 10 else 0.16
        task.refresh()
        task.advance()
        assert task.box_lifted().tolist() == [step == 25, False, False], step


def test_it_may_have_to_be_held_at_the_target() -> None:
    """4 and 6 cm from it, and there without the gripper; lifted all of them."""
    task = picking(3)
    for step in range(1, 26):  # 0.5 s
        task.sim.body_pos[:, task.box, 2] = torch.tensor([0.28, 0.26, 0.32])
        put(task, 0.0, 0.0, 0.04)
        task.advance()
        assert task.box_at_target().tolist() == [step == 25, False, False], step


def test_a_cube_far_off_or_below_the_ground_is_lost_and_one_on_it_is_not() -> None:
    task = picking(4)
    task.sim.body_pos[1, task.box, 0] = 1.01
    task.sim.body_pos[2, task.box, 1] = -1.01
    task.sim.body_pos[3, task.box, 2] = -0.001
    task.refresh()
    assert task.box_lost().tolist() == [False, True, True, True]


def test_a_reset_lays_the_cube_on_the_ground_and_begins_the_targets_anew() -> None:
    task = picking(64)
    for _ in range(50):
        task.controls(torch.ones(64, 8))
    task.hold.time[:] = 1.0
    kept = task.target[:32].clone()
    state = task.begin(torch.arange(32, 64))
    cube, ball = state.free_pose[:, 0], state.free_pose[:, 1]
    assert (cube[:, 2] == 0.02).all() and (ball[:, 2] >= 0.2).all() and (ball[:, 2] <= 0.4).all()
    assert (cube[:, 0] >= 0.4).all() and (cube[:, 0] <= 0.65).all() and (cube[:, 1].abs() <= 0.2).all()
    assert cube[:, 0].std() > 0.05 and torch.equal(cube[:, :2], ball[:, :2])
    assert torch.equal(task.target[32:], ball[:, :3]) and torch.equal(task.target[:32], kept)
    assert torch.allclose(task.way[32:], ball[:, 2] - cube[:, 2]) and (task.way[:32] == 1.0).all()
    assert torch.equal(task.targets[32:], state.joint_pos[:, :8])
    assert (task.targets[32:, 0].abs() <= 0.02).all() and (task.targets[:32, 0] > 1.0).all()
    assert (task.hold.time[:32] == 1.0).all() and (task.hold.time[32:] == 0.0).all()


@pytest.mark.slow
def test_the_gripper_lifts_the_cube_in_mujoco() -> None:
    """Scripted: down on the cube by the shoulder and elbow, close, up; the task calls it lifted."""
    pytest.importorskip("mujoco")
    from rlkit.config import compose
    from rlkit.env.task_env import TaskEnv
    from rlkit.runtime.build import build_env
    from rlkit.runtime.process.ranks import Ranks
    from rlkit.tasks.robots.panda import forward

    words = ["task=PickCube", "device=cpu", "numEnvs=1", "task.resetNoise.joints=0"]
    env = build_env(compose([*words, "task.box.yRange=[0,0]", "task.box.xRange=[0.5,0.5]"]), Ranks())
    env.reset()
    assert isinstance(env, TaskEnv)
    task = env.task

    def pose(height: float) -> torch.Tensor:
        """Joints in the plane, the gripper straight down at x = 0.5: q6 = q2 - q4 keeps it so."""
        arm = torch.tensor([[0.0, 0.3, 0.0, -2.0, 0.0, 2.3, -0.7853]])
        for _ in range(30):
            free = arm[0, [1, 3]].clone().requires_grad_()

            def tip(free: torch.Tensor) -> torch.Tensor:
                zero = torch.zeros(())
                q = torch.stack((zero, free[0], zero, free[1], zero, free[0] - free[1], zero - 0.7853))
                return forward(q[None])[0, -1, [0, 2]]

            jacobian = torch.autograd.functional.jacobian(tip, free)
            step = torch.linalg.solve(jacobian, torch.tensor([0.5, height]) - tip(free))
            q2, q4 = (free + 0.5 * step).detach().tolist()
            arm = torch.tensor([[0.0, q2, 0.0, q4, 0.0, q2 - q4, -0.7853]])
        return arm

    def go(height: float, gripper: float, steps: int) -> bool:
        wanted = torch.cat((pose(height)[0], torch.tensor([gripper])))
        for _ in range(steps):
            action = (wanted - task.targets[0]) / (task._speed * task.control_period)  # type: ignore[attr-defined]
            _, _, _, _, info = env.step(action.clamp(-1.0, 1.0)[None])
            if info.success.any():
                return True
        return False

    assert not go(0.15, 0.04, 25) and not go(0.02, 0.04, 25)
    assert task.distance.item() < 0.012  # type: ignore[attr-defined]
    assert not go(0.02, 0.0, 20)
    assert task.finger_positions.tolist()[0] == pytest.approx([0.02, 0.02], abs=2e-3)  # type: ignore[attr-defined]
    assert go(0.3, 0.0, 70)
    env.close()


@pytest.mark.slow
def test_the_floor_sensor_feels_the_ground_and_not_the_cube() -> None:
    pytest.importorskip("mujoco")
    from rlkit.config import compose
    from rlkit.runtime.build import build_env
    from rlkit.runtime.process.ranks import Ranks

    words = ["task=PickCube", "device=cpu", "numEnvs=4", "task.box.xRange=[0.4,0.4]"]
    env = build_env(compose(words), Ranks())
    env.reset()
    assert (env.task.no_floor_collision() == 1.0).all()  # type: ignore[attr-defined]
    down = torch.zeros(4, 8)
    down[:, 1] = 1.0  # the shoulder forward: the hand into the ground
    for _ in range(40):
        env.step(down)
    assert (env.task.no_floor_collision() == 0.0).all()  # type: ignore[attr-defined]
    env.close()
