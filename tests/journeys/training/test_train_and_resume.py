"""A run is found again, goes on exactly where it stood, and its printed commands work."""

from __future__ import annotations

import json
import os
import re

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

pytestmark = pytest.mark.journey

TIMES = re.compile(r"wall_time|time/|rate/")


def metrics(project, name):
    """The rows of metrics.jsonl without what a clock measured."""
    lines = (project.run(name) / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if not TIMES.match(k)} for line in lines]


def checkpoint(project, name, which: int | str = "last"):
    return torch.load(project.run(name) / "nn" / f"checkpoint_{which}.pth", weights_only=True)


def differences(a, b, path=""):
    """Names of the entries in which two nested states differ, in any bit."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [found for key in a for found in differences(a[key], b[key], f"{path}/{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [found for i, (x, y) in enumerate(zip(a, b)) for found in differences(x, y, f"{path}/{i}")]
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        same = a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
        return [] if same else [path]
    return [] if type(a) is type(b) and a == b else [path]


def next_commands(stdout):
    """The commands that a finished run prints, by what they are for."""
    return dict(re.findall(r"^  (watch|go on|resume|curves) +(\S.*)$", stdout, re.MULTILINE))


def test_a_run_leaves_its_files_links_and_next_commands(project):
    done = project.train("numEnvs=4", "maxIter=2", "training.checkpointInterval=1", "train.units=[8]")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (name,) = project.names()
    run = project.run(name)
    assert re.fullmatch(r"BaseTask_train_\d{8}_\d{6}", name)
    assert {path.name for path in (run / "nn").iterdir()} == {
        "checkpoint_1.pth",
        "checkpoint_2.pth",
        "checkpoint_last.pth",
    }
    assert "maxIterations: 2" in (run / "config.yaml").read_text()
    record = project.record(name)
    assert (record["state"], record["iterations"], record["seed"]) == ("done", 2, 42)
    assert (
        record["command"]
        == "python train.py numEnvs=4 maxIter=2 training.checkpointInterval=1 'train.units=[8]'"
    )
    assert [row["iteration"] for row in metrics(project, name)] == [1, 2]
    board = EventAccumulator(str(run)).Reload()
    assert [e.step for e in board.Scalars("losses/actor")] == [1, 2]
    for link in (project.path / "runs" / name, project.path / "runs" / "latest_train"):
        assert os.readlink(link) == str(run)
    assert "done: 2 iterations" in (run / "train.log").read_text()
    assert re.search(
        r"^started in [\d.]+ s: configuration .*, first iteration [\d.]+$", done.stdout, re.MULTILINE
    )

    commands = next_commands(done.stdout)
    assert list(commands) == ["watch", "curves", "go on"]
    assert commands["watch"] == f"python train.py test=true checkpoint={name} viewer=web"
    assert commands["go on"] == f"python train.py checkpoint={name}:last maxIter=100"
    for purpose in ("watch", "go on"):  # nobody closes the viewer
        again = project.shell(
            commands[purpose].replace("maxIter=100", "maxIter=4").replace("viewer=web", "render=false")
        )
        assert again.returncode == 0, again.stderr
    tested, resumed = project.names("test")[0], project.names("train")[1]
    assert project.record(tested)["tested_run"] == name
    assert project.record(resumed)["parent"] == name
    assert [row["iteration"] for row in metrics(project, resumed)] == [3, 4]


def assert_equal_runs(project, straight, resumed, first):
    whole = [row for row in metrics(project, straight) if row["iteration"] >= first]
    assert metrics(project, resumed) == whole
    a, b = checkpoint(project, straight), checkpoint(project, resumed)
    for each in (a, b):
        each["progress"].pop("seconds")
    assert differences(a, b) == []


def test_a_resumed_run_is_bit_for_bit_the_one_that_never_stopped(project):
    words = [
        "task=BoxGrasping",
        "numEnvs=6",
        "train.units=[16]",
        "task.episodeLength=60",
        "logging.logInterval=1",
    ]
    for more in (
        ["maxIter=6", "logging.experimentName=straight"],
        ["maxIter=3", "logging.experimentName=half"],
    ):
        done = project.train(*words, *more)
        assert done.returncode == 0, done.stderr
    assert len(metrics(project, "straight")) == 6
    # The task, the envs and the networks are the run's own: nothing needs to be typed again.
    done = project.train("checkpoint=half", "maxIter=6", "logging.experimentName=resumed")
    assert done.returncode == 0, done.stderr
    assert "resuming at iteration 3, exactly where it was saved" in done.stdout
    assert_equal_runs(project, "straight", "resumed", first=4)
    assert any("episode/return" in row for row in metrics(project, "resumed"))


@pytest.mark.parametrize("save_buffer", [True, False])
def test_fast_td3_resumes_exactly_with_its_buffer_and_says_so_without(project, save_buffer):
    """Also with more iterations, for which the buffer is longer."""
    words = [
        "train=BaseTaskFastTD3", "numEnvs=5", "task.episodeLength=20", "logging.logInterval=1", "train.amp=true",
        "task.history=3",
        "train.learning_starts=4", "train.batch_size=16", "train.lr_schedule=constant", "train.num_steps=3",
        "train.num_updates=1", "train.actor_units=[16]", "train.critic_units=[16]",  # bf16 is slow on some processors
        f"train.save_buffer={str(save_buffer).lower()}", "training.evalInterval=0",
    ]  # fmt: skip
    for more in (
        ["maxIter=4", "logging.experimentName=straight"],
        ["maxIter=2", "logging.experimentName=half"],
    ):
        done = project.train(*words, *more)
        assert done.returncode == 0, done.stderr
    done = project.train("checkpoint=half", "maxIter=4", "logging.experimentName=resumed")
    assert done.returncode == 0, done.stderr
    if save_buffer:
        assert metrics(project, "resumed") == metrics(project, "straight")[2:]
        a, b = checkpoint(project, "straight"), checkpoint(project, "resumed")
        for each in (a, b):
            each["progress"].pop("seconds")
        found = differences(a, b)
        # A grown ring keeps its final observations in other places, which nothing that is drawn shows.
        assert {path.rpartition("/")[2] for path in found} <= {"finals", "ending", "free", "owner"}
        assert b["learner"]["replay"]["stored"] == 4 * 32
    else:
        assert (
            "the replay buffer was not saved (train.save_buffer=true does that); it fills anew" in done.stdout
        )
        assert "resuming at iteration 2, with the episodes as they were saved" in done.stdout
        assert "replay" not in checkpoint(project, "resumed")["learner"]


@pytest.mark.slow
def test_twenty_iterations_are_ten_and_ten_more(project):
    for words in (
        ["maxIter=20", "logging.experimentName=straight", "numEnvs=16"],
        ["maxIter=10", "logging.experimentName=half", "numEnvs=16"],
        ["maxIter=20", "logging.experimentName=resumed", "checkpoint=half"],
    ):
        done = project.train(*words)
        assert done.returncode == 0, done.stderr
    assert_equal_runs(project, "straight", "resumed", first=11)


LEARNERS = {
    "ppo": ["train=BaseTaskPPO", "train.units=[8]"],
    "fast_td3": [
        "train=BaseTaskFastTD3",
        "train.learning_starts=4",
        "train.batch_size=16",
        "train.num_updates=1",
        "train.actor_units=[16]",
        "train.critic_units=[16]",
    ],
}


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_training_does_not_notice_that_it_is_evaluated(project, learner):
    words = [*LEARNERS[learner], "numEnvs=4", "task.episodeLength=20", "logging.logInterval=1"]
    interval = "training.checkpointInterval=1"
    for name, evaluation in (
        ("plain", ["training.evalInterval=0"]),
        ("watched", ["training.evalInterval=2", "training.evalEnvs=3"]),
    ):
        done = project.train(*words, *evaluation, interval, "maxIter=3", f"logging.experimentName={name}")
        assert done.returncode == 0, done.stderr
    rows = metrics(project, "watched")
    names = {"eval/return", "eval/length", "eval/success", "eval/timeout"}
    scores = [{key: row.pop(key) for key in names & row.keys()} for row in rows]
    assert [score.keys() for score in scores] == [set(), names, names]  # every second, and the last
    assert rows == metrics(project, "plain")
    for which in (1, 2, 3, "last"):
        a, b = (checkpoint(project, name, which) for name in ("plain", "watched"))
        for each in (a, b):
            each.pop("progress")  # which policy is the best is not the same question
        assert differences(a, b) == []

    second, third = scores[1]["eval/return"], scores[2]["eval/return"]
    assert project.record("watched")["best_return"] == max(second, third)
    assert project.record("watched")["saved"]["best"] == (2 if second >= third else 3)
    assert re.search(rf"^3/3 .* \(evaluated {third:.1f}\)", done.stdout, re.MULTILINE)


def test_a_resume_from_an_iteration_from_the_best_and_with_another_number_of_envs(project):
    words = [
        "train.units=[8]",
        "task.episodeLength=20",
        "logging.logInterval=1",
        "training.checkpointInterval=2",
    ]
    done = project.train("numEnvs=4", "maxIter=4", "logging.experimentName=first", *words)
    assert done.returncode == 0, done.stderr
    assert project.record("first")["saved"]["best"] <= 4

    done = project.train("checkpoint=first:2", "maxIter=4", "logging.experimentName=again")
    assert "resuming at iteration 2, exactly where it was saved" in done.stdout
    assert_equal_runs(project, "first", "again", first=3)

    done = project.train("checkpoint=first:best", "maxIter=5")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"resuming at iteration \d; episodes start anew: the best checkpoint holds the policy alone; "
        r"take checkpoint=<run>:last to continue exactly",
        done.stdout,
    )

    best = project.record("first")["saved"]["best"]
    words = ("logging.logInterval=100", "logging.experimentName=holds_best")  # it finds no better one itself
    done = project.train("checkpoint=first:last", "maxIter=5", *words)
    assert done.returncode == 0, done.stderr
    assert project.record("holds_best")["saved"]["best"] == best
    assert project.record("holds_best")["best_return"] == project.record("first")["best_return"]
    done = project.train("test=true", "checkpoint=holds_best:best", "numEnvs=4")
    assert done.returncode == 0 and f"iteration {best}:" in done.stdout

    done = project.train("checkpoint=first", "maxIter=5", "numEnvs=8")
    assert done.returncode == 0, done.stderr
    assert "episodes start anew: it was saved with numEnvs=4, now numEnvs=8" in done.stdout


def test_a_resume_of_a_finished_run_says_how_to_go_on(trained_project):
    before = trained_project.names()
    done = trained_project.train("checkpoint=trained")
    assert done.returncode == 2
    assert "nothing is left to train" in done.stderr
    assert "go on with maxIter=100" in done.stderr
    assert trained_project.names() == before


def test_the_same_command_goes_on_in_one_folder_with_what_may_change(project):
    words = ("numEnvs=4", "train.units=[8]", "logging.experimentName=mine", "training.resume=auto")

    def steps():
        events = EventAccumulator(str(project.run("mine")))
        events.Reload()
        return [event.step for event in events.Scalars("rate/env_steps_per_s")]

    assert project.train(*words, "maxIter=2").returncode == 0
    again = project.train(*words, "maxIter=2")
    assert again.returncode == 0, again.stderr
    assert "mine is this very request, and done: nothing is left to train" in again.stdout
    longer = project.train(*words, "maxIter=4")
    assert longer.returncode == 0, longer.stderr
    assert "changed  training.maxIterations: 2 -> 4" in longer.stdout
    assert "resuming at iteration 2, exactly where it was saved" in longer.stdout
    assert project.names() == ["mine"]
    assert [row["iteration"] for row in metrics(project, "mine")] == steps() == [1, 2, 3, 4]
    assert project.record("mine")["starts"][-1]["changed"] == {"training.maxIterations": ["2", "4"]}
    assert "maxIterations: 4" in (project.run("mine") / "config.yaml").read_text()

    other = project.train(*words, "maxIter=4", "train.gamma=0.5")
    assert other.returncode == 2
    assert "mine was trained with other settings" in other.stderr
    assert project.names() == ["mine"]
    anew = project.train(*words[:-1], "training.resume=new", "maxIter=1", "train.gamma=0.5")
    assert anew.returncode == 0, anew.stderr
    assert project.names() == ["mine", "mine_2"]
