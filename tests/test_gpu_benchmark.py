"""`python -m benchmarks.gpu`: its parts run, a part that fails is told of, and what is there is not measured again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu

ROOT = Path(__file__).parents[1]


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_all_parts_are_told_with_their_limits_and_stay_below_eight_minutes() -> None:
    assert sum(part.seconds for part in gpu.PARTS.values()) <= 480
    assert {*gpu.TABLES} <= {*gpu.PARTS}


@pytest.mark.slow
def test_a_part_is_measured_once_and_stands_on_the_page(tmp_path: Path) -> None:
    words = ("--device", "cpu", "--quick", "--out", str(tmp_path), "--parts", "ranks")
    first = ran(*words)
    assert first.returncode == 0, first.stdout + first.stderr
    kept = json.loads((tmp_path / "gpu.json").read_text())
    assert {"ppo, alone, ms", "fast_td3, one rank, ms"} <= kept["ranks"]["figures"].keys()
    page = (tmp_path / "benchmarks_gpu.md").read_text()
    assert (
        "## one rank" in page and "| ppo, alone, ms | " in page and page.startswith("# Benchmarks on a GPU")
    )
    again = ran(*words)
    assert "ranks: is there already" in again.stdout
    assert json.loads((tmp_path / "gpu.json").read_text()) == kept


@pytest.mark.slow
def test_a_part_that_fails_or_takes_too_long_is_said_and_the_page_is_written() -> None:
    part = gpu.Part(
        "fails", 1.0, lambda *_: ["-c", "import time; print('so far'); time.sleep(60)"], gpu._json_in
    )
    found = gpu._run("fails", part, "cpu", True)
    assert found["failed"].startswith("ended after 1 s: so far") and found["seconds"] < 15
    section = gpu._section("fails", found)
    assert section.startswith("## fails") and "Failed: ended after 1 s" in section


def test_nothing_is_begun_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "_has_cuda", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu"])
    assert gpu.main() == 2
    assert "torch sees no GPU here" in capsys.readouterr().out
