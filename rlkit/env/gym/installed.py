"""What a run or a recording may have imported: packages that were installed, never a file that came with it."""

from __future__ import annotations

import functools
import subprocess
import sys
import sysconfig
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Collection, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from rlkit.env.spec import EnvError

_PACKAGE = Path(__file__).resolve().parents[2]  # rlkit's own
_ASK = "import sys; print(*sys.path[1:], sep='\\n')"


def require(env: Mapping[str, Any], task: Mapping[str, Any], trusted: Collection[str]) -> None:
    """Raise EnvError where the sections `env` and `task` would import what is neither installed nor trusted.

    trusted: values of these settings that were typed or stand in the project's files, or names of modules.
    """
    for value, module, words in _imports(env, task):
        # What is loaded already runs nothing when it is imported; of a wrapper a function would be called.
        loaded = module in sys.modules and not words.startswith("task.wrapper")
        if loaded or value in trusted or module in trusted:
            continue
        problem = why_not(module)
        if problem is not None:
            raise EnvError(
                f"{words}: a run or recording asks for this, and it would import {module}, which {problem}. If you know"
                f" what it does, say so: type {words} with train.py, --trust {module} with rlkit"
            )


def uninstalled(env: Mapping[str, Any], task: Mapping[str, Any]) -> Dict[str, str]:
    """Module -> the words that ask for it, of what these sections import and `require` refuses untyped."""
    return {module: words for _, module, words in _imports(env, task) if why_not(module) is not None}


def why_not(module: str) -> Optional[str]:
    """Why a module may not be imported because a run says so, completing "which ..."; None where it may.

    Nothing is imported to find out. A module that is nowhere is no danger: its import fails.
    """
    names = module.split(".")
    if not all(name.isidentifier() for name in names) or "__main__" in names:
        return "is no name of a package"
    spec, editable = _found(names[0])
    if spec is None or editable:
        return None
    if spec.origin in ("built-in", "frozen"):
        return "is part of Python, where no environment is"
    places = [Path(place).resolve() for place in spec.submodule_search_locations or [str(spec.origin)]]
    if places == [_PACKAGE]:
        return None
    installed = _installed(Path.cwd().resolve())
    strange = [place for place in places if place.parent not in installed]
    return f"is no installed package: it is {strange[0]}" if strange else None


def _imports(env: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[Tuple[str, str, str]]:
    """(value, module, the words that ask for it) of every setting that imports."""
    packages, wrapper = list(task.get("packages") or ()), task.get("wrapper")
    for package in packages:
        yield str(package), str(package), f"task.packages=[{','.join(map(str, packages))}]"
    if wrapper is not None:
        yield str(wrapper), str(wrapper).partition(":")[0], f"task.wrapper={wrapper}"
    ids = [str(name) for name in env["ids"] or ()]
    for name in [str(env["id"])] if env["id"] is not None else ids:
        module = name.rpartition(":")[0]
        if module:
            yield name, module, f"env.ids=[{','.join(ids)}]" if env["id"] is None else f"env.id={name}"


def _found(package: str) -> Tuple[Optional[ModuleSpec], bool]:
    """What an import of a top-level name finds, and whether an installation in place (`pip install -e`) says it."""
    for finder in sys.meta_path:
        spec = finder.find_spec(package, None)
        if spec is not None:
            return spec, getattr(finder, "__module__", "").startswith("__editable__")
    return None, False


@functools.lru_cache(maxsize=None)
def _installed(here: Path) -> FrozenSet[Path]:
    """The folders in which this Python finds what was installed: not `here`, not the project, nothing of PYTHONPATH."""
    ask: List[str] = [sys.executable, "-E", "-c", _ASK]
    answer = subprocess.run(ask, cwd=Path(sys.executable).parent, stdout=subprocess.PIPE, check=True)
    found = {Path(place).resolve() for place in answer.stdout.decode().splitlines() if place}
    paths: Dict[str, str] = sysconfig.get_paths()
    python = {Path(paths[name]).resolve() for name in ("stdlib", "platstdlib")}
    return frozenset(found - python - {place / "lib-dynload" for place in python} - {here, _PACKAGE.parent})
