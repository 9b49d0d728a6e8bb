"""What learners, recordings and builds make of randomised envs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from needs import lacking

from rlkit.config import Experiment, compose
from rlkit.config.facts.machine import Machine
from rlkit.crosscheck.replay import replay
from rlkit.env.task_env import TaskEnv
from rlkit.learners.ppo.learner import PPO
from rlkit.media.recording import Recording
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.watching.recorder import Recorder, facts_of

pytestmark = pytest.mark.slow

R = "task.randomization"
NOISE = f"{R}.observationNoise.arm_joint_pos=0.1"
ALL = (
    f"{R}.friction.range=[0.5,1.5]",
    f"{R}.mass.range=[0.7,1.3]",
    f"{R}.mass.each=true",
    f"{R}.stiffness.range=[0.8,1.2]",
    f"{R}.stiffness.per=env",
    f"{R}.damping.range=[0.8,1.2]",
    f"{R}.latency.range=[0.005,0.03]",
    f"{R}.push.force=[0.5,2]",
    f"{R}.push.interval=[0.1,0.2]",
    f"{R}.push.duration=0.06",
)


def asked(*words: str) -> Experiment:
    return compose(["device=cpu", "seed=3", "env.numEnvs=4", "sim.dt=0.005", "sim.substeps=1", *words])


# Recordings.


@pytest.fixture(scope="module")
def episodes() -> list[Recording]:
    """As `recorded`, on MuJoCo."""
    return recorded("mujoco")


def recorded(sim: str, steps: int = 34) -> list[Recording]:
    """Of two envs among four, with a push by hand in the third step; the env's own come as well."""
    experiment = asked("task=BoxGrasping", f"sim={sim}", "task.episodeLength=16", *ALL)
    env, taken = build_env(experiment, Ranks()), []
    recorder = Recorder(env, [1, 3], facts_of(experiment), taken.append)
    obs, generator = env.reset(), torch.Generator().manual_seed(2)
    recorder.begin()
    for step in range(steps):
        if step == 3:
            env.push(1, "box", (3.0, 0.0, 5.0))
            recorder.pushed(1, "box", (3.0, 0.0, 5.0))
        actions = torch.rand(4, env.spec.num_actions, generator=generator) * 2 - 1
        result = env.step(actions)
        recorder.add(obs, actions, result)
        obs = result.obs
    env.close()
    return taken


def test_randomised_episodes_replay_bit_for_bit(episodes: list[Recording]) -> None:
    assert len(episodes) >= 4
    for recording in episodes:
        assert replay(recording).largest == 0.0
    assert len({int(recording.arrays["start.delay"]) for recording in episodes}) > 1
    assert max(len(recording.header["pushes"]) for recording in episodes) >= 3


@pytest.mark.slow
def test_they_do_on_another_simulator_too() -> None:
    if "warp" not in Machine.detect().simulators:
        lacking("warp", "another simulator than MuJoCo's own is an extra: pip install -e '.[warp]'")
    first, *_ = recorded("warp", steps=17)
    assert first.arrays["start.delay"] >= 0 and replay(first).largest == 0.0


def test_a_replay_that_forgets_latency_or_masses_comes_out_elsewhere(episodes: list[Recording]) -> None:
    recording = next(r for r in episodes if r.arrays["start.delay"] > 0)
    for forgotten in ("start.delay", "start.model.body_mass"):
        arrays = {name: array for name, array in recording.arrays.items() if name != forgotten}
        assert replay(Recording(recording.header, arrays)).largest > 0.0, forgotten
    assert replay(Recording({**recording.header, "pushes": []}, recording.arrays)).largest > 0.0


