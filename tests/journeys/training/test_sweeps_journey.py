"""Sweeps as a user types them: jobs that fail, are killed, are gone on with; two at a time; a search with Optuna."""

from __future__ import annotations

import json
import os
import signal

import pytest
import yaml
from project import Project, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.slow]

JOB = ("task=Gym", "env.id=Pendulum-v1", "numEnvs=2", "maxIter=2", "train.units=[8]", "train.horizon_length=200",
       "logging.logInterval=1", "device=cpu", "experiment.saveGitDiff=false")  # fmt: skip
WAIT = 280.0


def sweep_of(project: Project) -> dict:
    (path,) = project.path.glob("runs_all/*_sweep_*/sweep.json")
    return {"name": path.parent.name, **json.loads(path.read_text())}


def states(project: Project) -> list[str]:
    return [job["state"] for job in sweep_of(project)["jobs"]]


@pytest.mark.timeout(900)
def test_a_sweep_of_a_range_runs_two_at_a_time_and_says_what_came_of_it(project):
    two = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    done = project.train("-m", *JOB, "seed=range(2)", *two, timeout=WAIT)
    assert done.returncode == 0, done.stdout + done.stderr
    sweep = sweep_of(project)
    assert [job["state"] for job in sweep["jobs"]] == ["done", "done"]
    for job in sweep["jobs"]:
        record = project.record(job["run"])
        assert record["sweep"] == {"name": sweep["name"], "job": job["number"]}
        assert record["seed"] == job["number"]
        assert (
            yaml.safe_load((project.run(job["run"]) / "config.yaml").read_text())["training"]["threads"] == 1
        )
        assert (project.path / "runs_all" / sweep["name"] / f"job_{job['number']}.log").stat().st_size
        assert "-m" not in record["command"] and f"training.seed={job['number']}" in record["command"]
    assert "job 1 done" in done.stdout and "best: job" in done.stdout and "1/2 " not in done.stdout
    shown = project.shell("rlkit sweep; rlkit sweep latest --html --out page")
    assert shown.returncode == 0, shown.stderr
    assert "2 done  best return" in shown.stdout
    assert set(project.listed()) == {job["run"] for job in sweep["jobs"]}
    assert "Jobs as lines" in (project.path / "page" / "index.html").read_text()


@pytest.mark.timeout(900)
def test_a_job_that_is_killed_stops_no_other_and_is_gone_on_with(project):
    process = project.start(
        "-m",
        *JOB[:3],
        "maxIter=4000",
        *JOB[4:],
        "training.checkpointInterval=1",
        "seed=1,2",
    )
    first = wait_until(
        lambda: [n for n in project.names() if project.record(n)["saved"].get("last", 0) >= 2],
        "a checkpoint",
        WAIT,
    )[0]
    os.kill(project.record(first)["pid"], signal.SIGKILL)
    second = wait_until(lambda: [n for n in project.names() if n != first], "the second job", WAIT)[0]
    wait_until(lambda: project.record(second)["saved"].get("last"), "its checkpoint", WAIT)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 130, out
    assert states(project) == ["interrupted", "interrupted"]
    name = sweep_of(project)["name"]
    assert f"python train.py -m sweep={name}" in out and "signal 9 ended it" in out
    assert project.record(second)["state"] == "interrupted" and project.record(second)["iterations"] >= 1
    # What it goes on with are its own words, and their runs' own folders.
    again = project.start("-m", "sweep=latest")
    before = project.record(first)["iterations"] or 2
    wait_until(lambda: (project.record(first)["iterations"] or 0) > before + 2, "the first job goes on", WAIT)
    again.kill()  # its job is told
    again.communicate()
    wait_until(lambda: project.record(first)["state"] == "interrupted", "its end", WAIT)
    assert sorted(project.names()) == sorted([first, second])
    lines = (project.run(first) / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.timeout(900)
def test_a_failed_job_is_told_and_the_others_run(project):
    (project.path / "wrapping.py").write_text(
        "def wrap(env, task):\n    if task['episodeLength'] == 150:\n        raise RuntimeError\n    return env\n"
    )
    words = ("-m", *JOB, "task.wrapper=wrapping:wrap", "task.episodeLength=150,200")
    done = project.train(*words, timeout=WAIT)
    assert done.returncode == 1, done.stdout + done.stderr
    assert states(project) == ["failed", "done"]
    assert "1 of 2 jobs are not done" in done.stdout
    name = sweep_of(project)["name"]
    refused = project.train("-m", "sweep=latest")
    assert refused.returncode == 2 and "may name code; type its words again" in refused.stderr
    (project.path / "wrapping.py").write_text("def wrap(env, task):\n    return env\n")
    done = project.train(*words, f"sweep={name}", timeout=WAIT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(project) == ["done", "done"]


@pytest.mark.timeout(900)
def test_optuna_searches_and_goes_on_with_its_study(project):
    refused = project.train("-m", "hydra/sweeper=optuna", "train.learning_rat=interval(1e-5,1e-2)")
    assert refused.returncode == 2 and "did you mean train.learning_rate" in refused.stderr
    refused = project.train("-m", "hydra/sweeper=optuna", "train.learning_rate=interval(0.5,2.0)")
    assert refused.returncode == 2 and "train.learning_rate" in refused.stderr
    assert not (project.path / "runs_all").exists()
    words = (
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=2",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    )
    rate = "train.learning_rate=tag(log, interval(1e-5, 1e-2))"
    done = project.train("-m", *JOB, *words, rate, timeout=WAIT)
    assert done.returncode == 0, done.stdout + done.stderr
    first = sweep_of(project)["jobs"]
    done = project.train("-m", "sweep=latest", "hydra.sweeper.n_trials=3", timeout=WAIT)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = sweep_of(project)["jobs"]
    assert [job["state"] for job in jobs] == ["done"] * 3 and jobs[:2] == first
    rates = [next(word for word in job["words"] if word.startswith("train.learning_rate=")) for job in jobs]
    assert len(set(rates)) == 3
    study = _study(project)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    assert [trial.value for trial in study.trials] == [
        project.record(job["run"])["best_return"] for job in jobs
    ]


def _study(project: Project):
    import optuna

    (path,) = project.path.glob("runs_all/*_sweep_*/study.db")
    return optuna.load_study(study_name=None, storage=f"sqlite:///{path}")
