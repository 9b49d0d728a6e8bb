"""The settings of ADD: those of AMP."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.ppo.style.settings import Settings as StyleSettings


@dataclass(frozen=True)
class Settings(StyleSettings):
    """The keys of `train`; docs/style.md says more of those that matter most."""
