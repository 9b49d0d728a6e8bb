"""The shell completes the command that stands behind `rlkit`."""

from __future__ import annotations

import pytest

from rlkit import cli


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rlkit tr", "train try"),
        ("rlkit re", "replay report"),
        ("rlkit x", ""),
        ("rlkit train task=Rea", "task=Reach task=ReachOrigin"),
    ],
)
def test_the_first_word_is_a_command(
    line: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    assert cli.main(["-sc", "query=bash"]) == 0
    assert capsys.readouterr().out == f"{words}\n"
    assert cli.main(["-sc", "query=fish"]) == 0
    assert capsys.readouterr().out.split() == words.split()
