"""Returns as categorical distributions over a fixed support (C51: Bellemare et al. 2017, arXiv 1707.06887).

atoms: `[atoms]` ascending, the returns that the probabilities stand for, of no unit.
"""

from __future__ import annotations

import torch
from torch import Tensor


def support(v_min: float, v_max: float, atoms: int, device: torch.device) -> Tensor:
    """The atoms `[atoms]`, evenly spaced from v_min to v_max."""
    return torch.linspace(v_min, v_max, atoms, device=device)


def expectation(logits: Tensor, atoms: Tensor) -> Tensor:
    """Expected return `[...]` of logits `[..., atoms]`; with a single atom the logit is the return itself."""
    if len(atoms) == 1:
        return logits.float().squeeze(-1)
    return (logits.float().softmax(-1) * atoms).sum(-1)


def shifted(reward: Tensor, discount: Tensor, atoms: Tensor) -> Tensor:
    """Where each atom lands after one Bellman step, clamped to the support: `[B, atoms]`; reward, discount: `[B]`."""
    return (reward[:, None] + discount[:, None] * atoms).clamp(atoms[0], atoms[-1])


def project(probabilities: Tensor, position: Tensor, atoms: Tensor) -> Tensor:
    """Bring probabilities `[B, atoms]` that sit at `position` `[B, atoms]` back onto the support.

    Each mass is split between the two nearest atoms in proportion to its nearness; position within the support. The
    mass and the mean are kept: an atom that lands exactly on another gives it everything.
    """
    last = len(atoms) - 1
    index = (position - atoms[0]) * (last / (atoms[-1] - atoms[0]))
    index = index.clamp(0.0, float(last))  # rounding may leave the support by one part in 2^23
    lower = index.floor()
    share = index - lower
    # A NaN has no place; it stays in the share, where the learner meets it
    low = lower.long().clamp_(0, last)
    out = torch.zeros_like(probabilities)
    out.scatter_add_(-1, low, probabilities * (1.0 - share))
    return out.scatter_add_(-1, (low + 1).clamp_(max=last), probabilities * share)


def target_distribution(
    logits: Tensor, reward: Tensor, discount: Tensor, atoms: Tensor, clipped_double: bool
) -> tuple[Tensor, Tensor]:
    """The distributions that the critics learn, and their means.

    logits: `[critics, B, atoms]` of the target critics at the next state. reward, discount: `[B]`. Clipped double Q:
    for each sample the distribution of the critic with the smallest mean, for all critics, `[B, atoms]` and `[B]`;
    otherwise each critic's own, `[critics, B, atoms]` and `[critics, B]`. Projection keeps means, so they are compared
    before it and only one distribution is projected.
    """
    probabilities = logits.float().softmax(-1)
    position = shifted(reward, discount, atoms)
    means = (probabilities * position).sum(-1)
    if not clipped_double:
        projected = [project(member, position, atoms) for member in probabilities]
        return torch.stack(projected), means
    means, lowest = means.min(0)
    chosen = probabilities.gather(0, lowest[None, :, None].expand(1, *probabilities.shape[1:])).squeeze(0)
    return project(chosen, position, atoms), means
