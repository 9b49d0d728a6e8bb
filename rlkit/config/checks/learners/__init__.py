"""What each learner's section must satisfy beyond the types; a learner that needs nothing more is not in here."""

from __future__ import annotations

from typing import Any, Callable, Mapping, MutableMapping, NamedTuple

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


class Own(NamedTuple):
    """What a learner resolves, checks and says of its section."""

    resolve: Callable[[MutableMapping[str, Any], dict[str, Any], Machine], None]
    check: Callable[[Plain, Machine], list[str]]
    notes: Callable[[Plain, Mapping[str, Any]], list[str]] = lambda plain, asked: []


_OWN = {
    "ppo": Own(ppo.resolve, ppo.check),
    "amp": Own(amp.resolve, amp.check, amp.notes),
    "add": Own(ppo.resolve, amp.check_add),
    "ase": Own(ase.resolve, ase.check, amp.notes),
    "fast_td3": Own(fast_td3.resolve, fast_td3.check, fast_td3.notes),
    "fast_sac": Own(fast_sac.resolve, fast_sac.check, fast_td3.notes),
    "flash_sac": Own(flash_sac.resolve, fast_sac.check, fast_td3.notes),
    "distill": Own(distill.resolve, distill.check),
    "masked_mimic": Own(masked_mimic.resolve, masked_mimic.check, masked_mimic.notes),
}


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """Replace the `auto` values of the section in place; what was there before goes into `asked`."""
    own = _OWN.get(_like(plain))
    if own is not None:
        own.resolve(plain, asked, machine)
        networks.resolve(plain["train"])


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that the learner cannot run with."""
    own = _OWN.get(_like(plain))
    if own is None:
        return []
    return (
        own.check(plain, machine) + networks.check(plain["train"]) + mirror.check(plain) + memory.check(plain)
    )


def notes(plain: Plain, asked: Mapping[str, Any]) -> list[str]:
    """What to say at the start of a run that goes on all the same; `asked` as resolve() filled it."""
    own = _OWN.get(_like(plain))
    return [] if own is None else own.notes(plain, asked)


def _like(plain: Plain) -> str:
    """The learner of ours that the one asked for is, or is built on; empty where there is none."""
    name = plain["train"]["learner"]
    row = learner_facts(name)
    return name if row is None or not row.code else row.like
