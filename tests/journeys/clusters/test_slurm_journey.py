"""Trainings on a real SLURM: arrays, preemptions in the same run folder, ranks on two nodes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Iterator

import pytest
import torch
from project import Project, wait_until
from slurm.cluster import Cluster

pytestmark = pytest.mark.journey

CPU = "hydra/launcher=slurm_cpu hydra.launcher.cpus_per_task=1"
SMALL = "task=ReachOrigin numEnvs=4 train.units=[8] logging.logInterval=1 device=cpu"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.stop()


def typed(project: Project, cluster: Cluster, line: str):
    """A line as it is typed where this cluster is."""
    prefix = " ".join(f"{name}={shlex.quote(value)}" for name, value in cluster.environment.items())
    return project.shell(f"export {prefix}; {line}")


def rows(project: Project, name: str) -> list[int]:
    file = project.run(name) / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line)["iteration"] for line in lines]


def train_on(project: Project, name: str, start: int) -> None:
    """Wait for some iterations of a start, counted from 1."""
    wait_until(lambda: len(project.record(name)["starts"]) == start, f"start {start}")
    before = len(rows(project, name))
    wait_until(lambda: len(rows(project, name)) > before + 3, "more iterations")


def test_an_array_of_two_seeds_ends_done_and_its_logs_are_found(project, cluster):
    line = f"python train.py -m {CPU} hydra.launcher.wait=true seed=1,2 {SMALL} maxIter=2"
    done = typed(project, cluster, line)
    assert done.returncode == 0, done.stdout + done.stderr
    job = re.search(r"submitted an array of 2 jobs: (\d+)\n", done.stdout)
    assert job is not None, done.stdout
    records = [project.record(name) for name in project.names()]
    assert [(record["state"], record["iterations"]) for record in records] == [("done", 2)] * 2
    assert sorted(record["seed"] for record in records) == [1, 2]
    assert sorted(record["starts"][0]["job"] for record in records) == [f"{job[1]}_0", f"{job[1]}_1"]
    for record in records:
        log = record["starts"][0]["log"]
        shown = project.shell(f"rlkit runs show {record['name']}")
        assert log in shown.stdout, shown.stdout
        assert "done: 2 iterations" in Path(log).read_text()
    # It is a sweep as any other, of which nothing is left.
    shown = project.shell("rlkit sweep latest")
    assert re.search(r"sweep ReachOrigin_sweep_\d+_\d+: 2 done", shown.stdout), shown.stdout
    assert [record["sweep"]["job"] for record in sorted(records, key=lambda r: r["seed"])] == [0, 1]
    more = typed(project, cluster, "python train.py -m sweep=latest")
    assert more.returncode == 2 and "nothing is left to submit" in more.stderr, more.stderr
    # Submitted once more by hand, nothing is done twice.
    (script,) = project.path.glob("runs_all/slurm_jobs/*.sh")
    again = typed(project, cluster, f"sbatch --wait {script}")
    assert (again.returncode, len(project.names())) == (0, 2)


def test_a_preempted_job_goes_on_in_the_same_folder_with_nothing_lost_or_doubled(project, cluster):
    line = f"python train.py {CPU} {SMALL} maxIter=1000000"
    done = typed(project, cluster, line)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = re.findall(r"submitted 1 job: (\d+)\n", done.stdout)
    name = wait_until(lambda: project.names() and project.names()[0], "a run folder")
    stops = (
        ("scancel", "--signal=USR1", "-b", job),  # the time is nearly over
        ("scontrol", "requeue", job),  # as a job of more worth does
    )
    for number, stop in enumerate(stops, start=1):
        train_on(project, name, start=number)
        cluster.ask(*stop)
        cluster.requeued_at_once(job)
    train_on(project, name, start=3)
    cluster.ask("scancel", job)
    cluster.wait_for(job, "CANCELLED")
    wait_until(lambda: project.record(name)["state"] == "interrupted", "the end of the run")

    assert project.names() == [name]
    found = rows(project, name)
    assert found == list(range(1, len(found) + 1))
    saved = torch.load(project.run(name) / "nn" / "checkpoint_last.pth", weights_only=True)
    assert saved["iteration"] == len(found)
    starts = project.record(name)["starts"]
    assert [start["job"] for start in starts] == [job] * 3
    assert [start["restarts"] for start in starts] == [0, 1, 2]
    log = (project.run(name) / "train.log").read_text()
    for start in starts[1:]:  # a stop that was announced loses no iteration
        assert f"resuming at iteration {start['iteration']}, exactly where it was saved" in log
    told = re.findall(r"interrupted after iteration (\d+); everything is saved", log)
    assert [int(number) for number in told[:2]] == [start["iteration"] for start in starts[1:]]


def test_ranks_on_two_nodes_train_one_policy_and_go_on_together(project, cluster):
    nodes = "hydra/launcher=slurm_nodes hydra.launcher.gpus_per_node=0 hydra.launcher.cpus_per_task=1"
    done = typed(project, cluster, f"python train.py {nodes} {SMALL} maxIter=1000000")
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = re.findall(r"submitted 1 job: (\d+)\n", done.stdout)
    name = wait_until(lambda: project.names() and project.names()[0], "a run folder")
    train_on(project, name, start=1)
    cluster.ask("scancel", "--signal=USR1", "-b", job)
    cluster.requeued_at_once(job)
    train_on(project, name, start=2)
    cluster.ask("scancel", job)
    cluster.wait_for(job, "CANCELLED")
    wait_until(lambda: project.record(name)["state"] == "interrupted", "the end of the run")

    assert project.names() == [name]
    found = rows(project, name)
    assert found == list(range(1, len(found) + 1))
    assert [start["nodes"] for start in project.record(name)["starts"]] == ["n[1-2]"] * 2
    saved = torch.load(project.run(name) / "nn" / "checkpoint_last.pth", weights_only=True)
    assert saved["env_steps"] == len(found) * 2 * 4 * 32  # iterations, ranks, envs, steps


@pytest.mark.parametrize("preset", ["slurm", "slurm_cpu", "slurm_gpus", "slurm_nodes"])
def test_sbatch_takes_the_script_of_every_preset(project, cluster, preset):
    """With what these nodes have of cores, a GPU each, and everything that may be set."""
    fit = "cpus_per_task=1 gpus_per_node=1" if preset != "slurm_cpu" else "cpus_per_task=1"
    more = (
        "partition=debug time=1:00 mem=100 array_parallelism=1 qos=null sbatch=[--exclusive] setup=[hostname]"
    )
    settings = " ".join(f"hydra.launcher.{word}" for word in f"{fit} {more}".split())
    line = f"rlkit slurm hydra/launcher={preset} {settings} {SMALL} -m seed=1,2 | sbatch --test-only"
    done = typed(project, cluster, line)
    assert done.returncode == 0, done.stdout + done.stderr
    nodes = "n[1-2]" if preset == "slurm_nodes" else "n1"
    assert f"on nodes {nodes} in partition debug" in done.stderr


def test_what_the_cluster_refuses_leaves_nothing(project, cluster):
    line = f"python train.py -m {CPU} hydra.launcher.partition=nowhere {SMALL}"
    done = typed(project, cluster, line)
    assert done.returncode == 2
    assert "invalid partition specified: nowhere" in done.stderr
    assert not list(project.path.glob("runs_all/slurm_jobs/*"))
