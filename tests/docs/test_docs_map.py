"""The map of the house: what docs/architecture.md names is there, and each thing is found in one folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (an? [^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.M)


def test_the_page_says_where_to_add_what_people_add() -> None:
    asked = {
        "reward term",
        "metric of a learner",
        "metric of the environment",
        "metric of the loop",
        "command",
        "checkpoint field",
        "simulator quantity",
        "setting",
    }
    assert asked <= {what.split(" ", 1)[1] for what, _, _ in ROWS}


@pytest.mark.parametrize(("what", "folder", "files"), ROWS, ids=[row[0] for row in ROWS])
def test_each_answer_is_one_folder_and_at_most_three_files(what: str, folder: str, files: str) -> None:
    (room,) = re.findall(r"`([\w/]+)/`", folder)
    named = re.findall(r"`([\w/]+\.(?:py|yaml|md))`", files)
    assert 1 <= len(named) <= 3 and (ROOT / room).is_dir()
    assert any(name.startswith(f"{room}/") for name in named)
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_every_file_and_room_that_the_page_names_is_there() -> None:
    paths = re.findall(r"`((?:[\w*]+/)*[\w*]+(?:/|\.py))`", PAGE)
    assert len(paths) > 50
    ours = [path for path in paths if not path.startswith(("conf/", "runs", "nn/", "trajectories/"))]
    rooms = (ROOT / "rlkit", ROOT, *(path for path in (ROOT / "rlkit").iterdir() if path.is_dir()))
    assert not [path for path in ours if not any(list(room.glob(path)) for room in rooms)]


def test_argv_reaches_the_learner_in_the_calls_that_the_page_counts() -> None:
    calls = re.search(r"it is eight calls: (.*?)\.\n", PAGE, re.S)
    assert calls is not None
    names = [name.split(".")[-1].split("(")[0] for name in re.findall(r"`([^`]+)`", calls[1])]
    assert len(names) == 8
    sources = "".join(
        (ROOT / "rlkit" / path).read_text(encoding="utf-8")
        for path in ("app.py", "runtime/launch.py", "runtime/session.py", "runtime/training/train.py")
    )
    for caller, called in zip(names, names[1:]):
        body = re.search(rf"^( *)def {caller}\(.*?(?=^\1def |\Z)", sources, re.M | re.S)
        assert body is not None and re.search(rf"\b{called}\(", body[0]), f"{caller} calls no {called}"
