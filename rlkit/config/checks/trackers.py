"""Whether the tracker that a training asks for is here, and takes what is said to it."""

from __future__ import annotations

from rlkit.config.facts.machine import Machine
from rlkit.config.schema import types
from rlkit.config.schema.trackers import AUTO, DISABLED, NONE, ONLINE, TRACKERS, has_wandb_key
from rlkit.config.schema.types import Plain
from rlkit.packages import how_to_install


def check(plain: Plain, machine: Machine) -> list[str]:
    """What a training's tracker lacks; a test has none, whatever its run had."""
    settings = plain["logging"]
    name = settings["tracker"]
    if name == NONE or plain["training"]["test"] or settings["trackerMode"] == DISABLED:
        return []
    row, problems = TRACKERS[name], []
    if not machine.has_package(row.module):
        install = machine.not_installed((row.module,), how_to_install(row.extra))
        problems.append(f"logging.tracker={name}: {install}; or write logging.tracker=none")
    for setting in ("trackerMode", "trackerEntity", "trackerUrl"):
        value = settings[setting]
        if value not in (None, AUTO) and setting not in row.takes:
            whose = " and ".join(f"tracker={n}" for n, other in TRACKERS.items() if setting in other.takes)
            problems.append(
                f"logging.{setting}={types.echo(str(value))}: only {whose} has that; leave it out for {name}"
            )
    if name == "wandb" and settings["trackerMode"] == ONLINE and not has_wandb_key():
        problems.append(
            "logging.trackerMode=online: there is no key of W&B here; log in with: wandb login, or set"
            " WANDB_API_KEY, or write logging.trackerMode=offline"
        )
    return problems
