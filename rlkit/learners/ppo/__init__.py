"""PPO by rl_games, behind the `Learner` seam."""
