"""PPO by rl_games, behind the `Learner` seam."""

from __future__ import annotations

from rlkit.learners.ppo.learner import PPO

__all__ = ["PPO"]
