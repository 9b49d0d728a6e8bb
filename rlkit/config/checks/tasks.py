"""What must hold between a task's settings and its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from rlkit.config.facts import engine
from rlkit.config.files import task_source
from rlkit.config.schema import keys
from rlkit.config.schema.types import Plain
from rlkit.learners.facts import LEARNERS, learner_facts
from rlkit.nearest import did_you_mean, nearest
from rlkit.tasks.robots.humanoids import HUMANOIDS
from rlkit.tasks.robots.legged import QUADRUPEDS

# By the class whose children are for them
_FAMILIES = {"HumanoidTask": HUMANOIDS, "QuadrupedVelocity": QUADRUPEDS}
USUAL = ("policy", "critic")
"""The observation groups that every task has."""
TEACHER = "teacher"
"""The one that a run brings along which a learner names (`LearnerFacts.teacher`)."""
_NOW = ("latent", "masked_targets")  # terms that a learner finds in the observation by their size


def terms(task: Mapping[str, Any], known: Mapping[str, frozenset[str]]) -> list[str]:
    """Names of terms that the task's class does not have; `known` comes from terms.term_names."""
    observed = {f"task.groups.{group}": names for group, names in (task.get("groups") or {}).items()}
    observed["task.observations"] = task.get("observations", ())
    named = [("observation", where, names) for where, names in observed.items()]
    named += [
        ("reward", "task.rewardWeights", task.get("rewardWeights", {})),
        ("success", "task.termination.success", task.get("termination", {}).get("success", {})),
        ("failure", "task.termination.failure", task.get("termination", {}).get("failure", {})),
    ]
    problems = [
        f"{where}: names {name} twice, maybe by an alias; once is enough"
        for where, names in observed.items()
        for name in dict.fromkeys(names)
        if list(names).count(name) > 1
    ]
    for kind, where, names in named:
        for name in names:
            if name not in known[kind]:
                terms = sorted(known[kind])
                hint = did_you_mean(name, terms, f"; it has {', '.join(terms)}")
                problems.append(f"{where}: task {task['name']} has no {kind} term {name!r}{hint}")
    return problems


def groups(plain: Plain) -> list[str]:
    """Observation groups that cannot be, that the learner needs and the task lacks, or that are nearly called so."""
    named, gymnasium = plain["task"].get("groups") or {}, engine.engine_of(plain) == "gymnasium"
    if named and gymnasium:
        return ["task.groups: Gymnasium environments have one observation; leave it out"]
    task, asked = plain["task"]["name"], _asked(plain)
    problems = []
    for name in named:
        near = nearest(name, [*asked, "policy"])
        if name == "policy":
            problems.append("task.groups.policy: what the policy sees is task.observations")
        elif near and name != near[0]:
            problems.append(
                f"task.groups.{name}: no learner asks for that; did you mean task.groups.{near[0]}?"
            )
    row = learner_facts(plain["train"]["learner"])
    lacking = [name for name in asked if name not in (*USUAL, *named)]
    # The checks of ours say it, or a teacher's run brings it
    if row is not None and (not row.code or row.teacher):
        lacking = []
    if lacking and not problems:
        learner, there = plain["train"]["learner"], ", ".join((*USUAL, *(n for n in named if n not in USUAL)))
        say = (
            "Gymnasium environments have none such"
            if gymnasium
            else f"write task.groups.{lacking[0]}=[TERM,...]"
        )
        problems.append(
            f"train.learner={learner}: looks at the observations {', '.join(lacking)}, which task={task} does not have"
            f" (it has {there}); {say}"
        )
    return problems


def history(plain: Plain) -> list[str]:
    """Terms that cannot be shown with their latest values, or settings that say nothing."""
    task = plain["task"]
    asked, frames = [*(task.get("historyTerms") or ())], int(task.get("history", 1))
    if frames == 1:
        return ["task.historyTerms: counts with task.history=5 or so; write both"] if asked else []
    if engine.engine_of(plain) == "gymnasium":  # only the environments say what their observations are called
        return []
    problems, observed = [], [*task["observations"], *(task.get("cameras") or {})]
    for name in asked:
        if name not in observed:
            near = did_you_mean(name, observed)
            problems.append(f"task.historyTerms: the policy does not see {name!r}{near}")
    told = [name for name in asked or observed if name in _NOW]
    if told:
        others = ",".join(name for name in asked or observed if name not in _NOW)
        problems.append(
            f"task.history={frames}: {told[0]} tells the policy what to do now; write task.historyTerms=[{others}]"
        )
    return problems


def robot(task: Mapping[str, Any]) -> list[str]:
    """A robot with other legs than the task's class is for."""
    asked = task.get("robot")
    classes = {source.definition.name for source in task_source.chain(task_source.named(task)) or ()}
    for name, robots in _FAMILIES.items():
        if name in classes and asked is not None and asked not in robots:
            return [
                f"task.robot={asked}: task={task['name']} is not for this robot; write task.robot={'|'.join(robots)}"
            ]
    return []


def unasked(plain: Plain) -> list[str]:
    """What to say of observation groups that the learner does not look at.

    Nothing of those that are there for another learner of rlkit's, as `style`.
    """
    asked = _asked(plain)
    # A teacher's group, and what goes with it, come with the run of a student: nobody has them for another learner
    others = {group for row in LEARNERS.values() if not row.teacher for group in row.groups()} - {*USUAL}
    if "skills" in plain["task"]:
        others.add("skill")
    idle = [
        f"task.groups.{name}"
        for name in plain["task"].get("groups") or {}
        if asked and name not in {*asked, *others}
    ]
    learner = plain["train"]["learner"]
    return (
        [f"{', '.join(idle)}: train.learner={learner} does not look at it, so it is not computed"]
        if idle
        else []
    )


def _asked(plain: Plain) -> tuple[str, ...]:
    """The groups that the learner asks for, those that there always are for one that does not say."""
    row = learner_facts(plain["train"]["learner"])
    told = row is not None and (row.code or plain["task"].get("groups"))  # ours ask for no others
    return (row.groups() if row is not None and told else ()) or USUAL


def file(plain: Plain, choice: str) -> list[str]:
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
    for wanted, reader in task_source.required(task_source.named(task)).items():
        section: Any = task
        for depth, key in enumerate(wanted):
            if not isinstance(section, Mapping) or key not in section:
                where = ".".join(("task", *wanted[: depth + 1]))
                near = nearest(key, [str(k) for k in section]) if isinstance(section, Mapping) else []
                hint = f"; is {near[0]} meant to be it?" if near else ""
                problems.append(
                    f"{where}: is missing, and class {reader} reads it; write it in conf/task/{choice}.yaml{hint}"
                )
                break
            section = section[key]
    return list(dict.fromkeys(problems))


def unread(task: Mapping[str, Any]) -> list[str]:
    """The settings of a task that its class does not read, nor anything else."""
    words = task_source.words(task_source.named(task))
    if words is None:
        return []
    return [f"task.{key}" for key in task if key not in words and key not in keys.EVERY_TASK]
