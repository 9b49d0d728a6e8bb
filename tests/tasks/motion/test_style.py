"""Style by hand, on a simulator whose state the tests write: robot and clips are compared by one function."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from test_track_motion import HEIGHT, KNEE, SPEED, clip_file
from torch import Tensor

from rlkit.env.api import EnvError
from rlkit.env.task_env import TaskEnv
from rlkit.motion.features import body_indices, style_features, style_size
from rlkit.motion.robots import find_robot
from rlkit.tasks.robots.humanoids import HUMANOIDS, sizes_of
from rlkit.tasks.steering import Steering
from rlkit.tasks.style import Style

H1 = find_robot("h1")
KEYS = body_indices(H1, H1.keys)
SIZE = style_size(H1)
JOINTS = slice(13, 32)  # of the features: the angles
TORSO = H1.joints.index("torso")


def style(motion: str, n: int = 1, **changes: Any) -> Style:
    config = {**task_config("task=Style", f"motion={motion}"), **changes}
    return Style(
        config, StubSimulator(Style.scene(config), n, joint_limit=3.0), torch.Generator().manual_seed(0)
    )


def put(task: Style | Steering, time: float, clip: int = 0) -> None:
    """The robots into the reference's state at a time (s) of a clip."""
    assert task.window is not None
    n, sim = task.num_envs, task.sim
    names = sim.spec.bodies
    state = task.window.library.state(torch.full((n,), clip), torch.full((n,), time))
    there = [H1.bodies.index(name) for name in names]
    sim.joint_pos[:], sim.joint_vel[:] = state.joint_pos, state.joint_vel
    sim.body_pos[:], sim.body_quat[:] = state.body_pos[:, there], state.body_quat[:, there]
    sim.body_lin_vel[:], sim.body_ang_vel[:] = state.body_lin_vel[:, there], state.body_ang_vel[:, there]


def frames(task: Style, times: Tensor) -> Tensor:
    """The clip's features at times `[...]` s."""
    state = task.window.library.state(torch.zeros_like(times, dtype=torch.long), times)
    return style_features(state, KEYS)


@pytest.fixture
def glide(tmp_path: Any) -> str:
    """2 s, 0.5 m/s along x, the left knee bends by 0.2 rad a second; not a loop."""
    return clip_file(tmp_path)


@pytest.mark.parametrize("name", HUMANOIDS)
def test_the_size_is_known_without_torch(name: str) -> None:
    robot, task = find_robot(name), {"robot": name, "style": {"moments": (0.0, 0.02)}}
    assert set(robot.keys) == {*HUMANOIDS[name].feet, *HUMANOIDS[name].hands}
    assert sizes_of(task)["style_size"] == 2 * style_size(robot)


def test_after_a_reset_the_history_is_the_reference_s(glide: str) -> None:
    """Where it begins is told by x; 0.04 and 0.08 s before that the knee was 0.008 and 0.016 rad straighter."""
    task = style(glide, 50)
    state = task.begin(torch.arange(50))
    times = state.free_pose[:, 0, 0] / SPEED
    assert times.min() >= 0.08 - 1e-6 and times.max() <= 2.0 + 1e-6  # as much before it as the window needs
    seen = task.style().unflatten(1, (3, SIZE))
    torch.testing.assert_close(seen, frames(task, times[:, None] - torch.tensor([0.0, 0.04, 0.08])))
    knees = seen[:, :, JOINTS][:, :, KNEE]
    wanted = task.stance[KNEE] + 0.2 * (times[:, None] - torch.tensor([0.0, 0.04, 0.08]))
    torch.testing.assert_close(knees, wanted, atol=1e-4, rtol=0.0)
    assert torch.equal(task.targets, state.joint_pos)
    assert torch.allclose(state.free_pose[:, 0, 2], torch.tensor(HEIGHT))
    torch.testing.assert_close(state.free_vel[:, 0, :3], torch.tensor([[SPEED, 0.0, 0.0]]).expand(50, 3))


def test_a_robot_in_the_reference_s_state_has_its_features(glide: str) -> None:
    task = style(glide)
    task.begin(torch.arange(1))
    begun = task.window.history[0, 1].clone()
    for time in (1.0, 1.02, 1.04):
        put(task, time)
        task.refresh()
        task.advance()
    torch.testing.assert_close(task.style()[0, :SIZE], frames(task, torch.tensor(1.04)))
    torch.testing.assert_close(task.style()[0, SIZE : 2 * SIZE], frames(task, torch.tensor(1.0)))
    torch.testing.assert_close(task.style()[0, 2 * SIZE :], begun)  # the fifth last: a step before it began
    assert task.style_distance().item() == pytest.approx(0.0, abs=2e-3)


def test_the_distance_is_in_spreads_of_the_clips(glide: str) -> None:
    """The torso never moves there: 0.1 rad is 0.1 / 0.02 spreads in one number of 63."""
    task = style(glide)
    put(task, 1.0)
    task.sim.joint_pos[0, TORSO] += 0.1
    task.refresh()
    task.advance()
    assert task.style_distance().item() == pytest.approx(5.0 / math.sqrt(SIZE), rel=1e-3)


