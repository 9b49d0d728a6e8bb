"""What a recording needs of Gymnasium environments, and how they play it again, in pictures too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import gymnasium
import known_envs
import numpy as np
import pytest
import torch
from gymnasium import spaces
from needs import require_gl
from recordings import make_recording

from rlkit.env.api import EnvError
from rlkit.env.gym.env import GymEnv
from rlkit.env.gym.rendering import frames, observed, replayed
from rlkit.media.recording import Recording, save

IDS = ("Count-v0", "Seen-v0")


class Seen(known_envs.Count):
    """Count-v0 with pictures: the first pixel shows the steps, the second the draw of the episode."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    action_space = spaces.Box(np.array([0.0, -1.0], np.float32), np.array([1.0, 1.0], np.float32))

    def __init__(self, render_mode: Any = None, drift: float = 0.0) -> None:
        super().__init__()
        self.render_mode, self.drift = render_mode, drift

    def render(self) -> Any:
        assert self.render_mode == "rgb_array"
        picture = np.zeros((4, 6, 3), np.uint8)
        picture[0, :2, 0] = self.steps, int(255 * self.draw)
        return picture

    def observe(self) -> np.ndarray:
        return super().observe() + self.drift


@pytest.fixture(autouse=True)
def seen() -> Iterator[None]:
    known_envs.register("Seen-v0", Seen, max_episode_steps=3)
    yield
    del gymnasium.registry["Seen-v0"]


def play(ids: Any = IDS, steps: int = 10, **settings: Any) -> tuple[GymEnv, list[Recording]]:
    """Random actions in five envs of which 4 and 1 are watched: every episode of theirs, as recordings."""
    settings = {"vectorization": "sync", "processes": 2, "packages": ("known_envs",), **settings}
    env = GymEnv(ids, 5, seed=7, **settings)
    generator, watched, episodes = torch.Generator().manual_seed(1), (4, 1), []
    env.watch(watched)
    obs = env.reset()["policy"]
    begun: dict[int, list[Any]] = {index: [] for index in watched}
    starts = {index: env.episode_start(index) for index in watched}
    for _ in range(steps):
        actions = torch.rand(5, 2, generator=generator) * 2 - 1
        after, reward, terminated, truncated, info = env.step(actions)
        assert info.watched is not None and info.watched.state == {}
        for row, index in enumerate(watched):
            ctrl, terms = info.watched.ctrl[row], info.watched.terms[row]
            begun[index].append(
                (obs[index].numpy(), actions[index].numpy(), float(reward[index]), ctrl, terms)
            )
            if terminated[index] or truncated[index]:
                episodes.append(recording(ids, starts[index], begun[index], settings))
                starts[index], begun[index] = env.episode_start(index), []
        obs = after["policy"]
    return env, episodes


def recording(ids: Any, start: Any, steps: Any, settings: Any) -> Recording:
    section = {"id": None, "ids": list(ids), "kwargs": settings.get("kwargs", {})}
    task = {"packages": list(settings["packages"]), "episodeLength": "auto"}
    made = make_recording(engine="gymnasium", length=len(steps), config={"env": section, "task": task})
    obs, actions, rewards, ctrl, terms = (np.stack([step[i] for step in steps]) for i in range(5))
    arrays = {"obs": obs, "actions": actions, "rewards": rewards, "ctrl": ctrl, "terms": terms}
    return Recording(made.header, {**arrays, **{f"start.{name}": value for name, value in start.items()}})


def test_any_episode_can_be_repeated_alone() -> None:
    _, episodes = play()
    assert len(episodes) >= 6 and {int(e.arrays["start.gym_task"]) for e in episodes} == {0, 1}
    for episode in episodes:
        moments = list(replayed(episode))
        assert [m.obs.tolist() for m in moments[:-1]] == episode.arrays["obs"][:, :2].tolist()
        assert [m.reward for m in moments[1:]] == pytest.approx(episode.arrays["rewards"].tolist())
        assert [m.ended for m in moments] == [False] * episode.length + [True]


def test_the_watched_commands_lie_in_the_bounds_of_the_task_that_was_played() -> None:
    _, episodes = play()
    for episode in episodes:
        space = (known_envs.Count, Seen)[int(episode.arrays["start.gym_task"])].action_space
        assert isinstance(space, spaces.Box)
        middle, half = (space.high + space.low) / 2, (space.high - space.low) / 2
        ctrl, terms = episode.arrays["ctrl"], episode.arrays["terms"]
        assert ctrl == pytest.approx(middle + half * episode.arrays["actions"], abs=1e-6)
        # Of each step alone: 10 * steps, and the first number of the command.
        assert terms[:, 0].tolist() == [10.0, 20.0, 30.0]
        assert terms[:, 1] == pytest.approx(ctrl[:, 0])


