"""The learners by name; a learner's library is imported when it is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Mapping

if TYPE_CHECKING:
    from rlkit.env.spec import EnvSpec
    from rlkit.learners.api import Learner, Trial

# `train.learner` in conf/train/*.yaml: (module, class).
LEARNERS = {"ppo": ("rlkit.learners.ppo", "PPO"), "fast_td3": ("rlkit.learners.fast_td3", "FastTD3")}


def make(name: str, settings: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> Learner:
    """Build the learner `name` for `spec` from the `train` section of the configuration."""
    module, cls = LEARNERS[name]
    return getattr(importlib.import_module(module), cls)(settings, spec, seed=seed)


def trial(name: str, settings: Mapping[str, Any], spec: EnvSpec) -> Trial:
    """A short iteration of the learner `name` with these settings, as its module `trial` makes it."""
    module = importlib.import_module(f"{LEARNERS[name][0]}.trial")
    return module.trial(settings, spec)
