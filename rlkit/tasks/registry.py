"""The tasks by name: `BoxGrasping` is the class of that name in `rlkit/tasks/box_grasping.py`."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Type

if TYPE_CHECKING:
    from rlkit.tasks.api import Task


def task_class(name: str) -> Type[Task]:
    """The class of the task `name`; its file is imported now.

    Raises ModuleNotFoundError when there is no such file and AttributeError when it lacks the class.
    """
    module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return getattr(importlib.import_module(f"rlkit.tasks.{module}"), name)
