"""Words of the command line -> options for Hydra and overrides with their full names.

Text only: no file is read here. Aliases are renamed in front of Hydra, so sweeps, launchers, `--cfg` and
completion see canonical names alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from rlkit.config import keys, types, values

_VALUE_OPTIONS = {
    "-cn": "--config-name",
    "--config-name": "--config-name",
    "-cp": "--config-path",
    "--config-path": "--config-path",
    "-cd": "--config-dir",
    "--config-dir": "--config-dir",
    "-c": "--cfg",
    "--cfg": "--cfg",
    "-p": "--package",
    "--package": "--package",
    "--experimental-rerun": "--experimental-rerun",
}
_CFG = ("job", "hydra", "all")
_FLAGS = {
    "-h": "--help",
    "--help": "--help",
    "--hydra-help": "--hydra-help",
    "--version": "--version",
    "--resolve": "--resolve",
    "-r": "--run",
    "--run": "--run",
    "-m": "--multirun",
    "--multirun": "--multirun",
    "-sc": "--shell-completion",
    "--shell-completion": "--shell-completion",
}
_SHOWS = ("--cfg", "--info")
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_OVERRIDE = re.compile(r"(\+\+|\+|~)?([^=]*)(?:=(.*))?$", re.DOTALL)


@dataclass
class Override:
    """One `key=value` of the command line; `value` is None where there was no `=`."""

    typed: str  # shortened, for messages
    prefix: str
    key: str
    value: Optional[str]
    complaint: str = ""  # what is wrong with how it is written; then it is never run

    def text(self) -> str:
        """The override as Hydra reads it."""
        return f"{self.prefix}{self.key}" + ("" if self.value is None else f"={self.value}")


@dataclass
class CommandLine:
    """A command line taken apart: Hydra's options, the root config, the overrides, what is wrong so far."""

    options: List[str] = field(default_factory=list)
    config_name: Optional[str] = None
    config_dir: Optional[Path] = None  # searched besides conf/
    config_path: Optional[Path] = None  # takes the place of conf/
    overrides: List[Override] = field(default_factory=list)
    misspelt: List[Override] = field(default_factory=list)  # settings that were not written as name=value
    problems: List[str] = field(default_factory=list)

    @property
    def sweep(self) -> bool:
        """Whether one command starts several jobs."""
        modes = [o.value.upper() for o in self.overrides if o.key == "hydra.mode" and o.value]
        return "--multirun" in self.options or "MULTIRUN" in modes

    def argv(self) -> List[str]:
        """The words for Hydra: options first, because Hydra takes its overrides in one piece."""
        config = [] if self.config_name is None else [f"--config-name={self.config_name}"]
        return self.options + config + [override.text() for override in self.overrides]


def parse(argv: Sequence[str]) -> CommandLine:
    """Take a command line apart; mistakes are collected in `problems`."""
    line = CommandLine()
    words: List[str] = []
    for word in argv:
        unusable = values.unusable(word)
        if unusable is None:
            words.append(word)
        else:
            line.problems.append(f"{types.echo(word)}: {unusable}")
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in ("--local-rank", "--local_rank"):  # launchers add it; the environment says it too
            if not equals and words:
                words.pop(0)
        elif name in _VALUE_OPTIONS:
            if not equals and not words:
                line.problems.append(f"{name} needs a value, for example {name} test_render")
                continue
            _value_option(line, _VALUE_OPTIONS[name], value if equals else words.pop(0))
        elif word in _FLAGS:
            line.options.append(_FLAGS[word])
        elif name in ("-i", "--info"):  # its word is optional, and Hydra would take an override for it
            given = words.pop(0) if not equals and words and words[0] in _INFO else value
            line.options.append(f"--info={given or 'all'}")
        elif word.startswith("-") and not _is_number(word):
            _dashed(line, word, words)
        else:
            _override(line, word, words)
    line.problems += _clashes(line.options)
    return line


def _clashes(options: Sequence[str]) -> List[str]:
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
        return
    if option == "--experimental-rerun":
        line.problems.append(
            "--experimental-rerun: reads a pickle, which may run anything; go on from a run with checkpoint=latest"
        )
        return
    if option == "--cfg" and value not in _CFG:
        line.problems.append(f"--cfg {types.echo(value)}: shows {', '.join(_CFG)}; write --cfg job")
        return
    if option in ("--config-dir", "--config-path"):
        folder = Path(os.path.abspath(os.path.expanduser(value)))  # noqa: PTH100, PTH111
        if not folder.is_dir():
            line.problems.append(f"{option}={types.echo(value)}: there is no such folder")
            return
        folder = folder.resolve()
        if option == "--config-path":
            line.config_path = folder
            return
        line.config_dir = folder
        value = str(folder)
    line.options.append(f"{option}={value}")


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


def _dashed(line: CommandLine, word: str, rest: List[str]) -> None:
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


def _override(line: CommandLine, word: str, rest: List[str]) -> None:
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
    if (not key.strip() or value is None or value == "") and _spaced(line, key, value, rest):
        return
    line.overrides.append(Override(types.echo(word), prefix, _ALIASES.get(key, key), value))


def _spaced(line: CommandLine, key: str, value: Optional[str], rest: List[str]) -> bool:
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


def snake(name: str) -> str:
    """numEnvs -> num_envs."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m.group(1).lower(), name)


def camel(name: str) -> str:
    """num_envs -> numEnvs."""
    return re.sub(r"(?<=[A-Za-z0-9])_([a-z])", lambda m: m.group(1).upper(), name)


def spellings(name: str) -> Tuple[str, ...]:
    """The spellings that are accepted for a name: as written, snake_case and camelCase."""
    return (name, snake(name), camel(name))


_ALIASES = {spelling: full for alias, full in keys.ALIASES.items() for spelling in spellings(alias)}
