"""One file under conf/, read without Hydra and never half: what it says, or why it cannot be read."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping

from rlkit import yaml_text
from rlkit.errors import ConfigError, shown

_LARGEST = 1_000_000  # bytes of one file
_BOM = "\ufeff"
BEHIND = "^"
"""Behind a file's name: the one that it hides, in the next folder that has one of this name."""
# What was read, by path and name, with what tells that a file has changed.
_READ: dict[tuple[Path, str], tuple[tuple[int, ...], ConfFile]] = {}


@dataclass(frozen=True)
class Entry:
    """One entry of a defaults list: `group` is None for a plain file; `override` as in `- override /sim: mjx`."""

    group: str | None
    option: str
    override: bool = False


@dataclass(frozen=True)
class ConfFile:
    """A file that could be read. `content` is what it says; `package` the section that Hydra puts it into."""

    path: Path
    name: str  # task/Reach
    text: str
    package: str  # task, sim, empty for the whole configuration
    header: str | None  # the package as its first line names it
    content: Mapping[str, Any]
    entries: tuple[Entry, ...]

    def line(self, *keys: str) -> int:
        """The line of a key, by the keys that lead to it; 1 where it has none."""
        return yaml_text.key_lines(self.text.lstrip(_BOM)).get(keys, 1)

    def place(self, *keys: str) -> str:
        """`conf/task/Reach.yaml, line 7`, for messages."""
        return f"{shown(self.path)}, line {self.line(*keys)}"

    def tree(self) -> dict[str, Any]:
        """What it says of the whole configuration, its defaults list left out."""
        tree: dict[str, Any] = {key: value for key, value in self.content.items() if key != "defaults"}
        for section in reversed(self.package.split(".") if self.package else []):
            tree = {section: tree}
        return tree


def read_file(path: Path, name: str) -> ConfFile:
    """The file `name` at `path`, which is parsed once as long as it stays as it is.

    Raises ConfigError, with file, line and what to write, where it cannot be read.
    """
    try:
        status = path.stat()
    except OSError:
        return _parsed(path, name)  # which says why it cannot be had
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    known = _READ.get((path, name))
    if known is None or known[0] != stamp:
        _READ[path, name] = known = (stamp, _parsed(path, name))
    return known[1]


def _parsed(path: Path, name: str) -> ConfFile:
    text = _text(path)
    try:
        content = yaml_text.load(text.lstrip(_BOM))
    except yaml_text.YamlError as error:
        raise ConfigError(f"{shown(path)}, line {error.line}: {error}") from error
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{shown(path)}, line 1: holds no `name: value` lines")
    header = _header(text)
    group = name.rpartition("/")[0].replace("/", ".")
    package = group if header is None else header.replace("_group_", group)
    package = package.replace("_global_", "").strip(".")
    if text.startswith(_BOM):
        raise ConfigError(
            f"{shown(path)}, line 1: begins with an invisible byte order mark, which hides the first line from "
            "Hydra; save it as UTF-8 without one"
        )
    file = ConfFile(path, name, text, package, header, _own_name_is_behind(content or {}, name), ())
    return replace(file, entries=tuple(_entries(file)))


def _own_name_is_behind(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Let a file build on the one that it hides: its own name in its defaults list means that one."""
    defaults = content.get("defaults")
    if not isinstance(defaults, list):
        return content
    group, slash, option = name.rpartition("/")
    plain = option.rstrip(BEHIND)
    own = (plain, f"/{group}{slash}{plain}")
    return {**content, "defaults": [option + BEHIND if item in own else item for item in defaults]}


def _text(path: Path) -> str:
    """The text of a file. Raises ConfigError that says why it cannot be had."""

    def refuse(what: str) -> ConfigError:
        return ConfigError(f"{shown(path)}: {what}")

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
        raise ConfigError(f"{shown(path)}, line 1: is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown(path)}, line {line}: is not UTF-8; save it as UTF-8") from error


def _header(text: str) -> str | None:
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
        f"{file.place('defaults')}: defaults is a list of files; write `defaults: [{example}, _self_]`"
    )
