"""Whether this Python has what rlkit is built on, how to install the rest, and how trainings and others are started.

The standard library is enough here.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from pathlib import Path

DISTRIBUTION = "rlkit-robotics"
"""What pip calls rlkit; the name `rlkit` on PyPI is somebody else's."""
NEEDED = ("hydra", "omegaconf", "yaml", "rich", "numpy", "torch", "tensorboard", "rl_games")
_PACKAGE = Path(__file__).resolve().parent
_PROJECT = _PACKAGE.parent


def installed_conf() -> Path | None:
    """The conf/ that a wheel brings within the package; None in a clone, where conf/ lies beside it."""
    conf = _PACKAGE / "conf"
    return conf if conf.is_dir() else None


def how_to_install(extras: str) -> str:
    """The command that installs extras where rlkit lies: in a clone, or from a wheel."""
    if installed_conf() is not None:
        return f"pip install '{DISTRIBUTION}[{extras}]'"
    clone = "." if starts_script() else str(_PROJECT)
    return f"pip install -e {shlex.quote(f'{clone}[{extras}]')}"


def how_to_install_package(package: str) -> str:
    """The command that installs what a task imports; of sai-mujoco pyproject.toml tells why it takes two."""
    top = package.partition(".")[0]
    if top != "sai_mujoco":
        return f"pip install {top}"
    return (
        "make soccer"
        if starts_script()
        else f"{how_to_install('soccer')} && pip install --no-deps sai-mujoco"
    )


def starts_script() -> bool:
    """Whether the current folder is a clone of rlkit, where `python train.py` and `make` are typed."""
    # False of a folder that may not be read, too
    return all(map(os.path.isfile, ("train.py", "rlkit/app.py")))


def train_command() -> str:
    """What starts a training where the user stands: `python train.py` in a clone, elsewhere `rlkit train`."""
    return "python train.py" if starts_script() else "rlkit train"


def test_command() -> str:
    """What starts a test where the user stands."""
    return "python train.py test=true" if starts_script() else "rlkit test"


def completion_command() -> str:
    """What prints the shell's script for completion with `-sc install=<shell>`."""
    return "python train.py" if starts_script() else "rlkit"


def typed_command(argv: list[str]) -> list[str]:
    """The command line that a process was started with, from its sys.argv."""
    script = Path(argv[0]).name
    if script in ("rlkit", "__main__.py", "cli.py"):
        return ["rlkit", *argv[1:]]
    return ["python", *argv]


def launched() -> str:
    """What torchrun and mjpython are given to start the same."""
    return "train.py" if starts_script() else "-m rlkit train"


def problem(project: Path = _PROJECT) -> str | None:
    """What this Python lacks, and the command that finds the right one; None where it lacks nothing."""
    lacks = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not lacks:
        return None
    version = ".".join(map(str, sys.version_info[:2]))
    start = f"error: this Python ({sys.executable}, {version}) has no {', '.join(lacks)}; "
    if installed_conf() is not None:
        return f"{start}install rlkit with what it needs: {how_to_install('mujoco')}"
    environments = _environments(project)
    if environments:
        ways = " or ".join(f"source {path}" for path in environments)
        return f"{start}activate the environment that rlkit is installed in: {ways}"
    return f"{start}activate the environment that rlkit is installed in, or make one in {project}: make train"


def _environments(project: Path) -> list[Path]:
    """The scripts that activate a virtual environment of the project, but this Python's own."""
    found = sorted(path for path in project.glob("*/bin/activate") if path.parents[1] != Path(sys.prefix))
    here = Path.cwd()
    return [path.relative_to(here) if here in path.parents else path for path in found]


def python(code: str) -> list[str]:
    """The words that run `code` in another Python, where `sys` is imported; words behind them are its arguments.

    It finds modules where this process does. Left to itself it would look in the current folder first, which may be
    somebody else's run.
    """
    paths = [path for path in sys.path if path]
    paths = paths if str(_PROJECT) in paths else [str(_PROJECT), *paths]
    return [sys.executable, "-c", f"import sys; sys.path[:] = {paths!r}\n{code}"]
