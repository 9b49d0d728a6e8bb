"""Settings as a run's config.yaml holds them: flat, shown, and what differs between runs."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence

# What decides how a training goes. The rest of config.yaml says what is kept, shown and logged of it.
_SECTIONS = ("sim", "env", "task", "train", "training")
# In those sections all the same: how it is looked at and resumed, and on how many threads.
_NOT_COMPARED = (
    "env.render", "env.recordVideo", "env.graphicsDeviceId", "sim.numThreads", "training.threads",
    "training.seed", "training.checkpoint", "training.resume", "training.checkpointInterval",
    "training.checkpointSteps",
)  # fmt: skip


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their full names: {"train": {"gamma": 0.9}} is {"train.gamma": 0.9}."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found


def compared(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by which runs are of one kind: all that decide the training, but for the seed."""
    settings = flat({name: config[name] for name in _SECTIONS if name in config})
    return {name: value for name, value in settings.items() if name not in _NOT_COMPARED}


def differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names whose values are not the same in all of several flat settings, in their order."""
    names = list(dict.fromkeys(name for config in configs for name in config))
    missing = object()
    return [
        name
        for name in names
        if any(config.get(name, missing) != configs[0].get(name, missing) for config in configs)
    ]


def show(value: Any) -> str:
    """A value as the command line spells it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def typed(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of what was asked for on the command line, with aliases and older runs worked out."""
    composed = config.get("composed")
    words = composed.get("overrides") if isinstance(composed, Mapping) else None
    split = (str(word).lstrip("+~").partition("=") for word in (words if isinstance(words, list) else ()))
    return [(name, value) for name, _, value in split]


def worked_out(config: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(name, asked, value) of the settings that were left to the program, as `auto` or null."""
    composed = config.get("composed")
    asked = composed.get("asked") if isinstance(composed, Mapping) else None
    values = flat(config)
    wishes = asked.items() if isinstance(asked, Mapping) else ()
    return [(name, show(wish), show(values.get(name))) for name, wish in wishes]
