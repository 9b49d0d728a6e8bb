from __future__ import annotations

import dataclasses

import pytest
from guide import conf_with_my_task

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.docs import PAGE, page
from rlkit.config.facts.machine import Machine
from rlkit.config.files import task_source
from rlkit.config.files.conf import Conf, find_conf
from rlkit.config.files.terms import term_names
from rlkit.sims.facts import SIMULATORS, USABLE

CPU = Machine(cores=2, cuda_missing="no NVIDIA device is visible", simulators=frozenset(USABLE))
CUDA = Machine(cores=16, cuda_devices=2, simulators=frozenset(USABLE), cpu_only=frozenset())
CONF = Conf(find_conf())


def composed(line: str, machine: Machine = CPU):
    return compose(line.split(), machine=machine)


def refused(line: str, machine: Machine = CPU) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(line, machine)
    return caught.value.report()


def task_words(task: str) -> str:
    """`task=<task>` with what it cannot do without."""
    return "task=Gym env.id=Pendulum-v1" if task == "Gym" else f"task={task}"


def leaves_open(root: str) -> bool:
    """Whether a root configuration is for any task on any simulator."""
    return CONF.chosen(root, "sim") == "auto" and CONF.chosen(root, "task") == CONF.chosen("config", "task")


@pytest.mark.slow
@pytest.mark.parametrize("task", CONF.options("task"))
@pytest.mark.parametrize("root", [root for root in CONF.roots() if leaves_open(root)])
def test_every_task_composes_under_every_root_that_leaves_the_simulator_open(root, task):
    assert composed(f"config={root} {task_words(task)}").task_name == task


@pytest.mark.slow
@pytest.mark.parametrize("group", ["sim", "physics", "env", "train"])
def test_every_option_of_every_group_composes(group):
    for option in CONF.options(group):
        if group == "sim" and option not in (*USABLE, "auto"):
            assert SIMULATORS[option].unavailable in refused(f"{group}={option}", CPU)
            continue
        tasks = {
            "gymnasium": "task=Gym env.id=Pendulum-v1",
            "AMP": "task=Style",
            "ASE": "task=Style",
            "ADD": "task=TrackMotion",
            "Distill": "train.teacher=some",
            "MaskedMimic": "task=TrackMotion train.expert=some",
        }
        own = [name for name in CONF.options("task") if option in (f"{name}PPO", f"{name}FastTD3")]
        if own and group == "train":  # a setting as symmetry may need what this task declares
            tasks[option] = task_words(own[0])
        task = f" {tasks[option]}" if option in tasks else ""
        assert composed(f"{group}={option}{task}").choices[group] == option


@pytest.mark.slow
@pytest.mark.parametrize("task", CONF.options("task"))
def test_every_learner_composes_with_every_task(task):
    for train, learner in (
        (f"{task}PPO", "ppo"),
        (f"{task}FastTD3", "fast_td3"),
        ("FastTD3", "fast_td3"),
        ("TD3", "fast_td3"),
        ("FastSAC", "fast_sac"),
        ("SAC", "fast_sac"),
        ("FlashSAC", "flash_sac"),
    ):
        experiment = composed(f"train={train} {task_words(task)}")
        assert experiment.train["learner"] == learner
        assert experiment.choices["train"] == CONF.option("train", train)


def test_the_command_line_wins_over_the_root_and_the_root_over_the_task():
    assert composed("-cn test_render task=BoxGrasping").choices["physics"] == "fast"
    assert composed("-cn test_render task=BoxGrasping physics=default").choices["physics"] == "default"
    assert composed("-cn test_render numEnvs=2").env.num_envs == 2


def test_a_task_file_may_set_plain_sections(tmp_path):
    conf = conf_with_my_task(tmp_path)
    (conf / "task" / "Mine.yaml").write_text(
        "# @package _global_\ndefaults: [BaseTask, _self_]\ntask: {name: Mine, reach: 0.5}\n"
        "training: {maxIterations: 77}\n"
    )
    words = ["task=Mine", "train=MyTaskPPO"]
    assert compose(words, conf_dir=conf, machine=CPU).training.max_iterations == 77
    assert compose([*words, "task.reach=1"], conf_dir=conf, machine=CPU).task["reach"] == 1.0
    with pytest.raises(ConfigError, match=r"task\.reach=far: needs float"):
        compose([*words, "task.reach=far"], conf_dir=conf, machine=CPU)


