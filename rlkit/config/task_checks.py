"""What must hold between a task's settings and its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, FrozenSet, List, Mapping

from rlkit.config import engine, keys, task_source, types

Plain = Mapping[str, Any]


def terms(task: Mapping[str, Any], known: Mapping[str, FrozenSet[str]]) -> List[str]:
    """Names of terms that the task's class does not have; `known` comes from terms.term_names."""
    named = {
        "observation": ("task.observations", task.get("observations", ())),
        "reward": ("task.rewardWeights", task.get("rewardWeights", {})),
        "success": ("task.termination.success", task.get("termination", {}).get("success", {})),
        "failure": ("task.termination.failure", task.get("termination", {}).get("failure", {})),
    }
    problems: List[str] = []
    for kind, (where, names) in named.items():
        for name in names:
            if name not in known[kind]:
                near = types.nearest(name, sorted(known[kind]))
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known[kind]))}"
                problems.append(f"{where}: task {task['name']} has no {kind} term {name!r}; {hint}")
    return problems


def file(plain: Plain, choice: str) -> List[str]:
    """What lacks between a task's file and its class: the name, and the settings that the class takes.

    The name inside the file is the file's name, so that runs are called as they were asked for.
    """
    task, name = plain["task"], plain["task"]["name"]
    if name != Path(choice).name:
        return [
            f"task.name={name}: stands in conf/task/{choice}.yaml and must be {choice}; write `name: {choice}` below "
            "`task:`"
        ]
    if engine.engine_of(plain) == "gymnasium":
        return []
    problems = []
    for wanted, reader in task_source.required(name).items():
        section: Any = task
        for depth, key in enumerate(wanted):
            if not isinstance(section, Mapping) or key not in section:
                where = ".".join(("task", *wanted[: depth + 1]))
                near = types.nearest(key, [str(k) for k in section]) if isinstance(section, Mapping) else []
                hint = f"; is {near[0]} meant to be it?" if near else ""
                problems.append(
                    f"{where}: is missing, and class {reader} reads it; write it in conf/task/{choice}.yaml{hint}"
                )
                break
            section = section[key]
    return list(dict.fromkeys(problems))


def unread(task: Mapping[str, Any]) -> List[str]:
    """The settings of a task that its class does not read, nor anything else."""
    words = task_source.words(str(task["name"]))
    if words is None:
        return []
    return [f"task.{key}" for key in task if key not in words and key not in keys.EVERY_TASK]