@pytest.mark.slow
def test_watched_envs_in_other_processes_tell_the_same() -> None:
    ids = ["Count-v0", "Parts-v0"]
    there, episodes = play(ids, vectorization="async")
    there.close()
    here = play(ids)[1]
    assert len(episodes) == len(here) >= 6
    for ours, theirs in zip(here, episodes):
        assert all(np.array_equal(ours.arrays[name], theirs.arrays[name]) for name in ours.arrays)


def test_nothing_is_told_of_envs_that_are_not_watched_any_more() -> None:
    env, _ = play(steps=1)
    env.watch(())
    assert env.step(torch.zeros(5, 2)).info.watched is None


def test_a_picture_of_every_state() -> None:
    _, episodes = play(["Seen-v0"])
    for episode in episodes:
        pictures = list(frames(episode))
        draw = episode.arrays["obs"][0, 1]
        assert [p.shape for p in pictures] == [(4, 6, 3)] * 4
        assert [p[0, :2, 0].tolist() for p in pictures] == [[k, int(255 * draw)] for k in range(4)]


def test_of_frames_beside_each_other_the_newest_is_compared() -> None:
    _, (episode, *_) = play(["Seen-v0"], steps=3)
    obs = episode.arrays["obs"]
    older = np.concatenate([obs[:1], obs[:-1]])
    episode.header["config"]["task"]["history"] = 2
    episode.header["names"]["observations"] = [["steps", 2], ["draw", 2]]
    beside = np.stack([older[:, 0], obs[:, 0], older[:, 1], obs[:, 1]], axis=1)
    stacked = Recording(episode.header, {**episode.arrays, "obs": beside})
    assert np.array_equal(observed(stacked), obs) and len(list(frames(stacked))) == 4
    episode.header["config"]["task"]["historyTerms"] = ["draw"]
    episode.header["names"]["observations"] = [["steps", 1], ["draw", 2]]
    assert np.array_equal(observed(Recording(episode.header, {**episode.arrays, "obs": beside[:, 1:]})), obs)


def test_an_environment_without_pictures_says_so() -> None:
    _, episodes = play(["Count-v0"], steps=3)
    with pytest.raises(EnvError, match=r"env.id=Count-v0 gives no pictures: its render_modes are \[\]"):
        next(frames(episodes[0]))


def test_another_observation_than_recorded_is_an_error() -> None:
    _, (episode, *_) = play(["Seen-v0"], steps=3)
    episode.header["config"]["env"]["kwargs"] = {"drift": 0.5}
    with pytest.raises(EnvError, match=r"Seen-v0 observes something else .* at step 0 by 0.5"):
        list(frames(episode))


def test_an_episode_that_ends_before_the_recorded_one_is_an_error() -> None:
    _, (episode, *_) = play(["Seen-v0"], steps=3)
    longer = np.concatenate([episode.arrays["actions"]] * 2)
    with pytest.raises(EnvError, match="Seen-v0 ended after 3 of 6 recorded steps"):
        list(frames(Recording(episode.header, {**episode.arrays, "actions": longer})))


def test_a_recording_that_does_not_say_how_its_environment_is_made() -> None:
    with pytest.raises(EnvError, match="does not say how its environment is made: 'env' is missing"):
        list(frames(make_recording(engine="gymnasium")))


def test_playing_an_episode_again_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; import rlkit.env.gym.rendering"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_mujocos_environments_are_drawn_and_move_as_undrawn_ones(tmp_path: Path) -> None:
    pytest.importorskip("mujoco")
    gl = require_gl()
    start = {"reset_seed": np.asarray(5), "gym_task": np.asarray(0)}
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 6)).astype(np.float32)
    steps = [(np.zeros(17, np.float32), action, 0.0, action, np.zeros(2)) for action in actions]
    episode = recording(["HalfCheetah-v5"], start, steps, {"packages": ()})
    obs = np.stack([moment.obs for moment in replayed(episode)])
    save(tmp_path / "e.npz", Recording(episode.header, {**episode.arrays, "obs": obs[:-1]}))
    code = (
        "from pathlib import Path; from rlkit.media.recording import load\n"
        "from rlkit.env.gym.rendering import frames\n"
        "pictures = list(frames(load(Path('e.npz'))))\n"
        "assert len(pictures) == 6 and pictures[0].std() > 10 and (pictures[0] != pictures[5]).any()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "MUJOCO_GL": gl}, check=False
    )
    assert done.returncode == 0
