"""Any Gymnasium environment as a `VecEnv`: made and checked, bundled over processes, packed into rows."""

from rlkit.env.gym.env import GymEnv

__all__ = ["GymEnv"]
