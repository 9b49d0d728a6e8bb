"""The environments as a `VecEnv` of Stable-Baselines3."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from rlkit.doors.seeds import as_seed
from rlkit.doors.views import arrays
from rlkit.env.api import EnvError, Step, VecEnv
from rlkit.packages import how_to_install

try:
    from stable_baselines3.common.vec_env import VecEnv as Sb3VecEnv  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise EnvError(
        f"as_sb3() needs stable-baselines3, not installed here: {how_to_install('peers')}"
    ) from error


Result = Tuple[np.ndarray, np.ndarray, np.ndarray, List[Dict[str, Any]]]


class Sb3View(Sb3VecEnv):
    """Numpy arrays: observations `[N, size]` float32, rewards `[N]` float32, dones `[N]` bool, an info for each env.

    Where an episode ends the info holds `terminal_observation`, `TimeLimit.truncated` (by which SB3 bootstraps) and
    `is_success`. There is nothing to render.
    """

    def __init__(self, envs: VecEnv) -> None:
        self.envs = envs
        spec = envs.spec
        self._actions: Any = None
        super().__init__(spec.num_envs, arrays.observation_space(spec), arrays.action_space(spec))

    def reset(self) -> np.ndarray:
        """Begin new episodes everywhere and show `[N, size]`, with the seed that `seed` was given before, if it was."""
        seed = self._seeds[0]
        if seed is not None:
            self.envs.reseed(as_seed(seed))
        self._reset_seeds()
        self._reset_options()
        return arrays.as_numpy(self.envs.reset()["policy"])

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions `[N, num_actions]`; `step_wait` carries them out."""
        self._actions = actions

    def step_wait(self) -> Result:
        """Advance one control period."""
        step = self.envs.step(arrays.as_actions(self._actions, self.envs.spec))
        dones = arrays.as_numpy(step.ended)
        obs, reward = arrays.as_numpy(step.obs["policy"]), arrays.as_numpy(step.reward)
        return obs, reward, dones, self._infos(step, dones)

    def _infos(self, step: Step, dones: np.ndarray) -> list[dict[str, Any]]:
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            final, success = arrays.as_numpy(step.info.final_obs["policy"]), step.info.success.tolist()
            truncated = step.truncated.tolist()
            for env in np.flatnonzero(dones):
                infos[env] = {
                    "terminal_observation": final[env],
                    "TimeLimit.truncated": truncated[env],
                    "is_success": success[env],
                }
        return infos

    def close(self) -> None:
        """Release the simulator."""
        self.envs.close()

    # SB3 asks such things of envs that are objects of their own; ours are rows of one.

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same attribute of all envs, of this view or of `VecEnv`; `render_mode` is None."""
        value = None if attr_name == "render_mode" else getattr(self.envs, attr_name)
        return [value] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """An EnvError: no env has attributes of its own."""
        raise EnvError(f"{attr_name} cannot be set in single envs: give it to rlkit.make")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """An EnvError: no env has methods of its own."""
        raise EnvError(f"{method_name} cannot be called in single envs: they are rows of one")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No env is wrapped: what is said of episodes here needs no Monitor."""
        return [False] * len(list(self._get_indices(indices)))
