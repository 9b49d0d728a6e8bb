"""The networks of MaskedMimic: a latent that says what to do, guessed from what is shown or read off the whole.

Tessler et al. 2024 (arXiv 2409.14393). The prior p(z | observation) sees targets of which some are hidden; the encoder
q(z | observation, all targets) adds to the prior's mean what they tell besides; the decoder makes actions of z and of
the robot's own state, without any target.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError
from rlkit.learners.distill.masked.settings import Settings
from rlkit.learners.distill.samples import Rows
from rlkit.learners.distill.student import Losses, Student
from rlkit.learners.networks.layers import hidden

MASKED = "masked_targets"
"""The observation term that the decoder does not see."""
_WIDEST = 5.0  # of the logarithms of variances, each way


class Gaussian(NamedTuple):
    """Independent normal distributions: means and logarithms of the variances, `[B, Z]` each."""

    mean: Tensor
    log_variance: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """The point `[B, Z]` that is so many (`[B, Z]`) deviations from the mean."""
        return self.mean + (0.5 * self.log_variance).exp() * noise


def divergence(encoded: Gaussian, prior: Gaussian) -> Tensor:
    """KL(encoded ‖ prior) `[B]` nats, summed over the latent.

    ½ (log σp² − log σe² + σe²/σp² + (μe − μp)²/σp² − 1).
    """
    spread = (encoded.log_variance - prior.log_variance).exp()
    off = (encoded.mean - prior.mean).square() * (-prior.log_variance).exp()
    return 0.5 * (prior.log_variance - encoded.log_variance + spread + off - 1.0).sum(dim=-1)


class MaskedStudent(Student):
    """Prior, encoder and decoder. Called with observations `[B, size]` it acts by the prior's mean."""

    seen = ("policy", "targets")
    own: Tensor

    def __init__(self, spec: EnvSpec, settings: Settings) -> None:
        super().__init__(spec, normalized=settings.obs_normalization)
        self.settings = settings
        size, latent = spec.obs_sizes["policy"], settings.latent_size
        own = _columns_without_targets(spec)
        self.register_buffer("own", torch.tensor(own), persistent=False)
        whole = size + spec.obs_sizes["targets"]
        self.prior = _network(size, settings.prior_units, 2 * latent, settings.activation)
        self.encoder = _network(whole, settings.encoder_units, 2 * latent, settings.activation)
        self.decoder = _network(
            len(own) + latent, settings.decoder_units, spec.num_actions, settings.activation
        )

    def guessed(self, obs: Tensor) -> Gaussian:
        """The prior of normalised observations `[B, size]`."""
        return _gaussian(self.prior(obs))

    def encoded(self, obs: Tensor, targets: Tensor, prior: Gaussian) -> Gaussian:
        """What all targets tell besides, of normalised rows `[B, size]` and `[B, targets]`."""
        found = _gaussian(self.encoder(torch.cat((obs, targets), dim=-1)))
        return Gaussian(prior.mean + found.mean, found.log_variance)

    def decoded(self, obs: Tensor, latent: Tensor) -> Tensor:
        """Actions `[B, actions]`, not yet kept within [-1, 1], of normalised observations and latents `[B, Z]`."""
        return self.decoder(torch.cat((obs.index_select(1, self.own), latent), dim=-1))

    def forward(self, obs: Tensor) -> Tensor:
        """See `Student`: actions `[B, actions]` of observations `[B, size]`."""
        obs = self.norms["policy"](obs)
        return self.decoded(obs, self.guessed(obs).mean).clamp(-1.0, 1.0)

    def drawn(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """See `Student.drawn`, `[B, actions]` of `[B, size]`: by a latent that is drawn from the prior."""
        obs = self.norms["policy"](obs)
        return self.decoded(obs, self.guessed(obs).at(self._noise(obs, generator))).clamp(-1.0, 1.0)

    def acting(self, rows: Rows, generator: torch.Generator) -> Tensor:
        """See `Student.acting`, `[B, actions]`: the first of the envs by the prior's latent, the others by the
        encoder's, with the noise of training."""
        obs, targets = (self.norms[group](rows[group]) for group in self.seen)
        prior = self.guessed(obs)
        noise = self._noise(obs, generator)
        latent = self.encoded(obs, targets, prior).at(noise)
        first = round(self.settings.prior_share * len(obs))
        latent = torch.cat((prior.at(noise)[:first], latent[first:]))
        return self.decoded(obs, latent).clamp(-1.0, 1.0)

    def losses(self, rows: Rows, generator: torch.Generator, iteration: int) -> Losses:
        """See `Student.losses`, of rows `[B, size]`: the encoder's squared error, and its divergence from the prior."""
        obs, targets = (self.norms[group](rows[group]) for group in self.seen)
        prior = self.guessed(obs)
        encoded = self.encoded(obs, targets, prior)
        action = self.decoded(obs, encoded.at(self._noise(obs, generator)))
        imitation = (action - rows["label"]).square().mean()
        apart = divergence(encoded, prior).mean()
        with torch.no_grad():
            guess = (self.decoded(obs, prior.mean) - rows["label"]).square().mean()
        return {
            "loss": imitation + self.kl_weight(iteration) * apart,
            "losses/imitation": imitation,
            "losses/prior": guess,
            "losses/kl": apart,
        }

    def kl_weight(self, iteration: int) -> float:
        """Of the divergence in the iteration with this number, from 0 on."""
        settings = self.settings
        done = min(1.0, iteration / settings.kl_iterations) if settings.kl_iterations else 1.0
        return settings.kl_start + done * (settings.kl_end - settings.kl_start)

    def _noise(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        shape = (len(obs), self.settings.latent_size)
        return torch.randn(shape, generator=generator, device=obs.device)


def _network(size: int, units: tuple[int, ...], outputs: int, activation: str) -> nn.Sequential:
    return nn.Sequential(*hidden(size, units, activation), nn.Linear(units[-1], outputs))


def _gaussian(numbers: Tensor) -> Gaussian:
    mean, log_variance = numbers.chunk(2, dim=-1)
    return Gaussian(mean, log_variance.clamp(-_WIDEST, _WIDEST))


def _columns_without_targets(spec: EnvSpec) -> list[int]:
    """The columns of the policy's observation that the decoder sees; raises LearnerError where it has no targets."""
    columns: list[int] = []
    offset = 0
    terms = spec.observation_terms.get("policy", ())
    for name, size in terms:
        columns += range(offset, offset + size) if name != MASKED else ()
        offset += size
    if len(columns) == offset:
        raise LearnerError(
            f"task {spec.task} shows its policy no {MASKED}; MaskedMimic learns what to do where some are hidden"
        )
    return columns
