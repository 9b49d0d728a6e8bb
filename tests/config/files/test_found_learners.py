"""Learners and simulators that are not rlkit's: found, their settings checked, without importing them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
from sample_package import write_package

from rlkit.config import ConfigError, Experiment, compose
from rlkit.config.facts.machine import Machine
from rlkit.config.words.completion import candidates
from rlkit.config.words.help import print_help
from rlkit.learners.facts import LEARNERS, learner_facts
from rlkit.learners.registry import learner_class
from rlkit.plugins import modules
from rlkit.sims.facts import SIMULATORS, simulator_facts
from rlkit.sims.registry import prepare

CPU = Machine(cores=2, simulators=frozenset({"mujoco", "gymnasium"}))
GPU = dataclasses.replace(CPU, cuda_devices=1, cpu_only=frozenset({"mujoco"}))
SEARCH = "sample_robots.search:Search"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample package, installed; the current folder is an empty one."""
    folder = write_package(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return folder


def composed(*words: str, machine: Machine = CPU) -> Experiment:
    found = compose(words, machine=machine)
    assert "sample_robots" not in sys.modules
    return found


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(*words)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


def test_a_learner_of_an_installed_package_has_its_own_settings(package: Path) -> None:
    found = composed("task=Reach", "train=Search", "train.stride=0.5")
    assert dict(found.train) == {"learner": SEARCH, "horizon_length": 4, "stride": 0.5}
    assert found.training.eval_interval == 7  # as FACTS beside the class says
    assert "did you mean train.stride=0.5" in refused("train=Search", "train.strid=0.5")
    assert "needs float > 0, got -1" in refused("train=Search", "train.stride=-1")
    assert "did you mean train=Search" in refused("train=Serch")
    (package / "conf/train/TouchSearch.yaml").write_text("defaults: [Search, _self_]\nstride: 0.25\n")
    assert composed("task=Touch", "train=TouchSearch").train["stride"] == 0.25


def test_the_file_of_a_learner_may_name_its_entry_point(package: Path) -> None:
    file = package / "conf/train/Search.yaml"
    file.write_text(file.read_text().replace(SEARCH, "search"))
    assert composed("train=Search").train["learner"] == "search"
    file.write_text(file.read_text().replace("stride", "strid"))
    assert "did you mean train.stride" in refused("train=Search")


def test_a_learner_is_typed_with_its_module(package: Path) -> None:
    assert composed(f"train={SEARCH}").train["learner"] == SEARCH
    assert "has no class Serch; did you mean Search?" in refused("train=sample_robots.search:Serch")
    file = package / "conf/train/Search.yaml"
    file.write_text(file.read_text().replace("sample_robots.search", "nowhere.search"))
    assert "nowhere is neither installed here nor in this folder" in refused("train=Search")


def test_help_and_completion_have_its_settings(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "train=Search" in candidates("python train.py train=Se")
    assert candidates("python train.py train=Search train.str") == ["train.stride="]
    print_help(["train=Search", "--help", "train."])
    said = capsys.readouterr().out
    assert "train.stride=0.01" in said and "how far the weights go in each iteration" in said


def test_a_learner_built_on_ours_is_known_like_it(package: Path) -> None:
    (package / "mine.py").write_text("from rlkit.learners.ppo.learner import PPO\nclass Mine(PPO): ...\n")
    row = learner_facts("sample_robots.mine:Mine")
    assert row is not None and row.like == "ppo" and row.several_ranks
    assert [f.name for f in row.settings()] == [f.name for f in LEARNERS["ppo"].settings()]
    (package / "conf/train/Mine.yaml").write_text(
        "defaults: [PPO, _self_]\nlearner: sample_robots.mine:Mine\n"
    )
    said = refused("task=Reach", "train=Mine", "train.minibatch_size=100")
    assert "train.minibatch_size=100" in said  # what holds for PPO


def test_settings_that_cannot_be_read_without_running_them_are_refused(package: Path) -> None:
    file = package / "settings.py"
    file.write_text(file.read_text().replace('"float > 0"', "KIND"))
    with pytest.raises(modules.CodeError, match=r"settings\.py, line 9: .* three texts"):
        compose(["train=Search"], machine=CPU)
    file.write_text(file.read_text().replace("KIND", '"float > none"'))
    with pytest.raises(modules.CodeError, match="the setting stride has no type of ours"):
        compose(["train=Search"], machine=CPU)
    file = package / "search.py"
    file.write_text(file.read_text().replace("eval_interval=7", "eval_intervall=7"))
    with pytest.raises(
        modules.CodeError, match="LearnerFacts has no eval_intervall; did you mean eval_interval"
    ):
        learner_facts(SEARCH)


@pytest.mark.parametrize("word", ["sim=heavy", "sim=sample_robots.heavy:Heavy", "sim.name=heavy"])
def test_a_simulator_of_others_is_known_like_the_one_it_is_built_on(package: Path, word: str) -> None:
    row = simulator_facts("heavy")
    assert row == dataclasses.replace(SIMULATORS["mujoco"], backend="sample_robots.heavy:Heavy")
    found = composed("task=Reach", word, machine=GPU)
    assert found.sim.name == word.partition("=")[2]
    assert found.env.device == "cpu"  # as with mujoco, though there is a GPU


def test_what_is_wrong_with_a_simulators_name_is_said(package: Path) -> None:
    assert "did you mean sim=mujoco?" in refused("sim=mujcoo")
    assert "has no class Heavi; did you mean Heavy?" in refused("sim=sample_robots.heavy:Heavi")
    assert "nowhere is neither installed" in refused("sim=nowhere.heavy:Heavy")
    assert "needs auto|mujoco" in refused("sim.name=nothing")


def test_a_learner_without_settings_is_refused(package: Path) -> None:
    file = package / "search.py"
    file.write_text(file.read_text().replace("from .settings import Settings\n", ""))
    with pytest.raises(modules.CodeError, match="neither has nor imports a class Settings"):
        compose(["train=Search"], machine=CPU)


def test_an_engine_of_others_that_must_come_before_torch_is_imported_first(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "engine.py").write_text("STARTED = True\n")
    text = (package / "heavy.py").read_text()
    facts = 'FACTS = SimulatorFacts(before_torch="sample_robots.engine")\n'
    for name in ("heavy", "other"):  # of which the package offers the first
        (package / f"{name}.py").write_text(f"{text}\n{facts}")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "torch", raising=False)
        with pytest.raises(
            modules.CodeError, match=r"would import sample_robots\.other, which is no installed"
        ):
            prepare("sample_robots.other:Heavy")  # as a run alone would ask for it
        assert "sample_robots.engine" not in sys.modules
        prepare("sample_robots.other:Heavy", {"sample_robots.other:Heavy"})
        assert "sample_robots.engine" in sys.modules and "sample_robots.other" not in sys.modules
        patch.setitem(sys.modules, "torch", sys)  # whatever it is
        prepare("heavy")  # it is here already
        del sys.modules["sample_robots.engine"]
        with pytest.raises(
            ImportError, match=r"sample_robots\.engine must be imported before torch, which is here"
        ):
            prepare("heavy")
    for name in ("sample_robots.engine", "sample_robots"):
        sys.modules.pop(name, None)


def test_one_built_on_isaac_gym_needs_its_engine_first(package: Path) -> None:
    (package / "gym.py").write_text(
        "from rlkit.sims.isaacgym.simulator import IsaacGymSimulator\nclass Mine(IsaacGymSimulator): ...\n"
    )
    row = simulator_facts("sample_robots.gym:Mine")
    assert row is not None and row.before_torch == "isaacgym.gymapi"


def test_observation_groups_that_a_learner_needs_or_does_not_look_at_are_told_before_the_start(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = package / "search.py"
    file.write_text(
        file.read_text().replace("(Learner):", '(Learner):\n    groups = ("policy", "teacher")\n')
    )
    row = learner_facts(SEARCH)
    assert row is not None and row.groups() == ("policy", "teacher")
    said = refused("task=Reach", "train=Search")
    assert said == (
        f"train.learner={SEARCH}: looks at the observations teacher, which task=Reach does not have (it has policy,"
        " critic); write task.groups.teacher=[TERM,...]"
    )
    assert "did you mean task.groups.teacher?" in refused(
        "task=Reach", "train=Search", "task.groups.teachr=[hold_time]"
    )
    found = composed("task=Reach", "train=Search", "task.groups.teacher=[hold_time]")
    assert not [note for note in found.notes if "task.groups" in note]
    # A task's file may have groups for several learners: PPO is told of what it leaves.
    found = composed("task=Reach", "task.groups.teacher=[hold_time]", "task.groups.critic=[hold_time]")
    assert "task.groups.teacher: train.learner=ppo does not look at it, so it is not computed" in found.notes


def test_groups_that_only_the_learner_can_tell_are_left_to_it(package: Path) -> None:
    file = package / "search.py"
    file.write_text(file.read_text().replace("(Learner):", "(Learner):\n    groups = tuple(GROUPS)\n"))
    composed("task=Reach", "train=Search")


@pytest.mark.parametrize("name", LEARNERS)
def test_the_groups_of_our_learners_are_read_from_their_classes(name: str) -> None:
    assert LEARNERS[name].groups() == learner_class(name).groups
