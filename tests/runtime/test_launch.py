"""A run that is told to stop while it starts is recorded as interrupted, whatever its stages make of the signal."""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from contextlib import contextmanager, suppress

import pytest

from rlkit import app
from rlkit.config import compose
from rlkit.env.spec import EnvError

SIGNALS = pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


def swallowed(number):
    with suppress(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def turned_into_another(number):
    try:
        os.kill(os.getpid(), number)
    except KeyboardInterrupt:
        raise ImportError("half imported") from None


def passed_on(number):
    os.kill(os.getpid(), number)


def start(stage, monkeypatch, tmp_path) -> int:
    """`train.py` with a session of one stage; its exit status."""

    class Session:
        def __init__(self, *_) -> None: ...

        def play(self, startup) -> int:
            stage()
            startup.lap("stage")
            raise AssertionError("went on")

    fake = types.ModuleType("rlkit.runtime.session")
    fake.Session = Session  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rlkit.runtime.session", fake)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.chdir(tmp_path)
    return app.main(["device=cpu", "numEnvs=4"])


def the_record(tmp_path) -> dict:
    (path,) = tmp_path.glob("runs_all/*/run.json")
    return json.loads(path.read_text())


@SIGNALS
@pytest.mark.parametrize("stage", [swallowed, turned_into_another, passed_on])
def test_a_signal_during_the_start(stage, number, status, monkeypatch, tmp_path, capsys):
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert start(lambda: stage(number), monkeypatch, tmp_path) == status
    record = the_record(tmp_path)
    assert (record["state"], record["reason"]) == ("interrupted", "stopped at once, without saving")
    assert capsys.readouterr().err == "interrupted\n"
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_an_error_of_the_start_is_a_failure(monkeypatch, tmp_path):
    def fail() -> None:
        raise ImportError("half imported")

    with pytest.raises(ImportError):
        start(fail, monkeypatch, tmp_path)
    record = the_record(tmp_path)
    assert (record["state"], record["reason"]) == ("failed", "ImportError: half imported")


def test_an_expected_error_after_a_swallowed_signal_is_no_failure(monkeypatch):
    from rich.console import Console

    from rlkit.runtime.ranks import Ranks
    from rlkit.runtime.session import FAILED, Session
    from rlkit.runtime.startup import Startup
    from rlkit.runtime.stopping import StopAtOnce, Stopped

    @contextmanager
    def broken(_startup):
        raise EnvError("half a simulator")
        yield

    session = Session(compose(["device=cpu", "numEnvs=4"]), None, None, Ranks(), Console())
    monkeypatch.setattr(session, "_booted", broken)
    assert session.play(Startup()) == FAILED
    with pytest.raises(Stopped), StopAtOnce() as stop:
        startup = Startup(stop)
        monkeypatch.setattr(startup, "lap", lambda _: swallowed(signal.SIGINT))
        session.play(startup)
