"""The hidden layers of an actor, and the critics as one batched network."""

from __future__ import annotations

import math
from typing import Callable, Sequence

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.networks.layers import ACTIVATIONS
from rlkit.learners.networks.own import Members, inputs_of, is_own, make_trunk
from rlkit.learners.off_policy import simba
from rlkit.learners.off_policy.settings import OffPolicySettings

LAYER_NORM_EPS = 1e-6
NUM_CRITICS = 2


def actor_torso(spec: EnvSpec, settings: OffPolicySettings) -> tuple[nn.Module, int]:
    """The hidden layers of an actor, observations `[B, size]` (normalised) to `[B, width]`, and their width."""
    units, size = settings.actor_units, spec.obs_sizes["policy"]
    if is_own(settings.network):
        return make_trunk(settings.network, settings.network_settings, inputs_of(spec, "actor"))
    if settings.network == "simba":
        return simba.Torso(None, size, units), units[-1]
    layers = _mlp(size, units, settings, nn.Linear, lambda n: nn.LayerNorm(n, eps=LAYER_NORM_EPS))
    return layers, units[-1]


def actor_head(width: int, num_actions: int, scale: float) -> nn.Linear:
    """A last layer, `[B, width]` to `[B, num_actions]`, that starts small: weights ~ N(0, scale²), bias 0."""
    head = nn.Linear(width, num_actions)
    nn.init.normal_(head.weight, 0.0, scale)
    nn.init.zeros_(head.bias)
    return head


class Critics(nn.Module):
    """Observations `[B, size]` (normalised) and actions `[B, actions]` to logits `[critics, B, atoms]`.

    The members share no parameter; they run as one batched matrix product a layer, networks of others in turn.
    """

    def __init__(self, spec: EnvSpec, settings: OffPolicySettings, members: int = NUM_CRITICS) -> None:
        super().__init__()
        units, inputs = settings.critic_units, spec.obs_sizes["critic"] + spec.num_actions
        width = units[-1]
        if is_own(settings.network):
            rows = inputs_of(spec, "critic", actions=True)
            made = [make_trunk(settings.network, settings.network_settings, rows) for _ in range(members)]
            self.torso, width = Members(trunk for trunk, _ in made), made[0][1]
        elif settings.network == "simba":
            self.torso = simba.Torso(members, inputs, units)
        else:
            self.torso = _mlp(
                inputs,
                units,
                settings,
                lambda n, m: EnsembleLinear(members, n, m),
                lambda n: EnsembleLayerNorm(members, n),
            )
        self.head = EnsembleLinear(members, width, settings.num_atoms)

    def forward(self, obs: Tensor, action: Tensor) -> Tensor:
        """See the class."""
        return self.head(self.torso(torch.cat([obs, action], -1)))


class EnsembleLinear(nn.Module):
    """`members` linear layers at once: `[B, inputs]` (shared) or `[members, B, inputs]` to `[members, B, outputs]`.

    Initialised as nn.Linear is: uniform within 1/√inputs.
    """

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.baddbmm(self.bias, x.expand(len(self.weight), *x.shape[-2:]), self.weight)


class EnsembleLayerNorm(nn.Module):
    """Layer normalisation of `[members, B, width]` with each member's own gain and offset."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        normal = nn.functional.layer_norm(x, x.shape[-1:], eps=LAYER_NORM_EPS)
        return torch.addcmul(self.bias, normal, self.weight)


def _mlp(
    size: int,
    units: Sequence[int],
    settings: OffPolicySettings,
    linear: Callable[[int, int], nn.Module],
    norm: Callable[[int], nn.Module],
) -> nn.Sequential:
    """Linear and activation for each width, with layer normalisation before or after the activation if asked."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((size, *units), units):
        layers.append(linear(inputs, outputs))
        activation = ACTIVATIONS[settings.activation]()
        if settings.network == "layer_norm":
            normal = norm(outputs)
            layers += [normal, activation] if settings.norm_order == "before" else [activation, normal]
        else:
            layers.append(activation)
    return nn.Sequential(*layers)
