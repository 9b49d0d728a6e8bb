"""What a request names of other runs, found before anything boots."""

from __future__ import annotations

from dataclasses import replace

from rlkit.config import Experiment
from rlkit.runtime.policies.teachers import from_here, with_teacher
from rlkit.workspace import resolve


def with_policies(experiment: Experiment) -> Experiment:
    """The request with files in place of what was typed for a teacher and for the weights to begin with.

    No torch is imported. Raises ResolveError where there is no such run, ConfigError for a teacher that does not fit.
    """
    return _with_weights(with_teacher(experiment))


def _with_weights(experiment: Experiment) -> Experiment:
    asked = experiment.training.init_from
    if asked is None:
        return experiment
    found = resolve(asked, setting="training.initFrom")
    return replace(experiment, training=replace(experiment.training, init_from=from_here(found.checkpoint)))
