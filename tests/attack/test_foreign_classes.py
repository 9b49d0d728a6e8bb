"""A run from somebody else that names a task, a learner, a network or a simulator of its own: nothing is imported."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from recordings import make_recording

from rlkit import app, cli
from rlkit.media.recording import Recording, save

pytestmark = pytest.mark.slow

MODULE = """
from rlkit.learners.settings import LearnerSettings, setting
class Settings(LearnerSettings):
    stride: float = setting("float > 0", "", "of nothing")
class Planted: ...
"""
# What a run can name: its sections, and the words that would ask for it.
CLASSES = {
    "task": ({"task": {"class": "planted:Planted"}}, "task=planted:Planted"),
    "learner": ({"train": {"learner": "planted:Planted", "stride": 1.0}}, "train.learner=planted:Planted"),
    "network": ({"train": {"network": "planted:Planted"}}, "train.network=planted:Planted"),
    "simulator": ({"sim": {"name": "planted:Planted"}}, "sim.name=planted:Planted"),
    "task in a folder": ({"task": {"class": "inside.planted:Planted"}}, "task=inside.planted:Planted"),
    "task of Python": ({"task": {"class": "os:system"}}, "task=os:system"),
    "learner of Python": ({"train": {"learner": "subprocess:Popen"}}, "train.learner=subprocess:Popen"),
    "network of Python": ({"train": {"network": "os:system"}}, "train.network=os:system"),
    "simulator of Python": ({"sim": {"name": "antigravity:X"}}, "sim.name=antigravity:X"),
}  # fmt: skip


@pytest.fixture
def planted(simulated: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The run with the module, files that name it and the marks of a package in its folder, first in sys.path."""
    monkeypatch.setattr(sys, "path", ["", str(simulated.path), *sys.path])
    simulated.plant("planted", MODULE)
    simulated.plant("planted", MODULE, simulated.path / "inside")
    conf = simulated.path / "conf" / "task"
    conf.mkdir(parents=True)
    (conf / "BaseTask.yaml").write_text(
        "# @package _global_\ntask: {name: BaseTask, class: 'planted:Planted'}\n"
    )
    info = simulated.path / "planted-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rlkit.tasks]\nBaseTask = planted:Planted\nPlanted = planted:Planted\n"
        "[rlkit.learners]\nppo = planted:Planted\nword = planted:Planted\n[rlkit.sims]\nword = planted:Planted\n"
        "[rlkit.networks]\nmlp = planted:Planted\nword = planted:Planted\n"
    )
    return simulated


def refused(capsys: pytest.CaptureFixture[str], status: int) -> str:
    said = capsys.readouterr().err
    assert status == 2 and "Traceback" not in said, said
    return said


@pytest.mark.parametrize("named", CLASSES)
def test_a_class_that_a_run_alone_names_is_not_imported(planted: Any, capsys: Any, named: str) -> None:
    sections, words = CLASSES[named]
    planted.say(**sections, composed={"asked": {}})
    module = words.partition("=")[2].partition(":")[0]
    shutil.rmtree(planted.path / "conf")  # a folder with conf/ is looked at below
    loaded = module in sys.modules
    path = str(planted.path)
    for request in (["test=true", f"checkpoint={path}"], ["checkpoint=nn/checkpoint_last.pth", "maxIter=2"]):
        refused(capsys, app.main([*request, "device=cpu"]))
        assert planted.nothing_ran()
    for request in (
        ["export", path, "--format", "torchscript"],
        ["sim2sim", path, "sim=mujoco", "episodes=1"],
    ):
        refused(capsys, cli.main(request))
        assert planted.nothing_ran()
    for request in (["report", path], ["runs"], ["runs", "show", path]):
        assert cli.main(request) == 0
    assert planted.nothing_ran() and (module in sys.modules) == loaded


@pytest.mark.parametrize("named", ["task", "learner", "network", "simulator"])
def test_what_stands_in_the_run_beside_it_vouches_for_nothing(planted: Any, capsys: Any, named: str) -> None:
    sections, words = CLASSES[named]
    planted.say(**sections, composed={"asked": {}})
    said = refused(capsys, app.main(["test=true", "checkpoint=.", "device=cpu"]))
    assert words in said and "is no installed package" in said
    refused(capsys, cli.main(["export", ".", "--format", "torchscript"]))
    assert planted.nothing_ran()


@pytest.mark.parametrize("setting", ["train.learner", "train.network", "sim.name"])
def test_names_that_packages_in_the_current_folder_offer_are_none(
    planted: Any, capsys: Any, setting: str
) -> None:
    section, _, key = setting.partition(".")
    planted.say(**{section: {key: "word"}})
    refused(capsys, app.main(["test=true", "checkpoint=.", "device=cpu"]))
    refused(capsys, cli.main(["export", ".", "--format", "torchscript"]))
    refused(capsys, app.main(["task=Planted"]))
    assert planted.nothing_ran() and "planted" not in sys.modules


@pytest.mark.parametrize("named", ["task", "simulator"])
def test_a_class_that_a_recording_names_is_not_imported(planted: Any, capsys: Any, named: str) -> None:
    made = make_recording()
    config = {**made.header.get("config", {})}
    for section, values in CLASSES[named][0].items():
        config[section] = {**config.get(section, {}), **values}
    save(
        Path("planted.npz"), Recording({**made.header, "engine": "simulator", "config": config}, made.arrays)
    )
    refused(capsys, cli.main(["replay", "planted.npz"]))
    assert planted.nothing_ran() and "planted" not in sys.modules
    assert cli.main(["replay", "planted.npz", "--states"]) == 0
    assert planted.nothing_ran()


def test_what_is_typed_may_be_imported(planted: Any, capsys: Any) -> None:
    """It is no task, which is found out only when it is there."""
    planted.say(task={"class": "planted:Planted"})
    words = ["test=true", "checkpoint=.", "device=cpu", "numEnvs=2", "task=planted:Planted"]
    refused(capsys, app.main(words))  # its name is not the run's
    planted.plant("typed", "class BaseTask: ...\n")
    assert app.main([*words[:-1], "task=typed:BaseTask"]) != 0
    assert "is no subclass of rlkit.tasks.api.Task" in "".join(capsys.readouterr())
    assert not planted.nothing_ran()
