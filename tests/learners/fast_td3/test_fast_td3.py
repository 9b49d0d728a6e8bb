"""FastTD3 as a learner: it learns, values time-outs rightly, resumes exactly, and says what goes wrong."""

from __future__ import annotations

import logging
import os
import re
from functools import partial

import pytest
import torch
from point_returns import mean_return
from scripted_env import ScriptedEnv
from states import assert_same

from benchmarks.point_mass import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.fast_td3.settings import Settings
from rlkit.learners.off_policy import memory
from rlkit.learners.off_policy.distribution import expectation
from rlkit.learners.off_policy.turns import Turns
from rlkit.learners.off_policy.watch import warnings
from rlkit.learners.settings import read_settings


def start(settings, asymmetric=False, seed=3, num_envs=16):
    env = PointMass(num_envs, asymmetric=asymmetric)
    env.reset()
    return FastTD3(settings, env.spec, seed=seed), env


# Learning.


def returns(learner, env):
    """The mean return after every 10 of 80 iterations."""
    for _ in range(8):
        for _ in range(10):
            learner.iterate(env)
        yield mean_return(learner)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amp": True, "buffer_dtype": "bfloat16"},
        {"num_steps": 3, "use_cdq": False, "symmetry": True, "batch_size": 32},
        {"network": "layer_norm"},
        {"reward_normalization": True, "v_min": -10.0, "v_max": 10.0},
        {"network": "layer_norm", "norm_order": "after", "action_squash": "clip"},
        {"network": "simba", "weight_decay": 0.0},
        {"num_atoms": 1, "target_actor": True, "warmup": "random"},
    ],
    ids=lambda changes: "-".join(changes) or "default",
)
def test_it_steers_the_points_home(fast_train, changes):
    learner, env = start(fast_train(**changes), asymmetric=True)
    before = mean_return(learner)
    # points that stay where they begin lose 40 · 2/3 = 26.7 in 40 steps; the best that 4 m/s² can do is about -5
    assert before < -20.0
    assert any(after > -10.0 for after in returns(learner, env))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_atoms", "num_steps", "fails", "value"),
    [
        # Runs out of time every 3 steps: V = 1 + V / 2, whatever n is.
        (51, 1, False, 2.0),
        (51, 3, False, 2.0),
        (1, 1, False, 2.0),
        # Fails every 3rd step: two rows of three bootstrap, V = 1 + (2/3) V / 2.
        (51, 1, True, 1.5),
        (1, 1, True, 1.5),
        # Three steps see the end from everywhere: the mean of 1, 1.5 and 1.75.
        (51, 3, True, 4.25 / 3),
    ],
)
def test_time_outs_bootstrap_and_terminations_do_not(fast_train, num_atoms, num_steps, fails, value):
    """Reward 1 a step, gamma 0.5, episodes of 3 steps, and a blind policy to which all states are one."""
    settings = fast_train(
        gamma=0.5, v_min=0.0, v_max=4.0, num_atoms=num_atoms, num_steps=num_steps, obs_normalization=False,
        actor_starts=10**6, critic_learning_rate=3e-3, lr_schedule="constant", weight_decay=0.0,
        std_min=0.0, std_max=0.0, policy_noise=0.0,
    )  # fmt: skip
    env = ScriptedEnv([3] * 8, [1.0] * 8, fail=range(8) if fails else ())
    env.observe = lambda: {"policy": torch.zeros(8, 1), "critic": torch.zeros(8, 1)}  # type: ignore[method-assign]
    learner = FastTD3(settings, env.spec, seed=0)
    env.reset()
    for _ in range(20):
        learner.iterate(env)
    logits = learner.update.critics(torch.zeros(1, 1), learner.policy()(env.observe())[:1])
    values = expectation(logits, learner.update.atoms).flatten()
    torch.testing.assert_close(values, torch.full((2,), value), atol=0.05, rtol=0)


def test_nothing_is_learnt_before_learning_starts(fast_train):
    learner, env = start(fast_train(horizon_length=6, learning_starts=6, num_updates=3))
    initial = [p.clone() for p in learner.update.actor.parameters()]
    learner.settings = read_settings(Settings, fast_train(horizon_length=5, learning_starts=6, num_updates=3))
    learner.iterate(env)
    assert learner.turns.updates == 0
    assert all(torch.equal(p, q) for p, q in zip(initial, learner.update.actor.parameters()))
    learner.iterate(env)
    assert learner.turns.updates == 3 * 5


