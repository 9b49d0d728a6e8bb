"""Networks that are not rlkit's: found, what they take checked, without importing them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from sample_package import write_package, write_project

from rlkit.config import ConfigError, Experiment, compose
from rlkit.config.compose import from_yaml
from rlkit.config.facts.code import code_of, problems
from rlkit.config.facts.machine import Machine
from rlkit.learners.facts import LEARNERS, NETWORKS
from rlkit.plugins.modules import CodeError

CPU = Machine(cores=2, simulators=frozenset({"mujoco", "gymnasium"}))
SKIPS = "sample_robots.nets:Skips"
USUAL = {"width": 16, "gain": 1.0, "tail": [8, 4], "kind": "elu"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample package, installed; the current folder is an empty one."""
    folder = write_package(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return folder


def composed(*words: str) -> Experiment:
    found = compose(words, machine=CPU)
    assert "sample_robots" not in sys.modules
    return found


def network(found: Experiment) -> tuple[str, dict[str, Any]]:
    plain = found.sections()["train"]
    return plain["network"], plain["network_settings"]


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(*words)
    return "\n".join(caught.value.messages)


def test_ours_are_those_that_the_learners_say() -> None:
    kinds = {f.metadata["type"] for row in LEARNERS.values() for f in row.settings() if f.name == "network"}
    assert kinds == {"mlp or network", "mlp|layer_norm|simba or network", "flash"}
    assert set(NETWORKS) == {"mlp", "layer_norm", "simba", "flash"}


@pytest.mark.parametrize("train", ["PPO", "FastTD3"])
@pytest.mark.parametrize("name", ["skips", SKIPS])
def test_it_is_chosen_by_class_or_entry_point_and_has_its_usual_settings(
    package: Path, train: str, name: str
) -> None:
    assert network(composed("task=Reach", f"train={train}", f"train.network={name}")) == (SKIPS, USUAL)
    found = composed(
        "task=Reach", f"train={train}", f"train.network={name}", "train.networkSettings.width=32",
        "train.network_settings.tail=[5]", "train.network_settings.gain=2",
    )  # fmt: skip
    assert network(found) == (SKIPS, {**USUAL, "width": 32, "tail": [5], "gain": 2.0})
    assert code_of(found.sections()) == {
        "network": {"class": SKIPS, "package": "sample-robots", "version": "0.3"}
    }
    assert network(from_yaml(found.to_yaml())) == network(found)  # a run keeps them all


@pytest.mark.slow
def test_what_is_wrong_is_said_before_anything_is_imported(package: Path) -> None:
    ask = (f"train.network={SKIPS}",)
    for word, message in {
        "train.network_settings.widht=8": "Skips takes no widht; did you mean width?",
        "train.network_settings.zebra=8": "Skips takes no zebra; it takes width, gain, tail, kind",
        "train.network_settings.width=2.5": "train.network_settings.width: needs int, got 2.5",
        "train.network_settings.tail=8": "tail: needs list of int, got 8",
        "train.network_settings.kind=7": "kind: needs text, got 7",
    }.items():
        assert message in refused("task=Reach", *ask, word)
    assert "train.network=mlp is ours" in refused("task=Reach", "train.network_settings.width=8")
    assert "needs mlp or network, got 'nothing'" in refused("task=Reach", "train.network=nothing")
    said = refused("task=Reach", "train=FastTD3", "train.network=laier_norm")
    assert "did you mean layer_norm?" in said
    assert "did you mean skips?" in refused("task=Reach", "train.network=skisp")
    lost = composed("task=Reach", "train.network=sample_robots.nets:Skisp")
    assert "nets.py has no class Skisp; did you mean Skips?" in problems(lost.sections(), ())[0]
    gone = composed("task=Reach", "train.network=nowhere.nets:Skips")
    assert (
        "train.network=nowhere.nets:Skips: there is no module nowhere.nets"
        in problems(gone.sections(), ())[0]
    )


def test_a_constructor_is_read_as_it_is_written(package: Path) -> None:
    file = package / "nets.py"
    text = file.read_text()
    file.write_text(text.replace("*, width: int = 16,", "*, width: int,"))
    ask = ("task=Reach", f"train.network={SKIPS}")
    assert "network_settings.width: Skips needs it; write train.network_settings.width=<value>" in refused(
        *ask
    )
    assert network(composed(*ask, "train.network_settings.width=3"))[1] == {
        "gain": 1.0, "tail": [8, 4], "kind": "elu", "width": 3,
    }  # fmt: skip
    file.write_text(text.replace("= 16", "= WIDTH"))
    with pytest.raises(
        CodeError, match=r"nets\.py, line \d+: the default of width is read without running it"
    ):
        composed(*ask)
    file.write_text(text + "\n\nclass Deeper(Skips): ...\n\n\nclass Plain(nn.Module): ...\n")
    assert network(composed("task=Reach", "train.network=sample_robots.nets:Deeper"))[1] == USUAL
    assert network(composed("task=Reach", "train.network=sample_robots.nets:Plain"))[1] == {}


def test_a_projects_file_gives_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_project(tmp_path / "project")
    (folder / "conf/train/ReachPPO.yaml").write_text(
        "defaults: [PPO, _self_]\nnetwork: my_project.nets:Skips\nnetwork_settings: {width: 4}\n"
    )
    monkeypatch.chdir(folder)
    found = composed("task=Reach")
    assert network(found) == ("my_project.nets:Skips", {**USUAL, "width": 4})
    assert "my_project.nets:Skips" in found.trusted
    assert problems(found.sections(), found.trusted) == []
    again = from_yaml(found.to_yaml())  # of a run of it, in its own folder
    assert "my_project.nets:Skips" in again.trusted
    (folder / "conf/train/ReachPPO.yaml").write_text(
        "defaults: [PPO, _self_]\nnetwork_settings: {width: 4}\n"
    )
    assert from_yaml(found.to_yaml()).trusted == frozenset()  # now only the run asks for it
    said = refused("task=Reach", "train.network=my_project.nets:Skips", "train.network_settings.widt=4")
    assert "takes no widt; did you mean width?" in said
