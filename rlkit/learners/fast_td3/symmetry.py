"""Symmetric data: every sample together with its mirror image (Abdolhosseini et al. 2019, arXiv 1909.06474)."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError
from rlkit.learners.fast_td3.replay.buffer import Batch


class Symmetry:
    """The mirror that the task declares; raises LearnerError where it declares none."""

    def __init__(self, spec: EnvSpec) -> None:
        if spec.mirror is None:
            raise LearnerError(
                f"train.symmetry=true: task {spec.task} declares no mirror (Task.mirror in its file); "
                "write train.symmetry=false"
            )
        if "critic" not in spec.mirror.observations:
            raise LearnerError(
                f"train.symmetry=true: task {spec.task} has no mirror image of all that the critic sees"
                " (task.groups.critic; Task.mirror in its file); write train.symmetry=false"
            )
        images = {**spec.mirror.observations, "actions": spec.mirror.actions}
        self._images = {
            name: (torch.tensor(source, device=spec.device), torch.tensor(sign, device=spec.device))
            for name, (source, sign) in images.items()
        }

    def mirrored(self, name: str, x: Tensor) -> Tensor:
        """The mirror image of rows `[B, size]` of "policy", "critic" or "actions"."""
        source, sign = self._images[name]
        return x[:, source] * sign

    def augment(self, batch: Batch) -> Batch:
        """The batch and behind it its mirror image: twice as many rows; rewards and flags are the same."""
        doubled: dict[str, Tensor] = {
            name: torch.cat([x, self.mirrored(kind, x)])
            for name, kind, x in (
                ("policy", "policy", batch.policy),
                ("next_policy", "policy", batch.next_policy),
                ("action", "actions", batch.action),
            )
        }
        doubled["critic"], doubled["next_critic"] = doubled["policy"], doubled["next_policy"]
        if batch.critic is not batch.policy:
            for name, x in (("critic", batch.critic), ("next_critic", batch.next_critic)):
                doubled[name] = torch.cat([x, self.mirrored("critic", x)])
        for name, x in (("reward", batch.reward), ("discount", batch.discount), ("weight", batch.weight)):
            doubled[name] = torch.cat([x, x])
        return Batch(**doubled)
