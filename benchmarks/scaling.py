"""What several ranks would give, by simulation from parts that are measured here: `python -m benchmarks.scaling`.

Measured on this machine, one thread: seconds of an iteration with E, E/2, E/4 … envs (rollout and update, batches in
proportion), and the bytes and number of the reductions in it. Assumed of the network: bandwidth and latency; a ring
reduces n ranks' B bytes in 2 (n - 1) / n · B / bandwidth + 2 (n - 1) · latency. Weak scaling keeps E envs a rank,
strong E in all. Reckoned without overlap of learning and network, and without ranks that wait for a slow one.

    python -m benchmarks.scaling --save
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any, Mapping, NamedTuple, Sequence

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import results
from rlkit.config import compose
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.process.ranks import Ranks

RANKS = (2, 4, 8, 16)
BATCH = 512  # of FastTD3 where all envs are of one rank
LEARNERS = {
    "PPO": ["task=HumanoidVelocity", "train=HumanoidVelocityPPO"],
    "FastTD3": [
        "task=HumanoidVelocity",
        "train=HumanoidVelocityFastTD3",
        "train.amp=false",
        "train.learning_starts=2",
    ],
}


class Network(NamedTuple):
    """bandwidth: bytes/s of each rank's link. latency: s of one message."""

    bandwidth: float
    latency: float


NETWORKS = {
    "one machine, 10 GB/s": Network(10e9, 10e-6),
    "10 Gbit/s": Network(1.25e9, 50e-6),
    "1 Gbit/s": Network(0.125e9, 100e-6),
}


class Work(NamedTuple):
    """One iteration of one rank. seconds: by its number of envs. reductions: how many, by their bytes."""

    seconds: Mapping[int, float]
    reductions: Mapping[int, float]


def reduction(size: int, ranks: int, network: Network) -> float:
    """Seconds in which a ring of ranks adds up `size` bytes of each."""
    if ranks == 1:
        return 0.0
    return 2 * (ranks - 1) / ranks * size / network.bandwidth + 2 * (ranks - 1) * network.latency


def talking(work: Work, ranks: int, network: Network) -> float:
    """Seconds of an iteration in which the ranks talk."""
    return sum(count * reduction(size, ranks, network) for size, count in work.reductions.items())


def weak(work: Work, ranks: int, network: Network) -> float:
    """How many times the env-steps/s of one rank, with as many envs on each."""
    alone = work.seconds[max(work.seconds)]
    return ranks * alone / (alone + talking(work, ranks, network))


def strong(work: Work, ranks: int, network: Network) -> float:
    """How many times the env-steps/s of one rank, with as many envs in all; work must know their share of the envs."""
    most = max(work.seconds)
    return work.seconds[most] / (work.seconds[most // ranks] + talking(work, ranks, network))


def measure(words: Sequence[str], num_envs: int, iterations: int) -> Work:
    """The parts of one rank's iteration, with that many envs and its shares of them."""
    seconds: dict[int, float] = {}
    reductions: dict[int, float] = {}
    for share in (1, *RANKS):
        count = num_envs // share
        batch = [f"train.batch_size={BATCH // share}"] if "train.amp=false" in words else []
        alike = [
            "device=cpu",
            "sim.num_threads=1",
            "training.threads=1",
            f"numEnvs={count}",
            "training.evalInterval=0",
        ]
        experiment = compose([*words, *alike, *batch])
        torch.manual_seed(0)
        env = build_env(experiment, Ranks())
        learner: Any = build_learner(experiment, env)
        env.reset()
        times = []
        for _ in range(iterations + 1):
            iteration = learner.iterate(env)
            times.append(iteration.collect_time + iteration.update_time)
        seconds[count] = statistics.median(times[1:])
        if share == 1:
            reductions = _reductions(learner, experiment.train)
        env.close()
    return Work(seconds, reductions)


def _reductions(learner: Any, train: Mapping[str, Any]) -> dict[int, float]:
    """Bytes of the gradients that are reduced together, and how often in an iteration."""
    if train["learner"] == "ppo":
        count = train["mini_epochs"] * train["num_minibatches"]
        return {_size(learner._agent.model): count}
    critics = train["horizon_length"] * train["num_updates"]
    return {
        _size(learner.update.critics): critics,
        _size(learner.update.actor): critics / train["policy_frequency"],
    }


def _size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())


def main() -> None:
    """Measure, simulate, print, and with --save keep it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num-envs", type=int, default=128, help="E; 16 divides it")
    parser.add_argument("--iterations", type=int, default=5)
    results.add_option(parser, "scaling")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    table = Table(title="times the env-steps/s of one rank: weak / strong", title_justify="left")
    for column in ("learner", "network", *(f"{ranks} ranks" for ranks in RANKS)):
        table.add_column(column)
    for name, words in LEARNERS.items():
        work = measure(words, args.num_envs, args.iterations)
        parts = {f"{count} envs, s an iteration": round(value, 4) for count, value in work.seconds.items()}
        parts |= {
            f"reductions of {size} bytes an iteration": count for size, count in work.reductions.items()
        }
        found[name] = parts
        for network, link in NETWORKS.items():
            row = {ranks: (weak(work, ranks, link), strong(work, ranks, link)) for ranks in RANKS}
            found[name][network] = {
                f"{ranks} ranks": [round(each, 2) for each in pair] for ranks, pair in row.items()
            }
            table.add_row(name, network, *(f"{a:.2f} / {b:.2f}" for a, b in row.values()))
    console = Console(width=110)
    console.print(table)
    for name, figures in found.items():
        console.print(name, {key: value for key, value in figures.items() if not isinstance(value, dict)})
    if args.save:
        results.save(args.save, found)


if __name__ == "__main__":
    main()
