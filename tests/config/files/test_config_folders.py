"""The current folder's conf/ comes before rlkit's own, and a file may build on the one that it hides."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from rlkit.config import ConfigError, Experiment, compose
from rlkit.config.defaults import default_request
from rlkit.config.facts.machine import Machine
from rlkit.config.files import conf
from rlkit.config.files.conf import Conf, conf_folders, find_conf
from rlkit.config.words.completion import candidates
from rlkit.config.words.help import print_help

ROOT = Path(__file__).parents[3]
CPU = Machine(cores=2, simulators=frozenset({"mujoco"}))
FILES = {
    "config.yaml": "defaults: [config, {override task: Near}, _self_]\ntraining: {maxIterations: 7}\n",
    "task/Near.yaml": """# @package _global_
defaults: [Reach, _self_]
task: {name: Near, class: 'rlkit.tasks.reach:Reach', successDistance: 0.05}
""",
    "train/PPO.yaml": "defaults: [PPO, _self_]\ngamma: 0.9\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def project() -> Path:
    """A project's conf/, below the current folder, which is the test's own."""
    return write(Path.cwd() / "conf", FILES)


def composed(*words: str) -> Experiment:
    return compose(words, machine=CPU)


def test_without_a_project_there_is_rlkits_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert conf_folders() == (ROOT / "conf",)
    monkeypatch.chdir(ROOT)  # whose conf/ it is
    assert conf_folders() == (ROOT / "conf",)


def test_the_projects_files_come_first_and_build_on_those_that_they_hide(project: Path) -> None:
    assert conf_folders() == (project, ROOT / "conf")
    found = composed()
    assert (found.choices["task"], found.task["successDistance"]) == ("Near", 0.05)
    assert (found.train["gamma"], found.train["tau"]) == (
        0.9,
        0.95,
    )  # its own, and that of the file behind it
    assert found.training.max_iterations == 7 and found.training.eval_envs == 32
    assert composed("task=BaseTask").train["gamma"] == 0.9  # rlkit's own tasks are there, too
    assert Conf(*conf_folders()).sets("config")["training.maxIterations"] == 7


def test_what_is_usual_in_a_project_is_what_its_files_say(project: Path) -> None:
    usual = default_request(composed("seed=5"))
    assert usual is not None and usual.training.max_iterations == 7
    stored = default_request(dataclasses.replace(composed("seed=5"), folders=()))  # as one that was read back
    assert stored is not None and stored.task["successDistance"] == 0.05


def test_a_folder_that_is_typed_comes_before_the_project(project: Path, tmp_path: Path) -> None:
    more = write(tmp_path / "more", {"train/PPO.yaml": "defaults: [PPO, _self_]\ntau: 0.5\n"})
    train = composed(f"--config-dir={more}").train
    assert (train["tau"], train["gamma"], train["e_clip"]) == (0.5, 0.9, 0.2)
    assert composed(f"--config-path={find_conf()}").task_name == "BaseTask"  # in the place of both


def test_help_and_completion_know_the_projects_files(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert candidates("rlkit train task=Ne") == ["task=Near"]
    assert candidates("rlkit train task.successDis") == [
        "task.successDistance="
    ]  # of Near, which is the default
    print_help(["--help"])
    out = capsys.readouterr().out
    assert "| Near |" in out and "training.maxIterations=7" in out


def test_errors_name_the_file_of_the_project(project: Path) -> None:
    write(project, {"train/PPO.yaml": "defaults: [PPO, _self_]\ngamna: 0.9\n"})
    with pytest.raises(ConfigError, match=r"^conf/train/PPO\.yaml, line 2: .*gamna.*did you mean"):
        composed()
    write(project, {"train/PPO.yaml": "defaults: [PPPO, _self_]\n"})
    with pytest.raises(
        ConfigError, match=r"^conf/train/PPO\.yaml, line 1: there is no conf/train/PPPO\.yaml"
    ):
        composed()


def test_a_file_cannot_build_on_itself_where_it_hides_none(project: Path) -> None:
    write(project, {"task/Far.yaml": "# @package _global_\ndefaults: [Far, _self_]\n"})
    with pytest.raises(
        ConfigError, match=r"conf/task/Far\.yaml, line 2: Far is this file, and no folder behind"
    ):
        composed("task=Far")


def test_the_folder_of_a_run_is_no_project(project: Path) -> None:
    Path("run.json").write_text("{}")
    assert conf_folders() == (ROOT / "conf",)
    assert composed().task_name == "BaseTask"


def test_a_folder_that_is_gone_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")  # noqa: PTH106
    assert conf_folders() == (ROOT / "conf",)


def test_rlkits_own_files_lie_within_the_package_where_a_wheel_brought_them(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "installed_conf", lambda: project)
    assert find_conf() == project and conf_folders() == (project,)
    (project / "config.yaml").unlink()
    with pytest.raises(ConfigError, match=f"there is no conf/config.yaml in {ROOT}, where rlkit lies"):
        find_conf()
