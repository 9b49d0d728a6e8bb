"""A simulator with room for one simulation in a process: nothing is evaluated beside its training."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine

HERE = Machine(cores=2, simulators=frozenset({"isaacgym", "mujoco"}))
ASKED = ("task=HumanoidWalk", "sim=isaacgym", "device=cpu")


def test_auto_evaluates_nothing_there_and_as_ever_elsewhere() -> None:
    assert compose([*ASKED, "train=FastTD3"], machine=HERE).training.eval_interval == 0
    elsewhere = ["task=HumanoidWalk", "sim=mujoco", "device=cpu", "train=FastTD3"]
    assert compose(elsewhere, machine=HERE).training.eval_interval == 50


def test_evaluations_and_films_of_them_are_refused_before_the_run() -> None:
    with pytest.raises(ConfigError) as refused:
        compose([*ASKED, "training.evalInterval=10", "env.recordVideo=true"], machine=HERE)
    text = str(refused.value.report())
    assert "training.evalInterval=10: sim=isaacgym has room for one simulation" in text
    assert "write training.evalInterval=0" in text
    assert "env.recordVideo=true" in text and "film a test: test=true checkpoint=latest" in text
