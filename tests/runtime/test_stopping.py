"""A start ends at its first signal, whatever becomes of it; in the loop one asks and a second one interrupts."""

from __future__ import annotations

import importlib
import os
import signal

import pytest

from rlkit.runtime.startup import Startup
from rlkit.runtime.stopping import StopAtOnce, Stopped, StopRequest

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def swallow(number):
    """As a library that catches KeyboardInterrupt."""
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@BOTH
def test_a_signal_interrupts_the_start_at_once(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped, StopAtOnce():
        os.kill(os.getpid(), number)
        raise AssertionError("went on")
    assert stopped.value.signal == number
    assert signal.getsignal(number) is before


@BOTH
def test_a_swallowed_interrupt_ends_the_start_at_its_next_lap(number):
    with pytest.raises(Stopped) as stopped, StopAtOnce() as stop:
        startup = Startup(stop)
        startup.lap("before")
        swallow(number)
        startup.lap("imports")
        raise AssertionError("went on")
    assert stopped.value.signal == number


def test_an_import_is_finished_before_the_start_ends(tmp_path, monkeypatch):
    (tmp_path / "told_to_stop.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Stopped) as stopped, StopAtOnce() as stop:
        module = importlib.import_module("told_to_stop")
        assert module.whole
        Startup(stop).lap("imports")
        raise AssertionError("went on")
    assert stopped.value.signal == signal.SIGTERM


def test_a_second_signal_does_not_wait_for_the_import(tmp_path, monkeypatch):
    (tmp_path / "told_twice.py").write_text(
        "import os, signal\nfor _ in range(2): os.kill(os.getpid(), signal.SIGINT)\nraise AssertionError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Stopped), StopAtOnce():
        importlib.import_module("told_twice")


def test_a_swallowed_interrupt_ends_the_start_at_its_end_at_the_latest():
    reached = []
    with pytest.raises(Stopped), StopAtOnce():
        swallow(signal.SIGTERM)
        reached.append("end")
    assert reached == ["end"]
    with pytest.raises(Stopped), StopAtOnce() as stop:
        swallow(signal.SIGINT)
        stop.over()
        raise AssertionError("went on")


def test_an_interrupt_that_became_another_error_is_one_again():
    with pytest.raises(Stopped) as stopped, StopAtOnce():
        swallow(signal.SIGTERM)
        raise ImportError("half imported")
    assert stopped.value.signal == signal.SIGTERM
    assert isinstance(stopped.value.__context__, ImportError)


def test_errors_of_a_start_that_nobody_stopped_stay_what_they_are():
    with pytest.raises(KeyboardInterrupt) as pressed, StopAtOnce():
        raise KeyboardInterrupt
    assert not isinstance(pressed.value, Stopped)
    with pytest.raises(ValueError, match="broken"), StopAtOnce():
        raise ValueError("broken")


def test_after_the_start_signals_mean_what_they_meant_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopAtOnce() as stop:
        stop.over()
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        with StopRequest() as request:
            os.kill(os.getpid(), signal.SIGTERM)
            assert request.asked
        Startup(stop).lap("the loop's signal is none of the start's")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@BOTH
def test_the_first_signal_asks_and_the_second_interrupts(number):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert not stop.asked
        os.kill(os.getpid(), number)
        assert stop.asked
        assert stop.signal == number
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_handlers_come_back_when_the_block_fails():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="broken"), StopRequest():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGTERM) is before
