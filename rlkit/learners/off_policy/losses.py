"""The loss of the critics as a function of a batch: returns (loss, what to look at), all 0-dim."""

from __future__ import annotations

from typing import Dict

import torch
from torch import Tensor, nn

from rlkit.learners.off_policy.distribution import expectation, target_distribution
from rlkit.learners.off_policy.replay.buffer import Batch

Info = Dict[str, Tensor]


def critic_loss(
    batch: Batch,
    next_action: Tensor,
    critics: nn.Module,
    target_critics: nn.Module,
    atoms: Tensor,
    clipped_double: bool,
) -> tuple[Tensor, Info]:
    """How far the critics are from one Bellman step of the target critics, see `bellman_error`.

    Observations of the batch are normalised; next_action: `[B, actions]`, atoms: `[atoms]`.
    """
    with torch.no_grad():
        next_logits = target_critics(batch.next_critic, next_action)
    logits = critics(batch.critic, batch.action)
    return bellman_error(batch, logits, next_logits, atoms, clipped_double)


def bellman_error(
    batch: Batch, logits: Tensor, next_logits: Tensor, atoms: Tensor, clipped_double: bool
) -> tuple[Tensor, Info]:
    """How far logits `[critics, B, atoms]` are from one Bellman step of those of the next states; the sum over critics.

    Cross-entropy to the projected distribution, or the squared error where there is a single atom. Rows with
    weight 0 do not count.
    """
    if len(atoms) == 1:
        error, target = _squared_error(batch, logits, next_logits, clipped_double)
        edges: Info = {}
    else:
        distribution, target = target_distribution(
            next_logits, batch.reward, batch.discount, atoms, clipped_double
        )
        error = -(distribution * logits.float().log_softmax(-1)).sum(-1)
        edges = {
            "q/mass_at_v_min": distribution[..., 0].mean(),
            "q/mass_at_v_max": distribution[..., -1].mean(),
        }
    loss = (error * batch.weight).sum() / batch.weight.sum().clamp_min(1.0)  # of a small batch none may count
    with torch.no_grad():
        value = expectation(logits, atoms)
        spread = value.mean(0).std(unbiased=False)
    looks = {"q/mean": value.mean(), "q/spread": spread, "q/target": target.mean()}
    return loss, {
        "losses/critic": loss.detach(),
        **looks,
        **edges,
        "q/min": value.min(),
        "q/max": value.max(),
    }


def _squared_error(
    batch: Batch, logits: Tensor, next_logits: Tensor, clipped_double: bool
) -> tuple[Tensor, Tensor]:
    """`[critics, B]` and the target: `[B]`, or `[critics, B]` where each critic has its own."""
    value, following = logits.float().squeeze(-1), next_logits.float().squeeze(-1)
    if clipped_double:
        following = following.min(0).values
    target = batch.reward + batch.discount * following
    return (value - target) ** 2, target
