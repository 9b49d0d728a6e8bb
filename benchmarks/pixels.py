"""What images cost PPO: env-steps/s of the same training with a vector and with images of several sizes.

    python -m benchmarks.pixels [--num-envs 16] [--save]
    python -m benchmarks.pixels --cameras [--save cameras]     # what task.cameras cost an env without a learner

The environment shows what it showed before and costs nothing, so that the figures are of transport and networks alone.
CPU time of one thread is counted, which other users of the machine sway little.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from benchmarks import results
from rlkit.config import compose
from rlkit.env.api import VecEnv
from rlkit.learners.api import Learner
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.process.ranks import Ranks

ID = "benchmarks.pixels:Shown-v0"
KINDS = {
    "8 numbers": ["env.kwargs.side=0"],
    "32 x 32 x 3, auto": ["env.kwargs.side=32"],
    "64 x 64 x 3, nature": ["env.kwargs.side=64"],
    "84 x 84 x 3, nature": ["env.kwargs.side=84"],
    "84 x 84 x 3, nature, 4 frames": ["env.kwargs.side=84", "task.history=4"],
    "84 x 84 x 3, impala": ["env.kwargs.side=84", "train.cnn=impala"],
}


class Shown(gymnasium.Env):
    """Shows the same image of `side` pixels a side in every step; 0: eight numbers."""

    action_space = spaces.Box(-1.0, 1.0, (2,))

    def __init__(self, side: int) -> None:
        shape = (side, side, 3)
        self.observation_space = spaces.Box(0, 255, shape, np.uint8) if side else spaces.Box(-1.0, 1.0, (8,))
        self._shown = self.observation_space.sample()

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return self._shown, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        return self._shown, 0.0, False, False, {}


if "Shown-v0" not in gymnasium.registry:  # this module is there twice where it is run as a command
    gymnasium.register("Shown-v0", ID.replace("-v0", ""), max_episode_steps=100)


def measure(words: list[str], num_envs: int, horizon: int) -> dict[str, float]:
    """Env-steps a second of CPU time, of two iterations behind a first; and ms a step of all envs while acting."""
    experiment = compose(
        [
            "task=Gym",
            f"env.id={ID}",
            f"numEnvs={num_envs}",
            "device=cpu",
            "env.vectorization=sync",
            f"train.horizon_length={horizon}",
            *words,
        ]
    )
    env = build_env(experiment, Ranks())
    learner = build_learner(experiment, env)
    env.reset()
    learner.iterate(env)
    seconds = [_iteration(env, learner) for _ in range(2)]
    acting = _acting(env, learner)
    env.close()
    return {"env-steps/s": round(num_envs * horizon / min(seconds)), "ms a step of all": round(acting, 1)}


def _iteration(env: VecEnv, learner: Learner) -> float:
    started = time.thread_time()
    learner.iterate(env)
    return time.thread_time() - started


def _acting(env: VecEnv, learner: Learner) -> float:
    policy, obs = learner.policy(), env.observe()
    started = time.thread_time()
    for _ in range(20):
        obs = env.step(policy(obs)).obs
    return 1e3 * (time.thread_time() - started) / 20


CAMERAS = {
    "BoxGrasping": "{position: [0.6, 0, 0.4], lookat: [0, 0, 0.1]}",
    "Reach": "{position: [1.6, 0, 0.9], lookat: [0.3, 0, 0.3]}",
    "HumanoidWalk": "{body: torso_link, position: [0.2, 0, 0.6], lookat: [2, 0, 0]}",
}


def measure_cameras(task: str, num_envs: int, seconds: float) -> dict[str, float]:
    """Env-steps a second of CPU time of all threads, random actions, without and with a camera of 64 x 64; and what a
    picture takes.
    """
    found = {}
    for name, words in (("without", []), ("with", [f"task.cameras.eye={CAMERAS[task]}"])):
        experiment = compose(
            [f"task={task}", "sim=mujoco", "sim.numThreads=1", f"numEnvs={num_envs}", "device=cpu", *words]
        )
        env = build_env(experiment, Ranks())
        env.reset()
        actions = 2.0 * torch.rand(num_envs, env.spec.num_actions) - 1.0
        for _ in range(3):
            env.step(actions)
        steps, started = 0, time.process_time()
        while time.process_time() - started < seconds:
            env.step(actions)
            steps += 1
        found[name] = num_envs * steps / (time.process_time() - started)
        env.close()
    picture = 1e3 * (1.0 / found["with"] - 1.0 / found["without"])
    return {**{name: round(rate) for name, rate in found.items()}, "ms a picture": round(picture, 2)}


def cameras() -> dict[str, Any]:
    """By task and number of envs."""
    figures = {}
    for task in CAMERAS:
        for num_envs in (16, 64):
            found = figures[f"{task}, {num_envs} envs"] = measure_cameras(task, num_envs, 2.0)
            print(
                f"{task:<14}{num_envs:>4} envs",
                *(f"{name} {value:,}" for name, value in found.items()),
                sep="   ",
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--horizon", type=int, default=32)
    parser.add_argument(
        "--cameras", action="store_true", help="measure task.cameras instead, for --save cameras"
    )
    results.add_option(parser, "pixels")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = cameras() if options.cameras else {}
    for kind, words in () if options.cameras else KINDS.items():
        figures[kind] = measure(words, options.num_envs, options.horizon)
        found = figures[kind]
        print(f"{kind:<32}{found['env-steps/s']:>8,} env-steps/s {found['ms a step of all']:>7} ms a step")
    if options.save:
        results.save(options.save, figures)


if __name__ == "__main__":
    main()
