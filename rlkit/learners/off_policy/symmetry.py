"""Symmetric data: every sample together with its mirror image (Abdolhosseini et al. 2019, arXiv 1909.06474)."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.learners.mirror import MirrorImages
from rlkit.learners.off_policy.replay.buffer import Batch


class Symmetry(MirrorImages):
    """The mirror that the task declares, for batches of a replay."""

    def augment(self, batch: Batch) -> Batch:
        """The batch and behind it its mirror image: twice as many rows; rewards and flags are the same."""
        doubled: dict[str, Tensor] = {
            "policy": self.doubled("policy", batch.policy),
            "next_policy": self.doubled("policy", batch.next_policy),
            "action": self.doubled("actions", batch.action),
        }
        doubled["critic"], doubled["next_critic"] = doubled["policy"], doubled["next_policy"]
        if batch.critic is not batch.policy:
            doubled["critic"] = self.doubled("critic", batch.critic)
            doubled["next_critic"] = self.doubled("critic", batch.next_critic)
        for name, x in (("reward", batch.reward), ("discount", batch.discount), ("weight", batch.weight)):
            doubled[name] = torch.cat([x, x])
        return Batch(**doubled)
