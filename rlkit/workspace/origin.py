"""How a run came about: the process, the machine, the versions and the state of the code.

Imports inside functions: the resolver, which runs before anything else, shares this package.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rlkit import __version__
from rlkit.sims.facts import SIMULATORS
from rlkit.workspace.store.record import format_time

_PACKAGES = (
    *("torch", "numpy", "jaxlib", "rl-games", "hydra-core", "omegaconf", "tensorboard", "wandb"),
    *(package for row in SIMULATORS.values() for package in row.packages),
)
_GIT_SECONDS = 10.0
_MOST_UNTRACKED = 100
_SOURCE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CodeState:
    """The commit, branch and changes of the code, and the changes themselves as `git diff` prints them."""

    facts: dict[str, Any] = field(default_factory=dict)
    diff: bytes = b""


def code_state(source: Path = _SOURCE, *, with_diff: bool = False) -> CodeState:
    """Ask git about the checkout that holds `source`.

    Where git cannot answer, `facts` holds one key, "problem", that says why: code that is not in a
    repository trains all the same.
    """
    import shutil
    import subprocess

    if shutil.which("git") is None:
        return CodeState({"problem": "git is not installed"})
    try:
        status = _git(source, "status", "--porcelain=v2", "--branch", "--untracked-files=normal").decode(
            "utf-8", "replace"
        )
        facts = _parse_status(status)
        wanted = with_diff and facts["dirty"] and facts["commit"]
        diff = _git(source, "diff", "HEAD") if wanted else b""
    except subprocess.TimeoutExpired:
        return CodeState({"problem": f"git took longer than {_GIT_SECONDS:.0f} s"})
    except subprocess.CalledProcessError as error:
        text = error.stderr.decode("utf-8", "replace").strip()
        return CodeState({"problem": text.splitlines()[0] if text else "git failed"})
    return CodeState(facts, diff)


def _git(source: Path, *arguments: str) -> bytes:
    import subprocess

    # --no-optional-locks: a start must not get in the way of a commit made at the same moment.
    command = ["git", "--no-optional-locks", "-C", str(source), *arguments]
    return subprocess.run(command, check=True, timeout=_GIT_SECONDS, capture_output=True).stdout


def _parse_status(status: str) -> dict[str, Any]:
    commit: str | None = None
    branch: str | None = None
    untracked: list[str] = []
    dirty = False
    for line in status.splitlines():
        if line.startswith("# branch.oid "):
            commit = line[len("# branch.oid ") :]
        elif line.startswith("# branch.head "):
            branch = line[len("# branch.head ") :]
        elif line.startswith("? "):
            untracked.append(line[2:])
        elif not line.startswith("#"):
            dirty = True
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": dirty or bool(untracked),
        "untracked": untracked[:_MOST_UNTRACKED],
    }


def package_versions() -> dict[str, str]:
    """The versions of the installed packages that can change what a run computes; none is imported."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"rlkit": __version__}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def provenance() -> dict[str, Any]:
    """Where data of this moment come from: versions, commit, platform and time, for the header of a file."""
    facts = code_state().facts
    return {
        "versions": package_versions(),
        "git": {key: facts[key] for key in ("commit", "dirty", "problem") if key in facts},
        "platform": platform_line(),
        "created": format_time(datetime.now(timezone.utc)),
    }


def platform_line() -> str:
    """The operating system and processor in one line."""
    import platform

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def process_start(pid: int) -> str | None:
    """When a process of this machine started, as in run.json; None where /proc does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration):
        return None
    # proc(5): field 22 is the start in clock ticks since boot; the name in field 2 may hold blanks.
    ticks = int(stat.rsplit(")", 1)[1].split()[19])
    seconds = int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return format_time(datetime.fromtimestamp(seconds, timezone.utc))
