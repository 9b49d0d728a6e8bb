from __future__ import annotations

import math

import pytest
import torch
from puck import puck_env

from benchmarks.point_mass import PointMass
from rlkit.env.api import EnvError
from rlkit.learners import registry
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.learner import PPO


class Poisoned(PointMass):
    """A point mass that breaks at one step."""

    def __init__(self, step, what, **kwargs):
        super().__init__(16, **kwargs)
        self.left, self.what = step, what

    def step(self, actions):
        step = super().step(actions)
        self.left -= 1
        if self.left == 0:
            step.obs[self.what][4, 3] = math.nan
        return step


def make(env, settings, seed=1):
    torch.manual_seed(seed)
    env.reset()
    return registry.make("ppo", settings, env.spec, seed=seed)


def test_an_iteration_reports_what_the_documentation_lists(train):
    env = PointMass(16)
    iteration = make(env, train()).iterate(env)
    assert iteration.env_steps == 8 * 16
    assert iteration.collect_time > 0 and iteration.update_time > 0
    assert list(iteration.metrics) == [
        "losses/actor",
        "losses/critic",
        "losses/entropy",
        "losses/bounds",
        "policy/kl",
        "policy/grad_norm",
        "policy/clip_fraction",
        "policy/std",
        "policy/learning_rate",
    ]
    assert iteration.metrics["policy/std"] == pytest.approx(math.exp(-0.5), rel=1e-5)
    # of two normal variables with that deviation, at first: 2 (log std + log(2 pi e) / 2)
    assert iteration.metrics["losses/entropy"] == pytest.approx(
        -1.0 + math.log(2 * math.pi * math.e), abs=0.05
    )


@pytest.mark.slow
@pytest.mark.parametrize("asymmetric", [False, True])
def test_it_learns(train, asymmetric):
    env = PointMass(64, asymmetric=asymmetric)
    learner = make(env, train(horizon_length=16, num_minibatches=4, learning_rate=3e-3))
    distances = []
    for _ in range(40):
        learner.iterate(env)
        distances.append(env.observe()["policy"][:, :2].norm(dim=1).mean().item())
    assert sum(distances[-5:]) < 0.5 * sum(distances[:5])


