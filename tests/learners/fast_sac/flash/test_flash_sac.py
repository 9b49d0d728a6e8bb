"""FlashSAC as a learner: it learns, resumes exactly with its noise, and ranks share what they have seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from point_returns import mean_return
from states import assert_same
from two_ranks import both

from benchmarks.point_mass import PointMass
from rlkit.learners.fast_sac.flash.learner import FlashSAC


def start(settings, asymmetric=False, seed=3, num_envs=16):
    env = PointMass(num_envs, asymmetric=asymmetric, seed=seed)
    env.reset()
    return FlashSAC(settings, env.spec, seed=seed), env


@pytest.mark.slow
def test_it_steers_the_points_home(flash_train):
    often = {"reward_normalization": True, "num_updates": 4, "policy_frequency": 1, "use_cdq": False}
    fast = dict.fromkeys(("actor_learning_rate", "critic_learning_rate", "alpha_learning_rate"), 3e-3)
    learner, env = start(flash_train(**often, **fast), asymmetric=True)
    assert mean_return(learner) < -20.0  # standing still loses 26.7, the best is about -5
    for _ in range(16):
        for _ in range(5):
            learner.iterate(env)
        if mean_return(learner) > -10.0:
            return
    pytest.fail(f"it does not find home: {mean_return(learner):.1f}")


@pytest.mark.slow
def test_3_and_3_iterations_are_6(flash_train, tmp_path):
    settings = flash_train(reward_normalization=True, num_steps=2, amp=True, symmetry=True)
    straight, env = start(settings, asymmetric=True)
    metrics = [dict(straight.iterate(env).metrics) for _ in range(6)]
    first, env_a = start(settings, asymmetric=True)
    for _ in range(3):
        first.iterate(env_a)
    torch.save({"learner": first.state(), "env": env_a.state()}, tmp_path / "checkpoint.pth")
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    second, env_b = start(settings, asymmetric=True, seed=99)
    second.load(saved["learner"])
    env_b.load_state(saved["env"])
    resumed = [dict(second.iterate(env_b).metrics) for _ in range(3)]
    for row in (*metrics, *resumed):
        row.pop("rate/updates_per_s")
    assert resumed == metrics[3:]
    assert_same(second.state(), straight.state())


def test_a_policy_acts_by_the_mean_and_its_network_does_the_same(flash_train):
    learner, env = start(flash_train())
    learner.iterate(env)
    before = learner.state()
    rows = {"policy": torch.randn(1, 4).expand(500, 4)}
    plain, noisy = learner.policy()(rows), learner.policy(stochastic=True)(rows)
    assert plain.shape == (500, 2) and torch.equal(plain[0], plain[-1])
    assert noisy.std(0).min() > 0.0 and noisy.abs().max() <= 1.0
    torch.testing.assert_close(learner.network()(rows["policy"][:3]), plain[:3])
    assert_same(learner.state(), before)


OWN = ("replay", "obs", "generator", "held")  # of a rank alone


def work(rank: int, settings: dict[str, Any]) -> dict[str, Any]:
    env = PointMass(16, asymmetric=True, seed=rank)
    env.reset()
    learner = FlashSAC(settings, env.spec, seed=rank)
    for _ in range(3):
        learner.iterate(env)
    return learner.state()


@pytest.mark.slow
def test_ranks_learn_one_policy_and_share_its_statistics(flash_train: Any, tmp_path: Path) -> None:
    one, other = both(work, tmp_path, flash_train())
    own = [{name: state.pop(name, None) for name in OWN} for state in (one, other)]
    assert not torch.equal(own[0]["held"]["noise"], own[1]["held"]["noise"])
    for state in (one, other):
        state["returns"].pop("returns")
        targets = state["update"]["target_critics"]  # their running statistics are never read
        for name in [name for name in targets if name.endswith(("mean", "variance"))]:
            del targets[name]
    assert one["update"]["actor"]["torso.inputs.mean"].abs().sum() > 0.0
    assert_same(one, other)
