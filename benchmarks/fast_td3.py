"""FastTD3's updates a second against the plain version of the same algorithm: `python -m benchmarks.fast_td3`.

A turn is two updates of both critics and one of the actor with sampling, normalising, target update and optimisers, at
48 observed numbers, 12 actions, 101 atoms, critics 1024-512-256, actor 512-256-128, replay of 64 envs x 4096 steps. The
contestants take turns, so that a change of the machine's load meets all; figures are medians over the rounds.

    python -m benchmarks.fast_td3 --threads 1 2                            # on the CPU; what `auto` takes is marked
    python -m benchmarks.fast_td3 --device cuda --batches 1024 4096 8192 32768
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from benchmarks import results
from benchmarks.plain_fast_td3 import PlainFastTD3, PlainReplay, RunningStatistics, mlp
from rlkit.config import compose
from rlkit.env.api import EnvSpec
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.off_policy.replay.buffer import ReplayBuffer
from rlkit.runtime import tuning

OBS, ACTIONS, ENVS, STEPS, ATOMS = 48, 12, 64, 4096, 101
Turn = Callable[[], None]


def main() -> None:
    arguments = _arguments()
    device = torch.device(arguments.device)
    torch.set_num_threads(arguments.threads[-1])
    torch.set_float32_matmul_precision("high")  # TF32 on CUDA for everyone; nothing changes on a CPU
    saved: dict[str, dict[str, dict[str, float]]] = {}
    table = Table(title=f"updates of the critics a second, {device}", title_justify="left")
    for column in ("batch", "contestant", "updates/s", "per CPU-second", "x plain", "launches a turn"):
        table.add_column(column, justify="left" if column == "contestant" else "right")
    console = Console(width=110)
    for batch in arguments.batches:
        contestants = _contestants(batch, device, arguments.compile, arguments.threads)
        rates, cpu_rates = _race(contestants, arguments.rounds, arguments.seconds, device)
        for name, turn in contestants.items():
            ratio = statistics.median(a / b for a, b in zip(rates[name], rates["plain, 32 bit"]))
            figures = {"updates/s": round(statistics.median(rates[name]), 2), "x plain": round(ratio, 2)}
            cpu = f"{statistics.median(cpu_rates[name]):.2f}" if device.type == "cpu" else ""
            launches = str(_launches(turn)) if device.type == "cuda" else ""
            if launches:
                figures["launches a turn"] = int(launches)
            saved.setdefault(f"batch {batch}", {})[name] = figures
            table.add_row(
                str(batch), name, f"{statistics.median(rates[name]):.2f}", cpu, f"{ratio:.2f}", launches
            )
        del contestants
    console.print(table)
    console.print(_memory())
    if arguments.json:
        print(json.dumps(saved, indent=1))
    if arguments.save:
        results.save(arguments.save, {**saved, "memory": _memory()})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of one contestant in one round, at least one turn"
    )
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[torch.get_num_threads()],
        help="of rlkit; of the plain version the last",
    )
    results.add_option(parser, "fast_td3")
    parser.add_argument("--json", action="store_true", help="print JSON as well")
    parser.add_argument("--compile", action="store_true", help="also with torch.compile")
    return parser.parse_args()


def _contestants(batch: int, device: torch.device, compiled: bool, threads: list[int]) -> dict[str, Turn]:
    found = {"plain, 32 bit": _on(threads[-1], _plain(batch, device))}
    auto = _auto(batch, device)
    for amp in (False, True):
        turn = _ours(batch, device, amp=amp, cuda_graph=False)
        for count in threads:
            name = f"rlkit, {'bf16' if amp else '32 bit'}" + (
                f", {count} threads" if len(threads) > 1 else ""
            )
            chosen = ", auto" if auto == {"training.threads": count, "train.amp": amp} else ""
            found[name + chosen] = _on(count, turn)
    if device.type == "cuda":
        found["rlkit, 32 bit, CUDA graph"] = _ours(batch, device, amp=False, cuda_graph=True)
        found["rlkit, bf16, CUDA graph"] = _ours(batch, device, amp=True, cuda_graph=True)
    if compiled:
        found["rlkit, bf16, compiled"] = _ours(batch, device, amp=True, cuda_graph=True, compile=True)
    return found


def _auto(batch: int, device: torch.device) -> dict[str, object]:
    """What `auto` takes here for these sizes; nothing on CUDA, where it is no question."""
    if device.type != "cpu":
        return {}
    experiment = compose(["train=FastTD3", "device=cpu", f"numEnvs={ENVS}", f"train.batch_size={batch}"])
    choice = tuning.decide(experiment, _spec(device), {})
    given = {"training.threads": experiment.training.threads, "train.amp": experiment.train["amp"]}
    return {**given, **(choice.values if choice is not None else {})}


def _on(threads: int, turn: Turn) -> Turn:
    def on_threads() -> None:
        torch.set_num_threads(threads)
        turn()

    return on_threads


def _race(
    contestants: dict[str, Turn], rounds: int, seconds: float, device: torch.device
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Critic updates per second of wall time and of CPU time, by contestant and round."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    cpu_rates: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):  # the first round warms up
        for name, turn in contestants.items():
            _wait(device)
            started, cpu, turns = time.perf_counter(), time.process_time(), 0
            while time.perf_counter() - started < seconds:
                turn()
                turns += 1
                if turns % 10 == 0:
                    _wait(device)
            _wait(device)
            if number:
                rates[name].append(2 * turns / (time.perf_counter() - started))
                cpu_rates[name].append(2 * turns / (time.process_time() - cpu))
    return rates, cpu_rates


def _plain(batch: int, device: torch.device) -> Turn:
    torch.manual_seed(0)
    generator = torch.Generator(device=device).manual_seed(0)
    critics = [mlp([OBS + ACTIONS, 1024, 512, 256, ATOMS]) for _ in range(4)]
    actor = torch.nn.Sequential(*mlp([OBS, 512, 256, 128, ACTIONS]), torch.nn.Tanh()).to(device)
    learner = PlainFastTD3(
        actor,
        [critic.to(device) for critic in critics[:2]],
        [critic.to(device) for critic in critics[2:]],
        v_min=-10.0,
        v_max=10.0,
        num_atoms=ATOMS,
        gamma=0.99,
        tau=0.1,
        learning_rate=3e-4,
        weight_decay=0.1,
    )
    replay = PlainReplay(ENVS, STEPS, OBS, ACTIONS, device)
    for values in replay.fields.values():
        values.normal_(generator=generator)
    replay.fields["terminated"].zero_()
    replay.stored = STEPS
    statistics_of = RunningStatistics(OBS, device)

    def turn() -> None:
        sample = {}
        for _ in range(2):
            sample = replay.sample(batch, generator)
            for name in ("obs", "next_obs"):
                sample[name] = statistics_of.normalise(sample[name])
            noise = torch.randn(len(sample["action"]), ACTIONS, generator=generator, device=device) * 0.001
            learner.update_critics(sample, noise)
        learner.update_actor(sample)

    return turn


def _ours(batch: int, device: torch.device, **changes: object) -> Turn:
    learner = FastTD3(_settings(batch, **changes), _spec(device), seed=0)
    _fill(learner)
    for _ in range(3):  # a captured turn proves itself first
        learner.turns.run(actor_learns=True)
    return lambda: learner.turns.run(actor_learns=True)


def _settings(batch: int, **changes: object) -> dict[str, object]:
    settings = compose(["train=FastTD3", "device=cpu"]).train
    resolved = {"batch_size": batch, "buffer_size": STEPS, "schedule_steps": 10**6, "actor_starts": 0}
    return {**settings, **resolved, **changes}


def _spec(device: torch.device) -> EnvSpec:
    names = tuple(f"a{i}" for i in range(ACTIONS))
    return EnvSpec("Benchmark", ENVS, device, {"policy": OBS, "critic": OBS}, ACTIONS, names, 1000, 0.02)


def _fill(learner: FastTD3) -> None:
    """Random transitions in the whole replay buffer."""
    device = learner.spec.device

    def obs() -> dict[str, torch.Tensor]:
        rows = torch.randn(ENVS, OBS, device=device)
        return {"policy": rows, "critic": rows}

    learner.replay.start(obs())
    never = torch.zeros(ENVS, dtype=torch.bool, device=device)
    for _ in range(STEPS):
        action = torch.rand(ENVS, ACTIONS, device=device) * 2 - 1
        learner.replay.add(obs(), action, torch.randn(ENVS, device=device), never, never, obs())
    learner.policy_norm.update(torch.randn(1024, OBS, device=device))


def _launches(turn: Turn) -> int:
    """Kernel and graph launches that the host makes in one turn."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        turn()
        torch.cuda.synchronize()
    names = [event.name for event in profiler.events() or []]
    return sum(name.startswith(("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch")) for name in names)


def _memory() -> str:
    parts = []
    for name, size in (("float32", 4), ("bfloat16", 2)):
        needed = ReplayBuffer.bytes_needed(
            ENVS, STEPS, OBS, OBS, ACTIONS,
            max_episode_length=1000, dtype_bytes=size, asymmetric=False, policy_in_critic=False,
        )  # fmt: skip
        parts.append(f"{needed / (ENVS * STEPS):.0f} bytes with {name} observations")
    plain = 4 * (2 * OBS + ACTIONS + 2)
    return f"memory of a stored step: {', '.join(parts)}, {plain} in the plain version"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
