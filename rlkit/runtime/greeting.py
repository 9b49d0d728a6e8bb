"""The first lines of a training: how long it takes here, and where to look meanwhile. Nothing heavy is imported."""

from __future__ import annotations

import logging
import shlex
from importlib.util import find_spec

from rlkit.config import Experiment
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.progress.forecast import Forecast
from rlkit.workspace import Run

log = logging.getLogger("rlkit")


def greet(experiment: Experiment, run: Run, ranks: Ranks, *, resumed: bool) -> None:
    """Say where the run is kept; of a training also what it takes and how to follow it."""
    log.info("run %s", run.path)
    if experiment.kind == "test":
        return
    log.info("  takes    %s", Forecast(experiment, ranks=ranks.size).beforehand(resumed=resumed))
    log.info("  follow   tensorboard --logdir runs/    or: rlkit report %s", shlex.quote(run.name))
    if experiment.engine == "simulator" and not experiment.env.render and find_spec("viser") is not None:
        log.info("  live     with viewer=web it shows itself in a browser as it trains")
