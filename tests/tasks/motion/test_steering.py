"""Steering by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.rotations import about_z
from rlkit.tasks.steering import Steering

LEFT = math.pi / 2


def steering(
    n: int = 1, *, command: tuple[float, float, float], words: tuple[str, ...] = (), **changes: Any
) -> Steering:
    """The task at rest in its stance, facing +x, told a speed (m/s), a direction and where to face (rad)."""
    config = {**task_config("task=Steering", *words), **changes}
    sim = StubSimulator(Steering.scene(config), n, joint_limit=3.0)
    task = Steering(config, sim, torch.Generator().manual_seed(0))
    task.commands[:], task.command_time[:] = torch.tensor(command), 5.0
    task.refresh()
    return task


def test_going_as_told_earns_everything_wherever_it_faces() -> None:
    """1 m/s to the world's +y, facing +x, -x and as told, +y."""
    task = steering(3, command=(1.0, LEFT, LEFT))
    task.sim.body_lin_vel[:, 0] = torch.tensor([0.0, 1.0, 0.0])
    task.sim.body_quat[:, 0] = about_z(torch.tensor([0.0, math.pi, LEFT]))
    task.refresh()
    assert task.steering().tolist() == pytest.approx([1.0] * 3)
    assert task.facing().tolist() == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)
    assert task.yaw_error.tolist() == pytest.approx([LEFT, LEFT, 0.0], abs=1e-6)


def test_the_reward_is_a_gaussian_of_the_velocity_and_nothing_backwards() -> None:
    """Told 1 m/s along x: too slow by half, sideways by 0.8, backwards."""
    task = steering(3, command=(1.0, 0.0, 0.0))
    task.sim.body_lin_vel[:, 0] = torch.tensor([[0.5, 0.0, 9.0], [1.0, 0.8, 0.0], [-0.1, 0.0, 0.0]])
    task.refresh()
    wanted = [math.exp(-0.5 * 0.25), math.exp(-0.5 * 0.64), 0.0]
    assert task.steering().tolist() == pytest.approx(wanted)


def test_standing_still_earns_everything_where_that_is_told() -> None:
    task = steering(2, command=(0.0, 0.0, 0.0))
    task.sim.body_lin_vel[1, 0, 0] = -0.5  # drifting backwards is an error like any other, not nothing
    task.refresh()
    assert task.steering().tolist() == pytest.approx([1.0, math.exp(-0.5 * 0.25)])
    assert task.moves.tolist() == [False, False]


def test_errors_are_means_over_the_steps_so_far() -> None:
    """A step to the left at 1.5 m/s instead of ahead at 1, one as told but facing left; two of standing as told."""
    task = steering(command=(1.0, 0.0, 0.0))
    assert math.isnan(task.error_direction().item())  # it was not to move yet
    for velocity, turned, speed in (
        ([0.0, 1.5], 0.0, 1.0),
        ([1.0, 0.0], LEFT, 1.0),
        *[([0.0, 0.0], 0.0, 0.0)] * 2,
    ):
        task.commands[0, 0] = speed
        task.sim.body_lin_vel[:, 0, :2] = torch.tensor(velocity)
        task.sim.body_quat[:, 0] = about_z(torch.tensor([turned]))
        task.refresh()
        task.advance()
    assert task.error_speed().item() == pytest.approx(0.5 / 4)
    assert task.error_direction().item() == pytest.approx(LEFT / 2)  # of the two in which it was to move
    assert task.error_facing().item() == pytest.approx(LEFT / 4)
    assert task.error_velocity().item() == pytest.approx(math.hypot(1.0, 1.5) / 4)
    assert set(task.told_facts()) == {"error_velocity", "error_facing", "error_speed", "error_direction"}


def test_the_command_is_seen_in_the_heading_frame() -> None:
    """Facing +y, told to go along +x, its right, and to face -y, behind it."""
    task = steering(command=(1.5, 0.0, -LEFT))
    task.sim.body_quat[:, 0] = about_z(torch.tensor([LEFT]))
    task.refresh()
    assert task.command()[0].tolist() == pytest.approx([0.0, -1.0, 1.5, -1.0, 0.0], abs=1e-6)
    images = task.mirror()
    assert images is not None
    order, sign = images["command"]
    mirrored = task.command()[0, list(order)] * torch.tensor(sign)
    assert mirrored.tolist() == pytest.approx([0.0, 1.0, 1.5, -1.0, 0.0], abs=1e-6)


def test_a_command_changes_a_little_or_is_another_one() -> None:
    task = steering(4000, command=(1.0, 3.0, 0.0))
    before = task.commands.clone()
    task.command_time[:2000] = 0.0
    task.remember()
    assert torch.equal(task.commands[2000:], before[2000:])
    off = (task.commands - before)[:2000].abs()
    little = (off <= 0.5).all(dim=-1)
    assert 0.88 < little.float().mean() < 0.94  # a tenth are new, and few of those lie near
    assert (task.commands[:, 0] >= 0.0).all() and (task.commands[:, 0] <= 1.5).all()
    assert (task.command_time[:2000] >= 1.0).all()


def test_after_a_stand_the_next_command_is_a_new_one() -> None:
    task = steering(2000, command=(0.0, 0.0, 0.0))
    task.command_time[:] = 0.0
    task.remember()
    stands = (task.commands[:, 0] == 0.0).float().mean()
    assert 0.07 < stands < 0.13
    assert task.commands[:, 0].mean() > 0.5


def test_it_may_face_where_it_goes_and_stands_facing_anywhere() -> None:
    words = ("task.command.facing=ahead", "task.command.direction=[-1.0,2.0]")
    task = steering(2000, command=(1.0, 0.5, -3.0), words=words)
    assert (task.commands[:, 2] == 0.5).all()  # whatever is told
    assert task.deployment()["command"] == {
        "speed": [0.0, 1.5],
        "direction": [-1.0, 2.0],
        "facing": [-1.0, 2.0],
    }
    task.begin(torch.arange(2000))
    task.refresh()
    assert torch.equal(task.commands[:, 1], task.commands[:, 2])
    standing = task.commands[task.commands[:, 0] == 0.0]
    assert len(standing) > 100 and standing[:, 2].min() < -0.9 and standing[:, 2].max() > 1.9


def test_with_motion_data_episodes_begin_in_its_poses(tmp_path) -> None:
    from test_track_motion import HEIGHT, KNEE, SPEED, clip_file

    task = steering(50, command=(1.0, 0.0, 0.0), motion=clip_file(tmp_path))
    state = task.begin(torch.arange(50))
    times = state.free_pose[:, 0, 0] / SPEED
    assert times.max() > 1.0 and (times >= 0.0).all() and (times <= 2.0).all()
    assert torch.allclose(state.free_pose[:, 0, 2], torch.tensor(HEIGHT))
    assert torch.allclose(state.joint_pos[:, KNEE], task.stance[KNEE] + 0.2 * times, atol=1e-4)
    assert torch.allclose(state.free_vel[:, 0, 0], torch.tensor(SPEED), atol=1e-3)
    assert torch.equal(task.targets, state.joint_pos)