def test_a_recording_holds_what_the_policy_saw() -> None:
    experiment = asked("task=Reach", NOISE)
    env, taken = build_env(experiment, Ranks()), []
    assert isinstance(env, TaskEnv)
    env.task.max_episode_length = 3
    recorder = Recorder(env, [0], facts_of(experiment), taken.append)
    obs = env.reset()
    recorder.begin()
    seen = []
    for _ in range(3):
        seen.append(obs["policy"][0].numpy().copy())
        result = env.step(torch.zeros(4, env.spec.num_actions))
        recorder.add(obs, torch.zeros(4, env.spec.num_actions), result)
        obs = result.obs
    np.testing.assert_array_equal(taken[0].arrays["obs"], seen)


# Learners.


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["PPO", "FastTD3"])
def test_a_policy_trained_with_noise_is_tested_with_and_without(learner: str) -> None:
    words = ("task=Reach", f"train=Reach{learner}", NOISE)
    experiment = asked(*words, *_small(learner))
    env = build_env(experiment, Ranks(), learning=True)
    teacher = build_learner(experiment, env)
    env.reset()
    for _ in range(2):
        teacher.iterate(env)
    state = teacher.state()
    for more in ("training.seed=3", f"{R}.enabled=false"):
        again = asked(*words, *_small(learner), more)
        student_env = build_env(again, Ranks())
        student = build_learner(again, student_env)
        student.load(state, policy_only=True)
        obs = student_env.reset()
        assert torch.equal(student.policy()(obs), teacher.policy()(obs))
        assert torch.equal(obs["policy"], obs["critic"]) == (more == f"{R}.enabled=false")


def _small(learner: str) -> list[str]:
    if learner == "PPO":
        return ["train.horizon_length=4", "train.mini_epochs=1", "train.units=[8]"]
    return [
        "train.actor_units=[8]",
        "train.critic_units=[8]",
        "train.horizon_length=4",
        "train.learning_starts=3",
        "train.buffer_size=32",
        "train.batch_size=16",
    ]


def test_the_replay_keeps_what_each_of_them_saw() -> None:
    experiment = asked("task=Reach", "train=ReachFastTD3", NOISE, *_small("FastTD3"))
    env = build_env(experiment, Ranks())
    learner: Any = build_learner(experiment, env)
    seen: dict[str, Any] = {"policy": [], "critic": []}
    obs = env.reset()
    learner.replay.start(obs)
    for _ in range(6):
        for group, rows in seen.items():
            rows.append(obs[group].clone())
        action = torch.zeros(4, env.spec.num_actions)
        obs, reward, terminated, truncated, info = env.step(action)
        learner.replay.add(obs, action, reward, terminated, truncated, info.final_obs)
    batch = learner.replay.sample(64, torch.Generator().manual_seed(0))
    stored = {group: torch.cat(rows) for group, rows in seen.items()}
    for policy, critic in zip(batch.policy, batch.critic):
        place = (stored["critic"] == critic).all(dim=1).nonzero()
        assert len(place) and (stored["policy"][place.flatten()] == policy).all(dim=1).any()
    assert not torch.equal(batch.policy, batch.critic)


def test_ppo_gives_the_clean_observation_to_a_critic_of_its_own() -> None:
    experiment = asked("task=Reach", NOISE, *_small("PPO"))
    env = build_env(experiment, Ranks())
    learner = build_learner(experiment, env)
    assert isinstance(learner, PPO)
    env.reset()
    learner.iterate(env)
    agent = learner._agent
    assert agent.has_central_value
    buffers = agent.experience_buffer.tensor_dict
    noise = buffers["obses"] - buffers["states"]
    assert 0.05 < noise[..., :7].std() < 0.2 and (noise[..., 7:] == 0.0).all()


# Builds.


def test_the_curriculum_runs_in_the_training_alone() -> None:
    experiment = asked("task=Reach", f"{R}.mass.range=[1,2]", f"{R}.curriculum.steps=100")
    training, evaluation = build_env(experiment, Ranks(), learning=True), build_env(experiment, Ranks())
    assert isinstance(training, TaskEnv) and isinstance(evaluation, TaskEnv)
    for env in (training, evaluation):
        env.reset()
    assert (training.task.level, evaluation.task.level) == (0.0, 1.0)
