"""However a run ends, what it had is kept, and the next command is printed and works."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys

import pytest
import torch
from project import wait_until

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=4", "train.units=[8]", "logging.logInterval=1", "maxIter=100000")


def begun(project, *words, iterations=2):
    """A training in the background that has done some iterations: `(process, name)`."""
    process = project.start(*SMALL, *words)

    def name():
        assert process.poll() is None, process.communicate()
        for path in project.path.glob("runs_all/*/metrics.jsonl"):
            record = project.record(path.parent.name)
            if record["state"] == "running" and len(path.read_text().splitlines()) >= iterations:
                return path.parent.name
        return None

    return process, wait_until(name, f"{iterations} iterations")


def last_iteration(project, name):
    path = project.run(name) / "nn" / "checkpoint_last.pth"
    return torch.load(path, weights_only=True)["iteration"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_with_everything_saved(project, number, status):
    process, name = begun(project)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (status, "")
    assert project.record(name)["state"] == "interrupted"
    told = re.search(r"interrupted after iteration (\d+); everything is saved", stdout)
    assert told is not None, stdout
    done = int(told[1])
    rows = (project.run(name) / "metrics.jsonl").read_text().splitlines()
    assert last_iteration(project, name) == done == len(rows) == project.record(name)["iterations"]

    (command,) = re.findall(r"^  resume +(\S.*)$", stdout, re.MULTILINE)
    again = project.shell(f"{command} maxIter={done + 1}")
    assert again.returncode == 0, again.stderr
    assert f"resuming at iteration {done}, exactly where it was saved" in again.stdout


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_start_ends_it_in_one_line(project, number, status):
    process = project.start(*SMALL, python=[sys.executable])  # torch takes the most of a start
    wait_until(lambda: project.names(), "a run folder")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    (name,) = project.names()
    assert process.returncode == status
    assert stderr in ("interrupted\n", "")  # the start may have been over by a hair
    assert project.record(name)["state"] == "interrupted"


def test_after_kill_9_the_run_goes_on_from_its_last_checkpoint(project):
    words = ("training.checkpointInterval=1", "training.resume=auto")
    process, name = begun(project, *words, iterations=3)
    os.kill(project.record(name)["pid"], signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert project.listed()[name]["state"] == "interrupted"
    assert project.record(name)["state"] in ("interrupted", "running")
    saved = last_iteration(project, name)
    assert saved >= 1

    done = project.train(f"checkpoint={name}", f"maxIter={saved + 1}", "training.resume=null")
    assert done.returncode == 0, done.stderr
    assert f"resuming at iteration {saved}, exactly where it was saved" in done.stdout
    assert project.record(project.names()[-1])["parent"] == name

    # The very same command again goes on in the same folder.
    before = project.names()
    process, again = begun(project, *words, iterations=saved + 2)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=60)
    assert again == name
    assert project.names() == before
    assert f"continuing {name} from checkpoint_last.pth" in stdout
    rows = [
        json.loads(line)["iteration"]
        for line in (project.run(name) / "metrics.jsonl").read_text().splitlines()
    ]
    assert rows == list(range(1, len(rows) + 1))


NAN_TASK = '''
"""A task whose reward is broken from the eighth step on."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.tasks.api import reward
from rlkit.tasks.base_task import BaseTask


class NanTask(BaseTask):
    """BaseTask with one reward term more."""

    @reward
    def broken(self) -> Tensor:
        """Zero, then the square root of something negative."""
        return torch.sqrt(7.0 - self.episode_step.float()).clamp(max=0.0)
'''


def test_a_reward_that_is_not_finite_is_named_and_the_last_good_checkpoint_kept(project):
    (project.path / "rlkit" / "tasks" / "nan_task.py").write_text(NAN_TASK)
    (project.path / "conf" / "task" / "NanTask.yaml").write_text(
        "# @package _global_\ndefaults: [BaseTask, _self_]\n"
        "task: {name: NanTask, rewardWeights: {broken: 1.0}}\n"
    )
    shutil.copy(project.path / "conf/train/BaseTaskPPO.yaml", project.path / "conf/train/NanTaskPPO.yaml")
    done = project.train(
        "task=NanTask",
        "numEnvs=1",
        "train.units=[8]",
        "train.horizon_length=4",
        "training.checkpointInterval=1",
    )
    assert done.returncode == 1
    (name,) = project.names()
    told = "error: task NanTask: the reward term broken is nan in env 0, in step 8"
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    record = project.record(name)
    assert record["state"] == "failed"
    assert "the reward term broken is nan" in record["reason"]
    assert (project.run(name) / "failure_dump.npz").exists()
    assert last_iteration(project, name) == 1

    (command,) = re.findall(r"^  resume +(\S.*)$", done.stdout, re.MULTILINE)
    again = project.shell(f"{command} maxIter=2 task.rewardWeights.broken=0.0")
    assert again.returncode == 0, again.stdout
    # Without the broken term there is one term less to sum up over an episode.
    assert "resuming at iteration 1; episodes start anew: the saved term_returns has shape" in again.stdout


def test_a_learner_that_diverges_is_named(project):
    done = project.train("numEnvs=4", "task.rewardWeights.alive=1e38", "maxIter=3")
    assert done.returncode == 1
    assert re.search(
        r"error: PPO diverged in iteration 1: NaN or Inf in losses/\w+", done.stdout + done.stderr
    )
    assert project.record(project.names()[0])["state"] == "failed"


def test_a_failing_disk_is_told(project):
    # A file where the archive belongs is what a full or read-only disk looks like to the first write.
    (project.path / "runs_all").write_text("")
    done = project.train(*SMALL)
    assert done.returncode == 1
    assert "runs_all" in done.stderr
    assert "Traceback" not in done.stderr


def test_folders_that_vanish_under_a_training_and_a_test_are_told_in_one_line(project):
    """The training's is moved away, that of the test which follows it deleted."""
    training, name = begun(project, "training.checkpointInterval=1", "logging.experimentName=moved")
    following = project.start(
        "test=true", f"checkpoint={name}", "testing.reloadInterval=0.1", "logging.experimentName=deleted"
    )
    wait_until(lambda: (project.run("deleted") / "episodes.csv").exists(), "a first result")
    project.run(name).rename(project.path / "elsewhere")
    project.run("deleted").rename(project.path / "deleted")  # at once: what is being written lands in neither
    shutil.rmtree(project.path / "deleted")
    for process, folder in ((training, project.run(name)), (following, project.run("deleted"))):
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (1, "")
        told = [line for line in stdout.splitlines() if line.startswith(("error", "warning"))]
        # The test may have been about to open a checkpoint of the training that moved: it says so, and plays on.
        (line,) = [line for line in told if not line.startswith("warning: passed over, iteration")]
        assert re.match(f"error: could not (write|make the folder) {folder}/", line)
        assert "resume" not in stdout.partition(line)[2]
        assert line.endswith("the folder is gone; was it moved or deleted while the run was under way?")
        assert not folder.exists()
    assert last_iteration(project, "../elsewhere") >= 2
