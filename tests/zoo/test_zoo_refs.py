"""`zoo:NAME` wherever a checkpoint or weights are asked for, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rlkit
from rlkit import cli, zoo
from rlkit.config import ConfigError, compose
from rlkit.runtime.policies.named import with_policies
from rlkit.runtime.preboot import require_startable
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.request import read_request, source_of
from rlkit.workspace import ResolveError, resolve
from rlkit.zoo.card import CARD, as_yaml, read_card


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_is_its_folder_and_no_run_of_the_users() -> None:
    found = resolve("zoo:Reach")
    assert found.checkpoint.is_file()
    assert found.run_path == zoo.folder_of("Reach") and found.own_folder is None
    assert resolve("zoo:Reach:best").checkpoint == found.checkpoint


@pytest.mark.parametrize("typed", ["zoo:Reech", "zoo:reach"])
def test_the_nearest_name_is_told(typed: str) -> None:
    with pytest.raises(
        ResolveError, match=r"checkpoint=zoo:\w+: no policy called .* did you mean zoo:Reach\? there are"
    ):
        resolve(typed)


def test_other_iterations_and_other_tasks_are_refused() -> None:
    with pytest.raises(ResolveError, match="has no checkpoint last; it has best"):
        resolve("zoo:Reach:last")
    request, sources = read_request(["test=true", "checkpoint=zoo:Reach"])
    assert source_of(request, sources) == resolve("zoo:Reach")


def test_no_training_goes_on_from_a_policy_alone_and_one_begins_with_its_weights() -> None:
    from rlkit.config.compose import compose_words

    request, sources = read_request(["checkpoint=zoo:Reach", "maxIter=200"])
    with pytest.raises(ConfigError, match=r"is a policy without .* task=Reach training.initFrom=zoo:Reach$"):
        require_startable(compose_words(request), source_of(request, sources), Ranks())
    begun = with_policies(compose(["task=Reach", "training.initFrom=zoo:Reach"]))
    require_startable(begun, None, Ranks())
    with pytest.raises(ResolveError, match=r"training.initFrom=zoo:Rech: no policy called 'Rech'.*zoo:Reach"):
        with_policies(compose(["task=Reach", "training.initFrom=zoo:Rech"]))


def test_nothing_is_written_where_rlkit_lies(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "zoo:Reach", "--format", "torchscript"]) == 2
    assert "say where the export goes with --out FOLDER" in capsys.readouterr().err


def test_a_card_that_is_none_is_told_by_its_file(elsewhere: Path) -> None:
    with pytest.raises(rlkit.RlkitError, match=r"card.yaml cannot be read: No such file"):
        read_card(elsewhere)
    text = (zoo.folder_of("Reach") / CARD).read_text()
    for wrong, message in (
        ("", "is no card of a policy: it is no section"),
        (text.replace("seed: 0", "seed: zero"), "seed is 'zero'"),
        (text.replace("success: 1.0", "success: 2.0"), "a share of successes is 2.0"),
        (text.replace("processor:", "prozessor:"), "it lacks processor"),
        ("a: [", "card.yaml cannot be read"),
    ):
        (elsewhere / CARD).write_text(wrong)
        with pytest.raises(rlkit.RlkitError, match=message):
            read_card(elsewhere)


def test_what_is_written_is_read_back_as_it_was(elsewhere: Path) -> None:
    for name in zoo.shipped():
        card = read_card(zoo.folder_of(name))
        (elsewhere / CARD).write_text(as_yaml(card))
        assert read_card(elsewhere) == card


def test_the_table_and_the_card_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["zoo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : len(zoo.shipped()) + 1]] == list(zoo.shipped())
    for what in ("Reach", "zoo:Reach", str(zoo.folder_of("Reach"))):
        assert cli.main(["zoo", "show", what]) == 0
        shown = capsys.readouterr().out
        assert "256 episodes: 100 % solved, return -4.8 ± 6.87" in shown and "245,760   100 %" in shown
    shutil.copytree(zoo.folder_of("Reach"), "my zoo/a")
    assert cli.main(["zoo", "show", "my zoo/a"]) == 0
    shown = capsys.readouterr().out
    assert "rlkit demo 'my zoo/a'\n" in shown and "checkpoint=\"'my zoo/a'\"\n" in shown
    assert cli.main(["zoo", "show", "Rech"]) == 2
    assert "did you mean zoo:Reach?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which policy? There are "),
        (["Rech"], "did you mean zoo:Reach?"),
        (["Reach", "--out", "a.avi"], "write a name that ends in .mp4"),
        (["Reach", "--out", "no/a.mp4"], "there is no folder no"),
        (["Reach", "--out", "a.mp4", "--viewer", "web"], "leave --viewer web out"),
    ],
)
def test_a_demo_that_cannot_be_is_refused(
    words: list[str], message: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(elsewhere.iterdir())
