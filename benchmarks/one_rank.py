"""PPO and FastTD3 on one rank of a process group, beside the same without one: `python -m benchmarks.one_rank`.

What a group costs where there is nobody to share with: NCCL on CUDA, gloo on the CPU. Both learn the same.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import torch
from torch import distributed

from benchmarks.point_mass import PointMass
from rlkit.config import compose
from rlkit.env.api import VecEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.learners import registry


def main() -> None:
    """Print milliseconds of an iteration as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--iterations", type=int, default=20)
    args = parser.parse_args()
    device = torch.device(args.device)
    found = {f"{name}, alone, ms": _iteration(name, device, args.iterations) for name in ("ppo", "fast_td3")}
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29533", RANK="0", WORLD_SIZE="1")
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    for name in ("ppo", "fast_td3"):
        found[f"{name}, one rank, ms"] = _iteration(name, device, args.iterations)
    distributed.destroy_process_group()
    print(json.dumps(found, indent=1))


def _iteration(name: str, device: torch.device, iterations: int) -> float:
    """The median over iterations on point masses; the first three warm up."""
    cuda = device.type == "cuda"
    envs, batch = (4096, 8192) if cuda else (32, 64)
    sizes = [
        f"train.batch_size={batch}",
        "train.num_updates=2",
        "train.learning_starts=1",
        "train.buffer_size=256",
        *([] if cuda else ["train.actor_units=[64]", "train.critic_units=[64]"]),
    ]
    words = {"ppo": ["train=PPO"], "fast_td3": ["train=FastTD3", *sizes]}
    train: Any = compose([*words[name], f"numEnvs={envs}", f"device={device.type}"]).train
    env: VecEnv = PointMass(envs)
    env = DeviceEnv(env, device) if cuda else env
    torch.manual_seed(0)
    env.reset()
    learner = registry.make(name, {**train, "amp": False} if name == "fast_td3" else train, env.spec, seed=0)
    times = []
    for _ in range(iterations + 3):
        if cuda:
            torch.cuda.synchronize()
        started = time.perf_counter()
        learner.iterate(env)
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return round(1e3 * sorted(times[3:])[len(times[3:]) // 2], 2)


if __name__ == "__main__":
    main()