def test_the_actor_waits_for_the_critics_where_asked(fast_train):
    learner, env = start(fast_train(actor_starts=8, learning_starts=4))
    learner.iterate(env)  # learns in steps 4 to 8: five turns
    initial = [p.clone() for p in learner.update.actor.parameters()]
    assert learner.turns.updates == 10
    for _ in range(3):
        learner.collect(env)
        learner.learn()
    assert all(torch.equal(p, q) for p, q in zip(initial, learner.update.actor.parameters()))
    learner.collect(env)
    learner.learn()
    assert not all(torch.equal(p, q) for p, q in zip(initial, learner.update.actor.parameters()))


def test_what_is_stored_is_what_was_done(fast_train):
    learner, env = start(fast_train(std_min=3.0, std_max=3.0))
    done = []
    step = env.step
    env.step = lambda actions: done.append(actions.clone()) or step(actions)  # type: ignore[method-assign]
    learner.iterate(env)
    stored = learner.replay.state()["moves"][: 8 * 16, :-1].view(8, 16, 2)
    assert torch.equal(stored, torch.stack(done))
    assert stored.abs().max().item() == 1.0


def test_random_warm_up_acts_uniformly_until_learning_starts(fast_train):
    learner, env = start(
        fast_train(warmup="random", learning_starts=50, std_min=0.0, std_max=0.0), num_envs=64
    )
    for _ in range(6):
        learner.iterate(env)
    actions = learner.replay.state()["moves"][: 48 * 64, :-1]
    assert actions.mean().item() == pytest.approx(0.0, abs=0.03)
    assert actions.var().item() == pytest.approx(1.0 / 3.0, abs=0.02)
    learner.iterate(env)
    learner.iterate(env)
    assert (
        learner.replay.state()["moves"][60 * 64 : 62 * 64, :-1].abs().max() < 0.9
    )  # the untrained policy, no noise


# Policies.


def test_acting_changes_no_statistics_and_takes_any_number_of_rows(fast_train):
    learner, env = start(fast_train())
    learner.iterate(env)
    before = learner.state()
    policy = learner.policy()
    assert policy({"policy": torch.full((3, 4), 50.0)}).shape == (3, 2)
    assert_same(learner.state(), before)


def test_a_task_without_a_mirror_refuses_symmetry(fast_train):
    env = ScriptedEnv([3], [1.0])
    with pytest.raises(LearnerError, match=r"Scripted declares no mirror .*train.symmetry=false"):
        FastTD3(fast_train(symmetry=True), env.spec, seed=0)


def test_a_mirrored_sample_follows_its_original(fast_train):
    learner, env = start(fast_train(symmetry=True, batch_size=8, obs_normalization=False), asymmetric=True)
    learner.iterate(env)
    batch = learner.update.draw()
    flip = torch.tensor([-1.0, 1.0, -1.0, 1.0])
    assert batch.policy.shape == (16, 4) and batch.critic.shape == (16, 5)
    torch.testing.assert_close(batch.policy[8:], batch.policy[:8] * flip)
    torch.testing.assert_close(batch.next_policy[8:], batch.next_policy[:8] * flip)
    torch.testing.assert_close(batch.critic[8:, :4], batch.critic[:8, :4] * flip)
    torch.testing.assert_close(batch.critic[8:, 4], batch.critic[:8, 4])
    torch.testing.assert_close(batch.action[8:], batch.action[:8] * flip[:2])
    torch.testing.assert_close(batch.reward[8:], batch.reward[:8])


# Saving.


@pytest.mark.slow
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("amp", [False, True])
def test_6_and_6_iterations_are_12(fast_train, tmp_path, asymmetric, amp):
    settings = fast_train(reward_normalization=True, num_steps=2, target_actor=asymmetric, amp=amp)
    straight, env = start(settings, asymmetric)
    metrics = [dict(straight.iterate(env).metrics) for _ in range(12)]

    first, env_a = start(settings, asymmetric)
    for _ in range(6):
        first.iterate(env_a)
    torch.save({"learner": first.state(), "env": env_a.state()}, tmp_path / "checkpoint.pth")
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)

    second, env_b = start(settings, asymmetric, seed=99)
    second.load(saved["learner"])
    env_b.load_state(saved["env"])
    torch.manual_seed(12345)  # nothing depends on the global generator
    resumed = [dict(second.iterate(env_b).metrics) for _ in range(6)]
    for row in (*metrics, *resumed):
        row.pop("rate/updates_per_s")
    assert resumed == metrics[6:]
    assert_same(second.state(), straight.state())


