"""The files under conf/, read without Hydra: which options exist, and what the chosen ones declare."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Tuple

import yaml

from rlkit.config.errors import ConfigError

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PACKAGE = re.compile(r"^\s*#\s*@package\s+(\S+)", re.MULTILINE)


class Conf:
    """The folders that hold configuration files, the first one first."""

    def __init__(self, *folders: Path) -> None:
        self.folders = tuple(folder.resolve() for folder in folders)

    def roots(self) -> List[str]:
        """Names of the root configurations."""
        return sorted({path.stem for folder in self.folders for path in folder.glob("*.yaml")})

    def folder_of(self, root: str) -> Path:
        """The folder that holds a root configuration, which exists."""
        return next(folder for folder in self.folders if (folder / f"{root}.yaml").is_file())

    def options(self, group: str) -> List[str]:
        """Names of the files of a group."""
        return sorted({path.stem for folder in self.folders for path in (folder / group).glob("*.yaml")})

    def read(self, name: str) -> Dict[str, Any]:
        """The content of `name` (for example `task/BaseTask`), empty where there is no such file.

        Raises ConfigError where the file is not valid YAML.
        """
        for folder in self.folders:
            path = folder / f"{name}.yaml"
            if path.is_file():
                try:
                    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
                except yaml.YAMLError as error:
                    raise ConfigError([f"{path} is not valid YAML: {error}"]) from error
                return content if isinstance(content, dict) else {}
        return {}

    def chosen(self, root: str, group: str) -> Optional[str]:
        """The option of `group` that a root configuration takes, `${task}` not yet replaced."""
        option: Optional[str] = None
        for name, value in self._entries(root):
            if name is None:
                option = self.chosen(value, group) or option
            elif name.replace("override ", "").strip().lstrip("/") == group:
                option = value
        return option

    def declared(self, task: str) -> Dict[str, Any]:
        """Every key under `task` in a task's file and its parents: full name -> value."""
        found: Dict[str, Any] = {}
        for name, value in self._entries(f"task/{task}"):
            parent = value.replace("/task/", "", 1)  # as BaseTask, /task/BaseTask or common/randomization
            if name is None and parent != task:
                found.update(self.declared(parent))
        found.update(flatten(self.read(f"task/{task}").get("task") or {}, "task."))
        return found

    def sets(self, name: str, without: Collection[str] = ()) -> Dict[str, Any]:
        """Full name -> value of all that a file, as `physics/fast` or a root, sets, with those that it is built on.

        without: files that are left out, with all they are built on.
        """
        found: Dict[str, Any] = {}
        group = name.rpartition("/")[0]
        for key, value in self._entries(name):
            parent = value.lstrip("/") if value.startswith("/") or not group else f"{group}/{value}"
            if key is not None:
                parent = f"{key.replace('override ', '').strip().lstrip('/')}/{value}"
            if parent not in without:
                found.update(self.sets(parent, (*without, name)))
        own = {key: value for key, value in self.read(name).items() if key not in ("defaults", "hydra")}
        package = self._package(name)
        found.update(flatten(own, f"{package}." if package else ""))
        return found

    def _package(self, name: str) -> str:
        """Where the content of a file goes: as its `# @package` says, else its group."""
        group = name.rpartition("/")[0]
        for folder in self.folders:
            path = folder / f"{name}.yaml"
            if path.is_file():
                match = _PACKAGE.search(path.read_text(encoding="utf-8"))
                said = match.group(1) if match else "_group_"
                return "" if said == "_global_" else said.replace("_group_", group)
        return group

    def learner(self, train: str) -> Optional[str]:
        """The learner that a train file or one of its parents names."""
        learner = self.read(f"train/{train}").get("learner")
        for name, value in self._entries(f"train/{train}"):
            parent = value.rpartition("/")[2]
            if learner is None and name is None and parent != train:
                learner = self.learner(parent)
        return learner

    def _entries(self, name: str) -> Iterator[Tuple[Optional[str], str]]:
        """The defaults list of a file: (group, option), with None for a plain file; `_self_` left out."""
        for entry in self.read(name).get("defaults") or []:
            if isinstance(entry, dict):
                for key, value in entry.items():
                    yield str(key), str(value)
            elif entry != "_self_":
                yield None, str(entry)


def find_conf() -> Path:
    """The project's conf/: beside the rlkit package (where train.py stands), or below the current folder.

    Raises ConfigError where neither exists.
    """
    places = (Path(__file__).resolve().parents[2] / "conf", Path.cwd() / "conf")
    for place in places:
        if (place / "config.yaml").is_file():
            return place
    raise ConfigError([f"no conf/config.yaml in {Path.cwd()}: run from the project's folder"])


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Dict[str, Any]:
    """Nested sections -> full name: value."""
    flat: Dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, name + "."))
        else:
            flat[name] = value
    return flat
