"""`rlkit new`: a name that works, the whole project or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rlkit import cli
from rlkit.config import compose
from rlkit.config.facts.machine import Machine

CPU = Machine(cores=2, simulators=frozenset({"mujoco"}))


def test_a_project_is_made_and_its_task_is_the_one_that_is_trained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["new", "inner/my_arm"]) == 2
    assert "/inner to make it in; make that first: mkdir -p /" in capsys.readouterr().err
    Path("inner").mkdir()
    assert cli.main(["new", "inner/my_arm"]) == 0
    assert "\n  cd inner/my_arm\n  rlkit try " in capsys.readouterr().out
    assert os.listdir("inner") == ["my_arm"]  # nothing beside it  # noqa: PTH208
    made = Path("inner/my_arm")
    assert sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()) == [
        ".gitignore", "README.md", "conf/config.yaml", "conf/task/MyReach.yaml", "my_arm/__init__.py", "my_arm/arm.xml",
        "my_arm/my_reach.py", "pyproject.toml", "tests/test_my_reach.py",
    ]  # fmt: skip
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(made.stat().st_mode) == 0o777 & ~mask
    monkeypatch.chdir(made)
    found = compose([], machine=CPU)
    assert (found.task_name, found.task["class"]) == ("MyReach", "my_arm.my_reach:MyReach")
    assert compose(["task=MyReach"], machine=CPU).task == found.task
    for path in Path().rglob("*"):
        assert not path.is_file() or not any(word in path.read_text() for word in ("PROJECT", ".template"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("my-arm", "must be one in Python; write rlkit new my_arm"),
        ("2arms", "must be one in Python; write rlkit new my_project"),
        ("class", "must be one in Python; write rlkit new my_project"),
        ("ärmchen", "must be one in Python; write rlkit new aermchen"),
        ("Naïve Straße", "must be one in Python; write rlkit new naive_strasse"),
        ("手", "must be one in Python; write rlkit new my_project"),
        ("torch", "there is a module torch already"),
        ("json", "there is a module json already"),
        ("rlkit", "there is a module rlkit already"),
        ("conf", "conf/ is a folder of every project"),
        ("here", "here is there already; choose another name"),
    ],
)
def test_a_name_that_does_not_work_is_refused(
    name: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("here").symlink_to("nowhere")
    assert cli.main(["new", name]) == 2
    assert why in capsys.readouterr().err
    assert os.listdir() == ["here"]  # noqa: PTH208


def test_what_cannot_be_completed_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    assert cli.main(["new", "my_arm"]) == 2
    assert "my_arm cannot be made: No space left on device" in capsys.readouterr().err
    assert os.listdir() == []  # noqa: PTH208
