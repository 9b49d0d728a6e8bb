"""Which clips `motion=` names: shipped ones, files, folders, packed files, and lists with weights.

The standard library and yaml are enough, so that a request is refused before numpy and torch are imported.
"""

from __future__ import annotations

import math
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Sequence

from rlkit import yaml_text
from rlkit.errors import shown
from rlkit.motion.entry import ClipEntry, read_entries
from rlkit.motion.errors import MotionError
from rlkit.nearest import did_you_mean
from rlkit.untrusted import echo, expanded, read_plain

SHIPPED = Path(__file__).parent / "clips"
LISTS = (".yaml", ".yml")
"""Suffixes of lists of clips."""
_DEEPEST = 8  # lists within lists


class Choice(NamedTuple):
    """A clip that was chosen.

    member: its name in a packed file, None of a file of its own. weight: how often it is wanted beside the others.
    entry: its facts; its name there is its own among all that were chosen.
    """

    path: Path
    member: str | None
    weight: float
    entry: ClipEntry


def shipped() -> list[str]:
    """Names of the clips that come with rlkit, as `h1/walk`."""
    return sorted(path.relative_to(SHIPPED).with_suffix("").as_posix() for path in SHIPPED.rglob("*.npz"))


def resolve(text: str) -> list[Choice]:
    """The clips that a name, a file, a folder, a packed file or a list stands for, all of one robot.

    A name is of a shipped clip (`h1/walk`) or of all of a robot (`h1`); `pack.npz:walk` is one clip of a packed file.
    Raises MotionError for what is not there, with the nearest name, what is no clip, and clips of several robots.
    """
    try:
        found = _named(_resolve(text, Path(), 1.0, 0))
    except OSError as error:  # as of a name that is too long, or a folder that nobody may look into
        raise MotionError(f"{echo(text)} cannot be looked for: {error.strerror}") from error
    first = found[0].entry
    for choice in found:
        if choice.entry.robot != first.robot:
            raise MotionError(
                f"{echo(text)} has clips of several robots: {first.name} is of {first.robot},"
                f" {choice.entry.name} of {choice.entry.robot}; give those of one, or retarget the others: rlkit motion"
                " retarget"
            )
        if choice.entry.joints != first.joints:
            raise MotionError(
                f"{echo(text)}: {choice.entry.name} has other joints than {first.name}, or in another order;"
                " convert them alike"
            )
    if not any(choice.weight for choice in found):
        raise MotionError(f"{echo(text)}: all weights are 0; one clip at least must be wanted")
    return found


def _resolve(text: str, folder: Path, weight: float, depth: int) -> list[Choice]:
    """folder: what paths start from."""
    path = folder / expanded(text)
    name, _, member = text.rpartition(":")
    if member and name.endswith(".npz") and not path.exists():
        return [_member(folder / expanded(name), member, weight)]
    if path.is_dir():
        files = sorted(path.glob("*.npz"))
        if not files:
            raise MotionError(f"the folder {shown(path)} has no clips (.npz) in it")
        return [choice for file in files for choice in _file(file, weight)]
    if path.suffix in LISTS:
        return _list(path, weight, depth)
    if path.suffix == ".npz":
        return _file(path, weight)
    ours = SHIPPED / text
    if not Path(text).is_absolute() and ".." not in ours.parts:
        if ours.with_name(f"{ours.name}.npz").is_file():
            return _file(ours.with_name(f"{ours.name}.npz"), weight)
        if any(ours.glob("*.npz")):
            return [choice for file in sorted(ours.glob("*.npz")) for choice in _file(file, weight)]
    if path.is_file():
        raise MotionError(
            f"{shown(path)} is no clip (.npz) and no list (.yaml); a clip of it makes: rlkit motion convert"
            f" {shlex.quote(shown(path))} --out {shlex.quote(path.stem)}.npz"
        )
    known, here = shipped(), _beside(path)
    near = did_you_mean(text.rstrip("/"), [*known, *here], ".")
    raise MotionError(
        f"there is no motion {echo(text)}{near} A motion is a clip that comes with"
        f" rlkit ({', '.join(known)}), a file (.npz), a folder of them, or a list (.yaml)"
    )


