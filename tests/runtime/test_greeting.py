"""The first lines of a training, and the last ones: where to look, and what to type."""

from __future__ import annotations

import re
import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from rlkit.config import compose
from rlkit.runtime.farewell import after_training
from rlkit.runtime.greeting import greet
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.progress.train_state import Best, Score, TrainState


@pytest.fixture
def run(tmp_path) -> Any:
    """The parts of a `Run` that the lines speak of."""
    path = tmp_path / "a run"
    return SimpleNamespace(
        name="a run",
        path=path,
        videos=path / "videos",
        trajectories=path / "trajectories",
        record=SimpleNamespace(tracker={}),
    )


def told(caplog):
    """The lines that begin with a word of what they are for, and what they say."""
    lines = (re.fullmatch(r"  (\w[\w ]*?)  +(.*)", message) for message in caplog.messages)
    return {line[1]: line[2] for line in lines if line is not None}


def test_a_training_says_how_long_it_takes_and_where_to_look(run, caplog, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with caplog.at_level("INFO", "rlkit"):
        greet(compose(["device=cpu"]), run, Ranks(), resumed=False)
    assert caplog.messages[0] == f"run {run.path}"
    assert told(caplog) == {
        "takes": "not known yet: said after the first iterations",
        "follow": "tensorboard --logdir runs/    or: rlkit report 'a run'",
        "live": "with viewer=web it shows itself in a browser as it trains",
    }


@pytest.mark.parametrize(
    "words",
    [
        ["viewer=web"],  # the viewer says its address
        ["task=Gym", "env.id=Pendulum-v1"],  # shows no states
    ],
)
def test_what_needs_no_viewer_is_offered_none(words, run, caplog, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with caplog.at_level("INFO", "rlkit"):
        greet(compose(["device=cpu", *words]), run, Ranks(), resumed=False)
    assert set(told(caplog)) == {"takes", "follow"}


def test_a_test_is_greeted_with_its_folder_alone(run, caplog):
    with caplog.at_level("INFO", "rlkit"):
        greet(compose(["device=cpu", "test=true", "checkpoint=x"]), run, Ranks(), resumed=True)
    assert caplog.messages == [f"run {run.path}"]


TEST = "rlkit test checkpoint='a run'"  # where the tests stand there is no train.py


@pytest.mark.parametrize(
    ("words", "recorded", "watch"),
    [
        ([], False, f"{TEST} viewer=web"),
        ([], True, "rlkit view 'a run'"),
        (["task=Gym", "env.id=Pendulum-v1"], True, f"{TEST} env.recordVideo=true"),
    ],
)
def test_the_first_of_three_commands_shows_the_policy(words, recorded, watch, run, caplog):
    if recorded:
        run.trajectories.mkdir(parents=True)
        (run.trajectories / "a.npz").touch()
    at = TrainState(iteration=10, best=Best(Score(0.5, 3.0), 9, True))
    with caplog.at_level("INFO", "rlkit"):
        after_training(compose(["device=cpu", "maxIter=10", *words]), run, at, None)
    commands = told(caplog)
    assert list(commands) == ["watch", "curves", "go on"]
    assert commands["watch"] == watch
    assert shlex.split(commands["go on"])[:3] == ["rlkit", "train", "checkpoint=a run:last"]
    assert caplog.messages[0].startswith("best: success 50%")


def test_one_that_was_good_enough_says_why(run, caplog):
    with caplog.at_level("INFO", "rlkit"):
        after_training(compose(["device=cpu"]), run, TrainState(iteration=10), "return>=5: it is 6")
    assert "good enough: return>=5: it is 6" in caplog.messages
    assert told(caplog)["go on"].endswith(" until=null")


@pytest.mark.parametrize(
    ("tracker", "says"),
    [
        ({"name": "wandb", "url": "https://wandb.ai/r", "folder": "/a/b"}, "https://wandb.ai/r"),
        ({"name": "wandb", "folder": "/a b/offline-run-1"}, "wandb sync '/a b/offline-run-1'"),
        ({"name": "mlflow", "folder": "file:///a/mlruns"}, "mlflow: file:///a/mlruns"),
    ],
)
def test_a_training_says_where_its_tracker_has_it(run, caplog, tracker, says):
    run.record.tracker = tracker
    with caplog.at_level("INFO", "rlkit"):
        after_training(compose(["device=cpu"]), run, TrainState(iteration=3), None)
    assert told(caplog)["tracker"] == says
