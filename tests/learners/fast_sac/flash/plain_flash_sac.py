"""FlashSAC written the plain way: torch's own layers, one network after the other, stock Adam; one step of n = 1."""

from __future__ import annotations

from typing import Any, Dict, Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.distributions.transforms import TanhTransform
from torch.nn.functional import normalize

from benchmarks.plain_fast_td3 import PlainFastTD3

Sample = Dict[str, Tensor]


class PlainBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.contract = nn.Linear(4 * width, width, bias=False)
        self.inner = nn.BatchNorm1d(4 * width, momentum=0.01)
        self.outer = nn.BatchNorm1d(width, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(self.contract(self.inner(self.expand(x)).relu())).relu()


class PlainNet(nn.Module):
    """Normalise, embed, blocks, normalise, then a layer for each of the outputs."""

    def __init__(self, inputs: int, width: int, blocks: int, outputs: Sequence[int]) -> None:
        super().__init__()
        self.inputs = nn.BatchNorm1d(inputs, momentum=0.01)
        self.embed = nn.Linear(inputs, width, bias=False)
        self.blocks = nn.ModuleList(PlainBlock(width) for _ in range(blocks))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.heads = nn.ModuleList(nn.Linear(width, size) for size in outputs)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.embed(self.inputs(x))
        for block in self.blocks:
            x = block(x)
        return [head(self.norm(x)) for head in self.heads]

    @torch.no_grad()
    def to_spheres(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.copy_(normalize(layer.weight, dim=1))
            elif isinstance(layer, nn.BatchNorm1d):
                both = torch.cat([layer.weight, layer.bias])
                length = both.norm() / len(layer.weight) ** 0.5
                layer.weight /= length
                layer.bias /= length
            elif isinstance(layer, nn.RMSNorm):
                layer.weight /= layer.weight.norm() / len(layer.weight) ** 0.5


class PlainFlashSAC:
    """One actor, two critics, two target critics, a temperature and their optimisers."""

    project = PlainFastTD3.project
    device = torch.device("cpu")

    def __init__(
        self, actor: PlainNet, critics: list[PlainNet], targets: list[PlainNet], settings: Any
    ) -> None:
        self.actor, self.critics, self.targets = actor, critics, targets
        self.low, self.high = settings.log_std_min, settings.log_std_max
        self.gamma, self.tau = settings.gamma, settings.tau
        self.atoms = torch.linspace(settings.v_min, settings.v_max, settings.num_atoms)
        self.log_alpha = torch.tensor(settings.alpha_init).log().requires_grad_()
        self.target_entropy = -settings.target_entropy_ratio * 2
        parameters = [p for critic in critics for p in critic.parameters()]
        self.critic_optimizer = torch.optim.Adam(parameters, lr=settings.critic_learning_rate)
        self.actor_optimizer = torch.optim.Adam(actor.parameters(), lr=settings.actor_learning_rate)
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=settings.alpha_learning_rate)

    def sample(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation before the tanh."""
        mean, raw = self.actor(obs)
        return mean, (self.low + (self.high - self.low) * (raw.tanh() + 1) / 2).exp()

    @staticmethod
    def squash(mean: Tensor, std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        before = mean + std * noise
        slope = TanhTransform().log_abs_det_jacobian(before, before.tanh())
        return before.tanh(), (Normal(mean, std).log_prob(before) - slope).sum(-1)

    def update_critics(self, sample: Sample, noise: Tensor) -> Tensor:
        rows = len(noise)
        self.actor.eval()
        with torch.no_grad():
            next_action, log_prob = self.squash(*self.sample(sample["next_obs"]), noise)
            joint = torch.cat(
                [
                    torch.cat([sample["obs"], sample["action"]], -1),
                    torch.cat([sample["next_obs"], next_action], -1),
                ]
            )
            probabilities = [target.train()(joint)[0][rows:].softmax(-1) for target in self.targets]
            entropy = -self.gamma * (1 - sample["terminated"]) * self.log_alpha.exp() * log_prob
            soft = {**sample, "reward": sample["reward"] + entropy}
            projected = [self.project(soft, p) for p in probabilities]  # type: ignore[arg-type]
            means = [(p * self.atoms).sum(-1) for p in projected]
            wanted = torch.where((means[0] < means[1])[:, None], *projected)
        loss = torch.zeros(())
        for critic in self.critics:
            logits = critic.train()(joint)[0][:rows]
            loss = loss - (wanted * logits.log_softmax(-1)).sum(-1).mean()
        self._step(self.critic_optimizer, loss, self.critics)
        with torch.no_grad():
            for critic, target in zip(self.critics, self.targets):
                for online, slow in zip(critic.parameters(), target.parameters()):
                    slow.lerp_(online, self.tau)
        return loss.detach()

    def update_actor(self, sample: Sample, noise: Tensor) -> tuple[Tensor, Tensor]:
        rows = len(noise)
        self.actor.train()
        mean, std = self.sample(torch.cat([sample["obs"], sample["next_obs"]]))
        action, log_prob = self.squash(mean[:rows], std[:rows], noise)
        inputs = torch.cat([sample["obs"], action], -1)
        values = [(critic.eval()(inputs)[0].softmax(-1) * self.atoms).sum(-1) for critic in self.critics]
        loss = (self.log_alpha.exp().detach() * log_prob - torch.minimum(*values)).mean()
        self._step(self.actor_optimizer, loss, [self.actor])
        alpha_loss = self.log_alpha.exp() * (-log_prob.detach().mean() - self.target_entropy)
        self._step(self.alpha_optimizer, alpha_loss, [])
        return loss.detach(), alpha_loss.detach()

    @staticmethod
    def _step(optimizer: torch.optim.Optimizer, loss: Tensor, nets: list[PlainNet]) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for net in nets:
            net.to_spheres()
