"""The configuration that a run was made with, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from rlkit.workspace import WorkspaceError


def read_config(run_path: Path) -> Dict[str, Any]:
    """The content of a run's config.yaml, {} where there is none. Raises WorkspaceError when it is damaged."""
    from rlkit.config.errors import ConfigError
    from rlkit.config.inherit import read_settings

    path = run_path / "config.yaml"
    if not path.exists():
        return {}
    try:
        content = read_settings(path)
    except ConfigError as error:
        raise WorkspaceError(str(error)) from error
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} is no mapping of settings to values")
    return content


def overrides(run_path: Path) -> List[str]:
    """The settings that a run was started with, in full names; none where its configuration does not tell."""
    composed = read_config(run_path).get("composed")
    words = composed.get("overrides") if isinstance(composed, dict) else None
    return [str(word) for word in words] if isinstance(words, list) else []
