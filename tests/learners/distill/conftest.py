from __future__ import annotations

from typing import Any, Callable

import pytest

from rlkit.config.files.conf import Conf, find_conf

SMALL = {"horizon_length": 8, "minibatch_size": 32, "mini_epochs": 2, "replay_size": 0}


def section(file: str) -> dict[str, Any]:
    """What a file in conf/train says, flat."""
    values = Conf(find_conf()).sets(f"train/{file}")
    return {name.partition(".")[2]: value for name, value in values.items()}


@pytest.fixture
def distill() -> Callable[..., dict[str, Any]]:
    """A complete `train` section of Distill, small enough for tests, with changes."""
    own = {"network_settings": {}, **section("Distill"), **SMALL, "units": (16,)}
    return lambda **changes: {**own, **changes}


@pytest.fixture
def masked_mimic() -> Callable[..., dict[str, Any]]:
    """The same of MaskedMimic; its latent has 4 numbers."""
    units = {f"{part}_units": (16,) for part in ("prior", "encoder", "decoder")}
    own = {**section("MaskedMimic"), **SMALL, **units, "latent_size": 4}
    return lambda **changes: {**own, **changes}
