"""The tasks by name: `BoxGrasping` is the class of that name in `rlkit/tasks/box_grasping.py`, or in a folder there."""

from __future__ import annotations

import importlib
import re
from importlib.util import find_spec
from typing import Any, Collection, Mapping

from rlkit.plugins import modules
from rlkit.tasks.api import Task

FOLDERS = ("hand", "motion", "velocity")
"""The folders of rlkit/tasks in which tasks stand too."""


def task_class(name: str) -> type[Task]:
    """The class of rlkit's own task `name`; its file is imported now.

    Raises ModuleNotFoundError when there is no such file and AttributeError when it lacks the class.
    """
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    folders = ("rlkit.tasks", *(f"rlkit.tasks.{folder}" for folder in FOLDERS))
    folder = next((folder for folder in folders if find_spec(f"{folder}.{module}")), folders[0])
    return getattr(importlib.import_module(f"{folder}.{module}"), name)


def class_of(task: Mapping[str, Any], trusted: Collection[str]) -> type[Task]:
    """The class that a `task` section names, of rlkit or of others.

    trusted: what may be imported though it is not installed, see `modules.load`. Raises CodeError where it may
    not be imported or is no task, and besides what `task_class` raises.
    """
    name = task.get("class")
    return task_class(task["name"]) if name is None else modules.load(name, trusted, Task)
