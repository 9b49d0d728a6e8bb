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
from rlkit.env.api import EnvError

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

        def execute(self) -> int:
            from rlkit.runtime.process.startup import startup

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


@pytest.mark.slow
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

    from rlkit.runtime.process.ranks import Ranks
    from rlkit.runtime.process.startup import startup
    from rlkit.runtime.process.stopping import StopAtOnce, Stopped
    from rlkit.runtime.session import Session

    @contextmanager
    def broken():
        raise EnvError("half a simulator")
        yield

    session = Session(compose(["device=cpu", "numEnvs=4"]), None, None, Ranks(), Console())
    monkeypatch.setattr(session, "_booted", broken)
    assert session.execute() == 1
    with pytest.raises(Stopped), StopAtOnce() as stop:
        monkeypatch.setattr(startup, "stop", stop)
        monkeypatch.setattr(startup, "lap", lambda _: swallowed(signal.SIGINT))
        session.execute()


@SIGNALS
@pytest.mark.parametrize("moment", ["code_of", "open_run"])
def test_a_signal_while_the_folder_is_claimed(moment, number, status, monkeypatch, tmp_path, capsys):
    from rlkit.runtime import launch

    whole = getattr(launch, moment)

    def told(*arguments, **more):
        result = whole(*arguments, **more)
        os.kill(os.getpid(), number)
        return result

    monkeypatch.setattr(launch, moment, told)
    assert start(lambda: pytest.fail("went on"), monkeypatch, tmp_path) == status
    record = the_record(tmp_path)
    assert (record["state"], record["reason"]) == ("interrupted", "stopped at once, without saving")
    assert capsys.readouterr().err == "interrupted\n"


def test_a_signal_after_the_end_was_written_down_changes_nothing(monkeypatch, tmp_path):
    from rlkit.runtime import launch

    claim = launch._claim
    runs = []

    def claimed(*arguments):
        runs.append(claim(*arguments))
        return runs[-1]

    def end() -> None:
        runs[0].set_state("done")
        passed_on(signal.SIGTERM)

    monkeypatch.setattr(launch, "_claim", claimed)
    assert start(end, monkeypatch, tmp_path) == 143
    assert the_record(tmp_path)["state"] == "done"
