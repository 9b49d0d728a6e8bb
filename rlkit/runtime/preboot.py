"""What only files, environments and the machine can tell of a request: checked before there is a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from rlkit import zoo
from rlkit.config import Experiment
from rlkit.config.facts.code import Code, problems
from rlkit.config.files import task_source
from rlkit.errors import ConfigError, raise_for
from rlkit.learners.facts import learner_facts
from rlkit.packages import train_command
from rlkit.runtime.checkpoints.head import CheckpointError, read_head, require_fit
from rlkit.runtime.checkpoints.weights_file import read_index, require_some_fit
from rlkit.runtime.policies.skills import asks_for_skills, require_skills
from rlkit.runtime.process.engines import quiet_openmp
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.waiting import told
from rlkit.runtime.progress.left import nothing_left
from rlkit.sims.registry import prepare
from rlkit.workspace import Resolved, check_writable, quoted


def require_startable(
    experiment: Experiment, source: Resolved | None, ranks: Ranks, tell: Callable[[str], None] = print
) -> None:
    """Raise the RlkitError of the first thing that stands in the way; nothing is written.

    source: the checkpoint to resume or to test. tell: takes a line where it takes long. The simulator's engine is in
    the process afterwards.
    """
    _require_task(experiment, None if source is None else read_head(source.checkpoint).code)
    if ranks.leads:
        check_writable(Path())
    _load_engine(experiment)  # what comes below may import torch
    require_one_process(experiment, ranks)
    if asks_for_skills(experiment):
        require_skills(experiment)
    if source is not None:
        _require_source(experiment, source)
    if experiment.training.init_from is not None:
        _require_weights(experiment, Path(experiment.training.init_from))
    if experiment.engine == "gymnasium":
        _require_environments(experiment, tell)
    if experiment.env.render or experiment.env.record_video:
        _require_display(experiment)
    if ":" in task_source.named(experiment.task):
        _require_scene(experiment, tell)
    _require_cameras(experiment)


def require_makeable(experiment: Experiment) -> None:
    """The same of envs alone, without a run: the task's class, the engine, Gymnasium's environments."""
    _require_task(experiment, None)
    _load_engine(experiment)
    if asks_for_skills(experiment):
        require_skills(experiment)
    if experiment.engine == "gymnasium":
        _require_environments(experiment, print)
    _require_cameras(experiment)


def _require_task(experiment: Experiment, code: Code | None) -> None:
    """Refuse a task whose class cannot be; code: of the checkpoint that is gone on from."""
    require_code(experiment, code)
    if experiment.engine == "gymnasium":
        return
    found = task_source.problem(task_source.named(experiment.task))
    if found is not None:
        raise ConfigError(found)


def require_code(experiment: Experiment, code: Code | None) -> None:
    """Refuse classes of others that are not here, or that a run alone asks for; code: of its checkpoint."""
    raise_for(problems(experiment.sections(), experiment.trusted, code))


def _require_scene(experiment: Experiment, tell: Callable[[str], None]) -> None:
    """Refuse a task of others whose scene cannot be read: a robot's files may be gone."""
    quiet_openmp()
    with told("making the task's scene, to look at it", 2.0, tell):
        from rlkit.runtime.build import scene_of  # only here: torch comes with it

        scene_of(experiment)


def _require_cameras(experiment: Experiment) -> None:
    """Refuse cameras whose pictures cannot be drawn here, or that the scene has no place for."""
    if not experiment.task.get("cameras"):
        return
    quiet_openmp()
    from rlkit.runtime.build import scene_of  # only here: torch comes with it
    from rlkit.runtime.watching.available import require_cameras

    require_cameras(experiment, scene_of(experiment).mjcf)


def _load_engine(experiment: Experiment) -> None:
    simulator = experiment.sim.name
    try:
        prepare(simulator, experiment.trusted)
    except ImportError as error:
        raise ConfigError(f"sim.name={simulator}: {error}") from error


def require_one_process(experiment: Experiment, ranks: Ranks) -> None:
    """Refuse several ranks where they have nothing to share."""
    if ranks.size == 1:
        return
    if experiment.kind == "test":
        raise ConfigError(
            "training.test=true: a test runs in one process; start it with python, not torchrun"
        )
    learner = experiment.train["learner"]
    row = learner_facts(learner)
    if row is not None and not row.several_ranks:
        label = row.label
        raise ConfigError(
            f"train.learner={learner}: {label} trains in one process; start it with python, or say beside its class"
            " that it can: FACTS = LearnerFacts(several_ranks=True), as docs/learners.md shows"
        )


def _require_source(experiment: Experiment, source: Resolved) -> None:
    """Refuse a checkpoint that cannot be read or is of another task or learner, and a training that is over."""
    head = read_head(source.checkpoint, whole=True)
    require_fit(head, source.checkpoint, experiment.task, experiment.train["learner"])
    if experiment.kind == "train":
        if head.acts_only:
            raise ConfigError(_acts_only(experiment, source))
        over = nothing_left(experiment, source, head)
        if over is not None:
            raise ConfigError(over)


def _acts_only(experiment: Experiment, source: Resolved) -> str:
    asked = str(experiment.training.checkpoint)
    weights = asked if asked.startswith(zoo.PREFIX) else str(source.checkpoint)
    return (
        f"training.checkpoint={asked}: is a policy without what learning it goes on from (optimiser, counters); a new"
        f" training begins with its weights: {train_command()} task={experiment.task_name}"
        f" training.initFrom={quoted(weights)}"
    )


def _require_weights(experiment: Experiment, path: Path) -> None:
    """Refuse a file of pretrained weights that cannot be read, or none of which can fit the networks asked for."""
    try:
        require_some_fit(path, read_index(path), experiment.train)
    except CheckpointError as error:
        raise ConfigError(f"training.initFrom: {error}") from error


def _require_environments(experiment: Experiment, tell: Callable[[str], None]) -> None:
    """Refuse Gymnasium environments that are unknown, cannot be made or fit no learner or one another."""
    from rlkit.runtime.gym_request import problems  # only here: no other task needs gymnasium

    with told("making one environment, to look at it", 0.1, tell):  # nothing has been said yet
        raise_for(problems(experiment))


def _require_display(experiment: Experiment) -> None:
    """Refuse a viewer or a video that this machine cannot show or make."""
    from rlkit.runtime.watching.available import problems  # only here: numpy comes with it

    raise_for(problems(experiment))
