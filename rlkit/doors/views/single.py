"""One environment as a `gymnasium.Env`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from rlkit.doors.seeds import as_seed
from rlkit.doors.views import arrays
from rlkit.env.api import EnvError, VecEnv


class SingleView(gymnasium.Env):
    """Numpy arrays: the observation `[size]` float32, an action `[num_actions]` in [-1, 1].

    A step that ends the episode returns its true last observation; the next one begins with `reset`. `info` has
    `success` and the task's criteria. Raises EnvError unless there is one env.
    """

    def __init__(self, envs: VecEnv) -> None:
        if envs.spec.num_envs != 1:
            raise EnvError(
                f"a single gymnasium.Env is made of one env, not of {envs.spec.num_envs}: make it with num_envs=1,"
                " or take as_gymnasium(), which steps all of them"
            )
        self.envs = envs
        self.metadata = {"render_modes": []}
        self.observation_space = arrays.observation_space(envs.spec)
        self.action_space = arrays.action_space(envs.spec)
        self._next: np.ndarray | None = None  # of an episode that has begun and was not shown yet

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode, with a seed always the same one, and show its first observation `[size]`."""
        seed = None if seed is None else as_seed(seed)
        super().reset(seed=seed)
        first, self._next = self._next, None
        if seed is not None:
            self.envs.reseed(seed)
        if seed is not None or first is None:
            first = arrays.as_numpy(self.envs.reset()["policy"])[0]
        return first, {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Advance one control period; action: `[num_actions]`, clamped to [-1, 1]."""
        if self._next is not None:
            raise EnvError("the episode is over: call reset() before the next step")
        step = self.envs.step(arrays.as_actions(np.asarray(action)[None], self.envs.spec))
        terminated, truncated = bool(step.terminated), bool(step.truncated)
        obs = arrays.as_numpy(step.obs["policy"])[0]
        if terminated or truncated:
            obs, self._next = arrays.as_numpy(step.info.final_obs["policy"])[0], obs
        info = {name: bool(flag) for name, flag in arrays.told(step.info).items()}
        return obs, float(step.reward), terminated, truncated, info

    def close(self) -> None:
        """Release the simulator."""
        self.envs.close()
