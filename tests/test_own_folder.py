"""Tests run in folders of their own, and whatever writes into the clone fails the session that did it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CONFTEST.parents[1])}
HARMFUL = """
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[1]

def test_leaves_a_file():
    (CLONE / "left").touch()

def test_writes_into_a_run():
    (CLONE / "runs_all/mine/metrics.jsonl").write_text("{}")

def test_deletes_from_a_run():
    (CLONE / "runs_all/mine/run.json").unlink()

def test_makes_a_link():
    (CLONE / "latest").symlink_to(CLONE.parent)
"""
HARMLESS = """
from pathlib import Path

import pytest

def test_writes_where_it_is():
    Path("runs").mkdir()
    Path("runs/here").touch()
"""


TRAINING = """
import sys, time
from pathlib import Path

import pytest
from rlkit.workspace import WorkspaceLimits, open_run

run = open_run("Box", "train", name=sys.argv[1], settings=WorkspaceLimits(), config_yaml="", command=[], learner="ppo",
               seed=1, device="cpu", source=Path("/"))
print(run.name, flush=True)
while not Path("stop").exists():
    run.update(iterations=(run.record.iterations or 0) + 1)
    time.sleep(0.01)
run.set_state("done")
"""
BESIDE = """
import time
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[1]

def wait_for(path):
    while not path.exists():
        time.sleep(0.01)

def test_one():
    (CLONE / "tests/__pycache__/begun").touch()
    wait_for(CLONE / "runs_all/second/run.json")

def test_another():
    before = (CLONE / "runs_all/first/run.json").read_text()
    while (CLONE / "runs_all/first/run.json").read_text() == before:
        time.sleep(0.01)
"""
STARTS_A_RUN = """
import subprocess, sys
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[1]

def test_starts_a_run_in_the_clone():
    started = subprocess.Popen([sys.executable, "training.py", "third"], cwd=CLONE, stdout=subprocess.PIPE)
    started.stdout.readline()
"""


def session(clone: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """A session of pytest over these tests, in a clone with a run of somebody's."""
    (clone / "tests").mkdir(exist_ok=True)
    shutil.copy(CONFTEST, clone / "tests")
    (clone / "tests/test_some.py").write_text(tests)
    (clone / "runs_all/mine").mkdir(parents=True, exist_ok=True)
    for name in ("metrics.jsonl", "run.json"):
        (clone / "runs_all/mine" / name).touch()
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "tests"]
    return subprocess.run(
        words, cwd=clone, capture_output=True, text=True, check=False, env=ENVIRONMENT, timeout=60
    )


def training(clone: Path, name: str) -> subprocess.Popen[str]:
    """Somebody's training in the clone, which has begun; it goes on until there is a file "stop"."""
    words = [sys.executable, str(clone / "training.py"), name]
    started = subprocess.Popen(words, cwd=clone, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert started.stdout is not None
    assert started.stdout.readline().strip() == name
    return started


@pytest.mark.slow
def test_a_test_writes_into_its_own_folder(tmp_path):
    done = session(tmp_path, HARMLESS)
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_tests_that_change_the_clone_fail_their_session(tmp_path):
    done = session(tmp_path, HARMFUL)
    assert done.returncode == 1
    assert "4 passed" in done.stdout
    named = done.stdout.partition("written into the clone while the tests ran")[2].splitlines()[1:5]
    assert [line.strip() for line in named] == [
        "latest", "left", "runs_all/mine/metrics.jsonl", "runs_all/mine/run.json",
    ]  # fmt: skip


@pytest.mark.slow
def test_trainings_of_others_in_the_clone_fail_no_session_and_those_of_tests_do(tmp_path):
    (tmp_path / "training.py").write_text(TRAINING)
    started = [training(tmp_path, "first")]
    begun = tmp_path / "tests/__pycache__/begun"
    begun.parent.mkdir(parents=True)

    def start_second() -> None:
        while not begun.exists() and not (tmp_path / "stop").exists():
            time.sleep(0.01)
        started.append(training(tmp_path, "second"))

    beside = threading.Thread(target=start_second)
    beside.start()
    try:
        done = session(tmp_path, BESIDE)
        beside.join()
        assert done.returncode == 0, done.stdout
        done = session(tmp_path, STARTS_A_RUN)
        assert done.returncode == 1, done.stdout
        assert "runs_all/third/run.json" in done.stdout
        assert "runs_all/first" not in done.stdout and "runs_all/second" not in done.stdout
    finally:
        (tmp_path / "stop").touch()
        beside.join()
        for process in started:
            process.communicate(timeout=20)
