"""FastTD3 written the plain way: what the fast one is timed against, and compared with number by number.

The same algorithm in eager 32-bit PyTorch, each step as the paper says it: two separate critics, both projected atom by
atom, one replay sample for each update, gradients of everything, stock AdamW. One sample of n = 1 steps.
"""

from __future__ import annotations

from typing import Dict, Sequence

import torch
from torch import Tensor, nn

Sample = Dict[str, Tensor]


class PlainReplay:
    """A ring for each field, environment-major: `[N, steps, size]`; next observations are stored in full."""

    def __init__(
        self, num_envs: int, steps: int, obs_size: int, num_actions: int, device: torch.device
    ) -> None:
        self.num_envs, self.steps = num_envs, steps
        sizes = {"obs": (obs_size,), "next_obs": (obs_size,), "action": (num_actions,)}
        shapes = {**sizes, "reward": (), "terminated": ()}
        self.fields = {
            name: torch.zeros(num_envs, steps, *shape, device=device) for name, shape in shapes.items()
        }
        self.at = self.stored = 0

    def add(self, **fields: Tensor) -> None:
        for name, value in fields.items():
            self.fields[name][:, self.at] = value
        self.at = (self.at + 1) % self.steps
        self.stored = min(self.stored + 1, self.steps)

    def sample(self, batch_size: int, generator: torch.Generator) -> Sample:
        """The same number of samples from every env."""
        count = max(1, batch_size // self.num_envs)
        index = torch.randint(
            self.stored, (self.num_envs, count), generator=generator, device=generator.device
        )
        sample = {}
        for name, values in self.fields.items():
            wide = index if values.dim() == 2 else index[..., None].expand(-1, -1, values.shape[-1])
            sample[name] = values.gather(1, wide).flatten(0, 1)
        return sample


class PlainFastTD3:
    """One actor, two critics, two target critics and their stock optimisers."""

    def __init__(
        self,
        actor: nn.Module,
        critics: Sequence[nn.Module],
        targets: Sequence[nn.Module],
        *,
        v_min: float,
        v_max: float,
        num_atoms: int,
        gamma: float,
        tau: float,
        learning_rate: float,
        weight_decay: float,
        clipped_double: bool = True,
    ) -> None:
        self.actor, self.critics, self.targets = actor, list(critics), list(targets)
        self.device = next(actor.parameters()).device
        self.atoms = torch.linspace(v_min, v_max, num_atoms, device=self.device)
        self.gamma, self.tau, self.clipped_double = gamma, tau, clipped_double
        parameters = [p for critic in self.critics for p in critic.parameters()]
        self.critic_optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
        self.actor_optimizer = torch.optim.AdamW(
            actor.parameters(), lr=learning_rate, weight_decay=weight_decay
        )

    def update_critics(self, sample: Sample, noise: Tensor, noise_clip: float = 0.5) -> Tensor:
        next_action = (self.actor(sample["next_obs"]) + noise.clamp(-noise_clip, noise_clip)).clamp(-1, 1)
        with torch.no_grad():
            logits = [target(torch.cat([sample["next_obs"], next_action], -1)) for target in self.targets]
            projected = [self.project(sample, values.softmax(-1)) for values in logits]
            means = [(p * self.atoms).sum(-1) for p in projected]
            if self.clipped_double:
                lowest = (means[0] < means[1])[:, None]
                wanted = [torch.where(lowest, *projected)] * 2
            else:
                wanted = projected
        loss = torch.zeros((), device=self.device)
        for critic, target in zip(self.critics, wanted):
            logits_now = critic(torch.cat([sample["obs"], sample["action"]], -1))
            loss = loss - (target * logits_now.log_softmax(-1)).sum(-1).mean()
        self.critic_optimizer.zero_grad()
        loss.backward()
        self.critic_optimizer.step()
        with torch.no_grad():
            for critic, target_net in zip(self.critics, self.targets):
                for online, slow in zip(critic.parameters(), target_net.parameters()):
                    slow.mul_(1.0 - self.tau).add_(online, alpha=self.tau)
        return loss.detach()

    def update_actor(self, sample: Sample) -> Tensor:
        action = self.actor(sample["obs"])
        rows = torch.cat([sample["obs"], action], -1)
        values = [(critic(rows).softmax(-1) * self.atoms).sum(-1) for critic in self.critics]
        value = torch.minimum(*values) if self.clipped_double else (values[0] + values[1]) / 2
        loss = -value.mean()
        self.actor_optimizer.zero_grad()
        loss.backward()
        self.actor_optimizer.step()
        return loss.detach()

    def project(self, sample: Sample, probabilities: Tensor) -> Tensor:
        """Each atom's mass to the two atoms around where it lands (C51, algorithm 1)."""
        atoms = self.atoms
        batch, count = probabilities.shape
        step = (atoms[-1] - atoms[0]) / (count - 1)
        discount = self.gamma * (1.0 - sample["terminated"])
        landed = (sample["reward"][:, None] + discount[:, None] * atoms).clamp(atoms[0], atoms[-1])
        position = ((landed - atoms[0]) / step).clamp(0, count - 1)
        lower, upper = position.floor().long(), position.ceil().long()
        lower = torch.where((lower == upper) & (upper > 0), lower - 1, lower)
        upper = torch.where((lower == upper) & (upper == 0), upper + 1, upper)
        out = torch.zeros_like(probabilities).flatten()
        row = (torch.arange(batch, device=self.device) * count)[:, None]
        out.index_add_(0, (lower + row).flatten(), (probabilities * (upper - position)).flatten())
        out.index_add_(0, (upper + row).flatten(), (probabilities * (position - lower)).flatten())
        return out.view(batch, count)


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class RunningStatistics:
    """Mean and standard deviation of all rows seen; updated by every batch that is normalised."""

    def __init__(self, size: int, device: torch.device) -> None:
        self.mean, self.variance = torch.zeros(size, device=device), torch.ones(size, device=device)
        self.count = 0

    def normalise(self, x: Tensor) -> Tensor:
        total = self.count + len(x)
        difference, variance = x.mean(0) - self.mean, x.var(0, unbiased=False)
        self.mean = self.mean + difference * len(x) / total
        squares = self.variance * self.count + variance * len(x)
        self.variance = (squares + difference.square() * self.count * len(x) / total) / total
        self.count = total
        return (x - self.mean) / (self.variance.sqrt() + 1e-2)
