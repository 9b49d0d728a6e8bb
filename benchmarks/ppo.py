"""PPO's loop against rl_games' own, on the same env object: `python -m benchmarks.ppo [--task BoxGrasping]`.

The two take turns, iteration by iteration, so that a change of the machine's load meets both. rl_games' side
is its unmodified agent without its writer, printing and bookkeeping of best rewards: only what trains.

With `--threads` rlkit races against itself instead, with each number of torch threads, and the one that
`training.threads=auto` takes is marked:

    python -m benchmarks.ppo --task BaseTask --threads 1 2 --units 64 64
    python -m benchmarks.ppo --task HumanoidVelocity --num-envs 1024 --threads 1 2 --units 512 256 128

With `--peers rsl_rl` the update alone is timed, beside rsl_rl's own and beside the bare matrix products of the same
gradient steps, at the sizes of a task (benchmarks/rsl_rl_peer.py says how):

    python -m benchmarks.ppo --peers rsl_rl --threads 1 2 --iterations 6 --save ppo_rsl_rl
"""

from __future__ import annotations

import argparse
import json
import statistics
from contextlib import closing
from typing import Any, Callable, Dict, List, Tuple

import torch

from benchmarks import results, rsl_rl_peer
from benchmarks.point_mass import PointMass
from rlkit.config import compose
from rlkit.config.experiment import thaw
from rlkit.env.api import VecEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.learner import PPO
from rlkit.learners.ppo.library import A2CAgent, AlgoObserver, no_files_no_prints
from rlkit.learners.ppo.params import rl_games_params
from rlkit.learners.ppo.settings import Settings
from rlkit.learners.settings import read_settings
from rlkit.runtime import tuning
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks

PEER_BATCH = [
    "train.horizon_length=24",
    "train.mini_epochs=5",
    "train.num_minibatches=4",
]  # what rsl_rl's tasks take

Epoch = Callable[[], "tuple[float, float]"]
"""One iteration: seconds of (rollout, update)."""


def ours(train: Any, env: VecEnv) -> Epoch:
    learner = PPO(train, env.spec, seed=1)

    def epoch() -> tuple[float, float]:
        iteration = learner.iterate(env)
        return iteration.collect_time, iteration.update_time

    return epoch


def stock(train: Any, env: VecEnv) -> Epoch:
    bridge, settings = Bridge(env.spec), read_settings(Settings, train)
    bridge.attach(env)
    params = rl_games_params(settings, env.spec, bridge.get_env_info(), train["minibatch_size"])
    params["config"].update(vec_env=bridge, features={"observer": AlgoObserver()})
    with no_files_no_prints(params["config"]):
        agent = A2CAgent("stock", params)
    agent.init_tensors()
    agent.is_tensor_obses = True

    def epoch() -> tuple[float, float]:
        agent.obs = bridge.observe()
        agent.update_epoch()
        _, rollout, update, *_ = agent.train_epoch()
        agent.dataset.update_values_dict(None)
        return rollout, update

    return epoch


Times = Dict[str, List[Tuple[float, float]]]


def medians(times: Times) -> dict[str, dict[str, float]]:
    """Milliseconds of each contestant."""
    found = {}
    for name, pairs in times.items():
        columns = [*zip(*pairs), [sum(pair) for pair in pairs]]
        values = [round(1e3 * statistics.median(column), 1) for column in columns]
        found[name] = dict(zip(("rollout", "update", "both"), values))
    return found


def ratio(times: Times, one: str, other: str) -> dict[str, float]:
    """Duration of one divided by that of another: the median over the pairs, and their middle half."""
    ratios = sorted(sum(a) / sum(b) for a, b in zip(times[one], times[other]))
    quarter = len(ratios) // 4
    middle = {"median": statistics.median(ratios), "from": ratios[quarter], "to": ratios[-1 - quarter]}
    return {name: round(value, 2) for name, value in middle.items()}


def table(times: Times) -> str:
    lines = [f"{'median, ms':<18}{'rollout':>10}{'update':>10}{'both':>10}"]
    for name, row in medians(times).items():
        lines.append(f"{name:<18}" + "".join(f"{value:>10.1f}" for value in row.values()))
    return "\n".join(lines)


