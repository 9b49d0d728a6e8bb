"""Whether anything is left to train behind a checkpoint."""

from __future__ import annotations

from rlkit.config import Experiment
from rlkit.config.goals import further
from rlkit.runtime.checkpoints.head import CheckpointHead
from rlkit.workspace import Resolved, WorkspaceError, read_record


def nothing_left(experiment: Experiment, source: Resolved, head: CheckpointHead) -> str | None:
    """Why a training is over before it begins, and the word that lets it go on; None where it is not.

    source: the checkpoint with that head, and its run.
    """
    return _past_its_end(experiment, source, head) or _good_enough(experiment, source, head)


def _past_its_end(experiment: Experiment, source: Resolved, head: CheckpointHead) -> str | None:
    training = experiment.training
    in_steps = training.max_steps is not None
    done, goal = (
        (head.env_steps, training.max_steps) if in_steps else (head.iteration, training.max_iterations)
    )
    if done < (goal or 0):
        return None
    what, setting = ("env-step", "maxSteps") if in_steps else ("iteration", "maxIterations")
    return (
        f"nothing is left to train: {source.checkpoint} is of {what} {done} and"
        f" training.{setting} is {goal}; go on with {further(experiment, head.iteration, head.env_steps)}"
    )


def _good_enough(experiment: Experiment, source: Resolved, head: CheckpointHead) -> str | None:
    """The run ended because it was good enough, and nothing better is asked for."""
    until = experiment.training.until
    if until is None or source.run_path is None:
        return None
    try:
        record = read_record(source.run_path)
    except WorkspaceError:  # a run without its record can be resumed all the same
        return None
    if record.reached != until or record.iterations != head.iteration:
        return None
    return (
        f"nothing is left to train: at iteration {head.iteration} {source.run_path.name} reached"
        f" training.until={until}; go on with until=null, or with another condition"
    )
