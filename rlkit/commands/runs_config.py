"""The configuration that a run was made with, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkit.workspace import WorkspaceError


def read_config(run_path: Path) -> dict[str, Any]:
    """The content of a run's config.yaml, {} where there is none. Raises RlkitError when it is damaged."""
    from rlkit.config.words.inherit import read_settings

    path = run_path / "config.yaml"
    if not path.exists():
        return {}
    content = read_settings(path)
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} is no mapping of settings to values")
    return content


def overrides(run_path: Path) -> list[str]:
    """The settings that a run was started with, in full names; none where its configuration does not tell."""
    composed = read_config(run_path).get("composed")
    words = composed.get("overrides") if isinstance(composed, dict) else None
    return [str(word) for word in words] if isinstance(words, list) else []
