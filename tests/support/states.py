"""Whether two saved states are the same, to the last bit."""

from __future__ import annotations

from typing import Any

import torch


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Every leaf of nested dicts and lists by its path."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if items is None:
        return {name: value}
    return {path: leaf for key, item in items for path, leaf in flat(item, f"{name}.{key}").items()}


def assert_same(one, other):
    one, other = flat(one), flat(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        same = torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        assert same, name
