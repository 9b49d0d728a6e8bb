"""The last lines of a run: what came of it, and the commands to type next."""

from __future__ import annotations

import logging
import shlex
from importlib.util import find_spec

from rlkit.config import Experiment, goals
from rlkit.packages import test_command, train_command
from rlkit.runtime.gym_request import to_type
from rlkit.runtime.progress.train_state import TrainState
from rlkit.runtime.training.videos import ROLLOUT
from rlkit.workspace import Run

log = logging.getLogger("rlkit")


def after_training(experiment: Experiment, run: Run, at: TrainState, reached: str | None) -> None:
    """Of a training that came to its end, at `at`; reached: how it was good enough before, in words.

    Three commands: the first one shows something, the second what there is to know, the third goes on.
    """
    name, more = shlex.quote(run.name), _more(experiment)
    if at.best is not None:
        log.info("best: %s", at.best)
    done = "1 iteration" if at.iteration == 1 else f"{at.iteration} iterations"
    log.info("done: %s in %s", done, run.path)
    if reached is not None:
        log.info("good enough: %s", reached)
    _say_the_video(run)
    log.info("  watch    %s", _watch(experiment, run, more))
    log.info("  curves   rlkit report %s    or, of all runs: tensorboard --logdir runs/", name)
    _say_the_tracker(run)
    further = goals.further(experiment, at.iteration, at.env_steps, reached=reached is not None)
    log.info("  go on    %s checkpoint=%s:last %s%s", train_command(), name, further, more)


def after_interrupt(experiment: Experiment, run: Run, at: TrainState) -> None:
    """Of a training that was told to stop."""
    if at.best is not None:
        log.info("best: %s", at.best)
    log.info("interrupted after iteration %d; everything is saved in %s", at.iteration, run.path)
    _say_the_tracker(run)
    _say_how_to_resume(experiment, run)


def after_failure(experiment: Experiment, run: Run) -> None:
    """Of a run that failed: from where it can go on."""
    if "last" in run.record.saved and run.path.exists():
        log.info("the last good checkpoint is of iteration %d", run.record.saved["last"])
        _say_how_to_resume(experiment, run)


def _say_how_to_resume(experiment: Experiment, run: Run) -> None:
    name, more = shlex.quote(run.name), _more(experiment)
    log.info("  resume   %s checkpoint=%s:last%s", train_command(), name, more)


def after_test(experiment: Experiment, run: Run) -> None:
    """Of a test: what there is to look at."""
    if run.results.exists():
        log.info("results %s", run.results)
    if _has_episodes(experiment, run):
        log.info("  watch    rlkit view %s", shlex.quote(run.name))
    _say_the_video(run)


def _watch(experiment: Experiment, run: Run, more: str) -> str:
    """The command that shows what the policy does: what was recorded, else a test in a browser or on film."""
    name = shlex.quote(run.name)
    if _has_episodes(experiment, run):
        return f"rlkit view {name}"
    test = f"{test_command()} checkpoint={name}"
    if experiment.engine == "gymnasium":
        return f"{test} env.recordVideo=true{more}"
    return f"{test} viewer=web{more}" if find_spec("viser") is not None else f"{test}{more}"


def _has_episodes(experiment: Experiment, run: Run) -> bool:
    return experiment.engine == "simulator" and any(run.trajectories.glob("*.npz"))


def _say_the_video(run: Run) -> None:
    if (run.videos / f"{ROLLOUT}.mp4").exists():
        log.info("  video    %s", run.videos / f"{ROLLOUT}.mp4")


def _say_the_tracker(run: Run) -> None:
    """Where a tracker has it; what lies here alone, of W&B, goes there with its own command."""
    tracker = run.record.tracker
    folder = tracker.get("folder")
    if tracker.get("url"):
        log.info("  tracker  %s", tracker["url"])
    elif folder and tracker["name"] == "wandb":
        log.info("  tracker  wandb sync %s", shlex.quote(folder))
    elif folder:
        log.info("  tracker  %s: %s", tracker["name"], folder)


def _more(experiment: Experiment) -> str:
    """The words that name code which is not installed: a run may not choose it, so they are typed again."""
    return "".join(f" {word}" for word in to_type(experiment.sections())[0])
