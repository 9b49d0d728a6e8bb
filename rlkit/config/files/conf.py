"""The files under conf/, read without Hydra: which options exist, and what the chosen ones declare."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Collection, Iterator, Mapping

from rlkit.config.files import task_source
from rlkit.config.files.conf_file import BEHIND, ConfFile, read_file
from rlkit.config.schema.tree import flatten, merge
from rlkit.errors import ConfigError
from rlkit.nearest import did_you_mean
from rlkit.packages import installed_conf
from rlkit.plugins import modules

# Settings that may name a class of others; the first part is the group whose files have them.
_NAMING = ("task.class", "train.learner", "train.network", "sim.name")


class Conf:
    """The folders that hold configuration files, the first one first.

    folders: the user's, then the project's own conf/. typed: module:Class that was typed as the task or the train file;
    the conf/ of its package is looked in before the project's. packages: whether those of installed packages that offer
    tasks, learners or simulators are looked in for what is in no other: only then, since finding them takes time.
    """

    def __init__(self, *folders: Path, typed: Mapping[str, str] = {}, packages: bool = False) -> None:
        self.folders = tuple(folder.resolve() for folder in folders)
        self.typed = typed
        own = [folder.resolve() for folder in modules.conf_of(typed.values())]
        self.places = (*self.folders[:-1], *own, *self.folders[-1:])
        self._packages = packages
        self._options: dict[str, list[str]] = {}
        self._files: dict[str, ConfFile | None] = {}

    def with_packages(self) -> bool:
        """Look in the conf/ folders of installed packages too; whether there are any that were not looked in."""
        if not self._packages:
            return False
        self._packages = False
        more = [folder.resolve() for folder in modules.conf_of(modules.all_offered())]
        more = [folder for folder in more if folder not in self.places]
        self.places += tuple(more)
        self._options, self._files = {}, {}
        return bool(more)

    def roots(self) -> list[str]:
        """Names of the root configurations."""
        return self.options("")

    def options(self, group: str) -> list[str]:
        """Names of the files of a group, whatever is in them."""
        if group not in self._options:
            paths = [path for folder in self.places for path in (folder / group).glob("*.yaml")]
            self._options[group] = sorted({path.stem for path in paths})
        return self._options[group]

    def option(self, group: str, name: str) -> str | None:
        """The option that a name means, None where it means none: itself, if there is such a file.

        A train file `<Task><Learner>` that is not there is that of the task which the task builds on, and so on; in
        the end it is `<Learner>`: of ReachPPO PPO.
        """
        found = self._option(group, name)
        return self._option(group, name) if found is None and self.with_packages() else found

    def _option(self, group: str, name: str) -> str | None:
        if name in self.options(group):
            return name
        for learner in sorted(self.options("train") if group == "train" else [], key=len):
            task = name[: -len(learner)]
            if name == task + learner and task in self.options("task"):
                above = [file.path.stem + learner for file in reversed(self.chain(f"task/{task}"))]
                return next((option for option in above if option in self.options("train")), learner)
        return None

    def names(self, group: str) -> list[str]:
        """The options of a group, and the names besides that mean one: `<Task><Learner>` of every task and learner."""
        first = [file for option in self.sound_options(group) for file in self.chain(f"{group}/{option}")[:1]]
        learners = {file.path.stem for file in first if group == "train" and "learner" in file.content}
        besides = {task + learner for task in self.options("task") for learner in learners}
        return sorted({*self.options(group), *besides})

    def sound_options(self, group: str) -> list[str]:
        """The same without files that cannot be read: a broken one is no choice for somebody else."""
        return [option for option in self.options(group) if self.is_sound(group, option)]

    def sound_roots(self) -> list[str]:
        """The root configurations that can be read."""
        return self.sound_options("")

    def is_sound(self, group: str, name: str) -> bool:
        """Whether a name means an option that can be read, with all that it is built on."""
        try:
            return bool(self.chain(f"{group}/{name}".lstrip("/")))
        except ConfigError:
            return False

    def file(self, name: str) -> ConfFile | None:
        """The file `name` (for example `task/BaseTask`), None where it means none.

        Raises ConfigError, with file, line and what to write, where it cannot be read.
        """
        if name not in self._files:
            group, slash, wanted = name.rpartition("/")
            option = self.option(group, wanted) or wanted
            paths = self._paths(group, option)
            self._files[name] = read_file(paths[0], f"{group}{slash}{option}") if paths else None
        return self._files[name]

    def has(self, group: str, name: str) -> bool:
        """Whether a name in a defaults list means a file."""
        return self.option(group, name) is not None or (
            name.endswith(BEHIND) and bool(self._paths(group, name))
        )

    def _paths(self, group: str, option: str) -> list[Path]:
        """The files of an option, that of the first folder first; of `Reach^` those behind it."""
        plain = option.rstrip(BEHIND)
        paths = [folder / group / f"{plain}.yaml" for folder in self.places]
        there = [path for path in paths if os.path.lexists(path)]  # a name of any length
        return there[len(option) - len(plain) :]

    def chosen(self, root: str, group: str) -> str | None:
        """The option of `group` that a root configuration takes, `${task}` not yet replaced."""
        option: str | None = None
        for file in self.chain(root):
            for entry in file.entries:
                if entry.group is not None and entry.group.lstrip("/") == group:
                    option = entry.option
        return option

    def chain(self, name: str) -> list[ConfFile]:
        """A file behind those that its defaults list names, and theirs: the later ones win.

        Raises ConfigError where one of them is missing or cannot be read.
        """
        return list(self._chain(name, set()))

    def _chain(self, name: str, above: set[str]) -> Iterator[ConfFile]:
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
                raise ConfigError(f"{file.place('defaults')}: {entry.option} builds on this file in turn")
            if self.file(parent) is None:
                if parent.endswith(BEHIND):
                    raise ConfigError(
                        f"{file.place('defaults')}: {file.path.stem} is this file, and no folder behind has another"
                    )
                folder = parent.rpartition("/")[0]
                hint = did_you_mean(parent.rpartition("/")[2], self.options(folder))
                raise ConfigError(f"{file.place('defaults')}: there is no conf/{parent}.yaml{hint}")
            yield from self._chain(parent, above | {name})
        yield file

    def declared(self, task: str) -> dict[str, Any]:
        """Every key under `task` in a task's file and its parents: full name -> value."""
        return self.declared_by(self.chain(f"task/{task}"))

    def class_of(self, task: str) -> str | None:
        """module:Class of a task that is not in rlkit/tasks: as typed, in its file, or of an installed package.

        Raises ConfigError as `declared` does.
        """
        if self.typed.get("task", "").rpartition(":")[2] == task:
            return self.typed["task"]
        declared = self.declared(task)
        found = declared.get("task.class")
        if found is None and declared.get("task.engine", "simulator") == "simulator":
            found = None if task_source.is_ours(task) else modules.offer("rlkit.tasks", task)
        return found

    def gives(self, name: str) -> bool:
        """Whether a class was typed, or a file of a task, a learner or a simulator names it."""
        groups = dict.fromkeys(setting.partition(".")[0] for setting in _NAMING)
        paths = (
            path for folder in self.places for group in groups for path in (folder / group).glob("*.yaml")
        )
        for path in paths if modules.is_name(name) else ():
            with suppress(ConfigError, OSError, ValueError):  # a file that cannot be read names nothing
                if name in path.read_text("utf-8"):
                    tree = read_file(path, f"{path.parent.name}/{path.stem}").tree()
                    if name in map(flatten(tree).get, _NAMING):
                        return True
        return name in self.typed.values()

    @staticmethod
    def declared_by(files: list[ConfFile]) -> dict[str, Any]:
        """Every key under `task` in these files, the later ones winning: full name -> value."""
        merged: dict[str, Any] = {}
        for file in files:
            section = file.tree().get("task")
            merge(merged, section if isinstance(section, Mapping) else {})
        return flatten(merged, "task.", keep_empty=True)

    def homes(self, name: str) -> list[str]:
        """The tasks that declare a setting; broken files are none."""
        found = []
        for task in self.options("task"):
            try:
                found += [task] if name in self.declared(task) else []
            except ConfigError:
                continue
        return found

    def sets(self, name: str, without: Collection[str] = ()) -> dict[str, Any]:
        """Full name -> value of all that a file, as `physics/fast` or a root, sets, with those that it is built on.

        without: files that are left out, with all they are built on. Raises ConfigError as `file` does.
        """
        found: dict[str, Any] = {}
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

    def learner(self, train: str) -> str | None:
        """The learner that was typed, or that a train file or one of its parents names."""
        if "train" in self.typed:
            return self.typed["train"]
        sections = [file.tree().get("train") for file in self.chain(f"train/{train}")]
        names = [section.get("learner") for section in sections if isinstance(section, Mapping)]
        return next((str(name) for name in reversed(names) if name is not None), None)


def conf_folders() -> tuple[Path, ...]:
    """Where files are looked for if nothing else is said: the current project's conf/, then rlkit's own.

    Raises ConfigError where rlkit's own is missing.
    """
    ours, project = find_conf(), modules.project()
    if project is None or (project / "conf").resolve() == ours.resolve():
        return (ours,)
    return (project / "conf", ours)


def find_conf() -> Path:
    """rlkit's own conf/: in the package, where a wheel has brought it, or beside the package in a clone.

    Raises ConfigError where neither exists.
    """
    beside = Path(__file__).resolve().parents[3]
    ours = installed_conf() or beside / "conf"
    if not (ours / "config.yaml").is_file():
        raise ConfigError(
            f"there is no conf/config.yaml in {beside}, where rlkit lies: install rlkit's wheel or its clone as a"
            " whole, or write --config-path=<its conf folder>"
        )
    return ours
