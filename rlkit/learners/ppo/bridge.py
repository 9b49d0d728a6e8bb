"""Our env in the shape that rl_games steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from torch import Tensor

from rlkit.env.api import EnvSpec, Observations, VecEnv
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.library import IVecEnv
from rlkit.learners.saved import sizes_of


class Bridge(IVecEnv):
    """A `VecEnv` as an `IVecEnv`: observations `{obs, states?}`, one done flag, time-outs in the infos.

    columns: how many rewards a step has, each with a value of its own; the env's own is the first.
    """

    def __init__(self, spec: EnvSpec, columns: int = 1) -> None:
        self.spec, self.columns = spec, columns
        self._env: VecEnv | None = None

    @property
    def env(self) -> VecEnv:
        """The env that is stepped; raises LearnerError before `attach`."""
        if self._env is None:
            raise LearnerError("PPO has no env yet: it is handed over with `iterate(env)`")
        return self._env

    def attach(self, env: VecEnv) -> None:
        """Step this env from now on; raises LearnerError when it is not of the sizes PPO was built for."""
        if env is self._env:
            return
        ours, theirs = ({"envs": spec.num_envs, **sizes_of(spec)} for spec in (self.spec, env.spec))
        if ours != theirs:
            raise LearnerError(f"PPO was built for {ours}, this env has {theirs}")
        for name, obs in env.observe().items():
            wanted = torch.Size((self.spec.num_envs, self.spec.obs_sizes[name]))
            dtype = torch.uint8 if self.spec.of_bytes(name) else torch.float32
            if (obs.shape, obs.dtype, obs.device.type) != (wanted, dtype, self.spec.device.type):
                raise LearnerError(
                    f"The {name} observation is {list(obs.shape)} {obs.dtype} on {obs.device}; "
                    f"its spec says {list(wanted)} {dtype} on {self.spec.device}"
                )
        self._env = env

    def get_env_info(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Spaces: observations unbounded, with images bytes; actions in [-1, 1]."""
        info = {
            "observation_space": _rows(self.spec),
            "action_space": Box(-1.0, 1.0, (self.spec.num_actions,), np.float32),
            "agents": 1,
            "value_size": self.columns,
        }
        if self.spec.asymmetric:
            info["state_space"] = _unbounded(self.spec.obs_sizes["critic"])
        return info

    def reset(self) -> dict[str, Tensor]:
        """Start new episodes everywhere; see `Bridge.observations`."""
        return self.observations(self.env.reset())

    def observe(self) -> dict[str, Tensor]:
        """The current observation, without a step; see `Bridge.observations`."""
        return self.observations(self.env.observe())

    def step(self, actions: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor, dict[str, Any]]:
        """One env-step: `(observations, reward [N], done [N] bool, {time_outs [N], final_obs, reached})`.

        reached: final_obs with all groups, under our names.
        """
        obs, reward, terminated, truncated, info = self.env.step(actions)
        final_obs = self.observations(info.final_obs)
        infos = {"time_outs": truncated, "final_obs": final_obs, "reached": info.final_obs}
        return self.observations(obs), reward, terminated | truncated, infos

    def observations(self, groups: Observations) -> dict[str, Tensor]:
        """Our groups, `[N, size]` each, under rl_games' names."""
        if self.spec.asymmetric:
            return {"obs": groups["policy"], "states": groups["critic"]}
        return {"obs": groups["policy"]}


def _rows(spec: EnvSpec) -> Box:
    """What the rollout keeps of the policy's observation."""
    size = spec.obs_sizes["policy"]
    return Box(0, 255, (size,), np.uint8) if spec.images else _unbounded(size)


def _unbounded(size: int) -> Box:
    return Box(-np.inf, np.inf, (size,), np.float32)
