"""The frozen policy that a task's actions go to (`task.skills`): refused before boot where it does not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping

from rlkit.archives.torch_archive import TorchArchive
from rlkit.config import Experiment
from rlkit.errors import ConfigError, raise_for
from rlkit.learners.facts import LEARNERS, learner_facts
from rlkit.packages import train_command
from rlkit.runtime.checkpoints.head import CheckpointError, CheckpointHead, read_head
from rlkit.runtime.policies.trained import REMEMBERS, load_trained, settings_of
from rlkit.tasks.robots.humanoids import robot_of
from rlkit.untrusted import all_printable, read_plain
from rlkit.workspace import Resolved, RunRecord, resolve, write_atomic
from rlkit.workspace.find import Wanted
from rlkit.workspace.store.checkpoints import networks_folder
from rlkit.workspace.store.errors import explained
from rlkit.workspace.store.layout import SETTINGS, SKILLS, kept_skills

if TYPE_CHECKING:
    import torch

    from rlkit.runtime.policies.skill_env import Skills

LATENT, GROUP = "latent", "skill"
_TRAIN = "task=Style train=ASE"


def asks_for_skills(experiment: Experiment) -> bool:
    """Whether the task is one whose actions go to a frozen policy."""
    return "skills" in experiment.task and "skillSteps" in experiment.task


def require_skills(experiment: Experiment) -> None:
    """Raise ConfigError unless `task.skills` names a policy that can drive this task's robot; without torch.

    ResolveError where there is no such run, CheckpointError where the file cannot be read.
    """
    task, source = experiment.task, _source(experiment)
    try:
        head = read_head(source.checkpoint, whole=True)
    except CheckpointError as error:
        raise CheckpointError(f"task.skills={task['skills']}: {error}") from error
    problems = _misfits(task, source.checkpoint, head)
    if not problems and settings_of(source, head).train.get("memory", "none") != "none":
        problems.append(f"task.skills={task['skills']}: {REMEMBERS}, which drives no skills")
    if int(task["skillSteps"]) < 1:
        problems.append(f"task.skillSteps={task['skillSteps']}: is at least 1; write task.skillSteps=5")
    raise_for(problems)


def run_of_skills(experiment: Experiment) -> str | None:
    """The name of the run that `task.skills` names; None where there is none, and of a policy that comes with rlkit."""
    folder = _source(experiment).own_folder if asks_for_skills(experiment) else None
    return None if folder is None else folder.name


def keep_skills(experiment: Experiment, folder: Path) -> None:
    """Put the policy of `task.skills` into a run's folder, unless it is there: wherever that goes, the run is whole.

    Raises RlkitError where the policy cannot be read or not be written.
    """
    from rlkit.runtime.policies.acting_alone import save_policy  # only here: torch comes with it

    if kept_skills(folder) is not None:
        return
    source = _source(experiment)
    assert source.run_path is not None
    place = folder / SKILLS / source.run_path.name
    weights = networks_folder(place) / source.checkpoint.name
    with explained(f"keep the skills of {source.run_path}"):
        settings = read_plain(source.run_path / SETTINGS)[0]
        weights.parent.mkdir(parents=True, exist_ok=True)
        save_policy(source, weights, trusted=experiment.trusted)
        write_atomic(place / SETTINGS, settings)  # the last: now it is whole


def _source(experiment: Experiment) -> Resolved:
    """The checkpoint that the run keeps, or that is named; raises ConfigError where none is, or by a word that means
    another one later.
    """
    place = None if experiment.kept_in is None else kept_skills(experiment.kept_in)
    if place is not None:
        return resolve(str(place), setting="task.skills")
    asked, name = experiment.task["skills"], experiment.task["name"]
    if asked is None:
        raise ConfigError(
            f"task.skills=null: {name} needs a policy with skills; {train_command()} {_TRAIN} trains one,"
            " then task.skills=<its run>"
        )
    if str(asked).partition(":")[0].startswith("latest"):
        raise ConfigError(
            f"task.skills={asked}: is another run tomorrow, and the skills stay the same; write the run's name"
        )
    source = resolve(str(asked), setting="task.skills", wanted=Wanted(_has_skills, _TRAIN))
    if source.run_path is None:
        raise ConfigError(
            f"task.skills={asked}: lies in no run, whose settings say how its policy is built; name the run"
        )
    return source


def _has_skills(record: RunRecord) -> bool:
    row = learner_facts(record.learner)
    return record.kind == "train" and row is not None and "ase" in (record.learner, row.like)


def _misfits(task: Mapping[str, Any], path: Path, head: CheckpointHead) -> list[str]:
    """What of a policy does not fit a `task` section."""
    start = f"task.skills={task['skills']}: "
    terms, period, stacked = _seen(path)
    if head.learner_name not in LEARNERS or LATENT not in terms:
        return [
            f"{start}is of {head.task}, {head.learner_name}: no latent tells that policy what to do;"
            f" {train_command()} {_TRAIN} has"
        ]
    problems = []
    robot = robot_of(task)
    if robot is not None and head.robot != robot.name:
        problems.append(
            f"{start}drives the robot {head.robot}, and task.robot={robot.name}; write task.robot={head.robot}"
        )
    if abs(period - float(task["controlPeriod"])) > 1e-9:
        problems.append(
            f"{start}acts every {period:g} s, and task.controlPeriod={task['controlPeriod']:g}; write"
            f" task.controlPeriod={period:g}"
        )
    if stacked:
        problems.append(
            f"{start}sees several of its latest observations (task.history), which drives no skills"
        )
    wanted = [term for term in terms if term != LATENT]
    if list(task["groups"].get(GROUP, ())) != wanted:
        problems.append(
            f"task.groups.{GROUP}: is not what the policy of task.skills={task['skills']} sees; write"
            f" task.groups.{GROUP}=[{','.join(wanted)}]"
        )
    return problems


def _seen(path: Path) -> tuple[list[str], float, bool]:
    """The terms that a checkpoint's policy sees, none where an older file does not say, its control period in s, and
    whether it sees several values of them.
    """
    with TorchArchive(path) as archive:
        spec = archive.content().get("env_spec")
    if spec is None:
        return [], 0.0, False
    try:
        spec = all_printable(dict(spec))
        terms = [str(name) for name, _ in spec["observation_terms"]["policy"]]
        return (
            terms,
            float(spec["control_period"]),
            any(count > 1 for count in spec.get("frames", {}).values()),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"what {path} says of its env cannot be read: {error!r}") from error


def load_skills(experiment: Experiment, device: torch.device) -> Skills:
    """The policy of `task.skills` on `device`; raises what `require_skills` does, and LearnerError."""
    from rlkit.runtime.policies.skill_env import Skills

    require_skills(experiment)
    source = _source(experiment)
    assert source.run_path is not None
    trained = load_trained(source, "cpu", trusted=experiment.trusted)
    network = trained.learner.network().to(device)
    sizes = dict(trained.spec.observation_terms["policy"])
    before = list(sizes)[: list(sizes).index(LATENT)]
    offset = sum(sizes[term] for term in before)
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    latent = slice(offset, offset + sizes[LATENT])
    return Skills(network, latent, trained.control, digest.hexdigest(), source.run_path.name)
