"""Which objects a request becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from rlkit.config import compose
from rlkit.env.transfer import DeviceEnv
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks


def test_a_simulator_on_the_cpu_feeds_a_learner_on_cuda():
    experiment = compose(["task=BaseTask", "sim=mujoco", "numEnvs=3", "device=cpu"])
    env = build_env(replace(experiment, env=replace(experiment.env, device="cuda:0")), Ranks())
    assert isinstance(env, DeviceEnv)
    assert env.spec.device == torch.device("cuda", 0)
    assert env.env.spec.device == torch.device("cpu")
    env.close()


def test_an_env_beside_the_training_has_its_own_number_and_seed():
    experiment = compose(["task=BaseTask", "sim=mujoco", "numEnvs=3", "device=cpu", "seed=5"])
    cases: list[tuple[str, Ranks, dict[str, Any]]] = [
        ("training", Ranks(), {}),
        ("seed 5", Ranks(), {"seed": 5}),
        ("rank 1", Ranks(rank=1, size=2), {}),
        ("two", Ranks(), {"num_envs": 2, "seed": 6}),
    ]
    first = {}
    for name, ranks, asked in cases:
        env = build_env(experiment, ranks, **asked)
        assert not isinstance(env, DeviceEnv)
        first[name] = env.reset()["policy"]
        env.close()
    assert torch.equal(first["training"], first["seed 5"])
    assert not torch.equal(first["training"], first["rank 1"])
    assert len(first["two"]) == 2
