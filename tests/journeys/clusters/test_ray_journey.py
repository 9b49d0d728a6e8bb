"""A sweep on a local Ray, in an environment that has it: RLKIT_REQUIRE=ray."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml
from needs import require_ray
from project import Project

pytestmark = [pytest.mark.journey, pytest.mark.slow]

JOB = ("task=Gym", "env.id=Pendulum-v1", "numEnvs=2", "maxIter=2", "train.units=[8]", "train.horizon_length=200",
       "train.lr_schedule=constant", "logging.logInterval=1", "device=cpu", "experiment.saveGitDiff=false")  # fmt: skip


def typed(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    process = project.start(*words)
    out, err = process.communicate(timeout=400.0)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def jobs(project: Project) -> list[dict]:
    (path,) = project.path.glob("runs_all/*_sweep_*/sweep.json")
    return json.loads(path.read_text())["jobs"]


@pytest.mark.timeout(900)
def test_jobs_are_checked_a_failed_one_is_told_and_the_sweep_is_gone_on_with(project, monkeypatch):
    require_ray()
    monkeypatch.setenv(
        "RAY_worker_niceness", "0"
    )  # Ray's workers are nice otherwise, to all that runs beside
    monkeypatch.setenv("RAY_ADDRESS", "local")  # not one that somebody has started
    ray = ("-m", "hydra/launcher=ray", *JOB)
    refused = typed(project, *ray, "train.gamma=0.9,2")
    assert refused.returncode == 2 and "train.gamma" in refused.stderr
    assert not (project.path / "runs_all").exists()

    done = typed(project, *ray, "train.reward_scale=0.1,1e38")
    assert done.returncode == 1, done.stdout + done.stderr
    first = jobs(project)
    assert [job["state"] for job in first] == ["done", "failed"]
    assert "1 of 2 jobs are not done" in done.stdout
    for number, job in enumerate(first):
        record = project.record(job["run"])
        assert record["sweep"]["job"] == number
        assert "train.py task=Gym" in record["command"] and "train.reward_scale" in record["command"]
        settings = yaml.safe_load((project.run(job["run"]) / "config.yaml").read_text())
        assert settings["sim"]["numThreads"] == 1  # a job's share, as Ray counts it

    again = typed(project, "-m", "sweep=latest")
    assert again.returncode == 1, again.stdout + again.stderr
    assert [job["state"] for job in jobs(project)] == ["done", "failed"]
    assert jobs(project)[0] == first[0] and len(project.record(first[0]["run"])["starts"]) == 1
    assert jobs(project)[1]["run"] != first[1]["run"]  # tried again
