"""Tests run in folders of their own, and whatever writes into the clone fails the session that did it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).with_name("conftest.py")
HARMFUL = """
from pathlib import Path

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

def test_writes_where_it_is():
    Path("runs").mkdir()
    Path("runs/here").touch()
"""


def session(clone: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """A session of pytest over these tests, in a clone with a run of somebody's."""
    (clone / "tests").mkdir()
    shutil.copy(CONFTEST, clone / "tests")
    (clone / "tests/test_some.py").write_text(tests)
    (clone / "runs_all/mine").mkdir(parents=True)
    for name in ("metrics.jsonl", "run.json"):
        (clone / "runs_all/mine" / name).touch()
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "tests"]
    return subprocess.run(words, cwd=clone, capture_output=True, text=True, check=False)


def test_a_test_writes_into_its_own_folder(tmp_path):
    done = session(tmp_path, HARMLESS)
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "runs").exists()


def test_tests_that_change_the_clone_fail_their_session(tmp_path):
    done = session(tmp_path, HARMFUL)
    assert done.returncode == 1
    assert "4 passed" in done.stdout
    named = done.stdout.partition("written into the clone while the tests ran")[2].splitlines()[1:5]
    assert [line.strip() for line in named] == [
        "latest", "left", "runs_all/mine/metrics.jsonl", "runs_all/mine/run.json",
    ]  # fmt: skip
