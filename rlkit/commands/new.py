"""`rlkit new`: the smallest complete project, in a folder of its own."""

from __future__ import annotations

import argparse
import keyword
import os
import re
import shlex
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

from rlkit.errors import RlkitError
from rlkit.plugins.installed import found
from rlkit.untrusted import expanded, printable

HELP = "make a project of your own: a task on a robot of its own, its settings and its test"
TEMPLATE = Path(__file__).resolve().parents[1] / "new"
_SUFFIX = ".template"
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "o", "Ø": "O"}
)
_TAKEN = ("conf", "tests", "runs", "runs_all")  # folders that stand beside the package


class ProjectError(RlkitError):
    """The project cannot be made."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "folder", metavar="NAME", help="the project's folder, and the name of the package in it: my_project"
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the project, whole or not at all; raises ProjectError where that cannot be."""
    folder = Path(os.path.abspath(expanded(arguments.folder)))  # noqa: PTH100
    problem = _problem(folder)
    if problem is not None:
        raise ProjectError(f"rlkit new {arguments.folder}: {problem}")
    try:
        _make(folder)
    except OSError as error:
        raise ProjectError(f"{folder} cannot be made: {error.strerror}") from error
    print(f"made {printable(str(folder))}: the task MyReach, its robot, its settings and its test")
    print(f"  cd {printable(arguments.folder)}")
    print("  rlkit try                         # the task without a policy: what its terms give")
    print("  rlkit train                       # about a minute; README.md tells what to type then")
    print("  python -m pytest")
    return 0


def _problem(folder: Path) -> str | None:
    """Why the project cannot have this name, None where it can."""
    name = folder.name
    if os.path.lexists(folder):
        return f"{folder} is there already; choose another name"
    if not folder.parent.is_dir():
        above = shlex.quote(str(folder.parent))
        return f"there is no folder {folder.parent} to make it in; make that first: mkdir -p {above}"
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        return f"its name is imported, so it must be one in Python; write rlkit new {_nearest_name(name)}"
    if name.lower() in _TAKEN:
        return f"{name}/ is a folder of every project; choose another name"
    if found(name)[0] is not None:
        return f"there is a module {name} already, which `import {name}` would find; choose another name"
    return None


def _nearest_name(name: str) -> str:
    """A name of the letters a to z that reads like it; my_project where little would be left of it."""
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS)).casefold()  # a letter, then its accent
    other = re.sub(
        r"\W+", "_", "".join(c for c in plain if not unicodedata.combining(c)), flags=re.ASCII
    ).strip("_")
    lost = sum(c.isalnum() and not c.isascii() for c in plain)
    return "my_project" if lost or not other.isidentifier() or keyword.iskeyword(other) else other


def _make(folder: Path) -> None:
    """Write the template's files beside `folder`, and rename what is whole. Raises OSError."""
    with TemporaryDirectory(prefix=f".{folder.name}_", dir=str(folder.parent)) as temporary:
        made = Path(temporary, folder.name)
        for source in sorted(TEMPLATE.rglob(f"*{_SUFFIX}")):
            parts = [
                folder.name if part == "package" else part for part in source.relative_to(TEMPLATE).parts
            ]
            target = made.joinpath(*parts[:-1], parts[-1][: -len(_SUFFIX)].replace("dot-", "."))
            target.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8").replace("PROJECT", folder.name)
            target.write_text(text, encoding="utf-8")
        made.rename(folder)