def test_mistakes_in_yaml_files_are_found_too(tmp_path):
    conf = conf_with_my_task(tmp_path)
    (conf / "train" / "Bad.yaml").write_text(
        "defaults: [BaseTaskPPO, _self_]\nlearning_rat: 1e-3\nseed: 3\ngamma: high\n"
    )
    (conf / "task" / "Odd.yaml").write_text(
        "# @package _global_\ndefaults: [BaseTask, _self_]\ntask: {name: Even}\nbox: {size: 1}\n"
    )
    with pytest.raises(ConfigError) as caught:
        compose(["task=Odd", "train=Bad"], conf_dir=conf, machine=CPU)
    report = caught.value.report()
    assert "box: no such section" in report
    assert "train.learning_rat: no such setting; did you mean train.learning_rate?" in report
    assert "train.seed: the seed is training.seed" in report
    assert "train.gamma: needs float in (0, 1], got 'high'" in report
    (conf / "task" / "Odd.yaml").write_text(
        "# @package _global_\ndefaults: [BaseTask, _self_]\ntask: {name: Even}\n"
    )
    with pytest.raises(ConfigError, match="must be Odd"):
        compose(["task=Odd", "train=MyTaskPPO"], conf_dir=conf, machine=CPU)


def test_auto_becomes_what_the_machine_has():
    cpu, cuda = composed("task.cpuNumEnvs=96"), composed("task.cpuNumEnvs=96", CUDA)
    assert (cpu.env.device, cpu.env.num_envs, cpu.sim.num_threads, cpu.training.threads) == (
        "cpu", 96, 2, "auto",
    )  # fmt: skip
    assert (cuda.env.device, cuda.env.num_envs, cuda.sim.num_threads) == ("cuda:0", 1024, 16)
    assert cpu.asked["env.numEnvs"] == cpu.asked["env.device"] == "auto"
    assert composed("test=true checkpoint=latest").env.num_envs == 64
    assert composed("device=cuda", CUDA).env.device == "cuda:0"


@pytest.mark.parametrize(
    ("num_envs", "count", "size"), [(2048, 4, 16384), (64, 4, 512), (8, 4, 64), (1000, 4, 8000), (1, 4, 8)]
)
def test_the_minibatch_follows_the_number_of_environments(num_envs, count, size):
    train = composed(f"numEnvs={num_envs} train.horizon_length=32 train.num_minibatches=4").train
    assert (train["num_minibatches"], train["minibatch_size"]) == (count, size)


def test_a_count_that_does_not_divide_moves_to_the_nearest_and_says_so():
    experiment = composed(
        "numEnvs=7 train.horizon_length=32 train.num_minibatches=5"
    )  # 224 samples: 4 and 7 divide, 4 is nearer
    assert (experiment.train["num_minibatches"], experiment.train["minibatch_size"]) == (4, 56)
    assert experiment.asked["train.num_minibatches"] == 5


def test_an_explicit_minibatch_that_does_not_divide_is_refused_with_the_nearest():
    report = refused("numEnvs=64 train.horizon_length=32 train.minibatch_size=1000")  # 2048
    assert "nearest that do: train.minibatch_size=512 or 1024" in report
    assert "env.numEnvs=125" in report  # 32 x 125 = 4000
    assert (
        composed("numEnvs=125 train.horizon_length=32 train.minibatch_size=1000").train["num_minibatches"]
        == 4
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sim.dt=0.015", "nearest: sim.dt=0.02 or sim.dt=0.01"),
        ("sim.dt=0.04", "nearest: sim.dt=0.02"),
        ("device=cuda:0", "run on the CPU with device=cpu"),
        ("train.mixed_precision=true device=cpu", "train.mixed_precision=false"),
        ("train.torch_compile=true device=cpu", "train.torch_compile=false"),
        ("test=true", "add checkpoint=latest"),
        ("task.observations=[hand_poze]", "did you mean hand_pose?"),
        ("logging.experimentName=a/b", "it holds '/'"),
        ("task.policyControlsHandBase=false task.policyControlsFingers=false", "no action is left"),
        ("train.minibatch_size=null train.num_minibatches=null", "train.num_minibatches=4"),
        ("numEnvs=1 train.horizon_length=1", "one sample has no spread"),
        ("task.episodeLength=${nope}", "nope"),
    ],
)
def test_combinations_that_cannot_work_are_refused_with_what_does(line, message):
    assert message in refused(line)


