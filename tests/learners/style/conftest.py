from __future__ import annotations

from typing import Any, Callable

import pytest
import torch
from torch import Tensor

from rlkit.config.files.conf import Conf, find_conf


@pytest.fixture
def amp(train: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A complete `train` section of AMP, small enough for tests, with changes."""
    own = {name.partition(".")[2]: value for name, value in Conf(find_conf()).sets("train/AMP").items()}
    small = {
        "disc_units": (16,),
        "disc_batch_size": 32,
        "disc_updates": 2,
        "replay_size": 300,
        "replay_keep": 20,
    }
    return lambda **changes: {**own, **train(), "learner": "amp", **small, **changes}


@pytest.fixture
def two_sets() -> tuple[Tensor, Tensor]:
    """Data around (2, 1), a policy's around (-1, 0); deviation 0.5."""
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.tensor(middle) + 0.5 * torch.randn(200, 2, generator=generator)
        for middle in ((2.0, 1.0), (-1.0, 0.0))
    )  # type: ignore[return-value]


@pytest.fixture
def add(amp: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A complete `train` section of ADD, small enough for tests, with changes."""
    return lambda **changes: amp(**{"learner": "add", **changes})


@pytest.fixture
def ase(amp: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A complete `train` section of ASE, small enough for tests, with changes."""
    own = {name.partition(".")[2]: value for name, value in Conf(find_conf()).sets("train/ASE").items()}
    return lambda **changes: {**own, **amp(), "learner": "ase", "enc_units": (16,), **changes}
