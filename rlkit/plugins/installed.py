"""Which code a run or a recording may have imported: packages that were installed, never a file that came with it."""

from __future__ import annotations

import functools
import sys
import sysconfig
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]  # rlkit's own
_ASK = "import sys; print(*sys.path[1:], sep='\\n')"


def why_not(module: str, here: Path | None = None) -> str | None:
    """Why a module may not be imported because a run says so, completing "which ..."; None where it may.

    here: a folder that is looked in last, as in `found`. Nothing is imported to find out. A module that is nowhere is
    no danger: its import fails.
    """
    names = module.split(".")
    if not all(name.isidentifier() for name in names) or "__main__" in names:
        return "is no name of a package"
    spec, editable = found(names[0], here)
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


def found(package: str, here: Path | None = None) -> tuple[ModuleSpec | None, bool]:
    """What is meant by a top-level name, and whether an installation in place (`pip install -e`) says it.

    here: a folder that is looked in behind all others. A folder without code of its own, as a project's in that of
    whoever starts from beside it, counts only where nothing else has the name.
    """
    bare: ModuleSpec | None = None
    for finder in sys.meta_path:
        spec = finder.find_spec(package, None)
        if spec is not None and not is_bare(spec):
            return spec, getattr(finder, "__module__", "").startswith("__editable__")
        bare = bare or spec
    own = PathFinder.find_spec(package, [str(here)]) if here else None
    return (own if bare is None or (own is not None and not is_bare(own)) else bare), False


def is_bare(spec: ModuleSpec) -> bool:
    """Whether it is a folder without an __init__.py."""
    return spec.origin is None and spec.submodule_search_locations is not None


@functools.lru_cache(maxsize=None)
def _installed(here: Path) -> frozenset[Path]:
    """The folders in which this Python finds what was installed: not `here`, not the project, nothing of PYTHONPATH."""
    import subprocess  # only where it is needed: whoever looks at runs does without

    ask: list[str] = [sys.executable, "-E", "-c", _ASK]
    answer = subprocess.run(ask, cwd=Path(sys.executable).parent, stdout=subprocess.PIPE, check=True)
    found = {Path(place).resolve() for place in answer.stdout.decode().splitlines() if place}
    paths: dict[str, str] = sysconfig.get_paths()
    python = {Path(paths[name]).resolve() for name in ("stdlib", "platstdlib")}
    return frozenset(found - python - {place / "lib-dynload" for place in python} - {here, _PACKAGE.parent})
