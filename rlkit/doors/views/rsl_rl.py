"""The environments as rsl_rl's runners take them (rsl-rl-lib 3 and newer)."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

import torch
from torch import Tensor

from rlkit.env.api import EnvError, Observations, VecEnv

try:
    from tensordict import TensorDict  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise EnvError("as_rsl_rl() needs rsl-rl-lib, not installed here: pip install rsl-rl-lib") from error


Result = Tuple[Any, Tensor, Tensor, Dict[str, Any]]


class RslRlView:
    """Tensors on the envs' device; the groups of an observation are `policy` and `critic`, `[N, size]`.

    `extras["time_outs"]` `[N]` says which episodes ended by time; `extras["log"]` holds means over the episodes that
    ended in the step, as `/episode/return`. cfg: what rsl_rl's loggers keep.
    """

    def __init__(self, envs: VecEnv, cfg: Mapping[str, Any]) -> None:
        self.envs = envs
        spec = envs.spec
        self.num_envs, self.num_actions = spec.num_envs, spec.num_actions
        self.max_episode_length, self.device = spec.max_episode_length, spec.device
        self._ages = torch.zeros(spec.num_envs, dtype=torch.long, device=spec.device)
        self._spread = False
        self.cfg = dict(cfg)
        envs.reset()

    @property
    def unwrapped(self) -> VecEnv:
        """The envs themselves."""
        return self.envs

    @property
    def episode_length_buf(self) -> Tensor:
        """Steps that each episode has had, `[N]`."""
        return self._ages

    @episode_length_buf.setter
    def episode_length_buf(self, ages: Tensor) -> None:
        """Runners draw ages `[N]` lest all episodes time out together: the first time ours are spread, evenly."""
        if not self._spread:
            self.envs.stagger()
        self._ages, self._spread = ages, True

    def get_observations(self) -> Any:
        """What the last step, or the first reset, showed: a TensorDict."""
        return self._grouped(self.envs.observe())

    def reset(self) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes everywhere."""
        self._ages = torch.zeros_like(self._ages)
        return self._grouped(self.envs.reset()), {}

    def step(self, actions: Tensor) -> Result:
        """Advance one control period; actions `[N, num_actions]` are clamped to [-1, 1]."""
        step = self.envs.step(actions.to(self.device))
        ended = step.ended
        self._ages = (self._ages + 1) * ~ended
        sums = step.info.episodes
        extras: dict[str, Any] = {"time_outs": step.truncated}
        if sums:
            count = sums["count"].clamp(min=1.0)
            extras["log"] = {
                f"/episode/{name}": sums[name] / count for name in ("return", "length", "success")
            }
        return self._grouped(step.obs), step.reward, ended.long(), extras

    def _grouped(self, obs: Observations) -> Any:
        return TensorDict(dict(obs), batch_size=[self.num_envs], device=self.device)

    def close(self) -> None:
        """Release the simulator."""
        self.envs.close()