def test_devices_and_simulators_that_are_not_there():
    assert "the last device here is cuda:1" in refused("device=cuda:2", CUDA)
    assert "pip install -e '.[mujoco]'" in refused("", dataclasses.replace(CPU, simulators=frozenset()))


def test_several_combinations_come_in_one_message():
    assert refused("sim.dt=0.015 train.minibatch_size=1000 test=false device=cuda:0").startswith(
        "error: 3 mistakes"
    )


@pytest.mark.slow
def test_a_test_is_shown_and_a_training_where_it_is_asked():
    assert composed("test=true checkpoint=x").env.render
    assert not composed("test=true checkpoint=x render=false").env.render
    assert not composed("").env.render
    assert composed("render=true").env.render
    assert composed("viewer=web").env.render
    assert "env.render=false shows none" in refused("viewer=web render=false")
    assert "film them with env.recordVideo=true" in refused("task=Gym env.id=CartPole-v1 viewer=web")


@pytest.mark.parametrize(
    ("words", "evaluations", "videos"),
    [
        ("", 0, 0),
        ("train=FastTD3", 50, 0),
        ("env.recordVideo=true", 100, 100),
        ("env.recordVideo=true train=FastTD3", 50, 100),
        ("env.recordVideo=true training.evalInterval=30", 30, 120),
        ("env.recordVideo=true training.evalInterval=30 training.videoInterval=90", 30, 90),
        ("env.recordVideo=true training.videoInterval=200", 100, 200),
        ("task=BoxGrasping env.recordVideo=true training.videoInterval=200", 80, 200),
        ("env.recordVideo=true test=true checkpoint=x", 0, 0),
    ],
)
def test_when_a_training_is_evaluated_and_filmed(words, evaluations, videos):
    training = composed(words).training
    assert (training.eval_interval, training.video_interval) == (evaluations, videos)


def test_videos_of_nothing_are_refused():
    assert "write training.evalInterval=100" in refused("env.recordVideo=true training.evalInterval=0")
    words = "env.recordVideo=true test=true checkpoint=x testing.recordEnvs=0"
    assert "write testing.recordEnvs=1" in refused(words)


def test_an_experiment_is_frozen_and_reads_back_the_same():
    experiment = composed("task=BoxGrasping numEnvs=16 train.units=[32,16] seed=-1")
    with pytest.raises(TypeError):
        experiment.task["rewardWeights"]["alive"] = 1.0  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.env.num_envs = 3  # type: ignore[misc]
    assert experiment.train["units"] == (32, 16)
    assert type(composed("train.gamma=1").train["gamma"]) is float
    again = from_yaml(experiment.to_yaml())
    assert again == experiment
    assert again.to_yaml() == experiment.to_yaml()


def test_a_file_that_rlkit_did_not_write_is_no_experiment():
    with pytest.raises(ConfigError, match="composed"):
        from_yaml("a: 1")


def test_terms_read_from_the_source_are_those_of_the_class():
    pytest.importorskip("torch")
    from rlkit.tasks.registry import task_class

    assert term_names("Gym") is None
    for task in ("BaseTask", "BoxGrasping"):
        known = term_names(task)
        assert known is not None
        for kind, names in known.items():
            assert names == set(task_class(task).terms(kind)), (task, kind)


def test_a_task_whose_source_cannot_be_followed_is_left_to_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(task_source, "TASKS", tmp_path)
    (tmp_path / "mine.py").write_text("class Mine(make_base()):\n    pass\n")
    assert term_names("Mine") is None
    assert term_names("Nowhere") is None


@pytest.mark.slow
def test_the_page_of_settings_is_current():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m rlkit.config.docs"


def test_a_simulator_of_the_cpu_stays_there_on_a_machine_with_a_gpu():
    machine = dataclasses.replace(CUDA, cpu_only=frozenset(USABLE))
    assert composed("", machine).env.device == "cpu"
    asked = composed("device=cuda", machine)
    assert (asked.env.device, asked.env.num_envs) == ("cuda:0", 128)
    assert asked.notes[0] == "sim=mujoco steps on the CPU; every step is copied to cuda:0"
    assert from_yaml(asked.to_yaml()) == asked
