"""AMP: PPO that is rewarded for moving like the data."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Mapping

from torch import Tensor

from rlkit.env.api import EnvSpec, VecEnv
from rlkit.learners.api import Iteration, LearnerError, Trial
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.learner import PPO
from rlkit.learners.ppo.style.agent import StyleAgent
from rlkit.learners.ppo.style.reward import GROUP, StyleReward
from rlkit.learners.ppo.style.settings import Settings
from rlkit.learners.ppo.style.watch import warnings
from rlkit.learners.saved import require_fit, require_parts
from rlkit.learners.settings import read_settings

log = logging.getLogger("rlkit")


class AMP(PPO):
    """Adversarial motion priors (Peng et al. 2021, arXiv 2104.02180) on PPO; see docs/style.md.

    Further arguments and errors as of PPO; its env must have an observation group `style` and show the motions of it
    that are to be learnt from.
    """

    groups = ("policy", "critic", "style")
    columns = 2
    label = "AMP"
    settings_class: type[Settings] = Settings
    _agent: StyleAgent

    @property
    def group(self) -> str:
        """The observations that the discriminator is shown: the last that the learner looks at."""
        return self.groups[-1]

    @classmethod
    def trial(cls, train: Mapping[str, Any], spec: EnvSpec) -> Trial:
        trial = super().trial(train, spec)
        own = ("disc_units", "disc_batch_size", "disc_updates")
        return replace(
            trial,
            train={**trial.train, "disc_updates": 1, "replay_size": trial.train["disc_batch_size"]},
            shape={**trial.shape, **{name: train[name] for name in own}},
        )

    def _make_agent(self, params: dict[str, Any], bridge: Bridge, train: Mapping[str, Any]) -> StyleAgent:
        settings = self.settings = read_settings(self.settings_class, train)
        self._require_group()
        style = self._make_style(settings, self.spec.obs_sizes[self.group])
        weights = (settings.task_weight, settings.style_weight)
        return StyleAgent(params, bridge, self._returns, style, self.group, weights)

    def _require_group(self) -> None:
        if self.group not in self.spec.obs_sizes:
            raise LearnerError(
                f"task {self.spec.task} has no observation group {self.group!r}, by which {self.label} judges how it"
                f" moves; task.groups.{self.group} lists its terms"
            )

    def _make_style(self, settings: Any, size: int) -> StyleReward:
        return StyleReward(settings, size, self.spec.device)

    def iterate(self, env: VecEnv) -> Iteration:
        """As PPO's, followed by the updates of the discriminator on the same rollout."""
        done = super().iterate(env)
        return replace(done, warnings=warnings(self.settings, self._agent.epoch_num, done.metrics))

    def _parameters(self) -> list[Tensor]:
        return [*super()._parameters(), *self._agent.style.networks.parameters()]

    def describe(self) -> list[str]:
        style = self._agent.style
        size = style.replay.rows.numel() * style.replay.rows.element_size()
        return [
            *super().describe(),
            f"discriminator: {sum(p.numel() for p in style.networks.parameters()):,} parameters;"
            f" replay: {len(style.replay.rows):,} samples, {size / 1e6:.1f} MB",
        ]

    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """As PPO's, with the discriminator; its replay only with train.save_buffer=true."""
        return {**super().state(experience=experience), GROUP: self._agent.style.state(experience=experience)}

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """See `PPO.load`."""
        super().load(state, policy_only=policy_only)
        if policy_only:
            return
        self.complete = self._agent.style.load(state[GROUP])
        if not self.complete:
            log.info("the style's replay was not saved (train.save_buffer=true does that); it fills anew")

    def _require_fit(self, state: Mapping[str, Any], policy_only: bool) -> None:
        super()._require_fit(state, policy_only)
        if not policy_only:
            require_parts(self.label, state, GROUP)
            modules = self._agent.style.networks
            parts = {name: (module, state[GROUP].get(name, {})) for name, module in modules.items()}
            require_fit(state["sizes"], self.spec, parts, policy_only=False)
