"""What can be known to be wrong before Hydra is imported: names, options, values of single settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from rlkit.config import command_line, files, foreign, keys, types, values
from rlkit.config.command_line import CommandLine, Override
from rlkit.config.conf import Conf, find_conf, flatten
from rlkit.config.errors import ConfigError
from rlkit.config.inherit import Asked, Base
from rlkit.config.schema import Schema

_NAME = re.compile(r"[A-Za-z_][\w$-]*(\.[A-Za-z0-9_$][\w$-]*)*$", re.ASCII)  # a key of Hydra's grammar
_LEARNER_FILES = {"ppo": "BaseTaskPPO", "fasttd3": "FastTD3", "fast_td3": "FastTD3", "td3": "TD3"}


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
        chosen = _typed_groups(line, conf) if bases else used(line, conf, root)
        problems += files.check(conf, root, chosen, schema)
        for override in [*line.misspelt, *line.overrides]:
            found = _check(override, schema, conf, line.sweep)
            if override.complaint:
                found = f"{override.complaint}: " + (found or f"write {override.typed}")
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
                    f"copy conf/train/BaseTaskPPO.yaml to it, or choose that one: train=BaseTaskPPO"
                )
    chosen = [task for task in tasks if task in known_tasks]
    declared: Dict[str, Any] = {}
    own: Set[str] = set()
    for task in chosen or conf.sound_options("task"):
        declared.update(conf.declared(task))
        own |= files.own_settings(conf, task)
    learners = {conf.learner(train) for train in trains if train in conf.options("train")}
    known = sorted(str(name) for name in learners & set(keys.LEARNER_KEYS))
    return Schema(known or list(keys.LEARNER_KEYS), declared, own)


def used(line: CommandLine, conf: Conf, root: str) -> Dict[str, List[str]]:
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
        if not roots:
            folder = conf.folders[-1]
            raise ConfigError(
                [f"{folder} holds no root configuration; to add to conf/ write --config-dir={folder}"]
            )
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
        return _hydras_own(override, schema)
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
        return f"{typed}: the name follows the task's file: write task={types.echo(str(value))}"
    if name == "task.engine":
        return f"{typed}: what steps a task is for its file to say; choose another task, as task=Gym"
    override.key, override.prefix = name, "++" if schema.is_free(name) else ""
    if not _NAME.match(name):
        return (
            f"{typed}: names on the command line are of letters a to z, digits and _; set it in a YAML file"
        )
    return _value(override, str(schema.type_of(name)), sweep)


def _hydras_own(override: Override, schema: Schema) -> Optional[str]:
    """Quote what Hydra's grammar cannot read; the values are for Hydra to check, but for one that it does not."""
    if override.value is None:
        return None if override.prefix == "~" else f"{override.typed}: a value is missing"
    if not _NAME.match(override.key.replace("/", ".")):
        return f"{override.typed}: Hydra has no such setting"
    override.value = values.quote_foreign(override.value)
    for name in re.findall(r"\$\{([\w.]+)", override.value):
        if not name.startswith(("hydra", "oc.", "now")) and schema.canonical(name) is None:
            return f"{override.typed}: there is no setting {types.echo(name)}"
    verbose = "bool or text or list of text"
    if override.key == "hydra.verbose" and types.problem(verbose, values.parse(override.value)) is not None:
        return f"{override.typed}: needs {verbose}; rlkit's own is logLevel=debug"
    return None


