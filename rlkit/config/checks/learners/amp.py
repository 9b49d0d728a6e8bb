"""The sections of AMP and of what is built on it: what they must find in the task, and whether the replay fits.

A learner says what it judges by, and which tasks have it, in a `Judge`.
"""

from __future__ import annotations

from typing import Any, Mapping, MutableMapping, NamedTuple

from rlkit.config.checks.learners import ppo
from rlkit.config.checks.replay_memory import rows_too_many
from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine
from rlkit.config.files.terms import observation_sizes
from rlkit.config.schema.types import Plain
from rlkit.learners.facts import learner_facts
from rlkit.tasks.robots.humanoids import robot_of

_FLOAT = 4  # bytes


class Judge(NamedTuple):
    """The group that a learner's discriminator sees, what the learner does, and which tasks do."""

    group: str
    what: str
    tasks: str


_AMP = Judge(
    "style", "learns to move like motion data, and task={} shows none", "task=Style or task=Steering"
)
_ADD = Judge("difference", "learns to follow a reference, and task={} has none", "task=TrackMotion")


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """As of PPO; a task that may do without motion data gets all that comes with rlkit for its robot."""
    ppo.resolve(plain, asked, machine)
    task, robot = plain["task"], robot_of(plain["task"])
    if robot is not None and "motion" in task and task["motion"] is None:
        asked["task.motion"], task["motion"] = None, robot.name


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that AMP cannot run with."""
    return judged_by(_AMP, plain, machine)


def check_add(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that ADD cannot run with."""
    return judged_by(_ADD, plain, machine)


def judged_by(judge: Judge, plain: Plain, machine: Machine, beside: int = 0) -> list[str]:
    """What PPO cannot run with, that the task lacks the group, or that the replay does not fit.

    beside: numbers that the replay holds of each sample beside those of the group.
    """
    problems, task = ppo.check(plain, machine), plain["task"]
    if engine_of(plain) == "gymnasium" or judge.group not in (task.get("groups") or {}):
        problems.append(
            f"train.learner={plain['train']['learner']}: {judge.what.format(task['name'])}: it has no"
            f" task.groups.{judge.group}; write {judge.tasks}"
        )
        return problems
    return problems + _replay(judge, plain, machine, beside)


def notes(plain: Plain, asked: Mapping[str, Any]) -> list[str]:
    """Which clips were taken where none were named."""
    if "task.motion" not in asked or asked["task.motion"] is not None:
        return []
    name, motion = plain["train"]["learner"], plain["task"]["motion"]
    row = learner_facts(name)
    shown = name if row is None else row.label
    return [f"train={shown} learns from motion data, and none is named: it takes motion={motion}"]


def _replay(judge: Judge, plain: Plain, machine: Machine, beside: int) -> list[str]:
    """Say that the replay does not fit, and what does; silent where sizes or memory are not known beforehand."""
    sizes, terms = observation_sizes(plain["task"]), plain["task"]["groups"][judge.group]
    if sizes is None or any(term not in sizes for term in terms):
        return []
    return rows_too_many(plain, machine, _FLOAT * (beside + sum(sizes[term] for term in terms)))
