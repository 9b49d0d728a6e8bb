"""Settings as nested sections, and flat by their full names."""

from __future__ import annotations

from typing import Any, Iterable, Mapping


def flatten(tree: Mapping[str, Any], prefix: str = "", *, keep_empty: bool = False) -> dict[str, Any]:
    """Nested sections -> full name: value; keep_empty: an empty section is a value too."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (value or not keep_empty):
            flat.update(flatten(value, name + ".", keep_empty=keep_empty))
        else:
            flat[name] = value
    return flat


def at(tree: Any, place: Iterable[Any]) -> Any:
    """What stands in nested sections and lists at the end of these keys."""
    for key in place:
        tree = tree[key]
    return tree


def merge(base: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Put `above` over `base` in place, section by section."""
    for key, value in above.items():
        if isinstance(value, Mapping):
            below = base.get(key)
            base[key] = dict(below) if isinstance(below, Mapping) else {}
            merge(base[key], value)
        else:
            base[key] = value
