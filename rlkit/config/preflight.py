"""What can be known to be wrong before Hydra is imported: names, options, values of single settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from rlkit.config import command_line, files, keys, types, values
from rlkit.config.command_line import CommandLine, Override
from rlkit.config.conf import Conf, find_conf, flatten
from rlkit.config.errors import ConfigError
from rlkit.config.inherit import Asked, Base
from rlkit.config.schema import Schema


@dataclass(frozen=True)
class Request:
    """A command line that passed the preflight, in full names, and what it was checked against."""

    argv: Tuple[str, ...]  # the words for Hydra: options, then overrides
    overrides: Tuple[str, ...]
    config_name: str
    conf: Conf
    schema: Schema
    options: Tuple[str, ...]
    sweep: bool
    bases: Mapping[Asked, Base] = field(default_factory=dict)


def read_request(
    argv: Sequence[str], conf_dir: Optional[Path] = None, bases: Optional[Mapping[Asked, Base]] = None
) -> Request:
    """Rewrite and check a command line.

    bases: what each checkpoint that it asks for starts from. Raises ConfigError with every mistake that shows without
    composing.
    """
    bases = bases or {}
    line = command_line.parse(argv)
    problems = list(line.problems)
    folders = [] if line.config_dir is None else [line.config_dir]
    conf = Conf(*folders, line.config_path or conf_dir or find_conf())
    root = _root(line, conf, problems)
    try:
        schema = schema_for(line, conf, root, problems, tuple(bases.values()))
        used = _typed_groups(line, conf) if bases else _used(line, conf, root)
        problems += files.check(conf, root, used, schema)
        for override in line.overrides:
            found = _check(override, schema, conf, line.sweep)
            if found is not None:
                problems.append(found)
            elif (
                bases and override.key.partition(".")[0] in keys.SECTIONS and override.key not in keys.GROUPS
            ):
                override.prefix = "++"  # the run may have settings that the files here have not
    except ConfigError as error:  # a file that this request uses cannot be read
        raise ConfigError(list(dict.fromkeys([*problems, *error.messages]))) from error
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    overrides = tuple(override.text() for override in line.overrides)
    return Request(tuple(line.argv()), overrides, root, conf, schema, tuple(line.options), line.sweep, bases)


def schema_for(
    line: CommandLine, conf: Conf, root: str, problems: List[str], bases: Sequence[Base] = ()
) -> Schema:
    """The schema of the tasks and learners that a command line chooses, or that the runs it starts from have."""
    if bases:
        return _schema_of(bases, line, conf)
    tasks = _choices(line, conf, root, "task")
    trains: List[str] = []
    for train in _choices(line, conf, root, "train"):
        trains += [train.replace("${task}", task) for task in tasks] if "${task}" in train else [train]
    known_tasks = conf.options("task")
    given = {override.key for override in line.overrides}
    if "train" not in given:
        for task in tasks:
            train = next((t for t in trains if t.startswith(task)), None)
            if task in known_tasks and train is not None and train not in conf.options("train"):
                problems.append(
                    f"task={task} has no train file conf/train/{train}.yaml: "
                    f"copy conf/train/BaseTaskPPO.yaml to it, or choose one, as train={_first(conf, 'train')}"
                )
    chosen = [task for task in tasks if task in known_tasks]
    declared: Dict[str, Any] = {}
    own: Set[str] = set()
    for task in chosen or conf.sound_options("task"):
        declared.update(conf.declared(task))
        own |= files.own_settings(conf, task)
    learners = {str(conf.learner(train)) for train in trains if train in conf.options("train")}
    return Schema(sorted(learners & set(keys.LEARNER_KEYS)) or list(keys.LEARNER_KEYS), declared, own)


def _used(line: CommandLine, conf: Conf, root: str) -> Dict[str, List[str]]:
    """The options of each group that the request surely uses: of those that exist."""
    found: Dict[str, List[str]] = {}
    tasks = _sure(line, conf, root, "task")
    by_task = {
        entry.group.rpartition("/")[2]: entry.option
        for task in tasks
        for file in conf.chain(f"task/{task}")
        for entry in file.entries
        if entry.group is not None and entry.override
    }
    for group in ("sim", "physics", "env", "task", "train"):
        given = any(override.key == group for override in line.overrides)
        options = [by_task[group]] if group in by_task and not given else _sure(line, conf, root, group)
        spread = [o.replace("${task}", task) for o in options for task in (tasks if "${task}" in o else [""])]
        found[group] = [option for option in spread if option in conf.options(group)]
    return found


def _sure(line: CommandLine, conf: Conf, root: str, group: str) -> List[str]:
    """As _choices, without what only Hydra can tell."""
    given = [o.value for o in line.overrides if o.key == group and o.value]
    if given and values.parse(given[-1]) is values.UNREAD:
        return []
    options = _choices(line, conf, root, group)
    return [option for option in options if "${" in option or option in conf.options(group)]


def _schema_of(bases: Sequence[Base], line: CommandLine, conf: Conf) -> Schema:
    """The schema of runs: their own settings, and those that their tasks have besides today."""
    trains = _typed_groups(line, conf).get("train", [])
    learners = {conf.learner(train) for train in trains}
    declared: Dict[str, Any] = {}
    own: Set[str] = set()
    for base in bases:
        task = base.choices["task"]
        learners.add(base.learner or conf.learner(base.choices.get("train", f"{task}PPO")))
        declared.update(flatten(base.sections.get("task", {}), "task.", keep_empty=True))
        if task in conf.sound_options("task"):
            declared.update(conf.declared(task))
            own |= files.own_settings(conf, task)
    known = sorted(str(name) for name in learners & set(keys.LEARNER_KEYS))
    return Schema(known or list(keys.LEARNER_KEYS), declared, own)


def _typed_groups(line: CommandLine, conf: Conf) -> Dict[str, List[str]]:
    """The options that were typed, by group: of those that exist."""
    return {
        override.key: [o for o in values.split(override.value or "") if o in conf.options(override.key)]
        for override in line.overrides
        if override.key in keys.GROUPS and override.key != "task"
    }


def _root(line: CommandLine, conf: Conf, problems: List[str]) -> str:
    root = line.config_name or "config"
    if root not in conf.roots():
        roots = conf.sound_roots()
        near = types.nearest(root, roots)
        problems.append(
            f"config={types.echo(root)}: no such root configuration in conf/"
            + (f"; did you mean config={near[0]}? There are " if near else "; there are ")
            + ", ".join(roots)
        )
        return "config"
    return root


def _choices(line: CommandLine, conf: Conf, root: str, group: str) -> List[str]:
    """Every option of a group that the command line may take; all of them where only Hydra can tell."""
    given = [o.value for o in line.overrides if o.key == group and o.value]
    if not given:
        return [conf.chosen(root, group) or _first(conf, group)]
    parts = values.split(given[-1]) if line.sweep else [given[-1]]
    return conf.options(group) if values.parse(given[-1]) is values.UNREAD else parts


def _first(conf: Conf, group: str) -> str:
    return (conf.options(group) or ["<name>"])[0]


def _check(override: Override, schema: Schema, conf: Conf, sweep: bool) -> Optional[str]:
    """Check one override and write its full name into it; return what is wrong."""
    key, value, typed = override.key, override.value, override.typed.lstrip("+")
    if key.startswith(("hydra.", "hydra/")):
        return None
    if key.startswith("/"):
        key = override.key = key[1:]
    if value is None and override.prefix != "~":
        return _bare(key, schema, conf)
    if key in keys.GROUPS:
        return _group(override, conf, sweep)
    name = schema.canonical(key)
    if name is None:
        return _unknown(override, schema, conf)
    if override.prefix == "~":
        return f"{typed}: settings cannot be removed; give another value, as {name}=..."
    if name == "task.name":
        return f"{typed}: the name follows the task's file: write task={value}"
    if name == "task.engine":
        return f"{typed}: what steps a task is for its file to say; choose another task, as task=Gym"
    override.key, override.prefix = name, "++" if schema.is_free(name) else ""
    return _value(override, str(schema.type_of(name)), sweep)


def _group(override: Override, conf: Conf, sweep: bool) -> Optional[str]:
    key, value = override.key, override.value or ""
    if override.prefix == "~":
        return f"{override.typed}: the group {key} cannot be left out; options are {_listed(conf, key)}"
    override.prefix = ""
    if values.parse(value) is values.UNREAD:
        return None
    for option in values.split(value) if sweep else [value]:
        if option in conf.options(key):
            continue
        others = [group for group in keys.GROUPS if option in conf.options(group)]
        near = types.nearest(option, conf.options(key))
        hint = f"options are {_listed(conf, key)}"
        if near:
            hint = f"did you mean {key}={near[0]}? ({hint})"
        elif others:
            hint = f"{option} is an option of {others[0]}: write {others[0]}={option}"
        elif "," in option:
            hint = f"several values need a sweep: add -m ({hint})"
        return f"{key}={option}: there is no conf/{key}/{option}.yaml; {hint}"
    return None


def _bare(key: str, schema: Schema, conf: Conf) -> str:
    """A word without `=`."""
    group, _, option = key.replace("/", ".").partition(".")
    if group in keys.GROUPS and option in conf.options(group):
        return f"{key}: to choose an option write {group}={option}"
    if key in keys.GROUPS:
        return f"{key}: a value is missing: write {key}=<option>; options are {_listed(conf, key)}"
    name = schema.canonical(key)
    if name is not None:
        return f"{key}: a value is missing: write {key}=<{_placeholder(schema, name)}>, without spaces around '='"
    return f"{key}: settings are written name=value, without spaces{_did_you_mean(key, '<value>', schema)}"


def _placeholder(schema: Schema, name: str) -> str:
    kind = schema.type_of(name)
    return "value" if kind == "any" else str(kind)


def _unknown(override: Override, schema: Schema, conf: Conf) -> Optional[str]:
    key, value = override.key, override.value or ""
    group, _, option = key.replace("/", ".").partition(".")
    if group in keys.GROUPS and option in conf.options(group):
        return f"{override.typed}: to choose an option write {group}={option}"
    spelt = (key, command_line.camel(key))
    section = next((name for name in spelt if schema.is_section(name) or name in keys.SECTIONS), None)
    if section is not None:
        if value.startswith("{"):
            override.key, override.prefix = section, "++" if schema.is_free(section) else ""
            return None
        inside = [name.replace("*", "<name>") for name in schema.names if name.startswith(section + ".")]
        return f"{override.typed}: {section} is a section; set what is in it, as {inside[0]}=<value>"
    task_hint = ""
    if key.startswith("task."):
        homes = conf.homes(key)
        task_hint = f"; it belongs to task={homes[0]}" if homes else ""
    start = f"{override.typed}: there is no setting {key}"
    if override.prefix.startswith("+"):
        start = f"{override.typed}: would add a setting {key} that nothing reads"
    hint = task_hint or _did_you_mean(key, value or "<value>", schema)
    return start + (hint or "; `python train.py --help` lists every setting")


def _did_you_mean(key: str, value: str, schema: Schema) -> str:
    near = [f"{name}={value}" for name in schema.suggest(key)]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _value(override: Override, spec: str, sweep: bool) -> Optional[str]:
    """Check the value of a known setting; quote free text for Hydra's grammar."""
    text = override.value or ""
    parts = values.split(text) if sweep else [text]
    if not sweep and not types.is_text(spec) and len(values.split(text)) > 1:
        return f"{override.typed}: several values need a sweep: add -m"
    if types.is_text(spec):
        parts = [values.quote(part, "path" in spec) for part in parts]
        override.value = ",".join(parts)
    elif spec == "any":  # text alone is quoted: `2.0` must stay a number
        parts = [values.quote(part, False) if isinstance(values.parse(part), str) else part for part in parts]
        override.value = ",".join(parts)
    for part in parts:
        value = values.parse(part)
        if value is values.UNREAD:
            continue
        found = types.problem(spec, value)
        if found is not None:
            name = "" if override.typed.startswith(override.key) else f"{override.key} "
            return f"{override.typed}: {name}{found}"
    return None


def _listed(conf: Conf, group: str) -> str:
    return ", ".join(conf.sound_options(group))
