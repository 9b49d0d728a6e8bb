"""MaskedMimic on the humanoid in MuJoCo: masks and targets go on as they were saved, and the policy can be traced."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import torch
from states import assert_same

from rlkit.config import compose
from rlkit.env.api import EnvSpec, VecEnv
from rlkit.learners.api import Learner
from rlkit.runtime import build
from rlkit.runtime.process.ranks import Ranks

pytestmark = pytest.mark.slow

WORDS = (
    "task=TrackMotion", "train=MaskedMimic", "train.expert=some", "sim=mujoco", "device=cpu", "numEnvs=4",
    "train.horizon_length=16", "train.minibatch_size=32", "train.mini_epochs=1", "train.replay_size=100",
    "train.save_buffer=true", "task.masking.hold=[0.04,0.1]", "train.noise=0.5",
)  # fmt: skip


def made(monkeypatch: pytest.MonkeyPatch) -> tuple[VecEnv, Learner]:
    """The env, and a student of an expert that pushes the joints back to the middle of the clips."""

    def give(_: Any, learner: Learner, spec: EnvSpec) -> None:
        learner.imitate(lambda obs: (-0.1 * obs["policy"][:, : spec.num_actions]).clamp(-1.0, 1.0), "one")

    monkeypatch.setattr(build, "give_teacher", give)
    asked = compose(list(WORDS))
    groups = {**asked.task["groups"], "teacher": ("joint_pos_rel", "target_joints")}
    experiment = replace(asked, task={**asked.task, "groups": groups})
    env = build.build_env(experiment, Ranks(), learning=True)
    return env, build.build_learner(experiment, env)


def test_2_and_2_iterations_are_4(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    torch.manual_seed(0)
    env, straight = made(monkeypatch)
    with closing(env):
        env.reset()
        env.stagger()
        for _ in range(2):
            straight.iterate(env)
        torch.save({"learner": straight.state(), "env": env.state()}, tmp_path / "saved.pth")
        metrics = [straight.iterate(env).metrics for _ in range(2)]
        obs = env.observe()
    saved = torch.load(tmp_path / "saved.pth", weights_only=True)
    other, resumed = made(monkeypatch)
    with closing(other):
        resumed.load(saved["learner"])
        other.load_state(saved["env"])
        assert [resumed.iterate(other).metrics for _ in range(2)] == metrics
        assert_same(other.observe(), obs)
    assert_same(resumed.state(), straight.state())
    traced: Any = torch.jit.trace(resumed.network(), obs["policy"][:1])
    torch.testing.assert_close(traced(obs["policy"]), resumed.policy()(obs))