def test_without_the_buffer_everything_else_is_restored(fast_train, caplog):
    learner, env = start(fast_train(save_buffer=False))
    for _ in range(3):
        learner.iterate(env)
    state = learner.state()
    assert "replay" not in state
    other, _ = start(fast_train(save_buffer=False), seed=8)
    with caplog.at_level(logging.INFO, logger="rlkit"):
        other.load(state)
    assert "train.save_buffer=true" in caplog.text
    assert_same(other.state(), state)
    assert other.replay.steps_stored == 0


def test_a_slow_actor_may_begin_with_a_resume(fast_train):
    learner, _ = start(fast_train())
    other, _ = start(fast_train(target_actor=True), seed=4)
    other.load(learner.state())
    assert_same(other.update.target_actor.state_dict(), learner.update.actor.state_dict())


def test_returns_of_episodes_that_do_not_go_on_are_forgotten(fast_train):
    learner, env = start(fast_train())
    learner.iterate(env)
    assert learner.returns.returns.any()
    learner.forget()
    assert not learner.returns.returns.any()


def test_random_numbers_of_another_kind_of_device_decide_new_ones(fast_train):
    """A generator of CUDA has 16 bytes of state, one of the CPU 5056."""
    (one, _), (same, _), (other, _) = (start(fast_train()) for _ in range(3))
    saved = {**one.state(), "generator": torch.arange(16, dtype=torch.uint8)}
    for learner in (one, same):
        learner.load(saved)
    other.load({**saved, "generator": torch.zeros(16, dtype=torch.uint8)})
    drawn = [torch.rand(3, generator=learner.generator) for learner in (one, same, other)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_experience_can_be_left_out(fast_train):
    learner, env = start(fast_train(save_buffer=True))
    learner.iterate(env)
    assert "replay" in learner.state()
    assert "replay" not in learner.state(experience=False)


def test_it_goes_on_with_another_number_of_envs(fast_train, caplog):
    learner, env = start(fast_train())
    for _ in range(3):
        learner.iterate(env)
    other, env = start(fast_train(), num_envs=5)
    with caplog.at_level(logging.WARNING, logger="rlkit"):
        other.load(learner.state())
    assert "num_envs 16 (here 5); it is left behind" in caplog.text
    assert_same(other.update.state(), learner.update.state())
    assert other.turns.updates == learner.turns.updates
    for _ in range(3):
        other.iterate(env)


def test_a_policy_alone_can_be_loaded(fast_train):
    learner, env = start(fast_train())
    learner.iterate(env)
    other, _ = start(fast_train(critic_units=(8,), num_atoms=5), num_envs=2)
    other.load(learner.policy_state(), policy_only=True)
    rows = {"policy": torch.randn(6, 4)}
    assert torch.equal(other.policy()(rows), learner.policy()(rows))
    assert learner.policy_state().keys() == {"sizes", "update", "policy_norm"}
    assert learner.policy_state()["update"].keys() == {"actor"}
    third, _ = start(fast_train(critic_units=(8,), num_atoms=5), num_envs=2)
    third.load(learner.state(), policy_only=True)
    assert torch.equal(third.policy()(rows), learner.policy()(rows))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actor_units": (16, 16)}, r"does not fit .*\n  actor.head.weight: \(2, 32\) in it, \(2, 16\) here"),
        (
            {"num_atoms": 11},
            r"critics.head.bias: \(2, 1, 21\) in it, \(2, 1, 11\) here",
        ),
        ({"network": "simba"}, "absent here"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(fast_train, changes, message):
    learner, _ = start(fast_train())
    other, _ = start(fast_train(**changes))
    before = other.state()
    with pytest.raises(LearnerError, match=message):
        other.load(learner.state())
    assert_same(other.state(), before)


def test_a_state_of_other_sizes_is_refused(fast_train):
    learner, _ = start(fast_train())
    other, _ = start(fast_train(), asymmetric=True)
    with pytest.raises(LearnerError, match="critic: 4 in it, 5 here"):
        other.load(learner.state())
    other.load(learner.state(), policy_only=True)
    with pytest.raises(LearnerError, match="not a state of FastTD3"):
        other.load({"model": {}})


# Trouble.


def test_a_reward_that_is_no_number_is_an_error_with_a_cure(fast_train):
    env = ScriptedEnv([3] * 4, [1.0, float("nan"), 1.0, 1.0])
    learner = FastTD3(fast_train(), env.spec, seed=0)
    env.reset()
    with pytest.raises(LearnerError, match=r"diverged .*critic_learning_rate"):
        for _ in range(3):
            learner.iterate(env)


def test_returns_at_the_edge_of_the_support_name_the_range_to_use(fast_train):
    settings = read_settings(Settings, fast_train(v_min=-10.0, v_max=10.0))
    metrics = {"q/mass_at_v_max": 0.3, "q/mass_at_v_min": 0.01, "returns/high": 34.0, "returns/low": 0.0}
    found = warnings(settings, 16, 10, metrics)
    assert set(found) == {"v_max"}
    assert "30% of the critics' targets" in found["v_max"]
    assert "discounted returns reach 34: try train.v_max=50" in found["v_max"]
    metrics = {**metrics, "q/mass_at_v_max": 0.04, "q/mass_at_v_min": 0.2, "returns/low": -7.0}
    assert "try train.v_min=-20" in warnings(settings, 16, 10, metrics)["v_min"]


def test_critics_that_tell_nothing_apart_are_told_of(fast_train):
    settings = read_settings(Settings, fast_train())
    metrics = {"q/spread": 0.001, "returns/spread": 5.0}
    assert "collapse" in warnings(settings, 16, 2000, metrics)
    assert warnings(settings, 16, 500, metrics) == {}
    assert warnings(settings, 16, 2000, {**metrics, "returns/reward_scale": 0.01}) == {}  # 0.001 of 0.05
    assert warnings(settings, 16, 2000, {**metrics, "q/spread": 0.5}) == {}


def test_too_few_updates_are_told_of_with_the_number_that_suffices(fast_train):
    settings = read_settings(Settings, fast_train(num_updates=2, batch_size=64))
    message = warnings(settings, 1024, 10, {})["starved"]
    assert "learnt from 0.12 times" in message
    assert "train.num_updates=16 or train.batch_size=512" in message
    assert warnings(settings, 128, 10, {}) == {}


def test_a_buffer_that_does_not_fit_is_refused_with_one_that_does(fast_train, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 100_000)
    with pytest.raises(
        LearnerError, match=r"buffer_size=256: needs 0.0 GB for 16 envs, main memory has 0.0 free"
    ) as e:
        start(fast_train())
    fits = re.search(r"train.buffer_size=(\d+) fits", str(e.value))
    assert fits is not None
    start(fast_train(buffer_size=int(fits[1])))


def test_free_memory_is_that_of_this_machine():
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = memory.free_memory(torch.device("cpu"))
    assert free is not None and 0 < free <= total


# The quick way to run a turn.


def test_a_quick_way_that_agrees_is_kept(fast_train):
    straight, env_a = start(fast_train())
    learner, env_b = start(fast_train())
    captured = []

    def capture(turn, generator):
        captured.append(turn)
        return turn

    learner.turns = Turns(learner.update, capture=capture, compiled=False)
    for _ in range(4):
        straight.iterate(env_a)
        learner.iterate(env_b)
    assert len(captured) == 1  # two critic updates and one of the actor are always the same turn
    assert learner.turns.mode == "CUDA graph"
    assert_same(learner.state(), straight.state())


@pytest.mark.parametrize("fault", ["wrong", "raises"])
def test_a_quick_way_that_differs_or_fails_is_given_up_with_one_line(fast_train, caplog, fault):
    straight, env_a = start(fast_train())
    learner, env_b = start(fast_train())

    def capture(turn, generator):
        if fault == "raises":
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

        def replay():
            turn()
            for parameter in learner.update.critics.parameters():
                parameter.data.mul_(1.01)

        return replay

    learner.turns = Turns(learner.update, capture=capture, compiled=False)
    for _ in range(3):
        straight.iterate(env_a)
        learner.iterate(env_b)
    lines = [r.getMessage() for r in caplog.records if "as written instead of CUDA graph" in r.getMessage()]
    assert len(lines) == 1
    assert ("results differ" if fault == "wrong" else "not permitted") in lines[0]
    assert learner.turns.mode == "as written"
    assert_same(learner.state(), straight.state())


@pytest.mark.slow
def test_compiled_losses_agree_with_the_plain_ones(fast_train, caplog, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager", fullgraph=True))
    learner, env = start(fast_train(compile=True))
    with caplog.at_level(logging.WARNING, logger="rlkit"):
        learner.iterate(env)
    assert learner.turns.mode == "compiled", caplog.text
