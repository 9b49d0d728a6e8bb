"""Runs whose files hold anything at all: looked at without a traceback, and without waiting."""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from made_runs import make_run, rows

from rlkit.cli import main

pytestmark = pytest.mark.slow

VALUES = (None, True, 5, -1.5, 10**400, "x\ny\x1b[1m", [], [1, [2]], {}, {"a": {"b": 1}}, float("nan"))
SPREAD = {"mean": 1.0, "std": 0.0, "min": 1.0, "max": 1.0}
RESULTS = {
    "episodes": 4, "iteration": 3, "checkpoint": "x", "return": SPREAD, "length": SPREAD, "seconds": SPREAD,
    "success_rate": 0.5, "timeout_rate": 0.1, "criteria": {"held": 0.5},
    "tasks": {"A": {"return": SPREAD, "success_rate": 0.5}},
    "facts": {"gap": SPREAD}, "units": {"gap": "m"}, "scenario_noun": "clip",
    "scenarios": [{"scenario": "walk", "success": 1, "gap": 0.1, "return": 1.0, "seconds": 2.0}],
}  # fmt: skip
COMMANDS = ("runs", "runs show trained", "runs show --json tested", "runs show tested", "runs diff trained other",
            "report trained --out out", "report tested --out out", "compare trained other --out out",
            "runs prune --keep 0 --dry-run")  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path, monkeypatch) -> Path:
    """A training, another and a test; the pictures of reports, which take the time, are left out."""
    monkeypatch.setattr("rlkit.report.writing.write_pictures", lambda *_: [])
    trained = make_run(tmp_path, rows([1.0, 2.0, 3.0], episode__success=0.5), name="trained")
    make_run(tmp_path, rows([1.0, 2.0]), name="other", seed=2)
    tested = make_run(tmp_path, [], name="tested", kind="test")
    (tested / "metrics.json").write_text(json.dumps(RESULTS))
    git = {"commit": "abc", "branch": "main", "dirty": True, "untracked": ["x"]}
    for path, more in ((trained, {"saved": {"best": 1}}), (tested, {"tested_run": "trained"})):
        record = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps({**record, "git": git, **more}))
    return tmp_path / "runs_all"


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where a nested value holds something."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, (dict, list)):
            yield from places(item, (*path, key))


def with_value(content: Any, path: tuple, value: Any) -> Any:
    changed = inner = copy.deepcopy(content)
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@pytest.mark.slow
def test_any_value_in_any_place_is_shown_or_refused(archive: Path, capsys) -> None:
    lines = [json.loads(line) for line in (archive / "trained/metrics.jsonl").read_text().splitlines()]
    files = {
        archive / "trained/run.json": json.loads((archive / "trained/run.json").read_text()),
        archive / "tested/run.json": json.loads((archive / "tested/run.json").read_text()),
        archive / "tested/metrics.json": RESULTS,
        archive / "trained/config.yaml": yaml.safe_load((archive / "trained/config.yaml").read_text()),
        archive / "trained/metrics.jsonl": lines,
    }
    random.seed(7)
    commands = itertools.cycle(COMMANDS)
    for file, content in files.items():
        before = file.read_text()
        for path in places(content):
            changed = with_value(content, path, random.choice(VALUES))
            as_lines = file.suffix == ".jsonl"
            file.write_text("\n".join(map(json.dumps, changed)) if as_lines else json.dumps(changed))
            for _ in range(2):
                assert main(next(commands).split()) in (0, 2)
        file.write_text(before)
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err


@pytest.mark.parametrize(
    ("file", "value"),
    [
        ("tested/metrics.json", {**RESULTS, "criteria": None, "tasks": {"A": {"return": {"mean": "x"}}}}),
        ("tested/metrics.json", {**RESULTS, "return": 5, "success_rate": 10**400}),
        (
            "trained/config.yaml",
            {"composed": {"asked": None, "overrides": None}, "env": {"numEnvs": 10**400}},
        ),
        (
            "trained/metrics.jsonl",
            {"iteration": 1, "env_steps": 10**400, "wall_time": 1, "episode/return": 1},
        ),
    ],
)
def test_what_once_was_a_traceback_is_a_page(archive: Path, file: str, value: Any) -> None:
    (archive / file).write_text(json.dumps(value))
    assert main(["report", "trained", "--out", "out"]) == 0
    assert main(["report", "tested", "--out", "out"]) == 0
    assert main(["compare", "trained", "other", "--out", "out"]) == 0


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk


@pytest.mark.parametrize("kind", [pipe, endless, huge])
@pytest.mark.parametrize(
    "name", ["run.json", "config.yaml", "metrics.jsonl", "metrics.json", "git.diff", ".lock"]
)
def test_what_is_no_file_or_too_large_neither_hangs_nor_fills_memory(archive, name, kind, capsys) -> None:
    for run in ("trained", "tested"):
        kind(archive / run / name)
    for command in COMMANDS:
        assert main(command.split()) in (0, 2)
    if name == "run.json":
        assert "run.json cannot be read: it" in capsys.readouterr().out


def test_a_video_that_is_a_link_is_not_copied_into_the_page(archive, tmp_path) -> None:
    (tmp_path / "secret").write_bytes(b"secret of the reader")
    videos = archive / "trained/videos"
    videos.mkdir()
    (videos / "real.mp4").write_bytes(b"film")
    (videos / "link.mp4").symlink_to(tmp_path / "secret")
    (videos / "gone.mp4").symlink_to(tmp_path / "nowhere")
    pipe(videos / "pipe.mp4")
    assert main(["report", "trained", "--out", "out"]) == 0
    page = Path("out/index.html").read_text()
    assert page.count("data:video/mp4;base64,ZmlsbQ==") == 1
    assert "runs_all/trained/videos/link.mp4" in page
    assert "c2VjcmV0" not in page and "gone.mp4" not in page and "pipe.mp4" not in page
