"""AMP, ASE and ADD on the humanoid in MuJoCo: the simulator's state has the clip's features, and a resume is exact."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import torch
from states import assert_same

from rlkit.config import Experiment, compose
from rlkit.env.api import VecEnv
from rlkit.env.task_env import TaskEnv
from rlkit.learners.api import Learner
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.process.ranks import Ranks
from rlkit.tasks.style import Style

pytestmark = pytest.mark.slow

SMALL = (
    *(
        "numEnvs=4",
        "train.horizon_length=16",
        "train.units=[8]",
        "train.mini_epochs=1",
        "train.save_buffer=true",
    ),
    *("train.disc_units=[8]", "train.disc_batch_size=8", "train.disc_updates=2", "train.replay_size=100"),
)


def request(*words: str, train: str = "AMP") -> Experiment:
    return compose([f"train={train}", "sim=mujoco", "device=cpu", *SMALL, *words])


def made(experiment: Experiment) -> tuple[VecEnv, Learner]:
    env = build_env(experiment, Ranks(), learning=True)
    return env, build_learner(experiment, env)


def test_a_robot_that_begins_in_a_clip_has_its_features_in_the_simulator_too() -> None:
    env, _ = made(request("task=Style", "numEnvs=32"))
    with closing(env):
        first = env.reset()["style"]
        assert isinstance(env, TaskEnv) and isinstance(env.task, Style)
        env.task.window.advance()
        again = env.task.style()
        torch.testing.assert_close(again[:, :63], first[:, :63], atol=3e-3, rtol=0.0)


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ("AMP", ("task=Style",)),
        ("AMP", ("task=Steering", "motion=h1")),
        ("ASE", ("task=Style", "task.latent.time=[0.02,0.1]")),
        ("ADD", ("task=TrackMotion",)),
    ],
    ids=["Style", "Steering", "ASE", "ADD"],
)
def test_2_and_2_iterations_are_4(train: str, words: tuple[str, ...], tmp_path: Any) -> None:
    experiment = request(*words, train=train)
    torch.manual_seed(0)
    env, straight = made(experiment)
    env.reset()
    env.stagger()
    for _ in range(2):
        straight.iterate(env)
    torch.save(
        {"learner": straight.state(), "env": env.state(), "rng": torch.get_rng_state()},
        tmp_path / "saved.pth",
    )
    metrics = [straight.iterate(env).metrics for _ in range(2)]
    env.close()
    saved = torch.load(tmp_path / "saved.pth", weights_only=True)
    other, resumed = made(experiment)
    with closing(other):
        resumed.load(saved["learner"])
        other.load_state(saved["env"])
        torch.set_rng_state(saved["rng"])
        assert [resumed.iterate(other).metrics for _ in range(2)] == metrics
    assert_same(resumed.state(), straight.state())
