"""Following clips by real commands: trained, evaluated clip by clip, gone on with bit by bit, tested, and refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from test_train_and_resume import assert_equal_runs, metrics

from rlkit.motion.clip import make_clip, write_clip
from rlkit.motion.robots import find_robot
from rlkit.tasks.robots.h1 import H1

pytestmark = pytest.mark.journey

WORDS = (
    "task=TrackMotion", "numEnvs=6", "train.units=[16]", "task.episodeLength=40", "logging.logInterval=1",
    "training.evalInterval=1", "training.evalEnvs=2", "motion=clips",
)  # fmt: skip


def stands(folder, **seconds):
    """Clips that stand still for so long, by name."""
    robot = find_robot("h1")
    for name, duration in seconds.items():
        frames = round(50 * duration) + 1
        pos = np.tile([0.0, 0.0, H1.stance_height], (frames, 1))
        quat = np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1))
        joints = np.tile(np.array(H1.stance), (frames, 1))
        about = {"fps": 50.0, "loop": False, "source": "by hand", "licence": "none", "name": name}
        write_clip(folder / f"{name}.npz", make_clip(robot, pos, quat, joints, **about))


def test_clips_are_followed_evaluated_one_by_one_and_gone_on_with(project):
    clips = project.path / "clips"
    clips.mkdir()
    stands(clips, short=0.06, long=4.0, other=2.5)
    for more in (
        ["maxIter=4", "logging.experimentName=straight"],
        ["maxIter=2", "logging.experimentName=half"],
    ):
        done = project.train(*WORDS, *more)
        assert done.returncode == 0, done.stderr
    done = project.train("checkpoint=half", "maxIter=4", "logging.experimentName=resumed")
    assert done.returncode == 0, done.stderr
    assert "resuming at iteration 2, exactly where it was saved" in done.stdout
    assert_equal_runs(project, "straight", "resumed", first=3)
    last = metrics(project, "straight")[-1]
    # Whoever stands for 0.06 s has not fallen yet; from 4 s of standing an untrained policy falls.
    assert last["eval/success"] == pytest.approx(1 / 3)
    assert 0.0 < last["eval/error_root_relative"] < last["eval/error_global"] < last["eval/error_worst"] < 0.5

    # Another number of envs keeps what was learnt of the clips.
    more = project.train("checkpoint=half", "maxIter=3", "numEnvs=4", "logging.experimentName=fewer")
    assert more.returncode == 0, more.stderr

    done = project.train("test=true", "checkpoint=straight", "numEnvs=2", "logging.experimentName=tested")
    assert done.returncode == 0, done.stderr
    assert "2 of 3 clips failed" in done.stdout
    rows = list(csv.DictReader((project.run("tested") / "clips.csv").read_text().splitlines()))
    by_name = {row["clip"]: row for row in rows}
    assert set(by_name) == {"short", "long", "other"}
    assert (project.run("tested") / "failed_clips.txt").read_text().split() == ["long", "other"]
    results = json.loads((project.run("tested") / "metrics.json").read_text())
    assert results["success_rate"] == pytest.approx(1 / 3)

    # Other clips than those that were trained on: the policy goes on, their episodes and the best of them do not.
    stands(clips, other=3.0)
    (clips / "short.npz").unlink()  # the only one that was followed
    done = project.train("checkpoint=half", "maxIter=3", "logging.experimentName=others")
    assert done.returncode == 0, done.stderr
    assert "episodes start anew: the clips are others than those that were saved" in done.stdout
    assert "the best of half was so at other scenarios: a new one is looked for" in done.stdout
    assert project.record("half")["best_success"] == pytest.approx(1 / 3)
    assert project.record("others")["best_success"] == 0.0


def test_two_ranks_evaluate_every_clip_once_and_both_learn_of_it(project):
    clips = project.path / "clips"
    clips.mkdir()
    stands(clips, short=0.06, long=4.0, other=2.5)
    words = " ".join(WORDS)
    done = project.shell(f"torchrun --nproc_per_node=2 train.py {words} maxIter=2")
    assert done.returncode == 0, done.stderr
    (name,) = project.names()
    rows = list(csv.DictReader((project.run(name) / "clips.csv").read_text().splitlines()))
    assert [(row["iteration"], row["clip"]) for row in rows] == [
        ("2", "long"),
        ("2", "other"),
        ("2", "short"),
    ]
    assert metrics(project, name)[-1]["eval/success"] == pytest.approx(1 / 3)
