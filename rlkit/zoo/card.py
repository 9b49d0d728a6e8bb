"""What is known of a trained policy beside its weights: the card that lies with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Mapping, NamedTuple

from rlkit import yaml_text
from rlkit.errors import RlkitError
from rlkit.untrusted import all_printable, read_plain

CARD = "card.yaml"


class CardError(RlkitError):
    """There is no card, or what it holds is not what a card holds."""


class Results(NamedTuple):
    """Whole episodes without exploration.

    success: a share, None of a task that tells of none. std_return: over the episodes. facts: means of the task's own
    numbers of an episode.
    """

    episodes: int
    success: float | None
    mean_return: float
    std_return: float
    facts: Mapping[str, float]


class Point(NamedTuple):
    """One evaluation of the training; success: a share, None of a task that tells of none."""

    env_steps: int
    success: float | None
    mean_return: float


@dataclass(frozen=True)
class Card:
    """What a policy does, how good a test found it, and how it came about.

    about: one line. seed: the policy's own; seeds: all that were tried with this command. env_steps, seconds: of the
    training up to this policy, evaluations not counted. processor: on which that was. rlkit: its version.
    """

    name: str
    about: str
    task: str
    robot: str
    learner: str
    simulator: str
    command: str
    seed: int
    seeds: tuple[int, ...]
    env_steps: int
    seconds: float
    processor: str
    date: str
    rlkit: str
    licence: str
    test: Results
    curve: tuple[Point, ...]


def as_yaml(card: Card) -> str:
    """The text of card.yaml."""
    content = {**asdict(card), "seeds": list(card.seeds), "test": card.test._asdict()}
    del content["curve"]
    text = yaml_text.dump(content)
    rows = "".join(f"- {json.dumps(list(point))}\n" for point in card.curve)
    return f"{text}curve:  # env-steps, success, return of each evaluation\n{rows}"


def read_card(folder: Path) -> Card:
    """The card of the policy in a folder; raises CardError."""
    path = folder / CARD
    try:
        content = all_printable(yaml_text.load(read_plain(path)[0].decode("utf-8")))
    except OSError as error:
        raise CardError(f"{path} cannot be read: {error.strerror or error}") from error
    except (RlkitError, ValueError) as error:
        raise CardError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    try:
        return _card(content)
    except (KeyError, TypeError, ValueError) as error:
        raise CardError(
            f"{path} is no card of a policy: {' '.join(str(error).split())}; rlkit zoo add writes one"
        ) from error


def _card(content: Any) -> Card:
    """Raises KeyError, TypeError or ValueError for what no card holds."""
    if not isinstance(content, dict):
        raise TypeError("it is no section")
    known = {field.name for field in fields(Card)}
    missing = sorted(known - content.keys())
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    texts = {field.name: _of(content, field.name, str) for field in fields(Card) if str(field.type) == "str"}
    return Card(
        **texts,
        seed=_of(content, "seed", int),
        seeds=tuple(int(seed) for seed in content["seeds"]),
        env_steps=_of(content, "env_steps", int),
        seconds=float(content["seconds"]),
        test=_tested(content["test"]),
        curve=tuple(Point(int(steps), _share(good), float(mean)) for steps, good, mean in content["curve"]),
    )


def _of(content: Mapping[str, Any], name: str, kind: type) -> Any:
    if not isinstance(content[name], kind):
        raise TypeError(f"{name} is {content[name]!r}")
    return content[name]


def _tested(test: Any) -> Results:
    if not isinstance(test, dict):
        raise TypeError("test is no section")
    return Results(
        int(test["episodes"]),
        _share(test["success"]),
        float(test["mean_return"]),
        float(test["std_return"]),
        {str(name): float(value) for name, value in test["facts"].items()},
    )


def _share(value: Any) -> float | None:
    if value is None:
        return None
    share = float(value)
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share of successes is {share}")
    return share
