"""The files under conf/, read without Hydra: which options exist, and what the chosen ones declare."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from rlkit.config import types, yaml_text
from rlkit.config.errors import ConfigError

_LARGEST = 1_000_000  # bytes of one file
_BOM = "\ufeff"


@dataclass(frozen=True)
class Entry:
    """One entry of a defaults list: `group` is None for a plain file; `override` as in `- override /sim: mjx`."""

    group: Optional[str]
    option: str
    override: bool = False


@dataclass(frozen=True)
class ConfFile:
    """A file that could be read. `content` is what it says; `package` the section that Hydra puts it into."""

    path: Path
    name: str  # task/Reach
    text: str
    package: str  # task, sim, empty for the whole configuration
    has_header: bool
    content: Mapping[str, Any]
    entries: Tuple[Entry, ...]

    def line(self, *keys: str) -> int:
        """The line of a key, by the keys that lead to it; 1 where it has none."""
        return yaml_text.key_lines(self.text.lstrip(_BOM)).get(keys, 1)

    def place(self, *keys: str) -> str:
        """`conf/task/Reach.yaml, line 7`, for messages."""
        return f"{shown(self.path)}, line {self.line(*keys)}"

    def tree(self) -> Dict[str, Any]:
        """What it says of the whole configuration, its defaults list left out."""
        tree: Dict[str, Any] = {key: value for key, value in self.content.items() if key != "defaults"}
        for section in reversed(self.package.split(".") if self.package else []):
            tree = {section: tree}
        return tree


class Conf:
    """The folders that hold configuration files, the first one first."""

    def __init__(self, *folders: Path) -> None:
        self.folders = tuple(folder.resolve() for folder in folders)
        self._files: Dict[str, Optional[ConfFile]] = {}

    def roots(self) -> List[str]:
        """Names of the root configurations."""
        return sorted({path.stem for folder in self.folders for path in folder.glob("*.yaml")})

    def folder_of(self, root: str) -> Path:
        """The folder that holds a root configuration, which exists."""
        return next(folder for folder in self.folders if (folder / f"{root}.yaml").is_file())

    def options(self, group: str) -> List[str]:
        """Names of the files of a group, whatever is in them."""
        return sorted({path.stem for folder in self.folders for path in (folder / group).glob("*.yaml")})

    def sound_options(self, group: str) -> List[str]:
        """The same without files that cannot be read: a broken one is no choice for somebody else."""
        return [option for option in self.options(group) if self._is_sound(f"{group}/{option}")]

    def sound_roots(self) -> List[str]:
        """The root configurations that can be read."""
        return [root for root in self.roots() if self._is_sound(root)]

    def _is_sound(self, name: str) -> bool:
        try:
            return bool(self.chain(name))
        except ConfigError:
            return False

    def file(self, name: str) -> Optional[ConfFile]:
        """The file `name` (for example `task/BaseTask`), None where there is none.

        Raises ConfigError, with file, line and what to write, where it cannot be read.
        """
        if name not in self._files:
            paths = (folder / f"{name}.yaml" for folder in self.folders)
            path = next((path for path in paths if os.path.lexists(path)), None)  # a name of any length
            self._files[name] = None if path is None else _read(path, name)
        return self._files[name]

    def chosen(self, root: str, group: str) -> Optional[str]:
        """The option of `group` that a root configuration takes, `${task}` not yet replaced."""
        option: Optional[str] = None
        for file in self.chain(root):
            for entry in file.entries:
                if entry.group is not None and entry.group.lstrip("/") == group:
                    option = entry.option
        return option

    def chain(self, name: str) -> List[ConfFile]:
        """A file behind those that its defaults list names, and theirs: the later ones win.

        Raises ConfigError where one of them is missing or cannot be read.
        """
        return list(self._chain(name, set()))

    def _chain(self, name: str, above: Set[str]) -> Iterator[ConfFile]:
        file = self.file(name)
        if file is None:
            return
        group = name.rpartition("/")[0]
        for entry in file.entries:
            if entry.group is not None or "${" in entry.option or "@" in entry.option:
                continue
            parent = (
                entry.option[1:] if entry.option.startswith("/") else f"{group}/{entry.option}".strip("/")
            )
            if parent == name or parent in above:
                raise ConfigError([f"{file.place('defaults')}: {entry.option} builds on this file in turn"])
            if self.file(parent) is None:
                folder = parent.rpartition("/")[0]
                near = types.nearest(
                    parent.rpartition("/")[2], self.options(folder) if folder else self.roots()
                )
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError([f"{file.place('defaults')}: there is no conf/{parent}.yaml{hint}"])
            yield from self._chain(parent, above | {name})
        yield file

    def declared(self, task: str) -> Dict[str, Any]:
        """Every key under `task` in a task's file and its parents: full name -> value."""
        return self.declared_by(self.chain(f"task/{task}"))

    @staticmethod
    def declared_by(files: List[ConfFile]) -> Dict[str, Any]:
        """Every key under `task` in these files, the later ones winning: full name -> value."""
        merged: Dict[str, Any] = {}
        for file in files:
            section = file.tree().get("task")
            merge(merged, section if isinstance(section, Mapping) else {})
        return flatten(merged, "task.", keep_empty=True)

    def homes(self, name: str) -> List[str]:
        """The tasks that declare a setting; broken files are none."""
        found = []
        for task in self.options("task"):
            try:
                found += [task] if name in self.declared(task) else []
            except ConfigError:
                continue
        return found

    def sets(self, name: str, without: Collection[str] = ()) -> Dict[str, Any]:
        """Full name -> value of all that a file, as `physics/fast` or a root, sets, with those that it is built on.

        without: files that are left out, with all they are built on. Raises ConfigError as `file` does.
        """
        found: Dict[str, Any] = {}
        file = self.file(name)
        if file is None:
            return found
        group = name.rpartition("/")[0]
        for entry in file.entries:
            above = group if entry.group is None and not entry.option.startswith("/") else entry.group or ""
            parent = f"{above}/{entry.option.lstrip('/')}".lstrip("/")
            if parent not in without:
                found.update(self.sets(parent, (*without, name)))
        found.update(flatten({key: value for key, value in file.tree().items() if key != "hydra"}))
        return found

    def said(self, root: str, name: str) -> Any:
        """What a root configuration, or one that it is built on, says of a setting; None where none does."""
        for file in reversed(self.chain(root)):
            value = flatten(file.tree()).get(name)
            if value is not None:
                return value
        return None

    def learner(self, train: str) -> Optional[str]:
        """The learner that a train file or one of its parents names."""
        sections = [file.tree().get("train") for file in self.chain(f"train/{train}")]
        names = [section.get("learner") for section in sections if isinstance(section, Mapping)]
        return next((str(name) for name in reversed(names) if name is not None), None)


