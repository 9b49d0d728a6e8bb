"""The run that a student learns from: found and checked before anything boots, then given to it as a policy."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping

from rlkit.config import Experiment
from rlkit.config.checks.tasks import TEACHER
from rlkit.config.experiment import freeze, thaw
from rlkit.config.files import task_source
from rlkit.config.files.terms import observation_sizes, term_names
from rlkit.config.schema import types
from rlkit.errors import ConfigError, raise_for
from rlkit.learners.facts import learner_facts
from rlkit.nearest import nearest
from rlkit.runtime.checkpoints.head import CheckpointError, read_head, sha256_of
from rlkit.runtime.policies.trained import REMEMBERS, load_trained, settings_of
from rlkit.tasks.robots.humanoids import robot_of
from rlkit.workspace import ResolveError, resolve
from rlkit.workspace.find import Wanted

if TYPE_CHECKING:
    from rlkit.env.api import EnvSpec
    from rlkit.learners.api import Learner

# Settings of rlkit's tasks that say what an action does; clips may give its middle.
_OF_ACTIONS = (
    "controlPeriod", "controlMode", "policyControlsHandBase", "policyControlsFingers", "maxBaseLinearVelocity",
    "maxBaseAngularVelocity", "maxFingerJointVelocity", "maxJointVelocity", "maxGripperVelocity", "actions",
    "decimation", "actionRange", "action", "motion", "mirrored",
)  # fmt: skip
_OF_OBSERVATIONS = ("targets", "anchor")  # those that say what it is of which an observation tells


def with_teacher(experiment: Experiment) -> Experiment:
    """The request with its teacher's file in place of what was typed for it, and its observations as a group.

    As it was where its learner has no teacher, or only tests. Raises ConfigError where there is no such run, or the
    student's env cannot show what the teacher sees, or do what it does; no torch is imported.
    """
    setting = _setting(experiment)
    if not setting:
        return experiment
    ref = str(experiment.train[setting])
    start = f"train.{setting}={types.echo(ref)}: "
    task = experiment.task_name
    wanted = Wanted(lambda record: record.kind == "train" and record.task == task, f"task={task}")
    try:
        source = resolve(ref, default="best", setting=f"train.{setting}", wanted=wanted)
        head = read_head(source.checkpoint, whole=True)
        trained = settings_of(source, head)
    except ResolveError as error:
        raise ConfigError(f"{error}\n{_NEEDED.format(setting)}") from error
    except CheckpointError as error:
        raise ConfigError(f"{start}{error}") from error
    if head.task != task:
        raise ConfigError(
            f"{start}is a policy of task={head.task}, and its student would be of task={task};"
            f" write task={head.task}"
        )
    theirs = trained.task
    problems = [start + problem for problem in _problems(experiment.task, theirs)]
    if trained.train.get("memory", "none") != "none":
        problems.append(f"{start}{REMEMBERS}, and a student's teacher must act by what it sees alone")
    raise_for(problems)
    groups = {**thaw(experiment.task.get("groups") or {}), TEACHER: list(theirs["observations"])}
    return replace(
        experiment,
        task=freeze({**experiment.task, "groups": groups}),
        train=freeze({**experiment.train, setting: from_here(source.checkpoint)}),
    )


_NEEDED = (
    "A student's own policy needs no teacher: it is tested and exported as any other. To train it (on), write"
    " train.{}=<run> of a run that is there"
)


def give_teacher(experiment: Experiment, learner: Learner, spec: EnvSpec) -> None:
    """Let the learner of a training imitate the policy of the run that its settings name, if they name one.

    spec: of the student's env. Raises RlkitError where the policy cannot be read or does not fit.
    """
    setting = _setting(experiment)
    if not setting:
        return
    source = resolve(str(experiment.train[setting]), default="best")
    teacher = load_trained(source, str(spec.device), trusted=experiment.trusted)
    wanted = {
        "observations": (teacher.spec.observation_terms.get("policy"), spec.observation_terms.get(TEACHER)),
        "actions": (teacher.spec.action_names, spec.action_names),
    }
    for what, (theirs, here) in wanted.items():
        if theirs != here:
            raise CheckpointError(
                f"train.{setting}={source.checkpoint}: its {what} are {_said(theirs)}, those of this env {_said(here)}"
            )
    learner.imitate(teacher.learner.policy(), sha256_of(source.checkpoint))


def _setting(experiment: Experiment) -> str:
    """The setting that names the teacher of a training; empty where there is none."""
    row = learner_facts(str(experiment.train["learner"]))
    return row.teacher if row is not None and experiment.kind == "train" else ""


def _problems(task: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """What keeps a student on `task` from learning of a policy of the `task` section `theirs`."""
    robots = [None if robot is None else robot.name for robot in (robot_of(theirs), robot_of(task))]
    if robots[0] != robots[1]:
        yield (
            f"is a policy of the robot {robots[0]}, which has other joints than {robots[1]}; write"
            f" task.robot={robots[0]}"
        )
        return
    if theirs.get("history", 1) != 1:
        yield "sees several of its latest observations (task.history), and a student's env shows it the latest alone"
    for names, change in (
        (_OF_ACTIONS, "its actions do something else"),
        (_OF_OBSERVATIONS, "it sees something else"),
    ):
        for name in names:
            for place, there, now in _differences(name, theirs.get(name), task.get(name)):
                yield (
                    f"{change}: task.{place} was {_said(there)} and is {_said(now)} here; write"
                    f" task.{place}={_said(there)}"
                )
    yield from _observations(task, theirs)


def _differences(name: str, theirs: Any, here: Any) -> Iterator[tuple[str, Any, Any]]:
    """The settings in which two values of `task.<name>` differ, each with both values."""
    if isinstance(theirs, Mapping) and isinstance(here, Mapping):
        for key in sorted(theirs.keys() | here.keys()):
            yield from _differences(f"{name}.{key}", theirs.get(key), here.get(key))
    elif thaw(theirs) != thaw(here):
        yield name, theirs, here


def _observations(task: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    """Observations of the teacher that the student's task does not have, or in another size."""
    terms = term_names(task_source.named(task))
    sizes = [observation_sizes(section) or {} for section in (theirs, task)]
    for name in theirs["observations"]:
        if terms is not None and name not in terms["observation"]:
            near = nearest(name, sorted(terms["observation"]))
            hint = f" (the nearest is {near[0]})" if near else ""
            yield (
                f"it sees {name}, which task={task['name']} does not have any more{hint}; take a policy that was"
                " trained since"
            )
        elif sizes[0].get(name) != sizes[1].get(name):
            yield (
                f"it sees {name} of {sizes[0].get(name)} numbers, of which there are {sizes[1].get(name)} here; take a"
                " policy that was trained with these settings"
            )
    given = thaw((task.get("groups") or {}).get(TEACHER))
    if given is not None and given != list(theirs["observations"]):
        yield f"task.groups.{TEACHER} is what it saw in its own training, and comes from there; leave it out"


def _said(value: Any) -> str:
    """A value as it is typed."""
    return types.show(thaw(value))


def from_here(file: Path) -> str:
    """The file from the current folder where it lies below it: a project may be moved."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith(os.pardir) else relative
