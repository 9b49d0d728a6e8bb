"""train=AMP: what it needs of a task is there, or the request is refused with what would do."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, memory=int(4e9), simulators=frozenset(USABLE))


def composed(*words):
    return compose(["train=AMP", *words], machine=CPU)


def refused(*words):
    with pytest.raises(ConfigError) as caught:
        composed(*words)
    return caught.value.report()


def test_it_is_ppo_with_a_discriminator():
    experiment = composed("task=Style")
    train = experiment.train
    assert (train["learner"], train["gamma"], train["disc_units"]) == ("amp", 0.99, (256, 128))
    assert experiment.task["motion"] == "h1/walk"
    assert experiment.training.eval_interval > 0  # the best policy is by evaluations
    assert composed("task=Style", "task.robot=g1").task["motion"] == "g1/walk"


def test_steering_gets_the_clips_of_its_robot_and_is_told_so():
    experiment = composed("task=Steering", "task.robot=g1")
    assert experiment.task["motion"] == "g1"
    assert "train=AMP learns from motion data, and none is named: it takes motion=g1" in experiment.notes
    assert composed("task=Steering", "motion=h1/walk").task["motion"] == "h1/walk"
    assert compose(["task=Steering"], machine=CPU).task["motion"] is None


def test_steering_in_style_is_a_root_configuration_that_leaves_the_gait_to_the_data():
    experiment = compose(["config=style_steering"], machine=CPU)
    assert (experiment.task_name, experiment.train["learner"]) == ("Steering", "amp")
    weights = {name: weight for name, weight in experiment.task["rewardWeights"].items() if weight}
    assert weights == {"steering": 0.7, "facing": 0.3, "action_rate": -0.004}
    assert experiment.task["motion"] == "h1"


@pytest.mark.parametrize("words", ["task=Reach", "task=Gym env.id=Pendulum-v1", "task=TrackMotion"])
def test_a_task_that_shows_no_motion_is_refused(words):
    assert "it has no task.groups.style; write task=Style or task=Steering" in refused(*words.split())


def test_a_replay_that_does_not_fit_is_refused_with_one_that_does():
    """Of 189 numbers of four bytes, 0.9 of 4 GB hold 4,761,904."""
    assert (
        "train.replay_size=10000000: needs 7.6 GB, main memory has 4.0 free; train.replay_size=4761904 fits"
        in refused("task=Style", "train.replay_size=10000000")
    )


def test_what_ppo_refuses_is_refused():
    assert "train.minibatch_size=1000: does not divide" in refused("task=Style", "train.minibatch_size=1000")


def test_moments_are_whole_control_periods():
    told = refused("task=Style", "task.style.moments=[0.0,0.05]")
    assert "write task.style.moments=[0,0.04]" in told


def test_a_style_needs_motion_data_whatever_learns_it():
    with pytest.raises(ConfigError, match=r"task\.motion=null: there is nothing to follow"):
        compose(["task=Style", "train=PPO", "motion=null"], machine=CPU)
