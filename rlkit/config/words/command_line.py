"""Words of the command line -> options for Hydra and overrides with their full names.

Aliases are renamed in front of Hydra, so sweeps, launchers, `--cfg` and completion see canonical names alone. A
command line is taken apart once: whoever asks what was typed asks the CommandLine.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from rlkit.config.files.conf import Conf, conf_folders
from rlkit.config.schema import keys, types
from rlkit.config.schema.spelling import spellings
from rlkit.config.words import values
from rlkit.plugins import modules

_LONG = {
    "-cn": "--config-name",
    "-cp": "--config-path",
    "-cd": "--config-dir",
    "-c": "--cfg",
    "-p": "--package",
    "-h": "--help",
    "-r": "--run",
    "-m": "--multirun",
    "-sc": "--shell-completion",
    "-i": "--info",
}
_WITH_VALUE = ("--config-name", "--config-path", "--config-dir", "--cfg", "--package", "--experimental-rerun")
_FLAGS = ("--help", "--hydra-help", "--version", "--resolve", "--run", "--multirun", "--shell-completion")
_CFG = ("job", "hydra", "all")
_SHOWS = ("--cfg", "--info")
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_OVERRIDE = re.compile(r"(\+\+|\+|~)?([^=]*)(?:=(.*))?$", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """One `key=value` of the command line; `value` is None where there was no `=`."""

    typed: str  # shortened, for messages
    prefix: str
    key: str
    value: str | None
    complaint: str = ""  # what is wrong with how it is written; then it is never run

    def text(self) -> str:
        """The override as Hydra reads it."""
        return f"{self.prefix}{self.key}" + ("" if self.value is None else f"={self.value}")


@dataclass
class CommandLine:
    """A command line taken apart: Hydra's options, the root config, the overrides, what is wrong so far."""

    options: list[str] = field(default_factory=list)
    config_name: str | None = None
    config_dir: Path | None = None  # searched besides conf/
    config_path: Path | None = None  # takes the place of conf/, the project's and rlkit's own
    classes: dict[str, str] = field(default_factory=dict)  # module:Class, typed as the task or the train file
    overrides: list[Override] = field(default_factory=list)
    misspelt: list[Override] = field(default_factory=list)  # settings that were not written as name=value
    problems: list[str] = field(default_factory=list)

    @property
    def sweep(self) -> bool:
        """Whether one command starts several jobs."""
        modes = [o.value.upper() for o in self.overrides if o.key == "hydra.mode" and o.value]
        return "--multirun" in self.options or "MULTIRUN" in modes

    def argv(self) -> list[str]:
        """The words for Hydra: options first, because Hydra takes its overrides in one piece."""
        config = [] if self.config_name is None else [f"--config-name={self.config_name}"]
        return self.options + config + [override.text() for override in self.overrides]

    def files(self) -> list[str]:
        """The options, as they may be typed again, that say which files are composed."""
        given = {"path": self.config_path, "dir": self.config_dir, "name": self.config_name}
        return [f"--config-{option}={value}" for option, value in given.items() if value is not None]

    def last(self, *names: str) -> str | None:
        """What was typed last for a setting or a group, by its full names; None where nothing was."""
        given = [o.value or "" for o in self.overrides if o.key in names]
        return given[-1] if given else None

    def each(self, *names: str) -> list[str] | None:
        """The same, of a sweep every value of it."""
        given = self.last(*names)
        return None if given is None else values.split(given) if self.sweep else [given]


def parse(argv: Sequence[str]) -> CommandLine:
    """Take a command line apart; mistakes are collected in `problems`."""
    line = CommandLine()
    unusable = {word: values.unusable(word) for word in argv}
    line.problems += [f"{types.echo(word)}: {why}" for word, why in unusable.items() if why is not None]
    words = [word for word in argv if unusable[word] is None]
    while words:
        _take(line, words.pop(0), words)
    line.problems += _clashes(line.options)
    return line


