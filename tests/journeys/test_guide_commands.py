"""Every command of the training guide, as typed in bash from the project's root, with small limits."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request

import pytest
from project import ROOT, Project, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.slow]

LINES = [
    command
    for line in (ROOT / "tests" / "data" / "guide_commands.txt").read_text(encoding="utf-8").splitlines()
    if (command := line.partition("#")[0].strip())
]
# Lines about where a run's link or folder is; test_workspace.py has them in a story of their own.
STORIES = [line for line in LINES if line.startswith(("mv ", "tensorboard ", "ls ")) or "pinned" in line]
COMMANDS = [line for line in LINES if line not in STORIES]

RUN_OF = {"BaseTask": "a_base_run", "BoxGrasping": "a_box_run"}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A project with one finished run of each task, under names of their own."""
    made = Project.copied(tmp_path_factory.mktemp("guide") / "project")
    for task, name in RUN_OF.items():
        words = (f"task={task}", "maxIter=2", "numEnvs=8", "training.checkpointInterval=2")
        done = made.train(*words, f"logging.experimentName={name}")
        assert done.returncode == 0, done.stderr
    return made


def as_typed(line: str, project: Project) -> str:
    """The guide's line with names of runs that exist, and with small limits where it is not about them."""
    for task, name in RUN_OF.items():
        line = re.sub(rf"{task}_train_\d{{8}}_\d{{6}}", name, line)
    line = line.replace("checkpoint_1000.pth", "checkpoint_2.pth")
    line = line.replace("path/to/checkpoint.pth", f"{project.run('a_base_run')}/nn/checkpoint_last.pth")
    if "test=true" in line or "-cn test_render" in line:
        limits = ["task.episodeLength=20"]
    elif "checkpoint=" in line:
        limits = ["maxIter=3"]  # one iteration more than the run has
    else:
        limits = ["maxIter=1"]
    if "numEnvs" not in line:
        limits.append("numEnvs=8")
    if "axIterations" in line or "max_iterations" in line:
        limits = [word for word in limits if not word.startswith("maxIter")]
        line = line.replace("train.maxIterations=5000", "train.maxIterations=2")
    if re.search(r"numEnvs=\d{4}", line) and "test=true" not in line:
        limits += [
            "train.horizon_length=2",
            "train.num_minibatches=1",
        ]  # what so many envs do is the same each step
    return " ".join([line, *limits])


@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_a_command_of_the_guide(line, project):
    before = set(project.names())
    done = project.shell(as_typed(line, project))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    made = project.path / "runs" if "useCleanWorkspace=false" in line else project.path / "runs_all"
    runs = {path.parent.name for path in made.glob("*/run.json") if not path.parent.is_symlink()}
    (name,) = runs - before
    record = json.loads((made / name / "run.json").read_text())
    assert record["state"] == "done"
    assert record["kind"] == ("test" if "test=true" in line or "-cn test_render" in line else "train")
    asserted = re.search(r"task=(\w+)", line)
    if asserted is not None:
        assert record["task"] == asserted[1]
    if re.search(r"(?<!test=true )checkpoint=runs/BaseTask", line) and record["kind"] == "train":
        assert record["parent"] == "a_base_run"
        assert record["iterations"] == 3


def test_the_guide_is_whole():
    assert len(LINES) >= 45
    assert len(STORIES) == 5


def test_a_list_of_the_archive_names_every_run(project):
    done = project.shell("ls runs_all/ | grep a_box")
    assert done.stdout == "a_box_run\n"


def test_tensorboard_lists_every_run_of_the_window(project):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["bash", "-c", f"exec tensorboard --logdir runs/ --host 127.0.0.1 --port {port}"],
        cwd=project.path,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    shown = {path.name for path in (project.path / "runs").iterdir() if any(path.glob("events.out.*"))}
    assert "latest_train" in shown and len(shown) > 1

    def listed():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/runs", timeout=5) as answer:
                runs = set(json.load(answer))
        except urllib.error.URLError:
            return False
        return shown <= runs  # by their names, without a folder behind

    try:
        wait_until(listed, f"all of {shown} in TensorBoard", timeout=60)
    finally:
        process.terminate()
        process.wait(timeout=30)
