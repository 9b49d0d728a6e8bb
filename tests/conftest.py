"""Each test runs in a folder of its own, and nothing is written into the clone: real runs may lie there."""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Dict, Iterator

import pytest

from rlkit.workspace import read_entry

# MJX compiles in half the time; tests/sims/test_mjx.py runs what its users run.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

ROOT = Path(__file__).resolve().parents[1]
CACHES = ("__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis")
OUTPUT = ("runs", "runs_all")  # what a test could add to, where new files alone would not show it
BEFORE = pytest.StashKey[Dict[str, int]]()
OTHERS = pytest.StashKey["OtherRuns"]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file without a test that was asked for is not even imported: those of MJX and Warp take seconds.

    `-m alone` asks for few files, and `-m "not slow"` for none of which all tests are slow.
    """
    asked = config.option.markexpr
    if not asked or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text("utf-8")
    if asked == "alone":
        return None if "mark.alone" in text else True
    of_all = " ".join(line for line in text.splitlines() if line.startswith("pytestmark"))
    return True if any(f"mark.{name}" in of_all for name in re.findall(r"\bnot (\w+)", asked)) else None


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is the test's own; files of the repository are addressed by ROOT."""
    monkeypatch.chdir(tmp_path)


class OtherRuns:
    """Runs in the clone that are none of this session's: somebody may train there meanwhile.

    They are known by their process: it holds the run's lock before the first test, or when its folder is first seen,
    and was not started by these tests, which wait for what they start.
    """

    def __init__(self) -> None:
        self.folders: set[Path] = set()
        self._seen: set[Path] = set()
        self._stamps: dict[str, int] = {}
        self.look()

    def pytest_runtest_logfinish(self) -> None:
        """After each test, whichever process it ran in."""
        self.look()

    def look(self) -> None:
        """Look for new run folders; where there are none that takes some microseconds."""
        for name in OUTPUT:
            folder = ROOT / name
            stamp = folder.stat().st_mtime_ns if folder.is_dir() else 0
            if stamp == self._stamps.get(name, 0):
                continue
            self._stamps[name] = stamp
            new = {path for path in folder.iterdir() if not path.is_symlink() and path.is_dir()} - self._seen
            self._seen |= new
            self.folders |= {path.relative_to(ROOT) for path in new if _is_of_others(path)}

    def explain(self, path: Path) -> bool:
        """Whether a change is theirs: in their folders, or of the links and notes that a run brings up to date."""
        if not self.folders.isdisjoint((path, *path.parents)):
            return True
        kept_beside = len(path.parts) == 2 and path.parts[0] in OUTPUT
        is_link_or_note = path.name.startswith(".") or path.parts[0] == OUTPUT[0]
        return bool(self.folders) and kept_beside and is_link_or_note


def _is_of_others(run: Path) -> bool:
    entry = read_entry(run)
    return entry.record is not None and entry.live and not _is_ours(entry.record.pid)


def _is_ours(pid: int) -> bool:
    """Whether a process is this one, or was started by it or one that it started."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


@pytest.fixture(autouse=True)
def own_log_level() -> Iterator[None]:
    """Hydra, where a test starts it, sets the level of all logging: the next test has the usual one again."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


def pytest_sessionstart(session: pytest.Session) -> None:
    if _is_main(session):
        session.config.stash[BEFORE] = _listing()
        session.config.stash[OTHERS] = others = OtherRuns()
        session.config.pluginmanager.register(others)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not _is_main(session):
        return
    before, after = session.config.stash[BEFORE], _listing()
    others = session.config.stash[OTHERS]
    changed = sorted(
        path
        for path in {*before, *after}
        if before.get(path) != after.get(path) and not others.explain(Path(path))
    )
    if changed:
        shown = "\n".join(f"  {path}" for path in changed[:20])
        print(f"\nerror: written into the clone while the tests ran, by a test or something else:\n{shown}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_main(session: pytest.Session) -> bool:
    """Whether this process is not one of xdist's workers."""
    return not hasattr(session.config, "workerinput")


def _listing() -> dict[str, int]:
    """Every file and link of the clone but caches and hidden folders of its root; in OUTPUT with its time [ns]."""
    found = {}
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        hidden = [name for name in folders if here == Path() and name.startswith(".")]
        folders[:] = [name for name in folders if name not in CACHES and name not in hidden]
        for name in (*files, *(name for name in folders if (ROOT / here / name).is_symlink())):
            path = here / name
            timed = path.parts[0] in OUTPUT
            with suppress(FileNotFoundError):  # a training beside the tests has just moved it into place
                found[str(path)] = (ROOT / path).lstat().st_mtime_ns if timed else 0
    return found
