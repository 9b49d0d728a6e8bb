"""What of its targets a policy is shown, for those who look on and may choose."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence


class Showing(NamedTuple):
    """What a policy is shown of its targets: one of `choices`, and of `bodies` those that are in `only`."""

    choices: tuple[str, ...]
    bodies: tuple[str, ...]
    show: str
    only: tuple[str, ...]


class Chosen(NamedTuple):
    """What somebody wants one env to be shown: one of the choices, of the bodies `only`.

    places: of "goals", where these bodies are to be, `[3]` m, world frame.
    """

    show: str
    only: tuple[str, ...]
    places: Mapping[str, Sequence[float]] = {}
