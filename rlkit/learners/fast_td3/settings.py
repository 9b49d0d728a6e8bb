"""The `train` section of FastTD3 as one frozen object; docs/configuration.md says what each setting means."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Mapping, Tuple

import torch

from rlkit.learners.api import LearnerError


@dataclass(frozen=True)
class Settings:
    """Under the names of the configuration; every `auto` is resolved before it comes here.

    But for `amp`: where nobody timed which is quicker, `auto` is float32.
    """

    horizon_length: int
    learning_starts: int
    warmup: str
    actor_starts: int
    num_updates: int
    policy_frequency: int
    batch_size: int
    buffer_size: int
    buffer_dtype: str
    buffer_device: str
    save_buffer: bool
    gamma: float
    num_steps: int
    tau: float
    num_atoms: int
    v_min: float
    v_max: float
    use_cdq: bool
    target_actor: bool
    policy_noise: float
    noise_clip: float
    std_min: float
    std_max: float
    actor_learning_rate: float
    critic_learning_rate: float
    actor_learning_rate_end: float
    critic_learning_rate_end: float
    lr_schedule: str
    schedule_steps: int
    weight_decay: float
    adam_beta2: float
    max_grad_norm: float
    obs_normalization: bool
    reward_normalization: bool
    network: str
    actor_units: Tuple[int, ...]
    critic_units: Tuple[int, ...]
    activation: str
    norm_order: str
    action_squash: str
    init_scale: float
    symmetry: bool
    amp: bool
    amp_dtype: str
    compile: bool
    cuda_graph: bool

    @property
    def scalar(self) -> bool:
        """Whether the critics give one value (squared error) instead of a distribution (cross-entropy)."""
        return self.num_atoms == 1

    @property
    def low_precision(self) -> torch.dtype:
        """The 16-bit type of `amp`."""
        return torch.float16 if self.amp_dtype == "fp16" else torch.bfloat16

    @property
    def storage_dtype(self) -> torch.dtype:
        """The type that observations are stored in."""
        return torch.bfloat16 if self.buffer_dtype == "bfloat16" else torch.float32


def read_settings(train: Mapping[str, Any]) -> Settings:
    """The settings of a `train` section; raises LearnerError naming those that are missing."""
    missing = [f.name for f in fields(Settings) if f.name not in train]
    if missing:
        raise LearnerError(
            f"train: FastTD3 needs {', '.join(missing)}; take them from conf/train/FastTD3.yaml"
        )
    values = {f.name: train[f.name] for f in fields(Settings)}
    for name in ("actor_units", "critic_units"):
        values[name] = tuple(values[name])
    values["amp"] = train["amp"] is True
    return Settings(**values)
