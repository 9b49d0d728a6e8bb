"""ASE: PPO whose policy moves like the data in as many ways as its latent says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError, Trial
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.style.ase.agent import SkillAgent
from rlkit.learners.ppo.style.ase.reward import SkillReward
from rlkit.learners.ppo.style.ase.settings import Settings
from rlkit.learners.ppo.style.ase.skills import latent_columns
from rlkit.learners.ppo.style.learner import AMP
from rlkit.learners.settings import read_settings


class ASE(AMP):
    """Adversarial skill embeddings (Peng et al. 2022, arXiv 2205.01906) on PPO; see docs/style.md.

    Further arguments and errors as of AMP; the policy's and the critic's observations must have a term `latent`, a unit
    vector that the env draws.
    """

    groups = ("policy", "critic", "style")
    columns = 3
    label = "ASE"
    settings_class = Settings

    @classmethod
    def trial(cls, train: Mapping[str, Any], spec: EnvSpec) -> Trial:
        trial = super().trial(train, spec)
        own = ("enc_trunk", "enc_units", "diversity_coef", "disc_conditional")
        return replace(trial, shape={**trial.shape, **{name: train[name] for name in own}})

    def _make_agent(self, params: dict[str, Any], bridge: Bridge, train: Mapping[str, Any]) -> SkillAgent:
        settings, spec = read_settings(Settings, train), self.spec
        self.settings = settings
        self._require_group()
        columns = latent_columns(spec, "policy")
        latent_columns(spec, "critic")  # what returns depend on
        if settings.disc_conditional and settings.enc_trunk == "shared":
            raise LearnerError(
                "train.enc_trunk=shared: the layers of a discriminator that sees the latent are none to find it with;"
                " write train.enc_trunk=own"
            )
        size = spec.obs_sizes[self.group]
        style = SkillReward(settings, size, columns.stop - columns.start, spec.device)
        weights = (settings.task_weight, settings.style_weight, settings.skill_weight)
        return SkillAgent(
            params, bridge, self._returns, style, self.group, weights, columns, settings.diversity_coef
        )
