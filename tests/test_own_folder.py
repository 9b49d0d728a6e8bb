"""Tests run in folders of their own, and whatever writes into the clone fails the session that did it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


def session(clone: Path, body: str) -> subprocess.CompletedProcess[str]:
    """A session of pytest over one test of that body, in a clone with a run of somebody's."""
    (clone / "tests").mkdir()
    shutil.copy(CONFTEST, clone / "tests")
    (clone / "tests/test_one.py").write_text(f"from pathlib import Path\n\ndef test_one():\n    {body}\n")
    (clone / "runs_all/mine").mkdir(parents=True)
    (clone / "runs_all/mine/metrics.jsonl").touch()
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "tests"]
    return subprocess.run(words, cwd=clone, capture_output=True, text=True, check=False)


def test_a_test_writes_into_its_own_folder(tmp_path):
    done = session(tmp_path, "Path('runs').mkdir(); Path('runs/here').touch()")
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("(Path(__file__).parents[1] / 'left').touch()", "left"),
        (
            "(Path(__file__).parents[1] / 'runs_all/mine/metrics.jsonl').write_text('{}')",
            "runs_all/mine/metrics.jsonl",
        ),
        (
            "(Path(__file__).parents[1] / 'runs_all/mine/metrics.jsonl').unlink()",
            "runs_all/mine/metrics.jsonl",
        ),
        ("(Path(__file__).parents[1] / 'latest').symlink_to('/tmp')", "latest"),
    ],
)
def test_a_test_that_changes_the_clone_fails_the_session(tmp_path, body, path):
    done = session(tmp_path, body)
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert (
        f"error: written into the clone while the tests ran, by a test or something else:\n  {path}"
        in done.stdout
    )
