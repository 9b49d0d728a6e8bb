"""How long a training is and how often it is evaluated: in iterations, in env-steps, and by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rlkit.config import ConfigError, compose, from_yaml, goals
from rlkit.config.facts.machine import Machine
from rlkit.config.words.inherit import read_base
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, simulators=frozenset(USABLE))


@pytest.mark.parametrize(
    ("words", "interval"),
    [
        ("train=FastTD3 maxIter=47", 24),  # never only at the end
        ("train=FastTD3 maxIter=2 train.learning_starts=2", 1),
        ("task=BoxGrasping", 80),  # 32 episodes of 500 steps are 5 % of 78 iterations of 4096
        ("task=BoxGrasping numEnvs=2048", 30),  # 20 in 600 iterations
        ("task=BoxGrasping maxIter=20", 20),  # one, at the end
        ("task=BoxGrasping maxIter=2 numEnvs=4", 0),  # one would take longer than the training
        ("task=BoxGrasping task.termination.success.grasp_lift_success=false", 0),
        ("task=Gym env.id=A-v0", 0),
        ("task=PickCube sim=mjx", 0),
    ],
)
def test_evaluations_choose_the_best_policy_where_they_are_cheap(words, interval):
    assert compose(words.split(), machine=CPU).training.eval_interval == interval


def test_a_length_in_env_steps_becomes_iterations_that_all_else_follows_from():
    words = ["train=FastTD3", "numEnvs=100", "training.maxSteps=100_000"]
    cpu = compose([*words, "training.evalSteps=10_000", "training.checkpointSteps=50_000"], machine=CPU)
    training = cpu.training
    assert (training.max_iterations, training.max_steps) == (32, 100_000)  # of 3200
    assert (training.eval_interval, training.checkpoint_interval) == (4, 16)
    assert cpu.train["buffer_size"] == 32 * 32
    assert from_yaml(cpu.to_yaml()) == cpu
    two = compose(["numEnvs=100", "training.maxSteps=100_000"], machine=replace(CPU, ranks=2))
    assert two.training.max_iterations == 16
    test = compose([*words, "test=true", "checkpoint=x"], machine=CPU)
    assert test.training.max_iterations == 100


@pytest.mark.parametrize(
    ("iterations", "steps"),
    [
        ("maxIter=5", "training.maxSteps=9"),
        ("training.evalInterval=5", "training.evalSteps=9"),
        ("training.checkpointInterval=5", "training.checkpointSteps=9"),
    ],
)
def test_iterations_and_env_steps_are_not_both_typed(iterations, steps):
    with pytest.raises(ConfigError, match="say the same thing twice"):
        compose([iterations, steps], machine=CPU)
    name = steps.partition("=")[0]
    compose([iterations, f"{name}=null"], machine=CPU)


def test_what_is_typed_at_a_resume_takes_the_place_of_the_other_kind(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(compose(["maxIter=77", "training.evalSteps=500"], machine=CPU).to_yaml())
    again = compose(["checkpoint=x", "training.maxSteps=90"], machine=CPU, base=read_base(config)).training
    assert (again.max_steps, again.eval_steps) == (90, 500)
    config.write_text(compose(["training.maxSteps=90"], machine=CPU).to_yaml())
    again = compose(["checkpoint=x", "maxIter=77"], machine=CPU, base=read_base(config)).training
    assert (again.max_steps, again.max_iterations) == (None, 77)


def test_a_run_from_before_there_were_env_steps_is_read(tmp_path):
    text = compose([], machine=CPU).to_yaml()
    for name in ("maxSteps", "checkpointSteps", "evalSteps"):
        text = text.replace(f"  {name}: null\n", "")
    assert "Steps" not in text
    assert from_yaml(text).training.max_steps is None


@pytest.mark.parametrize(
    ("words", "stands", "word"),
    [
        ("task=BoxGrasping maxIter=1", (1, 4096), "maxIter=600"),  # the task's own length
        ("task=BoxGrasping", (600, 2457600), "maxIter=1200"),
        ("task=BoxGrasping maxIter=601", (601, 2461696), "maxIter=1300"),
        ("training.maxSteps=5000", (2, 8192), "training.maxSteps=17000"),
    ],
)
def test_going_on_is_suggested_with_a_length_that_makes_sense(words, stands, word):
    experiment = compose(["device=cpu", *words.split()])
    assert goals.further(experiment, *stands) == word
