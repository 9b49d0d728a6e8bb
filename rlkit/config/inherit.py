"""A run's own settings as the base of a later test or resume of it.

`test=true checkpoint=<run>` must not need `task=`, `train.units=` and whatever else the run was made with:
they are taken from the run, and the words typed now stand above them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import yaml

from rlkit.config import command_line
from rlkit.config.check import STEPS
from rlkit.config.conf import find_conf

# What a resume decides anew, and what a test does besides.
_NOT_RESUMED = (
    "training.checkpoint",
    "training.test",
    "training.resume",
    "training.initFrom",
    "logging.experimentName",
)
_NOT_TESTED = ("env", "env.", "sim.numThreads", "training.", "testing.", "logging.", "experiment.")
# What the task is, though it stands in `env`.
_GYMNASIUM = ("env.id", "env.ids", "env.kwargs")
# The same in iterations and in env-steps: the one that is typed now takes the place of the other.
_SIBLING = {
    f"training.{one}": f"training.{other}" for pair in STEPS.items() for one, other in (pair, pair[::-1])
}


def asked_checkpoint(argv: Sequence[str]) -> Tuple[Optional[str], Optional[str]]:
    """`(checkpoint, task)` as typed on this command line; None where they are not."""
    typed = {override.key: override.value for override in command_line.parse(argv).overrides}
    checkpoint = _unquoted(typed.get("training.checkpoint", typed.get("train.checkpoint")))
    return (None if checkpoint in (None, "", "null") else checkpoint), typed.get("task")


def asks_for_test(argv: Sequence[str]) -> bool:
    """Whether this command line, or the root configuration that it names, asks for a test."""
    line = command_line.parse(argv)
    for override in reversed(line.overrides):
        if override.key in ("training.test", "train.test"):
            return (override.value or "").lower() == "true"
    if line.config_name is None:
        return False
    root = find_conf() / f"{line.config_name}.yaml"
    content = yaml.safe_load(root.read_text(encoding="utf-8")) if root.exists() else {}
    return bool((content or {}).get("training", {}).get("test", False))


def inherited(argv: Sequence[str], config_yaml: Path, *, test: bool) -> List[str]:
    """The words of a command line on top of those the run of `config_yaml` was made with.

    Returns argv unchanged where the file does not tell (a run of another program).
    """
    composed = _composed(config_yaml)
    if composed is None:
        return list(argv)
    line = command_line.parse(argv)
    typed = {override.key for override in line.overrides}
    words = [word for word in composed["overrides"] if _kept(str(word), typed, test)]
    if not test and line.config_name is None and composed["config"] != "config":
        words.insert(0, f"--config-name={composed['config']}")
    return [*words, *argv]


def _kept(word: str, typed: set[str], test: bool) -> bool:
    key = word.lstrip("+~").partition("=")[0]
    if key in _GYMNASIUM[:2]:
        return typed.isdisjoint(_GYMNASIUM[:2])
    if key.startswith(_GYMNASIUM[2]):
        return key not in typed
    if _SIBLING.get(key) in typed:
        return False
    dropped = _NOT_RESUMED + (_NOT_TESTED if test else ())
    return key not in typed and not key.startswith("hydra") and not key.startswith(dropped)


def _composed(config_yaml: Path) -> Optional[Mapping[str, Any]]:
    try:
        content = yaml.safe_load(config_yaml.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    composed = content.get("composed") if isinstance(content, dict) else None
    return composed if isinstance(composed, dict) and {"overrides", "config"} <= set(composed) else None


def _unquoted(value: Optional[str]) -> Optional[str]:
    if value is not None and len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace("\\" + value[0], value[0]).replace("\\\\", "\\")
    return value
