"""What may change while a run goes on in its folder, and what makes another run of it."""

from __future__ import annotations

import pytest

from rlkit import yaml_text
from rlkit.config.compose import compose
from rlkit.config.continuation import changes, is_drawn
from rlkit.config.facts.machine import Machine

HERE = Machine(cores=4, simulators=frozenset({"mujoco"}))
THERE = Machine(cores=64, cuda_devices=1, simulators=frozenset({"mujoco"}))


def asked(*words, machine=HERE):
    return yaml_text.load(compose(["task=ReachOrigin", *words], machine=machine).to_yaml())


@pytest.mark.parametrize(
    "words", [(), ("train=FastTD3",), ("train=TD3", "training.maxSteps=100000"), ("physics=fast",)]
)
def test_the_same_request_is_the_same_on_another_machine(words):
    assert changes(asked(*words), asked(*words, machine=THERE)) == ({}, {})


def test_a_drawn_seed_is_no_change():
    assert changes(asked("seed=-1"), asked("seed=-1")) == ({}, {})
    assert is_drawn(asked("seed=-1"))
    assert not is_drawn(asked())


@pytest.mark.parametrize(
    "word",
    ["training.maxIterations=7", "training.maxSteps=700", "training.checkpointInterval=3", "training.evalInterval=5",
     "training.until='return>=5'", "logging.logLevel=debug", "logging.trackerNotes=x", "env.device=cpu",
     "sim.numThreads=2", "training.threads=1", "testing.video=grid", "env.recordVideo=true", "training.resume=auto",
     "train.save_buffer=true", "training.bestBy=return"],
)  # fmt: skip
def test_what_decides_nothing_that_is_learned_may_change(word):
    found = changes(asked("train=FastTD3"), asked("train=FastTD3", word))
    assert not found.refused
    assert word.partition("=")[0] in found.allowed


@pytest.mark.parametrize(
    ("word", "name", "values"),
    [
        ("seed=7", "training.seed", ("42", "7")),
        ("train.gamma=0.5", "train.gamma", ("0.97", "0.5")),
        ("numEnvs=8", "env.numEnvs", ("auto", "8")),
        ("sim.dt=0.005", "sim.dt", ("0.01", "0.005")),
        ("task.rewardWeights.hand_distance=3.0", "task.rewardWeights.hand_distance", None),
    ],
)
def test_what_decides_what_is_learned_makes_another_run(word, name, values):
    found = changes(asked(), asked(word))
    assert list(found.refused) == [name]
    assert values is None or found.refused[name] == values


def test_a_setting_that_the_run_is_too_old_to_have_counts_where_it_is_typed():
    old = asked()
    del old["train"]["gamma"]
    assert changes(old, asked()) == ({}, {})
    assert list(changes(old, asked("train.gamma=0.5")).refused) == ["train.gamma"]
    del old["task"]["rewardWeights"]["hand_distance"]
    assert list(changes(old, asked()).refused) == ["task.rewardWeights.hand_distance"]


@pytest.mark.parametrize("config", [{}, {"composed": 3}, {"composed": {"asked": [1]}, "train": 5}])
def test_a_file_of_anybody_is_another_request(config):
    assert changes(config, asked()).refused
