"""`training.threads=auto` and `train.amp=auto` on a CPU: what is quickest here is timed, once, and remembered.

A processor's flags do not tell: on one with bf16 instructions bf16 runs at half the rate of float32, on another at four
times. The learner itself does short iterations, with its own networks, batches and optimisers, on an env of the task's
sizes that stands still. A choice must be quicker by a margin to be preferred to a simpler one.

The clock counts the CPU time of the calling thread: in parallel regions it does its share like every other, so on a
machine that others use as well the answer is that of a quiet one. What it misses is the wait for the others to wake.
"""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Callable, Dict, Mapping

import torch

from rlkit.config import Experiment
from rlkit.config.experiment import freeze, thaw
from rlkit.config.facts.machine import available_cores
from rlkit.env.api import EnvSpec
from rlkit.env.still import Still
from rlkit.learners import registry as learners
from rlkit.learners.api import Trial
from rlkit.runtime.process.machine_memory import processor, recall, remember
from rlkit.runtime.process.seeding import preserved_rng

THREADS, AMP = "training.threads", "train.amp"
GAIN = {THREADS: 1.15, AMP: 1.05}  # how many times quicker more threads, or 16 bit, must be
WAKING = 20e-6  # seconds until a sleeping thread goes on, on a quiet machine
SECONDS, LEAST_ROUNDS = 0.15, 2  # of the CPU, for one comparison

Choices = Dict[str, Any]
"""Full names of settings that were left to this machine -> the values that they got."""


@dataclass(frozen=True)
class Choice:
    """values: by name. how: in words, where they come from."""

    values: Choices
    how: str


def undecided(experiment: Experiment) -> tuple[str, ...]:
    """The names of the settings that are still `auto`."""
    open_threads = experiment.training.threads == "auto"
    open_amp = experiment.train.get("amp") == "auto"
    return ((THREADS,) if open_threads else ()) + ((AMP,) if open_amp else ())


def decide(
    experiment: Experiment, spec: EnvSpec, kept: Mapping[str, Any], *, alone: bool = True
) -> Choice | None:
    """Values for all that is undecided, None where nothing is; torch's number of threads is as before afterwards.

    kept: what the run that is resumed had. alone: False for one of several ranks, which have a core each.
    """
    names = undecided(experiment)
    if not names:
        return None
    if not alone:  # before what was kept, of which only rank 0 may know
        return Choice({name: SIMPLEST[name] for name in names}, "with several ranks")
    had = {name: kept[name] for name in names if name in kept and _valid({name: kept[name]})}
    if len(had) == len(names):
        return Choice(had, "as the resumed run had")
    found = _found(with_choices(experiment, had), spec)
    how = f"{', '.join(had)} as the resumed run had; {found.how}" if had else found.how
    return Choice({**had, **found.values}, how)


def _found(experiment: Experiment, spec: EnvSpec) -> Choice:
    """Values for what no earlier run tells, remembered or timed."""
    names = undecided(experiment)
    trial = learners.trial(experiment.train["learner"], experiment.train, spec, experiment.trusted)
    if trial is None:
        return Choice({name: SIMPLEST[name] for name in names}, "this learner has nothing to time")
    question = _question(experiment, spec, trial)
    accept = partial(_answers, names)
    answer = recall(question, accept)
    if answer is not None:
        how = f"timed on this machine before: {answer['times']}"
        return Choice({name: answer[name] for name in names}, how)
    choices, times = _timed(experiment, spec, trial)
    answer = remember(question, {**choices, "times": times}, accept)
    return Choice({name: answer[name] for name in names}, f"timed just now: {answer['times']}")


def with_choices(experiment: Experiment, choices: Mapping[str, Any]) -> Experiment:
    """The experiment with the values in place of `auto`."""
    if THREADS in choices:
        experiment = replace(experiment, training=replace(experiment.training, threads=choices[THREADS]))
    if AMP in choices:
        experiment = replace(experiment, train=freeze({**experiment.train, "amp": choices[AMP]}))
    return experiment


def _answers(names: tuple[str, ...], kept: Mapping[str, Any]) -> bool:
    """Whether what a file held can have come from here."""
    times = kept.get("times")
    return {*names, "times"} == set(kept) and _valid(kept) and isinstance(times, str) and times.isprintable()


