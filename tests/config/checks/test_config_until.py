"""training.until: refused where there will be no such metric, and evaluated often enough to be of use."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, simulators=frozenset(USABLE))


def composed(*words):
    return compose(words, machine=CPU)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("until=success>=0.9", r'this task has no success criterion .* write until="return>=100"'),
        ("task=BoxGrasping until=success>=90", r'a share between 0 and 1; write until="success>=0.9"'),
        ("task=BoxGrasping until=success>=0", "a share between 0 and 1"),
        ("task=BoxGrasping until=sucess>=0.9", "no metric sucess; did you mean success?"),
        ("task=BoxGrasping until=reward/object_heigth>=1", "did you mean reward/object_height?"),
        ("task=BoxGrasping until=reward/alive>=1", "no metric reward/alive"),  # its weight is 0
        ("until=eval/return>=5", r'nothing is evaluated .* until="episode/return>=5"'),
        ("until=zzz>=5", "there are success, return, length, timeout, iteration"),
        ("until=return", "a comparison is missing"),
    ],
)
def test_a_condition_that_can_never_hold_is_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        composed(*words.split())


@pytest.mark.parametrize(
    "words",
    [
        "until=return>=600",
        "until=wall_time>=60",
        "until=losses/anything<1",
        "until=failure/unstable>0.5",
        "task=BoxGrasping until=success/grasp_lift_success>=0.5",
        "task=Gym env.id=A-v0 until=success>=0.9",  # the environment alone knows
        "task=Gym env.ids=[A-v0,B-v0] until=task/A-v0/return>=9",
    ],
)
def test_every_metric_will_do(words):
    condition = words.split("until=")[1]
    experiment = composed(*words.split())
    assert experiment.training.until == condition
    assert from_yaml(experiment.to_yaml()) == experiment


@pytest.mark.slow
def test_where_an_evaluation_may_end_it_they_are_more_frequent():
    # 32 episodes of 500 steps are a fifth of 20 iterations of 4096 env-steps, a twentieth of 80.
    box = "task=BoxGrasping"
    assert composed(box).training.eval_interval == 80
    assert composed(box, "until=success>=0.9").training.eval_interval == 20
    assert composed(box, "until=episode/success>=0.9").training.eval_interval == 80
    assert composed(box, "until=success>=0.9", "training.evalInterval=7").training.eval_interval == 7
    assert composed(box, "until=success>=0.9", "maxIter=30").training.eval_interval == 0  # by episodes
    fast = composed(box, "train=BoxGraspingFastTD3", "until=success>=0.9", "maxIter=200")
    assert fast.training.eval_interval == 20


def test_a_test_of_such_a_run_reads_no_condition():
    test = composed("task=BoxGrasping", "test=true", "checkpoint=x", "until=eval/success>=0.9")
    assert test.training.until == "eval/success>=0.9"
