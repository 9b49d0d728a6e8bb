"""Measures physics and the env around it, in rounds that alternate between the contestants."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

import psutil
import torch

from benchmarks.contestants import Contestant, Engine, Floor, Ours, Peer, Work
from rlkit.config import Experiment
from rlkit.env.task_env import TaskEnv
from rlkit.sims import registry
from rlkit.sims.api import PhysicsSettings
from rlkit.tasks.registry import task_class

WARM_UP = 50  # env-steps before anything is measured
RECORDED = 32  # env-steps of work to repeat
RUN_SECONDS = 0.3  # of one contestant in one round, about
MIN_ROUNDS = 5


@dataclass
class Result:
    """Medians over the rounds at one number of envs.

    rates: env-steps/s of wall time, by contestant. ratios: ours divided by theirs; cpu_ratios: the same per
    CPU-second of this process, which a busy machine disturbs less. outside_physics: share of the env's time.
    """

    num_envs: int
    rounds: int = 0
    rates: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    cpu_ratios: dict[str, float] = field(default_factory=dict)
    env_rate: float = 0.0
    outside_physics: float = 0.0
    rss_gb: float = 0.0


def make_env(experiment: Experiment, num_envs: int) -> TaskEnv:
    """The task's env as training builds it, with another number of envs."""
    config, settings = experiment.task, experiment.sim
    cls = task_class(experiment.task_name)
    physics = PhysicsSettings(
        **{name: getattr(settings, name) for name in PhysicsSettings.__dataclass_fields__}
    )
    sim = registry.make(settings.name, cls.scene(config), physics, num_envs, "cpu")
    return TaskEnv(sim, cls(config, sim, torch.Generator().manual_seed(0)))


def measure_env(env: TaskEnv, result: Result, seconds: float) -> None:
    """Step the whole env under random actions, resets included, for about `seconds`."""
    num_envs, num_actions = env.spec.num_envs, env.spec.num_actions
    env.reset()
    env.stagger()
    actions = [2.0 * torch.rand(num_envs, num_actions) - 1.0 for _ in range(WARM_UP)]
    for action in actions:
        env.step(action)
    env.physics_time, steps = 0.0, 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or steps < 10:
        env.step(actions[steps % WARM_UP])
        steps += 1
    elapsed = time.perf_counter() - started
    result.env_rate = steps * num_envs / elapsed
    result.outside_physics = 1.0 - env.physics_time / elapsed
    result.rss_gb = psutil.Process().memory_info().rss / 1e9


def record_work(env: TaskEnv) -> Work:
    """The next `RECORDED` env-steps of random actions, from where the env is now."""
    sim, controls = env.sim, []
    step, start = sim.step, sim.state()

    def recording(ctrl: torch.Tensor, num_steps: int) -> None:
        controls.append(ctrl.clone())
        step(ctrl, num_steps)

    sim.step = recording
    for _ in range(RECORDED):
        env.step(2.0 * torch.rand(env.spec.num_envs, env.spec.num_actions) - 1.0)
    sim.step = step
    steps_per_control = sim.physics.steps_per_control(env.spec.control_period)
    threads = sim.physics.num_threads
    return Work(sim.spec, sim.physics, start, torch.stack(controls), steps_per_control, threads)


def compare(contestants: list[Contestant], steps: int, result: Result, seconds: float) -> None:
    """Rounds of one run each, in an order that rotates, for about `seconds`; the first contestant is ours."""
    wall: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    cpu: dict[str, list[float]] = {contestant.name: [] for contestant in contestants if contestant.in_process}
    for contestant in contestants:  # not counted: pages in, starts threads
        contestant.restart()
        contestant.run(steps)
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or result.rounds < MIN_ROUNDS:
        turn = result.rounds % len(contestants)
        for contestant in contestants[turn:] + contestants[:turn]:
            contestant.restart()
            wall_before, cpu_before = time.perf_counter(), time.process_time()
            done = contestant.run(steps)
            wall[contestant.name].append(done / (time.perf_counter() - wall_before))
            if contestant.in_process:
                cpu[contestant.name].append(done / (time.process_time() - cpu_before))
        result.rounds += 1
    result.rates = {name: statistics.median(values) for name, values in wall.items()}
    result.ratios = ratios(wall, contestants[0].name)
    result.cpu_ratios = ratios(cpu, contestants[0].name)


def ratios(rates: dict[str, list[float]], ours: str) -> dict[str, float]:
    """The median over the rounds of ours divided by theirs."""
    return {
        name: statistics.median(a / b for a, b in zip(rates[ours], theirs)) for name, theirs in rates.items()
    }


def measure(experiment: Experiment, sizes: list[int], seconds: float) -> list[Result]:
    """One Result a number of envs. The largest first, so that its memory is that of training alone."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    results: list[Result] = []
    peer: Peer | None = None
    for num_envs in sorted(sizes, reverse=True):
        result, env = Result(num_envs), make_env(experiment, num_envs)
        measure_env(env, result, 0.3 * seconds)
        work = record_work(env)
        env.close()
        peer = peer or Peer(work)
        engines = [
            Engine(work, fresh=True),
            Engine(work, fresh=True, persistent=True),
            Engine(work, fresh=False),
        ]
        own = [Ours(work), *engines, Floor(work)]
        steps = min(RECORDED, max(2, round(RUN_SECONDS * result.env_rate / num_envs)))
        compare([*own, peer], steps, result, seconds)
        for contestant in own:
            contestant.close()
        results.insert(0, result)
    if peer:
        peer.close()
    return results
