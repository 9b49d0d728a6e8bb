"""Soft actor-critic in the style of CleanRL: a loop on a `gymnasium.vector.VectorEnv` with resets in the same step."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass
class Settings:
    """steps: of all envs together. begin: of them random ones, before learning."""

    steps: int
    begin: int
    batch: int = 256
    gamma: float = 0.98
    tau: float = 0.01
    rate: float = 1e-3
    updates: int = 4
    units: int = 128


def network(inputs: int, outputs: int, units: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, outputs)
    )


class Actor(nn.Module):
    def __init__(self, sizes: tuple[int, int], units: int) -> None:
        super().__init__()
        self.net = network(sizes[0], 2 * sizes[1], units)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Actions and the logarithms of their densities."""
        mean, log_std = self.net(obs).chunk(2, -1)
        normal = torch.distributions.Normal(mean, log_std.clamp(-5.0, 2.0).exp())
        raw = normal.rsample()
        squash = 2.0 * (np.log(2.0) - raw - functional.softplus(-2.0 * raw))
        return raw.tanh(), (normal.log_prob(raw) - squash).sum(-1)


class Replay:
    """Transitions; `next` is the true next observation, the last one of its episode where that ended."""

    def __init__(self, size: int, obs: int, actions: int) -> None:
        self.obs, self.next = torch.zeros(size, obs), torch.zeros(size, obs)
        self.actions, self.reward, self.over = (
            torch.zeros(size, actions),
            torch.zeros(size),
            torch.zeros(size),
        )
        self.stored = 0

    def add(self, *parts: np.ndarray) -> None:
        rows = slice(self.stored, self.stored + len(parts[0]))
        for column, part in zip((self.obs, self.actions, self.reward, self.over, self.next), parts):
            column[rows] = torch.as_tensor(part, dtype=torch.float32)
        self.stored += len(parts[0])

    def draw(self, count: int) -> tuple[Tensor, ...]:
        ids = torch.randint(self.stored, (count,))
        return self.obs[ids], self.actions[ids], self.reward[ids], self.over[ids], self.next[ids]


class Learner:
    def __init__(self, obs: int, actions: int, settings: Settings) -> None:
        self.settings, sizes = settings, (obs, actions)
        self.actor = Actor(sizes, settings.units)
        self.critics = nn.ModuleList(network(sum(sizes), 1, settings.units) for _ in range(2))
        self.targets = nn.ModuleList(network(sum(sizes), 1, settings.units) for _ in range(2))
        self.targets.load_state_dict(self.critics.state_dict())
        self.log_alpha, self.entropy = torch.zeros(1, requires_grad=True), -float(actions)
        self.optimizers = [
            torch.optim.Adam(parameters, settings.rate)
            for parameters in (self.critics.parameters(), self.actor.parameters(), [self.log_alpha])
        ]

    def update(self, obs: Tensor, actions: Tensor, reward: Tensor, over: Tensor, after: Tensor) -> None:
        alpha = self.log_alpha.exp().detach()
        with torch.no_grad():
            coming, density = self.actor(after)
            value = torch.minimum(*_values(self.targets, after, coming)) - alpha * density
            goal = reward + self.settings.gamma * (1.0 - over) * value
        self._descend(0, sum(functional.mse_loss(q, goal) for q in _values(self.critics, obs, actions)))
        chosen, density = self.actor(obs)
        self._descend(1, (alpha * density - torch.minimum(*_values(self.critics, obs, chosen))).mean())
        self._descend(2, -(self.log_alpha.exp() * (density.detach() + self.entropy)).mean())
        with torch.no_grad():
            for target, source in zip(self.targets.parameters(), self.critics.parameters()):
                target.lerp_(source, self.settings.tau)

    def _descend(self, which: int, loss: Tensor | float) -> None:
        assert isinstance(loss, Tensor)
        self.optimizers[which].zero_grad()
        loss.backward()
        self.optimizers[which].step()


def _values(critics: nn.ModuleList, obs: Tensor, actions: Tensor) -> list[Tensor]:
    return [critic(torch.cat([obs, actions], -1)).squeeze(-1) for critic in critics]


def learn(envs: gymnasium.vector.VectorEnv, settings: Settings, seed: int) -> list[float]:
    """Train; the returns of all episodes in the order in which they ended, without those of random actions."""
    torch.manual_seed(seed)
    n, size = envs.num_envs, envs.single_observation_space.shape[0]  # type: ignore[index]
    learner = Learner(size, envs.single_action_space.shape[0], settings)  # type: ignore[index]
    replay = Replay(settings.steps + n, size, envs.single_action_space.shape[0])  # type: ignore[index]
    envs.action_space.seed(seed)
    obs, _ = envs.reset(seed=seed)
    earned, returns = np.zeros(n), []
    while replay.stored < settings.steps:
        with torch.no_grad():
            begun = replay.stored >= settings.begin
            actions = learner.actor(torch.as_tensor(obs))[0].numpy() if begun else envs.action_space.sample()
        after, reward, terminated, truncated, info = envs.step(actions)
        true_after, ended = after.copy(), terminated | truncated
        for env in np.flatnonzero(ended):
            true_after[env] = info["final_obs"][env]
        replay.add(obs, actions, reward, terminated, true_after)
        earned += reward
        returns += earned[ended].tolist() if begun else []
        earned[ended] = 0.0
        obs = after
        for _ in range(settings.updates if begun else 0):
            learner.update(*replay.draw(settings.batch))
    return returns
