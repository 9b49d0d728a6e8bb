"""train=ADD and train=ASE: what they need of a task is there, or the request is refused with what would do."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, memory=int(4e9), simulators=frozenset(USABLE))


def refused(*words):
    with pytest.raises(ConfigError) as caught:
        compose(list(words), machine=CPU)
    return caught.value.report()


def test_the_latent_joins_what_policy_and_critic_see():
    experiment = compose(["train=ASE", "task=Style"], machine=CPU)
    assert experiment.task["observations"][-1] == "latent"
    assert experiment.train["disc_units"] == (256, 128)
    assert "latent" not in compose(["train=AMP", "task=Style"], machine=CPU).task["observations"]
    words = ["train=ASE", "task=Style", "+task.groups.critic=[pelvis_height,joint_vel]"]
    assert compose(words, machine=CPU).task["groups"]["critic"] == ("pelvis_height", "joint_vel", "latent")


@pytest.mark.parametrize("train", ["AMP", "ASE"])
def test_clips_that_nobody_named_are_told_by_the_learner_that_takes_them(train):
    task = ["task=Steering"] if train == "AMP" else ["task=Style", "motion=null"]
    notes = " ".join(compose([f"train={train}", *task], machine=CPU).notes)
    assert f"train={train} learns from motion data, and none is named: it takes motion=h1" in notes


def test_add_follows_a_reference_and_its_task_s_own_reward_counts_where_it_is_weighted():
    experiment = compose(["train=ADD", "task=TrackMotion"], machine=CPU)
    assert experiment.train["task_weight"] == 0.0 and experiment.train["disc_gradient_penalty"] == 2.0
    assert experiment.task["groups"]["difference"] == ("difference",)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "train=ADD task=Style",
            "task=Style has none: it has no task.groups.difference; write task=TrackMotion",
        ),
        ("train=AMP task=TrackMotion", "it has no task.groups.style; write task=Style or task=Steering"),
        ("train=ASE task=Reach", "task=Reach shows none: it has no task.groups.style; write task=Style"),
        ("train=ASE task=Steering", "told by a latent which skill to show, and task=Steering has none"),
        ("train=ASE task=Style task.latent.size=1", "task.latent.size=1: is at least 2"),
        ("train=ASE task=Style task.latent.time=[0.01,1.0]", "write task.latent.time=[0.02,3.0]"),
        ("train=ASE task=Style task.latent.time=[2.0,1.0]", "task.latent.time=[2,1]"),
        (
            "train=ASE task=Style train.disc_conditional=true",
            "are none to find it with; write train.enc_trunk=own",
        ),
        (
            "train=ASE task=Style task.observations=[joint_vel,latent] +task.randomization.observationNoise.latent=0.1",
            "the policy is rewarded for the latent that it sees",
        ),
    ],
)
def test_what_cannot_work_is_refused(words, told):
    report = refused(*words.split())
    assert told in report and "mistakes" not in report


def test_a_replay_holds_the_latents_too():
    """Of 189 numbers and 64 of the latent: 1012 bytes each."""
    assert "needs 10.1 GB" in refused("train=ASE", "task=Style", "train.replay_size=10000000")
