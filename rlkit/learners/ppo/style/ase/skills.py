"""Latents on the unit sphere, the encoder that finds them in a motion, and the losses that are about them.

Source: Peng et al. 2022, ASE: Large-scale reusable adversarial skill embeddings (arXiv 2205.01906).
"""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError

TERM = "latent"  # the observation that chooses the skill
NEAREST = 1e-5  # added to how far two latents are apart


def latent_columns(spec: EnvSpec, group: str) -> slice:
    """Where the latent stands in a group; raises LearnerError where the group has none."""
    offset = 0
    for name, size in spec.observation_terms.get(group, ()):
        if name == TERM:
            return slice(offset, offset + size)
        offset += size
    raise LearnerError(
        f"task {spec.task}: its {group} observation has no term {TERM!r}, and what ASE learns depends on it;"
        f" {'task.observations' if group == 'policy' else f'task.groups.{group}'} lists its terms"
    )


def on_sphere(count: int, size: int, device: torch.device) -> Tensor:
    """Unit vectors `[count, size]`, uniform on the whole sphere; torch's global random numbers."""
    return normalize(torch.randn(count, size, device=device), dim=-1)


class Encoder(nn.Module):
    """Unit vectors `[B, latent]` of normalised motions `[B, size]`: which latent they come of.

    trunk: another network's features `[B, features]` to go on from; None: it has layers of its own.
    """

    def __init__(self, size: int, latent: int, units: Sequence[int], trunk: nn.Module | None) -> None:
        super().__init__()
        widths = [size, *units]
        layers = [layer for a, b in zip(widths, units) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.own = nn.Sequential(*layers) if trunk is None else nn.Sequential()
        self._trunk = () if trunk is None else (trunk,)  # in a tuple: its parameters are somebody else's
        self.head = nn.Linear(widths[-1], latent)
        nn.init.uniform_(self.head.weight, -0.1, 0.1)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, normalised: Tensor) -> Tensor:
        """See the class."""
        features = self._trunk[0](normalised) if self._trunk else self.own(normalised)
        return normalize(self.head(features), dim=-1)


def uniformity_loss(codes: Tensor) -> Tensor:
    """log mean exp(−‖e_i − e_j‖²) over pairs of unit vectors `[B, latent]`, 0-dim: 0 where all are one, −2 where all
    are at right angles (Wang and Isola 2020, arXiv 2005.10242).
    """
    return torch.pdist(codes).square().neg().exp().mean().log()


def diversity_loss(means: Tensor, others: Tensor, latents: Tensor, other_latents: Tensor) -> Tensor:
    """(1 − mean Δμ² / (½ − ½ z·z'))², 0-dim, the mean over the batch: actions differ as latents do.

    means, others: `[B, num_actions]` of the same states at `latents` and at `other_latents` `[B, latent]`.
    """
    moved = (means - others).square().mean(dim=-1)
    apart = 0.5 - 0.5 * (latents * other_latents).sum(dim=-1)
    return (1.0 - moved / (apart + NEAREST)).square().mean()
