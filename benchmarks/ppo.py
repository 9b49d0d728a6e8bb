"""PPO's loop against rl_games' own, on the same env object: `python -m benchmarks.ppo [--task BoxGrasping]`.

The two take turns, iteration by iteration, so that a change of the machine's load meets both. rl_games' side
is its unmodified agent without its writer, printing and bookkeeping of best rewards: only what trains.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any, Callable

import torch

from rlkit.config import compose
from rlkit.env.dummy import PointMass
from rlkit.env.spec import VecEnv
from rlkit.learners.ppo import PPO
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.library import A2CAgent, AlgoObserver, no_files_no_prints
from rlkit.learners.ppo.params import minibatch_size, read_settings, rl_games_params
from rlkit.runtime.build import build_env
from rlkit.runtime.ranks import Ranks

Epoch = Callable[[], "tuple[float, float]"]
"""One iteration: seconds of (rollout, update)."""


def ours(train: Any, env: VecEnv) -> Epoch:
    learner = PPO(train, env.spec, seed=1)

    def epoch() -> tuple[float, float]:
        iteration = learner.iterate(env)
        return iteration.collect_time, iteration.update_time

    return epoch


def stock(train: Any, env: VecEnv) -> Epoch:
    bridge, settings = Bridge(env.spec), read_settings(train, env.spec)
    bridge.attach(env)
    minibatch = minibatch_size(settings, env.spec.num_envs)
    params = rl_games_params(settings, env.spec, bridge.get_env_info(), minibatch)
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


def table(times: dict[str, list[tuple[float, float]]]) -> str:
    lines = [f"{'median, ms':<12}{'rollout':>10}{'update':>10}{'both':>10}"]
    both = {}
    for name, pairs in times.items():
        rollout, update = (1e3 * statistics.median(column) for column in zip(*pairs))
        both[name] = 1e3 * statistics.median(map(sum, pairs))
        lines.append(f"{name:<12}{rollout:>10.1f}{update:>10.1f}{both[name]:>10.1f}")
    ratios = sorted(sum(a) / sum(b) for a, b in zip(times["rlkit"], times["rl_games"]))
    quarter = len(ratios) // 4
    lines.append(
        f"rlkit / rl_games: {both['rlkit'] / both['rl_games']:.2f} "
        f"(middle half of the pairs {ratios[quarter]:.2f} to {ratios[-1 - quarter]:.2f}); wanted: <= 1.10"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--task", help="a task; without one, point masses in pure torch")
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--asymmetric", action="store_true", help="point masses with a privileged critic")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(1)
    experiment = compose([f"task={args.task or 'BaseTask'}", f"numEnvs={args.num_envs}"])
    points = PointMass(args.num_envs, asymmetric=args.asymmetric)
    env: VecEnv = build_env(experiment, Ranks()) if args.task else points
    env.reset()
    epochs = {"rlkit": ours(experiment.train, env), "rl_games": stock(experiment.train, env)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in epochs}
    for i in range(args.iterations + 3):
        for name in sorted(epochs, reverse=bool(i % 2)):
            pair = epochs[name]()
            if i >= 3:  # the first ones warm up
                times[name].append(pair)
    steps = experiment.train["horizon_length"] * args.num_envs
    print(f"{env.spec.task}: {args.num_envs} envs, {steps} samples an iteration")
    print(table(times))


if __name__ == "__main__":
    main()
