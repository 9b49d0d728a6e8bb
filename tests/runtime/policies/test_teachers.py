"""A student's teacher: refused before anything boots, or the very policy that a test of it plays."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pytest
import torch

import rlkit
from rlkit.config import ConfigError, Experiment, compose
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.policies.teachers import _problems, with_teacher
from rlkit.runtime.process.ranks import Ranks

pytestmark = pytest.mark.slow

SMALL = {
    "env.numEnvs": 4,
    "env.device": "cpu",
    "training.threads": 1,
    "training.evalInterval": 0,
    "train.horizon_length": 8,
}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rlkit.Run]:
    """A policy of Reach that has hardly learnt."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("teacher"))
        yield rlkit.train("Reach", max_iter=2, seed=1, quiet=True, overrides={**SMALL, "train.units": [8]})


def student(teacher: rlkit.Run, *words: str) -> Experiment:
    named = (
        () if any(word.startswith("train.teacher=") for word in words) else (f"train.teacher={teacher.path}",)
    )
    return compose(
        [
            "train=Distill",
            *(f"{name}={value}" for name, value in SMALL.items()),
            *named,
            *(words if words else ("task=Reach",)),
        ]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["task=Reach", "train.teacher=nobody"], "A student's own policy needs no teacher"),
        (
            ["task=PickCube"],
            "is a policy of task=Reach, and its student would be of task=PickCube; write task=Reach",
        ),
        (
            ["task=Reach", "task.maxJointVelocity=1.5"],
            "task.maxJointVelocity was 2.0 and is 1.5 here; write task.maxJointVelocity=2.0",
        ),
        (["task=Reach", "task.controlPeriod=0.02"], "task.controlPeriod was 0.04 and is 0.02 here"),
        (["task=Reach", "+task.groups.teacher=[goal_pos]"], "comes from there; leave it out"),
    ],
)
def test_what_cannot_teach_is_refused_in_plain_words(teacher: Any, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_teacher(student(teacher, *words))
    assert told in caught.value.report() and "train.teacher=" in caught.value.report()


def test_a_policy_with_memory_is_refused(teacher: rlkit.Run, tmp_path: Path) -> None:
    copy = tmp_path / "remembering"
    shutil.copytree(teacher.path, copy)
    config = copy / "config.yaml"
    config.write_text(config.read_text().replace("memory: none", "memory: gru"))
    with pytest.raises(ConfigError) as caught:
        with_teacher(student(teacher, "task=Reach", f"train.teacher={copy}"))
    assert "remembers its episode (train.memory), and a student's teacher must" in caught.value.report()


def test_a_damaged_checkpoint_is_refused_with_its_setting(teacher: rlkit.Run, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(teacher.path, torn)
    last = torn / "nn" / "checkpoint_last.pth"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(ConfigError) as caught:
        with_teacher(student(teacher, "task=Reach", f"train.teacher={torn}"))
    assert f"train.teacher={torn}: {last} cannot be read: it is torn" in caught.value.report()


def test_moments_of_a_reference_are_those_that_the_teacher_saw() -> None:
    task = compose(["task=TrackMotion"]).task
    (told,) = _problems({**task, "targets": (0.02, 0.04, 0.2)}, task)
    assert told.startswith(
        "it sees something else: task.targets was [0.02,0.04,0.16] and is [0.02,0.04,0.2] here"
    )
    (told,) = _problems({**task, "action": {**task["action"], "reach": 0.5}}, task)
    assert "its actions do something else: task.action.reach was 0.75 and is 0.5 here" in told
    assert [*_problems(task, task)] == []


def test_what_it_sees_becomes_a_group_and_its_file_is_named(teacher: Any) -> None:
    asked = student(teacher, "task=Reach", "task.observations=[arm_joint_pos,grasp_to_goal]")
    found = with_teacher(asked)
    assert found.task["groups"]["teacher"] == tuple(compose(["task=Reach"]).task["observations"])
    assert Path(found.train["teacher"]) == teacher.checkpoints["last"]
    assert with_teacher(found) == found  # as a resume asks for it


def test_its_labels_are_the_actions_that_a_test_of_it_gives(teacher: Any) -> None:
    experiment = with_teacher(
        student(teacher, "task=Reach", "task.observations=[arm_joint_pos,grasp_to_goal]")
    )
    torch.manual_seed(0)
    with closing(build_env(experiment, Ranks(), learning=True)) as env:
        learner = build_learner(experiment, env)
        env.reset()
        shown, labels = [], []

        def noted(obs: Any) -> torch.Tensor:
            shown.append(obs["policy"])
            labels.append(taught(obs))
            return labels[-1]

        taught = learner._teacher  # pyright: ignore[reportAttributeAccessIssue]
        learner.imitate(noted, "one")
        learner.iterate(env)
    tested = compose(
        ["task=Reach", "train=PPO", "train.units=[8]", "device=cpu", "test=true", "checkpoint=some"]
    )
    with closing(build_env(tested, Ranks(), num_envs=4)) as env:
        policy = build_learner(tested, env)
        policy.load(
            checkpoints.load(teacher.checkpoints["last"], torch.device("cpu")).learner, policy_only=True
        )
    assert len(labels) == 8
    for obs, label in zip(shown, labels):
        torch.testing.assert_close(
            label, policy.policy()({"policy": obs, "critic": obs}), atol=1e-6, rtol=0.0
        )


def test_a_student_is_tested_and_loaded_without_its_teacher_and_trains_on_with_it_alone(
    teacher: Any, tmp_path: Path
) -> None:
    mine = tmp_path / "teacher"
    shutil.copytree(teacher.path, mine)
    overrides = {
        **SMALL,
        "train.teacher": str(mine),
        "train.units": [8],
        "train.save_buffer": True,
        "task.observations": ["arm_joint_pos", "grasp_to_goal"],
    }
    run = rlkit.train("Reach", train="Distill", max_iter=2, quiet=True, overrides=overrides)
    assert run.state == "done" and np.isfinite(run.history["losses/imitation"]).all()
    further = rlkit.train(checkpoint=f"{run.name}:last", max_iter=3, quiet=True)
    assert (
        further.iterations == 3 and "exactly where it was saved" in (further.path / "train.log").read_text()
    )
    shutil.rmtree(mine)
    assert rlkit.evaluate(run, episodes=2, num_envs=2, quiet=True).state == "done"
    assert rlkit.load_policy(run).num_observations == 10
    with pytest.raises(ConfigError, match="A student's own policy needs no teacher"):
        rlkit.train(checkpoint=f"{run.name}:last", max_iter=4, quiet=True)
