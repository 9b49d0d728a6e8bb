"""Where the file of a robot is: a path, a file of an installed package, or a model that a package downloads.

Nothing is downloaded unless it is asked for: `rlkit model REFERENCE --download` does.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shlex
from pathlib import Path
from typing import Any, Callable

from rlkit.nearest import nearest
from rlkit.sims import models
from rlkit.sims.mjcf import MjcfError
from rlkit.untrusted import expanded

FORMS = "a path, one of ours (h1, g1, …), package:NAME/FILE.xml, menagerie:NAME[/ENTRY] or description:NAME"
_MODELS = (".xml", ".mjcf", ".urdf")  # how their files end


def located(reference: str | Path, *, download: bool = False) -> Path:
    """The file that a reference means, one of `FORMS`; `~` is the home folder.

    download: let the package fetch what is not here yet. Raises MjcfError that says what is not here and how to get it.
    """
    kind, _, rest = str(reference).partition(":")
    find: Callable[[str, bool], Path] | None = _KINDS.get(kind)
    if find is not None:
        return find(rest, download)
    path = expanded(reference)
    ours = str(reference) in models.names() and not path.exists()
    return models.path_of(str(reference)) if ours else path


def means_a_robot(word: str) -> bool:
    """Whether a word is a reference, see `located`, of a form that nothing else has, or to what is here."""
    return word.partition(":")[0] in _KINDS or Path(word).exists() or word in models.names()


def robot_file(reference: str | Path, *, download: bool = False) -> Path:
    """As `located`; raises MjcfError where no file is there, with what there is instead."""
    path = located(reference, download=download)
    if path.is_file():
        return path
    if path.is_dir():
        below = _models_in(path)
        those = f": {', '.join(map(str, below[:5]))}{' …' if len(below) > 5 else ''}" if below else ""
        raise MjcfError(f"{path} is a folder; give a file in it{those or ', MJCF or URDF'}")
    below = _models_in(path.parent)
    near = nearest(path.name, [file.name for file in below])
    places = [str(file) for file in below if file.name in near]
    raise MjcfError(f"there is no file {path}; {f'did you mean {places[0]}?' if places else f'give {FORMS}'}")


def _models_in(folder: Path) -> list[Path]:
    """The models in a folder, then those one folder deeper."""
    depths = ("*", "*/*")
    return [file for depth in depths for file in sorted(folder.glob(depth)) if file.suffix in _MODELS]


def package_folder(name: str) -> Path | None:
    """The folder of an installed package, whose code is not run; None where there is none."""
    if not name.isidentifier():
        return None
    found = importlib.util.find_spec(name)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def _in_package(reference: str, _download: bool) -> Path:
    name, _, file = reference.partition("/")
    folder = package_folder(name)
    if folder is None:
        raise MjcfError(f"package:{reference}: no package '{name}' is installed in this Python")
    path = folder / file
    if not path.is_file():
        near = nearest(path.name, sorted(other.name for other in path.parent.glob("*.*")))
        hint = f"; the nearest there is {near[0]}" if near else ""
        raise MjcfError(f"package:{reference}: there is no file {path}{hint}")
    return path


def _in_menagerie(reference: str, download: bool) -> Path:
    menagerie = _imported("mujoco_menagerie", "mujoco-menagerie", f"menagerie:{reference}")
    name, _, entry = reference.partition("/")
    try:
        robot, cache = menagerie.get(name), menagerie.Cache()
        file = robot.entry(re.sub(r"\.xml$", "", entry) or None).file
        if not (download or cache.root or cache.is_cached(robot)):
            size = "" if robot.download_size is None else f", {robot.download_size / 1e6:.1f} MB"
            raise _not_here(f"menagerie:{reference}", f"of MuJoCo Menagerie ({robot.license}{size})")
        return Path(robot.path(cache)) / file
    except menagerie.MenagerieError as error:
        raise MjcfError(f"menagerie:{reference}: {error}") from error


def _described(name: str, download: bool) -> Path:
    reference = f"description:{name}"
    _imported("robot_descriptions", "robot_descriptions", reference)
    from robot_descriptions._descriptions import DESCRIPTIONS  # pyright: ignore[reportMissingImports]

    if name not in DESCRIPTIONS:
        near = nearest(name, sorted(DESCRIPTIONS))
        raise MjcfError(f"{reference}: robot_descriptions has none such; the nearest is {(near or ['?'])[0]}")
    if not (download or _is_cloned(DESCRIPTIONS[name].repository)):
        raise _not_here(reference, f"of the repository {DESCRIPTIONS[name].repository}")
    try:
        # Of its own list; clones what is missing
        module = importlib.import_module(f"robot_descriptions.{name}")
    except _clone_errors() as error:
        raise MjcfError(f"{reference} could not be fetched: {' '.join(str(error).split())}") from error
    return Path(getattr(module, "MJCF_PATH", "") or module.URDF_PATH)


def _clone_errors() -> tuple[type[Exception], ...]:
    """What a description raises whose repository cannot be cloned, also where GitPython is missing."""
    try:
        from git import GitError  # pyright: ignore[reportMissingImports]
    except ImportError:
        return (ImportError, OSError)
    return (ImportError, OSError, GitError)


def _is_cloned(repository: str) -> bool:
    """Whether the commit that robot_descriptions wants is checked out, so that its module fetches nothing."""
    from robot_descriptions._repositories import REPOSITORIES  # pyright: ignore[reportMissingImports]

    cache = os.environ.get("ROBOT_DESCRIPTIONS_CACHE", "~/.cache/robot_descriptions")
    wanted = REPOSITORIES[repository]
    git = expanded(cache) / wanted.cache_path / ".git"
    if "ROBOT_DESCRIPTION_COMMIT" in os.environ or not (git / "HEAD").is_file():
        return False
    tags = git / "packed-refs"
    return (
        (git / "HEAD").read_text().strip() == wanted.commit
        or (git / "refs" / "tags" / wanted.commit).is_file()
        or (tags.is_file() and f"refs/tags/{wanted.commit}\n" in tags.read_text())
    )


def _imported(module: str, package: str, reference: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MjcfError(f"{reference} needs the package {package}: pip install {package}") from error


def _not_here(reference: str, what: str) -> MjcfError:
    return MjcfError(
        f"{reference} {what} is not on this machine, and nothing is downloaded unasked:"
        f" rlkit model {shlex.quote(str(reference))} --download fetches it once"
    )


_KINDS: dict[str, Callable[[str, bool], Path]] = {
    "package": _in_package,
    "menagerie": _in_menagerie,
    "description": _described,
}
