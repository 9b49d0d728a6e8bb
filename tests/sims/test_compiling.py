"""What is said while a simulator compiles."""

from __future__ import annotations

import logging
import time

import pytest

from rlkit.sims import compiling as module
from rlkit.sims.compiling import compiling


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger=module.__name__)
    return caplog


@pytest.mark.slow
def test_a_long_compilation_is_told_while_it_runs(
    lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUICK", 0.01)
    with compiling("the scene", every=0.1):
        time.sleep(0.5)
        seen = list(lines.messages)
    assert seen[0].startswith("compiling the scene")
    assert 2 <= sum(line.startswith("still compiling the scene") for line in seen) <= 5
    assert lines.messages[-1].startswith("the scene: compiled in 0.")


def test_a_cache_is_named(lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BRIEF", 0.0)
    with compiling("the scene", cached=lambda: True):
        pass
    assert lines.messages == ["the scene: read from the cache in 0.0 s"]


def test_nothing_is_said_of_a_moment(lines: pytest.LogCaptureFixture) -> None:
    with compiling("the scene"):
        pass
    assert not lines.messages


def test_a_failure_ends_the_lines_and_is_passed_on(lines: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), compiling("the scene"):
        raise ZeroDivisionError
    assert not lines.messages
