"""A short iteration: one step of all envs, and updates of the critics until the actor has had its own."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from rlkit.env.api import EnvSpec
from rlkit.learners.api import Trial
from rlkit.learners.trials import fewer_rows

SHAPE = (
    "batch_size", "num_updates", "policy_frequency", "num_steps", "num_atoms", "use_cdq", "network",
    "network_settings", "actor_units", "critic_units", "activation", "norm_order", "symmetry", "amp_dtype",
    "buffer_dtype",
)  # fmt: skip


def trial(train: Mapping[str, Any], spec: EnvSpec, own: Sequence[str]) -> Trial:
    """Updates with the training's batch, or with fewer samples where that would take long.

    own: the settings of this learner alone on which their duration depends.
    """
    updates = train["policy_frequency"]
    networks = [train["critic_units"]] * (2 * updates) + [train["actor_units"]]
    inputs = spec.obs_sizes["critic"] + spec.num_actions
    short = {
        "horizon_length": 1,
        "num_updates": updates,
        "batch_size": fewer_rows(train["batch_size"], inputs, networks, train["num_atoms"]),
        "buffer_size": train["num_steps"] + 1,
        "learning_starts": 0,
        "warmup": "policy",
        "actor_starts": 0,
        "compile": False,
        "cuda_graph": False,
        "overlap": False,
        "save_buffer": False,
    }
    shape = {name: train[name] for name in (*SHAPE, *own)}
    return Trial({**train, **short}, spec.num_envs, train["num_updates"] / updates, shape)
