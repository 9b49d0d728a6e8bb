from __future__ import annotations

import pytest
from guide import conf_with_my_task, train_commands

from rlkit.config import compose, from_yaml
from rlkit.config.facts.machine import Machine

MACHINE = Machine(cores=2, simulators=frozenset({"mujoco"}))


@pytest.fixture(scope="module")
def conf(tmp_path_factory):
    return conf_with_my_task(tmp_path_factory.mktemp("guide"))


@pytest.mark.slow
@pytest.mark.parametrize("words", train_commands(), ids=" ".join)
def test_every_command_of_the_guide_composes_as_typed(words, conf):
    experiment = compose(words, conf_dir=conf, machine=MACHINE)
    assert from_yaml(experiment.to_yaml()) == experiment


def composed(line: str):
    return compose(line.split(), machine=MACHINE)


@pytest.mark.slow
def test_the_guide_means_what_it_says():
    assert composed("").task_name == "BaseTask"
    assert composed("task=BoxGrasping numEnvs=2048").env.num_envs == 2048
    assert composed("config=train_headless").env.num_envs == 8192
    assert composed("task=BoxGrasping").choices["physics"] == "accurate"
    assert composed("task=BoxGrasping").choices["train"] == "BaseTaskPPO"
    assert composed("task=BaseTask").choices["physics"] == "default"
    assert composed("-cn test_render").choices["physics"] == "fast"
    assert composed("test=true render=true -cn test_render").env.num_envs == 4
    assert composed("+defaults=[config,/physics/fast] render=true").choices["physics"] == "fast"
    assert composed("task=BoxGrasping numEnvs=512 +defaults=[config,/physics/accurate]").env.num_envs == 512
    assert composed("train.seed=123 train.maxIterations=5000").training.max_iterations == 5000
    assert composed("sim.dt=0.01 sim.substeps=8").sim.substeps == 8
    assert composed("test=true checkpoint=latest testing.reloadInterval=30").testing.reload_interval == 30.0
    assert composed("experiment.useCleanWorkspace=false").experiment.use_clean_workspace is False


def test_physics_presets_change_the_physics():
    fast, default, accurate = (
        composed(f"+defaults=[config,/physics/{p}]").sim for p in ("fast", "default", "accurate")
    )
    assert len({fast, default, accurate}) == 3
    assert fast.substeps < default.substeps == accurate.substeps
    assert (default.cone, accurate.cone) == ("pyramidal", "elliptic")


def test_control_timing_does_not_follow_substeps_or_the_number_of_environments():
    for words in ("", "sim.substeps=8", "numEnvs=4", "physics=accurate numEnvs=512"):
        assert composed(f"{words} sim.dt=0.01 task.controlPeriod=0.02").decimation == 2
    assert composed("sim.dt=0.005 task.controlPeriod=0.02").decimation == 4


def test_one_line_sets_every_kind_of_key():
    experiment = composed(
        "training.seed=5 training.max_iterations=7 training.torch_deterministic=true env.graphicsDeviceId=0 "
        "logging.log_interval=5 logging.experiment_name=abc experiment.maxRecentRuns=3"
    )
    assert (experiment.training.seed, experiment.training.max_iterations) == (5, 7)
    assert experiment.training.torch_deterministic is True
    assert (experiment.logging.log_interval, experiment.logging.experiment_name) == (5, "abc")
    assert experiment.experiment.max_recent_runs == 3


def test_a_random_seed_is_drawn_once_and_recorded():
    first, second = composed("training.seed=-1"), composed("training.seed=-1")
    assert first.training.seed != second.training.seed
    assert first.asked["training.seed"] == -1
    assert from_yaml(first.to_yaml()).training.seed == first.training.seed
