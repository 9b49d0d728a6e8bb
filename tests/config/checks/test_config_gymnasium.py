"""Tasks made of Gymnasium environments, the packages that a task needs, and what is known of the machine."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.facts import machine
from rlkit.config.facts.machine import Machine
from rlkit.config.summary import differences, print_summary
from rlkit.config.words.inherit import read_base
from rlkit.packages import how_to_install_package
from rlkit.sims.facts import USABLE

MACHINE = Machine(cores=4, simulators=frozenset(USABLE))
NO_MUJOCO = dataclasses.replace(MACHINE, simulators=frozenset({"gymnasium"}))


def composed(line: str, on: Machine = MACHINE):
    return compose(line.split(), machine=on)


def refused(line: str, on: Machine = MACHINE) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(line, on)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


@pytest.mark.parametrize("words", ["", "sim=auto", "sim=gymnasium", "train=FastTD3"])
def test_a_gymnasium_task_needs_no_simulator(words):
    experiment = composed(f"task=Gym env.id=Pendulum-v1 {words}", NO_MUJOCO)
    assert (experiment.sim.name, experiment.engine, experiment.env.num_envs) == ("gymnasium", "gymnasium", 16)
    assert experiment.task["episodeLength"] == "auto"
    assert composed("task=Gym env.id=Pendulum-v1 task.episodeLength=50").task["episodeLength"] == 50


def test_auto_never_takes_gymnasium_for_a_task_on_a_simulator():
    assert composed("").sim.name == "mujoco"
    assert "pip install -e '.[mujoco]'" in refused("", NO_MUJOCO)
    nothing = dataclasses.replace(MACHINE, simulators=frozenset())
    assert "pip install -e '.[gymnasium]'" in refused("task=Gym env.id=Pendulum-v1", nothing)


WRONG = [
    ("task=Gym", "write task=Gym env.id=HalfCheetah-v5"),
    ("task=Gym env.id=A env.ids=[B]", "keep one: write env.ids=[] or env.id=null"),
    ("task=SoccerMulti env.id=A", "keep one: write env.ids=[] or env.id=null"),
    ("task=Gym env.ids=[A,B,A]", "A is there more than once; write env.ids=[A,B]"),
    ("task=Gym env.id=A sim=mujoco", "write task=Gym sim=gymnasium"),
    ("task=BoxGrasping sim=gymnasium", "write task=BoxGrasping sim=auto"),
    ("env.id=HalfCheetah-v5", "write task=Gym env.id=HalfCheetah-v5, or leave it out"),
    ("env.ids=[A]", "task=BaseTask has no Gymnasium environment"),
    ("env.kwargs.g=1", "env.kwargs: task=BaseTask has no Gymnasium environment"),
    ("task.episodeLength=auto", "write task.episodeLength=300"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[line for line, _ in WRONG])
def test_a_wrong_pairing_is_refused_with_the_right_one(line, message):
    assert message in refused(line)


def test_what_is_passed_on_comes_back_as_it_was_typed():
    words = "task=Gym env.ids=[A-v0,m:B-v1] env.kwargs.some_name=2.0 env.kwargs.inner.xmlFile=a.xml env.kwargs.n=3"
    experiment = composed(words)
    assert experiment.env.ids == ("A-v0", "m:B-v1")
    assert experiment.env.kwargs == {"some_name": 2.0, "inner": {"xmlFile": "a.xml"}, "n": 3}
    assert type(experiment.env.kwargs["n"]) is int
    with pytest.raises(TypeError):
        experiment.env.kwargs["n"] = 4  # type: ignore[index]
    assert from_yaml(experiment.to_yaml()) == experiment


def test_soccer_says_what_it_needs_and_how_to_get_it():
    without = dataclasses.replace(MACHINE, has_package=lambda name: name != "sai_mujoco")
    assert refused("task=Soccer", without) == (
        "task=Soccer needs the package sai_mujoco, which is not installed here; install it with: "
        + how_to_install_package("sai_mujoco")
    )
    assert "task=SoccerMulti needs the package sai_mujoco" in refused("task=SoccerMulti", without)
    mine = dataclasses.replace(MACHINE, has_package=lambda name: name != "my.envs")
    assert "install it with: pip install my" in refused("task=Gym env.id=A task.packages=[my.envs]", mine)


def test_soccer_is_what_its_adapter_reads():
    one, several = composed("task=Soccer"), composed("task=SoccerMulti train=SoccerMultiFastTD3")
    assert (one.env.id, one.env.ids) == ("LowerT1GoaliePenaltyKick-v0", ())
    assert (several.env.id, several.env.ids) == (None, (one.env.id, "LowerT1KickToTarget-v0"))
    for task in (one.task, several.task):
        assert (task["actions"], task["decimation"], task["orientation"]) == ("joint_targets", 10, True)
    by_ppo = composed("task=SoccerMulti")
    assert all(experiment.train["reward_normalization"] is True for experiment in (one, several, by_ppo))
    with pytest.raises(ConfigError, match="needs joint_targets"):
        composed("task=Soccer task.actions=torque")


def test_a_sweep_over_learners_checks_each_by_its_own_settings():
    from rlkit.config.sweep import check_jobs
    from rlkit.config.words.preflight import read_words

    jobs = [(f"train={train}", "train.gamma=0.9") for train in ("BaseTaskPPO", "FastTD3")]
    check_jobs(read_words(["-m", "train=BaseTaskPPO,FastTD3", "train.gamma=0.9"]), jobs)
    jobs = [(f"train={train}", "train.e_clip=0.1") for train in ("BaseTaskPPO", "FastTD3")]
    with pytest.raises(
        ConfigError, match=r"train=FastTD3.*train\.e_clip: the files chosen here have no"
    ) as caught:
        check_jobs(read_words(["-m", "train=BaseTaskPPO,FastTD3", "train.e_clip=0.1"]), jobs)
    assert len(caught.value.messages) == 1


def test_a_test_and_a_resume_go_on_in_the_same_environments(tmp_path):
    config = tmp_path / "config.yaml"
    made = "task=Gym env.id=A-v0 env.kwargs.g=9.5 numEnvs=4 training.initFrom=w.pt train=FastTD3"
    (tmp_path / "w.pt").write_text("weights")
    config.write_text(composed(made.replace("w.pt", str(tmp_path / "w.pt"))).to_yaml())
    for test in (True, False):
        words = [f"test={str(test).lower()}", "checkpoint=x"]
        again = compose(words, machine=MACHINE, base=read_base(config))
        assert (again.env.id, again.env.kwargs) == ("A-v0", {"g": 9.5})
        assert again.env.num_envs == (16 if test else 4)
        assert again.training.init_from is None
    other = ["test=true", "checkpoint=x", "env.ids=[B-v0]", "env.kwargs.g=1"]
    again = compose(other, machine=MACHINE, base=read_base(config))
    assert (again.env.id, again.env.ids, again.env.kwargs) == (None, ("B-v0",), {"g": 1})


def test_the_summary_names_the_environments_and_compares_with_the_same(capsys, monkeypatch):
    monkeypatch.setattr(Machine, "detect", classmethod(lambda cls: MACHINE))
    experiment = composed("task=Gym env.id=m:A-v0 numEnvs=3 env.kwargs.g=9.5")
    assert differences(experiment)["env.numEnvs"] == (16, 3)
    print_summary(experiment)
    out = capsys.readouterr().out
    assert "Gym (m:A-v0): train" in out
    assert "env.kwargs.g: 9.5 (default: null)" in out
    assert not [name for name in differences(composed("task=Gym env.ids=[A,B]")) if name.startswith("env.id")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weight.pt", "there is no such file; did you mean {}/weights.pt?"),
        ("else.pth", "there is no such file"),
        ("no/weights.pt", "there is no folder {}/no"),
    ],
)
def test_weights_to_start_from_must_be_there(tmp_path, name, message):
    (tmp_path / "weights.pt").write_text("")
    assert refused(f"training.initFrom={tmp_path}/{name}").endswith(": " + message.format(tmp_path))
    file = f"training.initFrom={tmp_path}/weights.pt"
    assert composed(file).training.init_from == f"{tmp_path}/weights.pt"
    assert composed("training.initFrom=some_run:last").training.init_from == "some_run:last"
    assert "leave one of the two out" in refused(f"{file} checkpoint=latest")
    assert "write test=false" in refused(f"{file} checkpoint=latest test=true")


def test_the_processor_and_the_memory_are_read_from_the_kernels_files():
    def cpuinfo():
        yield "processor\t: 0\n"
        yield "flags\t\t: fpu sse2 amx_bf16 amx_tile\n"
        raise AssertionError("a machine of many cores would write for long")

    assert machine._cpu_bf16(cpuinfo()) is True
    assert machine._cpu_bf16(["flags : fpu avx512f\n", "flags : avx512_bf16\n"]) is False
    assert machine._cpu_bf16([]) is False
    assert machine._available(["MemTotal: 9 kB\n", "MemAvailable:    2048 kB\n"]) == 2 * 1024**2
    assert machine._available([]) is None


@pytest.mark.parametrize(
    ("visible", "index", "asked"), [(None, 1, "1"), ("3,5", 1, "5"), ("GPU-ab", 0, "GPU-ab"), ("", 0, "0")]
)
def test_the_driver_is_asked_for_the_device_that_cuda_counts(monkeypatch, visible, index, asked):
    calls = []

    def run(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, "11264\n", "")

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(subprocess, "run", run)
    assert machine._gpu_available(index) == 11264 * 1024**2
    assert calls[0][1:3] == ["-i", asked]


@pytest.mark.parametrize("answer", ["[N/A]", "", "1\n2"])
def test_a_driver_that_does_not_tell_stops_nothing(monkeypatch, answer):
    done = subprocess.CompletedProcess([], 0, answer, "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert machine._gpu_available(0) is None

    def missing(*_, **__):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(subprocess, "run", missing)
    assert machine._gpu_available(0) is None


def test_looking_for_a_package_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "loud" / "inner.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert machine._importable("loud.inner") and not machine._importable("loud.outer")
    assert not machine._importable("nowhere_at_all")
    assert "loud" not in sys.modules


GB = 10**9


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        # 12 GB for 64 + 8 envs of 190 MB; 90 % of 6 GB holds 28
        ("task=Soccer train=SoccerFastTD3 numEnvs=64", "env.numEnvs=20"),
        ("task=Soccer numEnvs=64", "env.numEnvs=28"),  # PPO evaluates nothing
        ("task=SoccerMulti train=SoccerMultiFastTD3 numEnvs=7", ""),
        ("task=SoccerMulti train=SoccerMultiFastTD3 numEnvs=64", "env.numEnvs=7 training.evalEnvs=7"),
        ("task=Soccer train=SoccerFastTD3 numEnvs=64 training.evalInterval=0", "env.numEnvs=28"),
        (
            "task=Soccer train=SoccerFastTD3 numEnvs=8 training.evalEnvs=100",
            "env.numEnvs=8 training.evalEnvs=14",
        ),
        ("task=Soccer numEnvs=31", ""),
        ("task=Gym env.id=Pendulum-v1 numEnvs=4000", ""),  # measured later
        ("task=Gym env.id=Pendulum-v1 numEnvs=4000 task.envMemory=100", "env.numEnvs=54"),
        ("numEnvs=4000", ""),
    ],
)
def test_environments_that_need_more_memory_than_there_is_are_refused_with_what_fits(words, fits):
    small = dataclasses.replace(MACHINE, memory=6 * GB, has_package=lambda _: True)
    if not fits:
        composed(words, small)
        return
    message = refused(words, small)
    assert "each environment takes about" in message and message.endswith(f"has 6.0 free; {fits} fits"), (
        message
    )
    composed(f"{words} {fits}", small)


def test_the_environments_of_every_rank_are_counted():
    four = dataclasses.replace(MACHINE, memory=6 * GB, ranks=8, ranks_here=4)
    composed("task=Soccer numEnvs=7", four)
    message = refused("task=Soccer numEnvs=8", four)
    assert message.startswith("env.numEnvs=8 in each of 4 ranks: ") and message.endswith("env.numEnvs=7 fits")


def test_soccer_evaluates_in_few_environments():
    assert composed("task=Soccer train=SoccerFastTD3").training.eval_envs == 8
    assert composed("task=Gym env.id=Pendulum-v1 train=GymFastTD3").training.eval_envs == 32
