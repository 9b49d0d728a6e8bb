"""Requests: the command line and the YAML files -> one checked, frozen Experiment.

Importing this package imports neither Hydra nor torch; `compose` imports Hydra when it is called.
"""

from __future__ import annotations

from rlkit.config.compose import changed, compose, from_file, from_yaml
from rlkit.config.errors import ConfigError
from rlkit.config.experiment import (
    EnvSettings,
    Experiment,
    LoggingSettings,
    SimSettings,
    TestingSettings,
    TrainingSettings,
    WorkspaceSettings,
)

__all__ = [
    "ConfigError",
    "EnvSettings",
    "Experiment",
    "LoggingSettings",
    "SimSettings",
    "TestingSettings",
    "TrainingSettings",
    "WorkspaceSettings",
    "changed",
    "compose",
    "from_file",
    "from_yaml",
]
