"""A checkpoint with what acting needs alone: small enough to be given to others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Collection

from rlkit.runtime.policies.trained import load_trained
from rlkit.workspace import Resolved


def save_policy(source: Resolved, out: Path, *, trusted: Collection[str] = ()) -> int:
    """Write the policy of a checkpoint to the file `out`, which appears whole; returns its size [bytes].

    Left out are optimisers, critics that learn apart, episodes, random generators and counters. trusted: as of
    `load_trained`. Raises RlkitError where the checkpoint cannot be read or its file cannot be written.
    """
    trained = load_trained(source, "cpu", trusted=trusted)
    import torch  # comes with what was loaded

    from rlkit.runtime.checkpoints import checkpoint as checkpoints

    whole = checkpoints.load(source.checkpoint, torch.device("cpu"))
    alone = replace(
        whole,
        learner=trained.learner.policy_state(),
        rng={},
        env=None,
        monitor=None,
        progress=None,
        shared=None,
        acts_only=True,
    )
    return checkpoints.save(out, alone)
