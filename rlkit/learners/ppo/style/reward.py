"""The style's reward: a discriminator that learns, in turns with the policy, to tell its motion from the data's."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import VecEnv
from rlkit.learners import ranks
from rlkit.learners.optimizers import Adam, go_on
from rlkit.learners.ppo.agent import Series
from rlkit.learners.ppo.style.discriminator import Discriminator, loss_of
from rlkit.learners.ppo.style.replay import Replay
from rlkit.learners.ppo.style.settings import Settings
from rlkit.learners.saved import copied

GROUP = "style"  # the observation group that a style is judged by
STILL = 0.02  # normalised: what varies less counts as not at all


class StyleReward:
    """Judges observations of a group, S numbers each, and learns from those of a rollout.

    Several ranks share the networks and their normaliser; each judges, and keeps in its replay, samples of its own.
    A sibling that compares otherwise overrides what is `shown`, how it is `measured`, and the loss.
    """

    def __init__(self, settings: Settings, size: int, device: torch.device) -> None:
        self.settings = settings
        self.discriminator = self._discriminator(size)
        self.networks = nn.ModuleDict({"discriminator": self.discriminator, **self._beside(size)}).to(device)
        ranks.begin_alike(self.networks)
        self.gradients = ranks.Gradients(self.networks.parameters())
        self.optimizer = Adam(self.networks.parameters(), settings.disc_learning_rate)
        self.replay = Replay(settings.replay_size, self._row(size), settings.replay_keep, device)

    def _discriminator(self, size: int) -> Discriminator:
        return Discriminator(size, self.settings.disc_units)

    def _beside(self, size: int) -> dict[str, nn.Module]:
        """Networks by name that learn together with the discriminator; none here."""
        return {}

    def _row(self, size: int) -> int:
        """Numbers that are kept of a sample of `size`."""
        return size

    def of(self, inputs: Tensor) -> Tensor:
        """The reward `[...]` of inputs `[..., S]`, by the discriminator as it stands."""
        return self.discriminator.reward(inputs)

    def shown(self, env: VecEnv) -> Tensor:
        """What an iteration compares with: `[2 disc_batch_size, S]` of the data, drawn anew."""
        return env.demonstrations(GROUP, 2 * self.settings.disc_batch_size)

    def learn(self, played: Tensor, env: VecEnv) -> Series:
        """Improve the discriminator on a rollout `[M, S]`; metrics by name, 0-dim, one an update."""
        shown, count = self.shown(env), self.settings.disc_batch_size
        series: Series = {name: [value] for name, value in self.measured(played, shown).items()}
        for _ in range(self.settings.disc_updates):
            now = _some(played, count)
            before = self.replay.sample(count) if self.replay.count else now
            loss, metrics = self.loss(_some(shown, count), now, before)
            self.optimizer.zero_grad()
            loss.backward()
            self.gradients.average()
            self.optimizer.step()
            for name, value in metrics.items():
                series.setdefault(name, []).append(value)
        self.replay.add(played)
        return series

    def measured(self, played: Tensor, shown: Tensor) -> dict[str, Tensor]:
        """Let the normaliser learn from a rollout `[M, S]` and what it is compared with `[B, S]`; metrics, 0-dim."""
        for rows in (shown, played):
            self.discriminator.norm.update(rows)
        return {"style/spread": self._spread(played, shown)}

    def loss(self, shown: Tensor, played: Tensor, replayed: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What an update makes smaller, 0-dim, and metrics of it; rows `[B, S]` as they come."""
        return loss_of(self.discriminator, shown, played, replayed, self.settings)

    @torch.no_grad()
    def _spread(self, played: Tensor, shown: Tensor) -> Tensor:
        """How much the policy's motion varies, as a share of the data's, 0-dim: the median over the S numbers."""
        spreads = [self.discriminator.norm(rows).std(dim=0) + STILL for rows in (played, shown)]
        return (spreads[0] / spreads[1]).median()

    def state(self, *, experience: bool) -> dict[str, Any]:
        """Networks with the normaliser, optimiser, and, where it is to be saved, the replay: copies."""
        networks = {name: network.state_dict() for name, network in self.networks.items()}
        state = copied({**networks, "optimizer": self.optimizer.state_dict()})
        if experience and self.settings.save_buffer:
            state["replay"] = self.replay.state()
        return state

    def load(self, state: Mapping[str, Any]) -> bool:
        """Continue from `state()`; whether the replay came along."""
        for name, network in self.networks.items():
            network.load_state_dict(state[name])
        saved = copied(state["optimizer"])  # it would keep these very tensors
        go_on(self.optimizer, saved, self.settings.disc_learning_rate)
        return "replay" in state and self.replay.load(state["replay"])


def _some(rows: Tensor, count: int) -> Tensor:
    """`[count, S]` of `[M, S]`, any of them any number of times."""
    return rows[torch.randint(len(rows), (count,), device=rows.device)]
