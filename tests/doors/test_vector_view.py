"""The Gymnasium view of an env whose every number is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers import vector as wrappers
from scripted_env import ScriptedEnv

from benchmarks.point_mass import PointMass
from rlkit.doors.views.single import SingleView
from rlkit.doors.views.vector import VectorView
from rlkit.env.api import EnvError

NOTHING = np.zeros((3, 1), np.float32)


def made(*, torch: bool = False) -> VectorView:
    """Env 0 succeeds after 2 steps, env 1 fails after 3, env 2 runs out of time after 2."""
    return VectorView(ScriptedEnv([2, 3, 2], [1.0, 0.5, 0.1], succeed=[0], fail=[1]), torch=torch)


def test_it_says_what_it_is() -> None:
    view = made()
    assert isinstance(view, VectorEnv) and view.num_envs == 3
    assert view.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert view.single_action_space == spaces.Box(-1.0, 1.0, (1,), np.float32)
    assert view.single_observation_space == spaces.Box(-np.inf, np.inf, (1,), np.float32)
    assert view.action_space.shape == view.observation_space.shape == (3, 1)


def test_episodes_end_and_begin_in_the_same_step() -> None:
    view = made()
    obs, info = view.reset(options={})
    assert obs.dtype == np.float32 and obs.tolist() == [[0], [0], [0]] and info == {}
    obs, reward, terminated, truncated, info = view.step(NOTHING)
    assert info == {} and obs.tolist() == [[1], [1], [1]] and obs in view.observation_space
    assert reward.dtype == np.float64 and reward == pytest.approx([1.0, 0.5, 0.1])
    assert terminated.dtype == truncated.dtype == np.bool_
    obs, reward, terminated, truncated, info = view.step(NOTHING)
    assert obs.tolist() == [[0], [2], [0]]
    assert (terminated.tolist(), truncated.tolist()) == ([True, False, False], [False, False, True])
    assert [None if last is None else last.tolist() for last in info["final_obs"]] == [[2.0], None, [2.0]]
    assert info["_final_obs"].tolist() == info["_final_info"].tolist() == [True, False, True]
    final = info["final_info"]
    assert final["success"].tolist() == final["success/held"].tolist() == [True, False, False]
    assert final["_success"].tolist() == [True, False, True]
    assert view.step(NOTHING)[4]["final_info"]["failure/fell"].tolist() == [False, True, False]


def test_what_was_given_is_not_written_into() -> None:
    view = VectorView(PointMass(4, max_episode_length=3))
    given = [view.reset()[0]]
    kept = [given[0].copy()]
    for _ in range(6):
        obs, reward, *_ = view.step(view.action_space.sample())
        given += [obs, reward]
        kept += [obs.copy(), reward.copy()]
    assert all((before == after).all() for before, after in zip(kept, given))


def test_in_torch_everything_is_the_envs_own() -> None:
    view = made(torch=True)
    view.reset()
    view.step(torch.zeros(3, 1))
    obs, reward, terminated, truncated, info = view.step(torch.zeros(3, 1))
    assert obs.tolist() == [[0.0], [2.0], [0.0]] and reward.dtype == torch.float32
    assert info["final_obs"].tolist() == [[2.0], [2.0], [2.0]]
    assert info["_final_obs"].tolist() == [True, False, True] == (terminated | truncated).tolist()
    assert info["final_info"]["success"].tolist() == [True, False, False]


@pytest.mark.parametrize("actions", [np.zeros(3), np.zeros((2, 1)), np.zeros((3, 2)), torch.zeros(3)])
def test_actions_of_another_shape_are_refused(actions: object) -> None:
    with pytest.raises(EnvError, match=r"actions have shape .*, wanted \[3, 1\]"):
        made().step(actions)


def test_a_mask_and_a_wrong_number_of_seeds_are_refused() -> None:
    with pytest.raises(EnvError, match="reset_mask"):
        made().reset(options={"reset_mask": np.ones(3, bool)})
    with pytest.raises(EnvError, match="2 seeds for 3 envs"):
        made().reset(seed=[1, 2])
    for seed in ("x", -4, 1.5, True, [1, "x", 3]):
        with pytest.raises(EnvError, match="a seed is a whole number from 0"):
            made().reset(seed=seed)  # pyright: ignore[reportArgumentType]
    with pytest.raises(EnvError, match="takes a seed only where it is made"):
        made().reset(seed=1)


def test_gymnasiums_wrappers_take_it() -> None:
    """Those that know of resets in the same step; the others say which mode they want."""
    env = wrappers.RecordEpisodeStatistics(made())
    env = wrappers.DictInfoToList(wrappers.ClipReward(env, 0.0, 0.6))
    env.reset()
    env.step(NOTHING)
    _, reward, _, _, infos = env.step(NOTHING)
    assert reward.tolist() == pytest.approx([0.6, 0.5, 0.1])
    assert [info.get("episode", {}).get("r") for info in infos] == [2.0, None, pytest.approx(0.2)]
    assert [info.get("episode", {}).get("l") for info in infos] == [2, None, 2]
    with pytest.raises(ValueError, match="SAME_STEP"):
        wrappers.NormalizeObservation(made())


def test_one_env_shows_its_last_observation_and_waits_for_the_reset() -> None:
    env = SingleView(ScriptedEnv([2], [1.5], succeed=[0]))
    assert env.reset()[0].tolist() == [0.0]
    obs, reward, terminated, truncated, info = env.step([0.3])
    assert (obs.tolist(), reward, terminated, truncated, info["success"]) == ([1.0], 1.5, False, False, False)
    obs, _, terminated, truncated, info = env.step(np.zeros(1))
    assert (obs.tolist(), terminated, truncated) == ([2.0], True, False)
    assert info == {"success": True, "success/held": True, "failure/fell": False}
    with pytest.raises(EnvError, match=r"call reset\(\)"):
        env.step(np.zeros(1))
    assert env.reset()[0].tolist() == [0.0] and env.step(np.zeros(1))[0].tolist() == [1.0]
    with pytest.raises(EnvError, match="num_envs=1"):
        SingleView(ScriptedEnv([2, 2], [1.0, 1.0]))
