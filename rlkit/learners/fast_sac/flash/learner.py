"""FlashSAC behind the `Learner` seam."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_sac.flash.exploration import HeldNoise
from rlkit.learners.fast_sac.flash.settings import Settings
from rlkit.learners.fast_sac.flash.update import Update
from rlkit.learners.fast_sac.learner import FastSAC


class FlashSAC(FastSAC):
    """FastSAC with networks that batches normalise and spheres bound (arXiv 2604.04539); see docs/learners.md.

    Each env keeps its noise for some steps, in training and as a stochastic policy.
    """

    settings_class = Settings
    update_class = Update
    settings: Settings
    update: Update

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        super().__init__(train, spec, seed=seed)
        self.held = self._held(spec.num_envs, self.generator)

    def _act(self, obs: Tensor) -> Tensor:
        return self.update.actor.sample(obs, self.held.draw())[0]

    def _explorer(self, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
        """Every row keeps its noise while their number stays."""
        held: HeldNoise | None = None

        def act(obs: Tensor) -> Tensor:
            nonlocal held
            if held is None or len(held.left) != len(obs):
                held = self._held(len(obs), generator)
            return self.update.actor.sample(obs, held.draw())[0]

        return act

    def _held(self, rows: int, generator: torch.Generator) -> HeldNoise:
        settings, spec = self.settings, self.spec
        return HeldNoise(
            rows, spec.num_actions, settings.noise_most, settings.noise_power, generator, spec.device
        )

    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """See `OffPolicy.state`; the noise of its envs is a rank's own too."""
        held = {"noise": self.held.noise.clone(), "left": self.held.left.clone()}
        return {**super().state(experience=experience), "held": held}

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """See `OffPolicy.load`."""
        super().load(state, policy_only=policy_only)
        held = {} if policy_only else state["held"]
        if held and len(held["left"]) == self.spec.num_envs and self._num_ranks == 1:
            self.held.noise.copy_(held["noise"])
            self.held.left.copy_(held["left"])
