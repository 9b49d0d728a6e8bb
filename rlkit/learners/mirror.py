"""Mirror images of observations and actions, where a task declares its symmetry."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError


class MirrorImages:
    """The mirror that the task declares; raises LearnerError where it declares none of all that is seen.

    asked: the setting that wants it, and off: how it is turned off, for the message.
    """

    def __init__(
        self, spec: EnvSpec, asked: str = "train.symmetry=true", off: str = "train.symmetry=false"
    ) -> None:
        if spec.mirror is None:
            raise LearnerError(
                f"{asked}: task {spec.task} declares no mirror (Task.mirror in its file); write {off}"
            )
        for group, setting in (("policy", "task.observations"), ("critic", "task.groups.critic")):
            if group not in spec.mirror.observations:
                raise LearnerError(
                    f"{asked}: task {spec.task} has no mirror image of all that the {group} sees"
                    f" ({setting}; Task.mirror in its file); write {off}"
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

    def moved(self, name: str, x: Tensor) -> Tensor:
        """Rows `[B, size]` of what has no direction, as deviations, each number where its mirror image has it."""
        return x[:, self._images[name][0]]

    def doubled(self, name: str, x: Tensor) -> Tensor:
        """Rows `[B, size]` and behind them their mirror images, `[2 B, size]`."""
        return torch.cat([x, self.mirrored(name, x)])