def test_the_policy_that_is_improved_is_the_policy_that_acted(train):
    """With one gradient step an iteration its KL to the acting policy is 0, though statistics move."""
    env = PointMass(16)
    learner = make(env, train(mini_epochs=1, num_minibatches=1))
    for _ in range(3):
        assert learner.iterate(env).metrics["policy/kl"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_observation_statistics_count_a_sample_once(train, asymmetric):
    env = PointMass(16, asymmetric=asymmetric)
    learner = make(env, train())
    for _ in range(2):
        learner.iterate(env)
    state = learner.state()
    counts = [
        v.item() for part in ("model", "critic") for k, v in state.get(part, {}).items() if "count" in k
    ]
    assert counts.count(1 + 2 * 8 * 16) == len(counts) - (
        1 if asymmetric else 0
    )  # the idle value of the actor


def test_the_policy_acts_by_the_mean_and_leaves_training_alone(train):
    env = PointMass(16)
    learner, twin = make(env, train()), make(PointMass(16), train())
    act = learner.policy()
    rng = torch.get_rng_state()
    for rows in (1, 3, 100):
        obs = {"policy": torch.full((rows, 4), 1e6)}
        actions = act(obs)
        assert actions.shape == (rows, 2) and actions.abs().max() <= 1.0
        assert torch.equal(actions, act(obs)) and not actions.requires_grad
    assert torch.equal(torch.get_rng_state(), rng)
    for (name, one), other in zip(learner.state()["model"].items(), twin.state()["model"].values()):
        assert torch.equal(one, other), name
    assert isinstance(learner, PPO)
    with torch.no_grad():
        learner._agent.model.a2c_network.mu.weight.zero_()
        learner._agent.model.a2c_network.mu.bias.copy_(torch.tensor([0.25, 3.0]))
    assert act({"policy": torch.zeros(1, 4)}).tolist() == [[0.25, 1.0]]


def test_a_state_dependent_deviation_starts_at_sigma_init(train):
    env = PointMass(16)
    metrics = make(env, train(fixed_sigma=False, mini_epochs=1, num_minibatches=1)).iterate(env).metrics
    assert metrics["policy/std"] == pytest.approx(math.exp(-0.5), rel=1e-5)


def test_a_broken_observation_is_named(train):
    env = Poisoned(step=8 + 3, what="policy")
    learner = make(env, train())
    learner.iterate(env)
    message = "in iteration 2: the policy observation is not finite: velocity, in env 4"
    with pytest.raises(LearnerError, match=message):
        learner.iterate(env)


def test_a_broken_privileged_observation_is_named(train):
    env = Poisoned(step=8, what="critic", asymmetric=True)
    with pytest.raises(LearnerError, match="in iteration 1: the critic observation is not finite: velocity"):
        make(env, train()).iterate(env)


def test_the_env_names_a_broken_reward(train):
    env = puck_env(16, logged=True)
    learner, speed = make(env, train()), env.task.reward_terms["speed"]
    learner.iterate(env)
    env.task.reward_terms["speed"] = lambda: speed().index_fill(0, torch.tensor([2, 5]), math.inf)
    with pytest.raises(EnvError, match="task Puck: the reward term speed is inf in env 2, 5, in step 9"):
        learner.iterate(env)


def test_divergence_names_quantity_and_minibatch(train):
    env = PointMass(16)
    learner = make(env, train(learning_rate=1e38, lr_schedule="constant"))
    with pytest.raises(
        LearnerError, match=r"iteration 1: NaN or Inf in losses/\w+, first in minibatch 2 of 6"
    ):
        learner.iterate(env)


def test_divergence_in_the_last_minibatch_is_seen(train):
    env = PointMass(16)
    settings = train(learning_rate=math.inf, lr_schedule="constant", mini_epochs=1, num_minibatches=1)
    with pytest.raises(LearnerError, match="in the parameters, after minibatch 1 of 1"):
        make(env, settings).iterate(env)


def test_an_env_of_other_sizes_is_refused(train):
    learner = make(PointMass(16), train())
    with pytest.raises(LearnerError, match=r"'envs': 16.*'envs': 8"):
        learner.iterate(PointMass(8))


def test_an_env_that_breaks_its_own_spec_is_refused(train):
    class Doubles(PointMass):
        def observe(self):
            return {name: obs.double() for name, obs in super().observe().items()}

    with pytest.raises(LearnerError, match=r"policy observation is \[16, 4\] torch.float64 on cpu; its spec"):
        make(PointMass(16), train()).iterate(Doubles(16))


def test_a_policy_acts_in_numbers_of_envs_that_it_cannot_train_in(train):
    env = PointMass(3)
    learner = make(env, train(minibatch_size=64))
    assert learner.policy()(env.observe()).shape == (3, 2)
    with pytest.raises(LearnerError, match=r"train.minibatch_size does not divide an iteration's 24 samples"):
        learner.iterate(env)


def test_building_leaves_no_trace(train, tmp_path, monkeypatch, capfd):
    """No folders, no prints, no threads or precision set, no random number drawn: rl_games does all that."""
    monkeypatch.chdir(tmp_path)
    spec = PointMass(16).spec
    before = torch.get_rng_state(), torch.get_num_threads(), torch.get_float32_matmul_precision()
    PPO(train(), spec, seed=7)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before[1:]
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_seed_makes_the_weights(train):
    spec = PointMass(16).spec
    one, same, other = (PPO(train(), spec, seed=seed).state()["model"] for seed in (7, 7, 8))
    name = "a2c_network.actor_mlp.0.weight"
    assert torch.equal(one[name], same[name]) and not torch.equal(one[name], other[name])


def test_several_ranks_need_a_process_group(train, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(LearnerError, match="no process group"):
        PPO(train(), PointMass(16).spec, seed=7)
