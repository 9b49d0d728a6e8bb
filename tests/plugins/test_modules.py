"""What may be imported, and from where."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rlkit.plugins import modules


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one; the import path is as before afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_a_name_is_a_module_and_a_class() -> None:
    assert all(map(modules.is_name, ("a:B", "a.b_c.d:E")))
    assert not any(
        map(modules.is_name, ("B", "a.b", "a:B.C", ".a:B", "a:", ":B", "a b:C", "a:B\n", "a/b:C", 5, None))
    )


def test_a_project_is_a_folder_with_conf_that_is_no_run(here: Path) -> None:
    assert modules.project() is None
    (here / "conf").mkdir()
    assert modules.project() == here
    for name in ("run.json", "config.yaml", "nn"):
        (here / name).mkdir()
        assert modules.project() is None
        (here / name).rmdir()


def test_a_module_of_the_project_is_imported_only_on_trust_and_behind_all_others(here: Path) -> None:
    (here / "conf").mkdir()
    (here / "plugged_here.py").write_text("class Mine(dict): ...\n")
    (here / "json.py").write_text("raise RuntimeError('this is not json')\n")
    name = "plugged_here:Mine"
    assert "is no installed package" in str(modules.refusal(name, ()))
    with pytest.raises(modules.CodeError, match="plugged_here, which is no installed package"):
        modules.load(name, (), dict)
    assert str(here) not in sys.path and "plugged_here" not in sys.modules
    assert modules.refusal(name, {name}) is modules.refusal(name, {"plugged_here"}) is None
    assert modules.load(name, {name}, dict).__name__ == "Mine"
    assert sys.path[-1] == str(here) and modules.file_of("json") != here / "json.py"
    with pytest.raises(modules.CodeError, match=r"is no subclass of builtins\.list"):
        modules.load(name, {name}, list)
    with pytest.raises(modules.CodeError, match="is no subclass"):
        modules.load("plugged_here:Nothing", {"plugged_here"}, dict)
    del sys.modules["plugged_here"]


def test_what_is_installed_may_be_imported_and_the_standard_library_not() -> None:
    assert modules.refusal("omegaconf:DictConfig", ()) is None
    for name in ("os:system", "sys:exit", "builtins:exec", "__main__:X"):
        assert modules.refusal(name, ()) is not None


def test_a_class_that_was_nearly_named() -> None:
    for text in ("a.b.Cd", "a/b.py:Cd", "./a/b.py:Cd", "a.b::Cd", "a/b:Cd"):
        assert modules.as_name(text) == "a.b:Cd"
    assert not any(
        map(modules.as_name, ("a.b:Cd", "a.b.c", "Reach", "Reach.yaml", "a-b.C", "a b.C", "v1.2", ""))
    )


def test_a_folder_of_the_same_name_does_not_stand_before_the_projects_package(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = here / "plugged_there" / "plugged_there"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "mine.py").write_text("class Mine(dict): ...\n")
    (here / "plugged_there" / "conf").mkdir()
    sys.path.insert(0, str(here))  # as of a script that lies there
    assert modules.file_of("plugged_there.mine") is None
    assert modules.missing("plugged_there.mine").endswith(
        f"it is in {here / 'plugged_there'}: start there: cd plugged_there, or install it"
    )
    monkeypatch.chdir(here / "plugged_there")
    assert modules.file_of("plugged_there.mine") == package / "mine.py"
    assert modules.load("plugged_there.mine:Mine", {"plugged_there.mine"}, dict).__name__ == "Mine"
    for name in ("plugged_there", "plugged_there.mine"):
        del sys.modules[name]


def test_a_project_is_found_above_and_right_below(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "mine" / "conf" / "task" / "Mine.yaml"
    (here / "mine" / "tests" / "deep").mkdir(parents=True)
    file.parent.mkdir(parents=True)
    file.touch()
    found = modules.project_with("conf/task/Mine.yaml")
    assert found == (here / "mine", "start there: cd mine")
    assert modules.project_with("conf/task/Other.yaml") is None
    monkeypatch.chdir(here / "mine" / "tests" / "deep")
    assert modules.project_with("conf/task/Mine.yaml") == (here / "mine", "start there: cd ../..")
    monkeypatch.chdir(here / "mine")
    assert modules.project_with("conf/task/Mine.yaml") is None  # it is this one
    monkeypatch.chdir(here)
    (here / "mine" / "run.json").touch()  # somebody's run
    assert modules.project_with("conf/task/Mine.yaml") is None
