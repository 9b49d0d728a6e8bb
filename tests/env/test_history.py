"""`task.history`: the latest frames of an observation, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from puck import puck_env
from scripted_env import ScriptedEnv

from rlkit.env.api import EnvError, Mirror
from rlkit.env.gym.env import GymEnv
from rlkit.env.history import HistoryEnv

STILL = torch.zeros(2, 1)


def test_the_oldest_comes_first_and_an_episodes_first_frame_stands_in_for_those_before() -> None:
    env = HistoryEnv(ScriptedEnv([5, 2], [0.0, 0.0]), 3)
    assert env.spec.obs_sizes == {"policy": 3, "critic": 3}
    assert env.reset()["policy"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert env.step(STILL).obs["policy"].tolist() == [[0, 0, 1], [0, 0, 1]]
    step = env.step(STILL)  # the second ends: what it saw last, and then a new beginning
    assert step.info.final_obs["policy"].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert step.obs["policy"].tolist() == [[0, 1, 2], [0, 0, 0]]
    step = env.step(STILL)
    assert step.obs["policy"].tolist() == step.info.final_obs["policy"].tolist() == [[1, 2, 3], [0, 0, 1]]
    assert env.observe()["policy"].tolist() == [[1, 2, 3], [0, 0, 1]]
    assert step.obs["critic"] is step.obs["policy"]  # as they are without
    assert env.reset()["policy"].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_an_episode_that_is_cut_short_leaves_no_frame_behind() -> None:
    env = HistoryEnv(GymEnv(["Count-v0"], 3, seed=0, packages=("known_envs",), vectorization="sync"), 2)
    env.reset()
    env.stagger()
    step = env.step(torch.zeros(3, 2))  # the third is as old as an episode of 3 steps may be
    assert step.info.final_obs["policy"][:, :4:2].tolist() == [[0, 1], [0, 1], [0, 1]]
    assert step.obs["policy"][:, :4:2].tolist() == [[0, 1], [0, 1], [0, 0]]
    env.close()


def test_what_was_returned_stays_as_it_is() -> None:
    env = HistoryEnv(ScriptedEnv([9, 9], [0.0, 0.0]), 2)
    env.reset()
    first = env.step(STILL).obs["policy"]
    for _ in range(4):
        env.step(STILL)
    assert first.tolist() == [[0, 1], [0, 1]]


def test_each_term_has_its_frames_side_by_side() -> None:
    env: Any = HistoryEnv(
        puck_env(2, logged=True, on_call=lambda sim, n: sim.joint_pos.fill_(float(n))), 2, ["cart"]
    )
    assert env.spec.observation_terms["policy"] == (("cart", 4), ("puck", 3))
    assert env.spec.frames == {"cart": 2, "puck": 1}
    env.reset()
    env.step(STILL)
    seen = env.step(STILL).obs["policy"]
    assert seen.shape == (2, 7)
    assert seen[:, [0, 2]].tolist() == [[0.0, 1.0]] * 2  # places of the step before, and of this one
    assert seen[:, 4:].tolist() == [[0.0, 0.0, 0.0]] * 2


def test_a_frame_keeps_the_noise_that_it_was_shown_with_and_the_critic_sees_it_without() -> None:
    env = HistoryEnv(puck_env(2, logged=True, observationNoise={"puck": 0.1}), 2)
    before = env.reset()
    after = env.step(STILL).obs
    newest, oldest = torch.tensor([7, 8, 9]), torch.tensor([4, 5, 6])
    assert before["policy"][:, newest].abs().min() > 0
    assert torch.equal(after["policy"][:, oldest], before["policy"][:, newest])
    assert not torch.equal(after["policy"][:, newest], after["policy"][:, oldest])
    assert after["critic"].shape == (2, 10) and not after["critic"][:, 4:].any()


def test_a_saved_env_goes_on_bit_for_bit_and_an_older_state_begins_with_what_it_has() -> None:
    def made() -> HistoryEnv:
        return HistoryEnv(puck_env(3, seed=4, observationNoise={"cart": 0.1}), 3)

    ours, theirs, actions = made(), made(), torch.ones(3, 1)
    ours.reset()
    for _ in range(4):
        ours.step(actions)
    saved = ours.state()
    theirs.reset()
    theirs.load_state(saved)
    assert torch.equal(theirs.observe()["policy"], ours.observe()["policy"])
    for _ in range(3):
        assert torch.equal(theirs.step(actions).obs["policy"], ours.step(actions).obs["policy"])
    theirs.load_state({name: value for name, value in saved.items() if name != "history"})
    frames = theirs.observe()["policy"][:, :6].unflatten(1, (3, 2))
    assert torch.equal(frames[:, 0], frames[:, 2])
    with pytest.raises(EnvError, match=r"history of policy has shape \(3, 3, 5\), this env \(3, 2, 5\)"):
        HistoryEnv(puck_env(3, seed=4, observationNoise={"cart": 0.1}), 2).load_state(saved)


def test_the_image_of_a_frame_is_that_of_its_term() -> None:
    inner = puck_env(1)
    mirrored = {
        "policy": ([0, 1, 3, 2, 4], [1.0, -1.0, 1.0, 1.0, -1.0])
    }  # of puck the first two change places
    inner.spec = replace(inner.spec, mirror=Mirror(mirrored, ([0], [1.0])))
    mirror = HistoryEnv(inner, 2, ["puck"]).spec.mirror
    assert mirror is not None
    sources, signs = mirror.observations["policy"]
    assert [*sources] == [0, 1, 3, 2, 4, 6, 5, 7]
    assert [*signs] == [1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0]


def test_a_term_that_the_policy_does_not_see_is_refused() -> None:
    with pytest.raises(EnvError, match=r"does not see 'cat'; did you mean cart\?; it sees cart, puck"):
        HistoryEnv(puck_env(1), 2, ["cat"])
