"""training.until ends a training, alone and with several ranks; the run tells of it, and is not resumed by mistake."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=4", "train.units=[8]", "maxIter=5")


def test_a_run_that_was_good_enough_goes_on_with_another_condition_alone(project):
    done = project.train(*SMALL, "until=iteration>=2", "logging.experimentName=first")
    assert done.returncode == 0, done.stderr
    assert "good enough: iteration>=2: iteration is 2" in done.stdout
    assert "\n  go on    python train.py checkpoint=first:last until=null\n" in done.stdout
    record = project.record("first")
    assert (record["state"], record["iterations"], record["reached"]) == ("done", 2, "iteration>=2")
    assert "ended by iteration>=2" in project.shell("rlkit runs show first").stdout

    refused = project.train("checkpoint=first")
    assert refused.returncode == 2
    assert (
        "nothing is left to train: at iteration 2 first reached training.until=iteration>=2" in refused.stderr
    )
    assert project.names() == ["first"]

    done = project.train("checkpoint=first", "until=iteration>=3", "logging.experimentName=second")
    assert done.returncode == 0, done.stderr
    done = project.train("checkpoint=first", "until=null", "logging.experimentName=third")
    assert done.returncode == 0, done.stderr
    assert [project.record(name)["iterations"] for name in ("second", "third")] == [3, 5]


def test_two_ranks_end_together(project):
    line = f"torchrun --nproc_per_node=2 train.py {' '.join(SMALL)} 'until=env_steps>=512'"
    done = project.shell(line)
    assert done.returncode == 0, done.stderr
    (name,) = project.names()
    record = project.record(name)
    assert (record["state"], record["iterations"]) == ("done", 2)  # of 2 ranks, 4 envs, 32 steps
