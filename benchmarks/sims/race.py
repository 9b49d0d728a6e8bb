"""Rounds in which all contestants take turns, and what the table says about them."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Sequence

from benchmarks.measure import RECORDED
from benchmarks.sims.contestants import SIMULATOR, Runner

TURN_SECONDS = 0.4  # of one contestant in one round, about
MIN_ROUNDS = 3


@dataclass
class Turns:
    """What one contestant did, a number a round: env-steps/s, and the share of the time outside physics."""

    rates: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)


@dataclass
class Row:
    """Medians over the rounds of one contestant at one number of envs.

    rates, outside: env-steps/s and share of the time outside physics, by stage. to_peer, to_mujoco: its simulator's
    rate divided by theirs. first_step: seconds from nothing to the end of its first step, compilation included.
    rounds: of the simulator's stage. integrator_steps: counted in one env-step.
    """

    task: str
    what: str
    num_envs: int
    first_step: float
    rounds: int
    integrator_steps: int
    rates: dict[str, float]
    outside: dict[str, float]
    to_peer: float = 0.0
    to_mujoco: float = 0.0


def race(runners: Sequence[Runner], integrator_steps: int, seconds: float) -> dict[str, Turns]:
    """Turns by contestant, in rounds whose order rotates, for about `seconds`.

    A contestant whose single env-step takes longer than its share of the rounds has as many turns as fit, at least one.
    Raises RuntimeError where one does another number of integrator steps in an env-step.
    """
    steps, cost = {}, {}
    for runner in runners:
        _turn(runner, 1, integrator_steps, Turns())  # pages in, captures graphs
        trial = Turns()
        cost[runner.name] = _turn(runner, 1, integrator_steps, trial)
        per_step = runner.num_envs / trial.rates[0]
        steps[runner.name] = max(1, min(RECORDED, round(TURN_SECONDS / per_step)))
    turns = {runner.name: Turns() for runner in runners}
    allowance = seconds / len(runners)
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < seconds or rounds < MIN_ROUNDS:
        first = rounds % len(runners)
        for runner in [*runners[first:], *runners[:first]]:
            if rounds == 0 or rounds * cost[runner.name] < allowance:
                _turn(runner, steps[runner.name], integrator_steps, turns[runner.name])
        rounds += 1
    return turns


def _turn(runner: Runner, steps: int, integrator_steps: int, turns: Turns) -> float:
    """One timed run, added to `turns`; returns its seconds."""
    runner.restart()
    counted, physics = runner.integrator_steps(), runner.physics_seconds()
    started = time.perf_counter()
    done = runner.run(steps)
    elapsed = time.perf_counter() - started
    counted, expected = runner.integrator_steps() - counted, done // runner.num_envs * integrator_steps
    if counted != expected:
        raise RuntimeError(f"{runner.name} did {counted} integrator steps where others do {expected}")
    turns.rates.append(done / elapsed)
    turns.outside.append(1.0 - (runner.physics_seconds() - physics) / elapsed)
    return elapsed


def rows(
    task: str, runners: Sequence[Runner], turns: dict[str, Turns], first_steps: dict[str, float], counted: int
) -> list[Row]:
    """One Row a contestant, in the order in which they first come."""
    found: dict[str, Row] = {}
    own: dict[str, Turns] = {}  # of the simulator's stage, by row
    for runner in runners:
        of_it = turns[runner.name]
        row = found.setdefault(
            runner.row,
            Row(task, runner.row, runner.num_envs, first_steps.get(runner.row, 0.0), 0, counted, {}, {}),
        )
        row.rates[runner.stage] = statistics.median(of_it.rates)
        if runner.physics_seconds():
            row.outside[runner.stage] = statistics.median(of_it.outside)
        if runner.stage == SIMULATOR:
            own[runner.row], row.rounds = of_it, len(of_it.rates)
    for row in found.values():
        for name, turns_of in own.items():
            if row.what in own and name == "mujoco":
                row.to_mujoco = ratio(own[row.what].rates, turns_of.rates)
            elif row.what in own and name.startswith("Gymnasium"):
                row.to_peer = ratio(own[row.what].rates, turns_of.rates)
    return list(found.values())


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours divided by theirs, as far as both have turns."""
    return statistics.median(a / b for a, b in zip(ours, theirs))
