"""Hot reload finds whole, newer checkpoints, and passes over what cannot be read."""

from __future__ import annotations

import pytest
import torch

from rlkit.runtime.checkpoints.checkpoint import Checkpoint, save
from rlkit.runtime.checkpoints.follow import Follower
from rlkit.workspace import Resolved, WorkspaceLimits, open_run


@pytest.fixture
def run(tmp_path):
    made = open_run(
        "BaseTask",
        "train",
        root=tmp_path,
        settings=WorkspaceLimits(),
        config_yaml="",
        command=["python"],
        learner="ppo",
        seed=1,
        device="cpu",
    )
    yield made
    made.close()


def write(run, which, iteration):
    path = run.checkpoint_path(which)
    save(path, Checkpoint("BaseTask", "ppo", iteration, 0, 1, {"x": torch.zeros(2)}, {}))
    return path


def source(run, path):
    return Resolved(run.path, path, None, "how")


def test_a_run_is_followed_by_its_newest_checkpoint(run):
    first = write(run, "last", 10)
    follower = Follower(run.name, source(run, first), interval=0.0)
    assert follower.newer(10) is None
    write(run, "best", 12)
    newest = write(run, "last", 15)
    write(run, 11, 11)
    assert follower.newer(10) == newest
    assert follower.newer(15) is None  # nothing has changed since
    write(run, "best", 14)
    assert follower.newer(15) is None  # newer on disk, but of an earlier iteration
    assert follower.newer(13) is None  # and it has been looked at
    later = write(run, "best", 16)
    assert follower.newer(15) == later


@pytest.mark.parametrize("asked", ["{run}:best", "runs_all/{run}/nn/checkpoint_best.pth"])
def test_a_file_is_followed_by_itself(run, asked):
    best = write(run, "best", 10)
    follower = Follower(asked.format(run=run.name), source(run, best), interval=0.0)
    write(run, "last", 20)
    assert follower.newer(10) is None
    write(run, "best", 9)  # whatever its iteration: it is what was asked for
    assert follower.newer(10) == best


def test_a_torn_file_is_reported_once_and_passed_over(run, caplog):
    first = write(run, "last", 10)
    follower = Follower(run.name, source(run, first), interval=0.0)
    torn = write(run, 20, 20)
    torn.write_bytes(torn.read_bytes()[:-100])
    for _ in range(3):
        assert follower.newer(10) is None
    (message,) = [m for m in caplog.messages if "passed over" in m]
    assert "checkpoint_20.pth cannot be read: it is torn" in message
    assert follower.newer(10) is None
    assert write(run, 20, 20) == follower.newer(10)  # whole now


def test_nothing_is_looked_for_before_the_interval_has_passed(run, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("rlkit.runtime.checkpoints.follow.time.monotonic", lambda: now[0])
    follower = Follower(run.name, source(run, write(run, "last", 10)), interval=30.0)
    newest = write(run, "last", 11)
    now[0] = 129.9
    assert follower.newer(10) is None
    now[0] = 130.0
    assert follower.newer(10) == newest


def test_a_run_is_live_while_its_process_lives(run, tmp_path):
    follower = Follower(run.name, source(run, write(run, "last", 10)), interval=1.0)
    assert follower.live
    run.set_state("done")
    assert not follower.live
    assert not Follower("x.pth", Resolved(None, tmp_path / "x.pth", None, ""), 1.0).live


def test_a_vanished_file_is_no_new_one(run):
    path = write(run, "best", 10)
    follower = Follower(str(path), source(run, path), interval=0.0)
    path.unlink()
    assert follower.newer(10) is None
