"""Several ranks train one policy into one run folder, and one of them talks."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest
import torch
from project import wait_until

pytestmark = pytest.mark.journey

SMALL = "numEnvs=4 train.units=[8] training.seed=-1"


def test_two_ranks_make_one_run_and_one_of_them_talks(project):
    done = project.shell(f"torchrun --nproc_per_node=2 train.py {SMALL} maxIter=2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("BaseTask: train") == 1
    assert done.stdout.count("done: 2 iterations") == 1
    (name,) = project.names()
    assert project.record(name)["state"] == "done"
    saved = torch.load(project.run(name) / "nn" / "checkpoint_last.pth", weights_only=True)
    assert saved["env_steps"] == 2 * 2 * 4 * 32  # iterations, ranks, envs, steps
    # A seed of -1 is drawn on each rank: rank 0's counts, and is the one on record.
    assert saved["seed"] == project.record(name)["seed"]

    done = project.shell(f"torchrun --nproc_per_node=2 train.py checkpoint={name} maxIter=3")
    assert done.returncode == 0, done.stderr
    assert "resuming at iteration 2; episodes start anew: with several ranks" in done.stdout


def test_ranks_go_on_together_after_a_signal(project):
    line = f"exec torchrun --nproc_per_node=2 train.py {SMALL} training.seed=1 training.resume=auto maxIter=100000"
    name = _interrupted(project, f"{line} logging.logInterval=1", iterations=2)
    done = project.record(name)["iterations"]
    again = _interrupted(project, f"{line} logging.logInterval=1", iterations=done + 1)
    assert again == name
    log = (project.run(name) / "train.log").read_text()
    assert f"resuming at iteration {done}; episodes start anew" in log


def _interrupted(project, line, iterations):
    """Run until there are so many lines of metrics, then send SIGTERM to the launcher; returns the run's name."""
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=project.path,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def trained():
        assert process.poll() is None, process.communicate()[0]
        files = list(project.path.glob("runs_all/*/metrics.jsonl"))
        return files and len(files[0].read_text().splitlines()) >= iterations

    wait_until(trained, f"{iterations} iterations")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    (name,) = project.names()
    assert project.record(name)["state"] == "interrupted", output
    assert re.search(r"interrupted after iteration \d+; everything is saved", output)
    return name


def test_a_student_of_two_ranks_learns_of_one_teacher(trained_project):
    words = "train=Distill train.teacher=trained logging.experimentName=student numEnvs=4 train.units=[8]"
    done = trained_project.shell(f"torchrun --nproc_per_node=2 train.py {words} maxIter=2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done: 2 iterations") == 1
    saved = torch.load(trained_project.run("student") / "nn" / "checkpoint_last.pth", weights_only=True)
    steps = saved["env_steps"]
    assert steps % (2 * 2 * 4) == 0  # iterations, ranks, envs
    assert saved["learner"]["student"]["norms.policy.count"].item() == steps


def test_wrong_requests_and_tests_are_refused_once(trained_project):
    before = trained_project.names()
    for words, message in (
        ("test=true checkpoint=trained", "error: training.test=true: a test runs in one process"),
        ("numEnv=4", "error: numEnv"),
    ):
        done = trained_project.shell(f"torchrun --nproc_per_node=2 train.py {words}")
        assert done.returncode != 0
        assert done.stderr.count(message) == 1, done.stderr
    assert trained_project.names() == before
