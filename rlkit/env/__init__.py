"""The environment: a simulator and a task become what a learner sees."""

from rlkit.env.spec import EnvSpec, StepInfo, VecEnv

__all__ = ["EnvSpec", "StepInfo", "VecEnv"]
