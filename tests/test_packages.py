"""What is typed to install and to start rlkit, where it lies and where the user stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkit import app, cli, packages

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """rlkit as a wheel leaves it."""
    monkeypatch.setattr(packages, "installed_conf", lambda: Path("/site/rlkit/conf"))


def test_a_clone_is_installed_from_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.how_to_install("mujoco,video") == f"pip install -e '{ROOT}[mujoco,video]'"
    assert packages.how_to_install_package("sai_mujoco").endswith("&& pip install --no-deps sai-mujoco")
    monkeypatch.chdir(ROOT)
    assert packages.how_to_install("mujoco,video") == "pip install -e '.[mujoco,video]'"
    assert packages.how_to_install_package("sai_mujoco") == "make soccer"
    assert packages.how_to_install_package("my.envs") == "pip install my"


def test_a_wheel_is_installed_by_the_name_that_is_ours(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packages.how_to_install("mujoco") == "pip install 'rlkit-robotics[mujoco]'"
    monkeypatch.setattr(packages, "NEEDED", ("not_there",))
    assert str(packages.problem()).endswith(
        "has no not_there; install rlkit with what it needs: pip install 'rlkit-robotics[mujoco]'"
    )


def test_what_starts_a_training_depends_on_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (packages.train_command(), packages.test_command()) == ("rlkit train", "rlkit test")
    assert (packages.completion_command(), packages.launched()) == ("rlkit", "-m rlkit train")
    monkeypatch.chdir(ROOT)
    assert packages.train_command() == packages.completion_command() == "python train.py"
    assert (packages.test_command(), packages.launched()) == ("python train.py test=true", "train.py")


def test_the_command_of_a_run_is_what_was_typed() -> None:
    assert packages.typed_command(["train.py", "seed=1"]) == ["python", "train.py", "seed=1"]
    for script in ("/venv/bin/rlkit", "/site/rlkit/__main__.py"):
        assert packages.typed_command([script, "train", "seed=1"]) == ["rlkit", "train", "seed=1"]


def test_rlkit_train_and_test_hand_their_words_to_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[list[str]] = []
    monkeypatch.setattr(app, "main", lambda words: got.append(words) or 3)
    monkeypatch.setattr(cli, "_parser", lambda: pytest.fail("the other commands were imported"))
    assert cli.main(["train", "task=Reach", "-m", "seed=1,2", "--help"]) == 3
    assert cli.main(["test", "checkpoint=latest"]) == 3
    assert cli.main(["-sc", "query=bash"]) == 3
    assert got == [
        ["task=Reach", "-m", "seed=1,2", "--help"],
        ["test=true", "checkpoint=latest"],
        ["-sc", "query=bash"],
    ]


def test_rlkit_train_says_what_this_python_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "NEEDED", ("not_there",))
    assert cli.main(["train"]) == 2
    assert "has no not_there; " in capsys.readouterr().err
