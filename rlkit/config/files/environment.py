"""Settings that come from environment variables: a run uses the values, and writes down where they came from.

`env.kwargs.key=${oc.env:KEY}` stands in config.yaml as it was written, so that what is in KEY is in no file; who reads
the file takes the value from the environment of that moment.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Tuple, Union, cast

from rlkit.config.schema.tree import at
from rlkit.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

Place = Tuple[Union[str, int], ...]
Written = Mapping[Place, str]

_RESOLVER = re.compile(r"\$\{\s*([\w.]+)\s*:")
_HARMLESS = {"oc.env", "oc.decode"}


def from_environment(config: DictConfig) -> dict[Place, str]:
    """The settings of a composed configuration that depend on environment variables, as they are written.

    By place, as ("env", "kwargs", "key"); also those that refer to such a one. Raises OmegaConfBaseException where
    a value cannot be had.
    """
    written: dict[Place, str] = {}
    with _watched() as read:
        for place, parent, key in _interpolations(config, ()):
            before = len(read)
            parent[key]
            if len(read) > before:
                written[place] = parent._get_node(key)._value()
    return written


def as_typed(words: Any) -> list[str]:
    """The words in a list of Hydra's, without the values of the interpolations in them."""
    return [str(words._get_node(place)._value()) for place in range(len(words))]


def put_back(plain: dict[str, Any], written: Written) -> dict[str, Any]:
    """The settings with what was written in place of what came from the environment; `plain` is changed."""
    for place, text in written.items():
        at(plain, place[:-1])[place[-1]] = text
    return plain


def still_from_environment(
    plain: Mapping[str, Any], before: Mapping[str, Any], written: Written
) -> dict[Place, str]:
    """Those places whose value is still the one that was read: `auto` and the like have become other values."""
    return {place: text for place, text in written.items() if at(plain, place) == at(before, place)}


def named(written: Written) -> dict[str, list[str]]:
    """What `composed` in config.yaml says of these places: elsewhere a text is a text, whatever is in it."""
    return {"environment": [_name(place) for place in written]} if written else {}


def names_in(composed: Mapping[str, Any]) -> frozenset[str]:
    """What `named` wrote, of a file that may be anybody's."""
    names = composed.get("environment")
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def read_back(plain: dict[str, Any], names: frozenset[str]) -> tuple[dict[str, Any], dict[Place, str]]:
    """What config.yaml holds, with the values of this moment, and what came from environment variables.

    Raises ConfigError where a variable is not set.
    """
    if not names:
        return plain, {}
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        config = cast("DictConfig", OmegaConf.create(as_text(plain, names)))
        values = cast(Dict[str, Any], OmegaConf.to_container(config, resolve=True))
        return values, from_environment(config)
    except (OmegaConfBaseException, RecursionError) as error:
        where = getattr(error, "full_key", None) or "config.yaml"
        reason = unset(error) or (str(error).splitlines() or ["it refers to itself"])[0]
        raise ConfigError(f"{where}: {reason}") from error


def unset(error: Exception) -> str | None:
    """Of an error of OmegaConf's: which variable is not set, and what to write; None where it is of something else."""
    found = re.search(r"Environment variable '(\w+)' not found", str(error))
    return (
        found and f"the environment variable {found[1]} is not set; write {found[1]}=... before the command"
    )


def as_text(value: Any, names: frozenset[str] = frozenset(), name: str = "") -> Any:
    """The same for OmegaConf, to which `${` is an interpolation: a run's text is text.

    But for the settings of these names, where they are interpolations of environment variables or of one another.
    """
    if isinstance(value, dict):
        return {
            key: as_text(item, names, f"{name}.{key}" if name else str(key)) for key, item in value.items()
        }
    if isinstance(value, list):
        return [as_text(item, names, f"{name}.{place}") for place, item in enumerate(value)]
    if not isinstance(value, str) or (name in names and set(_RESOLVER.findall(value)) <= _HARMLESS):
        return value
    return "\\???" if value == "???" else re.sub(r"(\\*)\$\{", lambda m: m[1] * 2 + "\\${", value)


def _name(place: Place) -> str:
    return ".".join(map(str, place))


def _interpolations(node: Any, place: Place) -> Iterator[tuple[Place, Any, Any]]:
    from omegaconf import DictConfig, ListConfig

    keys: Any = node.keys() if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        child: Any = node._get_node(key)
        if child._is_interpolation():
            yield (*place, key), node, key
        elif isinstance(child, (DictConfig, ListConfig)) and not child._is_none() and not child._is_missing():
            yield from _interpolations(child, (*place, key))


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Note which environment variables OmegaConf reads inside the block."""
    from omegaconf import OmegaConf
    from omegaconf.resolvers import oc

    read: list[str] = []

    def env(name: str, *default: Any) -> Any:
        read.append(name)
        return oc.env(name, *default)

    OmegaConf.register_new_resolver("oc.env", env, replace=True)
    try:
        yield read
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)
