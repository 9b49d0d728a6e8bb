"""test=true: an exact number of episodes of the policy that was asked for, and clear words where it cannot be."""

from __future__ import annotations

import json
import re
import shutil
import signal

import pytest
from project import wait_until

pytestmark = pytest.mark.journey


def play(project, *words):
    """The results of one test, and the name of its run."""
    before = set(project.names("test"))
    done = project.train("test=true", *words)
    assert done.returncode == 0, done.stderr
    (name,) = set(project.names("test")) - before
    return json.loads((project.run(name) / "metrics.json").read_text()), name, done.stdout


def test_every_env_plays_as_many_episodes_as_asked_and_the_same_ones_again(trained_project):
    project = trained_project
    first, name, stdout = play(project, "checkpoint=latest", "numEnvs=3", "testing.episodesPerEnv=2")
    assert first["episodes"] == 6
    assert first["iteration"] == 2
    assert first["checkpoint"] == str(project.run("trained") / "nn" / "checkpoint_last.pth")
    assert set(first["criteria"]) == {"failure/hitting_ground", "failure/unstable"}
    assert first["success_rate"] + first["timeout_rate"] + sum(first["criteria"].values()) == pytest.approx(
        1.0
    )
    assert "BaseTask, iteration 2: 6 episodes" in stdout
    record = project.record(name)
    assert (record["state"], record["kind"], record["tested_run"]) == ("done", "test", "trained")
    assert (project.path / "runs" / "latest_test").resolve().name == name

    # The run was made with seed 3 and its own networks: a test takes the networks, and its own seed.
    again, _, _ = play(project, "checkpoint=latest_test", "numEnvs=3", "testing.episodesPerEnv=2")
    assert again == first
    other, _, _ = play(project, "checkpoint=trained", "numEnvs=3", "testing.episodesPerEnv=2", "seed=9")
    assert other["return"]["mean"] != first["return"]["mean"]


def test_games_are_rounded_up_to_the_same_number_in_every_env(trained_project):
    results, _, _ = play(trained_project, "checkpoint=trained", "numEnvs=4", "testing.gamesNum=5")
    assert results["episodes"] == 8


def test_a_file_anywhere_is_tested_with_the_settings_that_fit_it(trained_project, tmp_path):
    shutil.copy(trained_project.run("trained") / "nn" / "checkpoint_last.pth", tmp_path / "mine.pth")
    file = tmp_path / "mine.pth"
    results, name, _ = play(trained_project, f"checkpoint={file}", "numEnvs=2", "train.units=[8]")
    assert results["checkpoint"] == str(file)
    assert trained_project.record(name)["tested_run"] is None

    done = trained_project.train("test=true", f"checkpoint={file}", "numEnvs=2")
    assert done.returncode == 1
    assert "error: The checkpoint does not fit this task and these train settings" in done.stdout
    assert "(8, " in done.stdout  # both shapes are told
    assert "Traceback" not in done.stderr

    before = trained_project.names()
    done = trained_project.train("test=true", "task=BoxGrasping", f"checkpoint={file}", "numEnvs=2")
    assert done.returncode == 2
    assert "mine.pth is of task BaseTask, not of BoxGrasping; write task=BaseTask" in done.stderr
    file.write_bytes(file.read_bytes()[:1000])
    for words in (("test=true",), ("maxIter=9",)):
        done = trained_project.train(f"checkpoint={file}", *words)
        assert done.returncode == 2
        assert re.search(r"error: .*mine.pth cannot be read: it is torn", done.stderr)
    assert trained_project.names() == before


def test_a_run_made_with_another_task_and_other_sizes_is_tested_without_saying_so_again(project):
    done = project.train(
        "task=BoxGrasping", "train.units=[8]", "numEnvs=2", "maxIter=1", "task.episodeLength=30"
    )
    assert done.returncode == 0, done.stderr
    results, name, _ = play(project, "checkpoint=latest", "numEnvs=2")
    assert results["task"] == "BoxGrasping"
    assert results["length"]["max"] <= 30
    assert project.record(name)["task"] == "BoxGrasping"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_test_keeps_what_it_has_counted(trained_project, number):
    before = set(trained_project.names("test"))
    words = (
        "test=true",
        "checkpoint=trained",
        "numEnvs=2",
        "testing.gamesNum=1000000",
        "task.episodeLength=5",
    )
    process = trained_project.start(*words)

    def counted():
        names = set(trained_project.names("test")) - before
        log = trained_project.run(min(names)) / "train.log" if names else None
        return log is not None and log.exists() and "simulated" in log.read_text()

    wait_until(counted, "some episodes")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (128 + number, "")
    (name,) = set(trained_project.names("test")) - before
    results = json.loads((trained_project.run(name) / "metrics.json").read_text())
    assert results["episodes"] > 0
    assert not results["complete"]
    assert "stopped early" in stdout
    rows = (trained_project.run(name) / "episodes.csv").read_text().splitlines()
    assert len(rows) == 1 + results["episodes"]
    assert trained_project.record(name)["state"] == "interrupted"
