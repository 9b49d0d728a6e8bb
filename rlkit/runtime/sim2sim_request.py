"""What `rlkit sim2sim` is asked for, checked and put together without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from rlkit.config import ConfigError, Experiment, changed
from rlkit.config.check import name_problem
from rlkit.config.machine import Machine
from rlkit.config.support import simulators_for
from rlkit.runtime.checkpoint_head import CheckpointError, CheckpointHead, read_head, require_fit
from rlkit.runtime.engines import load_engines
from rlkit.runtime.export_request import quiet_test, read_trained
from rlkit.workspace import Resolved, WorkspaceError, resolve

EPISODES = 64


@dataclass(frozen=True)
class Comparison:
    """A checkpoint and the tests of it to compare: on the simulator it was trained on, then on those asked for."""

    source: Resolved
    run: Path
    head: CheckpointHead
    experiments: Tuple[Experiment, ...]
    seed: int

    @property
    def out(self) -> Path:
        """The file that the results go to."""
        return self.run / "sim2sim.json"


def read_request(
    ref: str,
    root: Path,
    simulators: Sequence[str],
    *,
    episodes: int = EPISODES,
    seed: Optional[int] = None,
    device: str = "auto",
) -> Comparison:
    """Find the checkpoint as `checkpoint=` does (the best one of a run), and its settings with the simulator swapped.

    seed: of the first states; None takes the training's. Raises WorkspaceError for a run, checkpoint or simulator.
    """
    source = resolve(ref, root=root, default="best")
    if source.run_path is None:
        raise WorkspaceError(
            f"{source.checkpoint} lies in no run's folder, whose settings say how to test it; name a run"
        )
    try:
        head = read_head(source.checkpoint)
        trained = read_trained(source.run_path)
        require_fit(head, source.checkpoint, trained.task_name, str(trained.train["learner"]))
    except CheckpointError as error:
        raise WorkspaceError(str(error)) from error
    machine = Machine.detect()
    _require_names(trained, simulators, machine)
    seed = trained.training.seed if seed is None else seed
    changes = quiet_test(
        trained, source, episodes, seed, device
    )  # each env plays one episode: none counts for more
    experiments = _experiments(trained, [trained.sim.name, *simulators], changes, machine)
    load_engines(experiment.sim.name for experiment in experiments)
    return Comparison(source, source.run_path, head, experiments, seed)


def _require_names(trained: Experiment, simulators: Sequence[str], machine: Machine) -> None:
    """Raise WorkspaceError unless there are simulators to compare with, by names that exist."""
    task = trained.task_name
    if trained.engine == "gymnasium":
        raise WorkspaceError(f"task={task} is made of Gymnasium environments, which bring their own physics")
    usable = [name for name in simulators_for(task) if name in machine.simulators]
    if not simulators:
        words = " ".join(f"sim={name}" for name in usable if name != trained.sim.name)
        raise WorkspaceError(
            f"on which simulators? Name one or more; installed here and able to run task={task}: "
            + (words or f"only sim={trained.sim.name}, which it was trained on")
        )
    for problem in filter(None, map(name_problem, simulators)):
        raise WorkspaceError(problem)


def _experiments(
    trained: Experiment, simulators: Sequence[str], changes: Dict[str, Any], machine: Machine
) -> Tuple[Experiment, ...]:
    """One checked test a simulator; raises WorkspaceError that names all which cannot be."""
    made: List[Experiment] = []
    problems: List[str] = []
    for name in simulators:
        try:
            made.append(changed(trained, {**changes, "sim.name": name}, machine))
        except ConfigError as error:
            problems += error.messages
    if problems:
        raise WorkspaceError("\n".join(dict.fromkeys(problems)))
    return tuple(made)
