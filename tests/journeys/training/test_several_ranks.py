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
    # Its ranks are new interpreters, as users have them; those of the other tests have torch imported already.
    done = project.shell(f"env -u PYTHON_EXEC torchrun --nproc_per_node=2 train.py {SMALL} maxIter=2")
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


FAST_TD3 = (
    "train=BaseTaskFastTD3 numEnvs=4 train.horizon_length=8 train.learning_starts=8 train.batch_size=32"
    " train.actor_units=[8] train.critic_units=[8] train.save_buffer=true training.seed=3"
)


def test_fast_td3_trains_with_any_number_of_ranks_and_goes_on_with_another(project):
    launch = "python -m torch.distributed.launch --nproc_per_node=2 train.py"
    done = project.shell(f"{launch} {FAST_TD3} training.evalInterval=0 maxIter=2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done: 2 iterations") == 1
    assert "4 envs on each of 2 ranks, 8 in all" in done.stdout
    assert "32 samples on each of 2 ranks, 64 in all" in done.stdout
    steps = 2 * 2 * 4 * 8  # iterations, ranks, envs, steps
    (name,) = project.names()
    check_fast_td3(project, name, steps)

    done = project.train(f"checkpoint={name}", "maxIter=3")
    assert done.returncode == 0, done.stderr
    assert (
        "episodes start anew: with several ranks only the learner's state is saved (saved by 2, now 1)"
        in (done.stdout)
    )
    name = project.names()[-1]
    check_fast_td3(project, name, steps + 4 * 8)

    done = project.shell(f"torchrun --nproc_per_node=3 train.py checkpoint={name} maxIter=4")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(saved by 1, now 3)") == 1
    check_fast_td3(project, project.names()[-1], steps + 4 * 8 + 3 * 4 * 8)


def check_fast_td3(project, name, steps):
    saved = torch.load(project.run(name) / "nn" / "checkpoint_last.pth", weights_only=True)
    assert saved["env_steps"] == steps
    assert saved["learner"]["policy_norm"]["count"].item() == steps
    assert saved["learner"]["replay"]["stored"] > 0
    assert project.record(name)["state"] == "done"


DYING = """
import os
import signal
import sys

from rlkit.app import main
from rlkit.learners.fast_td3.learner import FastTD3

learn = FastTD3.learn


def dying(learner):
    if learner.step == 20 and os.environ["RANK"] == "1":
        if sys.argv[1] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ZeroDivisionError("a bug on one rank")
    learn(learner)


FastTD3.learn = dying
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("how", "said", "reason"),
    [
        ("bug", "ZeroDivisionError: a bug on one rank", "failed: ZeroDivisionError: a bug on one rank"),
        ("killed", "error: another rank ended without a word", "another rank ended without a word"),
    ],
)
def test_a_rank_that_dies_ends_the_job_and_is_told_of_once(project, how, said, reason):
    (project.path / "dying.py").write_text(DYING)
    words = f"{how} {FAST_TD3} training.evalInterval=0 maxIter=100000"
    done = project.shell(f"torchrun --nproc_per_node=2 dying.py {words}", timeout=100.0)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert told.count(said) == 1 and told.count(", in dying") == (1 if how == "bug" else 0), told
    assert "Connection closed" not in told and "interrupted" not in told
    assert re.search(r"Root Cause.*\n.*\n.*\n.*\n\s+rank\s+: 1 ", told), told
    (name,) = project.names()
    record = project.record(name)
    assert record["state"] == "failed" and reason in record["reason"], record


SLOW = """
import sys
import time
from datetime import timedelta

from torch.distributed.distributed_c10d import _set_pg_timeout

from rlkit.app import main
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.training.train import Training

loop, metrics, pauses = Training.loop, Evaluation.metrics, [12.0]


def impatient(training, console):
    _set_pg_timeout(timedelta(seconds=8), None)  # of the group in which ranks learn
    return loop(training, console)


def slow(evaluation, *args, **settings):
    if pauses:
        time.sleep(pauses.pop())
    return metrics(evaluation, *args, **settings)


Training.loop, Evaluation.metrics = impatient, slow
sys.exit(main())
"""


@pytest.mark.parametrize("train", ["train=BaseTaskPPO numEnvs=4 train.units=[8]", FAST_TD3])
def test_an_evaluation_may_take_longer_than_ranks_wait_for_one_that_learns(project, train):
    (project.path / "slow.py").write_text(SLOW)
    words = f"{train} training.evalInterval=1 training.evalEnvs=1 task.episodeLength=5 maxIter=2"
    done = project.shell(f"torchrun --nproc_per_node=2 slow.py {words}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "done: 2 iterations" in done.stdout


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
