"""Entropy in the target, and the losses of actor and temperature, as functions of a batch.

Source: Haarnoja et al. 2018 (arXiv 1812.05905). A loss returns (loss, what to look at), all 0-dim.
"""

from __future__ import annotations

from torch import Tensor, nn

from rlkit.learners.fast_sac.actor import Actor
from rlkit.learners.off_policy.distribution import expectation
from rlkit.learners.off_policy.losses import Info
from rlkit.learners.off_policy.replay.buffer import Batch


def with_entropy(batch: Batch, log_prob: Tensor, alpha: Tensor) -> Batch:
    """The batch with what the next action's entropy is worth in its rewards: so the target is the soft value (eq. 3).

    log_prob: `[B]` of the policy's next actions; alpha: 0-dim.
    """
    return batch._replace(reward=batch.reward - batch.discount * alpha * log_prob)


def alpha_loss(log_alpha: Tensor, entropy: Tensor, target_entropy: float) -> Tensor:
    """Falls as alpha grows where the entropy is below its target, and as it shrinks where it is above (eq. 18).

    entropy: 0-dim, nats, of the policy, without gradient.
    """
    return log_alpha.exp() * (entropy - target_entropy)


def actor_loss(
    batch: Batch,
    noise: Tensor,
    alpha: Tensor,
    actor: Actor,
    critics: nn.Module,
    atoms: Tensor,
    clipped_double: bool,
) -> tuple[Tensor, Info]:
    """Minus the soft value of the policy's actions (eq. 7), by the smallest of the critics or by their mean.

    noise: `[B, actions]`, standard normal.
    """
    return soft_loss(batch, *actor.sample(batch.policy, noise), alpha, critics, atoms, clipped_double)


def soft_loss(
    batch: Batch,
    action: Tensor,
    log_prob: Tensor,
    alpha: Tensor,
    critics: nn.Module,
    atoms: Tensor,
    clipped_double: bool,
) -> tuple[Tensor, Info]:
    """Minus the soft value of the actions `[B, actions]`, whose log-density `[B]` is given."""
    value = expectation(critics(batch.critic, action), atoms)
    value = value.min(0).values if clipped_double else value.mean(0)
    loss = (alpha * log_prob - value).mean()
    saturated = (action.detach().abs() > 0.99).float().mean()
    looks = {"policy/entropy": -log_prob.detach().mean(), "policy/saturated": saturated}
    return loss, {"losses/actor": loss.detach(), **looks}