def _file(path: Path, weight: float) -> list[Choice]:
    _require_there(path)
    entries, packed = read_entries(path)
    return [Choice(path, entry.name if packed else None, weight, entry) for entry in entries]


def _beside(path: Path) -> list[str]:
    """Names of what may stand for clips in the path's folder; none where there is no such folder."""
    if not path.parent.is_dir():
        return []
    inside = sorted(path.parent.iterdir())[:1000]
    return [file.name for file in inside if file.suffix in (".npz", *LISTS) or file.is_dir()]


def _require_there(path: Path) -> None:
    if not path.exists():
        near = did_you_mean(path.name, _beside(path)) or did_you_mean(
            path.with_suffix("").as_posix(), shipped()
        )
        raise MotionError(f"there is no file {shown(path)}{near}")


def _member(path: Path, name: str, weight: float) -> Choice:
    choices = _file(path, weight)
    for choice in choices:
        if choice.member == name:
            return choice
    names = [choice.entry.name for choice in choices]
    raise MotionError(
        f"{shown(path)} has no clip {name}{did_you_mean(name, names)}; it has {echo(', '.join(names))}"
    )


def read_yaml(path: Path) -> Any:
    """What a YAML file says. Raises MotionError with the line where it cannot be read."""
    try:
        return yaml_text.load(read_plain(path)[0].decode("utf-8"))
    except OSError as error:
        raise MotionError(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    except yaml_text.YamlError as error:
        raise MotionError(f"{shown(path)}:{error.line}: {error}") from error
    except ValueError as error:
        raise MotionError(f"{shown(path)}: {error}") from error


def _list(path: Path, weight: float, depth: int) -> list[Choice]:
    if depth >= _DEEPEST:
        raise MotionError(
            f"{shown(path)}: lists within lists, more than {_DEEPEST} deep; does one name itself?"
        )
    _require_there(path)
    value = read_yaml(path)
    items = value.get("clips") if isinstance(value, dict) else None
    if not isinstance(items, list) or not items:
        raise MotionError(f"{shown(path)} lists no clips; write `clips:` and below it `- walk.npz` for each")
    found = []
    for number, item in enumerate(items, start=1):
        where = f"{shown(path)}: clip {number}"
        name, own = _item(item, where)
        try:
            found += _resolve(name, path.parent, weight * own, depth + 1)
        except MotionError as error:
            if Path(name).suffix in LISTS:  # it says itself where in it
                raise
            raise MotionError(f"{where}: {error}") from error
    return found


def _item(item: Any, where: str) -> tuple[str, float]:
    """Name and weight of a list's item: a name, or a mapping of both."""
    if isinstance(item, str):
        return item, 1.0
    if not isinstance(item, dict) or not isinstance(item.get("clip"), str):
        raise MotionError(f"{where} is a name, as in `- walk.npz`, or `- {{clip: walk.npz, weight: 2}}`")
    for key in item:
        if key not in ("clip", "weight"):
            raise MotionError(f"{where}: unknown key {key}{did_you_mean(str(key), ('clip', 'weight'))}")
    weight = item.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0.0 <= weight < math.inf:
        raise MotionError(f"{where}: its weight is {weight}; a weight is a number from 0 on")
    return item["clip"], float(weight)


def _named(choices: Sequence[Choice]) -> list[Choice]:
    """Every clip once, by a name of its own: with its folder's or packed file's before it where two share one."""
    seen: dict[tuple[Path, str | None], Choice] = {}
    for choice in choices:
        place = (choice.path.resolve(), choice.member)
        if place in seen:
            raise MotionError(f"{shown(choice.path)} is named twice; name it once, with one weight")
        seen[place] = choice
    counts = Counter(choice.entry.name for choice in choices)
    found = []
    for choice in choices:
        name = choice.entry.name
        if counts[name] > 1:
            place = choice.path.with_suffix("") if choice.member else choice.path.parent
            name = f"{place.name}/{name}"
        found.append(choice._replace(entry=replace(choice.entry, name=name)))
    return found
