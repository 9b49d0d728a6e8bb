"""PPO's agent with a second reward, that of a style, and a value of its own for it."""

from __future__ import annotations

from typing import Any, Sequence

import torch

from rlkit.env.api import Observations
from rlkit.learners.ppo.agent import Agent, Series
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.style.reward import StyleReward
from rlkit.learners.returns import ReturnScale

TASK, STYLE = range(2)  # the columns of rewards, values and returns; advantages are summed over them


class StyleAgent(Agent):
    """Collects with the discriminator as it stands, improves the policy, then the discriminator on the same rollout.

    style: what judges. group: the observations that it is shown. weights: of the task's reward and of the style's.
    """

    def __init__(
        self,
        params: dict[str, Any],
        bridge: Bridge,
        returns: ReturnScale | None,
        style: StyleReward,
        group: str,
        weights: Sequence[float],
    ) -> None:
        super().__init__(params, bridge, returns)
        self.style, self.group, self.weights = style, group, weights
        shape = (self.horizon_length, bridge.spec.num_envs, bridge.spec.obs_sizes[group])
        self._reached = torch.zeros(shape, device=self.device)
        self._mean_style = self._mean_task = torch.zeros((), device=self.device)  # of the latest rollout

    def run_epoch(self) -> tuple[float, Series]:
        """As PPO's, with the metrics of the style among the others."""
        play_time, series = super().run_epoch()
        series["style/reward"], series["style/task_reward"] = [self._mean_style], [self._mean_task]
        series.update(self.style.learn(self._reached.flatten(0, 1), self.bridge.env))
        return play_time, series

    def _took(self, step: int, reached: Observations) -> None:
        self._reached[step] = reached[self.group]

    def _add_rewards(self) -> None:
        rewards = self.experience_buffer.tensor_dict["rewards"]
        of_style = self.style.of(self._reached)
        self._mean_style, self._mean_task = of_style.mean(), rewards[..., TASK].mean()
        rewards[..., TASK] *= self.weights[TASK]
        rewards[..., STYLE] = self.weights[STYLE] * of_style
