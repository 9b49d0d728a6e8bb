"""What `rlkit sim2sim` is asked for, checked and put together without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Sequence

from rlkit.config import Experiment, changed, from_file
from rlkit.config.checks.machine import name_problem
from rlkit.config.facts.machine import Machine
from rlkit.config.facts.support import row_of, simulators_for
from rlkit.errors import ConfigError, raise_for
from rlkit.export.request import quiet_test
from rlkit.runtime.checkpoints.head import CheckpointHead, read_head, require_fit
from rlkit.runtime.preboot import require_code
from rlkit.runtime.process.engines import load_engines
from rlkit.workspace import Resolved, WorkspaceError, resolve

EPISODES = 64


@dataclass(frozen=True)
class Comparison:
    """A checkpoint and the tests of it to compare: on the simulator it was trained on, then on those asked for."""

    source: Resolved
    run: Path
    head: CheckpointHead
    experiments: tuple[Experiment, ...]
    seed: int

    @property
    def out(self) -> Path:
        """The file that the results go to: in the run's folder, of rlkit's own policies in the current one."""
        return (self.source.own_folder or Path()) / "sim2sim.json"


def read_request(
    ref: str,
    root: Path,
    simulators: Sequence[str],
    *,
    episodes: int = EPISODES,
    seed: int | None = None,
    device: str = "auto",
    trusted: Sequence[str] = (),
) -> Comparison:
    """Find the checkpoint as `checkpoint=` does (the best one of a run), and its settings with the simulator swapped.

    seed: of the first states; None takes the training's. trusted: modules that the run may have imported though they
    are not installed. Raises RlkitError for a run, checkpoint, setting or simulator.
    """
    source = resolve(ref, root=root, default="best")
    if source.run_path is None:
        raise WorkspaceError(
            f"{source.checkpoint} lies in no run's folder, whose settings say how to test it; name a run"
        )
    head = read_head(source.checkpoint)
    trained = from_file(source.run_path / "config.yaml")
    trained = replace(trained, trusted=trained.trusted | frozenset(trusted))
    require_code(trained, head.code)
    require_fit(head, source.checkpoint, trained.task, str(trained.train["learner"]))
    machine = Machine.detect()
    _require_names(trained, simulators, machine)
    seed = trained.training.seed if seed is None else seed
    # Each env plays one episode: none counts for more
    changes = quiet_test(trained, source, episodes, seed, device)
    experiments = _experiments(trained, [trained.sim.name, *simulators], changes, machine)
    for experiment in experiments:
        load_engines([experiment.sim.name], experiment.trusted)
    return Comparison(source, source.run_path, head, experiments, seed)


def _require_names(trained: Experiment, simulators: Sequence[str], machine: Machine) -> None:
    """Raise WorkspaceError unless there are simulators to compare with, by names that exist."""
    task = trained.task_name
    if trained.engine == "gymnasium":
        raise WorkspaceError(f"task={task} is made of Gymnasium environments, which bring their own physics")
    usable = [name for name in simulators_for(row_of(trained.task)) if name in machine.simulators]
    if not simulators:
        words = " ".join(f"sim={name}" for name in usable if name != trained.sim.name)
        raise WorkspaceError(
            f"on which simulators? Name one or more; installed here and able to run task={task}: "
            + (words or f"only sim={trained.sim.name}, which it was trained on")
        )
    for problem in filter(None, map(name_problem, simulators)):
        raise WorkspaceError(problem)


def _experiments(
    trained: Experiment, simulators: Sequence[str], changes: dict[str, Any], machine: Machine
) -> tuple[Experiment, ...]:
    """One checked test a simulator; raises ConfigError that names all which cannot be."""
    made: list[Experiment] = []
    problems: list[str] = []
    for name in simulators:
        try:
            one = changed(trained, {**changes, "sim.name": name}, machine)
            made.append(replace(one, trusted=one.trusted | set(simulators[1:])))  # which were typed
        except ConfigError as error:
            problems += error.messages
    raise_for(problems)
    return tuple(made)
