"""The discriminator of AMP: its network, its loss, and the reward that it gives.

Source: Peng et al. 2021, AMP: Adversarial motion priors for stylized physics-based character control (arXiv
2104.02180), with the cross-entropy and the reward of its public versions (IsaacGymEnvs, MimicKit).
"""

from __future__ import annotations

import math
from typing import Sequence, Union

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rlkit.learners.ppo.normalizer import RunningNormalizer, ScaleNormalizer
from rlkit.learners.ppo.style.settings import Settings

Normalizer = Union[RunningNormalizer, ScaleNormalizer]

SUREST = 1e-4  # the least probability of being the policy's that counts: rewards end at 9.2


class Discriminator(nn.Module):
    """Logits `[B]` of being the data's, of normalised inputs `[B, size]`; `norm` is how these are normalised."""

    def __init__(self, size: int, units: Sequence[int], norm: Normalizer | None = None) -> None:
        super().__init__()
        self.norm: Normalizer = RunningNormalizer(size) if norm is None else norm
        widths = [size, *units]
        layers = [layer for a, b in zip(widths, units) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.trunk = nn.Sequential(*layers)
        self.logit = nn.Linear(widths[-1], 1)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, normalised: Tensor) -> Tensor:
        """See the class."""
        return self.logit(self.trunk(normalised)).squeeze(-1)

    def weights(self) -> list[Tensor]:
        """The matrices `[outputs, inputs]` of all layers, the last one last."""
        return [parameter for parameter in self.parameters() if parameter.dim() == 2]

    @torch.no_grad()
    def reward(self, inputs: Tensor) -> Tensor:
        """The style's reward `[...]` of inputs `[..., size]`: −log(1 − σ(D)), which is softplus(D), up to 9.2."""
        return softplus(self(self.norm(inputs))).clamp(max=-math.log(SUREST))


def gradient_penalty(discriminator: Discriminator, normalised: Tensor) -> Tensor:
    """E‖∂D/∂x‖², 0-dim, of normalised inputs `[B, size]`: how steep it is there."""
    inputs = normalised.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(inputs).sum(), inputs, create_graph=True)
    return slope.square().sum(dim=-1).mean()


def loss_of(
    discriminator: Discriminator,
    shown: Tensor,
    played: Tensor,
    replayed: Tensor,
    settings: Settings,
    *,
    smooth_at_both: bool = False,
    strange: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator learns from, 0-dim, and metrics of it; inputs `[B, size]` as they come, not normalised.

    ½ [softplus(−D(shown)) + ½ (softplus(D(played)) + softplus(D(replayed)))] + the weighted penalties on the slope at
    the data, on the last layer and on all layers. smooth_at_both: the slope is that at the rollout as well. strange:
    `[B, size]` that is false too, and counts as much as the other two.
    """
    given = (shown, played, replayed) if strange is None else (shown, played, replayed, strange)
    normal = [discriminator.norm(inputs) for inputs in given]
    of_shown, *of_false = discriminator(torch.cat(normal)).split([len(inputs) for inputs in normal])
    of_played = of_false[0]
    false = torch.stack([softplus(logits).mean() for logits in of_false]).mean()
    entropy = softplus(-of_shown).mean() + false
    slope = gradient_penalty(discriminator, torch.cat(normal[:2]) if smooth_at_both else normal[0])
    weights = discriminator.weights()
    loss = (
        0.5 * entropy
        + settings.disc_gradient_penalty * slope
        + settings.disc_logit_penalty * weights[-1].square().sum()
        + settings.disc_weight_decay * torch.stack([weight.square().sum() for weight in weights]).sum()
    )
    return loss, {
        "losses/discriminator": loss.detach(),
        "losses/gradient_penalty": slope.detach(),
        "style/accuracy_data": (of_shown > 0.0).float().mean(),
        "style/accuracy_policy": (of_played < 0.0).float().mean(),
    }
