"""FlashSAC's losses: those of its family, with the present and the next states in one batch.

They return (loss, what to look at), all 0-dim.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.learners.fast_sac.actor import squashed
from rlkit.learners.fast_sac.flash.networks import Actor, Critics
from rlkit.learners.fast_sac.losses import soft_loss
from rlkit.learners.off_policy.losses import Info, bellman_error
from rlkit.learners.off_policy.replay.buffer import Batch


def critic_loss(
    batch: Batch,
    next_action: Tensor,
    critics: Critics,
    target_critics: Critics,
    atoms: Tensor,
    clipped_double: bool,
) -> tuple[Tensor, Info]:
    """See `rlkit.learners.off_policy.losses.critic_loss`; critics and targets are normalised by the joint batch."""
    count = len(batch.action)
    obs = torch.cat([batch.critic, batch.next_critic])
    action = torch.cat([batch.action, next_action])
    with torch.no_grad():
        next_logits = target_critics(obs, action, by_batch=True)[:, count:]
    logits = critics(obs, action, by_batch=True)[:, :count]
    return bellman_error(batch, logits, next_logits, atoms, clipped_double)


def actor_loss(
    batch: Batch,
    noise: Tensor,
    alpha: Tensor,
    actor: Actor,
    critics: Critics,
    atoms: Tensor,
    clipped_double: bool,
) -> tuple[Tensor, Info]:
    """See `rlkit.learners.fast_sac.losses.actor_loss`; the actor is normalised by the joint batch, critics as they are.

    noise: `[B, actions]`, standard normal.
    """
    hidden = actor.torso(torch.cat([batch.policy, batch.next_policy]), by_batch=True)
    mean, log_std = (part[: len(noise)] for part in actor.distribution(hidden))
    return soft_loss(batch, *squashed(mean, log_std, noise), alpha, critics, atoms, clipped_double)
