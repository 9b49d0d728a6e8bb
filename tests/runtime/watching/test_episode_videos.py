"""What becomes of recorded episodes where there is no room for them, and where nobody wants to wait."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from puck import courses_env
from recordings import make_recording

from rlkit.config import compose
from rlkit.media import render_queue
from rlkit.runtime.playing.scenarios import Scenarios
from rlkit.runtime.process.stopping import StopRequest
from rlkit.runtime.watching.episode_videos import EpisodeFiles, EpisodeVideos
from rlkit.workspace import WorkspaceError


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Of a run in a folder of its own; a video takes a minute."""
    slow = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(render_queue, "command", lambda *_: slow)
    folder = tmp_path / "run"
    folder.mkdir()
    run: Any = SimpleNamespace(path=folder, trajectories=folder / "trajectories", videos=folder / "videos")
    made = EpisodeVideos(run, replace(compose(["device=cpu"]).env, record_video=True), most_waiting=4)
    yield made
    made.close()


def test_who_asks_to_stop_waits_for_no_video(videos, caplog):
    path = videos.save("a", make_recording())
    videos.render([path], "a")
    videos.render([path], "b")
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        started = time.monotonic()
        assert videos.finish(stop) == []
    assert time.monotonic() - started < 10.0
    assert "videos that were not made: 2" in caplog.text


def test_a_folder_that_cannot_be_made_costs_its_videos_and_one_line(videos, tmp_path, caplog):
    (tmp_path / "run" / "videos").write_text("in the way")
    path = videos.save("a", make_recording())
    for name in "ab":
        videos.render([path], name)
    assert path.exists()
    assert caplog.text.count("episodes are played on without being filmed: could not make the folder") == 1
    assert videos.finished() == []
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(WorkspaceError, match="the folder is gone"):
        videos.render([path], "c")


def test_the_last_scenarios_are_a_grid_though_they_do_not_fill_the_envs():
    """Three courses in two envs: two side by side, then one alone."""
    episodes, filmed = Scenarios(courses_env(2)), []
    stub: Any = SimpleNamespace(
        save=lambda name, _: Path(f"{name}.npz"),
        render=lambda paths, name: filmed.append((name, [path.stem for path in paths])),
    )
    files = EpisodeFiles(stub, 2, lambda episode: sum(episodes.is_counted(env, episode) for env in (0, 1)))
    for env, episode in ((1, 0), (0, 0), (0, 1)):
        files.take(make_recording(env=env, episode=episode))
    assert filmed == [("grid_ep00", ["env00_ep00", "env01_ep00"]), ("grid_ep01", ["env00_ep01"])]
