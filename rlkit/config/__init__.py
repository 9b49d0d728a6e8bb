"""Requests: the command line and the YAML files -> one checked, frozen Experiment.

Importing this package imports neither Hydra nor torch; `compose` imports Hydra when it is called.
"""

from __future__ import annotations

from rlkit.config.compose import changed, compose, from_file, from_yaml
from rlkit.config.experiment import Experiment
from rlkit.config.schema.sections import EnvSettings, SimSettings, TrainingSettings
from rlkit.errors import ConfigError
