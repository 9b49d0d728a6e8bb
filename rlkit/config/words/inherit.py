"""A run's own settings as the base of a later test or resume of it.

`test=true checkpoint=<run>` must not need `task=`, `train.units=` or the root configuration that the run was made with:
the values in its config.yaml are the base, and what is typed now stands above them. The run may be somebody else's:
values are all that is taken from it, of settings that there are and of their types, and never a word of a command line.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from rlkit import yaml_text
from rlkit.config.facts import code, support
from rlkit.config.files.conf import Conf
from rlkit.config.files.environment import as_text, names_in
from rlkit.config.schema import keys, types
from rlkit.config.schema.keys import STEPS
from rlkit.config.schema.learner_keys import is_learner
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.tree import at
from rlkit.config.words import values
from rlkit.config.words.command_line import CommandLine
from rlkit.errors import ConfigError, raise_for
from rlkit.learners.facts import LEARNERS
from rlkit.untrusted import printable, read_plain

Asked = Tuple[str, Optional[str]]
"""A checkpoint and the task beside it, as they are asked for."""

# What a resume decides anew, and what a test does besides.
_NOT_RESUMED = (
    "training.checkpoint",
    "training.test",
    "training.resume",
    "training.initFrom",
    "logging.experimentName",
    "logging.trackerUrl",  # the run may be somebody else's, and so may the server
)
_NOT_TESTED = ("env.", "sim.numThreads", "training.", "testing.", "logging.", "experiment.")
# What the task is, though it stands in `env`.
_WHICH_ENV = ("env.id", "env.ids")
_GYMNASIUM = (*_WHICH_ENV, "env.kwargs")
_KEPT = "training.seed"  # of what was asked as `auto` or drawn: a resume goes on with it
_COMPOSED = (("choices", dict, "a section"), ("overrides", list, "a list"), ("asked", dict, "a section"))
_OPTION = re.compile(r"[\w.-]+")
_ESCAPED = re.compile(r"\\([\\()\[\]{}:=, \t])")
# The same in iterations and in env-steps: the one that is typed now takes the place of the other.
_SIBLING = {
    f"training.{one}": f"training.{other}" for pair in STEPS.items() for one, other in (pair, pair[::-1])
}


@dataclass(frozen=True)
class Base:
    """What a test or a resume starts from: the settings of a run, or the task alone of a file that lies in none.

    sections: plain values, `auto` where that was asked; became: what `auto` became. choices: of the groups.
    words: what was typed for it, to be shown. foreign: names in the file that are no settings here. environment:
    names of settings that come from environment variables.
    """

    source: str
    choices: Mapping[str, str]
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    became: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    config_name: str = "config"
    foreign: tuple[str, ...] = ()
    environment: frozenset[str] = frozenset()

    @property
    def learner(self) -> str | None:
        """The learner of the run, None where only the task is known."""
        return self.sections["train"]["learner"] if self.sections else None

    def folder_of(self, task: Mapping[str, Any]) -> Path | None:
        """The run's folder where a `task` section goes by the same skills, of which that may hold a copy; else None."""
        same = bool(self.sections) and self.sections["task"].get("skills") == task.get("skills")
        return Path(self.source).absolute().parent if same else None

    def inherited(self, *, test: bool) -> Iterator[tuple[str, Any]]:
        """(section.key, value) of all that a test or a resume takes over."""
        for section, content in self.sections.items():
            for key, value in content.items():
                name = f"{section}.{key}"
                if name in _GYMNASIUM or not _is_anew(name, test):
                    yield name, self.became.get(name, value) if name == _KEPT else value


class Composed(NamedTuple):
    """What a config.yaml says of how its settings came about: `asked` are those that were resolved, by full name."""

    config: str
    choices: dict[str, str]
    overrides: tuple[str, ...]
    asked: dict[str, Any]
    environment: frozenset[str]


def _is_anew(name: str, test: bool) -> bool:
    """Whether a resume, or a test, decides this setting anew."""
    return name in _NOT_RESUMED or (test and name.startswith(_NOT_TESTED))


# --- what is asked for ------------------------------------------------------------------------------------


def asked_checkpoints(line: CommandLine, conf: Conf) -> list[Asked]:
    """Every checkpoint that a command line asks for, or the root configuration that it names; several in a sweep."""
    given = line.each("training.checkpoint", "train.checkpoint")
    if given is None:
        said = conf.said(line.config_name or "config", "training.checkpoint")
        checkpoints = [None if said is None else str(said)]
    else:
        checkpoints = [_unquoted(part) for part in given]
    tasks = line.each("task") or [None]
    return [(checkpoint, task) for checkpoint in checkpoints if checkpoint for task in tasks]


