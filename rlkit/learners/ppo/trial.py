"""A short iteration of PPO: one minibatch, collected and learned from once."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.env.api import EnvSpec
from rlkit.learners.api import Trial
from rlkit.learners.trials import fewer_rows

SHAPE = (
    "horizon_length", "minibatch_size", "mini_epochs", "network", "network_settings", "cnn", "units", "activation",
    "separate", "fixed_sigma", "memory", "memory_units", "memory_layers", "sequence_length",
)  # fmt: skip


def trial(train: Mapping[str, Any], spec: EnvSpec) -> Trial:
    """One minibatch of the training's size, or of fewer samples where that would take long."""
    inputs = spec.obs_sizes["policy"] + spec.obs_sizes["critic"]
    rows = fewer_rows(train["minibatch_size"], inputs, [train["units"]] * 2, spec.num_actions)
    num_envs = min(spec.num_envs, rows)
    sequence = 1 if train["memory"] == "none" else train["sequence_length"]
    steps = max(1, rows // num_envs // sequence) * sequence
    short = {
        "horizon_length": steps,
        "minibatch_size": steps * num_envs,
        "num_minibatches": 1,
        "mini_epochs": 1,
    }
    shape = {name: train[name] for name in SHAPE}
    return Trial({**train, **short}, num_envs, train["mini_epochs"], shape)
