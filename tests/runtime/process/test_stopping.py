"""A start ends at its first signal, whatever becomes of it; in the loop one asks and a second one interrupts."""

from __future__ import annotations

import importlib
import os
import signal

import pytest

from rlkit.runtime.process.startup import Startup
from rlkit.runtime.process.stopping import StopAtOnce, Stopped, StopRequest

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
        stop.check()
        raise AssertionError("went on")


@BOTH
def test_what_is_held_is_done_whole_before_the_interrupt(number):
    done = []
    with pytest.raises(Stopped) as stopped, StopAtOnce() as stop:
        with stop.held():
            os.kill(os.getpid(), number)
            done.append("held")
        done.append("after")
    assert (done, stopped.value.signal) == (["held"], number)


def test_a_second_signal_interrupts_what_is_held():
    with pytest.raises(Stopped), StopAtOnce() as stop, stop.held():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("went on")


def test_an_error_in_what_is_held_stays_that_error_until_the_end():
    with pytest.raises(Stopped) as stopped, StopAtOnce() as stop, stop.held():
        os.kill(os.getpid(), signal.SIGTERM)
        raise ValueError("broken")
    assert isinstance(stopped.value.__context__, ValueError)


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


def test_a_signal_is_never_without_somebody_who_hears_it():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Stopped), StopAtOnce() as stop:
        with StopRequest() as request:
            os.kill(os.getpid(), signal.SIGTERM)
            assert request.asked
        Startup(stop).lap("the loop's signal is none of the start's")
        os.kill(os.getpid(), signal.SIGTERM)  # while the run's end is written down
        raise AssertionError("went on")
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
