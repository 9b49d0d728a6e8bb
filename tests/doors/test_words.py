"""Keywords become the words that the command line reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlkit.config import compose
from rlkit.doors.words import words
from rlkit.errors import ConfigError


def test_values_are_written_as_they_are_typed() -> None:
    given = {
        "num_envs": 64, "task.episodeLength": np.int64(40), "render": False, "sim.dt": 5e-05, "a.path": Path("x/y"),
        "name": "", "units": [64, "a b", [True, None]],
    }  # fmt: skip
    assert words(given) == [
        "num_envs=64", "task.episodeLength=40", "render=false", "sim.dt=5e-05", "a.path=x/y",
        "name=''", "units=[64,'a b',[true,null]]",
    ]  # fmt: skip


def test_what_is_none_is_left_to_the_files_but_for_a_full_name() -> None:
    section = {"randomization": {"mass": {"range": None}}, "episodeLength": 7}
    assert words({"seed": None, "task": section, "training.resume": None}) == [
        "task.randomization.mass.range=null",
        "task.episodeLength=7",
        "training.resume=null",
    ]


@pytest.mark.parametrize("name", ["--cfg", "~task", "num envs", "", "hydra.mode", "a=b", "help"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no setting is called so"):
        words({name: 1})


def test_every_mistake_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        words({"seed": object(), "-x": 1, "num_envs": {1, 2}})
    assert [message.partition(":")[0] for message in caught.value.messages] == ["seed", "'-x'", "num_envs"]
    assert "object is no value of a setting" in caught.value.messages[0]


def test_text_and_numbers_come_out_as_they_went_in() -> None:
    given = {
        "task": "BaseTask", "num_envs": 8, "logging.experimentName": "two words", "train.units": [8, 4],
        "train.e_clip": 1e-05,
    }  # fmt: skip
    experiment = compose(words(given))
    assert experiment.logging.experiment_name == "two words"
    assert (experiment.train["units"], experiment.train["e_clip"]) == ((8, 4), 1e-05)
