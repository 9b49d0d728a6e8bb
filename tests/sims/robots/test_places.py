"""References to robots of packages: nothing is imported of them that need not be, nothing downloaded unasked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator

import pytest

from rlkit.sims.mjcf import MjcfError
from rlkit.sims.robots.places import located, robot_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
# The parts of the packages' layout that are used, with a download that a test can see.
MENAGERIE = """
import os, pathlib
class MenagerieError(Exception): pass
class Entry:
    def __init__(self, file): self.file = file
class Robot:
    name, license, download_size = "unitree_go2", "BSD-3-Clause", 1_500_000
    def entry(self, name):
        if name not in (None, "scene", "go2"): raise MenagerieError(f"no entry {name}")
        return Entry(f"{name or 'scene'}.xml")
    def path(self, cache):
        if not cache.is_cached(self): (cache.dir / "fetched").mkdir(parents=True)
        return cache.dir / "fetched"
class Cache:
    def __init__(self): self.dir, self.root = pathlib.Path(os.environ["MENAGERIE_CACHE_DIR"]), None
    def is_cached(self, robot): return (self.dir / "fetched").is_dir()
def get(name):
    if name != "unitree_go2": raise MenagerieError(f"no robot {name}")
    return Robot()
"""
DESCRIPTION = """
import os
path = os.path.join(os.environ["ROBOT_DESCRIPTIONS_CACHE"], "mujoco_menagerie")
os.makedirs(os.path.join(path, ".git"), exist_ok=True)
MJCF_PATH = os.path.join(path, "unitree_go2", "go2.xml")
"""
LISTS = {
    "_descriptions.py": """
class D:
    repository = "mujoco_menagerie"
DESCRIPTIONS = {"go2_mj_description": D()}
""",
    "_repositories.py": f"""
class R:
    cache_path, commit = "mujoco_menagerie", "{COMMIT}"
REPOSITORIES = {{"mujoco_menagerie": R()}}
""",
    "__init__.py": "",
    "go2_mj_description.py": DESCRIPTION,
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages, none of which was imported before or stays."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "menagerie"))
    monkeypatch.setenv("ROBOT_DESCRIPTIONS_CACHE", str(tmp_path / "descriptions"))
    monkeypatch.delenv("ROBOT_DESCRIPTION_COMMIT", raising=False)
    ours = ("mujoco_menagerie", "robot_descriptions")
    for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    yield tmp_path / "site"
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ours:
            del sys.modules[name]


def package(site: Path, name: str, files: dict[str, str]) -> None:
    (site / name).mkdir(parents=True)
    for file, content in files.items():
        (site / name / file).write_text(content)


def test_a_file_of_a_package_whose_code_is_not_run(site: Path) -> None:
    package(site, "some_robots", {"__init__.py": "raise SystemExit('imported')", "arm.xml": "<mujoco/>"})
    assert located("package:some_robots/arm.xml") == site / "some_robots" / "arm.xml"
    with pytest.raises(MjcfError, match=r"there is no file .*ram.xml; the nearest there is arm.xml"):
        located("package:some_robots/ram.xml")
    for name in ("no_robots", "a.b", ""):
        with pytest.raises(MjcfError, match="is installed in this Python"):
            located(f"package:{name}/arm.xml")


def test_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert located("~/arm.xml") == tmp_path / "arm.xml"
    assert located(Path("a/b.xml")) == Path("a/b.xml")


def test_what_is_no_file_is_told_with_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "arm.urdf").touch()
    (tmp_path / "robots" / "dog").mkdir(parents=True)
    (tmp_path / "robots" / "dog" / "dog.xml").touch()
    assert robot_file(tmp_path / "arm.urdf") == tmp_path / "arm.urdf"
    for given, message in (
        ("arn.urdf", r"no file .*arn.urdf; did you mean .*arm.urdf\?"),
        ("robots/dgo.xml", r"did you mean .*robots/dog/dog.xml\?"),
        ("arm.xml/arm.urdf", "no file .*arm.xml/arm.urdf; give a path, one of ours .*, package:NAME"),
        ("", "is a folder; give a file in it: .*arm.urdf$"),
        ("robots", "is a folder; give a file in it: .*robots/dog/dog.xml$"),
    ):
        with pytest.raises(MjcfError, match=message):
            robot_file(tmp_path / given)


def test_menagerie_downloads_only_when_it_is_asked_to(site: Path, tmp_path: Path) -> None:
    package(site, "mujoco_menagerie", {"__init__.py": MENAGERIE})
    refusal = r"\(BSD-3-Clause, 1.5 MB\) is not on this machine.*rlkit model menagerie:unitree_go2 --download"
    with pytest.raises(MjcfError, match=refusal):
        located("menagerie:unitree_go2")
    assert not (tmp_path / "menagerie").exists()
    fetched = tmp_path / "menagerie" / "fetched"
    assert located("menagerie:unitree_go2", download=True) == fetched / "scene.xml"
    assert located("menagerie:unitree_go2") == fetched / "scene.xml"
    assert (
        located("menagerie:unitree_go2/go2")
        == located("menagerie:unitree_go2/go2.xml")
        == fetched / "go2.xml"
    )
    with pytest.raises(MjcfError, match="menagerie:go3: no robot go3"):
        located("menagerie:go3")


def test_a_description_clones_only_when_it_is_asked_to(site: Path, tmp_path: Path) -> None:
    package(site, "robot_descriptions", LISTS)
    reference, git = "description:go2_mj_description", tmp_path / "descriptions/mujoco_menagerie/.git"
    with pytest.raises(MjcfError, match=f"rlkit model {reference} --download"):
        located(reference)
    assert "robot_descriptions.go2_mj_description" not in sys.modules
    model = git.parent / "unitree_go2" / "go2.xml"
    assert located(reference, download=True) == model
    (git / "HEAD").write_text("another commit\n")  # of an older package: its module would fetch
    with pytest.raises(MjcfError, match="nothing is downloaded unasked"):
        located(reference)
    (git / "HEAD").write_text(COMMIT + "\n")
    assert located(reference) == model
    with pytest.raises(MjcfError, match="the nearest is go2_mj_description"):
        located("description:go2_mj_descripton")


def test_a_clone_that_fails_is_told(site: Path) -> None:
    package(site, "robot_descriptions", {**LISTS, "go2_mj_description.py": "raise OSError('no\\nnetwork')"})
    with pytest.raises(MjcfError, match="go2_mj_description could not be fetched: no network"):
        located("description:go2_mj_description", download=True)


def test_a_package_that_is_not_there_is_named(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for reference, name in (("menagerie:a", "mujoco_menagerie"), ("description:a", "robot_descriptions")):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MjcfError, match=f"{reference} needs the package .*pip install"):
            located(reference)
