"""Checks on the files that a request uses: every key is known and of its type; file and line are named.

Only what is used is judged: a broken file speaks for nobody else's request.
"""

from __future__ import annotations

import difflib
from typing import Any, Iterator, Mapping, Sequence, Tuple

from rlkit.config.facts import support
from rlkit.config.files import task_source
from rlkit.config.files.conf import Conf
from rlkit.config.files.conf_file import ConfFile
from rlkit.config.schema import keys, types
from rlkit.config.schema.schema import Schema
from rlkit.config.schema.tree import flatten
from rlkit.nearest import did_you_mean, nearest, or_one_of

_ALIKE = 0.8  # likeness of two names from which one is taken for a slip of the other
# Checked by names of terms, or by a table of their own
_OPEN = ("groups", "cameras", "rewardWeights", "termination", "randomization")
_SECTION_OF = {"physics": "sim"}  # groups whose settings stand in another section
Keys = Tuple[str, ...]


def check(conf: Conf, root: str, chosen: Mapping[str, Sequence[str]], schema: Schema) -> list[str]:
    """What is wrong in the root configuration and in the chosen files, with those that they build on.

    chosen: group -> options that exist. Raises ConfigError where a file cannot be read.
    """
    problems: list[str] = []
    tasks = chosen.get("task", ())
    for group, options in chosen.items():
        for option in options:
            files = conf.chain(f"{group}/{option}")
            for number, file in enumerate(files):
                inherited = conf.declared_by(files[:number]) if group == "task" else {}
                problems += _file(file, schema, inherited, [option] if group == "task" else tasks)
    inherited = {name: value for task in tasks for name, value in conf.declared(task).items()}
    for file in conf.chain(root):
        problems += _file(file, schema, inherited, tasks)
        problems += _no_such_options(file, conf, [group for group, options in chosen.items() if not options])
    return list(dict.fromkeys(problems))


def _no_such_options(file: ConfFile, conf: Conf, groups: Sequence[str]) -> Iterator[str]:
    """That a root configuration takes what there is none of, in groups for which nothing else was chosen."""
    for entry in file.entries:
        group = (entry.group or "").lstrip("/")
        if group in groups and "${" not in entry.option and conf.option(group, entry.option) is None:
            near = did_you_mean(entry.option, conf.names(group))
            yield f"{file.place('defaults')}: there is no conf/{group}/{entry.option}.yaml{near}"


def own_settings(conf: Conf, task: str) -> set[str]:
    """The settings that a user's task declares itself under a name that rlkit's own tasks use for another type."""
    files = conf.chain(f"task/{task}")
    lines = Schema([], conf.declared_by(files))
    found: set[str] = set()
    for number, file in enumerate(files):
        inherited = conf.declared_by(files[:number])
        for name, value in conf.declared_by([file]).items():
            key = lines.key(name)
            if name in inherited or name.split(".")[1] in keys.EVERY_TASK or key is None or _is_open(value):
                continue
            if types.problem(key.type, value) is not None and not support.is_ours(task):
                found.add(name)
    return found


def _file(file: ConfFile, schema: Schema, inherited: Mapping[str, Any], tasks: Sequence[str]) -> list[str]:
    """The mistakes of one file; of a wrong layout alone, because nothing in it can be right then."""
    layout = _layout(file)
    if layout is not None:
        return [layout]
    problems: list[str] = []
    inside = len(file.package.split(".")) if file.package else 0
    for path, message in _mistakes(file, schema, inherited, tasks):
        problems.append(f"{file.place(*path[inside:])}: {'.'.join(path)}: {message}")
    return problems


def _layout(file: ConfFile) -> str | None:
    """Why the sections of a file are not where they belong."""
    group = file.name.rpartition("/")[0]
    top = [key for key in file.content if key in keys.SECTIONS and isinstance(file.content[key], Mapping)]
    if group == "task" and file.header is None and top:
        return (
            f"{file.place()}: without a header all of it would stand below `task`; write `# @package _global_` as "
            "its first line"
        )
    if group in _SECTION_OF and file.header is None:
        return f"{file.place()}: write `# @package {_SECTION_OF[group]}` as its first line"
    if group in keys.GROUPS and group != "task" and file.package == group and top == [group]:
        return (
            f"{file.place(group)}: settings stand here without `{group}:`; move what is below it to the left"
        )
    nested = next((key for key in ("params", "config") if isinstance(file.content.get(key), Mapping)), None)
    if group == "train" and nested is not None:
        inner = flatten(file.content[nested])
        moved = {name.rpartition(".")[2]: value for name, value in inner.items()}
        names = {key.name[len("train.") :] for lines in keys.LEARNER_KEYS.values() for key in lines}
        ours = [f"`{name}: {types.show(value)}`" for name, value in moved.items() if name in names][:3]
        return (
            f"{file.place(nested)}: rl_games nests its settings below `{nested}`; here they stand flat, below "
            f"`defaults: [BaseTaskPPO, _self_]`: as {', '.join(ours) or '`learning_rate: 3e-4`'}; "
            "docs/configuration.md lists them"
        )
    return None