def test_near_is_the_mean_over_steps_and_cover_asks_for_all_of_the_clip(glide: str) -> None:
    """Held in the pose of 1 s: near, and as far from the other frames as these are from that one."""
    task = style(glide)
    task.begin(torch.arange(1))
    put(task, 1.0)
    for _ in range(4):
        task.episode_step += 1
        task.refresh()
        task.advance()
    assert task.near().item() == pytest.approx(0.0, abs=2e-3)
    task.sim.joint_pos[0, TORSO] += 0.1
    for _ in range(4):
        task.episode_step += 1
        task.refresh()
        task.advance()
    assert task.near().item() == pytest.approx(0.5 * 5.0 / math.sqrt(SIZE), rel=1e-2)
    # the frames of the clip, 0 to 1.98 s: of what varies in it, knee, and the foot that this moves
    every = frames(task, torch.arange(0.0, 1.99, 0.02))
    scaled = every / (every.std(dim=0, unbiased=False) + 0.02)
    wanted = ((scaled - scaled[50]).square().mean(dim=1).sqrt()).mean()
    assert task.cover().item() == pytest.approx(wanted.item(), rel=1e-2)
    assert wanted > 0.1
    task.begin(torch.arange(1))
    assert torch.isinf(task.cover()).all() and not task.window.distance_sum.any()


def test_demonstrations_have_the_clip_before_them(glide: str) -> None:
    task = style(glide)
    shown = task.demonstrations(500)["style"].unflatten(1, (3, SIZE))
    bends = shown[:, :-1, JOINTS][:, :, KNEE] - shown[:, 1:, JOINTS][:, :, KNEE]
    torch.testing.assert_close(bends, torch.full_like(bends, 0.2 * 0.04), atol=1e-4, rtol=0.0)


def test_the_env_shows_them_as_the_group_and_says_where_there_are_none(glide: str) -> None:
    task = style(glide, 2)
    env = TaskEnv(task.sim, task)
    state = env.task.generator.get_state()
    shown = env.demonstrations("style", 7)
    assert shown.shape == (7, 3 * SIZE) == (7, env.spec.obs_sizes["style"])
    env.task.generator.set_state(state)
    assert torch.equal(env.demonstrations("style", 7), shown)
    with pytest.raises(
        EnvError, match="no motion shows the observation 'pelvis_height' of the group 'policy'"
    ):
        env.demonstrations("policy", 1)


def test_in_style_to_the_end_is_a_success_and_far_for_a_while_a_failure(glide: str) -> None:
    task = style(glide, 2)
    task.begin(torch.arange(2))
    put(task, 1.0)
    task.sim.joint_pos[1, TORSO] += 0.5  # 3.1 away, where 2 is too far and 0.2 s too long
    for step in range(10):
        assert not task.out_of_style().any(), step
        task.episode_step += 1
        task.refresh()
        task.advance()
    assert task.out_of_style().tolist() == [False, True] and not task.in_style().any()
    task.episode_step[:] = 500
    task.window.distance_sum[:] = torch.tensor([0.4, 0.6]) * 500
    assert task.in_style().tolist() == [True, False]


def test_an_action_of_one_asks_for_three_quarters_of_the_torque(glide: str) -> None:
    """Beyond the knee's bending of 0.4 rad in the clip, half of it to each side of the middle."""
    task = style(glide)
    targets = task.controls(torch.ones(1, 19))[0]
    assert targets[TORSO].item() == pytest.approx(task.stance[TORSO].item() + 0.75 * 200.0 / 300.0)
    middle = task.stance[KNEE].item() + 0.2
    assert targets[KNEE].item() == pytest.approx(middle + 0.2 + 0.75 * 300.0 / 300.0, abs=1e-4)


def test_training_reckons_no_cover(glide: str) -> None:
    task = style(glide)
    TaskEnv(task.sim, task, learning=True)
    task.begin(torch.arange(1))
    put(task, 1.0)
    task.refresh()
    task.advance()
    assert torch.isinf(task.cover()).all()


def steering(*words: str) -> Steering:
    config = task_config("task=Steering", *words)
    return Steering(config, StubSimulator(Steering.scene(config), 2, joint_limit=3.0), torch.Generator())


def test_steering_has_a_style_with_motion_data_alone(glide: str) -> None:
    plain, with_clips = steering(), steering(f"motion={glide}")
    assert plain.window is None and not plain.demonstrations(3)
    assert plain.style().shape == (2, 3 * SIZE) and not plain.style().any()
    spec = TaskEnv(plain.sim, plain).spec
    assert not {"near", "cover"} & set(spec.facts) and "style_history" not in plain.memory()
    with pytest.raises(EnvError, match="no motion shows the observation 'style'"):
        TaskEnv(plain.sim, plain).demonstrations("style", 1)
    assert {"near", "cover"} <= set(TaskEnv(with_clips.sim, with_clips).spec.facts)
    assert with_clips.demonstrations(3)["style"].shape == (3, 3 * SIZE)
    put(with_clips, 1.0)
    with_clips.refresh()
    with_clips.advance()
    assert with_clips.style_distance().tolist() == pytest.approx([0.0, 0.0], abs=2e-3)


def test_no_draw_is_one_that_cuda_cannot_do_deterministically(
    glide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError("cumsum_cuda_kernel does not have a deterministic implementation")

    monkeypatch.setattr(torch, "multinomial", refuse)
    task = style(glide, 4)
    task.begin(torch.arange(4))
    assert task.demonstrations(3)["style"].shape == (3, 3 * SIZE)
