"""Whether this Python has what rlkit is built on; nothing but the standard library is imported here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import List, Optional

NEEDED = ("hydra", "omegaconf", "yaml", "rich", "numpy", "torch", "tensorboard", "rl_games")
_PROJECT = Path(__file__).resolve().parents[1]


def problem(project: Path = _PROJECT) -> Optional[str]:
    """What this Python lacks, and the command that finds the right one; None where it lacks nothing."""
    lacks = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not lacks:
        return None
    version = ".".join(map(str, sys.version_info[:2]))
    start = f"error: this Python ({sys.executable}, {version}) has no {', '.join(lacks)}; "
    environments = _environments(project)
    if environments:
        ways = " or ".join(f"source {path}" for path in environments)
        return f"{start}activate the environment that rlkit is installed in: {ways}"
    return f"{start}activate the environment that rlkit is installed in, or make one in {project}: make train"


def _environments(project: Path) -> List[Path]:
    """The scripts that activate a virtual environment of the project, but this Python's own."""
    found = sorted(path for path in project.glob("*/bin/activate") if path.parents[1] != Path(sys.prefix))
    here = Path.cwd()
    return [path.relative_to(here) if here in path.parents else path for path in found]
