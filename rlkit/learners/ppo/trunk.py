"""rl_games' actor-critic behind convolutions, and around a network of somebody else's."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from torch import nn

from rlkit.env.api import EnvSpec
from rlkit.learners.networks.own import Inputs, make_trunk
from rlkit.learners.networks.pixels import Encoder
from rlkit.learners.ppo.library import A2CBuilder, register_network

NAME = "rlkit_trunk"


class SeeingNetwork(A2CBuilder.Network):
    """rl_games' network on the features of an encoder, which actor and critic share: it is nearly all of the work."""

    def __init__(self, params: dict[str, Any], encoder: nn.Module, features: int, **kwargs: Any) -> None:
        super().__init__(params, **{**kwargs, "input_shape": (features,)})
        self.encoder = encoder

    def forward(self, obs_dict: Mapping[str, Any]) -> Any:
        """See rl_games'; `obs_dict["obs"]`: `[B, numbers]`."""
        return super().forward({**obs_dict, "obs": self.encoder(obs_dict["obs"])})


class TrunkBuilder(A2CBuilder):
    """Builds rl_games' network with trunks in place of its MLPs; mean, deviation and value stay its own layers.

    `params["trunk"]` makes a module and its number of features, `params["encoder"]` what stands before it, likewise;
    either may be missing.
    """

    def build(self, name: str, **kwargs: Any) -> A2CBuilder.Network:
        """See the class."""
        make = self.params.get("trunk")
        if make is None:
            return self._around(self.params, kwargs)
        actor, features = make()
        mlp = {**self.params["mlp"], "units": [features], "activation": "None"}
        network = self._around({**self.params, "mlp": mlp}, kwargs)
        network.actor_mlp = actor
        if network.separate:
            network.critic_mlp = make()[0]
        return network

    def _around(self, params: dict[str, Any], given: dict[str, Any]) -> A2CBuilder.Network:
        see = params.get("encoder")
        if see is None:
            return A2CBuilder.Network(params, **given)
        return SeeingNetwork(params, *see(), **given)


def trunk_params(network: str, settings: Any, inputs: Inputs) -> dict[str, Any]:
    """What of rl_games' network parameters asks for the class `network`."""
    register_network(NAME, TrunkBuilder)
    return {"name": NAME, "trunk": partial(make_trunk, network, settings, inputs)}


def encoder_params(cnn: Any, spec: EnvSpec) -> dict[str, Any]:
    """What of them asks for convolutions before it all."""
    register_network(NAME, TrunkBuilder)
    return {"name": NAME, "encoder": partial(_encoder, cnn, spec)}


def _encoder(cnn: Any, spec: EnvSpec) -> tuple[nn.Module, int]:
    encoder = Encoder(cnn, spec)
    return encoder, encoder.features
