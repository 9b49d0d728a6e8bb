"""The root configurations under RoboVerse's names."""

from __future__ import annotations

import dataclasses
import math

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.compose import changed as changed_to
from rlkit.config.facts.machine import Machine
from rlkit.config.words.inherit import read_base
from rlkit.sims.facts import USABLE

pytestmark = pytest.mark.slow

CPU = Machine(cores=2, simulators=frozenset(USABLE))
GPU = Machine(cores=16, cuda_devices=1, simulators=frozenset(USABLE))
TASKS = {"walk": "HumanoidWalk", "stand": "HumanoidStand", "run": "HumanoidRun"}
ROOTS = {f"{sim}_{verb}": (sim, task) for sim in ("mjx", "isaacgym") for verb, task in TASKS.items()}
ROOTS["mjx_rl_pick"] = ("mjx", "PickCube")


@pytest.mark.parametrize("name", ROOTS)
def test_each_trains_its_task_on_its_simulator_as_roboverse_does(name):
    experiment = compose([f"config={name}"], machine=GPU)
    assert (experiment.sim.name, experiment.task_name) == ROOTS[name]
    assert (experiment.env.device, experiment.env.num_envs) == ("cuda:0", 1024)
    train = experiment.train
    assert (train["learner"], train["batch_size"], train["gamma"]) == ("fast_td3", 32768, 0.99)
    assert train["num_updates"] == (8 if name == "mjx_rl_pick" else 12)
    assert 0 <= 32 * experiment.training.max_iterations - (30000 if name == "mjx_rl_pick" else 1500) < 32
    training = experiment.training
    of = (
        (10000, 15000) if name == "mjx_rl_pick" else (700, 700)
    )  # RoboVerse's steps between evaluations, saves
    evaluations = [0 if name.startswith("isaacgym") else math.ceil(of[0] / 32), math.ceil(of[1] / 32)]
    assert [training.eval_interval, training.checkpoint_interval] == evaluations
    assert from_yaml(experiment.to_yaml()) == experiment


@pytest.mark.parametrize("name", ROOTS)
def test_rewards_of_the_task_fit_the_range_of_returns(name):
    """The largest reward a step, held for ever: 1 for the humanoid; the weights' sum for the cube."""
    experiment = compose([f"config={name}"], machine=GPU)
    train, task = experiment.train, experiment.task
    step = sum(task["rewardWeights"].values()) if name == "mjx_rl_pick" else 1.0
    assert train["v_min"] <= 0.0
    assert step / (1 - train["gamma"]) <= train["v_max"]


def test_on_a_cpu_the_same_names_ask_for_what_a_cpu_can_do():
    experiment = compose(["config=mjx_walk"], machine=CPU)
    assert (experiment.env.device, experiment.env.num_envs) == ("cpu", 128)
    assert experiment.train["batch_size"] == 1024


def test_the_command_line_stands_above_them():
    experiment = compose(["config=mjx_walk", "sim=mujoco", "numEnvs=8", "maxIter=1"], machine=CPU)
    assert (experiment.sim.name, experiment.env.num_envs, experiment.training.max_iterations) == (
        "mujoco",
        8,
        1,
    )


def test_isaac_gym_is_refused_where_it_is_not():
    with pytest.raises(ConfigError, match="isaacgym: not installed here"):
        compose(["config=isaacgym_walk"], machine=Machine(simulators=frozenset({"mujoco"})))


@pytest.mark.parametrize("name", ROOTS)
def test_what_it_sets_is_taken_from_the_run_by_a_test_and_a_resume(name, tmp_path):
    made = compose([f"config={name}", "task.episodeLength=40"], machine=GPU)
    file = tmp_path / "config.yaml"
    file.write_text(made.to_yaml())
    test, resume = (
        compose([*words, "checkpoint=x"], machine=GPU, base=read_base(file)) for words in (["test=true"], [])
    )
    assert test.task == resume.task == made.task and test.task["episodeLength"] == 40
    asked = {name: value for name, value in made.train.items() if f"train.{name}" not in made.asked}
    assert {name: test.train[name] for name in asked} == asked and resume.train == made.train
    assert test.sim == resume.sim == made.sim
    assert (resume.env, resume.config_name) == (made.env, name)
    assert dataclasses.replace(resume.training, checkpoint=None) == made.training
    other = {"env.numEnvs": 4, "training.test": True, "training.checkpoint": "x"}
    assert changed_to(from_yaml(made.to_yaml()), other, GPU).task == made.task  # as export and sim2sim do
