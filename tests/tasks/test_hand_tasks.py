"""BaseTask and BoxGrasping by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.tasks.api import TaskError
from rlkit.tasks.base_task import BaseTask
from rlkit.tasks.box_grasping import BoxGrasping
from rlkit.tasks.robots import dexhand

COMMANDS = dexhand.BASE_JOINTS + dexhand.CONTROLS


def base(n: int = 2, **changes: Any) -> BaseTask:
    config = {**task_config("task=BaseTask"), **changes}
    task = BaseTask(config, StubSimulator(BaseTask.scene(config), n), torch.Generator().manual_seed(0))
    task.refresh()
    return task


def grasping(n: int = 2, **changes: Any) -> BoxGrasping:
    config = {**task_config("task=BoxGrasping"), **changes}
    task = BoxGrasping(config, StubSimulator(BoxGrasping.scene(config), n), torch.Generator().manual_seed(0))
    task.sim.body_pos[:, task.box, 2] = 0.025
    task.refresh()
    return task


def touch(task: BaseTask, env: int, *fingers: int, force: float = 2.0) -> None:
    task.sim.contact_force[env] = 0.0
    for finger in fingers:
        task.sim.contact_force[env, finger] = torch.tensor([0.0, 0.0, force])
    task.refresh()


def one(command: str, value: float) -> torch.Tensor:
    actions = torch.zeros(1, 18)
    actions[0, COMMANDS.index(command)] = value
    return actions


# Actions.


def test_actions_and_finger_observations_have_one_order() -> None:
    task = base(1)
    assert task.action_names == COMMANDS
    joints = [next(iter(dexhand.COUPLING[name])) for name in dexhand.CONTROLS]
    for joint in joints:
        task.sim.joint_pos[0, dexhand.JOINTS.index(joint)] = joints.index(joint) + 1.0
    task.refresh()
    assert task.active_finger_dof_pos()[0].tolist() == [float(i) for i in range(1, 13)]


@pytest.mark.parametrize(
    ("control", "moved"),
    [
        ("th_dip", {"r_f_joint1_3": 1.0, "r_f_joint1_4": 1.0}),
        ("ff_spr", {"r_f_joint2_1": 1.0, "r_f_joint4_1": 1.0, "r_f_joint5_1": 2.0}),
        ("mf_dip", {"r_f_joint3_3": 1.0, "r_f_joint3_4": 1.0}),
        ("lf_mcp", {"r_f_joint5_2": 1.0}),
        ("ARTz", {"ARTz": 1.0}),
    ],
)
def test_a_command_moves_its_joints_and_no_others(control: str, moved: dict[str, float]) -> None:
    task = base(1)
    targets = task.controls(one(control, 1.0))[0]
    speed = 0.5 if control == "ARTz" else 3.0
    wanted = {name: factor * speed * 0.02 for name, factor in moved.items()}
    for name, target in zip(dexhand.JOINTS, targets.tolist()):
        assert target == pytest.approx(wanted.get(name, 0.0), abs=1e-6), name


def test_position_delta_moves_the_previous_target_not_the_position() -> None:
    task = base(1)
    task.controls(one("ARTx", 1.0))
    task.sim.joint_pos[:] = 0.7  # the servo lags or is pushed: the target does not care
    assert task.controls(one("ARTx", 1.0))[0, 0].item() == pytest.approx(2 * 0.5 * 0.02)


def test_position_mode_names_a_target_and_approaches_it_no_faster_than_the_limit() -> None:
    task = base(1, controlMode="position")
    first = task.controls(one("ARRz", 1.0))[0, dexhand.JOINTS.index("ARRz")].item()
    assert first == pytest.approx(1.5 * 0.02)
    last = [task.controls(one("ARRz", 1.0)) for _ in range(200)][-1]
    assert last[0, dexhand.JOINTS.index("ARRz")].item() == pytest.approx(2.0)  # the stub's joint limit


def test_targets_stay_within_the_joint_range() -> None:
    task = base(1)
    targets = [task.controls(one("ARTx", -1.0)) for _ in range(500)][-1]
    assert targets[0, 0].item() == -2.0


def test_commands_that_the_policy_does_not_own_keep_their_targets() -> None:
    task = base(1, policyControlsFingers=False)
    assert task.action_names == dexhand.BASE_JOINTS
    task.begin(torch.arange(1))
    before = task.targets.clone()
    task.controls(torch.ones(1, 6))
    assert torch.equal(task.targets[:, 6:], before[:, 6:])
    assert (task.targets[:, :6] != before[:, :6]).all()
    with pytest.raises(TaskError, match="nothing is left to control"):
        base(1, policyControlsFingers=False, policyControlsHandBase=False)


def test_an_unknown_control_mode_names_the_allowed_ones() -> None:
    with pytest.raises(TaskError, match="position_delta and position"):
        base(1, controlMode="torque")


# Memory.


def test_contact_time_runs_while_a_finger_touches_and_starts_anew() -> None:
    task = base(1)
    for step in range(1, 4):
        touch(task, 0, 2)
        task.advance()
        assert task.contact_duration()[0].tolist() == pytest.approx([0, 0, 0.02 * step, 0, 0])
    touch(task, 0)
    task.advance()
    assert task.contact_duration()[0].tolist() == [0.0] * 5


def test_smoothness_terms_compare_with_the_step_before_and_a_reset_clears_them() -> None:
    task = base(2)
    task.sim.body_lin_vel[:, 0, 0] = 1.0
    task.refresh()
    assert task.hand_acceleration().tolist() == pytest.approx([math.exp(-0.5)] * 2)
    task.remember()
    assert task.hand_acceleration().tolist() == pytest.approx([1.0] * 2)
    task.begin(torch.tensor([0]))
    assert task.hand_acceleration().tolist() == pytest.approx([math.exp(-0.5), 1.0])


def test_memory_names_every_tensor_that_spans_steps() -> None:
    assert set(grasping(2).memory()) == {
        "targets", "last_actions", "contact_time", "last_joint_vel", "last_hand_vel", "last_touching", "hold_time"
    }  # fmt: skip


# Rewards of BaseTask.


def test_height_safety_is_zero_at_two_centimetres_and_hand_computed_above() -> None:
    task = base(2)
    task.sim.site_pos[0, :, 2] = 0.02
    task.sim.site_pos[1, :, 2] = torch.tensor([0.07, 0.3, 0.3, 0.3, 0.3] * 2)
    task.refresh()
    assert task.height_safety().tolist() == pytest.approx([0.0, 1.0 - math.exp(-1.0)])


def test_joint_limit_counts_the_last_tenth_of_the_range() -> None:
    task = base(1)  # the stub's range is -2 to 2
    assert task.joint_limit().item() == 1.0
    task.sim.joint_pos[0, 6] = 1.8  # at 95 % of its range: half of the last tenth
    task.refresh()
    assert task.joint_limit().item() == pytest.approx(1.0 - 0.5 / 19)


def test_holding_still_is_the_optimum_of_base_task() -> None:
    task = base(2)
    task.sim.site_pos[..., 2] = 0.5
    task.sim.joint_vel[1] = 0.5
    task.sim.body_lin_vel[1] = 0.5
    task.refresh()
    still, moving = torch.stack([w * task.reward_terms[n]() for n, w in task.reward_weights.items()]).sum(0)
    assert still > moving
    assert still.item() == pytest.approx(sum(task.reward_weights.values()), abs=1e-3)


def test_the_ground_ends_the_episode_for_a_tip_or_the_hand() -> None:
    task = base(4)
    task.sim.site_pos[..., 2] = 0.1
    task.sim.body_pos[:, 0, 2] = 0.3
    task.sim.site_pos[1, 3, 2] = -0.011
    task.sim.site_pos[2, 3, 2] = -0.009  # a light touch
    task.sim.body_pos[3, 0, 2] = -0.01
    task.refresh()
    assert task.hitting_ground().tolist() == [False, True, False, True]


# BoxGrasping.


def test_the_gap_is_the_distance_to_the_surface_in_the_boxs_own_frame() -> None:
    task = grasping(1)
    quarter = math.sqrt(0.5)
    task.sim.body_quat[0, task.box] = torch.tensor(
        [math.cos(math.pi / 8), 0.0, 0.0, math.sin(math.pi / 8)]
    )  # 45° yaw
    pads = task.sim.site(dexhand.PADS[0])
    task.sim.site_pos[0, pads] = torch.tensor(
        [0.05 * quarter, 0.05 * quarter, 0.025]
    )  # 5 cm along the box's own x
    task.sim.site_pos[0, pads + 1] = torch.tensor([0.0, 0.0, 0.03])  # inside
    task.refresh()
    assert task.gap[0, 0].item() == pytest.approx(0.025, abs=1e-6)
    assert task.gap[0, 1].item() == 0.0
    assert task.pads_to_box()[0, :3].tolist() == pytest.approx([0.05, 0.0, 0.0], abs=1e-6)


def test_the_palm_is_where_the_model_has_it() -> None:
    """11 cm along the hand's z, a little off along its x; turned by 180 degrees about y, both change sign."""
    mujoco = pytest.importorskip("mujoco")
    from rlkit.sims import models

    model = mujoco.MjModel.from_xml_string(models.load("dexhand"))
    assert dexhand.palm_centre() == model.geom("palm").pos.tolist() == [-0.0022, 0.0, 0.11]
    task = grasping(3)
    hand = task.sim.body(dexhand.HAND_BODY)
    task.sim.body_pos[:, task.box] = torch.tensor([-0.0022, 0.0, 0.11])
    task.sim.body_pos[1, task.box, 0] += 0.2
    task.sim.body_pos[2, task.box] *= -1.0
    task.sim.body_quat[2, hand] = torch.tensor([0.0, 0.0, 1.0, 0.0])
    task.refresh()
    assert task.hand_to_object().tolist() == pytest.approx([1.0, math.exp(-1.0), 1.0], abs=1e-6)


