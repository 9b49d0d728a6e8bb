"""The section of students: a teacher is named, the task can show its observations, and the replay fits into memory.

What only the teacher's run can tell is checked in rlkit.runtime.policies.teachers.
"""

from __future__ import annotations

from typing import Any, MutableMapping

from rlkit.config.checks.replay_memory import count_of_actions, rows_too_many
from rlkit.config.checks.tasks import TEACHER
from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine
from rlkit.config.files.terms import frames, observation_sizes
from rlkit.config.schema.types import Plain
from rlkit.learners.facts import LearnerFacts, learner_facts

_FLOAT = 4  # bytes


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """Nothing follows from anything."""


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that a student cannot run with."""
    learner = plain["train"]["learner"]
    setting = _row(plain).teacher
    if plain["training"]["test"]:
        return []
    if engine_of(plain) == "gymnasium":
        return [
            f"train.learner={learner}: a teacher sees other observations than its student, and Gymnasium environments"
            " have one alone; take a task on a simulator"
        ]
    if not plain["train"][setting]:
        return [
            f"train.{setting}: is missing; name the run to learn from, as train.{setting}=latest or its name"
            " (rlkit runs)"
        ]
    return _replay(plain, machine)


def _replay(plain: Plain, machine: Machine) -> list[str]:
    """Say that the replay does not fit, and what does; silent where sizes or memory are not known beforehand."""
    task = plain["task"]
    sizes, actions = observation_sizes(task), count_of_actions(task)
    groups = {"policy": task["observations"], **(task.get("groups") or {})}
    seen = [(name, term) for name in _seen(plain) for term in groups.get(name, ())]
    if sizes is None or actions is None or any(term not in sizes for _, term in seen):
        return []
    numbers = sum(sizes[term] * (frames(task, term) if name == "policy" else 1) for name, term in seen)
    return rows_too_many(plain, machine, _FLOAT * (numbers + actions))


def _seen(plain: Plain) -> list[str]:
    """The observation groups of which the replay keeps rows: all but the teacher's."""
    return [group for group in _row(plain).groups() if group != TEACHER]


def _row(plain: Plain) -> LearnerFacts:
    """What is known of the learner, which is a student of ours or built on one."""
    return learner_facts(plain["train"]["learner"]) or LearnerFacts()
