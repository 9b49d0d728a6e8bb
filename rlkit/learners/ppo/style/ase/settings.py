"""The settings of ASE: those of AMP, and those of its skills."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.ppo.style.settings import Settings as StyleSettings
from rlkit.learners.settings import setting


@dataclass(frozen=True)
class Settings(StyleSettings):
    """The keys of `train`; docs/style.md says more of those that matter most."""

    skill_weight: float = setting("float >= 0", "", "weight of the reward for showing which latent it is")
    enc_trunk: str = setting("shared|own", "", "the encoder's layers: the discriminator's, or its own")
    enc_units: tuple[int, ...] = setting("list of int >= 1", "", "hidden layers of an encoder of its own")
    enc_coef: float = setting("float > 0", "", "weight of the encoder's loss beside the discriminator's")
    diversity_coef: float = setting("float >= 0", "", "weight of the loss of acting alike at unlike latents")
    disc_conditional: bool = setting("bool", "", "the discriminator sees the latent too")
    enc_uniformity: float = setting(
        "float >= 0", "", "with disc_conditional: weight of the data's codes lying close together"
    )
