"""training.resume=auto: what a run and a request have in common, and what may change while it goes on in its folder."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Tuple

from rlkit.config.schema import types
from rlkit.config.schema.tree import flatten

# What may change: how long it trains, where, and what is kept, shown and logged of it. The beginnings of full names.
_FREE = (
    *("logging.", "testing.", "experiment.", "sim.numThreads", "train.save_buffer"),
    *("env.device", "env.render", "env.viewer", "env.recordVideo", "env.video", "env.camera"),
    *("env.graphicsDeviceId", "env.vectorization", "training.max", "training.until", "training.bestBy"),
    *("training.resume", "training.checkpointInterval", "training.checkpointSteps", "training.eval"),
    *("training.videoInterval", "training.threads"),
)

Change = Dict[str, Tuple[str, str]]
"""Full name -> what the run was started with, and what is asked now, as the command line spells them."""


class Changes(NamedTuple):
    """What differs: what a run may go on with, and what makes another run of it."""

    allowed: Change
    refused: Change


def changes(run: Mapping[str, Any], request: Mapping[str, Any]) -> Changes:
    """Compare what two config.yaml hold; what was left to the program (`auto`) is compared as it was asked.

    A setting that the run is too old to have counts where it is typed, or is one of the task.
    """
    before, now = _asked(run), _asked(request)
    composed = request.get("composed")
    words = composed.get("overrides") if isinstance(composed, Mapping) else None
    typed = {str(word).lstrip("+~").partition("=")[0] for word in words or ()}
    found = Changes({}, {})
    for name in dict.fromkeys((*before, *now)):
        if before.get(name, found) == now.get(name, found):
            continue
        if name not in before and name not in typed and not name.startswith("task."):
            continue
        kind = found.allowed if name.startswith(_FREE) else found.refused
        kind[name] = (_shown(before.get(name)), _shown(now.get(name)))
    return found


def is_drawn(request: Mapping[str, Any]) -> bool:
    """Whether the request leaves its seed to chance, so that twice the same is two runs."""
    return _asked(request).get("training.seed") == -1


def _asked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting by its full name, `auto` where that was asked."""
    composed = config.get("composed")
    asked = composed.get("asked") if isinstance(composed, Mapping) else None
    settings = flatten({name: section for name, section in config.items() if name != "composed"})
    return {**settings, **(asked if isinstance(asked, Mapping) else {})}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else types.show(value)
