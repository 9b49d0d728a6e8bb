"""What the contract suite may ask of each simulator: the differences that are known and written down."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Facts:
    """A simulator that is not named in `FACTS` must meet the strictest of everything.

    sameness: how far the numbers of one env may be off where it steps among another number of envs, relative to
    1 + their size; 0: they are bit-equal. The same simulator called twice is always bit-equal.
    contact_pairs: whether forces are told apart by the other body, with the number of contact points; where not, a
    scene that asks for them is refused by name. model_fields: whether MuJoCo's model fields vary per env.
    """

    sameness: float = 0.0
    contact_pairs: bool = True
    model_fields: bool = True


FACTS: dict[str, Facts] = {}


def facts_of(simulator: str) -> Facts:
    """The facts of a simulator by its name."""
    return FACTS.get(simulator, Facts())


def assert_near(a: Tensor, b: Tensor, sameness: float, what: str) -> None:
    """Bit-equal where `sameness` is 0, else within `sameness` of each other relative to 1 + the size."""
    if sameness == 0.0:
        assert torch.equal(a, b), what
    else:
        torch.testing.assert_close(a, b, atol=sameness, rtol=sameness, msg=lambda text: f"{what}: {text}")
