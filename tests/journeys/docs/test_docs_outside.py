"""What pages make outside of rlkit: a task, a learner, a network, a simulator, in a folder that has nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import warm
from pages import ROOT
from sample_package import environment

pytestmark = pytest.mark.journey

_FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


def section(page: str, heading: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def follow(page: str, folder: Path, heading: str = "Outside of rlkit") -> list[str]:
    """Write the files of the page's section, type its commands; returns what each of them said."""
    text = section(page, heading)
    for path, body in _FILE.findall(text):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(body, encoding="utf-8")
    shim = folder / "shims" / "rlkit"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {" ".join(warm.python())} -m rlkit "$@"\n')
    shim.chmod(0o755)
    variables = {**environment(), **warm.environment()}
    variables["PATH"] = f"{shim.parent}:{variables['PATH']}"
    said = []
    for line in "".join(_COMMANDS.findall(text)).splitlines():
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False
        )  # fmt: skip
        assert done.returncode == 0, line + done.stdout + done.stderr
        said.append(done.stdout)
    return said


def codes(folder: Path) -> list[dict[str, str]]:
    """What the trainings of a folder note of classes that are not rlkit's."""
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("runs_all/*_train_*/run.json"))]
    return [{kind: known["class"] for kind, known in record["code"].items()} for record in records]


def test_a_task(tmp_path: Path) -> None:
    said = follow("tasks.md", tmp_path)
    assert codes(tmp_path) == 2 * [{"task": "my_project.touch:Touch"}]
    assert "task my_project.touch:Touch of my_project" in said[-1]


def test_a_learner(tmp_path: Path) -> None:
    folder = tmp_path / "my_project"
    folder.mkdir()
    for path, body in _FILE.findall(section("learners.md", "Adding a learner")):
        name = {"settings": "settings.py", "learner": "search.py"}.get(Path(path).stem)
        if name is not None:
            (folder / name).write_text(body.replace("rlkit.learners.random_search.", "my_project."))
    follow("learners.md", tmp_path)
    assert codes(tmp_path) == 2 * [{"learner": "my_project.search:RandomSearch"}]


def test_a_network(tmp_path: Path) -> None:
    (tmp_path / "my_project").mkdir()
    follow("learners.md", tmp_path, "A network of your own")
    assert codes(tmp_path) == 2 * [{"network": "my_project.nets:ResidualMlp"}]
    (first, *_) = sorted(tmp_path.glob("runs_all/*_train_*/config.yaml"))
    assert "blocks: 3" in first.read_text() and "width: 32" in first.read_text()


def test_a_simulator(tmp_path: Path) -> None:
    said = follow("simulators.md", tmp_path)
    assert codes(tmp_path) == 2 * [{"simulator": "my_project.moon:MoonSimulator"}]
    assert "my_project.moon:MoonSimulator (trained here): return" in said[-1]
