"""What the environment tells of a SLURM job, and which rank one of its tasks is."""

from __future__ import annotations

import os
import signal

import pytest

from rlkit.runtime.process.slurm import adopt_tasks, job_facts, job_name, was_requeued
from rlkit.runtime.process.stopping import StopRequest

# As SLURM 22.05 sets it for the second of four tasks on two nodes.
STEP = {
    "SLURM_JOB_ID": "31007",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.5",
}


def test_a_job_is_called_the_same_after_it_was_requeued():
    assert job_name({}) is None
    assert job_name({"SLURM_JOB_ID": "7"}) == "7"
    array = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    assert job_name(array) == "7_2"
    assert not was_requeued(array)
    assert was_requeued({**array, "SLURM_RESTART_COUNT": "1"})
    assert not was_requeued({"SLURM_RESTART_COUNT": "1"})


def test_the_log_is_what_the_controller_says(tmp_path, monkeypatch):
    (tmp_path / "scontrol").write_text(
        '#!/bin/sh\nprintf "   StdIn=/dev/null\\n   StdOut=/logs/a b-$3.log\\n"\n'
    )
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    env = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_RESTART_COUNT": "3"}
    assert job_facts(env) == {"job": "7", "nodes": "n[1-2]", "restarts": 3, "log": "/logs/a b-7.log"}
    assert job_facts({}) == {}
    (tmp_path / "scontrol").unlink()
    assert job_facts({"SLURM_JOB_ID": "7"}) == {"job": "7", "restarts": 0}


def test_tasks_of_a_step_are_ranks():
    env = dict(STEP)
    adopt_tasks(env)
    place = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    assert [env[name] for name in place] == ["3", "4", "1", "2", "10.0.0.5", str(15000 + 31007 % 15000)]


@pytest.mark.parametrize(
    ("per_node", "node", "here"), [("3,1", "1", "1"), ("2(x3),1", "2", "2"), ("4", "0", "4")]
)
def test_nodes_may_have_different_numbers_of_tasks(per_node, node, here):
    env = {**STEP, "SLURM_STEP_TASKS_PER_NODE": per_node, "SLURM_NODEID": node}
    adopt_tasks(env)
    assert env["LOCAL_WORLD_SIZE"] == here


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"SLURM_JOB_ID": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"},  # the job's script itself
        {**STEP, "SLURM_STEP_NUM_TASKS": "1"},
        {**STEP, "RANK": "5", "WORLD_SIZE": "8"},  # torchrun, started by srun
    ],
)
def test_elsewhere_nothing_is_written(env):
    before = dict(env)
    adopt_tasks(env)
    assert env == before


def test_an_address_that_is_set_stays():
    env = {**STEP, "MASTER_ADDR": "head", "MASTER_PORT": "5000"}
    adopt_tasks(env)
    assert (env["MASTER_ADDR"], env["MASTER_PORT"]) == ("head", "5000")


def test_what_slurm_tells_twice_asks_once(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (stop.asked, stop.signal) == (True, signal.SIGUSR1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
