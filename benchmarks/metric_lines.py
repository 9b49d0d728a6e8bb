"""What a run has written into its metrics.jsonl, for measurements and tests."""

from __future__ import annotations

import json
from pathlib import Path


def read_metrics(jsonl: Path) -> list[dict[str, float]]:
    """The lines of a `metrics.jsonl`, without one that a kill has torn."""
    rows = []
    with jsonl.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return rows
