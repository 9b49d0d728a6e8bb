"""The window on the runs, while real runs come and go."""

from __future__ import annotations

import os
import signal

import pytest
from project import wait_until

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=2", "train.units=[8]", "task.episodeLength=10")


def shown(project):
    """Names in runs/ besides latest_* and pinned/."""
    return {path.name for path in (project.path / "runs").iterdir()} - {
        "latest_train",
        "latest_test",
        "pinned",
    }


def train(project, name, *words):
    done = project.train(*SMALL, "maxIter=1", f"logging.experimentName={name}", *words)
    assert done.returncode == 0, done.stderr
    return done


def test_pinning_with_mv_while_another_run_trains(project):
    train(project, "first")
    train(project, "second")
    other = project.start(*SMALL, "maxIter=100000", "logging.experimentName=other")
    try:
        wait_until(lambda: (project.run("other") / "metrics.jsonl").exists(), "the other run trains")
        for line in (
            "mv runs/first runs/pinned/",
            "mv runs/second runs/pinned/best_grasping_model",
            "mv runs/other runs/pinned/going",  # also the very run that trains
        ):
            done = project.shell(line)
            assert done.returncode == 0, done.stderr
        for run in ("runs/pinned/first", "best_grasping_model", "runs/pinned/best_grasping_model"):
            done = project.train("test=true", f"checkpoint={run}", "numEnvs=2")
            assert done.returncode == 0, done.stderr
        assert other.poll() is None
    finally:
        other.send_signal(signal.SIGTERM)
        stdout, _ = other.communicate(timeout=60)
    assert other.returncode == 143
    assert "everything is saved" in stdout
    assert {path.name for path in (project.path / "runs" / "pinned").iterdir()} == {
        "first",
        "best_grasping_model",
        "going",
    }
    rows = project.listed()
    assert (rows["first"]["pinned"], rows["second"]["pinned"]) == (["first"], ["best_grasping_model"])
    done = project.train("checkpoint=going", f"maxIter={rows['other']['iterations'] + 1}")
    assert done.returncode == 0, done.stderr


def test_two_starts_in_the_same_second_are_two_runs(project):
    # An own name is the surest way to the same name twice: two starts may straddle a second.
    words = (*SMALL, "maxIter=1", "logging.experimentName=twin")
    for process in [project.start(*words) for _ in range(2)]:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
    assert sorted(project.names()) == ["twin", "twin_2"]
    assert {row["state"] for row in project.listed().values()} == {"done"}


def test_without_the_clean_workspace_the_run_lies_in_runs(project):
    done = train(project, "plain", "experiment.useCleanWorkspace=false")
    folder = project.path / "runs" / "plain"
    assert folder.is_dir()
    assert not folder.is_symlink()
    assert not (project.path / "runs_all" / "plain").exists()
    assert str(folder) in done.stdout
    assert os.readlink(project.path / "runs" / "latest_train") == str(folder)
    tested = project.train("test=true", "checkpoint=latest", "numEnvs=2")
    assert tested.returncode == 0, tested.stderr


def test_one_run_more_than_the_limit_hides_the_oldest_but_keeps_it(project):
    limit = "experiment.maxTrainRuns=2"
    for name in ("one", "two", "three"):
        train(project, name, limit)
    assert shown(project) == {"two", "three"}
    assert set(project.listed()) == {"one", "two", "three"}
    # What has left the window is still found by the path it had there.
    tested = project.train("test=true", "checkpoint=runs/one", "numEnvs=2")
    assert tested.returncode == 0, tested.stderr


def test_an_eleventh_run_hides_the_first_by_default(project):
    # Ten finished runs by copying one: what the limit counts are their records.
    train(project, "run_00")
    record = (project.run("run_00") / "run.json").read_text()
    for number in range(1, 10):
        folder = project.run(f"run_{number:02}")
        folder.mkdir()
        (folder / "run.json").write_text(record.replace("run_00", folder.name))
    train(project, "run_10")
    assert len(shown(project)) == 10
    assert "run_10" in shown(project)
    assert len(project.listed()) == 11


def test_runs_are_found_after_the_project_was_moved(trained_project, tmp_path):
    moved = type(trained_project)(tmp_path / "elsewhere")
    done = trained_project.shell(f"cp -a {trained_project.path} {moved.path}")
    assert done.returncode == 0, done.stderr
    for checkpoint in ("latest_train", "runs/trained"):
        done = moved.train("test=true", f"checkpoint={checkpoint}", "numEnvs=2")
        assert done.returncode == 0, done.stderr
        assert str(moved.run("trained")) in done.stdout
    assert os.readlink(moved.path / "runs" / "trained") == str(moved.run("trained"))
