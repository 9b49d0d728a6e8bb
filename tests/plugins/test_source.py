"""Classes are found in the source, through packages and imports, and nothing is imported on the way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rlkit.plugins import modules
from rlkit.plugins.source import keywords, lineage, problem, whole_lineage

FILES = {
    "plugged/__init__.py": "from .deep.down import Middle as Shown\nraise RuntimeError('imported')\n",
    "plugged/deep/__init__.py": "",
    "plugged/deep/down.py": "from ..base import Base\nfrom .. import base\nclass Middle(Base): ...\n",
    "plugged/base.py": "class Base: ...\nFACTS = Facts(one=1, two={'a': [2.5]})\nOTHER = Facts(one=two)\n",
    "plugged/top.py": "from plugged import Shown\nfrom plugged.base import Base\n"
    "class Top(Shown): ...\nclass Broken(Middel, Shown): ...\n"
    "class Aside(Base): ...\nclass Both(Aside, Shown): ...\n",
    "plugged/bad.py": "class Bad(\n",
    "plugged/on_bad.py": "from plugged.bad import Bad\nclass OnBad(Bad): ...\n",
    "plugged/circle.py": "class One(Two): ...\nclass Two(One): ...\n",
}


@pytest.fixture(autouse=True)
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for file, text in FILES.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def names(module: str, name: str) -> list[str]:
    found = [f"{source.name}:{source.definition.name}" for source in lineage(module, name)]
    assert "plugged" not in sys.modules
    return found


def test_parents_are_followed_through_packages_and_relative_imports() -> None:
    assert names("plugged.top", "Top") == ["plugged.top:Top", "plugged.deep.down:Middle", "plugged.base:Base"]
    assert names("plugged", "Shown") == ["plugged.deep.down:Middle", "plugged.base:Base"]
    assert names("plugged.circle", "One") == ["plugged.circle:One", "plugged.circle:Two"]
    assert names("plugged.nowhere", "One") == names("nowhere", "One") == names("plugged.top", "Nothing") == []


def test_of_several_parents_the_first_comes_first_and_what_they_share_last() -> None:
    """As Python orders them; a parent that is not found is left out, and told of."""
    both = ["plugged.top:Both", "plugged.top:Aside", "plugged.deep.down:Middle", "plugged.base:Base"]
    assert names("plugged.top", "Both") == both
    assert names("plugged.top", "Broken") == ["plugged.top:Broken", *both[2:]]
    whole = whole_lineage("plugged.top", "Both", "Base")
    assert whole is not None and [source.definition.name for source in whole] == ["Both", "Aside", "Middle"]
    assert whole_lineage("plugged.top", "Both", "Task") is None  # Base is no child of it
    assert whole_lineage("plugged.top", "Broken", "Base") is None  # it has no Middel
    assert whole_lineage("plugged.circle", "One", "Task") is None


def test_what_is_wrong_is_said_with_its_place() -> None:
    assert problem("plugged.top:Top") is None
    assert "top.py has no class Tob; did you mean Top?" in str(problem("plugged.top:Tob"))
    assert "top.py has no class Zebra; write `class Zebra` in it" in str(problem("plugged.top:Zebra"))
    assert "bad.py, line 1: " in str(problem("plugged.on_bad:OnBad"))  # of a parent
    assert "did you mean plugged.deep.down?" in str(problem("plugged.deep.dwn:Middle"))


def test_values_are_read_where_they_are_written_out() -> None:
    assert keywords("plugged.base", "FACTS") == {"one": 1, "two": {"a": [2.5]}}
    assert keywords("plugged.base", "NONE") == keywords("plugged.nowhere", "FACTS") == {}
    with pytest.raises(modules.CodeError, match=r"base\.py, line 3: OTHER is read without running it"):
        keywords("plugged.base", "OTHER")
