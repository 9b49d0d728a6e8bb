"""Activations that overwrite their input: where they do, and that gradients stay what they were."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from benchmarks.point_mass import PointMass
from rlkit.learners import registry
from rlkit.learners.networks.in_place import in_place


class Skipping(nn.Module):
    """What an activation is given here is needed again."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(3, 3), nn.ELU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        return x + self.act(x)


def overwriting(module: nn.Module) -> list[str]:
    return [name for name, part in module.named_modules() if getattr(part, "inplace", False)]


def test_only_what_stands_behind_a_linear_layer_overwrites() -> None:
    stages = nn.Sequential(
        nn.ELU(), nn.Linear(3, 3), nn.ELU(), nn.ReLU(), nn.Linear(3, 3), nn.SiLU(), Skipping()
    )
    in_place(stages)
    assert overwriting(stages) == ["2"]  # a SiLU's slope does not follow from its result


def test_results_are_equal_and_gradients_close() -> None:
    torch.manual_seed(0)
    mlp = nn.Sequential(nn.Linear(3, 8), nn.ELU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(16, 3)
    found = []
    for _ in range(2):
        mlp.zero_grad()
        y = mlp(x)
        y.square().sum().backward()
        found.append((y.detach(), [parameter.grad for parameter in mlp.parameters()]))
        in_place(mlp)
    assert torch.equal(found[0][0], found[1][0])
    assert_close(found[0][1], found[1][1], rtol=1e-5, atol=1e-6)


def trained(settings: dict, *, overwrite: bool) -> tuple[nn.Module, list[Tensor]]:
    torch.manual_seed(1)
    env = PointMass(16, asymmetric=True)
    env.reset()
    learner = registry.make("ppo", settings, env.spec, seed=1, trusted=("own_networks",))
    agent = learner._agent  # type: ignore[attr-defined]
    networks = nn.ModuleList([agent.model, agent.central_value_net.model])
    if not overwrite:
        for module in map(vars, networks.modules()):
            if "inplace" in module:
                module["inplace"] = False
    learner.iterate(env)
    return networks, [parameter.detach() for parameter in networks.parameters()]


def test_ppo_learns_the_same(train) -> None:
    networks, ours = trained(train(), overwrite=True)
    assert len(overwriting(networks)) == 4  # two hidden layers each
    assert_close(ours, trained(train(), overwrite=False)[1], rtol=1e-4, atol=1e-5)


def test_a_network_of_somebody_elses_stays_as_it_is(train) -> None:
    settings = train(network="own_networks:Plain")
    assert overwriting(trained(settings, overwrite=True)[0]) == []
