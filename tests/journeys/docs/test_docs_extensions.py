"""The learner of docs/learners.md and the simulator of docs/simulators.md, made and run as the pages say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from project import ROOT, Project

pytestmark = pytest.mark.journey

_FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ROW = re.compile(
    r"^A row in `(\w+)` of `([^`\n]+)`[^\n]*:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL
)
_COMMANDS = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


def follow(page: str, heading: str, project: Project) -> list[str]:
    """Do what a section says up to its last block of commands, and return that."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    *before, last = _COMMANDS.findall(section)
    for command in "".join(before).splitlines():
        assert project.shell(command).returncode == 0, command
    write_files(section, project)
    return last.splitlines()


def write_files(text: str, project: Project) -> None:
    """The files that a page spells out, and the row that it puts into a table of facts."""
    for path, body in _FILE.findall(text):
        assert not (project.path / path).exists() or not (project.path / path).read_text()
        (project.path / path).write_text(body, encoding="utf-8")
    (name, path, row) = _ROW.findall(text)[0]
    file = project.path / path
    head, table, tail = file.read_text(encoding="utf-8").partition(f"\n{name} = {{\n")
    assert table
    file.write_text(head + table + tail.replace("\n}\n", f"\n{row}}}\n", 1), encoding="utf-8")


LEARN = """
import sys
sys.path.append(sys.argv[1])
import torch
from benchmarks.point_mass import PointMass
from rlkit.learners.registry import make
torch.set_num_threads(1)
env = PointMass(32)
env.reset()
learner = make("random_search", {"horizon_length": 50, "noise": 0.1, "step_size": 0.1}, env.spec, seed=0)
gained = [learner.iterate(env).metrics["search/gained"] for _ in range(60)]
print(sum(gained[:5]) / 5, sum(gained[-5:]) / 5)
"""


def gained_in(project: Project, run: str) -> list[float]:
    """The metric of the learner, by iteration."""
    rows = (project.run(run) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [row["search/gained"] for row in map(json.loads, rows) if "search/gained" in row]


def test_the_learner_of_the_guide_learns_resumes_and_says_what_it_lacks(project: Project) -> None:
    train, resume, test = follow("learners.md", "Adding a learner", project)
    for command in (train, resume, test, train.replace("maxIter=20", "maxIter=22")):
        done = project.shell(command)
        assert done.returncode == 0, done.stdout + done.stderr
    first, resumed, straight = project.names("train")
    gained = [gained_in(project, name)[-2:] for name in (first, resumed, straight)]
    assert gained[1] == gained[2] != gained[0]
    done = project.shell(f"python -c '{LEARN}' {Path(__file__).parents[3]}")
    assert done.returncode == 0, done.stderr
    before, after = map(float, done.stdout.split())
    assert before < -25.0 < 0.5 * before < after  # 50 steps of minus the squared distance to the origin

    done = project.train("train=RandomSearch", "train.nois=0.3")
    assert done.returncode == 2 and "did you mean train.noise=0.3" in done.stderr
    done = project.train("train=RandomSearch", "train.noise=-1")
    assert done.returncode == 2 and "needs float > 0, got -1" in done.stderr
    done = project.shell(f"rlkit export {first} --format torchscript")
    assert done.returncode == 1 and "RandomSearch has no network that could be exported" in done.stderr
    assert "Traceback" not in done.stderr
    done = project.shell("torchrun --nproc-per-node 2 train.py train=RandomSearch numEnvs=4 maxIter=1")
    assert done.returncode != 0 and "RandomSearch trains in one process" in done.stderr


def test_the_simulator_of_the_guide_trains_and_is_listed(project: Project) -> None:
    train, test, doctor, sim2sim = follow("simulators.md", "Adding a simulator", project)
    for command in (train, test):
        done = project.shell(command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "has not been tested with sim=puppet" in done.stdout
    done = project.shell(doctor)
    assert "\nsim=puppet: ok: mujoco " in done.stdout
    done = project.shell(sim2sim)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\npuppet (trained here): return " in done.stdout and "\nmujoco: return " in done.stdout
    done = project.train("sim=pupet")
    assert done.returncode == 2 and "did you mean sim=puppet" in done.stderr