def test_height_counts_only_while_thumb_and_finger_hold_the_box() -> None:
    task = grasping(3)
    task.sim.body_pos[:, task.box, 2] = 0.2
    touch(task, 0, 0, 1)
    touch(task, 1, 1, 2)
    touch(task, 2, 0)
    assert task.object_height().tolist() == pytest.approx([1.0, 0.0, 0.0])
    assert task.multi_finger_contact().tolist() == [1.0, 0.0, 0.0]
    assert task.single_finger_contact().tolist() == [0.0, 0.0, 1.0]
    assert task.contact_fraction().tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_success_needs_two_fingers_for_two_seconds_without_a_break() -> None:
    task = grasping(1)
    task.sim.body_pos[0, task.box, 2] = 0.21
    touch(task, 0, 1, 3)
    for _ in range(99):
        task.advance()
        assert not task.grasp_lift_success()
    task.advance()
    assert task.grasp_lift_success() and task.grasp_duration().item() == pytest.approx(1.0)
    touch(task, 0, 1)  # one finger is not enough
    task.advance()
    assert task.hold_time().item() == 0.0
    touch(task, 0, 1, 3)
    task.sim.body_pos[0, task.box, 2] = 0.199
    task.refresh()
    task.advance()
    assert task.hold_time().item() == 0.0


