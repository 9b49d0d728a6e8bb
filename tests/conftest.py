"""Each test runs in a folder of its own, and nothing is written into the clone: real runs may lie there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CACHES = ("__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis")
OUTPUT = ("runs", "runs_all")  # what a test could add to, where new files alone would not show it
BEFORE = pytest.StashKey[dict]()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is the test's own; files of the repository are addressed by ROOT."""
    monkeypatch.chdir(tmp_path)


def pytest_sessionstart(session: pytest.Session) -> None:
    if _is_main(session):
        session.config.stash[BEFORE] = _listing()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not _is_main(session):
        return
    before, after = session.config.stash[BEFORE], _listing()
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
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
            found[str(path)] = (ROOT / path).lstat().st_mtime_ns if timed else 0
    return found
