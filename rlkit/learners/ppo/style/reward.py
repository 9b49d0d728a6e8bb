"""The style's reward: a discriminator that learns, in turns with the policy, to tell its motion from the data's."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.api import VecEnv
from rlkit.learners.optimizers import Adam
from rlkit.learners.ppo.agent import Series
from rlkit.learners.ppo.style.discriminator import Discriminator, loss_of
from rlkit.learners.ppo.style.replay import Replay
from rlkit.learners.ppo.style.settings import Settings
from rlkit.learners.saved import copied

GROUP = "style"  # the observation group that a style is judged by
STILL = 0.02  # normalised: what varies less counts as not at all


class StyleReward:
    """Judges observations of the group `style`, S numbers each, and learns from those of a rollout.

    A sibling that compares otherwise overrides `shown`, and the discriminator's normaliser.
    """

    def __init__(self, settings: Settings, size: int, device: torch.device) -> None:
        self.settings = settings
        self.discriminator = Discriminator(size, settings.disc_units).to(device)
        self.optimizer = Adam(self.discriminator.parameters(), settings.disc_learning_rate)
        self.replay = Replay(settings.replay_size, size, settings.replay_keep, device)

    def of(self, inputs: Tensor) -> Tensor:
        """The reward `[...]` of inputs `[..., S]`, by the discriminator as it stands."""
        return self.discriminator.reward(inputs)

    def shown(self, env: VecEnv) -> Tensor:
        """What an iteration compares with: `[2 disc_batch_size, S]` of the data, drawn anew."""
        return env.demonstrations(GROUP, 2 * self.settings.disc_batch_size)

    def learn(self, played: Tensor, env: VecEnv) -> Series:
        """Improve the discriminator on a rollout `[M, S]`; metrics by name, 0-dim, one an update."""
        shown, count = self.shown(env), self.settings.disc_batch_size
        for rows in (shown, played):
            self.discriminator.norm.update(rows)
        series: Series = {"style/spread": [self._spread(played, shown)]}
        for _ in range(self.settings.disc_updates):
            now = _some(played, count)
            before = self.replay.sample(count) if self.replay.count else now
            loss, metrics = loss_of(self.discriminator, _some(shown, count), now, before, self.settings)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            for name, value in metrics.items():
                series.setdefault(name, []).append(value)
        self.replay.add(played)
        return series

    @torch.no_grad()
    def _spread(self, played: Tensor, shown: Tensor) -> Tensor:
        """How much the policy's motion varies, as a share of the data's, 0-dim: the median over the S numbers."""
        spreads = [self.discriminator.norm(rows).std(dim=0) + STILL for rows in (played, shown)]
        return (spreads[0] / spreads[1]).median()

    def state(self, *, experience: bool) -> dict[str, Any]:
        """Discriminator with its normaliser, optimiser, and, where it is to be saved, the replay: copies."""
        state = copied(
            {"discriminator": self.discriminator.state_dict(), "optimizer": self.optimizer.state_dict()}
        )
        if experience and self.settings.save_buffer:
            state["replay"] = self.replay.state()
        return state

    def load(self, state: Mapping[str, Any]) -> bool:
        """Continue from `state()`; whether the replay came along."""
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        return "replay" in state and self.replay.load(state["replay"])


def _some(rows: Tensor, count: int) -> Tensor:
    """`[count, S]` of `[M, S]`, any of them any number of times."""
    return rows[torch.randint(len(rows), (count,), device=rows.device)]
