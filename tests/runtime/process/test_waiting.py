"""What takes long is spoken of, what does not is not."""

from __future__ import annotations

import time

import pytest

from rlkit.runtime.process import waiting
from rlkit.runtime.process.waiting import Waiting, told


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "REPEATED", 0.1)


def until(lines: list[str], count: int) -> None:
    end = time.monotonic() + 20
    while len(lines) < count:
        assert time.monotonic() < end, lines
        time.sleep(0.01)


def test_a_long_wait_is_told_and_told_again_until_it_is_over() -> None:
    lines: list[str] = []
    talk = Waiting(lines.append)
    talk.begin("loading torch", after=0.01)
    until(lines, 2)
    talk.begin("making the learner", after=30.0)
    said = len(lines)
    time.sleep(0.3)
    assert len(lines) <= said + 1  # one may have been on its way
    assert lines[0] == "loading torch ..."
    assert lines[1] == "loading torch ... 0 s"
    talk.end()
    talk.end()


def test_what_is_over_soon_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), told("a moment", after=0.2):
        raise ValueError("broken")
    time.sleep(0.4)
    assert capsys.readouterr().out == ""
