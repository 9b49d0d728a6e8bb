"""The drawings show the house as it is."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest
from pages import ROOT

from rlkit.env.api import VecEnv
from rlkit.sims.api import Simulator
from rlkit.tasks.api import Task


@pytest.fixture(scope="module")
def diagrams() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diagrams", ROOT / "docs/site/diagrams.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", ["house.svg", "step.svg"])
def test_a_drawing_is_what_the_script_draws(diagrams: ModuleType, name: str) -> None:
    drawn = (ROOT / "docs/images" / name).read_text(encoding="utf-8")
    assert drawn == diagrams.DRAWINGS[name](), "python docs/site/diagrams.py draws it anew"


@pytest.mark.slow
def test_no_box_stands_outside_of_its_drawing(diagrams: ModuleType) -> None:
    for draw in diagrams.DRAWINGS.values():
        width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', draw())[0])
        boxes = re.findall(r'class="box" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', draw())
        assert len(boxes) >= 4
        assert all(int(x) + int(w) <= width and int(y) + int(h) <= height for x, y, w, h in boxes)


def test_every_room_is_in_the_house(diagrams: ModuleType) -> None:
    # plugins/, archives/ and zoo/ are everybody's, as the files beside them are
    rooms = {path.parent.name for path in (ROOT / "rlkit").glob("*/__init__.py")}
    assert rooms - {"plugins", "archives", "zoo"} | {"app"} == set(diagrams.HOUSE)


def test_an_arrow_that_others_stand_for_is_left_out(diagrams: ModuleType) -> None:
    arrows = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert diagrams.shortest(arrows) == [("a", "b"), ("b", "c")]


def test_the_calls_of_a_step_exist(diagrams: ModuleType) -> None:
    methods = {"TaskEnv": VecEnv, "Task": Task, "Simulator": Simulator}
    calls = [(called, re.search(r"(\w+)\(", says)) for _, called, says in diagrams.STEP]
    named = [(called, found[1]) for called, found in calls if found]
    assert [name for _, name in named] == ["step", "controls", "step", "reset"]
    for called, name in named:
        assert hasattr(methods[called], name), (called, name)
