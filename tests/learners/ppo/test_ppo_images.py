"""PPO from pixels: bytes in the rollout, a dot that must be seen to be moved, resumes, networks of others."""

from __future__ import annotations

from typing import Any

import known_envs
import pytest
import torch
from states import assert_same

from rlkit.env.gym.env import GymEnv
from rlkit.env.history import HistoryEnv
from rlkit.env.still import Still
from rlkit.learners.ppo.learner import PPO
from rlkit.runtime.playing.rollout import play

PIXELS = known_envs.SIDE**2
SMALL = {"cnn": [[4, 3, 2], [8, 3, 2]], "units": (8,)}  # 16 -> 7 -> 3 pixels: 72 features


def dots(num_envs: int = 4, **kwargs: Any) -> GymEnv:
    return GymEnv(
        ["Dot-v0"],
        num_envs,
        seed=0,
        kwargs=kwargs,
        packages=("known_envs",),
        vectorization="sync",
        max_episode_length=24,
    )


def built(env: Any, settings: dict[str, Any], seed: int = 0) -> PPO:
    torch.manual_seed(seed)
    env.reset()
    return PPO(settings, env.spec, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("blind", [False, True])
def test_a_dot_is_moved_by_whom_sees_it(train, blind):
    env = dots(16, blind=blind)
    fast = {"learning_rate": 3e-3, "lr_schedule": "constant", "gamma": 0.9, "horizon_length": 24}
    learner = built(env, train(**fast, cnn=[[8, 3, 2], [16, 3, 2]], units=(32,), mini_epochs=6))
    for _ in range(15):
        learner.iterate(env)
    earned = play(env, learner.policy(), 1, quiet=True)["return"]["mean"]
    # Who stays where the episode began earns 24 x -2/3: the mean of the larger of two numbers of [0, 1]
    assert -20.0 < earned < -12.0 if blind else earned > -4.0


@pytest.mark.parametrize("frames", [1, 2])
def test_images_stay_bytes_as_far_as_the_networks(train, frames):
    env: Any = dots() if frames == 1 else HistoryEnv(dots(), frames)
    learner = built(env, train(**SMALL, horizon_length=24))
    agent = learner._agent
    seen: set[torch.dtype] = set()
    agent.model.running_mean_std.register_forward_pre_hook(lambda _, args: seen.add(args[0].dtype))
    learner.iterate(env)
    rollout = agent.experience_buffer.tensor_dict["obses"]
    assert rollout.dtype == torch.uint8 and rollout.shape == (24, 4, frames * PIXELS)
    assert set(rollout.unique().tolist()) == {0, 255} and seen == {torch.uint8}
    assert agent.model.a2c_network.encoder.stacks[0][0].in_channels == frames
    assert not any("running_mean_std" in name for name in agent.model.state_dict() if "value" not in name)


def test_actor_and_critic_share_the_convolutions_and_both_teach_them(train):
    learner = built(dots(), train(**SMALL, separate=True))
    network = learner._agent.model.a2c_network
    assert network.actor_mlp[0].weight.shape == network.critic_mlp[0].weight.shape == (8, 72)
    first = network.encoder.stacks[0][0].weight
    mean, _, value, _ = network({"obs": torch.rand(3, PIXELS)})
    for part in (mean, value):
        (slope,) = torch.autograd.grad(part.sum(), first, retain_graph=True)
        assert slope.abs().sum() > 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalize_input": False, "separate": False, "fixed_sigma": False},
        {"memory": "gru", "memory_units": 4, "sequence_length": 4},
        {"network": "own_networks:Columns", "network_settings": {"width": 4}},
        {"cnn": "impala"},
    ],
    ids=["plain", "together", "memory", "own", "impala"],
)
def test_with_a_vector_beside_the_image_it_learns_resumes_and_acts_the_same(train, tmp_path, changes):
    settings = train(**{**SMALL, **changes})
    spec = dots(speed=True).spec

    def still(seed):
        env = Still(spec, 4)
        return built(env, settings, seed), env

    straight, env = still(3)
    metrics = [straight.iterate(env).metrics for _ in range(4)]
    first, env = still(3)
    for _ in range(2):
        first.iterate(env)
    torch.save({"ppo": first.state(), "rng": torch.get_rng_state()}, tmp_path / "saved.pth")
    saved = torch.load(tmp_path / "saved.pth", weights_only=True)
    second, env = still(99)
    second.load(saved["ppo"])
    torch.set_rng_state(saved["rng"])
    assert [second.iterate(env).metrics for _ in range(2)] == metrics[2:]
    assert_same(second.state(), straight.state())

    rows = env.observe()["policy"]
    network, policy = straight.network(), straight.policy()
    given = [torch.zeros(layers, 4, units) for layers, units in straight.memory.values()]
    made = network(spec.numbers(rows), *given)
    assert torch.allclose(made[0] if given else made, policy({"policy": rows}), atol=1e-6)
