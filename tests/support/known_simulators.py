"""What the contract suite may ask of each simulator: the differences that are known and written down."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlkit.sims.api import Simulator


@dataclass(frozen=True)
class Facts:
    """A simulator that is not named in `FACTS` must meet the strictest of everything.

    sameness: how far the numbers of one env may be off where it steps among another number of envs, or where model
    fields vary elsewhere, relative to 1 + their size; 0: they are bit-equal. The same simulator called twice is always
    bit-equal. slow: whether its part of the contract suite takes more than a few seconds. compiles: whether each scene,
    number of envs, length of a step and set of what varies is a program of its own, which takes long to compile.
    contact_pairs: whether forces are told apart by the other body, with the number of contact points; where not, a
    scene that asks for them is refused by name. model_fields: whether MuJoCo's model fields vary per env.
    ground_friction: whether the ground's friction is an env's own; where not, friction is the mean of ground and body.
    sensors: whether those of the robot's own file are read; where not, a scene that lists one is refused by name.
    several: whether a process may have several simulations at once; where not, it has no tests that compare two.
    """

    sameness: float = 0.0
    slow: bool = False
    compiles: bool = False
    contact_pairs: bool = True
    model_fields: bool = True
    ground_friction: bool = True
    sensors: bool = True
    several: bool = True


FACTS: dict[str, Facts] = {
    # what varies per env it keeps in arrays of its own; on the CPU an env steps the same among any number of others
    "genesis": Facts(model_fields=False, sensors=False),
    # PhysX: net forces alone, properties actor by actor, one sim in a process; how much envs differ is not measured
    "isaacgym": Facts(
        sameness=1e-3,
        contact_pairs=False,
        model_fields=False,
        ground_friction=False,
        sensors=False,
        several=False,
    ),
    # XLA makes another program for another number of envs or set of fields, and sums in another order; 30 steps grow
    # that to 6e-5 (of a force, N).
    "mjx": Facts(sameness=1e-4, slow=True, compiles=True),
    "warp": Facts(slow=True),  # half a minute on a machine that has compiled none of its kernels yet
}


def facts_of(simulator: str) -> Facts:
    """The facts of a simulator by its name."""
    return FACTS.get(simulator, Facts())


def facts_of_sim(sim: Simulator) -> Facts:
    """The same of a simulator that is there: its backend's module has its name."""
    return facts_of(type(sim).__module__.split(".")[2])


def assert_near(a: Tensor, b: Tensor, sameness: float, what: str) -> None:
    """Bit-equal where `sameness` is 0, else within `sameness` of each other relative to 1 + the size."""
    if sameness == 0.0:
        assert torch.equal(a, b), what
    else:
        torch.testing.assert_close(a, b, atol=sameness, rtol=sameness, msg=lambda text: f"{what}: {text}")