def conf_of(line: CommandLine, conf_dir: Path | None = None, places: Sequence[Path] = ()) -> Conf:
    """The folders of files that a command line speaks of; conf_dir, places: instead of those that are looked for.

    Raises ConfigError where there is none.
    """
    folders = [] if line.config_dir is None else [line.config_dir]
    only = line.config_path or conf_dir
    folders += list(places) or (list(conf_folders()) if only is None else [only])
    conf = Conf(*folders, typed=line.classes, packages=True)
    for group in keys.GROUPS:
        for option in line.each(group) or []:
            # Looks for it in installed packages where it is in none of these folders
            conf.is_sound(group, option)
    return conf


def _take(line: CommandLine, word: str, rest: list[str]) -> None:
    """Take up one word, with those of the `rest` that belong to it."""
    name, equals, value = word.partition("=")
    option = _LONG.get(name, name)
    if option in ("--local-rank", "--local_rank"):  # launchers add it; the environment says it too
        del rest[: not equals]
    elif option in _WITH_VALUE:
        if equals or rest:
            _value_option(line, option, value if equals else rest.pop(0))
        else:
            line.problems.append(f"{name} needs a value, for example {name} test_render")
    elif option in _FLAGS and not equals:
        line.options.append(option)
    elif option == "--info":  # its word is optional, and Hydra would take an override for it
        given = rest.pop(0) if not equals and rest and rest[0] in _INFO else value
        line.options.append(f"--info={given or 'all'}")
    elif word.startswith("-") and not _is_number(word):
        _dashed(line, word, rest)
    else:
        _override(line, word, rest)


def _clashes(options: Sequence[str]) -> list[str]:
    """Options of Hydra that exclude one another, or need another."""
    modes = [o.partition("=")[0] for o in options if o in ("--run", "--multirun") or o.startswith(_SHOWS)]
    if len(set(modes)) > 1:
        return [f"{' and '.join(dict.fromkeys(modes))}: one of them at a time"]
    if "--resolve" in options and "--cfg" not in modes:
        return ["--resolve: goes with --cfg job"]
    return []


def _value_option(line: CommandLine, option: str, value: str) -> None:
    if option == "--config-name":
        _root_config(line, value)
    elif option == "--experimental-rerun":
        line.problems.append(
            "--experimental-rerun: reads a pickle, which may run anything; go on from a run with checkpoint=latest"
        )
    elif option == "--cfg" and value not in _CFG:
        line.problems.append(f"--cfg {types.echo(value)}: shows {', '.join(_CFG)}; write --cfg job")
    elif option in ("--config-dir", "--config-path"):
        _folder(line, option, value)
    else:
        line.options.append(f"{option}={value}")


def _folder(line: CommandLine, option: str, value: str) -> None:
    folder = Path(os.path.abspath(os.path.expanduser(value)))  # noqa: PTH100, PTH111
    if not os.path.isdir(folder):  # noqa: PTH112  (False for a name that is too long, where Path.is_dir raises)
        line.problems.append(f"{option}={types.echo(value)}: there is no such folder")
    elif option == "--config-path":
        line.config_path = folder.resolve()
    else:
        line.config_dir = folder.resolve()
        line.options.append(f"{option}={line.config_dir}")


def _root_config(line: CommandLine, name: str) -> None:
    name = name[: -len(".yaml")] if name.endswith(".yaml") else name
    if line.config_name not in (None, name):
        both = f"{types.echo(str(line.config_name))} and {types.echo(name)}"
        line.problems.append(f"two root configurations, {both}: keep one")
    if "," in name:
        line.problems.append(
            f"config={types.echo(name)}: one root configuration at a time; sweep over settings instead"
        )
        return
    line.config_name = name


