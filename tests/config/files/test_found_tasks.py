"""Tasks that are not in rlkit/tasks: found in installed packages and in the project, checked without importing them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from sample_package import write_package, write_project

from rlkit.config import ConfigError, Experiment, compose
from rlkit.config.facts.machine import Machine
from rlkit.config.words.completion import candidates
from rlkit.config.words.help import print_help
from rlkit.plugins import modules

CPU = Machine(cores=2, simulators=frozenset({"mujoco", "gymnasium"}))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample package, installed; the current folder is an empty one."""
    folder = write_package(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the same task, which is the current folder."""
    folder = write_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def composed(*words: str) -> Experiment:
    found = compose(words, machine=CPU)
    assert not {"sample_robots", "my_project"} & set(sys.modules)
    return found


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(*words)
    assert len(caught.value.messages) == 1
    return caught.value.messages[0]


def test_a_task_of_an_installed_package_is_found_by_its_name(package: Path) -> None:
    found = composed("task=Touch", "task.sharpness=3.0")
    assert found.task["class"] == "sample_robots.touch:Touch"
    assert (found.task_name, found.task["sharpness"]) == ("Touch", 3.0)
    assert "sample_robots.touch:Touch" in found.trusted
    assert not [note for note in found.notes if "sharpness" in note]  # the class reads it, through its parent


def test_what_is_wrong_in_a_task_of_others_is_said_as_of_ours(package: Path) -> None:
    assert "did you mean task.sharpness=1?" in refused("task=Touch", "task.sharpnes=1")
    assert "did you mean task=Touch?" in refused("task=Tuch")
    file = package / "conf/task/Touch.yaml"
    text = file.read_text()
    file.write_text(text.replace("closeness", "closenes"))
    assert "has no reward term 'closenes'; did you mean closeness?" in refused("task=Touch")
    file.write_text(text.replace("  sharpness: 2.0\n", ""))
    assert "task.sharpness: is missing, and class Base reads it" in refused("task=Touch")
    file.write_text(text.replace("  sharpness", "  colour: red\n  sharpness"))
    assert "task.colour: class Touch reads no such setting" in "".join(composed("task=Touch").notes)


def test_a_class_is_typed_with_its_module(package: Path) -> None:
    found = composed("task=sample_robots.touch:Touch")
    assert found.task["class"] == "sample_robots.touch:Touch" and found.task_name == "Touch"
    assert "has no class Tuch; did you mean Touch?" in refused("task=sample_robots.touch:Tuch")
    assert "did you mean sample_robots.touch?" in refused("task=sample_robots.tuch:Touch")
    assert "nowhere is neither installed here nor in this folder" in refused("task=nowhere.touch:Touch")
    (package / "other.py").write_text("class Reach(\n")
    assert "other.py, line 1: " in refused("task=sample_robots.other:Other")
    (package / "other.py").write_text("class Other: ...\n")
    assert "write " in (said := refused("task=sample_robots.other:Other")) and "Other.yaml" in said
    assert "write task=a.b:C" in refused("task=Touch", "task.class=a.b:C")


def test_a_typed_class_takes_the_settings_of_rlkits_task_of_that_name(package: Path) -> None:
    (package / "mine.py").write_text("from rlkit.tasks.reach import Reach as Ours\nclass Reach(Ours): ...\n")
    found = composed("task=sample_robots.mine:Reach")
    assert found.task["class"] == "sample_robots.mine:Reach" and found.task["successDistance"] == 0.02
    assert "class" not in composed("task=Reach").task


def test_the_projects_own_file_names_its_class(project: Path) -> None:
    found = composed(f"--config-dir={project / 'conf'}", "task=Touch")
    assert found.task["class"] == "my_project.touch:Touch" and found.trusted == {"my_project.touch:Touch"}
    assert modules.file_of("my_project.touch") == project / "my_project" / "touch.py"
    (project / "run.json").write_text("{}")  # a run is no project
    assert modules.file_of("my_project.touch") is None


def test_two_packages_with_one_name_are_told_apart(package: Path, tmp_path: Path, monkeypatch: Any) -> None:
    write_package(tmp_path / "more", "sample_others")
    monkeypatch.syspath_prepend(tmp_path / "more")
    with pytest.raises(modules.CodeError, match=r"sample_others\.touch:Touch or sample_robots\.touch:Touch"):
        compose(["task=Touch"], machine=CPU)
    assert composed("task=sample_robots.touch:Touch").task["class"] == "sample_robots.touch:Touch"


def test_help_and_completion_have_them(package: Path, capsys: Any) -> None:
    assert candidates("python train.py task=To") == ["task=Touch"]
    print_help(["--help"])
    assert "Touch (sample_robots)" in " ".join(capsys.readouterr().out.split())


def test_packages_are_looked_through_only_for_what_is_not_found(package: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(modules, "offered", lambda group: pytest.fail("the entry points were read"))
    composed("task=Reach", "train=FastTD3", "sim=mujoco")


def test_a_class_knows_its_package_and_version(package: Path, project: Path) -> None:
    assert modules.origin("sample_robots.touch:Touch") == ("sample-robots", "0.3")
    assert modules.origin("my_project.touch:Touch") == ("my_project", None)
