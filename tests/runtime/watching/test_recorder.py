"""Recordings of episodes: what they hold, and that the physics repeats them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from task_config import task_config

from rlkit.env.task_env import TaskEnv
from rlkit.media.recording import Recording, model_hash
from rlkit.runtime.watching.recorder import Recorder
from rlkit.sims.api import PhysicsSettings
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.box_grasping import BoxGrasping

N = 5


def box_env(num_envs: int = N, episode_length: int = 6, objects: Any = ()) -> TaskEnv:
    config = {**task_config("task=BoxGrasping"), "episodeLength": episode_length, "objects": objects}
    physics = PhysicsSettings(dt=0.01, substeps=2, num_threads=1)
    sim = MujocoSimulator(BoxGrasping.scene(config), physics, num_envs)
    return TaskEnv(sim, BoxGrasping(config, sim, torch.Generator().manual_seed(3)))


def play(env: TaskEnv, steps: int, envs=(1, 4), pushes=(), **settings) -> tuple[list[Recording], list]:
    """Random actions; returns the recordings and what every step returned."""
    taken: list[Recording] = []
    recorder = Recorder(env, envs, {"task": "BoxGrasping", "engine": "simulator"}, taken.append, **settings)
    generator = torch.Generator().manual_seed(1)
    obs, told = env.reset(), []
    recorder.begin()
    env.stagger()
    for step in range(steps):
        for when, *push in pushes:
            if when == step:
                env.push(*push)
                recorder.pushed(*push)
        actions = 3.0 * torch.randn(env.spec.num_envs, env.spec.num_actions, generator=generator)
        result = env.step(actions)
        recorder.add(obs, actions, result)
        told.append((obs["policy"].clone(), actions, result))
        obs = result.obs
    return taken, told


def replayed(recording: Recording, objects: Any = ()) -> float:
    """The largest deviation of the states when the recorded commands act on the recorded start in a new simulator."""
    env = box_env(num_envs=1, objects=objects)
    env.sim.load_state({name: torch.from_numpy(value.copy()) for name, value in recording.start.items()})
    worst = 0.0
    assert len(recording.arrays["ctrl"]) == recording.length
    states = dict(zip(recording.arrays["steps"].tolist(), recording.arrays["qpos"]))
    for step, ctrl in enumerate(recording.arrays["ctrl"]):
        for when, body, *force in recording.header["pushes"]:
            if when == step:
                env.sim.push(0, body, force)
        env.sim.step(torch.from_numpy(ctrl)[None], 2)
        if step + 1 in states:
            worst = max(worst, np.abs(env.sim.render_states([0])["qpos"][0] - states[step + 1]).max())
    return worst


def test_a_recording_holds_what_the_steps_returned():
    env = box_env()
    taken, told = play(env, steps=14)
    # Envs are 0, 1, 2 ... 4/5 of six steps old at first: env 1 ends after 5 steps, env 4 after 2.
    assert [(r.header["env"], r.header["episode"], r.length) for r in taken] == [
        (4, 0, 2),
        (1, 0, 5),
        (4, 1, 6),
        (1, 1, 6),
        (4, 2, 6),
    ]
    second = taken[2]
    for t in range(6):
        obs, actions, step = told[2 + t]
        np.testing.assert_array_equal(second.arrays["obs"][t], obs[4])
        np.testing.assert_array_equal(second.arrays["actions"][t], actions[4].clamp(-1, 1))
        assert second.arrays["rewards"][t] == step.reward[4]
        assert second.arrays["truncated"][t] == step.truncated[4] == (t == 5)
        assert second.arrays["terminated"][t] == step.terminated[4]
    assert second.header["return"] == pytest.approx(sum(float(told[2 + t][2].reward[4]) for t in range(6)))
    assert second.header["ended"] == "timeout"
    assert second.header["names"]["reward_terms"] == list(env.spec.reward_terms)
    end = second.arrays["terms"].sum(axis=1) - second.arrays["rewards"]
    np.testing.assert_allclose(end[:-1], 0.0, atol=1e-5)
    np.testing.assert_array_equal(second.arrays["steps"], np.arange(7))
    np.testing.assert_allclose(second.arrays["time"], 0.02 * np.arange(7), atol=1e-12)
    # The last state is the episode's own, not the next one's first.
    assert np.abs(second.arrays["qpos"][6] - second.arrays["qpos"][5]).max() < 0.1
    assert np.abs(second.arrays["qpos"][6] - taken[4].arrays["qpos"][0]).max() > 1e-3
    assert second.mjcf == env.sim.spec.mjcf
    assert second.header["model_sha256"] == model_hash(second.mjcf)


def test_recorded_commands_repeat_every_state_exactly_also_pushed_ones():
    pushes = [(3, 4, "box", (0.0, 2.0, 9.0))]
    taken, _ = play(box_env(episode_length=40), steps=60, pushes=pushes)
    assert max(r.length for r in taken) == 40
    assert [r.header["pushes"] for r in taken].count([[3, "box", 0.0, 2.0, 9.0]]) == 1
    for recording in taken:
        assert replayed(recording) == 0.0
    pushed = next(r for r in taken if r.header["pushes"])
    without = Recording({**pushed.header, "pushes": []}, pushed.arrays)
    assert replayed(without) > 1e-3


def test_each_episode_is_recorded_with_its_own_object_and_repeats_with_it():
    """Envs 1 and 4 of five begin with objects 1 and 0 of four, and go on with the next."""
    env = box_env(objects="shapes")
    taken, _ = play(env, steps=14)
    names = ["box", "cylinder", "capsule", "sphere"]
    playing = [(r.header["env"], r.header["playing"]) for r in taken]
    assert playing == [(4, "box"), (1, "cylinder"), (4, "cylinder"), (1, "capsule"), (4, "capsule")]
    for recording in taken:
        assert f'name="box" type="{recording.header["playing"]}"' in recording.mjcf
        assert recording.mjcf == env.sim.spec.alternatives[names.index(recording.header["playing"])]
        assert replayed(recording, "shapes") == 0.0


def test_a_stride_keeps_the_first_and_last_state_and_every_action():
    (whole, *_), _ = play(box_env(), steps=6, envs=(0,))
    (strided, *_), _ = play(box_env(), steps=6, envs=(0,), stride=4)
    assert strided.arrays["steps"].tolist() == [0, 4, 6]
    np.testing.assert_array_equal(strided.arrays["qpos"], whole.arrays["qpos"][[0, 4, 6]])
    np.testing.assert_array_equal(strided.arrays["actions"], whole.arrays["actions"])
    assert replayed(strided) == 0.0


def test_content_says_what_is_left_out():
    (actions, *_), _ = play(box_env(), steps=6, envs=(0,), content="actions")
    assert not actions.has_states
    assert len(actions.arrays["obs"]) == 6
    assert replayed(actions) == 0.0
    (states, *_), _ = play(box_env(), steps=6, envs=(0,), content="states")
    assert states.has_states
    assert "obs" not in states.arrays


def test_being_watched_changes_nothing():
    watched, plain = box_env(), box_env()
    _, told = play(watched, steps=20)
    obs = plain.reset()
    plain.stagger()
    for seen, actions, result in told:
        torch.testing.assert_close(obs["policy"], seen, rtol=0, atol=0)
        obs, reward, *_ = plain.step(actions)
        torch.testing.assert_close(reward, result.reward, rtol=0, atol=0)
    assert watched.step(told[0][1]).info.watched is not None
    watched.watch(())
    assert watched.step(told[0][1]).info.watched is None