def asks_for_test(line: CommandLine, conf: Conf) -> bool:
    """Whether this command line, or the root configuration that it names, asks for a test."""
    given = line.last("training.test", "train.test")
    if given is None:
        return conf.said(line.config_name or "config", "training.test") is True
    return given.lower() == "true"


def asked_by(words: Sequence[str], conf: Conf, root: str) -> Asked | None:
    """The one of `asked_checkpoints` that the words of one job, in full names, mean; None where they mean none."""
    typed = {key: value for key, _, value in (word.lstrip("+").partition("=") for word in words)}
    given = typed.get("training.checkpoint")
    if given is not None and given[:1] not in ("'", '"'):
        given = _ESCAPED.sub(r"\1", given)  # as Hydra writes the words of a sweep's job
    checkpoint = _unquoted(given) if given is not None else conf.said(root, "training.checkpoint")
    return None if checkpoint is None else (str(checkpoint), typed.get("task"))


def _unquoted(value: str) -> str | None:
    """The text that Hydra will make of a path, None of null and of nothing."""
    parsed = values.parse(value)
    if parsed is None or parsed == "":
        return None
    value = parsed if isinstance(parsed, str) else value
    # Unlike Path.expanduser this leaves `~nobody` as it is.
    return os.path.expanduser(value)  # noqa: PTH111


# --- what a run's file says -------------------------------------------------------------------------------


def read_base(config_yaml: Path) -> Base:
    """The settings in a run's config.yaml; raises ConfigError where it cannot be read or a value is of a wrong type."""
    content = read_settings(config_yaml)
    require_learner(config_yaml, content)
    composed = read_composed(str(config_yaml), content)
    return _checked(str(config_yaml), content, composed, Schema([content["train"]["learner"]], {}))


def require_learner(config_yaml: Path, content: Any) -> None:
    """Raise ConfigError where the settings of a run are those of a learner that is not here: nothing knows them."""
    train = content.get("train") if isinstance(content, dict) else None
    name = train.get("learner") if isinstance(train, dict) else None
    if isinstance(name, str) and name not in LEARNERS:
        known = code.beside(config_yaml)
        problems = code.missing({"train": train}, known) if ":" in name or "learner" in known else []
        raise_for(problems)


def read_composed(source: str, content: Any) -> Composed:
    """The section `composed` of what a config.yaml holds, which has a known learner then.

    source: what messages call it. Raises ConfigError where rlkit cannot have written it.
    """
    found = content if isinstance(content, dict) else {}
    composed, train = found.get("composed"), found.get("train")
    learner = train.get("learner") if isinstance(train, dict) else None
    if not isinstance(composed, dict) or not isinstance(learner, str) or not is_learner(learner):
        raise ConfigError(f"{source} is no config.yaml that rlkit wrote: it lacks `composed` or a learner")
    wrong = [
        f"{source} is no config.yaml that rlkit wrote: composed.{key} must be {what}"
        for key, kind, what in _COMPOSED
        if not isinstance(composed.get(key, kind()), kind)
    ]
    raise_for(wrong)
    config, choices = composed.get("config", "config"), composed.get("choices", {})
    wrong = [
        f"{source}: {group}={types.show(option)} is no name of a file"
        for group, option in [("config", config), *choices.items()]
        if not isinstance(option, str)
        or (group in ("config", *keys.GROUPS) and not _OPTION.fullmatch(option))
    ]
    raise_for(wrong)
    words, asked = composed.get("overrides", []), composed.get("asked", {})
    return Composed(config, choices, tuple(map(str, words)), asked, names_in(composed))


def read_settings(config_yaml: Path) -> Any:
    """The plain values in a run's config.yaml; raises ConfigError where it cannot be read or is no plain text."""
    try:
        text = read_plain(config_yaml)[0].decode("utf-8")
        content = yaml_text.load(text)
        if "\\" in text and any(printable(part) != part for part in _texts(content)):
            raise ValueError("it holds control characters")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        line = f"line {error.line}: " if isinstance(error, yaml_text.YamlError) else ""
        raise ConfigError(
            f"{config_yaml}, the settings of the run, cannot be read: {line}{reason}"
        ) from error
    return content


