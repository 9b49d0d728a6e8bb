"""FastSAC as a learner: it learns, resumes exactly, explores by its samples, and runs its turns the quick way."""

from __future__ import annotations

from functools import partial
from itertools import islice

import pytest
import torch
from point_returns import mean_return
from states import assert_same

from benchmarks.point_mass import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.fast_sac.learner import FastSAC
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.off_policy.turns import Turns


def start(settings, asymmetric=False, seed=3, num_envs=16):
    env = PointMass(num_envs, asymmetric=asymmetric)
    env.reset()
    return FastSAC(settings, env.spec, seed=seed), env


def returns(learner, env):
    """The mean return after every 10 of 100 iterations."""
    for _ in range(10):
        for _ in range(10):
            learner.iterate(env)
        yield mean_return(learner)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amp": True, "symmetry": True, "num_steps": 3, "batch_size": 32},
        {"network": "layer_norm", "activation": "silu", "target_entropy_ratio": 0.0},
        {"reward_normalization": True, "v_min": -20.0, "v_max": 20.0, "num_atoms": 101},
        {"network": "simba", "weight_decay": 0.0},
        {"num_atoms": 1, "use_cdq": True, "policy_frequency": 1, "warmup": "random", "alpha_init": 0.1},
    ],
    ids=lambda changes: "-".join(changes) or "default",
)
def test_it_steers_the_points_home(sac_train, changes):
    learner, env = start(sac_train(**changes), asymmetric=True)
    # as for FastTD3: standing still loses 26.7, the best is about -5
    assert mean_return(learner) < -20.0
    assert any(after > -10.0 for after in returns(learner, env))


@pytest.mark.slow
def test_it_keeps_the_entropy_that_it_is_to_keep(sac_train):
    learner, env = start(sac_train(target_entropy_ratio=0.3, alpha_learning_rate=0.01, alpha_init=0.01))
    entropies = [learner.iterate(env).metrics["policy/entropy"] for _ in range(100)]
    first, last = entropies[1], list(islice(reversed(entropies), 10))
    assert first < -1.2  # of two actions with a deviation of exp(-2.5)
    assert sum(last) / 10 == pytest.approx(-0.6, abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("amp", [False, True])
def test_3_and_3_iterations_are_6(sac_train, tmp_path, amp):
    settings = sac_train(reward_normalization=True, num_steps=2, amp=amp)
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
    torch.manual_seed(12345)  # nothing depends on the global generator
    resumed = [dict(second.iterate(env_b).metrics) for _ in range(3)]
    for row in (*metrics, *resumed):
        row.pop("rate/updates_per_s")
    assert resumed == metrics[3:]
    assert_same(second.state(), straight.state())
    assert second.state()["update"]["temperature"]["log_alpha"].item() != pytest.approx(-6.9078, abs=1e-4)


def test_a_state_of_fast_td3_is_refused(sac_train, fast_train):
    env = PointMass(16)
    theirs = FastTD3(fast_train(v_max=5.0), env.spec, seed=0)
    learner, _ = start(sac_train())
    before = learner.state()
    with pytest.raises(LearnerError, match=r"actor\.log_std\.weight"):
        learner.load(theirs.state())
    assert_same(learner.state(), before)


def test_a_policy_explores_by_samples_and_acts_by_the_mean(sac_train):
    learner, env = start(sac_train())
    learner.iterate(env)
    before = learner.state()
    rows = {"policy": torch.randn(1, 4).expand(4000, 4)}
    plain, noisy = learner.policy()(rows), learner.policy(stochastic=True)(rows)
    assert torch.equal(plain[0], plain[-1])
    assert noisy.std(0).min() > 0.05 and noisy.abs().max() <= 1.0
    torch.testing.assert_close(noisy.median(0).values, plain[0], atol=0.02, rtol=0)
    torch.testing.assert_close(learner.network()(rows["policy"][:3]), plain[:3])
    assert_same(learner.state(), before)


def test_envs_are_given_samples_and_their_actions_are_stored(sac_train):
    learner, env = start(sac_train())
    done = []
    step = env.step
    env.step = lambda actions: done.append(actions.clone()) or step(actions)  # type: ignore[method-assign]
    learner.iterate(env)
    stored = learner.replay.state()["moves"][: 8 * 16, :-1].view(8, 16, 2)
    assert torch.equal(stored, torch.stack(done))
    assert 0.05 < stored[:4].std().item() < 0.12  # exp(-2.5) before it learns


def test_metrics_tell_of_temperature_and_entropy(sac_train):
    learner, env = start(sac_train())
    metrics = learner.iterate(env).metrics
    assert {"policy/alpha", "policy/entropy", "losses/alpha", "losses/actor", "losses/critic"} <= set(metrics)
    assert metrics["policy/alpha"] == pytest.approx(0.001, rel=0.1)
    assert "FastSAC: 2 updates of 64 samples" in learner.describe()[0]


@pytest.mark.slow
def test_a_quick_way_that_agrees_is_kept_and_one_that_differs_in_alpha_alone_is_not(sac_train, caplog):
    for wrong in (False, True):
        (straight, env_a), (learner, env_b) = (start(sac_train()) for _ in range(2))

        def capture(turn, generator, learner=learner, wrong=wrong):
            def replay():
                turn()
                if wrong:
                    learner.update.temperature.log_alpha.data.add_(0.01)

            return replay

        learner.turns = Turns(learner.update, capture=capture, compiled=False)
        for _ in range(3):
            straight.iterate(env_a)
            learner.iterate(env_b)
        assert learner.turns.mode == ("as written" if wrong else "CUDA graph")
        assert_same(learner.state(), straight.state())
    assert "results differ" in caplog.text


@pytest.mark.slow
def test_compiled_losses_agree_with_the_plain_ones(sac_train, caplog, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager", fullgraph=True))
    learner, env = start(sac_train(compile=True))
    learner.iterate(env)
    assert learner.turns.mode == "compiled", caplog.text
