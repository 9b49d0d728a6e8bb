"""HighLevelReach by hand: points around the robot, each for a time, and how far the right hand is from its own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from test_track_motion import clip_file

from rlkit.rotations import about_z
from rlkit.tasks.motion.high_level_reach import HighLevelReach


@pytest.fixture
def glide(tmp_path: Any) -> str:
    return clip_file(tmp_path)


def reach(motion: str, n: int = 1, **changes: Any) -> HighLevelReach:
    config = task_config("task=HighLevelReach", f"motion={motion}")
    config["target"] = {**config["target"], **changes}
    sim = StubSimulator(HighLevelReach.scene(config), n, joint_limit=3.0)
    return HighLevelReach(config, sim, torch.Generator().manual_seed(0))


def place(task: HighLevelReach, hand: list[float], turned: float = 0.0) -> None:
    """The pelvis 1 m above the origin, turned about the vertical, and the right hand somewhere."""
    sim = task.sim
    names = sim.spec.bodies
    sim.body_quat[:] = about_z(torch.tensor([turned]))
    sim.body_pos[:, names.index(task.robot.pelvis)] = torch.tensor([0.0, 0.0, 1.0])
    sim.body_pos[:, names.index(task.robot.hands[1])] = torch.tensor(hand)
    task.refresh()


def test_points_lie_around_the_robot(glide: str) -> None:
    task = reach(glide, 2000, distance=[0.5, 1.0], height=[0.8, 1.2], time=[1.0, 3.0])
    state = task.begin(torch.arange(2000))
    away = (task.target - state.free_pose[:, 0, :3])[:, :2]
    assert 0.5 <= away.norm(dim=1).min() < 0.51 and 0.99 < away.norm(dim=1).max() <= 1.0 + 1e-5
    assert away.mean(dim=0).abs().max() < 0.05  # all around
    assert 0.8 <= task.target[:, 2].min() < 0.81 and 1.19 < task.target[:, 2].max() <= 1.2
    assert task.target_time.mean().item() == pytest.approx(2.0, abs=0.05)


def test_the_reward_is_of_the_right_hands_distance_and_offsets_are_in_the_heading(glide: str) -> None:
    """It faces the world's y: 0.3 m along y is ahead. At σ from the point e^-1 is left."""
    task = reach(glide, width=0.5)
    task.target[:] = torch.tensor([0.0, 0.8, 1.4])
    place(task, [0.0, 0.5, 1.0], turned=math.pi / 2.0)
    assert task.hand_distance().item() == pytest.approx(0.5)
    assert task.reaching().item() == pytest.approx(math.exp(-1.0))
    torch.testing.assert_close(task.hand_offset(), torch.tensor([[0.3, 0.0, 0.4]]), atol=1e-6, rtol=0.0)
    torch.testing.assert_close(task.target_offset(), torch.tensor([[0.8, 0.0, 0.4]]), atol=1e-6, rtol=0.0)


def test_a_point_holds_for_its_time_and_counts_once_it_has_settled(glide: str) -> None:
    """Held for 0.06 s, three steps; of each the steps after 0.03 s count: the second and the third."""
    task = reach(glide, time=[0.06, 0.06], settle=0.03, near=0.25)
    task.begin(torch.arange(1))
    first = task.target.clone()
    place(task, [0.0, 0.0, 1.0])
    for step in range(3):
        place(task, (task.target[0] - torch.tensor([0.0, 0.0, 0.1 * (step + 1)])).tolist())
        assert torch.equal(task.target, first)
        task.episode_step += 1
        task.advance()
        if step == 2:
            task.episode_step[:] = task.max_episode_length
            assert task.reached().item()  # (0.2 + 0.3) / 2
            task.distance_sum += 0.01
            assert not task.reached().item()
        task.remember()
    assert task.steps_counted.item() == 2.0 and not torch.equal(task.target, first)
    assert task.target_age.item() == 0.0
