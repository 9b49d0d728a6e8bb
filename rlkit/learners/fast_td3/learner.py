"""FastTD3 behind the `Learner` seam."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_td3.exploration import Exploration
from rlkit.learners.fast_td3.settings import Settings
from rlkit.learners.fast_td3.update import Update
from rlkit.learners.off_policy.learner import OffPolicy


class FastTD3(OffPolicy):
    """Distributional twin critics (Seo et al. 2025, arXiv 2505.22642), and plain TD3; see docs/learners.md.

    Every env explores with noise of its own scale, in training and as a stochastic policy.
    """

    settings_class = Settings
    update_class = Update
    shape = ("target_actor",)
    settings: Settings
    update: Update

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        super().__init__(train, spec, seed=seed)
        self.exploration = self._exploration(spec.num_envs, self.generator)

    def _act(self, obs: Tensor) -> Tensor:
        return self.exploration.act(self.update.actor(obs))

    def _explorer(self, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
        """Every row has a scale of its own, which it keeps while their number does."""
        exploration: Exploration | None = None

        def act(obs: Tensor) -> Tensor:
            nonlocal exploration
            if exploration is None or len(exploration.std) != len(obs):
                exploration = self._exploration(len(obs), generator)
            return exploration.act(self.update.actor(obs))

        return act

    def _ended(self, ended: Tensor) -> None:
        self.exploration.redraw(ended)

    def _exploration(self, rows: int, generator: torch.Generator) -> Exploration:
        return Exploration(rows, self.settings.std_min, self.settings.std_max, generator, self.spec.device)

    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """See `OffPolicy.state`; the scales of noise are a rank's own too."""
        return {**super().state(experience=experience), "exploration": self.exploration.std.clone()}

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """See `OffPolicy.load`."""
        super().load(state, policy_only=policy_only)
        if not policy_only and len(state["exploration"]) == self.spec.num_envs and self._num_ranks == 1:
            self.exploration.std.copy_(state["exploration"])
