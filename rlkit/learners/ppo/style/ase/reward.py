"""The rewards of a style with skills: moving like the data, and so that an encoder finds the latent in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlkit.learners.ppo.normalizer import PartNormalizer
from rlkit.learners.ppo.style.ase.settings import Settings
from rlkit.learners.ppo.style.ase.skills import Encoder, on_sphere, uniformity_loss
from rlkit.learners.ppo.style.discriminator import Discriminator, loss_of
from rlkit.learners.ppo.style.reward import StyleReward


class SkillReward(StyleReward):
    """Judges rows `[..., S + L]`: a group's S numbers, and the L of the latent that was acted on.

    latent: L. Of the data there are the S numbers alone. A conditional discriminator sees of the data the latent that
    the encoder finds in it, and takes the data with any other latent, of the whole sphere, for false. Of several ranks
    each compares the codes of its own data with each other.
    """

    settings: Settings

    def __init__(self, settings: Settings, size: int, latent: int, device: torch.device) -> None:
        self.size, self.latent = size, latent
        super().__init__(settings, size, device)

    def _discriminator(self, size: int) -> Discriminator:
        conditional = self.settings.disc_conditional
        units, norm = self.settings.disc_units, PartNormalizer(size)
        return Discriminator(size + self.latent if conditional else size, units, norm)

    def _beside(self, size: int) -> dict[str, nn.Module]:
        shared = self.settings.enc_trunk == "shared"
        units = self.settings.disc_units if shared else self.settings.enc_units
        trunk = self.discriminator.trunk if shared else None
        self.encoder = Encoder(size, self.latent, units, trunk)
        return {"encoder": self.encoder}

    def _row(self, size: int) -> int:
        return size + self.latent

    def _judged(self, rows: Tensor) -> Tensor:
        """What of rows `[..., S + L]` the discriminator sees."""
        return rows if self.settings.disc_conditional else rows[..., : self.size]

    def of(self, inputs: Tensor) -> Tensor:
        """The style's reward `[...]` of rows `[..., S + L]`."""
        return self.discriminator.reward(self._judged(inputs))

    def codes(self, motions: Tensor) -> Tensor:
        """The latents `[..., L]` that the encoder finds in motions `[..., S]` as they come."""
        return self.encoder(self.discriminator.norm(motions))

    @torch.no_grad()
    def match(self, rows: Tensor) -> Tensor:
        """z·e `[...]` of rows `[..., S + L]`: 1 where the encoder finds the very latent, −1 its opposite."""
        return (self.codes(rows[..., : self.size]) * rows[..., self.size :]).sum(dim=-1)

    def measured(self, played: Tensor, shown: Tensor) -> dict[str, Tensor]:
        """See `StyleReward.measured`; rows `[M, S + L]` and motions of the data `[B, S]`."""
        return super().measured(played[:, : self.size], shown)

    def loss(self, shown: Tensor, played: Tensor, replayed: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's loss and the encoder's, −E z·e of the rollout; see `StyleReward.loss`."""
        settings, codes, strange = self.settings, None, None
        motions, latents = played.split((self.size, self.latent), dim=-1)
        data = shown
        if settings.disc_conditional:
            codes = self.codes(shown)
            data = torch.cat((shown, codes.detach()), dim=-1)
            others = on_sphere(len(shown), self.latent, shown.device)
            strange = torch.cat((shown, others), dim=-1)
        loss, metrics = loss_of(
            self.discriminator, data, self._judged(played), self._judged(replayed), settings, strange=strange
        )
        found = -(self.codes(motions) * latents).sum(dim=-1).mean()
        metrics["losses/encoder"] = found.detach()
        loss = loss + settings.enc_coef * found
        if codes is not None and settings.enc_uniformity > 0.0:
            uniformity = uniformity_loss(codes)
            metrics["losses/uniformity"] = uniformity.detach()
            loss = loss + settings.enc_uniformity * uniformity
        return loss, metrics
