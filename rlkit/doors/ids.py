"""The tasks as ids of Gymnasium, registered by importing this: `gymnasium.make("rlkit.doors.ids:rlkit/Reach-v0")`."""

from __future__ import annotations

from typing import Any

import gymnasium

from rlkit.config.words.command_line import conf_of, parse
from rlkit.doors.make import make
from rlkit.doors.views.vector import VectorView


def single(task: str, **settings: Any) -> gymnasium.Env:
    """One env of a task; settings as `rlkit.make` takes them."""
    return make(task, **{**settings, "num_envs": 1}).as_gymnasium_env()


def vector(task: str, num_envs: int = 1, **settings: Any) -> VectorView:
    """Envs of a task that step together; settings as `rlkit.make` takes them."""
    return make(task, num_envs=num_envs, **settings).as_gymnasium()


def register() -> list[str]:
    """Register every task that runs on a simulator, of packages too, as `rlkit/<task>-v0`; returns the ids."""
    conf, ids = conf_of(parse([])), []
    conf.with_packages()
    for task in conf.sound_options("task"):
        if conf.declared(task).get("task.engine", "simulator") == "simulator":
            ids.append(f"rlkit/{task}-v0")
            one, several = "rlkit.doors.ids:single", "rlkit.doors.ids:vector"
            gymnasium.register(ids[-1], one, vector_entry_point=several, kwargs={"task": task})
    return ids


IDS = register()
