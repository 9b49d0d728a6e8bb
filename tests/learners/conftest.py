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
    "reward_normalization": False,
    "units": (32, 32),
    "activation": "elu",
    "separate": True,
    "fixed_sigma": True,
    "sigma_init": -0.5,
    "mixed_precision": False,
    "torch_compile": False,
}

FAST_TD3 = {
    "learner": "fast_td3",
    "horizon_length": 8,
    "learning_starts": 4,
    "warmup": "policy",
    "actor_starts": 0,
    "num_updates": 2,
    "policy_frequency": 2,
    "batch_size": 64,
    "buffer_size": 256,
    "buffer_dtype": "float32",
    "buffer_device": "auto",
    "save_buffer": True,
    "gamma": 0.97,
    "num_steps": 1,
    "tau": 0.1,
    "num_atoms": 21,
    "v_min": -20.0,
    "v_max": 0.0,
    "use_cdq": True,
    "target_actor": False,
    "policy_noise": 0.1,
    "noise_clip": 0.3,
    "std_min": 0.05,
    "std_max": 0.4,
    "actor_learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "actor_learning_rate_end": 1e-4,
    "critic_learning_rate_end": 1e-4,
    "lr_schedule": "cosine",
    "schedule_steps": 1000,
    "weight_decay": 0.01,
    "adam_beta2": 0.99,
    "max_grad_norm": 0.0,
    "obs_normalization": True,
    "reward_normalization": False,
    "network": "mlp",
    "actor_units": (32, 32),
    "critic_units": (32, 32),
    "activation": "relu",
    "norm_order": "before",
    "action_squash": "tanh",
    "init_scale": 0.01,
    "symmetry": False,
    "amp": False,
    "amp_dtype": "bf16",
    "compile": False,
    "cuda_graph": False,
}


@pytest.fixture
def fast_train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section of FastTD3, small enough for tests, with changes."""
    return lambda **changes: {**FAST_TD3, **changes}


@pytest.fixture
def train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section, small enough for tests, with changes."""
    return lambda **changes: {**BASE, **changes}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