def test_a_box_out_of_reach_ends_the_episode() -> None:
    task = grasping(2)
    task.sim.body_pos[1, task.box, 0] = 0.61
    task.sim.body_pos[:, 0, 2] = 0.025
    task.refresh()
    assert task.box_too_far().tolist() == [False, True]


def test_resets_turn_and_place_the_box_within_its_range_at_rest() -> None:
    task = grasping(400)
    state = task.begin(torch.arange(400))
    pose = state.free_pose[:, 0]
    assert pose[:, :2].abs().max() <= 0.02 and pose[:, :2].abs().max() > 0.018
    assert torch.equal(pose[:, 2], torch.full((400,), 0.025))
    yaw = 2 * torch.atan2(pose[:, 6], pose[:, 3])
    assert yaw.min() < -3.0 and yaw.max() > 3.0
    assert torch.allclose(pose[:, 3:].norm(dim=-1), torch.ones(400))
    assert not state.free_vel.any() and not state.joint_vel.any()
    hand = state.joint_pos[:, :3] - torch.tensor([-0.05, 0.0, 0.3 - 0.5])  # the mount is 0.5 m up
    assert hand.abs().max() <= 0.0201 and hand.abs().max() > 0.018
    assert torch.equal(
        state.joint_pos[:, 6:], task.joint_targets(task.targets)[:, 6:]
    )  # at rest on their targets


def test_the_same_seed_draws_the_same_resets() -> None:
    first, second = grasping(5).reset(torch.arange(5)), grasping(5).reset(torch.arange(5))
    assert torch.equal(first.joint_pos, second.joint_pos) and torch.equal(first.free_pose, second.free_pose)
