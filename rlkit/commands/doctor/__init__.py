"""`rlkit doctor`: what this machine can run, and what to install for the rest."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Iterable

from rlkit.commands.options import add_root
from rlkit.sims.facts import SIMULATORS
from rlkit.workspace import WorkspaceError

if TYPE_CHECKING:
    from rlkit.commands.doctor.checkup import Finding

HELP = "tell what this machine can run; with sim=NAME, test that simulator"

_ROOT = Path(__file__).resolve().parents[3]
_CONTRACT = _ROOT / "tests" / "contract"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the simulator and the options."""
    parser.description = (
        "Look at Python, torch, the simulators, GPUs, OpenGL, display, video encoder and workspace of this machine;"
        " exit status 0 where something can be trained here, else 1. With sim=NAME run the contract tests of that"
        " simulator, whose exit status it takes."
    )
    parser.add_argument("word", metavar="sim=NAME", nargs="?", help="test this simulator instead")
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings, or test a simulator. Raises WorkspaceError for one that cannot be tested here."""
    if arguments.word is not None:
        return _test(_simulator(arguments.word))
    from rlkit.commands.doctor.checkup import examine, fit

    return 0 if fit(_shown(examine(arguments.root))) else 1


def _shown(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, each printed when it is there: as a row, or where no terminal is there to read it a line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, seen = Console(), []
    with console.status("looking ..."):  # shown on a terminal alone
        for finding in findings:
            seen.append(finding)
            if not console.is_terminal:
                print(f"{finding.what}: {finding.state}: {finding.text}", flush=True)
                continue
            style = {"ok": "green", "missing": "red"}.get(finding.state, "yellow")
            row = Table.grid(padding=(0, 2))
            for width in (14, 7, None):
                row.add_column(width=width, overflow="fold")
            row.add_row(finding.what, Text(finding.state, style=style), Text(finding.text))
            console.print(row)
    return seen


def _simulator(word: str) -> str:
    """The name in sim=NAME, of a simulator that is installed; raises WorkspaceError."""
    from rlkit.config.checks.machine import name_problem
    from rlkit.config.facts.machine import Machine

    key, _, name = word.partition("=")
    if key != "sim" or not name:
        raise WorkspaceError(f"{word}: not understood; to test a simulator write sim=NAME, as sim=mujoco")
    problem = name_problem(name)
    if problem is not None:
        raise WorkspaceError(problem)
    machine = Machine.detect()
    if name not in machine.simulators:
        row = SIMULATORS[name]
        raise WorkspaceError(f"sim={name}: {machine.not_installed(row.modules, row.install)}")
    return name


def _test(simulator: str) -> int:
    """Run the contract tests of one simulator; their exit status."""
    missing = _why_untestable()
    if missing is not None:
        raise WorkspaceError(missing)
    # What must be imported before torch, which the tests import, is a plugin of pytest's here.
    before_torch = SIMULATORS[simulator].before_torch.partition(".")[0]
    first = ["-p", before_torch] if before_torch else []
    command = [sys.executable, "-m", "pytest", *first, str(_CONTRACT), "--every-scene", "-k", simulator]
    print(" ".join(["python", *command[1:]]), flush=True)
    return subprocess.run(command, cwd=str(_ROOT), check=False).returncode


def _why_untestable() -> str | None:
    """What the contract tests lack here, None where nothing."""
    if not _CONTRACT.is_dir():
        return (
            "the tests are not part of the installed package: get rlkit's source, and in its folder run"
            " pip install -e '.[dev]' and this command again"
        )
    if any(importlib.util.find_spec(name) is None for name in ("pytest", "hypothesis", "pytest_timeout")):
        return "the tests need pytest: pip install pytest pytest-timeout hypothesis"
    return None
