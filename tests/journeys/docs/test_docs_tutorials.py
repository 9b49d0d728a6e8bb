"""The tutorials, followed as they stand there; only what takes minutes is made shorter."""

from __future__ import annotations

import re

import pytest
from pages import ROOT, Page
from project import Project
from test_docs_extensions import write_files

TUTORIALS = ROOT / "docs" / "tutorials"
SHORT = "numEnvs=4 maxIter=2 train.units=[8]"

pytestmark = pytest.mark.journey


def follow_my_task(project: Project) -> list[str]:
    """Write the task's files as the page says; returns the page's lines to type."""
    page = Page(TUTORIALS / "my_task.md")
    (project.path / "rlkit/tasks/balance.py").write_text(page.blocks("python")[0])
    (project.path / "conf/task/Balance.yaml").write_text(page.blocks("yaml")[0])
    return page.lines()


def test_the_task_of_the_tutorial_is_trained_tested_and_compared(project: Project) -> None:
    lines = follow_my_task(project)
    assert len(lines) > 4
    for line in lines:
        short = "numEnvs=4" if "test=true" in line else SHORT
        command = line.partition("#")[0] if "train.py" not in line else f"{line.partition('#')[0]} {short}"
        done = project.shell(command)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    done = project.shell("python train.py task=Balance 'task.observations=[moton]'")
    quoted = re.search(r"^error: .*moton.*$", Page(TUTORIALS / "my_task.md").text, re.MULTILINE)
    assert quoted and quoted[0] in done.stderr


def test_the_learner_of_the_tutorial_learns(project: Project) -> None:
    follow_my_task(project)
    page = Page(TUTORIALS / "my_learner.md")
    mkdir, touch, attempt, train, help_, test = page.lines()
    assert project.shell(f"{mkdir} && {touch}").returncode == 0
    write_files(page.text, project)
    (project.path / "try_es.py").write_text(page.blocks("python")[2])
    done = project.shell(attempt)
    assert done.returncode == 0, done.stderr
    earned = [float(number) for number in re.findall(r"earned ([\d.]+) of 150", done.stdout)]
    assert len(earned) == 20 and earned[0] < 100.0 and max(earned) > 120.0
    for line in (train.replace("=64", "=4").replace("=20", "=2"), f"{test} numEnvs=4 render=false"):
        done = project.shell(line)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [run.partition("_")[0] for run in project.names("train")] == ["Balance"]
    light = "python -c 'import sys, rlkit.learners.es.settings; assert \"torch\" not in sys.modules'"
    assert project.shell(light).returncode == 0
    done = project.shell(help_)
    assert done.returncode == 0 and "how far the weights go uphill" in done.stdout


def test_the_recording_of_the_tutorial_is_looked_into(project: Project) -> None:
    follow_my_task(project)
    for words in (["task=Balance", *SHORT.split()], ["test=true", "checkpoint=latest", "render=false"]):
        done = project.train(*words)
        assert done.returncode == 0, done.stderr
    (project.path / "look.py").write_text(Page(TUTORIALS / "watch_and_debug.md").blocks("python")[0])
    done = project.shell("python look.py")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^failure/fallen [\d.]+\nupright +[\d.]+\ncentred +[\d.]+\n$", done.stdout)