def _mistakes(
    file: ConfFile, schema: Schema, inherited: Mapping[str, Any], tasks: Sequence[str]
) -> Iterator[tuple[Keys, str]]:
    """The keys that lead to each mistake, and what it is."""
    is_task = file.name.startswith("task/")
    for section, content in file.tree().items():
        if section == "hydra":
            continue
        if section not in keys.SECTIONS:
            yield (section,), _no_section(section)
        elif not isinstance(content, Mapping):
            if content is not None or section in file.content:
                yield (section,), "is a section: write what is in it below, indented, or take it out"
        elif section == "task":
            yield from _of_task((section,), content, schema, inherited, tasks)
        elif section == "train" and is_task:
            yield (
                (section,),
                "a train file has the last word on these; move them to conf/train/<Task>PPO.yaml",
            )
        else:
            for name, value in flatten(content, f"{section}.").items():
                found = _setting(name, value, schema)
                if found is not None:
                    yield tuple(name.split(".")), found


def _no_section(name: str) -> str:
    near = nearest(name, keys.SECTIONS)
    if near:
        return f"no such section; did you mean {near[0]}?"
    sections = [word for word in keys.EVERY_TASK if _likeness(word, name) > 0.55]
    if sections:
        return f"no such section; did you mean {sections[0]}, which stands below `task:`?"
    return f"no such section; there are {', '.join(keys.SECTIONS)}"


def _setting(name: str, value: Any, schema: Schema) -> str | None:
    """What is wrong with a setting outside of `task`."""
    key = schema.key(name)
    if key is not None:
        return None if _is_open(value) else types.problem(key.type, value)
    if name == "train.seed":
        return "the seed is training.seed; take it out of the train file"
    return f"no such setting{or_one_of(schema.suggest(name))}"


def _of_task(
    above: Keys,
    section: Mapping[str, Any],
    schema: Schema,
    inherited: Mapping[str, Any],
    tasks: Sequence[str],
) -> Iterator[tuple[Keys, str]]:
    """The mistakes below `task`, section by section."""
    siblings = _siblings(".".join(above), inherited)
    for key, value in section.items():
        path = (*above, str(key))
        name = ".".join(path)
        if str(key) not in siblings and path[1] not in _OPEN:
            near = _slip(str(key), value, siblings, ".".join(above), schema)
            if near is not None and not any(_reads(task, str(key)) for task in tasks):
                yield path, _meant(str(key), near, tasks)
                continue
        kind = siblings.get(str(key))
        if isinstance(value, Mapping):
            if kind is False:
                yield path, "is one value here, no section"
            else:
                yield from _of_task(path, value, schema, inherited, tasks)
        elif kind is True and not _is_open(value):
            yield path, f"is a section: {', '.join(_siblings(name, inherited)) or 'names'} stand below it"
        else:
            line = schema.key(name)
            found = None if line is None or _is_open(value) else types.problem(line.type, value)
            if found is not None:
                yield path, found


def _siblings(section: str, inherited: Mapping[str, Any]) -> dict[str, bool]:
    """What is known below a section -> whether it is a section itself."""
    found: dict[str, bool] = {}
    for name, value in inherited.items():
        if name.startswith(section + "."):
            child, dot, _ = name[len(section) + 1 :].partition(".")
            found[child] = bool(dot) or value == {}
    return found


def _slip(key: str, value: Any, siblings: Mapping[str, bool], section: str, schema: Schema) -> str | None:
    """The known name that `key` is nearly: alike, and of a type that takes the value."""
    fits = []
    for known, is_section in siblings.items():
        if section == "task" and known in ("name", "engine"):
            continue
        spec = None if is_section else schema.type_of(f"{section}.{known}")
        takes = isinstance(value, Mapping) if is_section else not isinstance(value, Mapping)
        if spec is not None and takes and not _is_open(value):
            takes = types.problem(spec, value) is None
        if takes and _likeness(key, known) >= _ALIKE:
            fits.append(known)
    return max(fits, key=lambda known: _likeness(key, known), default=None)


def _meant(key: str, near: str, tasks: Sequence[str]) -> str:
    who = f"class {tasks[0]} reads" if tasks else "the task's class reads"
    return f'did you mean {near}? A setting of its own is one that {who}, as self.config["{key}"]'


def _likeness(one: str, other: str) -> float:
    """Of two names, whatever their spelling in capitals and underscores: 1.0 is the same."""
    plain = [word.replace("_", "").lower() for word in (one, other)]
    if plain[0] != plain[1] and sorted(plain[0]) == sorted(plain[1]):  # letters that changed places
        return 0.95
    return difflib.SequenceMatcher(None, plain[0], plain[1]).ratio()


def _reads(task: str, key: str) -> bool:
    words = task_source.words(task)
    return words is not None and key in words


def _is_open(value: Any) -> bool:
    """Whether the value is only known once all files are put together, or is given later."""
    if isinstance(value, (list, tuple)):
        return any(map(_is_open, value))
    return isinstance(value, str) and ("${" in value or value == "???")
