"""Whoever reads along may leave, and disks may fill up: the run goes on, and train.log has what it can hold."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import threading

import pytest
from project import wait_until

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=4", "train.units=[8]", "train.horizon_length=8", "logging.logInterval=1")


def start(project, *words, before=(), **streams):
    return subprocess.Popen(
        [*before, sys.executable, "train.py", *SMALL, *words],
        cwd=project.path,
        env=project.environment,
        **streams,
    )


def log_of(project, name):
    path = project.run(name) / "train.log"
    return path.read_text() if path.exists() else ""


def count(project, name):
    """Progress lines in train.log."""
    return log_of(project, name).count(" steps  ")


def read_until(descriptor, over):
    """Read a terminal, as whoever sits there, until something has come over."""
    while not over():
        if select.select([descriptor], [], [], 0.05)[0]:
            os.read(descriptor, 65536)


def test_a_reader_that_leaves_after_one_line_and_a_full_log(project):
    """The pipe breaks in the summary, before anything boots; stderr is on a full disk."""
    line = f"python train.py {' '.join(SMALL)} maxIter=3 logging.experimentName=headed"
    done = project.shell(f"({line} 2>/dev/full; echo status $? >&2) | head -1")
    assert done.stdout.count("\n") == 1
    assert done.stderr == "status 0\n"
    assert project.record("headed")["state"] == "done"
    log = log_of(project, "headed")
    assert "stdout takes no more (Broken pipe); train.log goes on" in log
    assert "done: 3 iterations" in log

    tested = project.shell(
        "(python train.py test=true checkpoint=headed numEnvs=2; echo status $? >&2) | true"
    )
    assert tested.stderr == "status 0\n"
    (test,) = project.names("test")
    assert (project.run(test) / "metrics.json").exists()


def test_a_log_on_a_full_disk_and_streams_that_were_closed_before(project):
    line = f"python train.py {' '.join(SMALL)} maxIter=2"
    full = project.shell(f"{line} logging.experimentName=full > /dev/full; echo $?")
    assert (full.stdout, full.stderr) == ("0\n", "")
    assert "stdout takes no more (No space left on device)" in log_of(project, "full")
    closed = project.shell(f"{line} logging.experimentName=closed >&- 2>&- <&-; echo $?")
    assert closed.stdout == "0\n"
    assert "done: 2 iterations" in log_of(project, "closed")
    config = (project.run("closed") / "config.yaml").read_text()
    assert config.startswith("sim:")  # nothing that was printed went into a file of the run


IGNORING = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
# A session's own terminal; who started the tests with nohup ignores its closing, which the training must not.
ON_ITS_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize(("ignored", "status"), [(False, 128 + signal.SIGHUP), (True, 0)])
def test_a_terminal_that_closes(project, ignored, status):
    """Its closing is a SIGHUP, which saves and ends; where that is ignored the training goes on without it."""
    name = "kept_on" if ignored else "hung_up"
    mine, theirs = pty.openpty()
    process = start(
        project,
        "maxIter=30" if ignored else "maxIter=100000",
        f"logging.experimentName={name}",
        before=(sys.executable, "-c", ON_ITS_TERMINAL, *(IGNORING if ignored else ())),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    reader = threading.Thread(target=read_until, args=(mine, lambda: count(project, name) >= 3))
    reader.start()
    wait_until(lambda: not reader.is_alive(), f"{name} training", timeout=120.0)
    os.close(mine)
    assert process.wait(120) == status
    assert project.record(name)["state"] == ("done" if ignored else "interrupted")
    assert "takes no more (Input/output error)" in log_of(project, name)
    assert count(project, name) == project.record(name)["iterations"]  # train.log has every line
    assert (project.run(name) / "nn" / "checkpoint_last.pth").exists()


LOUD = """
import gymnasium
from gymnasium.envs.classic_control import PendulumEnv

class Loud(PendulumEnv):
    def step(self, action):
        print("so this is what a step is like", flush=True)
        return super().step(action)

gymnasium.register("Loud-v0", entry_point=Loud, max_episode_steps=20)
"""


def test_a_loud_environment_without_a_reader_and_the_warning_of_a_batch_system(project):
    """Both reach the processes that step the environments too; SIGUSR1, sent to the whole job, saves and ends."""
    (project.path / "loud.py").write_text(LOUD)
    process = start(
        project,
        "task=Gym",
        "env.id=loud:Loud-v0",
        "env.vectorization=async",
        "maxIter=100000",
        "logging.experimentName=warned",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: count(project, "warned") >= 2, "warned training", timeout=120.0)
    assert process.stdout is not None
    process.stdout.close()
    more = count(project, "warned") + 5
    wait_until(lambda: count(project, "warned") >= more, "training without a reader", timeout=120.0)
    os.killpg(process.pid, signal.SIGUSR1)
    _, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (128 + signal.SIGUSR1, "")
    log = log_of(project, "warned")
    assert "stdout takes no more (Broken pipe)" in log and "everything is saved" in log
    assert project.record("warned")["state"] == "interrupted"