def _dashed(line: CommandLine, word: str, rest: list[str]) -> None:
    """Take up `--num_envs 64`, with its value."""
    key, equals, value = word.lstrip("-").partition("=")
    if not equals and rest and "=" not in rest[0] and not rest[0].startswith("-"):
        value = rest.pop(0)
    if not key:
        line.problems.append(f"{types.echo(word)}: settings are written name=value")
        return
    complaint = f"{types.echo(word)}: settings have no dashes"
    _misspelt(line, complaint, key.replace("-", "_"), value)


def _misspelt(line: CommandLine, complaint: str, key: str, value: str) -> None:
    typed = types.echo(f"{key}={value}")
    line.misspelt.append(Override(typed, "", _ALIASES.get(key, key), value, complaint))


def _override(line: CommandLine, word: str, rest: list[str]) -> None:
    match = _OVERRIDE.match(word)
    assert match is not None  # the pattern takes any text
    prefix, key, value = match.group(1) or "", match.group(2), match.group(3)
    if key == "help" and value is None:
        line.options.append("--help")
        return
    if key == "defaults" and value is not None:
        _defaults_list(line, word, value)
        return
    if key == "config" and value is not None and prefix != "~":
        _root_config(line, value)
        return
    if key in ("task", "train") and modules.is_name(value):
        line.classes[key] = str(value)
        value = line.classes[key].rpartition(":")[2]
    if (not key.strip() or value is None or value == "") and _spaced(line, key, value, rest):
        return
    line.overrides.append(Override(types.echo(word), prefix, _ALIASES.get(key, key), value))


def _spaced(line: CommandLine, key: str, value: str | None, rest: list[str]) -> bool:
    """Take up `seed = 5`, `seed 5`, `seed= 5`, `seed =5` and `seed: 5`, with the words that belong to it."""

    def is_value(word: str) -> bool:
        return "=" not in word and not word.startswith("-") and "." not in word.rstrip("0123456789")

    key = key.strip()
    colon = re.match(r"([\w.]+):\s*(.*)$", key, re.DOTALL) if value is None else None
    if colon is not None and (colon[2] or (rest and is_value(rest[0]))):
        text = colon[2] or rest.pop(0)
        _misspelt(line, f"'{types.echo(f'{colon[1]}: {text}')}' is written as in YAML", colon[1], text)
        return True
    if value is None and rest and rest[0].startswith("="):
        joined = rest.pop(0)[1:] or (rest.pop(0) if rest and "=" not in rest[0] else "<value>")
    elif rest and is_value(rest[0]) and (value == "" or not key[:1].isdigit()):
        joined = rest.pop(0)
    elif not key:
        text = types.echo("=" if value is None else "=" + value)
        line.problems.append(f"{text}: a setting's name is missing in front of '='")
        return True
    else:
        return False
    _misspelt(line, f"'{types.echo(f'{key} {joined}')}' has spaces", key, joined)
    return True


def _defaults_list(line: CommandLine, word: str, value: str) -> None:
    """`+defaults=[config,/physics/fast]` -> root config `config` and `physics=fast`.

    Plain Hydra takes this word, adds a key called `defaults` and changes nothing.
    """
    inner = value.strip()
    inner = inner[1:-1] if inner.startswith("[") and inner.endswith("]") else inner
    for item in (part.strip().strip("'\"") for part in inner.split(",")):
        entry = re.sub(r"^override\s+", "", item)
        match = re.match(r"/?([\w-]+)\s*(?:/|:\s*)([\w-]+)$", entry)
        if match:
            line.overrides.append(Override(types.echo(word), "", match.group(1), match.group(2)))
        elif re.match(r"[\w-]+$", entry):
            if entry != "_self_":
                _root_config(line, entry)
        else:
            line.problems.append(
                f"{types.echo(word)}: cannot read {types.echo(item)!r}; write a root configuration and options, "
                "as +defaults=[config,/physics/fast]"
            )


def _is_number(word: str) -> bool:
    return re.match(r"-\d", word) is not None


_ALIASES = {spelling: full for alias, full in keys.ALIASES.items() for spelling in spellings(alias)}
