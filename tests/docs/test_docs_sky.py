"""docs/clusters.md's recipe for SkyPilot: a file that SkyPilot takes, with a command and extras that there are."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from needs import lacking
from pages import ROOT

from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

GPU = Machine(cores=8, cuda_devices=1, simulators=frozenset(USABLE))
# Of SkyPilot 0.14's schema, what the recipe may use
KEYS = {"name": str, "resources": dict, "workdir": str, "file_mounts": dict, "setup": str, "run": str}


@pytest.fixture
def text() -> str:
    page = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
    (recipe,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if "sky.yaml" in block)
    return recipe


@pytest.fixture
def recipe(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


def test_its_keys_are_skypilot_s(recipe: dict[str, Any]) -> None:
    assert {key: type(value) for key, value in recipe.items()} == KEYS
    assert recipe["resources"] == {"accelerators": "L4:1", "use_spot": True}
    assert all(mount.keys() == {"name", "mode"} for mount in recipe["file_mounts"].values())


def test_the_runs_lie_in_the_bucket_and_the_command_goes_on_with_them(recipe: dict[str, Any]) -> None:
    (bucket,) = recipe["file_mounts"]
    link, train = recipe["run"].splitlines()
    assert link == f"ln -sfn {bucket} runs_all"
    python, script, *words = train.split()
    assert python == "~/rlkit/bin/python" and script == "train.py"
    training = compose(words, machine=GPU).training
    assert training.resume == "auto"


def test_its_extras_are_ours(recipe: dict[str, Any]) -> None:
    (extras,) = re.findall(r"pip install -e '\.\[(.*)\]'", recipe["setup"])
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} = \[", project, re.M) for extra in extras.split(","))


@pytest.mark.slow
def test_skypilot_reads_it(text: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("sky") is None:
        lacking(
            "skypilot",
            "there is no SkyPilot here: in an environment of its own, pip install -e . skypilot pytest",
        )
    (tmp_path / "sky.yaml").write_text(text)
    read = "import sky; task = sky.Task.from_yaml('sky.yaml'); print(*task.storage_mounts)"
    done = subprocess.run(
        [sys.executable, "-c", read], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "/runs_all\n"), done.stderr
