"""Shell completion: settings, aliases, options of groups and values, without importing Hydra.

Hydra's own scripts call it: `eval "$(python train.py -sc install=bash)"`, or of rlkit: `eval "$(rlkit -sc …)"`.
"""

from __future__ import annotations

import os
from typing import Sequence

from rlkit.config.files.conf import Conf
from rlkit.config.schema import keys, types
from rlkit.config.schema.schema import Schema
from rlkit.config.words.chosen import schema_for
from rlkit.config.words.command_line import conf_of, parse

_HYDRAS = {"hydra/launcher": ("basic", "joblib"), "hydra/sweeper": ("basic", "optuna")}


def answer(words: Sequence[str]) -> bool:
    """Print the candidates for a query of the shell; False where it is no query (but install)."""
    query = next((word for word in words if word.startswith("query=")), None)
    if query is None:
        return False
    line = os.environ.get("COMP_LINE", "")
    separator = "\n" if query == "query=fish" else " "
    print(separator.join(candidates(line)))
    return True


def candidates(line: str) -> list[str]:
    """The completions of the last word of `python train.py task=Bo`, `rlkit train task=Bo` and the like."""
    parts = line.split(" ")
    word = parts[-1]
    script = next((n for n, part in enumerate(parts) if part.endswith(".py") or part in ("train", "test")), 0)
    typed = parse([part for part in parts[script + 1 : -1] if part])
    conf = conf_of(typed)
    conf.with_packages()
    schema = schema_for(typed, conf, typed.config_name or "config")
    key, equals, _ = word.partition("=")
    found = _values(key, conf, schema) if equals else _names(word, schema)
    return sorted(name for name in found if name.startswith(word))


def _names(word: str, schema: Schema) -> list[str]:
    names = [f"{name}=" for name in (*keys.ALIASES, *keys.GROUPS, *_HYDRAS, "config", "sweep", *schema.names)]
    names = [name.replace("*=", "") for name in names]
    return [name for name in names if name.startswith(word)]


def _values(key: str, conf: Conf, schema: Schema) -> list[str]:
    if key == "config":
        return [f"config={root}" for root in conf.roots()]
    if key in _HYDRAS:
        return [f"{key}={option}" for option in {*_HYDRAS[key], *conf.options(key)}]
    if key in keys.GROUPS:
        return [f"{key}={option}" for option in conf.names(key)]
    name = schema.canonical(keys.ALIASES.get(key, key))
    spec = None if name is None else schema.type_of(name)
    return [] if spec is None else [f"{key}={word}" for word in types.words(spec) if ":" not in word]
