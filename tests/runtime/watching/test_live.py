"""What a viewer and a recording say of the episode that is played."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from puck import courses_env

from rlkit.media.recording import Recording
from rlkit.media.tile import captions
from rlkit.media.viewers.playback import Playback
from rlkit.runtime.watching.live import LiveView
from rlkit.runtime.watching.recorder import Recorder


def test_the_caption_says_which_scenario_is_played() -> None:
    """Env 1 walks the long course of four steps, then any."""
    env, frames = courses_env(2), []
    viewer: Any = SimpleNamespace(env=1, show=frames.append)
    live = LiveView(viewer, env)
    env.begin_scenarios(torch.tensor([0, 1]))
    for _ in range(5):
        live.before_step()
        live.after_step(env.step(torch.zeros(2, 1)), "iteration 7")
    assert [frame.caption for frame in frames] == ["iteration 7, long"] * 4 + ["iteration 7"]


def test_a_recording_and_its_pictures_say_it_too() -> None:
    env, taken = courses_env(2), []
    recorder = Recorder(env, [1], {"task": "Courses", "engine": "simulator"}, taken.append)
    obs = env.begin_scenarios(torch.tensor([0, 1]))
    recorder.begin()
    for _ in range(10):
        actions = torch.zeros(2, 1)
        step = env.step(actions)
        recorder.add(obs, actions, step)
        obs = step.obs
    ordered, free = taken
    assert ordered.header["playing"] == "long" and "playing" not in free.header
    assert captions(ordered, ordered.arrays["steps"])[0].startswith("Courses   long   t 0.00 s")
    assert captions(free, free.arrays["steps"])[0].startswith("Courses   t 0.00 s")
    ordered.arrays["time"] = ordered.arrays["steps"] * 0.5  # s, which these envs do not tell
    assert _played(ordered).frame().caption == "Courses, long"


def _played(recording: Recording) -> Playback:
    episodes: Any = SimpleNamespace(names=["a"], load=lambda _: recording)
    return Playback(episodes)
