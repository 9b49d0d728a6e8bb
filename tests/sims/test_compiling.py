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


def test_a_long_compilation_is_told_while_it_runs(
    lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUICK", 0.01)
    with compiling("the scene", every=0.1):
        time.sleep(0.5)
        seen = list(lines.messages)
    assert seen[0].startswith("compiling the scene")
    assert 2 <= sum(line.startswith("still compiling the scene") for line in seen) <= 5
    assert lines.messages[-1].startswith("compiled the scene in 0.")


def test_a_quick_one_takes_one_line_and_a_cache_is_named(lines: pytest.LogCaptureFixture) -> None:
    with compiling("the scene", cached=lambda: True):
        pass
    assert lines.messages == ["read from the cache the scene in 0.0 s"]


def test_a_failure_ends_the_lines_and_is_passed_on(lines: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), compiling("the scene"):
        raise ZeroDivisionError
    assert not lines.messages
