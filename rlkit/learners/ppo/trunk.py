"""rl_games' actor-critic around a network of somebody else's."""

from __future__ import annotations

from functools import partial
from typing import Any

from rlkit.learners.networks.own import Inputs, make_trunk
from rlkit.learners.ppo.library import A2CBuilder, register_network

NAME = "rlkit_trunk"


class TrunkBuilder(A2CBuilder):
    """Builds rl_games' network with trunks in place of its MLPs; mean, deviation and value stay its own layers."""

    def build(self, name: str, **kwargs: Any) -> A2CBuilder.Network:
        """`params["trunk"]` makes a module and its number of features."""
        make = self.params["trunk"]
        actor, features = make()
        mlp = {**self.params["mlp"], "units": [features], "activation": "None"}
        network = A2CBuilder.Network({**self.params, "mlp": mlp}, **kwargs)
        network.actor_mlp = actor
        if network.separate:
            network.critic_mlp = make()[0]
        return network


def trunk_params(network: str, settings: Any, inputs: Inputs) -> dict[str, Any]:
    """What of rl_games' network parameters asks for the class `network`."""
    register_network(NAME, TrunkBuilder)
    return {"name": NAME, "trunk": partial(make_trunk, network, settings, inputs)}
