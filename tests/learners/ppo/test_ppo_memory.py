"""PPO with memory: what is remembered, when it is forgotten, and that what learns is what acted."""

from __future__ import annotations

from math import tanh
from typing import Any

import pytest
import torch
from cue import Cue
from scripted_env import ScriptedEnv
from states import assert_same

from benchmarks.point_mass import PointMass
from rlkit.env.api import VecEnv
from rlkit.learners.api import LearnerError, Policy
from rlkit.learners.ppo.learner import PPO
from rlkit.runtime.playing.rollout import play

KINDS = ["gru", "lstm"]


def started(settings: dict[str, Any], env: VecEnv, seed: int = 3) -> PPO:
    torch.manual_seed(seed)
    env.reset()
    return PPO(settings, env.spec, seed=seed)


@pytest.fixture
def remembering(train):
    """A `train` section with a small memory, with changes."""
    small = {"memory": "gru", "memory_units": 16, "sequence_length": 4, "units": (16,)}
    return lambda **changes: train(**{**small, **changes})


def mean_of_the_latest(env: Cue, steps: int = 40) -> float:
    return torch.cat(env.earned[-steps:]).mean().item()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("memory", "asymmetric", "late", "least", "most"),
    [
        ("none", False, False, -0.2, 0.2),
        ("gru", False, False, 0.8, 1.0),
        ("lstm", False, True, 0.8, 1.0),
        ("gru", True, True, 0.8, 1.0),
    ],
)
def test_a_cue_is_remembered_until_it_counts(
    remembering, memory: str, asymmetric: bool, late: bool, least: float, most: float
) -> None:
    env = Cue(64, asymmetric=asymmetric, late=late)
    settings = remembering(
        memory=memory, horizon_length=16, num_minibatches=4, learning_rate=5e-3, sequence_length=8
    )
    learner = started(settings, env)
    for _ in range(60):
        learner.iterate(env)
    assert least < mean_of_the_latest(env) <= most


# What learns is what acted.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("memory", "asymmetric", "separate", "num_minibatches"),
    [
        ("gru", False, False, 2),
        ("gru", False, True, 2),
        ("lstm", False, False, 2),
        ("lstm", False, True, 2),
        ("lstm", True, True, 2),
        ("gru", True, True, 32),  # of a single sequence each
    ],
)
def test_the_update_finds_the_rollout_s_probabilities_and_values_again(
    remembering, memory: str, asymmetric: bool, separate: bool, num_minibatches: int
) -> None:
    """Episodes of 3 to 6 steps end inside of sequences of 4, and go on from one sequence into the next."""
    env = Cue(16, asymmetric=asymmetric)
    learner = started(
        remembering(
            memory=memory,
            memory_layers=2,
            separate=separate,
            num_minibatches=num_minibatches,
            normalize_value=False,
            mini_epochs=1,
        ),
        env,
    )
    agent: Any = learner._agent
    agent.trancate_gradients_and_step = lambda: None
    differences: list[float] = []
    ends = 0

    def compare(minibatch: dict[str, Any]) -> None:
        nonlocal ends
        ends += int(minibatch["dones"].view(-1, 4)[:, 1:].sum())
        made = agent.model({**minibatch, "prev_actions": minibatch["actions"], "seq_length": 4})
        differences.append((made["prev_neglogp"] - minibatch["old_logp_actions"]).abs().max().item())
        if not asymmetric:
            differences.append((made["values"] - minibatch["old_values"]).abs().max().item())

    def compare_values(minibatch: dict[str, Any]) -> Any:
        made = agent.central_value_net.model({**minibatch, "seq_length": 4})["values"]
        differences.append((made - minibatch["old_values"]).abs().max().item())
        return made.sum() * 0.0

    once = type(agent).calc_gradients.__get__(agent)
    agent.calc_gradients = lambda minibatch: (compare(minibatch), once(minibatch))
    if asymmetric:
        agent.critic_loss = compare_values
    for _ in range(3):  # the first begins with new episodes everywhere
        learner.iterate(env)
    assert ends > 20 and max(differences) < 1e-6


def test_what_an_ended_episode_left_is_zero_in_the_same_step(remembering) -> None:
    env = Cue(16, asymmetric=True)
    learner = started(remembering(memory="lstm"), env)
    agent: Any = learner._agent
    took, seen = agent._took, []

    def look(step: int, reached: Any) -> None:
        took(step, reached)
        for part in (*agent.rnn_states, *agent.central_value_net.rnn_states):
            remembered = part.abs().sum(dim=(0, 2)) > 0
            assert torch.equal(remembered, agent.dones == 0)
        seen.append(int(agent.dones.sum()))

    agent._took = look
    learner.iterate(env)
    assert len(seen) == 8 and 0 < sum(seen) < 8 * 16


