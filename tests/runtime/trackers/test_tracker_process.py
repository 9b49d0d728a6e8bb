"""A tracker in its own process: what it is told, and that a training never waits for one that hangs or fails."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from project import ROOT, wait_until

from rlkit.runtime.trackers.api import Job, Opened
from rlkit.runtime.trackers.process import TrackerProcess

# A stand-in of wandb that writes down what it is told.
NOTES = """
import json, os
FILE = os.environ["NOTES"]
def note(*words):
    with open(FILE, "a") as file:
        file.write(json.dumps(words) + "\\n")
class Settings(dict):
    pass
class Video(str):
    def __new__(cls, path, format): return str.__new__(cls, format + ":" + path)
class Run:
    id, url, dir, summary = "ours", "https://wandb.ai/me/rlkit/runs/ours", "/tmp/x/files", {}
    def log(self, data, step=None, commit=None): note("log", step, data)
    def finish(self, exit_code): note("finish", self.summary["state"], exit_code)
def init(**words):
    print("chatter")
    note("init", words["name"], words["project"], words["resume"])
    return Run()
"""
HANGS = "import time\ntime.sleep(600)\n"
HANGS_LATER = NOTES + "import time\nRun.log = lambda *_, **__: time.sleep(600)\n"
FAILS = "raise RuntimeError('no network, token=abcdefgh')\n"
FAILS_LATER = NOTES + "def log(*_, **__): raise OSError('gone')\nRun.log = log\n"


@pytest.fixture
def standin(tmp_path, monkeypatch):
    """Puts a module in the place of wandb; returns what it has been told."""
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    (tmp_path / "modules").mkdir()

    def put(code: str) -> None:
        (tmp_path / "modules" / "wandb.py").write_text(code)

    return put


def told(tmp_path):
    path = tmp_path / "notes"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def job(**others):
    words = {"name": "a_run", "folder": "/tmp", "project": "rlkit", "process": os.getpid(), **others}
    return Job(tracker="wandb", **words)


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.slow
def test_it_is_told_everything_in_order(tmp_path, standin):
    standin(NOTES)
    heard: list[Opened] = []
    gif = tmp_path / "a.gif"
    gif.write_bytes(b"GIF")
    tracker = TrackerProcess(job(), heard.append)
    tracker.write(1, 64, 0.5, {"losses/actor": 2.0})
    tracker.write(2, 128, 1.0, {"losses/actor": float("inf")})
    tracker.add_video("eval/video", gif, 2)
    tracker.add_video("eval/video", tmp_path / "pruned.gif", 2)
    tracker.close("done")
    assert told(tmp_path) == [
        ["init", "a_run", "rlkit", None],
        ["log", 1, {"env_steps": 64, "wall_time": 0.5, "losses/actor": 2.0}],
        ["log", 2, {"env_steps": 128, "wall_time": 1.0, "losses/actor": float("inf")}],
        ["log", None, {"eval/video": f"gif:{gif}", "eval/video_iteration": 2}],
        ["finish", "done", 0],
    ]
    assert heard == [Opened("ours", "https://wandb.ai/me/rlkit/runs/ours", "/tmp/x")]


@pytest.mark.parametrize("code", [HANGS, HANGS_LATER], ids=["at the start", "at the first numbers"])
def test_one_that_hangs_costs_a_warning_and_no_time(standin, caplog, code):
    standin(code)
    tracker = TrackerProcess(job(), lambda _: None, most_waiting=50, patience=0.2)
    started = time.monotonic()
    for iteration in range(1, 3001):
        tracker.write(iteration, iteration, 0.0, {f"m/{n}": 1.0 for n in range(40)})
    assert time.monotonic() - started < 2.0  # 3000 iterations
    tracker.close("done")
    assert time.monotonic() - started < 4.0
    assert len(warnings(caplog)) == 1
    assert "W&B is 50 iterations behind; it is told no more, and the training goes on" in warnings(caplog)[0]


def test_one_that_hangs_at_the_end_is_ended(standin, caplog):
    standin(HANGS)
    tracker = TrackerProcess(job(), lambda _: None, patience=0.3)
    tracker.write(1, 1, 0.0, {})
    started = time.monotonic()
    tracker.close("done")
    assert time.monotonic() - started < 2.0
    assert "W&B has not taken everything after 0 s" in warnings(caplog)[0] and len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    ("code", "why"),
    [(FAILS, "RuntimeError: no network, token=<masked>"), (FAILS_LATER, "OSError: gone")],
    ids=["at the start", "later"],
)
def test_one_that_fails_says_why_once_without_secrets(standin, caplog, code, why):
    standin(code)
    tracker = TrackerProcess(job(), lambda _: None)
    tracker.write(1, 1, 0.0, {})
    wait_until(lambda: tracker._process and tracker._process.poll() is not None, "its end")
    for iteration in range(2, 5):
        tracker.write(iteration, 1, 0.0, {})
    tracker.close("done")
    assert [f"W&B has failed: {why}; it is told" in text for text in warnings(caplog)] == [True]


TRAINING = """
import os, sys, time
sys.path.insert(0, {modules!r})
from rlkit.runtime.trackers.api import Job
from rlkit.runtime.trackers.process import TrackerProcess
tracker = TrackerProcess(Job("wandb", "a_run", "/tmp", "rlkit", os.getpid()), lambda _: print("open", flush=True))
while True:
    tracker.write(1, 1, 0.0, {{}})
    time.sleep(0.05)
"""


def test_a_training_that_is_killed_ends_it_as_interrupted(tmp_path, standin):
    standin(NOTES)
    code = TRAINING.format(modules=str(tmp_path / "modules"))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: told(tmp_path)[-1][0] == "finish", "the tracker's end")
    assert told(tmp_path)[-1] == ["finish", "interrupted", 1]
