"""What Hydra's words of a sweep become: settings with values, jobs, a space to search."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from rlkit.config.sweep import Spread, common_words, grid, spread
from rlkit.errors import ConfigError
from rlkit.sweeps.space import corners, distributions, searched, words_of


def spread_out(*words: str) -> list[Spread]:
    return spread(OverridesParser.create().parse_overrides(list(words)))


def test_a_grid_is_every_combination_the_last_setting_first():
    settings = spread_out("training.seed=range(3)", "env.numEnvs=4", "train.gamma=choice(0.9,0.99)")
    assert grid(settings) == [
        (f"training.seed={seed}", "env.numEnvs=4", f"train.gamma={gamma}")
        for seed in (0, 1, 2)
        for gamma in (0.9, 0.99)
    ]
    assert common_words(settings) == ("env.numEnvs=4",)


def test_of_a_setting_that_is_typed_twice_the_last_counts_and_alike_jobs_are_one():
    assert grid(spread_out("a=1,2", "a=5", "b=7,7")) == [("a=5", "b=7")]


@pytest.mark.parametrize(
    ("word", "jobs"),
    [
        ("a='x y',z", ["a='x y'", "a=z"]),
        ("a=[1,2],[3]", ["a=[1,2]", "a=[3]"]),
        ("a=range(0,1,0.25)", ["a=0.0", "a=0.25", "a=0.5", "a=0.75"]),
        ("++a.b=true,null", ["++a.b=true", "++a.b=null"]),
        (r"a=choice(m\:C,n)", ["a=m:C", "a=n"]),
    ],
)
def test_values_stay_what_they_are(word, jobs):
    assert [job for (job,) in grid(spread_out(word))] == jobs


def test_an_interval_has_no_grid():
    with pytest.raises(ConfigError, match=r"train\.gamma.*hydra/sweeper=optuna.*train\.gamma=0\.9,1\.0"):
        grid(spread_out("train.gamma=interval(0.9,1.0)"))


def test_optuna_searches_intervals_and_ranges_as_numbers_and_chooses_of_others():
    settings = spread_out(
        "lr=tag(log, interval(1e-5, 1e-2))", "n=int(interval(1,4))", "k=range(2,9,3)", "c=a,b", "seed=1"
    )
    space: dict[str, Any] = dict(distributions(searched(settings)))
    assert list(space) == ["lr", "n", "k", "c"]
    assert (space["lr"].low, space["lr"].high, space["lr"].log) == (1e-5, 1e-2, True)
    assert (space["n"].low, space["n"].high, space["n"].step) == (1, 4, 1)
    assert (space["k"].low, space["k"].high, space["k"].step) == (2, 8, 3)
    assert space["c"].choices == ("a", "b")
    chosen = {"lr": 0.00044303752452182633, "n": 3, "k": 5, "c": "b"}
    assert words_of(settings, chosen) == ("lr=0.000443", "n=3", "k=5", "c=b", "seed=1")


def test_the_check_looks_at_every_choice_and_both_ends():
    settings = spread_out("lr=interval(0.5,1.0)", "c=a,b,d", "seed=1")
    assert corners(settings) == [
        ("lr=0.5", "c=a", "seed=1"),
        ("lr=1.0", "c=a", "seed=1"),
        ("lr=0.5", "c=b", "seed=1"),
        ("lr=0.5", "c=d", "seed=1"),
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["seed=1"], "there is nothing to search"),
        (["lr=interval(2.0,1.0)"], "two ends, the first one less"),
        (["lr=tag(log, interval(0.0,1.0))"], "above 0, for a logarithm"),
    ],
)
def test_what_cannot_be_searched_is_refused(words, says):
    with pytest.raises(ConfigError, match=says):
        searched(spread_out(*words))