def _group(override: Override, conf: Conf, sweep: bool) -> Optional[str]:
    key, value = override.key, override.value or ""
    if override.prefix == "~":
        return f"{override.typed}: the group {key} cannot be left out; options are {_listed(conf, key)}"
    override.prefix = ""
    if values.parse(value) is values.UNREAD:
        return None
    override.value = values.quote_foreign(value)
    for option in values.split(value) if sweep else [value]:
        if option in conf.options(key):
            continue
        others = [group for group in keys.GROUPS if option in conf.options(group)]
        near = types.nearest(option, conf.options(key))
        hint = f"options are {_listed(conf, key)}"
        if key == "task" and re.search(r"[:/\\]|\.(?!yaml$)", option):
            hint = (
                "a task is known by its name: write conf/task/<Name>.yaml and its class in rlkit/tasks/, as"
                f" docs/tasks.md shows; a Gymnasium environment of your own is task=Gym env.id=<module>:<Name>-v0"
                f" ({hint})"
            )
        elif key == "train" and option.lower() in _LEARNER_FILES:
            hint = f"write train={_LEARNER_FILES[option.lower()]} ({hint})"
        elif near:
            hint = f"did you mean {key}={near[0]}? ({hint})"
        elif key == "env":
            hint = f"for a Gymnasium environment write task=Gym env.id={types.echo(option)}"
        elif others:
            hint = f"{option} is an option of {others[0]}: write {others[0]}={option}"
        elif "," in option:
            hint = f"several values need a sweep: add -m ({hint})"
        shown = types.echo(option)
        return f"{key}={shown}: there is no conf/{key}/{shown}.yaml; {hint}"
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
    shown = types.echo(key)
    return f"{shown}: settings are written name=value, without spaces{_did_you_mean(key, '', schema, conf)}"


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
            override.value = values.quote_foreign(value)
            return None
        inside = [name.replace("*", "<name>") for name in schema.names if name.startswith(section + ".")]
        example = f"; set what is in it, as {inside[0]}=<value>" if inside else ""
        return f"{override.typed}: {section} is a section{example}"
    task_hint = ""
    if key.startswith("task."):
        homes = conf.homes(key)
        task_hint = f"; it belongs to task={homes[0]}" if homes else ""
    start = f"{override.typed}: there is no setting {types.echo(key)}"
    if override.prefix.startswith("+"):
        start = f"{override.typed}: would add a setting {types.echo(key)} that nothing reads"
    hint = task_hint or _did_you_mean(key, value, schema, conf)
    return start + (hint or "; `python train.py --help` lists every setting")


def _did_you_mean(key: str, value: str, schema: Schema, conf: Conf) -> str:
    """What is suggested passes these very checks: where none takes the value, the type stands in its place."""
    word = foreign.meaning(key)
    here = [] if word is None else [name for name in word.ours if _known(name, schema)]
    if word is not None and (here or word.says):
        if not here:
            return f"; {word.says}"
        same = foreign.plain(here[0]) == foreign.plain(key)  # its own name, without the section
        return f"; did you mean {_suggestion(here[0], word.value(value), schema, conf, short=not same)}?"
    near = [name for name in schema.suggest(key) if not name.endswith("*")]
    fitting = [name for name in near if _takes(name, value, schema, conf)] or near[:1]
    found = [_suggestion(name, value, schema, conf) for name in fitting]
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _known(name: str, schema: Schema) -> bool:
    return name in (*keys.GROUPS, "config") or schema.canonical(name) is not None


def _takes(name: str, value: str, schema: Schema, conf: Conf) -> bool:
    """Whether `name=value` is right, name being a setting, a group or `config`."""
    if name in (*keys.GROUPS, "config"):
        return value in (conf.roots() if name == "config" else conf.options(name))
    parsed, spec = values.parse(value), str(schema.type_of(name))
    if value == "" or parsed is values.UNREAD:
        return False
    if types.is_text(spec) and not isinstance(parsed, str):
        parsed = value if parsed is not None else None  # free text, as _value quotes it
    return types.problem(spec, parsed) is None


def _suggestion(name: str, value: str, schema: Schema, conf: Conf, short: bool = False) -> str:
    shown = {full: alias for alias, full in keys.ALIASES.items()}.get(name, name) if short else name
    number = values.parse(value)
    whole = str(int(number)) if isinstance(number, float) and number.is_integer() else value  # 1e6
    for text in (value, whole):
        if _takes(name, text, schema, conf):
            return f"{shown}={types.echo(text)}"
    if name in (*keys.GROUPS, "config"):
        if name == "train" and value.lower() in _LEARNER_FILES:
            return f"train={_LEARNER_FILES[value.lower()]}"
        return f"{name}=<{'|'.join(conf.sound_roots() if name == 'config' else conf.sound_options(name))}>"
    return f"{shown}=<{_placeholder(schema, name)}>"


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
    override.value = values.quote_foreign(override.value or "")
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