def by_hand(learner: PPO) -> Any:
    """Let what is remembered become tanh(observation + what was), and the value twice that; returns the agent."""
    agent: Any = learner._agent
    network = agent.model.a2c_network
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.zero_()
            if name.startswith(("actor_mlp", "rnn")) and "weight" in name:
                parameter[-1] = 1.0  # of the gates "reset", "update", "new" the last
        network.rnn.rnn.bias_ih_l0[:2] = torch.tensor([50.0, -50.0])  # reset: 1, update: 0
        network.value.weight.fill_(2.0)
    return agent


def test_a_time_out_counts_the_value_by_what_its_own_episode_left(remembering) -> None:
    env = ScriptedEnv([2, 3, 9], [1.0, 1.0, 1.0])
    settings = remembering(
        horizon_length=4, num_minibatches=1, memory_units=1, units=(1,), activation="None", separate=False,
        normalize_input=False, normalize_value=False, mini_epochs=1, learning_rate=1e-30, lr_schedule="constant",
    )  # fmt: skip
    learner = started(settings, env)
    agent = by_hand(learner)
    learner.iterate(env)
    after_2 = tanh(1.0 + tanh(0.0))  # of the observations 0 and 1
    after_3 = tanh(2.0 + after_2)
    gamma = settings["gamma"]
    of_2 = 1.0 + gamma * 2.0 * tanh(2.0 + after_2)  # the true last observation of the first env is 2
    of_3 = 1.0 + gamma * 2.0 * tanh(3.0 + after_3)
    rewards = agent.experience_buffer.tensor_dict["rewards"][..., 0]
    torch.testing.assert_close(
        rewards.T, torch.tensor([[1.0, of_2, 1.0, of_2], [1.0, 1.0, of_3, 1.0], [1.0] * 4])
    )
    values = agent.experience_buffer.tensor_dict["values"][..., 0].T
    torch.testing.assert_close(values[0], torch.tensor([0.0, 2 * after_2, 0.0, 2 * after_2]))
    torch.testing.assert_close(values[1], torch.tensor([0.0, 2 * after_2, 2 * after_3, 0.0]))


# Acting.


@pytest.mark.parametrize("memory", KINDS)
@pytest.mark.parametrize("separate", [False, True])
def test_the_policy_acts_by_its_episode_as_the_network_does_that_is_exported(
    remembering, memory: str, separate: bool
) -> None:
    learner = started(remembering(memory=memory, memory_layers=2, separate=separate), PointMass(16))
    act, network = learner.policy(), learner.network()
    assert learner.memory == {"gru": {"h": (2, 16)}, "lstm": {"h": (2, 16), "c": (2, 16)}}[memory]
    state = [torch.zeros(2, 3, 16) for _ in learner.memory]
    rows, ended = torch.randn(6, 3, 4), torch.tensor([False, True, False])
    first = act({"policy": rows[0]})
    act.forget()
    for step, obs in enumerate(rows):
        actions, *state = network(obs, *state)
        torch.testing.assert_close(act({"policy": obs}), actions, atol=1e-6, rtol=0.0)
        if step == 2:
            act.forget(ended)
            for part in state:
                part[:, 1] = 0.0
    again = act({"policy": rows[0]})
    assert (again - first).abs().min() > 1e-6  # by what came before
    act.forget()
    assert torch.equal(act({"policy": rows[0]}), first)


def test_other_rows_than_those_it_remembers_are_refused_until_it_forgets(remembering) -> None:
    act = started(remembering(), PointMass(16)).policy()
    act({"policy": torch.zeros(3, 4)})
    with pytest.raises(LearnerError, match="remembers the episodes of 3 envs, and is shown 5"):
        act({"policy": torch.zeros(5, 4)})
    act.forget()
    assert act({"policy": torch.zeros(5, 4)}).shape == (5, 2)


class Waves(ScriptedEnv):
    """Each env shows a wave of its own, and earns its action."""

    def __init__(self, lengths: list[int], phases: list[float]) -> None:
        self.phases = torch.tensor(phases)
        super().__init__(lengths, [0.0] * len(lengths))

    def observe(self) -> dict[str, torch.Tensor]:
        obs = torch.sin(self.age + self.phases).unsqueeze(1)
        return {"policy": obs, "critic": obs}

    def step(self, actions: torch.Tensor) -> Any:
        return super().step(actions)._replace(reward=actions[:, 0])


