"""Which files a command line chooses, and the schema of the settings that they have."""

from __future__ import annotations

from typing import Any, Collection, Mapping, Sequence

from rlkit.config.facts import code
from rlkit.config.files import checks as files
from rlkit.config.files.conf import Conf
from rlkit.config.schema import keys
from rlkit.config.schema.learner_keys import is_learner
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.tree import flatten
from rlkit.config.words import values
from rlkit.config.words.command_line import CommandLine
from rlkit.config.words.inherit import Base
from rlkit.errors import raise_for


def schema_for(line: CommandLine, conf: Conf, root: str, bases: Sequence[Base] = ()) -> Schema:
    """The schema of the tasks and learners that a command line chooses, or that the runs it starts from have."""
    if bases:
        return _schema_of(bases, line, conf)
    tasks = _choices(line, conf, root, "task")
    trains = _for_tasks(_choices(line, conf, root, "train"), tasks)
    known = [task for task in tasks if task in conf.options("task")]
    return _schema(known or conf.sound_options("task"), {conf.learner(train) for train in trains}, conf)


def used(line: CommandLine, conf: Conf, root: str) -> dict[str, list[str]]:
    """The options of each group that the request surely uses: of those that exist."""
    found: dict[str, list[str]] = {}
    tasks = _sure(line, conf, root, "task")
    by_task = {
        entry.group.rpartition("/")[2]: entry.option
        for task in tasks
        for file in conf.chain(f"task/{task}")
        for entry in file.entries
        if entry.group is not None and entry.override
    }
    for group in keys.GROUPS:
        given = line.last(group) is not None
        options = [by_task[group]] if group in by_task and not given else _sure(line, conf, root, group)
        found[group] = existing(conf, group, _for_tasks(options, tasks))
    return found


def typed_groups(line: CommandLine, conf: Conf) -> dict[str, list[str]]:
    """The options that were typed, by group: of those that exist."""
    return {
        override.key: existing(conf, override.key, values.split(override.value or ""))
        for override in line.overrides
        if override.key in keys.GROUPS and override.key != "task"
    }


def existing(conf: Conf, group: str, names: Sequence[str]) -> list[str]:
    """The options that these names mean, where they mean one."""
    return [option for option in (conf.option(group, name) for name in names) if option is not None]


def _for_tasks(options: Sequence[str], tasks: Sequence[str]) -> list[str]:
    """Options with `${task}` in them spread out."""
    return [o.replace("${task}", task) for o in options for task in (tasks if "${task}" in o else [""])]


def _sure(line: CommandLine, conf: Conf, root: str, group: str) -> list[str]:
    """As _choices, without what only Hydra can tell."""
    given = line.last(group)
    if given and values.parse(given) is values.UNREAD:
        return []
    options = _choices(line, conf, root, group)
    return [option for option in options if "${" in option or conf.option(group, option) is not None]


def _choices(line: CommandLine, conf: Conf, root: str, group: str) -> list[str]:
    """Every option of a group that the command line may take; all of them where only Hydra can tell."""
    given = line.last(group)
    if not given:
        return [conf.chosen(root, group) or next(iter(conf.options(group)), "<name>")]
    return conf.options(group) if values.parse(given) is values.UNREAD else line.each(group) or []


def _schema_of(bases: Sequence[Base], line: CommandLine, conf: Conf) -> Schema:
    """The schema of runs: their own settings, and those that their tasks have besides today."""
    learners = {conf.learner(train) for train in typed_groups(line, conf).get("train", [])}
    declared: dict[str, Any] = {}
    for base in bases:
        train = base.choices.get("train", f"{base.choices['task']}PPO")
        learners.add(base.learner or conf.learner(train))
        declared.update(flatten(base.sections.get("task", {}), "task.", keep_empty=True))
    tasks = [base.choices["task"] for base in bases]
    known = [task for task in tasks if task in conf.sound_options("task")]
    return _schema(known, learners, conf, declared)


def _schema(
    tasks: Sequence[str], learners: Collection[str | None], conf: Conf, declared: Mapping[str, Any] = {}
) -> Schema:
    """The schema of tasks and learners that there are; of all learners where none is known."""
    named = {name: value for task in tasks for name, value in conf.declared(task).items()}
    own = {name for task in tasks for name in files.own_settings(conf, task)}
    others = (code.missing({"train": {"learner": name}}, None) for name in learners if name and ":" in name)
    problems = [problem for found in others for problem in found]
    raise_for(problems)
    known = sorted(name for name in learners if name is not None and is_learner(name))
    return Schema(known or list(keys.LEARNER_KEYS), {**declared, **named}, own)
