"""The environments as skrl's agents and trainers take a wrapped one; skrl itself is not imported."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from gymnasium import spaces
from torch import Tensor

from rlkit.doors.views import arrays
from rlkit.env.api import VecEnv

Result = Tuple[Tensor, Tensor, Tensor, Tensor, Dict[str, Any]]


class SkrlView:
    """Tensors on the envs' device: observations `[N, size]`, reward, terminated and truncated `[N, 1]`.

    `state` is the critic's observation where that differs from the policy's, else None. Envs that end are reset in the
    same step; trainers of skrl call `reset` once, and `reset` begins new episodes only then.
    """

    def __init__(self, envs: VecEnv) -> None:
        self.envs = envs
        spec = envs.spec
        self.num_envs, self.num_agents, self.device = spec.num_envs, 1, spec.device
        self.observation_space = arrays.observation_space(spec)
        self.action_space = arrays.action_space(spec)
        self.state_space: spaces.Box | None = None
        if spec.asymmetric:
            size = spec.obs_sizes["critic"]
            self.state_space = spaces.Box(-float("inf"), float("inf"), (size,))
        self._begun = False

    @property
    def unwrapped(self) -> VecEnv:
        """The envs themselves."""
        return self.envs

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        """The current observation `[N, size]`; the first call begins the episodes."""
        obs = self.envs.observe() if self._begun else self.envs.reset()
        self._begun = True
        return obs["policy"], {}

    def step(self, actions: Tensor) -> Result:
        """Advance one control period; actions `[N, num_actions]` are clamped to [-1, 1]."""
        step = self.envs.step(actions.to(self.device))
        info: dict[str, Any] = {"final_obs": step.info.final_obs["policy"], **arrays.told(step.info)}
        if step.info.episodes:
            count = step.info.episodes["count"].clamp(min=1.0)
            names = ("return", "length", "success")
            info["episode"] = {name: step.info.episodes[name] / count for name in names}
        flags = (flag.unsqueeze(-1) for flag in (step.reward, step.terminated, step.truncated))
        return (step.obs["policy"], *flags, info)  # type: ignore[return-value]

    def state(self) -> Tensor | None:
        """The critic's observation `[N, size]`."""
        return self.envs.observe()["critic"] if self.state_space is not None else None

    def render(self, *_: Any, **__: Any) -> None:
        """Nothing: `rlkit view` and `env.recordVideo=true` show episodes."""

    def close(self) -> None:
        """Release the simulator."""
        self.envs.close()
