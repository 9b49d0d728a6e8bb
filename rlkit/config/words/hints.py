"""What is said beside a mistake: the setting or the option that was probably meant.

What is suggested passes the preflight's own checks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rlkit.config.files.conf import Conf
from rlkit.config.schema import keys, types
from rlkit.config.schema.schema import Schema
from rlkit.config.words import foreign, values
from rlkit.errors import shown
from rlkit.learners.facts import LEARNERS
from rlkit.nearest import nearest, or_one_of
from rlkit.plugins.modules import as_name, project_with

_LEARNER_FILES = {word: row.label for name, row in LEARNERS.items() for word in (name, row.label.lower())}
_LEARNER_FILES.update(td3="TD3", sac="SAC")
_PAGES = {"task": "tasks.md", "train": "learners.md"}
_CHOICES = (*keys.GROUPS, "config")


class Known(NamedTuple):
    """What a word is looked up in; sweep: whether a value may be several."""

    schema: Schema
    conf: Conf
    sweep: bool = False


def bare(key: str, known: Known) -> str:
    """What is wrong with a word without `=`."""
    option = chosen_by_path(key, known.conf) or _chosen_by_name(key, known.conf)
    if option is not None:
        return f"{key}: to choose an option write {option}"
    if key in keys.GROUPS:
        return f"{key}: a value is missing: write {key}=<option>; {options_are(key, known.conf)}"
    name = known.schema.canonical(key)
    if name is not None:
        kind = _placeholder(known.schema, name)
        return f"{key}: a value is missing: write {key}=<{kind}>, without spaces around '='"
    shown = types.echo(key)
    return f"{shown}: settings are written name=value, without spaces{instead(key, '', known)}"


def chosen_by_path(key: str, conf: Conf) -> str | None:
    """What `task/Reach` or `task.Reach` should have been, None where it is something else."""
    group, _, option = key.replace("/", ".").partition(".")
    return f"{group}={option}" if group in keys.GROUPS and option in conf.options(group) else None


def _chosen_by_name(key: str, conf: Conf) -> str | None:
    """The same of an option alone, as `Reach`, that one group has."""
    having = [group for group in keys.GROUPS if key in conf.options(group)]
    return f"{having[0]}={key}" if len(having) == 1 else None


def options_are(group: str, conf: Conf) -> str:
    """The options of a group, those that can be read."""
    return f"options are {', '.join(conf.sound_options(group))}"


def option_instead(group: str, option: str, conf: Conf) -> str:
    """What to write in the place of an option that there is not."""
    listed = options_are(group, conf)
    if group in conf.typed:
        path, page = shown(conf.folders[0] / group / f"{option}.yaml"), _PAGES[group]
        return f"its settings are missing: write {path}, as docs/{page} shows ({listed})"
    project = project_with(f"conf/{group}/{option}.yaml") if option.isidentifier() else None
    if project is not None:
        return f"it is one of the project in {project.folder}: {project.start}"
    name = as_name(option)
    if name is not None and group in ("task", "sim"):
        return f"a class is written behind a colon: write {group}={types.echo(name)} ({listed})"
    if group == "task" and re.search(r"[:/\\]|\.(?!yaml$)", option):
        return (
            "a task is known by its name, or by its class, as task=my_project.my_task:MyTask: write"
            " conf/task/<Name>.yaml and the class, as docs/tasks.md shows; a Gymnasium environment of your own is"
            f" task=Gym env.id=<module>:<Name>-v0 ({listed})"
        )
    if group == "train" and option.lower() in _LEARNER_FILES:
        return f"write train={_LEARNER_FILES[option.lower()]} ({listed})"
    near = nearest(option, conf.names(group))
    if near:
        return f"did you mean {group}={near[0]}? ({listed})"
    if group == "env":
        return f"for a Gymnasium environment write task=Gym env.id={types.echo(option)}"
    others = [other for other in keys.GROUPS if option in conf.options(other)]
    if others:
        return f"{option} is an option of {others[0]}: write {others[0]}={option}"
    return f"several values need a sweep: add -m ({listed})" if "," in option else listed


def instead(key: str, value: str, known: Known) -> str:
    """`; did you mean …?` of a setting that there is not, empty where nothing is near.

    Where none of the near ones takes the value, the type stands in its place.
    """
    word = foreign.meaning(key)
    here = [] if word is None else [name for name in word.ours.split() if _exists(name, known.schema)]
    if word is not None and here:
        same = foreign.plain(here[0]) == foreign.plain(key)  # its own name, without the section
        return f"; did you mean {_suggestion(here[0], word.value(value), known, short=not same)}?"
    if word is not None and word.says:
        return f"; {word.says}"
    near = [name for name in known.schema.suggest(key) if not name.endswith("*")]
    fitting = [name for name in near if _takes(name, value, known)] or near[:1]
    found = [_suggestion(name, value, known) for name in fitting]
    return or_one_of(found)


def _exists(name: str, schema: Schema) -> bool:
    return name in _CHOICES or schema.canonical(name) is not None


def _takes(name: str, value: str, known: Known) -> bool:
    """Whether `name=value` is right, name being a setting, a group or `config`."""
    if name in _CHOICES:
        return known.conf.option("" if name == "config" else name, value) is not None
    parsed, spec = values.parse(value), str(known.schema.type_of(name))
    if value == "" or parsed is values.UNREAD:
        return False
    if types.is_text(spec) and not isinstance(parsed, str):
        parsed = value if parsed is not None else None  # free text, as it is quoted for Hydra
    return types.problem(spec, parsed) is None


def _suggestion(name: str, value: str, known: Known, short: bool = False) -> str:
    shown = {full: alias for alias, full in keys.ALIASES.items()}.get(name, name) if short else name
    number = values.parse(value)
    whole = str(int(number)) if isinstance(number, float) and number.is_integer() else value  # 1e6
    for text in (value, whole):
        if _takes(name, text, known):
            return f"{shown}={types.echo(text)}"
    if name == "train" and value.lower() in _LEARNER_FILES:
        return f"train={_LEARNER_FILES[value.lower()]}"
    if name in _CHOICES:
        return f"{name}=<{'|'.join(known.conf.sound_options('' if name == 'config' else name))}>"
    return f"{shown}=<{_placeholder(known.schema, name)}>"


def _placeholder(schema: Schema, name: str) -> str:
    kind = schema.type_of(name)
    return "value" if kind == "any" else str(kind)
