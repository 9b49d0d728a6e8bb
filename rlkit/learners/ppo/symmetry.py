"""PPO of a task with a mirror: samples and their images, or a policy that must do alike in both.

Sources: Abdolhosseini et al. 2019 (arXiv 1909.06474) for both; Mittal et al. 2024 (arXiv 2403.04359) for the image's
probability: that of the sample, since the policy that acted drew the sample alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec
from rlkit.learners.mirror import MirrorImages
from rlkit.learners.ppo.agent import Agent

_SAME = ("old_values", "old_logp_actions", "advantages", "returns", "dones")  # of a sample and of its image


class SymmetricAgent(Agent):
    """An agent that learns from each minibatch and, with `samples`, from its mirror image too.

    mirror_loss: weight of the mean squared difference between the mean action in the mirror and the mirrored one.
    Raises LearnerError where the task declares no mirror.
    """

    def __init__(self, *args: Any, samples: bool, mirror_loss: float) -> None:
        super().__init__(*args)
        spec: EnvSpec = self.bridge.spec
        asked = "train.symmetry" if samples else "train.mirror_loss_coef"
        value, off = ("true", "false") if samples else (f"{mirror_loss:g}", "0")
        self.mirror = MirrorImages(spec, f"{asked}={value}", f"{asked}={off}")
        self.samples, self.mirror_loss = samples, mirror_loss
        self._minibatch = torch.zeros(0)  # observations of the running gradient step
        self.model.get_aux_loss = self._loss_of_mirror  # rl_games adds it to its own

    def calc_gradients(self, input_dict: dict[str, Any]) -> None:
        """See `Agent`; the images stand behind the samples."""
        self._minibatch = input_dict["obs"]
        if not self.samples:
            super().calc_gradients(input_dict)
            return
        mirror = self.mirror
        doubled = {name: torch.cat([input_dict[name]] * 2) for name in _SAME}
        doubled["obs"] = mirror.doubled("policy", input_dict["obs"])
        for name in ("actions", "mu"):
            doubled[name] = mirror.doubled("actions", input_dict[name])
        sigma = input_dict["sigma"]
        doubled["sigma"] = torch.cat([sigma, mirror.moved("actions", sigma)])
        super().calc_gradients({**input_dict, **doubled})

    def critic_minibatch(self, minibatch: dict[str, Any]) -> dict[str, Any]:
        """That of a critic of its own, with its image."""
        if not self.samples:
            return minibatch
        doubled = {name: torch.cat([minibatch[name]] * 2) for name in _SAME if name in minibatch}
        return {**minibatch, **doubled, "obs": self.mirror.doubled("critic", minibatch["obs"])}

    def _loss_of_mirror(self) -> dict[str, Tensor] | None:
        if self.mirror_loss == 0.0:
            return None
        means = self.mirror.doubled("policy", self._minibatch)
        for stage in self.actor()[:-1]:  # before the clamp, which has no slope
            means = stage(means)
        here, there = means.chunk(2)
        loss = (there - self.mirror.mirrored("actions", here)).square().mean()
        self.series.setdefault("losses/mirror", []).append(loss.detach())
        return {"mirror": self.mirror_loss * loss}
