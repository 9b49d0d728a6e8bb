"""What marks the methods of a task as its terms; see rlkit.tasks.api."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, TypeVar

from torch import Tensor

_Method = TypeVar("_Method", bound=Callable[[Any], Tensor])


def observation(size: int | str, *, alias: str | None = None) -> Callable[[_Method], _Method]:
    """Mark a method as an observation term of `size` numbers: `[N, size]` float32.

    size: a number, or the name of the task's attribute that holds it, as "num_joints". alias: another name, as the
    one it had before, that a configuration may use.
    """

    def mark(method: _Method) -> _Method:
        method._rlkit_term = ("observation", size, alias)  # type: ignore[attr-defined]
        return method

    return mark


def reward(method: _Method) -> _Method:
    """Mark a method as a reward term: `[N]` float32, a pure function of the state, unweighted."""
    method._rlkit_term = ("reward", 1, None)  # type: ignore[attr-defined]
    return method


def metric(method: _Method) -> _Method:
    """Mark a method as a number to watch: `[N]` float32, read in every step; the reward does not know it."""
    method._rlkit_term = ("metric", 1, None)  # type: ignore[attr-defined]
    return method


def unit(text: str) -> Callable[[_Method], _Method]:
    """Say in what a metric is told, as "m", for the axes of reports; stands below `@metric`."""

    def mark(method: _Method) -> _Method:
        method._rlkit_unit = text  # type: ignore[attr-defined]
        return method

    return mark


class Fact(NamedTuple):
    """What is known of a task's number of an episode: its unit, and which way is better."""

    unit: str = ""
    more_is_better: bool = False


def fact(unit: str = "", *, more_is_better: bool = False) -> Callable[[_Method], _Method]:
    """Mark a method as a number of the episode that ends: `[N]` float32, read in its last step, after `remember`.

    Only evaluations and tests ask for it. unit: for the heads of tables. more_is_better: where it is no error.
    """

    def mark(method: _Method) -> _Method:
        method._rlkit_term = ("fact", 1, None)  # type: ignore[attr-defined]
        method._rlkit_fact = Fact(unit, more_is_better)  # type: ignore[attr-defined]
        return method

    return mark


def success(method: _Method) -> _Method:
    """Mark a method as a success criterion: `[N]` bool, ends the episode as solved."""
    method._rlkit_term = ("success", 1, None)  # type: ignore[attr-defined]
    return method


def failure(method: _Method) -> _Method:
    """Mark a method as a failure criterion: `[N]` bool, ends the episode as failed."""
    method._rlkit_term = ("failure", 1, None)  # type: ignore[attr-defined]
    return method
