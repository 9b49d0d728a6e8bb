"""The target's actions and the actor's loss, as functions of a batch: a loss returns (loss, what to look at)."""

from __future__ import annotations

from torch import Tensor, nn

from rlkit.learners.off_policy.distribution import expectation
from rlkit.learners.off_policy.losses import Info
from rlkit.learners.off_policy.replay.buffer import Batch


def target_actions(actor: nn.Module, obs: Tensor, noise: Tensor, clip: float) -> Tensor:
    """The policy's next action, smoothed: the noise `[B, actions]` is clipped, then the action (TD3, eq. 14)."""
    return (actor(obs) + noise.clamp(-clip, clip)).clamp(-1.0, 1.0)


def actor_loss(
    batch: Batch, actor: nn.Module, critics: nn.Module, atoms: Tensor, clipped_double: bool
) -> tuple[Tensor, Info]:
    """Minus the value of the policy's actions: the smallest of the critics', or their mean; 0-dim, as the info."""
    action = actor(batch.policy)
    value = expectation(critics(batch.critic, action), atoms)
    loss = -(value.min(0).values if clipped_double else value.mean(0)).mean()
    saturated = (action.detach().abs() > 0.99).float().mean()
    return loss, {"losses/actor": loss.detach(), "policy/saturated": saturated}