def race(epochs: dict[str, Epoch], iterations: int) -> Times:
    """Seconds of every iteration of every contestant, which take turns."""
    times: Times = {name: [] for name in epochs}
    for i in range(iterations + 3):
        for name in sorted(epochs, reverse=bool(i % 2)):
            pair = epochs[name]()
            if i >= 3:  # the first ones warm up
                times[name].append(pair)
    return times


def with_threads(count: int, epoch: Epoch) -> Epoch:
    def on_threads() -> tuple[float, float]:
        torch.set_num_threads(count)
        return epoch()

    return on_threads


def beside_rsl_rl(args: argparse.Namespace) -> None:
    """Time updates of both and the floor, with each number of threads, at the sizes of `--task`; say and save it."""
    if not rsl_rl_peer.installed():
        raise SystemExit(rsl_rl_peer.INSTALL)
    task, num_envs, units = (
        args.task or "HumanoidVelocity",
        args.num_envs or 1024,
        args.units or [512, 256, 128],
    )
    sections = [f"train.units=[{','.join(map(str, units))}]", *PEER_BATCH, "device=cpu"]
    experiment = compose([f"task={task}", f"numEnvs={num_envs}", *sections])
    with closing(build_env(compose([f"task={task}", "numEnvs=1", "device=cpu"]), Ranks())) as env:
        sizes = rsl_rl_peer.sizes_of(env.spec, num_envs)
    train = rsl_rl_peer.shared_settings(thaw(experiment.train))
    print(f"{task}, standing still: {sizes}, networks {units}, gradient steps of {train['minibatch_size']}")
    figures = rsl_rl_peer.race(train, sizes, args.threads or [1], args.iterations)
    print(json.dumps(figures, indent=1))
    if args.save:
        results.save(args.save, {"sizes": sizes._asdict(), "units": units, **figures})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--task", help="a task; without one, point masses in pure torch")
    parser.add_argument("--num-envs", type=int, help="128, beside rsl_rl 1024")
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--asymmetric", action="store_true", help="point masses with a privileged critic")
    parser.add_argument("--threads", type=int, nargs="+", help="race these numbers of torch threads instead")
    parser.add_argument("--units", type=int, nargs="+", help="widths of the hidden layers")
    parser.add_argument("--peers", choices=["rsl_rl"], help="race updates against this library's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON as well")
    results.add_option(parser, "ppo")
    args = parser.parse_args()
    if args.peers:
        beside_rsl_rl(args)
        return
    args.num_envs = args.num_envs or 128

    torch.set_num_threads(1)
    torch.manual_seed(1)
    words = [f"train.units=[{','.join(map(str, args.units))}]"] if args.units else []
    device = [f"device={args.device}"]
    experiment = compose([f"task={args.task or 'BaseTask'}", f"numEnvs={args.num_envs}", *words, *device])
    points: VecEnv = PointMass(args.num_envs, asymmetric=args.asymmetric)
    points = points if args.device == "cpu" else DeviceEnv(points, torch.device(args.device))
    env: VecEnv = build_env(experiment, Ranks()) if args.task else points
    env.reset()
    steps = experiment.train["horizon_length"] * args.num_envs
    print(
        f"{env.spec.task}: {args.num_envs} envs, {steps} samples an iteration, networks {args.units or 'as is'}"
    )
    if args.threads:
        choice = tuning.decide(experiment, env.spec, {})
        auto = choice.values["training.threads"] if choice is not None else experiment.training.threads
        names = {count: f"{count} threads" + (", auto" if count == auto else "") for count in args.threads}
        learner = ours(experiment.train, env)
        times = race({name: with_threads(count, learner) for count, name in names.items()}, args.iterations)
        ratios = {name: ratio(times, names[auto], name) for name in times} if auto in names else {}
        said = [f"auto / {name}: {values['median']:.2f}" for name, values in ratios.items()]
    else:
        times = race(
            {"rlkit": ours(experiment.train, env), "rl_games": stock(experiment.train, env)}, args.iterations
        )
        ratios = {"rlkit / rl_games": ratio(times, "rlkit", "rl_games")}
        said = [f"{name}: {values}; wanted: <= 1.10" for name, values in ratios.items()]
    print("\n".join([table(times), *said]))
    figures = {"milliseconds": medians(times), "ratios": ratios}
    if args.json:
        print(json.dumps(figures, indent=1))
    if args.save:
        results.save(args.save, figures)


if __name__ == "__main__":
    main()
