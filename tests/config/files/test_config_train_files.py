"""Which train file a name means: its own, else that of the task which its task builds on, in the end the learner's."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkit import app
from rlkit.config.compose import compose, compose_plain
from rlkit.config.experiment import Experiment
from rlkit.config.facts.machine import Machine
from rlkit.config.files.conf import Conf, find_conf
from rlkit.config.words import completion
from rlkit.config.words.preflight import read_words
from rlkit.errors import ConfigError

CPU = Machine(cores=2, simulators=frozenset({"mujoco", "gymnasium"}))
# Every name that had a file of its own once, and some that never had.
MEANT = {
    "BoxGraspingPPO": "BaseTaskPPO",
    "ReachPPO": "PPO",
    "ReachOriginPPO": "PPO",
    "HumanoidRunPPO": "HumanoidStandPPO",
    "HumanoidWalkPPO": "HumanoidStandPPO",
    "HumanoidRunFastTD3": "HumanoidStandFastTD3",
    "SoccerMultiPPO": "SoccerPPO",
    "SoccerMultiFastTD3": "GymFastTD3",
    "SoccerFastTD3": "GymFastTD3",
    "ReachTD3": "TD3",
    "ReachFastTD3": "ReachFastTD3",
    "TD3": "TD3",
    "NobodyPPO": None,
    "Reach": None,
    "ReachSAC": "SAC",
    "ReachFastSAC": "FastSAC",
    "ReachFlashSAC": "FlashSAC",
    "ReachDQN": None,
}


def made(*words: str) -> Experiment:
    return compose(words, machine=CPU)


@pytest.mark.parametrize(("name", "option"), MEANT.items())
def test_a_name_means_the_nearest_file_above(name: str, option: str | None) -> None:
    assert Conf(find_conf()).option("train", name) == option


@pytest.mark.parametrize("name", [name for name, option in MEANT.items() if option not in (None, name)])
def test_a_name_without_a_file_is_as_good_as_one(name: str) -> None:
    experiment, same = made(f"train={name}"), made(f"train={MEANT[name]}")
    assert experiment.choices["train"] == MEANT[name]
    assert experiment.train == same.train


def test_names_are_the_files_and_those_of_every_task_and_learner() -> None:
    conf = Conf(find_conf())
    names = set(conf.names("train"))
    assert names > {*conf.options("train"), "ReachPPO", "SoccerMultiFastTD3"} and "PPOPPO" not in names


def test_only_train_files_are_found_so() -> None:
    assert Conf(find_conf()).option("sim", "ReachPPO") is None
    assert Conf(find_conf()).names("physics") == ["accurate", "default", "fast"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks without train files, in a folder of one's own."""
    (tmp_path / "task").mkdir()
    for name, parent in (("Child", "HumanoidStand"), ("Orphan", "/task/common/randomization")):
        (tmp_path / "task" / f"{name}.yaml").write_text(
            f"# @package _global_\ndefaults: [{parent}, _self_]\ntask: {{name: {name}}}\n"
        )
    return tmp_path


@pytest.mark.parametrize(("task", "gamma"), [("Child", 0.99), ("Orphan", 0.97)])
def test_a_new_task_needs_no_train_file(folder: Path, task: str, gamma: float) -> None:
    """HumanoidStandPPO has a gamma of 0.99, PPO one of 0.97."""
    words = read_words([f"--config-dir={folder}", f"task={task}"])
    assert words.schema.key("train.e_clip") is not None and words.schema.key("train.num_updates") is None
    whole = compose_plain(words)
    assert whole.plain["train"]["gamma"] == gamma
    assert whole.choices["train"] == {"Child": "HumanoidStandPPO", "Orphan": "PPO"}[task]


def test_the_task_s_own_file_comes_first(folder: Path) -> None:
    (folder / "train").mkdir()
    (folder / "train" / "ChildPPO.yaml").write_text("defaults: [ReachPPO, _self_]\ngamma: 0.5\n")
    conf = Conf(folder, find_conf())
    assert conf.option("train", "ChildPPO") == "ChildPPO"
    assert [file.path.stem for file in conf.chain("train/ChildPPO")] == ["PPO", "ChildPPO"]
    assert conf.learner("ChildPPO") == "ppo"


def test_a_root_configuration_may_name_what_has_no_file(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("defaults: [config, override train: HumanoidRunFastTD3, _self_]\n")
    (tmp_path / "other.yaml").write_text("defaults: [config, override train: HumanoidRunFastTD4, _self_]\n")
    experiment = made(f"--config-dir={tmp_path}", "config=own", "train.num_updates=3")
    assert experiment.choices["train"] == "HumanoidStandFastTD3" and experiment.train["num_updates"] == 3
    with pytest.raises(ConfigError, match="HumanoidRunFastTD4"):
        made(f"--config-dir={tmp_path}", "config=other")


@pytest.mark.slow
def test_hydra_itself_finds_it_in_every_job(started: list[Experiment], capsys) -> None:
    assert app.main(["-m", "task=Reach,HumanoidRun", "device=cpu", "sim=mujoco"]) == 0
    assert app.main(["-m", "train=ReachPPO,SoccerFastTD3", "device=cpu", "sim=mujoco"]) == 0
    assert [e.choices["train"] for e in started] == ["PPO", "HumanoidStandPPO", "PPO", "GymFastTD3"]
    capsys.readouterr()
    assert app.main(["train=HumanoidRunPPO", "--cfg", "job"]) == 0
    assert "sigma_init: -1.0" in capsys.readouterr().out


def test_help_completion_and_hints_know_the_names(capsys) -> None:
    assert app.main(["train=ReachPPO", "--help", "train."]) == 0
    assert "train.e_clip=0.2" in capsys.readouterr().out
    assert completion.candidates("python train.py train=ReachP") == ["train=ReachPPO"]
    assert completion.candidates("python train.py train=ReachPPO train.e_") == ["train.e_clip="]
    with pytest.raises(ConfigError, match=r"did you mean train=ReachPPO\?"):
        read_words(["train=ReachPP0"])
