"""train=Distill and train=MaskedMimic: what can be said of them before their teacher is looked at."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, memory=int(4e9), simulators=frozenset(USABLE))


def composed(words: str):
    return compose(words.split(), machine=CPU)


def refused(words: str):
    with pytest.raises(ConfigError) as caught:
        composed(words)
    return caught.value.report()


@pytest.mark.parametrize(
    ("train", "setting"), [("Distill task=Reach", "teacher"), ("MaskedMimic task=TrackMotion", "expert")]
)
def test_a_training_names_its_teacher_and_a_test_needs_none(train, setting):
    assert f"train.{setting}: is missing; name the run to learn from" in refused(f"train={train}")
    assert composed(f"train={train} test=true checkpoint=some").kind == "test"
    assert composed(f"train={train} train.{setting}=some").train[setting] == "some"


@pytest.mark.parametrize(("base", "setting"), [("Distill", "teacher"), ("masked.MaskedMimic", "expert")])
def test_a_learner_of_others_that_is_built_on_a_student_is_checked_like_it(
    base, setting, tmp_path, monkeypatch
):
    room, _, name = f".{base}".rpartition(".")
    (tmp_path / "my_students.py").write_text(
        f"from rlkit.learners.distill{room}.learner import {name}\n"
        f"from rlkit.learners.distill{room}.settings import Settings\n\n\nclass Mine({name}):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "conf/train").mkdir(parents=True)  # of the current folder
    (tmp_path / "conf/train/Mine.yaml").write_text(f"defaults: [{name}, _self_]\nlearner: my_students:Mine\n")
    words = "train=Mine task=TrackMotion"
    assert f"train.{setting}: is missing; name the run to learn from" in refused(words)
    found = composed(f"{words} train.{setting}=some")
    assert found.train["learner"] == "my_students:Mine" and found.train[setting] == "some"


def test_gymnasium_s_environments_show_a_teacher_nothing_of_its_own():
    assert "Gymnasium environments have one alone" in refused(
        "train=Distill train.teacher=some task=Gym env.id=Pendulum-v1"
    )


def test_a_replay_that_does_not_fit_is_refused_with_one_that_does():
    """An H1's 19 joint angles and 19 actions are 38 numbers of four bytes: 0.9 of 4 GB hold 23,684,210 such samples."""
    words = "task=HumanoidVelocity task.observations=[joint_pos_rel] train=Distill train.teacher=some"
    assert (
        "train.replay_size=100000000: needs 15.2 GB, main memory has 4.0 free; train.replay_size=23684210 fits"
        in refused(f"{words} train.replay_size=100000000")
    )
    assert composed(f"{words} train.replay_size=23684210").train["replay_size"] == 23684210


def test_masked_mimic_s_policy_sees_hidden_targets_in_place_of_the_reference():
    experiment = composed("train=MaskedMimic task=TrackMotion train.expert=some")
    assert experiment.task["observations"] == (
        "pelvis_height", "pelvis_gravity", "pelvis_lin_vel", "pelvis_ang_vel", "joint_pos_rel", "joint_vel",
        "prev_actions", "masked_targets",
    )  # fmt: skip
    assert experiment.task["groups"]["targets"] == ("body_targets",)
    assert any("task.observations ends with masked_targets" in note for note in experiment.notes)
    own = composed(
        "train=MaskedMimic task=TrackMotion train.expert=some task.observations=[joint_vel,masked_targets]"
    )
    assert own.task["observations"] == ("joint_vel", "masked_targets")


def test_a_task_that_hides_nothing_is_refused():
    assert "task=Reach hides none; write task=TrackMotion" in refused(
        "train=MaskedMimic task=Reach train.expert=some"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "task.masking.bodies=[nose]",
            "task.masking.bodies: nose: the Unitree H1 has no body nose. It has pelvis",
        ),
        (
            "task.masking.only=[left_knee_link]",
            "task.masking.only: no target is of left_knee_link",
        ),
        ("task.masking.hold=[2.0,1.0]", "task.masking.hold=[2,1]: from a shorter to a longer time"),
        ("task.masking.show=some", "task.masking.show=some: needs drawn|all|head_and_hands|keyframes"),
    ],
)
def test_masks_that_cannot_be_are_refused(words, told):
    assert told in refused(f"train=MaskedMimic task=TrackMotion train.expert=some {words}")


GOALS = "goals: [{time: 1.0, body: pelvis, position: [0.5, 0, 1]}]"


def test_a_test_with_goals_ends_and_succeeds_by_them(tmp_path):
    """What follows from the file is told beside what was there before."""
    file = tmp_path / "reach.yaml"
    file.write_text(GOALS)
    test = f"test=true checkpoint=latest train=MaskedMimic task=TrackMotion task.masking.goals={file}"
    experiment = composed(test)
    assert experiment.task["masking"]["show"] == "goals"
    assert experiment.task["termination"]["success"] == {"followed": False, "goals_reached": True}
    on = [name for name, switched in experiment.task["termination"]["failure"].items() if switched]
    assert on == ["fallen"]
    assert experiment.asked["task.masking.show"] == "drawn"
    assert any("solved where its goals were reached" in note for note in experiment.notes)
    assert "last goal is at 1 s, and an episode lasts 0.8 s; write task.episodeLength=50" in refused(
        f"{test} task.episodeLength=40"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("task.masking.goals={file}", "is for tests of a policy of train=MaskedMimic; write test=true"),
        ("task.masking.show=goals", "task.masking.show=goals: which? Write task.masking.goals=FILE"),
        (
            "test=true checkpoint=latest task.masking.goals={folder}/none.yaml",
            "none.yaml cannot be read: No such",
        ),
        (
            "test=true checkpoint=latest task.masking.goals={file} task.masking.bodies=[torso_link]",
            "goal 1: no target is of pelvis",
        ),
    ],
)
def test_goals_that_cannot_be_are_refused(tmp_path, words, told):
    (tmp_path / "reach.yaml").write_text(GOALS)
    words = words.format(file=tmp_path / "reach.yaml", folder=tmp_path)
    assert told in refused(f"train=MaskedMimic task=TrackMotion train.expert=some {words}")
