"""The environments as a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from typing import Any, Dict, Sequence

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from rlkit.doors.seeds import as_seed
from rlkit.doors.views import arrays
from rlkit.env.api import EnvError, Step, VecEnv

Info = Dict[str, Any]


class VectorView(VectorEnv):
    """Numpy arrays, or torch tensors where `torch` asks for them; actions may always be either.

    `step` returns the observation `[N, size]` float32, the reward `[N]` (float64, as Gymnasium's own; float32 in
    torch), terminated and truncated `[N]` bool, and an info. Envs that end are reset in the same step
    (`AutoresetMode.SAME_STEP`): `info["final_obs"]` then holds their true last observations, one for each env or None,
    and `info["final_info"]` whether they succeeded, with `_final_obs` and `_final_info` saying for which envs. In torch
    `info["final_obs"]` is `[N, size]`. Arrays share memory with the env's tensors, which no later step writes into.
    """

    def __init__(self, envs: VecEnv, *, torch: bool = False) -> None:
        self.envs, self.torch = envs, torch
        spec = envs.spec
        self.num_envs = spec.num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}
        self.single_observation_space = arrays.observation_space(spec)
        self.single_action_space = arrays.action_space(spec)
        self.observation_space = batch_space(self.single_observation_space, spec.num_envs)
        self.action_space = batch_space(self.single_action_space, spec.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Info | None = None
    ) -> tuple[Any, Info]:
        """Begin new episodes everywhere, with a seed always the same ones; a list of seeds counts as one.

        Raises EnvError for the option `reset_mask`: single envs are reset where they end.
        """
        if options and "reset_mask" in options:
            raise EnvError("reset takes no reset_mask: an env is reset in the step in which its episode ends")
        number = self._one(seed)
        if number is not None:
            super().reset(seed=number)
            self.envs.reseed(number)
        return self._given(self.envs.reset()["policy"]), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, Info]:
        """Advance one control period; actions: `[N, num_actions]`, clamped to [-1, 1]."""
        step = self.envs.step(arrays.as_actions(actions, self.envs.spec))
        ended = step.terminated | step.truncated
        info = self._info(step, ended) if bool(ended.any()) else {}
        reward = step.reward if self.torch else arrays.as_numpy(step.reward).astype(np.float64)
        flags = self._given(step.terminated), self._given(step.truncated)
        return (self._given(step.obs["policy"]), reward, *flags, info)

    def _info(self, step: Step, ended: Tensor) -> Info:
        """Of a step in which envs have ended."""
        final, last = step.info.final_obs["policy"], arrays.told(step.info)
        which = self._given(ended)
        final_info: Info = {name: self._given(flags) for name, flags in last.items()}
        final_info.update({f"_{name}": which.copy() if not self.torch else which.clone() for name in last})
        info = {"final_info": final_info, "_final_info": which, "_final_obs": self._given(ended.clone())}
        if self.torch:
            return {"final_obs": final, **info}
        rows, each = arrays.as_numpy(final), np.full(self.num_envs, None, dtype=object)
        for env in np.flatnonzero(which):
            each[env] = rows[env]
        return {"final_obs": each, **info}

    def _given(self, tensor: Tensor) -> Any:
        return tensor if self.torch else arrays.as_numpy(tensor)

    def _one(self, seed: int | Sequence[int | None] | None) -> int | None:
        """One seed of a list: the envs share their generator."""
        if seed is None:
            return None
        if not isinstance(seed, (list, tuple, np.ndarray)):
            return as_seed(seed)
        seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise EnvError(f"{len(seeds)} seeds for {self.num_envs} envs: give one, or one for each")
        given = [as_seed(number) for number in seeds if number is not None]
        return int(np.random.SeedSequence(given).generate_state(1)[0]) if given else None

    def render(self) -> None:
        """Nothing: `rlkit view` and `env.recordVideo=true` show episodes."""

    def close_extras(self, **_: Any) -> None:
        """Release the simulator."""
        self.envs.close()
