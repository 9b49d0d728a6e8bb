"""SAC written the plain way, each step as the paper says it: what the fast one is compared with number by number.

Separate networks, torch's own distributions, autograd through everything, stock AdamW; one step of n = 1.
"""

from __future__ import annotations

from typing import Dict, Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.distributions.transforms import TanhTransform

from benchmarks.plain_fast_td3 import PlainFastTD3

Sample = Dict[str, Tensor]


class PlainActor(nn.Module):
    """Hidden layers, and a layer each for the mean and the logarithm of the deviation."""

    def __init__(
        self, hidden: nn.Module, mean: nn.Module, log_std: nn.Module, low: float, high: float
    ) -> None:
        super().__init__()
        self.hidden, self.mean, self.log_std = hidden, mean, log_std
        self.low, self.high = low, high

    def forward(self, obs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(obs)
        share = (self.log_std(hidden).tanh() + 1) / 2
        normal = Normal(self.mean(hidden), (self.low + (self.high - self.low) * share).exp())
        before = normal.loc + normal.scale * noise
        action = before.tanh()
        slope = TanhTransform().log_abs_det_jacobian(before, action)
        return action, (normal.log_prob(before) - slope).sum(-1)


class PlainSAC:
    """One actor, two critics, two target critics, a temperature and their stock optimisers."""

    def __init__(
        self, actor: nn.Module, critics: Sequence[nn.Module], targets: Sequence[nn.Module], settings: object
    ) -> None:
        self.settings: object = settings
        self.actor, self.critics, self.targets = actor, list(critics), list(targets)
        s = vars(settings)
        self.gamma, self.tau, self.clipped_double, self.single = (
            s["gamma"],
            s["tau"],
            s["use_cdq"],
            s["num_atoms"] == 1,
        )
        self.atoms = torch.linspace(s["v_min"], s["v_max"], s["num_atoms"])
        self.log_alpha = torch.tensor(s["alpha_init"]).log().requires_grad_()
        self.target_entropy = -s["target_entropy_ratio"] * 2
        usual = {"betas": (0.9, s["adam_beta2"]), "weight_decay": s["weight_decay"]}
        parameters = [p for critic in self.critics for p in critic.parameters()]
        self.critic_optimizer = torch.optim.AdamW(parameters, lr=s["critic_learning_rate"], **usual)
        self.actor_optimizer = torch.optim.AdamW(actor.parameters(), lr=s["actor_learning_rate"], **usual)
        self.alpha_optimizer = torch.optim.AdamW(
            [self.log_alpha], lr=s["alpha_learning_rate"], betas=(0.9, s["adam_beta2"]), weight_decay=0.0
        )

    project = PlainFastTD3.project
    device = torch.device("cpu")

    def value(self, net: nn.Module, obs: Tensor, action: Tensor) -> Tensor:
        out = net(torch.cat([obs, action], -1))
        return out.squeeze(-1) if self.single else (out.softmax(-1) * self.atoms).sum(-1)

    def update_critics(self, sample: Sample, noise: Tensor) -> tuple[Tensor, Tensor]:
        alpha = self.log_alpha.exp()
        with torch.no_grad():
            action, log_prob = self.actor(sample["next_obs"], noise)
            bonus = -self.gamma * (1.0 - sample["terminated"]) * alpha * log_prob
            soft = {**sample, "reward": sample["reward"] + bonus}
            wanted = self._scalars(soft, action) if self.single else self._distributions(soft, action)
        loss = torch.zeros(())
        for critic, target in zip(self.critics, wanted):
            out = critic(torch.cat([sample["obs"], sample["action"]], -1))
            error = (
                (out.squeeze(-1) - target) ** 2 if self.single else -(target * out.log_softmax(-1)).sum(-1)
            )
            loss = loss + error.mean()
        self._step(self.critic_optimizer, loss)
        alpha_loss = -(self.log_alpha.exp() * (log_prob + self.target_entropy)).mean()
        self._step(self.alpha_optimizer, alpha_loss)
        with torch.no_grad():
            for critic, target_net in zip(self.critics, self.targets):
                for online, slow in zip(critic.parameters(), target_net.parameters()):
                    slow.mul_(1.0 - self.tau).add_(online, alpha=self.tau)
        return loss.detach(), alpha_loss.detach()

    def _scalars(self, soft: Sample, action: Tensor) -> list[Tensor]:
        values = [self.value(target, soft["next_obs"], action) for target in self.targets]
        if self.clipped_double:
            values = [torch.minimum(*values)] * 2
        return [soft["reward"] + self.gamma * (1.0 - soft["terminated"]) * value for value in values]

    def _distributions(self, soft: Sample, action: Tensor) -> list[Tensor]:
        rows = torch.cat([soft["next_obs"], action], -1)
        projected = [self.project(soft, target(rows).softmax(-1)) for target in self.targets]  # type: ignore[arg-type]
        if not self.clipped_double:
            return projected
        means = [(p * self.atoms).sum(-1) for p in projected]
        return [torch.where((means[0] < means[1])[:, None], *projected)] * 2

    def update_actor(self, sample: Sample, noise: Tensor) -> Tensor:
        action, log_prob = self.actor(sample["obs"], noise)
        values = [self.value(critic, sample["obs"], action) for critic in self.critics]
        value = torch.minimum(*values) if self.clipped_double else (values[0] + values[1]) / 2
        loss = (self.log_alpha.exp().detach() * log_prob - value).mean()
        self._step(self.actor_optimizer, loss)
        return loss.detach()

    @staticmethod
    def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
