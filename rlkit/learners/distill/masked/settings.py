"""The settings of MaskedMimic."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.distill.settings import StudentSettings
from rlkit.learners.settings import setting


@dataclass(frozen=True)
class Settings(StudentSettings):
    """The keys of `train`; docs/distill.md says more of them."""

    expert: str | None = setting(
        "text or null", "", "run that follows the clips, named as for checkpoint=; needed in training alone"
    )
    latent_size: int = setting("int >= 1", "", "numbers of the latent, in which what is hidden is guessed")
    prior_units: tuple[int, ...] = setting("list of int >= 1", "", "hidden layers of the prior")
    encoder_units: tuple[int, ...] = setting("list of int >= 1", "", "hidden layers of the encoder")
    decoder_units: tuple[int, ...] = setting("list of int >= 1", "", "hidden layers of the decoder")
    prior_share: float = setting(
        "float in [0, 1]",
        "",
        "share of the envs whose training acts by the prior's latent, not the encoder's",
    )
    kl_start: float = setting("float >= 0", "", "weight of the divergence at first")
    kl_end: float = setting("float >= 0", "", "and after kl_iterations")
    kl_iterations: int = setting("int >= 0", "iterations", "in which the weight goes there, evenly")
