"""MuJoCo's warnings are told once through rlkit's log, and write no file."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import subprocess
import sys
import types
from typing import Any, Callable

import mujoco
import pytest

from rlkit.env.gym import engine_warnings
from rlkit.env.gym.making import Recipe


class FakeMujoco(types.ModuleType):
    """As much of MuJoCo as takes a handler of warnings."""

    handler: Callable[[str], Any] | None = None

    def get_mju_user_warning(self) -> Callable[[str], Any] | None:
        return self.handler

    def set_mju_user_warning(self, handler: Callable[[str], Any]) -> None:
        self.handler = handler


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.setattr(engine_warnings, "_told", set())


@pytest.fixture
def engine(monkeypatch) -> FakeMujoco:
    fake = FakeMujoco("mujoco")
    monkeypatch.setitem(sys.modules, "mujoco", fake)
    return fake


def test_each_warning_is_told_once_whatever_numbers_it_holds(engine, caplog):
    engine_warnings.take_over()
    assert engine.handler is not None
    for time in ("0.0300", "-1.5e+01"):
        engine.handler(f"Nan, Inf or huge value in QACC at DOF 0. The simulation is unstable. Time = {time}.")
    engine.handler("Inertia is odd")
    assert caplog.messages == [
        "MuJoCo: Nan, Inf or huge value in QACC at DOF 0. The simulation is unstable. Time = 0.0300.",
        "MuJoCo: Inertia is odd",
    ]


def test_what_nobody_heard_is_told_again(engine, caplog, monkeypatch):
    engine_warnings.take_over()
    assert engine.handler is not None
    log = logging.getLogger("rlkit")
    with monkeypatch.context() as quiet:
        quiet.setattr(log, "propagate", False)
        engine.handler("Inertia is odd")
    assert caplog.messages == []
    engine.handler("Inertia is odd")
    assert caplog.messages == ["MuJoCo: Inertia is odd"]


def test_another_handler_stays(engine):
    engine.handler = print
    engine_warnings.take_over()
    assert engine.handler is print


def test_mujoco_need_not_be_there(monkeypatch):
    monkeypatch.delitem(sys.modules, "mujoco", raising=False)
    engine_warnings.take_over()
    assert "mujoco" not in sys.modules


def test_a_model_with_a_deprecated_attribute_prints_nothing_and_writes_no_file(
    tmp_path, monkeypatch, caplog, capfd
):
    monkeypatch.chdir(tmp_path)
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(None)
    try:
        for _ in range(2):
            Recipe("HalfCheetah-v5").make().close()
    finally:
        mujoco.set_mju_user_warning(before)
    (message,) = caplog.messages
    assert message.startswith("MuJoCo: compiler attribute 'settotalmass' is deprecated")
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("env_id", "uses"), [("Pendulum-v1", False), ("HalfCheetah-v5", True)])
def test_an_environment_without_mujoco_does_not_import_it(env_id, uses, tmp_path):
    code = (
        "import sys; from rlkit.env.gym.making import Recipe; from rlkit.env.gym.member import problems;"
        f" assert problems([Recipe({env_id!r})]) == [];"
        f" assert ('mujoco' in sys.modules) is {uses}; assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.iterdir())