def find_conf() -> Path:
    """The project's conf/: beside the rlkit package (where train.py stands), or below the current folder.

    Raises ConfigError where neither exists.
    """
    places = (Path(__file__).resolve().parents[2] / "conf", Path.cwd() / "conf")
    for place in places:
        if (place / "config.yaml").is_file():
            return place
    raise ConfigError(
        [
            f"there is no conf/config.yaml in {places[0].parent}, where rlkit lies, nor in {Path.cwd()}: start in a"
            " clone of the project, or write --config-path=<its conf folder>"
        ]
    )


def flatten(tree: Mapping[str, Any], prefix: str = "", *, keep_empty: bool = False) -> Dict[str, Any]:
    """Nested sections -> full name: value; keep_empty: an empty section is a value too."""
    flat: Dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (value or not keep_empty):
            flat.update(flatten(value, name + ".", keep_empty=keep_empty))
        else:
            flat[name] = value
    return flat


def merge(base: Dict[str, Any], above: Mapping[str, Any]) -> None:
    """Put `above` over `base` in place, section by section."""
    for key, value in above.items():
        if isinstance(value, Mapping):
            below = base.get(key)
            base[key] = dict(below) if isinstance(below, Mapping) else {}
            merge(base[key], value)
        else:
            base[key] = value


def shown(path: Path) -> str:
    """A path for messages: from the current folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _read(path: Path, name: str) -> ConfFile:
    text = _text(path)
    try:
        content = yaml_text.load(text.lstrip(_BOM))
    except yaml_text.YamlError as error:
        raise ConfigError([f"{shown(path)}, line {error.line}: {error}"]) from error
    if content is not None and not isinstance(content, dict):
        raise ConfigError([f"{shown(path)}, line 1: holds no `name: value` lines"])
    header = _header(text)
    group = name.rpartition("/")[0].replace("/", ".")
    package = group if header is None else header.replace("_group_", group)
    package = package.replace("_global_", "").strip(".")
    if text.startswith(_BOM):
        raise ConfigError(
            [
                f"{shown(path)}, line 1: begins with an invisible byte order mark, which hides the first line from "
                "Hydra; save it as UTF-8 without one"
            ]
        )
    file = ConfFile(path, name, text, package, header is not None, content or {}, ())
    return ConfFile(path, name, text, package, header is not None, content or {}, tuple(_entries(file)))


def _text(path: Path) -> str:
    """The text of a file. Raises ConfigError that says why it cannot be had."""

    def refuse(what: str) -> ConfigError:
        return ConfigError([f"{shown(path)}: {what}"])

    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise refuse("is a folder; a file of this name was expected")
        if not stat.S_ISREG(status.st_mode):
            raise refuse("is no plain file")
        if status.st_size > _LARGEST:
            raise refuse(f"has {status.st_size} bytes; a configuration has at most {_LARGEST}")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise refuse("is a link to a file that is not there; mend or remove it") from error
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError([f"{shown(path)}, line 1: is UTF-16; save it as UTF-8"])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{shown(path)}, line {line}: is not UTF-8; save it as UTF-8"]) from error


def _header(text: str) -> Optional[str]:
    """The package that `# @package` names among the first comment lines, as Hydra looks for it."""
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            return None
        match = re.match(r"#\s*@package\s+(\S+)", line)
        if match is not None:
            return match.group(1)
    return None


def _entries(file: ConfFile) -> Iterator[Entry]:
    """The defaults list, `_self_` left out. Raises ConfigError where it is none."""
    defaults = file.content.get("defaults")
    if defaults is None:
        return
    if not isinstance(defaults, list):
        raise _no_list(file)
    for item in defaults:
        if isinstance(item, str):
            if item != "_self_":
                yield Entry(None, item)
            continue
        if not isinstance(item, dict) or len(item) != 1:
            raise _no_list(file)
        key, option = next(iter(item.items()))
        words = str(key).split()
        if isinstance(option, str) and "optional" not in words:
            yield Entry(words[-1], option, "override" in words)


def _no_list(file: ConfFile) -> ConfigError:
    example = {"task": "BaseTask", "train": "BaseTaskPPO"}.get(file.name.partition("/")[0], "config")
    return ConfigError(
        [f"{file.place('defaults')}: defaults is a list of files; write `defaults: [{example}, _self_]`"]
    )
