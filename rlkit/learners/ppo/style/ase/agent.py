"""PPO's agent with three rewards: the task's, the style's, and that of showing which latent was acted on."""

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import Tensor

from rlkit.env.api import Observations
from rlkit.learners.ppo.agent import Series
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.style.agent import StyleAgent
from rlkit.learners.ppo.style.ase.reward import SkillReward
from rlkit.learners.ppo.style.ase.skills import diversity_loss, on_sphere
from rlkit.learners.returns import ReturnScale

SKILL = 2  # the column of rewards, values and returns behind those of the task and the style


class SkillAgent(StyleAgent):
    """As the parent; the latent is a part of the policy's observation, in `columns`, and the env draws it.

    A step is judged by the latent that it was acted on, which the state that it led to may not have any more.
    diversity: weight of the loss of acting alike at unlike latents.
    """

    style: SkillReward

    def __init__(
        self,
        params: dict[str, Any],
        bridge: Bridge,
        returns: ReturnScale | None,
        style: SkillReward,
        group: str,
        weights: Sequence[float],
        columns: slice,
        diversity: float,
    ) -> None:
        super().__init__(params, bridge, returns, style, group, weights)
        self.columns, self.diversity = columns, diversity
        self._reached = torch.zeros(*self._reached.shape[:2], style.size + style.latent, device=self.device)
        self._mean_match = self._mean_style
        self._minibatch = torch.zeros(0)  # observations of the running gradient step
        self.model.get_aux_loss = self._further_losses  # rl_games adds them to its own

    def run_epoch(self) -> tuple[float, Series]:
        """As the parent's, with how well the encoder finds the latents."""
        play_time, series = super().run_epoch()
        series["style/match"] = [self._mean_match]
        return play_time, series

    def _took(self, step: int, reached: Observations) -> None:
        acted_on = self.experience_buffer.tensor_dict["obses"][step][:, self.columns]
        torch.cat((reached[self.group], acted_on), dim=-1, out=self._reached[step])

    def _add_rewards(self) -> None:
        super()._add_rewards()
        match = self.style.match(self._reached)
        self._mean_match = match.mean()
        rewards = self.experience_buffer.tensor_dict["rewards"]
        rewards[..., SKILL] = self.weights[SKILL] * 0.5 * (match + 1.0)

    # The policy's losses.

    def calc_gradients(self, input_dict: dict[str, Tensor]) -> None:
        """As rl_games', of a minibatch by name, `[B, ...]`."""
        self._minibatch = input_dict["obs"]
        super().calc_gradients(input_dict)

    def _further_losses(self) -> dict[str, Tensor] | None:
        if self.diversity == 0.0:
            return None
        obs = self._minibatch
        latents = obs[:, self.columns]
        others = on_sphere(len(latents), self.style.latent, obs.device)
        elsewhere = obs.clone()
        elsewhere[:, self.columns] = others
        means = torch.cat((obs, elsewhere))
        for stage in self.actor():
            means = stage(means)
        here, there = means.chunk(2)
        loss = diversity_loss(here, there, latents, others)
        self.series.setdefault("losses/diversity", []).append(loss.detach())
        return {"diversity": self.diversity * loss}
