"""`rlkit zoo` and `rlkit zoo show NAME`: the policies in a table, and one's card."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Iterator, Sequence

from rlkit import zoo
from rlkit.numbers import number, percent
from rlkit.packages import test_command
from rlkit.untrusted import in_one_line, printable
from rlkit.workspace import quoted, size
from rlkit.zoo.card import Card, read_card

_BAR = 24  # cells of a whole bar


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what to show."""
    parser.add_argument(
        "what", metavar="NAME|FOLDER", help="a name of `rlkit zoo`, or a folder with a card.yaml"
    )


def run_list(_: argparse.Namespace) -> int:
    """Print a line for each policy. Raises CardError."""
    head = ("name", "task", "robot", "learner", "solved", "size", "what it does")
    for line in table([head, *(_row(name) for name in zoo.shipped())], right=(4, 5)):
        print(line)
    print("\nrlkit demo NAME shows one at work, rlkit zoo show NAME its card")
    return 0


def _row(name: str) -> Sequence[str]:
    folder = zoo.folder_of(name)
    card = read_card(folder)
    good = percent(card.test.success)
    return (name, card.task, card.robot, card.learner, good, size(zoo.size_of(folder)), card.about)


def run_show(arguments: argparse.Namespace) -> int:
    """Print a card. Raises RlkitError where there is none."""
    what = arguments.what
    ours = what in zoo.shipped() or not (Path(what).is_dir() or "/" in what)
    folder = (
        zoo.folder_of(what[len(zoo.PREFIX) :] if what.startswith(zoo.PREFIX) else what)
        if ours
        else Path(what)
    )
    card = read_card(folder)
    for line in card_lines(card, f"{zoo.PREFIX}{card.name}" if ours else what, zoo.size_of(folder)):
        print(printable(line))
    return 0


def card_lines(card: Card, ref: str, total: int) -> Iterator[str]:
    """A card as lines. ref: what stands for the policy where a checkpoint is asked for; total: its size [bytes]."""
    test = card.test
    solved = "" if test.success is None else f"{percent(test.success)} solved, "
    facts = "".join(f", {name} {number(value)}" for name, value in test.facts.items())
    yield f"{card.name}: {card.about}"
    yield ""
    yield f"  task       {card.task}, robot {card.robot}, on {card.simulator}"
    yield (
        f"  tested     {test.episodes} episodes: {solved}return {number(test.mean_return)} ±"
        f" {number(test.std_return)}{facts}"
    )
    yield (
        f"  trained    {card.learner}, {card.env_steps:,} env-steps in {number(card.seconds)} s on {card.processor},"
        f" {card.date}"
    )
    yield f"  seed       {card.seed}; tried: {', '.join(map(str, card.seeds))}"
    yield f"  command    {card.command}"
    yield f"  with       rlkit {card.rlkit}; {card.licence}, {size(total)}"
    yield ""
    yield from _curve(card)
    yield ""
    yield f"  watch      rlkit demo {shlex.quote(card.name if ref.startswith(zoo.PREFIX) else ref)}"
    yield f"  test       {test_command()} checkpoint={quoted(ref)}"


def _curve(card: Card) -> Iterator[str]:
    """A line for each evaluation, with a bar: of successes, where the task tells of none of the return."""
    if not card.curve:
        return
    returns = [point.mean_return for point in card.curve]
    low, width = min(returns), max(returns) - min(returns) or 1.0
    rows = [("env-steps", "solved", "return", "")]
    for point in card.curve:
        share = (point.mean_return - low) / width if point.success is None else point.success
        bar = "█" * round(_BAR * share)
        rows.append((f"{point.env_steps:,}", percent(point.success), number(point.mean_return), bar))
    for line in table(rows, right=(0, 1, 2)):
        yield f"  {line}"


def table(rows: Sequence[Sequence[str]], right: Sequence[int]) -> Iterator[str]:
    """Rows below each other, the columns of `right` flush right."""
    rows = [[in_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        )
        yield "  ".join(cells).rstrip()
