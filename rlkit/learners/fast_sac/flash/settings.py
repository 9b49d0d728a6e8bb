"""The settings of FlashSAC: those of FastSAC, its networks, and for how long it keeps its noise."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.fast_sac.settings import Settings as SacSettings
from rlkit.learners.settings import setting


@dataclass(frozen=True)
class Settings(SacSettings):
    """The keys of `train`."""

    network: str = setting(
        "flash", "", "the networks: blocks that batches normalise, with weights on spheres"
    )
    noise_most: int = setting(
        "int >= 1", "steps", "for how long the noise on an env's actions stays, at most"
    )
    noise_power: float = setting(
        "float >= 0", "", "it stays n steps with a chance in proportion to 1 / n ** this"
    )
