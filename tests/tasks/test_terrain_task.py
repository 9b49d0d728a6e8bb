"""What a robot on terrain sees, where it begins, and how its level follows from how it walked: by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.env.task_env import TaskEnv
from rlkit.rotations import about_z
from rlkit.tasks.robots.go2 import GO2
from rlkit.tasks.velocity.quadruped_rough import QuadrupedRough
from rlkit.tasks.velocity.quadruped_velocity import QuadrupedVelocity

SMALL = (
    "task.terrain.size=4.0",
    "task.terrain.platform=1.0",
    "task.terrain.border=1.0",
    "task.terrain.levels=4",
)
LENGTH = 1000  # control steps of an episode


def rough(kinds: str, n: int = 4, *, learning: bool = True, **changes: Any) -> TaskEnv:
    """The task on small patches: slopes of 0.1 to 0.4, steps of 3 to 17 cm."""
    words = ("task.terrain.slopes.slope=[0.1,0.4]", f"task.terrain.kinds=[{kinds}]", *SMALL)
    config = {**task_config("task=QuadrupedRough", *words), **changes}
    sim = StubSimulator(QuadrupedRough.scene(config), n, joint_limit=3.0)
    task = QuadrupedRough(config, sim, torch.Generator().manual_seed(0))
    return TaskEnv(sim, task, learning=learning)


def task_of(env: TaskEnv) -> QuadrupedRough:
    task = env.task
    assert isinstance(task, QuadrupedRough)
    return task


def begin(env: TaskEnv) -> QuadrupedRough:
    env.reset()
    return task_of(env)


# On a plane.


def test_on_a_plane_nothing_is_told_of_terrain() -> None:
    config = task_config("task=QuadrupedVelocity")
    sim = StubSimulator(QuadrupedVelocity.scene(config), 2, joint_limit=3.0)
    task = QuadrupedVelocity(config, sim, torch.Generator().manual_seed(0))
    env = TaskEnv(sim, task)
    env.reset()
    assert env.spec.metrics == () and "patch_level" not in env.spec.facts
    assert task.shared_state() == {} and task.variants() == {}
    assert not any(name.startswith("terrain") for name in task.memory())
    assert env.mjcf is not None and 'type="plane"' in env.mjcf and "hfield" not in env.mjcf
    sim.body_pos[:, 0, 2] = torch.tensor([GO2.stance_height + 0.1, 9.0])
    task.refresh()
    assert task.height_scan().shape == (2, 17 * 11)
    assert task.height_scan()[0].tolist() == pytest.approx([0.1] * 187)
    assert task.height_scan()[1].tolist() == [1.0] * 187  # it looks no farther


# Where it begins.


def test_an_episode_begins_in_the_middle_of_its_patch() -> None:
    env = rough("flat,slope_up", 4, resetNoise={"joints": 0.0, "height": 0.0, "yaw": 180.0})
    task = begin(env)
    task.levels.level[:] = torch.tensor([0, 1, 2, 3])
    task.episode_step[:] = LENGTH
    task.levels.walked[:], task.levels.asked[:] = 5.0, 5.0  # as told, so that levels stay
    env._reset_envs(torch.arange(4))
    assert task.levels.level.tolist() == [0, 1, 2, 3] and task.levels.column.tolist() == [0, 1, 0, 1]
    places = env.sim.body_pos[:, 0]
    assert places[:, 0].tolist() == [0.0, 4.0, 8.0, 12.0] and places[:, 1].tolist() == [0.0, 4.0, 0.0, 4.0]
    tops = [0.0, 0.2 * 1.5, 0.0, 0.4 * 1.5]  # a slope of 1.5 m
    assert places[:, 2].tolist() == pytest.approx([top + GO2.stance_height for top in tops], abs=1e-6)
    assert task.root_state()[:, :2].abs().max() == 0.0
    assert task.above_ground(task.root_pos).tolist() == pytest.approx([GO2.stance_height] * 4, abs=1e-5)


def test_it_is_over_where_the_ground_ends() -> None:
    env = rough("flat", 3)
    task = begin(env)
    env.sim.body_pos[:, 0, 0] = torch.tensor(
        [0.0, 4 * 4.0 - 2.0 + 0.4, 4 * 4.0 - 2.0 + 0.6]
    )  # the border is 1 m
    task.refresh()
    assert task.left_field().tolist() == [False, False, True] and task.out_of_time().tolist() == [
        False,
        False,
        True,
    ]


# What it sees.


def test_the_scan_turns_with_the_heading_and_tells_heights_below_the_stance() -> None:
    env = rough("slope_up", 2)
    task = begin(env)
    # 1.2 m in front of the first patch's middle and facing it; the same facing left. A slope of 0.1 down to the front.
    env.sim.body_pos[:, 0] = torch.tensor([1.2, 0.0, GO2.stance_height])
    env.sim.body_quat[:, 0] = about_z(torch.tensor([math.pi, math.pi / 2]))
    task.refresh()
    grid = task.height_scan().view(2, 17, 11)  # from 0.8 m behind to 0.8 m in front; from right to left

    def ground(x: float, y: float) -> float:
        return -0.1 * max(0.0, max(abs(x), abs(y)) - 0.5)  # below the platform, where the world begins

    for i, j in ((0, 5), (8, 5), (16, 5), (4, 0), (12, 10)):
        ahead, left = -0.8 + 0.1 * i, -0.5 + 0.1 * j
        assert grid[0, i, j].item() == pytest.approx(-ground(1.2 - ahead, -left), abs=1e-3)
        assert grid[1, i, j].item() == pytest.approx(-ground(1.2 - left, ahead), abs=1e-3)


def test_the_mirror_image_of_a_scan_is_that_of_the_mirrored_place() -> None:
    env = rough("stairs_up", 2)
    task = begin(env)
    env.sim.body_pos[0, 0], env.sim.body_pos[1, 0] = (
        torch.tensor([0.9, 0.3, 0.5]),
        torch.tensor([0.9, -0.3, 0.5]),
    )
    env.sim.body_quat[:, 0] = about_z(torch.tensor([0.4, -0.4]))
    task.refresh()
    source, sign = (task.mirror() or {})["height_scan"]
    first, image = task.height_scan()
    assert set(sign) == {1.0} and (image - first).abs().max() > 0.03
    # at a pyramid's ridges the triangles of a cell are no mirror images
    assert image.tolist() == pytest.approx(first[list(source)].tolist(), abs=5e-3)


def test_soles_are_as_high_as_above_the_ground_below() -> None:
    env = rough("stairs_up", 1)
    task = begin(env)
    task.levels.level.zero_()
    feet = env.sim.body_pos[:, 1:5]
    feet[0, :, 0] = torch.tensor([0.0, 0.65, 0.95, 0.0])  # the platform, the tread below it, the next
    feet[..., 2] = GO2.sole
    task.refresh()
    assert task.sole_height[0].tolist() == pytest.approx([0.0, 0.03, 0.06, 0.0], abs=1e-5)


def test_a_deployment_tells_where_the_scan_looks() -> None:
    task = task_of(rough("flat", 1))
    told = task.deployment()["height_scan"]
    assert len(told["points"]) == task.num_scan_points == 187
    assert told["points"][0] == pytest.approx([-0.8, -0.5]) and told["points"][-1] == pytest.approx(
        [0.8, 0.5]
    )
    assert told["stance_height"] == GO2.stance_height


# The curriculum.


@pytest.mark.parametrize(
    ("farthest", "walked", "asked", "steps", "level"),
    [
        (2.1, 2.1, 5.0, LENGTH, 2),  # out of the patch, half of which is 2 m
        (1.9, 4.0, 5.0, LENGTH, 1),  # as told, to and fro
        (0.5, 2.4, 5.0, LENGTH, 0),  # less than half of the way
        (0.0, 0.0, 0.0, LENGTH, 1),  # told to stand
        (1.0, 1.0, 1.0, 200, 0),  # fell after a fifth of the time
        (2.1, 0.1, 5.0, 200, 2),  # out of the patch, wherever to
    ],
)
def test_a_level_follows_from_the_way_that_was_made(farthest, walked, asked, steps, level) -> None:
    env = rough("flat", 1)
    task = begin(env)
    task.levels.level[:] = 1
    task.episode_step[:] = steps
    task.levels.farthest[:], task.levels.walked[:], task.levels.asked[:] = farthest, walked, asked
    task.begin(torch.tensor([0]))
    assert task.levels.level.tolist() == [level]
    assert task.terrain_level().tolist() == [level]


def test_levels_stay_within_and_beyond_the_last_any_follows() -> None:
    env = rough("flat", 64)
    task = begin(env)
    assert set(task.levels.level.tolist()) == {0, 1}  # the first ones: up to startLevel
    everyone = torch.arange(64)

    def again(farthest: float) -> list[int]:
        task.episode_step[:] = LENGTH
        task.levels.farthest[:], task.levels.walked[:], task.levels.asked[:] = farthest, 0.0, 5.0
        task.begin(everyone)
        return task.levels.level.tolist()

    assert set(again(0.0)) == {0} and set(again(0.0)) == {0}
    assert set(again(3.0)) == {1} and set(again(3.0)) == {2} and set(again(3.0)) == {3}
    assert set(again(3.0)) == {0, 1, 2, 3}


def test_the_way_is_measured_along_the_command() -> None:
    env = rough("flat", 3)
    task = begin(env)
    task.commands[:] = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    task.velocity = torch.tensor([[0.5, 2.0, 0.0], [1.0, 0.25, 0.0], [1.0, 0.0, 0.0]])
    task.since_origin = torch.tensor([[3.0, 4.0, 1.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.0]])
    task.levels.advance(task.since_origin[:, :2].norm(dim=-1), task.velocity[:, :2], task.commands[:, :2])
    assert task.levels.walked.tolist() == pytest.approx([0.01, 0.005, 0.0])  # 20 ms
    assert task.levels.asked.tolist() == pytest.approx([0.02, 0.01, 0.0])
    assert task.levels.farthest.tolist() == pytest.approx([5.0, 0.1, 0.0])


def test_evaluations_draw_all_levels_evenly_and_the_same_ones_from_a_seed() -> None:
    def drawn() -> list[int]:
        env = rough("flat,slope_up", 400, learning=False)
        task = begin(env)
        assert task.levels.column.tolist() == [0, 1] * 200
        return task.levels.level.tolist()

    first = drawn()
    assert first == drawn()
    assert all(80 <= first.count(level) <= 120 for level in range(4))


def test_tests_tell_how_each_kind_went_and_trainings_do_not() -> None:
    for learning in (False, True):
        env = rough("flat,stairs_up,flat", 6, learning=learning)
        env.reset()
        reached = env.step(torch.zeros(6, 12)).info.reached
        kinds = {name: flags.tolist() for name, flags in reached.items() if name.startswith("task/")}
        flat = [True, False, True] * 2
        expected = {"task/flat": flat, "task/stairs_up": [not one for one in flat]}
        assert kinds == ({} if learning else expected)
        assert env.spec.metrics == ("terrain_level",) and "patch_level" in env.spec.facts


def test_a_resume_goes_on_with_the_same_levels_to_the_bit() -> None:
    def played(env: TaskEnv, steps: int) -> list[torch.Tensor]:
        actions = torch.Generator().manual_seed(1)
        seen = []
        for _ in range(steps):
            task_of(env).episode_step[::3] = LENGTH - 1  # some end in every step
            seen.append(env.step(torch.rand(8, 12, generator=actions)).obs["policy"].clone())
        return [*seen, task_of(env).levels.level.clone(), task_of(env).origins.clone()]

    env = rough("rough,stairs_up", 8)
    env.reset()
    played(env, 3)
    saved, poses = env.state(), (env.sim.body_pos.clone(), env.sim.body_quat.clone())
    expected = played(env, 4)
    other = rough("rough,stairs_up", 8)
    other.sim.body_pos.copy_(poses[0])  # which the stub keeps in no state
    other.sim.body_quat.copy_(poses[1])
    other.load_state(saved)
    assert all(torch.equal(a, b) for a, b in zip(expected, played(other, 4)))


def test_a_resume_with_another_number_of_envs_begins_at_the_levels_that_were_reached() -> None:
    env = rough("flat,slope_up", 4)
    task = begin(env)
    task.levels.level[:] = torch.tensor([3, 1, 3, 2])
    task.episode_step[:] = LENGTH
    task.begin(torch.arange(4))  # told nothing yet: all stay
    shared = env.shared_state()
    assert shared["terrain_mean_level"].tolist() == [3.0, 1.5]
    more = rough("flat,slope_up", 400)
    more.load_shared_state(shared)
    levels = begin(more).levels.level
    assert set(levels[::2].tolist()) == {3} and set(levels[1::2].tolist()) == {1, 2}
