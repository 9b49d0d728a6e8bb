"""TrackMotion by hand, on a simulator whose state the tests write: a clip that walks straight on in one pose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.env.task_env import TaskEnv
from rlkit.motion.clip import make_clip, write_clip
from rlkit.motion.robots import find_robot
from rlkit.rotations import about_z, from_rotation_vector, multiply
from rlkit.sims.api import PhysicsSettings
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.robots.h1 import H1
from rlkit.tasks.track_motion import TrackMotion

SPEED, HEIGHT = 0.5, 0.98  # m/s along x, m
KNEE = H1.joints.index("left_knee")
ALL = {name: 1.0 for name in TrackMotion.terms("reward") if name not in ("action_rate", "joint_acceleration")}


def clip_file(tmp_path: Any, *, loop: bool = False, seconds: float = 2.0, name: str = "glide") -> str:
    """The stance moved along x at 0.5 m/s, its left knee bending by 0.2 rad a second."""
    frames = round(seconds * 50) + 1
    time = np.arange(frames) / 50.0
    pos = np.stack((SPEED * time, 0.0 * time, np.full(frames, HEIGHT)), axis=-1)
    joints = np.tile(np.array(H1.stance), (frames, 1))
    if not loop:
        joints[:, KNEE] += 0.2 * time
    quat = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1))
    clip = make_clip(
        find_robot("h1"), pos, quat, joints, fps=50.0, loop=loop, source="by hand", licence="none", name=name
    )
    path = tmp_path / f"{name}.npz"
    write_clip(path, clip)
    return str(path)


def tracker(motion: str, n: int = 1, time: float = 1.0, **changes: Any) -> TrackMotion:
    """The task with every robot where the clip is at `time` (s), and doing what it does."""
    config = {**task_config("task=TrackMotion", f"motion={motion}"), "rewardWeights": ALL, **changes}
    sim = StubSimulator(TrackMotion.scene(config), n, joint_limit=3.0)
    task = TrackMotion(config, sim, torch.Generator().manual_seed(0))
    task.begin(torch.arange(n))
    task.clip_time[:] = time
    follow(task)
    return task


def follow(task: TrackMotion) -> None:
    """Put the robots where the reference is."""
    state, sim = task.library.state(task.clip, task.clip_time), task.sim
    sim.joint_pos[:], sim.joint_vel[:] = state.joint_pos, state.joint_vel
    sim.body_pos[:], sim.body_quat[:] = state.body_pos, state.body_quat
    sim.body_lin_vel[:], sim.body_ang_vel[:] = state.body_lin_vel, state.body_ang_vel
    task.refresh()


def measured(task: TrackMotion, term: str) -> float:
    task.refresh()
    return getattr(task, term)()[0].item()


@pytest.fixture
def glide(tmp_path) -> str:
    return clip_file(tmp_path)


TRACKING = [name for name in TrackMotion.terms("reward") if name in task_config("task=TrackMotion")["widths"]]


def test_where_the_reference_is_every_term_is_one_and_no_error_is_left(glide) -> None:
    task = tracker(glide)
    for term in TRACKING:
        assert measured(task, term) == pytest.approx(1.0, abs=1e-5), term
    for error in ("body_error", "pose_error", "joint_error"):
        assert measured(task, error) == pytest.approx(0.0, abs=1e-6), error


def test_a_robot_that_stands_beside_its_reference_loses_the_terms_of_places_in_the_world(glide) -> None:
    """0.3 m to the left: the bodies against the moved reference are where they belong."""
    task = tracker(glide)
    task.sim.body_pos[..., 1] += 0.3
    lost = {
        "anchor_position": math.exp(-1.0),
        "anchor_place": math.exp(-9.0),
        "root_pose": math.exp(-(0.3**2) / 0.447**2),
    }
    for term in TRACKING:
        assert measured(task, term) == pytest.approx(lost.get(term, 1.0), rel=1e-4), term
    assert measured(task, "body_error") == pytest.approx(0.3)
    assert measured(task, "pose_error") == pytest.approx(0.0, abs=1e-6)


def test_a_robot_that_is_too_high_is_so_for_the_moved_reference_too(glide) -> None:
    task = tracker(glide)
    task.sim.body_pos[..., 2] += 0.15
    assert measured(task, "body_positions") == pytest.approx(math.exp(-0.25), rel=1e-4)


def test_a_robot_that_faces_another_way_is_compared_in_its_own_heading(glide) -> None:
    """The whole robot and its motion turned by 0.4 rad about the vertical through its pelvis."""
    task = tracker(glide)
    turn = about_z(torch.tensor([[0.4]])).expand_as(task.sim.body_quat)
    pelvis = task.sim.body_pos[:, :1].clone()
    from rlkit.rotations import rotate

    task.sim.body_pos[:] = pelvis + rotate(turn, task.sim.body_pos - pelvis)
    task.sim.body_quat[:] = multiply(turn, task.sim.body_quat)
    assert measured(task, "body_positions") == pytest.approx(1.0, abs=1e-5)
    assert measured(task, "body_rotations") == pytest.approx(1.0, abs=1e-5)
    assert measured(task, "anchor_rotation") == pytest.approx(math.exp(-1.0), rel=1e-4)  # (0.4 / 0.4)²
    assert measured(task, "root_pose") == pytest.approx(math.exp(-0.1 * 0.4**2 / 0.447**2), rel=1e-4)


def test_velocities_joints_and_key_bodies_by_hand(glide) -> None:
    task = tracker(glide)
    task.sim.body_lin_vel[..., 0] += 0.5  # m/s, all bodies: the mean of the squares is 0.25
    task.sim.body_ang_vel[..., 2] += 1.57
    task.sim.joint_pos[:, KNEE] += 1.0
    task.sim.joint_vel[:, :4] += 5.0
    assert measured(task, "body_velocities") == pytest.approx(math.exp(-0.25), rel=1e-4)
    assert measured(task, "body_turning") == pytest.approx(math.exp(-0.25), rel=1e-4)
    assert measured(task, "root_velocity") == pytest.approx(math.exp(-(0.25 + 0.1 * 1.57**2)), rel=1e-4)
    assert measured(task, "joint_angles") == pytest.approx(math.exp(-0.25), rel=1e-4)  # (1 / 2)²
    assert measured(task, "joint_speeds") == pytest.approx(math.exp(-1.0), rel=1e-4)  # 4 · 25 / 100
    assert measured(task, "joint_error") == pytest.approx(1.0 / 19.0, rel=1e-4)

    task = tracker(glide)
    hand = task.library.robot.bodies.index("left_elbow_link")
    task.sim.body_pos[:, hand, 0] += 0.2
    assert measured(task, "key_bodies") == pytest.approx(math.exp(-(0.2**2) / 0.316**2), rel=1e-3)
    assert measured(task, "body_error") == pytest.approx(0.2 / 20.0, rel=1e-4)
    assert measured(task, "body_positions") == pytest.approx(math.exp(-(0.2**2) / 20.0 / 0.09), rel=1e-4)


# What the policy sees.


def test_targets_are_the_reference_at_their_moments_in_the_robots_heading(glide) -> None:
    """Facing left (+y) at 1 s: in 0.16 s the reference is 8 cm farther along x, which is to the right."""
    task = tracker(glide)
    left = about_z(torch.tensor([math.pi / 2]))
    task.sim.body_quat[:, 0] = left
    task.sim.joint_pos[:, KNEE] -= 0.1
    task.refresh()
    root = task.target_root().unflatten(-1, (3, 9))[0]
    assert root[2, :3].tolist() == pytest.approx([0.0, -0.08, 0.0], abs=1e-5)
    # Turned to the right of where the robot faces: its x axis is the robot's -y, its y axis the robot's x.
    assert root[2, 3:].tolist() == pytest.approx([0.0, -1.0, 0.0, 1.0, 0.0, 0.0], abs=1e-5)
    joints = task.target_joints().unflatten(-1, (3, 19))[0]
    assert joints[:, KNEE].tolist() == pytest.approx([0.104, 0.108, 0.132], abs=1e-5)
    assert task.reference_velocity()[0].tolist() == pytest.approx([0.0, -SPEED, 0.0], abs=1e-4)
    assert task.reference_joint_vel()[0, KNEE].item() == pytest.approx(0.2, rel=1e-3)


def test_the_anchors_offset_is_in_the_frame_of_the_robots(glide) -> None:
    task = tracker(glide)
    task.sim.body_pos[:, 0, 0] -= 0.2
    task.sim.body_quat[:, 0] = from_rotation_vector(torch.tensor([[0.0, 0.0, math.pi]]))
    task.refresh()
    assert task.anchor_offset()[0].tolist() == pytest.approx([-0.2, 0.0, 0.0], abs=1e-5)
    assert task.anchor_turn()[0].tolist() == pytest.approx([-1.0, 0.0, 0.0, 0.0, -1.0, 0.0], abs=1e-5)


# Actions.


def test_an_action_of_nothing_is_the_middle_of_the_clip_and_one_asks_for_its_share_of_the_torque(
    glide,
) -> None:
    task = tracker(glide)
    servo = H1.servos["left_knee"]
    middle = H1.stance[KNEE] + 0.2  # the clip bends it by 0.4 rad in 2 s
    assert task.controls(torch.zeros(1, 19))[0, KNEE].item() == pytest.approx(middle, abs=1e-4)
    reach = 0.75 * servo.limit / servo.stiffness + 0.2
    assert task.controls(torch.ones(1, 19))[0, KNEE].item() == pytest.approx(middle + reach, abs=1e-4)
    assert task.controls(-torch.ones(1, 19))[0, KNEE].item() == pytest.approx(middle - reach, abs=1e-4)


def test_residual_actions_are_around_the_reference_of_the_next_moment(glide) -> None:
    task = tracker(glide, action={"mode": "residual", "reach": 0.5})
    wanted = H1.stance[KNEE] + 0.2 * 1.02
    assert task.controls(torch.zeros(1, 19))[0, KNEE].item() == pytest.approx(wanted, abs=1e-4)
    servo = H1.servos["left_knee"]
    task.clip_time[:] = 1.0
    assert task.controls(torch.ones(1, 19))[0, KNEE].item() == pytest.approx(
        wanted + 0.5 * servo.limit / servo.stiffness, abs=1e-4
    )


# Beginning and ending.


def test_episodes_begin_at_the_clips_state_anywhere_in_it_and_some_at_its_start(glide) -> None:
    noise = dict.fromkeys(("position", "height", "rotation", "joints", "velocity", "turning"), 0.0)
    task = tracker(glide, 400, start={"atZero": 0.25, "noise": noise})
    state = task.begin(torch.arange(400))
    times = task.clip_time
    assert torch.allclose(state.free_pose[:, 0, 0], SPEED * times, atol=1e-5)
    assert torch.allclose(state.joint_pos[:, KNEE], H1.stance[KNEE] + 0.2 * times, atol=1e-5)
    assert torch.allclose(state.joint_vel[:, KNEE], torch.tensor(0.2), atol=1e-3)
    assert torch.allclose(state.free_vel[:, 0, 0], torch.tensor(SPEED), atol=1e-3)
    assert 0.18 < (times == 0.0).float().mean() < 0.33
    assert times.max() > 1.8 and (times <= 2.0).all()
    assert torch.equal(task.targets, state.joint_pos)


def test_noise_is_within_its_bounds_and_a_clip_to_order_begins_at_its_start_without(glide) -> None:
    task = tracker(glide, 200)
    state = task.begin(torch.arange(200), torch.arange(200) % 2 - 1)  # -1: any; 0: the clip
    free, ordered = slice(0, None, 2), slice(1, None, 2)
    off = state.free_pose[free, 0, :2] - torch.stack((SPEED * task.clip_time[free], torch.zeros(100)), dim=-1)
    assert 0.04 < off.abs().max() <= 0.05 + 1e-5
    height = state.free_pose[free, 0, 2] - HEIGHT
    assert (height >= -1e-6).all() and 0.005 < height.max() <= 0.01 + 1e-6
    assert (task.clip_time[ordered] == 0.0).all()
    assert torch.allclose(state.free_pose[ordered, 0, :3], torch.tensor([0.0, 0.0, HEIGHT]), atol=1e-6)
    assert torch.allclose(state.joint_pos[ordered], torch.tensor(H1.stance), atol=1e-6)


def test_the_end_of_a_clip_is_no_failure_and_a_loop_goes_on_to_the_end_of_the_episode(tmp_path) -> None:
    task = tracker(clip_file(tmp_path), 2)
    task.clip_time[:] = torch.tensor([1.96, 2.0])
    assert task.out_of_time().tolist() == [False, True]
    loop = tracker(clip_file(tmp_path, loop=True, name="loop"), 2, episodeLength=500)
    loop.clip_time[:] = 50.0
    loop.episode_step[:] = torch.tensor([499, 500])
    assert loop.out_of_time().tolist() == [False, True]
    loop.refresh()
    assert loop.reference.root_pos[0].tolist() == pytest.approx([25.0, 0.0, HEIGHT], abs=1e-4)


def test_a_clip_to_order_is_played_whole_though_it_is_longer_than_an_episode(glide) -> None:
    task = tracker(glide, 2, episodeLength=10)
    task.begin(torch.arange(2), torch.tensor([-1, 0]))
    task.clip_time[:] = 1.0
    task.episode_step[:] = 50
    assert task.out_of_time().tolist() == [True, False]


def test_failures_by_hand(glide) -> None:
    task = tracker(glide, 2)
    foot = task.library.robot.bodies.index("left_ankle_link")
    task.sim.body_pos[:, foot, 1] += torch.tensor([0.49, 0.51])
    task.refresh()
    assert task.body_off().tolist() == [False, True]
    assert not task.ends_off_height().any()
    task.sim.body_pos[:, foot, 2] += torch.tensor([0.24, 0.26])
    task.sim.body_pos[:, 0, 2] -= torch.tensor([0.24, 0.26])
    task.sim.body_quat[:, 0] = from_rotation_vector(torch.tensor([[1.3, 0.0, 0.0], [1.4, 0.0, 0.0]]))
    task.refresh()
    assert task.ends_off_height().tolist() == [False, True]
    assert task.anchor_off_height().tolist() == [False, True]
    assert task.anchor_tilted().tolist() == [False, True]  # 1 - cos is 0.73 and 0.83


def test_followed_asks_for_the_worst_of_all_steps(glide) -> None:
    task = tracker(glide, 2)
    task.sim.body_pos[..., 0] += torch.tensor([[0.2], [0.6]])
    task.refresh()
    task.episode_step += 1
    task.advance()
    follow(task)
    task.episode_step += 1
    task.advance()
    task.clip_time[:] = 2.0
    assert task.followed().tolist() == [True, False]
    assert task.error_global().tolist() == pytest.approx([0.1, 0.3], rel=1e-4)
    assert task.error_worst().tolist() == pytest.approx([0.2, 0.6], rel=1e-4)
    assert task.error_root_relative().tolist() == pytest.approx([0.0, 0.0], abs=1e-5)


# Symmetry.


def test_mirrored_states_earn_the_same_and_look_like_the_image(tmp_path) -> None:
    """Two robots with the same errors in a mirror, one after a clip and the other after its image."""
    task = tracker(clip_file(tmp_path), 2, mirrored=True)
    assert task.library.names == ("glide", "glide (mirror image)")
    task.clip[:] = torch.tensor([0, 1])
    follow(task)
    generator = torch.Generator().manual_seed(1)
    source, sign = H1.joint_mirror()
    sign = torch.tensor(sign)
    angles = task.sim.joint_pos[0] + 0.3 * torch.rand(19, generator=generator)
    task.sim.joint_pos[0], task.sim.joint_pos[1] = angles, angles[source] * sign
    shift = torch.tensor([0.05, 0.1, 0.02])
    task.sim.body_pos[0, 0] += shift
    task.sim.body_pos[1, 0] += shift * torch.tensor([1.0, -1.0, 1.0])
    task.sim.body_quat[0, 0] = from_rotation_vector(torch.tensor([0.1, 0.2, 0.3]))
    task.sim.body_quat[1, 0] = from_rotation_vector(torch.tensor([-0.1, 0.2, -0.3]))
    task.refresh()
    images = task.mirror()
    assert images is not None
    sizes = task.observation_sizes()
    for term in ("target_root", "target_joints", "reference_velocity", "anchor_offset", "anchor_turn"):
        value = getattr(task, term)()
        order, signs = images[term]
        assert len(order) == sizes[term]
        image = value[0, list(order)] * torch.tensor(signs)
        assert torch.allclose(image, value[1], atol=1e-5), term
    for term in ("joint_angles", "root_pose", "anchor_position"):
        one, other = getattr(task, term)().tolist()
        assert one == pytest.approx(other, rel=1e-5), term


def test_without_mirror_images_there_is_no_symmetry(glide) -> None:
    assert tracker(glide).mirror() is None


def test_after_some_episodes_began_all_references_are_those_of_now(glide) -> None:
    task = tracker(glide, 5)
    task.begin(torch.tensor([1, 3]))
    task.refresh()
    parts = (task.reference, task.soon, task.beside.moved)
    some = [value.clone() for part in parts for value in part]
    task.refresh()
    every = [value for part in (task.reference, task.soon, task.beside.moved) for value in part]
    assert len({time.item() for time in task.clip_time}) == 3
    for one, other in zip(some, every):
        assert torch.equal(one, other)


# On a robot, and before its viewer.


def test_who_watches_is_told_the_clip(tmp_path) -> None:
    task = tracker(clip_file(tmp_path), 2, mirrored=True)
    task.clip[:] = torch.tensor([1, 0])
    assert (task.playing(0), task.playing(1)) == ("glide (mirror image)", "glide")


def test_a_robot_is_told_what_an_action_is_around(glide) -> None:
    told = tracker(glide).deployment()
    knee = told["joints"][KNEE]
    middle = pytest.approx(H1.stance[KNEE] + 0.2, abs=1e-4)
    assert (knee["stance"], knee["centre"]) == (H1.stance[KNEE], middle)
    assert told["rule"].startswith("target = centre + action")

    task = tracker(glide, 2, action={"mode": "residual", "reach": 0.5})
    task.controls(torch.zeros(2, 19))
    told = task.deployment()
    servo = H1.servos["left_knee"]
    assert "centre" not in told["joints"][KNEE]
    assert told["joints"][KNEE]["up"] == pytest.approx(0.5 * servo.limit / servo.stiffness)
    assert told["rule"].startswith("target = the reference's angle a control period on + action")
    assert told["reference"]["mode"] == "residual" and told["reference"]["anchor"] == "pelvis"


# What is seen beside the robot.


def test_the_ghost_stands_where_the_clip_is_after_a_reset_and_after_a_step(glide) -> None:
    """Pelvis at 0.5 t along x, 0.98 m high, the stance with its left knee bent by 0.2 t more."""
    config = task_config("task=TrackMotion", f"motion={glide}")
    sim = MujocoSimulator(TrackMotion.scene(config), PhysicsSettings(dt=0.01, substeps=2, num_threads=1), 3)
    task = TrackMotion(config, sim, torch.Generator().manual_seed(0))
    env = TaskEnv(sim, task)

    def wanted(times: np.ndarray) -> np.ndarray:
        pose = np.tile(np.array([0.0, 0.0, HEIGHT, 1.0, 0.0, 0.0, 0.0, *H1.stance]), (len(times), 1))
        pose[:, 0] = SPEED * times
        pose[:, 7 + KNEE] += 0.2 * times
        return pose

    env.reset()
    begun, shown = task.clip_time[[2, 0]].double().numpy(), env.poses([2, 0])
    np.testing.assert_allclose(shown["ghost"], wanted(begun), atol=1e-5)
    assert begun[0] != begun[1]
    assert np.abs(shown["ghost"] - shown["qpos"]).max() > 0.01  # the robot begins with noise
    env.watch([2, 0])
    watched = env.step(torch.zeros(3, 19)).info.watched
    assert watched is not None
    np.testing.assert_allclose(watched.state["ghost"], wanted(begun + 0.02), atol=1e-5)
    named = dict(zip(env.spec.metrics, watched.metrics.T))
    knees = np.abs(watched.state["qpos"] - watched.state["ghost"])[:, 7:].mean(axis=1)
    np.testing.assert_allclose(named["joint_error"], knees, rtol=1e-4)
    env.watch(())
    assert env.step(torch.zeros(3, 19)).info.watched is None
    env.close()
