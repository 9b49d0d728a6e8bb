"""An env whose actions are latents, by hand: several steps of a frozen policy are one, up to an episode's end."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

import pytest
import torch
from scripted_env import ScriptedEnv
from torch import Tensor

from rlkit.env.api import EnvError, Observations
from rlkit.runtime.policies.skill_env import SkillEnv, Skills, directions


class Played(ScriptedEnv):
    """A scripted env that shows its age to a frozen policy too."""

    def __init__(self, lengths: Sequence[int], rewards: Sequence[float], succeed: Sequence[int] = ()) -> None:
        super().__init__(lengths, rewards, succeed=succeed)
        self.spec = replace(self.spec, obs_sizes={**self.spec.obs_sizes, "skill": 1})

    def observe(self) -> Observations:
        return {**super().observe(), "skill": self.age.float().unsqueeze(1)}


def skilled(env: ScriptedEnv, steps: int, seen: list[Tensor], fingerprint: str = "ab") -> SkillEnv:
    """By a policy that sees (latent, age) and notes what it sees."""

    def act(obs: Tensor) -> Tensor:
        seen.append(obs.clone())
        return torch.zeros(len(obs), 1)

    return SkillEnv(env, Skills(act, slice(0, 2), {}, fingerprint, "Style_train"), steps)


def test_three_steps_are_one_and_an_episode_that_ends_among_them_ends_it() -> None:
    """Episodes of 2, 10 and 4 steps; the last one succeeds."""
    seen: list[Tensor] = []
    env = skilled(Played((2, 10, 4), (1.0, 10.0, 100.0), succeed=[2]), 3, seen)
    assert (env.spec.num_actions, env.spec.control_period, env.spec.max_episode_length) == (2, 1.5, 4)
    env.reset()
    actions = torch.tensor([[0.3, 0.4], [0.0, -0.1], [0.0, 0.0]])
    step = env.step(actions)
    latents = [[0.6, 0.8], [0.0, -1.0], [1.0, 0.0]]
    for row, ages in zip(seen, ([0, 0, 0], [1, 1, 1], [0, 2, 2])):
        torch.testing.assert_close(row[:, :2], torch.tensor(latents))
        assert row[:, 2].tolist() == ages
    assert step.reward.tolist() == [2.0, 30.0, 300.0]
    assert step.truncated.tolist() == [True, False, False] and not step.terminated.any()
    assert step.info.final_obs["policy"].flatten().tolist() == [2.0, 3.0, 3.0]
    assert step.obs["policy"].flatten().tolist() == [1.0, 3.0, 3.0]
    assert (step.info.episodes["count"], step.info.episodes["return"]) == (1.0, 2.0)
    assert step.info.episodes["length"].item() == pytest.approx(2.0 / 3.0)

    step = env.step(actions)  # env 0 goes on at age 1 and ends at once, env 2 in its fourth step
    assert step.reward.tolist() == [1.0, 30.0, 100.0]
    assert step.terminated.tolist() == [False, False, True] and step.truncated.tolist() == [
        True,
        False,
        False,
    ]
    assert step.info.success.tolist() == [False, False, True]
    assert step.info.reached["success/held"].tolist() == [False, False, True]
    assert step.info.final_obs["policy"].flatten().tolist() == [2.0, 6.0, 4.0]
    assert step.obs["policy"].flatten().tolist() == [0.0, 6.0, 2.0]
    assert step.info.episodes["count"].item() == 3.0  # env 0 played another whole one meanwhile


def test_only_the_direction_of_an_action_counts() -> None:
    found = directions(torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.6, 0.8], [1.0, 0.0]]))


def test_a_training_goes_on_with_its_own_skills_alone() -> None:
    env = skilled(Played((2,), (1.0,)), 3, [])
    env.load_shared_state(env.shared_state())
    other = skilled(Played((2,), (1.0,)), 3, [], fingerprint="cd")
    with pytest.raises(EnvError, match="the skills of Style_train are others"):
        other.load_shared_state(env.shared_state())
