from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import torch

from rlkit.config.files.conf import Conf

CONF = Conf(Path(__file__).parents[2] / "conf")


def train_section(file: str, **changes: Any) -> dict[str, Any]:
    """What a file in conf/train says, flat, with changes."""
    values = {name.partition(".")[2]: value for name, value in CONF.sets(f"train/{file}").items()}
    return {"network_settings": {}, **values, **changes}  # an empty section is no setting of a file


PPO = train_section(
    "PPO", horizon_length=8, num_minibatches=2, mini_epochs=3, kl_threshold=0.02, units=(32, 32)
)
FAST_TD3 = train_section(
    "FastTD3",
    horizon_length=8,
    learning_starts=4,
    batch_size=64,
    buffer_size=256,
    save_buffer=True,
    gamma=0.97,
    num_atoms=21,
    v_min=-20.0,
    v_max=0.0,
    policy_noise=0.1,
    noise_clip=0.3,
    std_min=0.05,
    actor_learning_rate=1e-3,
    critic_learning_rate=1e-3,
    actor_learning_rate_end=1e-4,
    critic_learning_rate_end=1e-4,
    schedule_steps=1000,
    weight_decay=0.01,
    adam_beta2=0.99,
    reward_normalization=False,
    actor_units=(32, 32),
    critic_units=(32, 32),
    amp=False,
    cuda_graph=False,
)
FAST_SAC = train_section(
    "FastSAC",
    horizon_length=8,
    learning_starts=4,
    num_updates=2,
    policy_frequency=2,
    batch_size=64,
    buffer_size=256,
    save_buffer=True,
    tau=0.1,
    num_atoms=21,
    v_max=5.0,
    alpha_learning_rate=1e-3,
    target_entropy_ratio=1.0,
    actor_learning_rate=1e-3,
    critic_learning_rate=1e-3,
    actor_learning_rate_end=1e-3,
    critic_learning_rate_end=1e-3,
    schedule_steps=1000,
    reward_normalization=False,
    network="mlp",
    actor_units=(32, 32),
    critic_units=(32, 32),
    activation="relu",
    amp=False,
    cuda_graph=False,
)


FLASH_SAC = train_section(
    "FlashSAC",
    horizon_length=8,
    learning_starts=4,
    learning_starts_total=None,
    num_updates=2,
    policy_frequency=2,
    batch_size=64,
    buffer_size=256,
    save_buffer=True,
    num_steps=1,
    tau=0.1,
    num_atoms=21,
    alpha_learning_rate=1e-3,
    actor_learning_rate=1e-3,
    critic_learning_rate=1e-3,
    actor_learning_rate_end=1e-3,
    critic_learning_rate_end=1e-3,
    schedule_steps=1000,
    reward_normalization=False,
    actor_units=(16, 16),
    critic_units=(16, 16),
    amp=False,
    cuda_graph=False,
)


@pytest.fixture
def flash_train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section of FlashSAC, small enough for tests, with changes."""
    return lambda **changes: {**FLASH_SAC, **changes}


@pytest.fixture
def sac_train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section of FastSAC, small enough for tests, with changes."""
    return lambda **changes: {**FAST_SAC, **changes}


@pytest.fixture
def fast_train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section of FastTD3, small enough for tests, with changes."""
    return lambda **changes: {**FAST_TD3, **changes}


@pytest.fixture
def train() -> Callable[..., dict[str, Any]]:
    """A complete `train` section of PPO, small enough for tests, with changes."""
    return lambda **changes: {**PPO, **changes}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
