"""The section of MaskedMimic: what its policy and its encoder see of the task."""

from __future__ import annotations

from typing import Any, Mapping, MutableMapping

from rlkit.config.checks.learners import distill
from rlkit.config.facts.machine import Machine
from rlkit.config.files import task_source
from rlkit.config.files.terms import term_names
from rlkit.config.schema.types import Plain
from rlkit.tasks.robots.humanoids import OF_REFERENCE

MASKED, WHOLE, GROUP = "masked_targets", "body_targets", "targets"


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """Give a task that can hide targets an observation with hidden ones, in place of all that tells of the clips, and
    the group of all of them."""
    task = plain["task"]
    if not _can_hide(task):
        return
    if MASKED not in task["observations"]:
        asked["task.observations"] = task["observations"]
        task["observations"] = [name for name in task["observations"] if name not in OF_REFERENCE] + [MASKED]
    groups = task.get("groups") or {}
    if GROUP not in groups:
        asked["task.groups"] = groups
        task["groups"] = {**groups, GROUP: [WHOLE]}
    if task["masking"]["goals"] is not None and plain["training"]["test"]:
        _go_for_goals(task, asked)


def _go_for_goals(task: MutableMapping[str, Any], asked: dict[str, Any]) -> None:
    """A robot that is to reach goals leaves its clip: that is no failure, and following it no success."""
    masking, ends = task["masking"], task["termination"]
    if masking["show"] != "goals":
        asked["task.masking.show"], masking["show"] = masking["show"], "goals"
    for kind, wanted in (("success", "goals_reached"), ("failure", "fallen")):
        for name, on in ends[kind].items():
            if on != (name == wanted):
                asked[f"task.termination.{kind}.{name}"] = on
                ends[kind][name] = name == wanted


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that MaskedMimic cannot run with."""
    if not _can_hide(plain["task"]):
        return [
            f"train.learner=masked_mimic: fills in what is hidden of a reference, and task={plain['task']['name']}"
            " hides none; write task=TrackMotion"
        ]
    return distill.check(plain, machine) + _hold(plain["task"])


def notes(plain: Plain, asked: Mapping[str, Any]) -> list[str]:
    """What the policy sees where nothing else was said."""
    told = []
    if "task.observations" in asked:
        told.append(
            f"train=MaskedMimic sees of the clips what task.masking shows: task.observations ends with {MASKED}"
        )
    if "task.masking.show" in asked:
        told.append(
            "task.masking.goals: an episode is solved where its goals were reached, and fails where the robot falls;"
            " how far it is from the clip counts no more"
        )
    return told


def _can_hide(task: Mapping[str, Any]) -> bool:
    named = term_names(task_source.named(task)) if "observations" in task else None
    return "masking" in task and named is not None and {MASKED, WHOLE} <= named["observation"]


def _hold(task: Mapping[str, Any]) -> list[str]:
    low, high = task["masking"]["hold"]
    if 0.0 <= low <= high:
        return []
    return [
        f"task.masking.hold=[{low:g},{high:g}]: from a shorter to a longer time, s; write task.masking.hold=[0.5,3]"
    ]