def _checked(source: str, content: Mapping[str, Any], composed: Composed, schema: Schema) -> Base:
    """The Base of what was read; raises ConfigError with every value that is of a wrong type.

    Settings of a user's own task may have names that rlkit's tasks use for something else: their types are not known.
    """
    problems = [
        f"{source}: {name} must be a section" for name in keys.SECTIONS if not _is_section(content, name)
    ]
    raise_for(problems)
    foreign = [name for name in content if name not in (*keys.SECTIONS, "composed")]
    environment = composed.environment
    sections: dict[str, dict[str, Any]] = {name: {} for name in keys.SECTIONS}
    became: dict[str, Any] = {}
    for section in keys.SECTIONS:
        for key, value in content[section].items():
            name = f"{section}.{key}"
            if not _is_setting(name, value, schema):
                foreign.append(name)
                continue
            became[name] = value
            sections[section][str(key)] = composed.asked.get(name, value)
            if (
                section == "task"
                and key not in keys.EVERY_TASK
                and not support.is_ours(str(content["task"].get("name")))
            ):
                continue
            if any(f"{place}.".startswith(f"{name}.") for place in environment):
                continue  # its type is that of the value, which is checked when it is known
            for item in (value, sections[section][str(key)]):
                problems += _wrong_types(source, name, item, schema)
    name = sections["task"].get("name")
    if not isinstance(name, str) or not name.isidentifier():
        problems.append(f"{source}: task.name must be a task's name, got {types.show(name)}")
    raise_for(problems)
    return Base(
        source,
        {"task": str(name), **{g: option for g, option in composed.choices.items() if g in keys.GROUPS}},
        sections,
        became,
        composed.overrides,
        composed.config,
        tuple(map(str, foreign)),
        environment,
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested plain values, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _is_section(content: Mapping[str, Any], name: str) -> bool:
    section = content.get(name)
    return isinstance(section, dict) and all(isinstance(key, str) for key in section)


def _is_setting(name: str, value: Any, schema: Schema) -> bool:
    """Whether there is such a setting; of `task`, what its class reads is not known here."""
    if name.startswith("task."):
        return True
    return schema.key(name) is not None or (isinstance(value, dict) and schema.is_free(name))


def _wrong_types(source: str, name: str, value: Any, schema: Schema) -> Iterator[str]:
    key = schema.key(name)
    problem = None if key is None else types.problem(key.type, value)
    if problem is not None:
        yield f"{source}: {name} {problem}"
    elif isinstance(value, dict):
        for inner, item in value.items():
            yield from _wrong_types(source, f"{name}.{inner}", item, schema)


# --- on top of it -----------------------------------------------------------------------------------------


def group_words(base: Base, words: Sequence[str], conf: Conf) -> list[str]:
    """The words that choose the run's own files, as far as they are still there, for settings that it has not yet."""
    typed = {word.partition("=")[0] for word in words} - {"task"}  # which can only be the run's own
    found = {group: option for group, option in base.choices.items() if conf.is_sound(group, option)}
    if base.learner is not None and "train" not in found:
        same = [option for option in conf.sound_options("train") if conf.learner(option) == base.learner]
        found.update({"train": same[0]} if same else {})
    return [f"{group}={option}" for group, option in found.items() if group not in typed]


def lay(raw: dict[str, Any], base: Base, words: Sequence[str], conf: Conf, root: str) -> list[str]:
    """Put the run's values into a composed configuration, in place, under all that was typed; the names typed.

    raw: plain, its interpolations not yet resolved. words: what was typed, in full names.
    """
    whole, names = _typed(words, conf, root)
    above = {name: at(raw, name.split(".")) for name in names}
    if base.sections and base.choices["task"] not in conf.options("task"):
        raw["task"] = {}  # its file is gone: what was composed is another task
    if base.sections and "train" not in whole and raw["train"].get("learner") != base.learner:
        raw["train"] = {}  # and another learner
    for name, value in base.inherited(test=bool(raw["training"]["test"])):
        section, _, key = name.partition(".")
        replaced = section in whole or (name in _WHICH_ENV and not above.keys().isdisjoint(_WHICH_ENV))
        if not replaced and _SIBLING.get(name) not in above:
            raw[section][key] = as_text(value, base.environment, name)
    for name, value in above.items():
        _set(raw, name, value)
    return list(above)


def shown_words(base: Base, words: Sequence[str], *, test: bool) -> tuple[str, ...]:
    """What was asked for, then and now: for the record alone."""
    now = [word.lstrip("+") for word in words]
    typed = {word.partition("=")[0] for word in now}

    def kept(word: str) -> bool:
        key = word.lstrip("+~").partition("=")[0]
        known = key.startswith(_GYMNASIUM) or not (key.startswith("hydra") or _is_anew(key, test))
        return key not in typed and known and re.match(r"[+~]*\w", word) is not None

    return (*filter(kept, base.words), *now)


def _typed(words: Sequence[str], conf: Conf, root: str) -> tuple[list[str], list[str]]:
    """The sections that typed groups give as a whole, and the full names of all that words, groups and the root set."""
    whole: list[str] = []
    names = [] if root == "config" else list(conf.sets(root, without=("config",)))
    for word in words:
        key, _, value = word.lstrip("+").partition("=")
        if key == "task":  # which can only be the run's own
            continue
        if key in keys.GROUPS:
            names += conf.sets(f"{key}/{value}")
            whole += [key] if key in ("env", "train") else []
        elif not key.startswith("hydra"):
            names.append(key)
    return whole, names


def _set(tree: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for key in path:
        tree = tree.setdefault(key, {})
    tree[last] = value
