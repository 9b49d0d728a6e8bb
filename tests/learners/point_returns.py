"""How well a learner steers the points home."""

from __future__ import annotations

import torch

from benchmarks.point_mass import PointMass
from rlkit.learners.api import Learner


def mean_return(learner: Learner, steps: int = 40) -> float:
    """Of new episodes under the policy without noise."""
    env = PointMass(64, max_episode_length=1000, seed=77)
    env.reset()
    total = torch.zeros(64)
    policy = learner.policy()
    for _ in range(steps):
        total += env.step(policy(env.observe())).reward
    return total.mean().item()
