"""One race for each task and number of envs."""

from __future__ import annotations

from typing import Sequence

import torch

from benchmarks.sims import playground
from benchmarks.sims.contestants import GymPeer, PolicyStage, Rig, Runner, SimulatorStage, TrainingStage
from benchmarks.sims.race import Row, race, rows
from benchmarks.sims.work import record
from rlkit.config import ConfigError, Experiment, compose
from rlkit.sims.api import SimulatorError

BUFFER_STEPS = 256  # of replay: enough to draw from; how long it is does not change the time of an update


def measure(
    task: str, num_envs: int, sims: Sequence[str], device: str, overrides: Sequence[str], seconds: float
) -> tuple[list[Row], list[str]]:
    """The rows of one race, and what must be known beside them: who could not take part, who left contacts out.

    Raises ConfigError where the request itself is wrong.
    """
    reference = request(task, "mujoco", num_envs, "cpu", overrides)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    stretch = record(reference, num_envs)
    rigs: dict[str, Rig] = {}
    notes: list[str] = []
    for sim in sims:
        try:
            rigs[sim] = Rig(request(task, sim, num_envs, device, overrides), stretch)
        except (ConfigError, SimulatorError, ImportError) as error:
            notes.append(f"{sim} does not run {task}: {error}")
    stages = (SimulatorStage, PolicyStage, TrainingStage)
    runners: list[Runner] = [stage(sim, rig) for sim, rig in rigs.items() for stage in stages]
    peers, absent = _peers(task, num_envs, device)
    runners += [GymPeer(stretch), *peers]
    turns = race(runners, stretch.integrator_steps, seconds)
    first_steps = {sim: rig.first_step for sim, rig in rigs.items()}
    results = rows(task, runners, turns, first_steps, stretch.integrator_steps)
    lost = {sim: rig.sim.overflows() for sim, rig in rigs.items()}
    notes += [f"{sim} on {task}: {n} env-steps had contacts left out" for sim, n in lost.items() if n]
    for runner in runners:
        runner.close()
    return results, notes + absent


def _peers(task: str, num_envs: int, device: str) -> tuple[list[Runner], list[str]]:
    """Playground's env of the task, or why it is not there."""
    if task not in playground.ENVS:
        return [], []
    reason = playground.missing()
    if reason is not None:
        return [], [f"MuJoCo Playground: {reason}"]
    return [playground.PlaygroundPeer(task, num_envs, device)], []


def request(task: str, sim: str, num_envs: int, device: str, overrides: Sequence[str]) -> Experiment:
    """What `python train.py` would build for FastTD3, but for a short replay buffer that learns at once."""

    learner = [f"train={task}FastTD3", "train.learning_starts=1", f"train.buffer_size={BUFFER_STEPS}"]
    return compose(
        [f"task={task}", f"sim={sim}", f"numEnvs={num_envs}", f"device={device}", *learner, *overrides]
    )
