"""A network that is not rlkit's: what it takes by name, read from its source, and what was given by these names."""

from __future__ import annotations

from typing import Any, Mapping, MutableMapping

from rlkit.config.schema import types
from rlkit.learners.facts import NETWORKS
from rlkit.nearest import did_you_mean
from rlkit.plugins import modules, source

_HERE = "train.network_settings"


def resolve(train: MutableMapping[str, Any]) -> None:
    """Call the network by its class, and give it its usual settings where nothing else is said.

    So the run keeps what it was made with, whatever becomes of the package that offers it and of its defaults.
    """
    name = _class_of(train)
    if name is None:
        return
    usual = {
        key: value for key, value in (source.parameters(name) or {}).items() if value is not source.REQUIRED
    }
    given = train["network_settings"]
    spec = {key: types.spec_of(value) for key, value in usual.items()}
    train["network"] = name
    train["network_settings"] = {
        **usual,
        **{key: types.coerce(spec.get(key, "any"), value) for key, value in given.items()},
    }


def check(train: Mapping[str, Any]) -> list[str]:
    """Settings that the class does not take, or not of this type, or cannot do without."""
    name, given = _class_of(train), train.get("network_settings", {})
    if name is None:
        return [
            f"{_HERE}.{key}: is for a network of your own, and train.network={train['network']} is ours; leave it out"
            for key in given
        ]
    taken = source.parameters(name)
    if taken is None:  # that there is no such class is said where all classes of others are looked for
        return []
    cls = name.partition(":")[2]
    problems = [
        f"{_HERE}.{key}: {cls} takes no {types.echo(key)}" + _instead(key, list(taken))
        for key in given
        if key not in taken
    ]
    for key, usual in taken.items():
        if key in given:
            problem = types.problem(_type_of(usual), given[key])
            problems += [] if problem is None else [f"{_HERE}.{key}: {problem}"]
        elif usual is source.REQUIRED:
            problems.append(f"{_HERE}.{key}: {cls} needs it; write {_HERE}.{key}=<value>")
    return problems


def _class_of(train: Mapping[str, Any]) -> str | None:
    """module:Class of a network that is not rlkit's."""
    name = train.get("network")  # a learner of others may have none
    return None if name is None or name in NETWORKS else modules.resolved("rlkit.networks", name)


def _instead(key: str, taken: list[str]) -> str:
    hint = did_you_mean(key, taken)
    return hint or (f"; it takes {', '.join(taken)}" if taken else "; it has no settings")


def _type_of(usual: object) -> str:
    """The type of a setting by its usual value, as of a task's settings; a list may have any length."""
    if usual is source.REQUIRED:
        return "any"
    spec = types.spec_of(usual)
    return spec.replace(f"list of {len(usual)} ", "list of ") if isinstance(usual, list) else spec
