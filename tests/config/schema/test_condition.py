"""Conditions that end a training: how they are written, and when they hold."""

from __future__ import annotations

import math

import pytest

from rlkit.config.schema.condition import Condition, by_evaluations, over_episodes, parse


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("success>=0.9", ("success", ">=", 0.9)),
        (" eval/return > -1e3 ", ("eval/return", ">", -1000.0)),
        ("losses/critic<.5", ("losses/critic", "<", 0.5)),
        ("task/Ant-v5/length<=100", ("task/Ant-v5/length", "<=", 100.0)),
    ],
)
def test_a_metric_a_comparison_and_a_number(text, condition):
    assert parse(text) == condition
    assert parse(str(parse(text))) == condition


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("success", 'a comparison is missing; write until="success>=0.9", in quotes, or the shell takes >'),
        ("success=0.5", 'a comparison is missing; write until="success>=0.5"'),
        ("return 100", 'a comparison is missing; write until="return>=100"'),
        ("length=<100", 'needs a metric, .* write until="length<=100"'),
        ("success>=0.5 and return>=3", 'one condition alone ends a training; .* as until="success>=0.5"'),
        ("success==1 or return>3", 'one condition alone ends a training; .* as until="success>=0.9"'),
        ("success=>0.8", 'needs a metric, one of >=, <=, >, <, and a number; write until="success>=0.8"'),
        (">=0.9", 'needs a metric, .* write until="success>=0.9"'),
        ("return>=high", 'needs a metric, .* write until="return>=0.9"'),
        ("return>=1.2.3", '1.2.3 is no number; write until="return>=0.9"'),
        ("return>=1e999", '1e999 is no number; write until="return>=0.9"'),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_it_holds_from_its_bound_on_and_never_of_what_is_no_number():
    at_least, below = parse("success>=0.9"), parse("length<100")
    assert at_least.holds(0.9) and not at_least.holds(0.899)
    assert below.holds(99.9) and not below.holds(100.0)
    assert not any(Condition("x", sign, 0.0).holds(value) for sign in "<>" for value in (math.nan, -math.inf))


def test_short_names_are_of_evaluations_where_they_run():
    assert parse("success>=0.9").source(evaluated=True) == "eval/success"
    assert parse("success>=0.9").source(evaluated=False) == "episode/success"
    assert parse("episode/success>=0.9").source(evaluated=True) == "episode/success"
    assert [by_evaluations(text) for text in ("return>1", "eval/length<9", "episode/return>1", "?", None)] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_means_over_episodes_are_told_from_numbers_of_an_iteration():
    assert [over_episodes(name) for name in ("episode/return", "reward/alive", "success/held")] == [True] * 3
    assert [over_episodes(name) for name in ("eval/return", "losses/actor", "episode/count")] == [False] * 3
