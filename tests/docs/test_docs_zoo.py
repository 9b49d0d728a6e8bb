"""The table of docs/zoo.md says what the cards say."""

from __future__ import annotations

from pathlib import Path

from rlkit import zoo
from rlkit.numbers import number, percent
from rlkit.workspace import size
from rlkit.zoo.card import read_card

PAGE = Path(__file__).resolve().parents[2] / "docs" / "zoo.md"


def row(name: str) -> str:
    folder = zoo.folder_of(name)
    card = read_card(folder)
    good = f"{percent(card.test.success)} ({card.test.episodes})"
    returns = f"{number(card.test.mean_return)} ± {number(card.test.std_return)}"
    made = f"{card.task}, {card.learner}"
    total = size(zoo.size_of(folder))
    return f"| {name} | {card.about} | {made} | {good} | {returns} | {card.env_steps:,} | {total} |"


def test_the_table_is_that_of_the_cards() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("<!-- the cards -->\n")[2].partition("<!-- end of the cards -->")[0]
    assert table.splitlines()[2:] == [row(name) for name in zoo.shipped()]
