"""The learners by name; a learner's library is imported when it is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Collection, Mapping

from rlkit.learners.facts import learner_facts
from rlkit.plugins import modules

if TYPE_CHECKING:
    from rlkit.env.api import EnvSpec
    from rlkit.learners.api import Learner, Trial


def learner_class(name: str, trusted: Collection[str] = ()) -> type[Learner]:
    """The class of the learner `name`.

    trusted: what may be imported though it is not installed, see `modules.load`. Raises CodeError where it may
    not be imported, or is no learner.
    """
    row = learner_facts(name)
    if row is None:
        raise modules.CodeError(f"train.learner={name}: there is no such learner here")
    if row.code:
        from rlkit.learners.api import Learner

        return modules.load(row.code, trusted, Learner)
    return getattr(importlib.import_module(f"{row.package}.learner"), row.label)


def make(
    name: str,
    settings: Mapping[str, Any],
    spec: EnvSpec,
    *,
    seed: int,
    trusted: Collection[str] = (),
    only_acts: bool = False,
) -> Learner:
    """Build the learner `name` for `spec` from the `train` section of the configuration.

    trusted: as of `learner_class`, also for the network that `settings` may name. only_acts: it learns nothing, so of
    several ranks one alone may build it. Raises CodeError.
    """
    network = settings.get("network")
    if modules.is_name(network):
        modules.require(str(network), trusted)
    make_it = learner_class(name, trusted)
    if not only_acts:
        return make_it(settings, spec, seed=seed)
    from rlkit.learners import ranks  # only here: torch comes with it

    with ranks.apart():
        return make_it(settings, spec, seed=seed)


def trial(
    name: str, settings: Mapping[str, Any], spec: EnvSpec, trusted: Collection[str] = ()
) -> Trial | None:
    """A short iteration of the learner `name` with these settings; None where it has none."""
    return learner_class(name, trusted).trial(settings, spec)
