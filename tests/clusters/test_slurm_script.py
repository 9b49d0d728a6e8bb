"""What the script for sbatch says, and what it does at a signal: run by bash, with a stand-in for the training."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from project import wait_until

from rlkit.clusters.script import script_of
from rlkit.clusters.settings import SlurmSettings, read_settings
from rlkit.config import ConfigError

PLAIN = SlurmSettings(
    partition=None,
    account=None,
    qos=None,
    constraint=None,
    time=None,
    nodes=1,
    gpus_per_node=1,
    ntasks_per_node=None,
    cpus_per_task=None,
    mem=None,
    array_parallelism=None,
    signal_delay=120,
    sbatch=(),
    setup=(),
    python=None,
    wait=False,
)


def options(settings=PLAIN, jobs=((),), folder=Path("/home/me")):
    text = script_of(settings, "Reach", jobs, folder, folder / "logs")
    return [line[len("#SBATCH ") :] for line in text.splitlines() if line.startswith("#SBATCH")]


def test_what_is_null_is_left_to_the_cluster():
    assert options() == [
        "--job-name=Reach",
        "--output=/home/me/logs/%x-%j.log",
        "--open-mode=append",
        "--nodes=1",
        "--ntasks-per-node=1",
        "--gres=gpu:1",
        "--signal=B:USR1@120",
        "--requeue",
        "--chdir=/home/me",
    ]


def test_every_setting_is_an_option_of_sbatch():
    asked = replace(
        PLAIN,
        partition="gpu",
        account="robots",
        qos="low",
        constraint="a100|h100",
        time="4:00:00",
        nodes=2,
        gpus_per_node="a100:4",
        cpus_per_task=8,
        mem="64G",
        array_parallelism=5,
        signal_delay=300,
        sbatch=("--exclude=n7",),
    )
    found = options(asked, jobs=[["seed=1"], ["seed=2"], ["seed=3"]], folder=Path("/a b"))
    for option in (
        "--partition=gpu", "--account=robots", "--qos=low", "--constraint=a100|h100", "--time=4:00:00", "--nodes=2",
        "--ntasks-per-node=4", "--cpus-per-task=8", "--gres=gpu:a100:4", "--mem=64G", "--signal=B:USR1@300",
        "--array=0-2%5", "--exclude=n7", '--output="/a b/logs/%x-%A_%a.log"', '--chdir="/a b"',
    ):  # fmt: skip
        assert option in found


def test_without_gpus_none_is_asked_for_and_there_is_one_rank():
    asked = replace(PLAIN, gpus_per_node=0)
    assert not [option for option in options(asked) if "gpu" in option]
    assert (asked.tasks, asked.ranks) == (1, 1)
    assert replace(PLAIN, nodes=2, gpus_per_node="a100:4").ranks == 8
    assert replace(PLAIN, nodes=2, gpus_per_node=4, ntasks_per_node=1).ranks == 2


def test_one_rank_is_started_plainly_and_several_by_srun():
    def started(settings):
        (line,) = [line for line in _lines(settings) if line.endswith('"$@" &')]
        return line

    here = f"{shlex.quote(sys.executable)} -m rlkit train"
    assert started(PLAIN) == f'{here} "$@" &'
    several = replace(PLAIN, nodes=2, cpus_per_task=8, python="apptainer exec my.sif python")
    assert started(several) == (
        'srun --kill-on-bad-exit=1 --cpus-per-task=8 apptainer exec my.sif python -m rlkit train "$@" &'
    )


def _lines(settings):
    return script_of(settings, "Reach", [["task=Reach"]], Path("/w"), Path("/w")).splitlines()


def test_wrong_settings_are_all_said_at_once():
    given = {**vars(PLAIN), "scheduler": "slurm", "sbatch": [], "setup": []}
    assert read_settings(given) == PLAIN
    with pytest.raises(ConfigError) as refused:
        read_settings({**given, "nodes": 0, "partion": "gpu", "python": "a\n#SBATCH --x", "sbatch": ["a\nb"]})
    messages = "\n".join(refused.value.messages)
    assert "hydra.launcher.nodes: needs int >= 1, got 0" in messages
    assert "hydra.launcher.partion: there is no such setting; did you mean partition?" in messages
    assert "hydra.launcher.python: must be one line" in messages
    assert "hydra.launcher.sbatch: must be one line" in messages


# A training: notes its words, and at a signal saves for a moment and ends with 128 + it.
STAND_IN = """
import os, signal, sys, time
def save(number, frame):
    time.sleep(0.3)
    open("said", "a").write(f"saved {number}\\n")
    sys.exit(128 + number)
for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, save)
open("said", "a").write(repr(sys.argv[1:]) + "\\n")
time.sleep(0 if sys.argv[-1] == "quick" else 60)
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Starts a script in bash, where `scontrol` writes its words into `asked`."""
    (tmp_path / "scontrol").write_text('#!/bin/sh\necho "$@" >> asked\n')
    (tmp_path / "scontrol").chmod(0o755)
    (tmp_path / "training.py").write_text(STAND_IN)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def start(*jobs, number=""):
        settings = replace(PLAIN, python=f"{sys.executable} training.py", setup=("export LEARNING=yes",))
        text = script_of(settings, "Reach", jobs, tmp_path, tmp_path)
        (tmp_path / "job.sh").write_text(text)
        environment = {**os.environ, "SLURM_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": number}
        return subprocess.Popen(["bash", "job.sh"], cwd=tmp_path, env=environment)

    return start


def said(tmp_path, file="said"):
    path = tmp_path / file
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize(
    ("number", "status", "asked"),
    [(signal.SIGUSR1, 138, ["requeue 12"]), (signal.SIGTERM, 143, [])],
)
def test_at_a_signal_it_waits_for_the_training_and_requeues_where_the_time_is_over(
    job, tmp_path, number, status, asked
):
    process = job(["task=Reach"])
    wait_until(lambda: said(tmp_path), "the training's start")
    process.send_signal(number)
    assert process.wait(timeout=30) == status
    assert said(tmp_path)[1:] == [f"saved {int(number)}"]
    assert said(tmp_path, "asked") == asked


def test_each_job_of_an_array_has_its_words_as_they_were_typed(job, tmp_path):
    words = (["a='x y'", "b=$HOME", "quick"], ["seed=2", "quick"])
    assert job(*words, number="0").wait(timeout=30) == 0
    assert job(*words, number="1").wait(timeout=30) == 0
    expected = [repr(["-m", "rlkit", "train", *each]) for each in words]
    assert said(tmp_path) == expected
    assert said(tmp_path, "asked") == []
