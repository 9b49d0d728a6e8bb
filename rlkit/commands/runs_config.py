"""The configuration that a run was made with, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from rlkit.workspace import WorkspaceError


def read_config(run_path: Path) -> Dict[str, Any]:
    """The content of a run's config.yaml, {} where there is none. Raises WorkspaceError when it is damaged."""
    import yaml

    path = run_path / "config.yaml"
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WorkspaceError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} is no mapping of settings to values")
    return content


def overrides(run_path: Path) -> List[str]:
    """The settings that a run was started with, in full names; none where its configuration does not tell."""
    composed = read_config(run_path).get("composed")
    words = composed.get("overrides") if isinstance(composed, dict) else None
    return [str(word) for word in words] if isinstance(words, list) else []
