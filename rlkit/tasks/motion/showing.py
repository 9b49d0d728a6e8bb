"""What of its targets a policy is shown, for those who look on and may choose."""

from __future__ import annotations

from typing import NamedTuple


class Showing(NamedTuple):
    """What a policy is shown of its targets: one of `choices`, and of `bodies` those that are in `only`."""

    choices: tuple[str, ...]
    bodies: tuple[str, ...]
    show: str
    only: tuple[str, ...]