def test_envs_that_end_at_other_times_are_played_as_each_of_them_alone(remembering) -> None:
    lengths, phases = [2, 3, 7], [0.0, 1.0, 2.0]
    act = started(remembering(), Waves(lengths, phases)).policy()
    together = play(Waves(lengths, phases), act, per_env=3)
    alone = [play(Waves([n], [phase]), act, per_env=3) for n, phase in zip(lengths, phases)]
    for result in alone:  # an env's episodes are the same, and so are what they earn
        assert result["return"]["std"] < 1e-6
    means = [result["return"]["mean"] for result in alone]
    assert together["return"]["mean"] == pytest.approx(sum(means) / 3, abs=1e-6)
    assert len({round(mean, 4) for mean in means}) == 3

    class Forgetful(Policy):
        """Takes all episodes for one."""

        def __init__(self) -> None:
            super().__init__(act)

    act.forget()
    assert play(Waves([2], [0.0]), Forgetful(), per_env=3)["return"]["std"] > 1e-6


def test_noise_is_drawn_as_in_training(remembering) -> None:
    learner = started(remembering(), PointMass(16))
    obs = {"policy": torch.randn(400, 4)}
    quiet, loud = learner.policy()(obs), learner.policy(stochastic=True)(obs)
    assert 0.3 < (loud - quiet).std() < 0.7  # clamped, of 0.6


# Going on.


@pytest.mark.slow
@pytest.mark.parametrize(("memory", "asymmetric"), [("gru", False), ("lstm", True)])
def test_3_and_3_iterations_are_6(remembering, tmp_path, memory: str, asymmetric: bool) -> None:
    settings = remembering(memory=memory)
    env = Cue(16, asymmetric=asymmetric)
    straight = started(settings, env)
    metrics = [straight.iterate(env).metrics for _ in range(6)]

    env_a = Cue(16, asymmetric=asymmetric)
    first = started(settings, env_a)
    for _ in range(3):
        first.iterate(env_a)
    parts = {"ppo": first.state(), "env": env_a.state(), "rng": torch.get_rng_state()}
    torch.save(parts, tmp_path / "checkpoint.pth")
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)

    env_b = Cue(16, asymmetric=asymmetric)
    second = started(settings, env_b, seed=99)
    second.load(saved["ppo"])
    env_b.load_state(saved["env"])
    torch.set_rng_state(saved["rng"])
    assert [second.iterate(env_b).metrics for _ in range(3)] == metrics[3:]
    assert_same(second.state(), straight.state())


def test_new_episodes_and_other_envs_begin_with_nothing(remembering) -> None:
    env = Cue(16)
    learner = started(remembering(), env)
    learner.iterate(env)
    saved = learner.state()
    assert any(part.abs().sum() > 0 for parts in saved["memory"] for part in parts)
    fewer = started(remembering(), Cue(8), seed=4)
    fewer.load(saved)
    learner.forget()
    for state in (fewer.state(), learner.state()):
        assert all(part.abs().sum() == 0 for parts in state["memory"] for part in parts)


def test_with_and_without_memory_are_two_policies(remembering) -> None:
    plain, with_it = (started(remembering(memory=memory), PointMass(16)) for memory in ("none", "gru"))
    with pytest.raises(LearnerError, match=r"a2c_network.a_rnn.rnn.bias_hh_l0: \(48,\) in it, absent here"):
        plain.load(with_it.state())
    with pytest.raises(LearnerError, match=r"a2c_network.a_rnn.rnn.bias_hh_l0: absent in it, \(48,\) here"):
        with_it.load(plain.state())
    assert "memory" not in plain.state() and plain.memory == {}
    fit = with_it.initialize(
        plain.state()["model"]
    )  # its hidden layers are taken, what is behind them learns anew
    assert any("actor_mlp.0" in layer for layer in fit.loaded) and any(
        "a_rnn" in layer for layer in fit.missing
    )


def test_sequences_are_whole(remembering) -> None:
    env = PointMass(3)
    with pytest.raises(LearnerError, match=r"train\.sequence_length=5 does not divide train.horizon_length"):
        started(remembering(sequence_length=5), env)
    learner = started(remembering(minibatch_size=6), env)
    with pytest.raises(LearnerError, match="24 samples, or cuts sequences of 4"):
        learner.iterate(env)
