"""What each learner's section must satisfy beyond the types; a learner that needs nothing more is not in here."""

from __future__ import annotations

from typing import Any, Mapping, MutableMapping

from rlkit.config.checks.learners import (
    amp,
    ase,
    distill,
    fast_sac,
    fast_td3,
    flash_sac,
    masked_mimic,
    memory,
    mirror,
    networks,
    ppo,
)
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain
from rlkit.learners.facts import learner_facts

_RESOLVE = {
    "ppo": ppo.resolve,
    "amp": amp.resolve,
    "add": ppo.resolve,
    "ase": ase.resolve,
    "fast_td3": fast_td3.resolve,
    "fast_sac": fast_sac.resolve,
    "flash_sac": flash_sac.resolve,
    "distill": distill.resolve,
    "masked_mimic": masked_mimic.resolve,
}
_CHECK = {
    "ppo": ppo.check,
    "amp": amp.check,
    "add": amp.check_add,
    "ase": ase.check,
    "fast_td3": fast_td3.check,
    "fast_sac": fast_sac.check,
    "flash_sac": fast_sac.check,
    "distill": distill.check,
    "masked_mimic": masked_mimic.check,
}
_NOTES = {
    "amp": amp.notes,
    "ase": amp.notes,
    "fast_td3": fast_td3.notes,
    "fast_sac": fast_td3.notes,
    "flash_sac": fast_td3.notes,
    "masked_mimic": masked_mimic.notes,
}


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """Replace the `auto` values of the section in place; what was there before goes into `asked`."""
    own = _RESOLVE.get(_like(plain))
    if own is not None:
        own(plain, asked, machine)
        networks.resolve(plain["train"])


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that the learner cannot run with."""
    own = _CHECK.get(_like(plain))
    if own is None:
        return []
    return own(plain, machine) + networks.check(plain["train"]) + mirror.check(plain) + memory.check(plain)


def notes(plain: Plain, asked: Mapping[str, Any]) -> list[str]:
    """What to say at the start of a run that goes on all the same; `asked` as resolve() filled it."""
    own = _NOTES.get(_like(plain))
    return [] if own is None else own(plain, asked)


def _like(plain: Plain) -> str:
    """The learner of ours that the one asked for is, or is built on; empty where there is none."""
    name = plain["train"]["learner"]
    row = learner_facts(name)
    return name if row is None or not row.code else row.like
