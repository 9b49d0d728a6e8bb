from __future__ import annotations

from typing import Any, Callable

import pytest
import torch

BASE = {
    "learner": "ppo",
    "horizon_length": 8,
    "num_minibatches": 2,
    "minibatch_size": None,
    "mini_epochs": 3,
    "learning_rate": 1e-3,
    "lr_schedule": "adaptive",
    "schedule_type": "legacy",
    "kl_threshold": 0.02,
    "gamma": 0.97,
    "tau": 0.95,
    "e_clip": 0.2,
    "clip_value": True,
    "entropy_coef": 0.0,
    "critic_coef": 2.0,
    "bounds_loss_coef": 1e-4,
    "truncate_grads": True,
    "grad_norm": 1.0,
    "normalize_input": True,
    "normalize_value": True,
    "normalize_advantage": True,
    "value_bootstrap": True,
    "reward_scale": 1.0,
    "units": (32, 32),
    "activation": "elu",
    "separate": True,
    "fixed_sigma": True,
    "sigma_init": -0.5,
    "mixed_precision": False,
    "torch_compile": False,
}


@pytest.fixture
def train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section, small enough for tests, with changes."""
    return lambda **changes: {**BASE, **changes}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
