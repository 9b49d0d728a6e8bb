"""A copy of the project to run real commands in."""

from __future__ import annotations

import compileall
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

import warm

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("train.py", "rlkit", "conf")
LAUNCHER_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Project:
    """A folder with train.py, rlkit/ and conf/ in which commands run as a user types them."""

    path: Path

    @classmethod
    def copied(cls, path: Path) -> Project:
        compileall.compile_dir(
            ROOT / "rlkit", quiet=1
        )  # once: else the commands do it, each anew where none may keep it
        path.mkdir(parents=True)
        subprocess.run(
            ["cp", "-Rp", *(ROOT / part for part in PARTS), path], check=True
        )  # quicker than shutil
        shims = path / ".shims"
        shims.mkdir()
        for name, starter in _STARTERS.items():
            python = " ".join(warm.python() if starter in _WARM else [sys.executable])
            (shims / name).write_text(f'#!/bin/sh\nexec {python} {starter} "$@"\n')
            (shims / name).chmod(0o755)
        return cls(path)

    @property
    def environment(self) -> dict[str, str]:
        """PATH begins with shims that run this Python; no launcher's variables, but a port of its own for torchrun,
        whose usual one another test may hold."""
        environment = {k: v for k, v in os.environ.items() if k not in LAUNCHER_VARIABLES}
        environment["PATH"] = f"{self.path / '.shims'}:{environment['PATH']}"
        environment["PYTHONUNBUFFERED"] = "1"
        environment["TERM"] = "dumb"
        environment["PET_MASTER_PORT"] = str(free_port())
        python = str(self.path / ".shims" / "python")
        environment["PYTHON_EXEC"] = python  # what torchrun starts ranks with
        environment["RLKIT_WARM_PYTHON"] = python  # and a sweep its jobs
        return {**environment, **warm.environment()}

    def shell(self, line: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a line in bash, as typed in the project's folder."""
        return self._run(["bash", "-c", line], timeout)

    def train(self, *words: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """`python train.py <words>`, in a process that has torch imported already."""
        return self._run([*warm.python(), "train.py", *words], timeout)

    def _run(self, words: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *words: str, python: Sequence[str] | None = None) -> subprocess.Popen[str]:
        """`python train.py <words>` beside the test, in a process that has torch imported or in another `python`.

        Signals reach it; after `kill` it is gone a moment later, of another Python at once.
        """
        return subprocess.Popen(
            [*(python or warm.python()), "train.py", *words],
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str) -> Path:
        return self.path / "runs_all" / name

    def names(self, kind: str = "") -> list[str]:
        """Names of the runs of a kind, the oldest first."""
        runs = [json.loads(path.read_text()) for path in self.path.glob("runs_all/*/run.json")]
        return [run["name"] for run in sorted(runs, key=lambda r: r["created"]) if kind in run["kind"]]

    def record(self, name: str) -> dict[str, Any]:
        return json.loads((self.run(name) / "run.json").read_text())

    def listed(self) -> dict[str, dict[str, Any]]:
        """What `rlkit runs --json` tells, by name."""
        done = self.shell("rlkit runs --json")
        assert done.returncode == 0, done.stderr
        return {row["name"]: row for row in json.loads(done.stdout)}


_STARTERS = {
    "python": "",
    "rlkit": "-m rlkit.cli",
    "torchrun": "-m torch.distributed.run",
    "tensorboard": "-m tensorboard.main",
}
_WARM = ("", "-m rlkit.cli", "-m torch.distributed.run")


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
    """The condition's first true value; fails the test when none comes in time [s]."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout:g} s: {what}")