SIMPLEST: Choices = {THREADS: 1, AMP: False}


def _valid(choices: Mapping[str, Any]) -> bool:
    threads, amp = choices.get(THREADS, 1), choices.get(AMP, False)
    return type(threads) is int and 1 <= threads <= available_cores() and type(amp) is bool


def _question(experiment: Experiment, spec: EnvSpec, trial: Trial) -> dict[str, Any]:
    """All that the answer depends on."""
    return {
        "machine": [processor(), available_cores(), platform.machine()],
        "torch": torch.__version__,
        "learner": experiment.train["learner"],
        "given": [experiment.training.threads, experiment.train.get("amp")],
        "env": [spec.num_envs, dict(spec.obs_sizes), spec.num_actions, spec.mirror is not None, spec.noisy],
        "shape": thaw(trial.shape),
    }


def _timed(experiment: Experiment, spec: EnvSpec, trial: Trial) -> tuple[Choices, str]:
    """The quickest values, and the times of what was compared, in words."""
    before, choices, said = torch.get_num_threads(), {}, []
    threads, amp = experiment.training.threads, trial.train.get("amp", False)
    try:
        with preserved_rng():
            iterate = _iteration(experiment, spec, trial, False if amp == "auto" else amp)
            if threads == "auto":
                threads, times = _best_threads(iterate)
                choices[THREADS] = threads
                said.append(", ".join(f"{_threads(n)} {_ms(seconds)}" for n, seconds in times.items()))
            if amp == "auto":
                with_16_bit = _iteration(experiment, spec, trial, True)
                exact, short = _race(_on(int(threads), iterate), _on(int(threads), with_16_bit))
                choices[AMP] = short * GAIN[AMP] < exact
                said.append(f"float32 {_ms(exact)}, 16 bit {_ms(short)}")
    finally:
        torch.set_num_threads(before)
    return choices, "; ".join(said)


def _best_threads(iterate: Callable[[], float]) -> tuple[int, dict[int, float]]:
    """As many threads as pay, doubled while they do, with the seconds of each number that was tried."""
    best, times = 1, {}
    for more in [*_doublings(available_cores()), available_cores()]:
        few, many = _race(_on(best, iterate), _on(more, iterate))
        times[best], times[more] = min(few, times.get(best, few)), many
        if many * GAIN[THREADS] >= few:
            break
        best = more
    return best, times


def _doublings(limit: int) -> tuple[int, ...]:
    return tuple(2**power for power in range(1, limit.bit_length()) if 2**power < limit)


def _iteration(experiment: Experiment, spec: EnvSpec, trial: Trial, amp: Any) -> Callable[[], float]:
    """Does a short iteration and returns what its like costs a training, in seconds a step and its updates."""
    train = {**trial.train, "amp": amp} if "amp" in trial.train else trial.train
    env = Still(spec, trial.num_envs)
    learner = learners.make(experiment.train["learner"], train, env.spec, seed=0, trusted=experiment.trusted)

    def iterate() -> float:
        started = _clock()
        done = learner.iterate(env)
        seconds = _clock() - started
        weighted = done.collect_time + trial.updates * done.update_time
        return seconds * weighted / (done.collect_time + done.update_time)

    # A replay buffer must hold that many before it is learned from
    for _ in range(train.get("num_steps", 1)):
        iterate()
    return iterate


def _on(threads: int, iterate: Callable[[], float]) -> Callable[[], float]:
    def on_threads() -> float:
        torch.set_num_threads(threads)
        return iterate()

    return on_threads


def _race(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """The shortest time of each, taking turns, so that a change of the machine's load meets both."""
    for warms_up in (one, other):
        warms_up()
    started, ones, others = _clock(), [], []
    while len(ones) < LEAST_ROUNDS or _clock() - started < SECONDS:
        ones.append(one())
        others.append(other())
    return min(ones), min(others)


def _clock() -> float:
    """Seconds that this thread has worked, and those in which it waited for others to wake."""
    if sys.platform != "linux":
        return time.perf_counter()
    import resource

    waits = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    return time.thread_time() + WAKING * waits


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"
