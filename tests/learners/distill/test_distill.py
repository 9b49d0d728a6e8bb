"""Distill: the loss, who acts, what is learnt from, and an exact resume."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from taught_points import TaughtPoints, assert_3_and_3_iterations_are_6, teacher

from rlkit.env.api import Step
from rlkit.learners.api import LearnerError
from rlkit.learners.distill.learner import Distill
from rlkit.learners.distill.samples import Replay, minibatches
from rlkit.learners.distill.settings import Settings
from rlkit.learners.distill.student import Imitator
from rlkit.learners.settings import read_settings

CPU = torch.device("cpu")


class Watched(TaughtPoints):
    """Keeps the actions that it was given, and what it showed before each."""

    def __init__(self, *, seeing: bool = False) -> None:
        super().__init__(seeing=seeing)
        self.given: list[torch.Tensor] = []
        self.showed: list[dict[str, torch.Tensor]] = []

    def step(self, actions: torch.Tensor) -> Step:
        self.given.append(actions.clone())
        self.showed.append(self.observe())
        return super().step(actions)


def start(settings: dict[str, Any], *, seed: int = 3, seeing: bool = False) -> tuple[Distill, Watched]:
    env = Watched(seeing=seeing)
    env.reset()
    learner = Distill(settings, env.spec, seed=seed)
    learner.imitate(teacher, "one")
    return learner, env


def test_the_loss_is_the_mean_square_over_rows_and_actions(distill: Any) -> None:
    """Two rows of two actions: (0.5² + 1² + 0 + 2²) / 4; an action beyond 1 is not cut before it is compared."""
    student = Imitator(TaughtPoints().spec, read_settings(Settings, distill(obs_normalization=False)))
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.zero_()
        student.head.bias.copy_(torch.tensor([0.5, 2.0]))
    rows = {"policy": torch.zeros(2, 2), "label": torch.tensor([[0.0, 1.0], [0.5, 0.0]])}
    losses = student.losses(rows, torch.Generator(), 0)
    assert losses["loss"].item() == pytest.approx((0.25 + 1.0 + 0.0 + 4.0) / 4.0)
    assert student(rows["policy"]).tolist() == [[0.5, 1.0], [0.5, 1.0]]


def test_without_a_share_of_the_teacher_the_student_acts(distill: Any) -> None:
    learner, env = start(distill(teacher_share=0.0))
    before = Distill(distill(), env.spec, seed=3).policy()
    error = learner.iterate(env).metrics["imitation/error"]
    for given, showed in zip(env.given, env.showed):
        torch.testing.assert_close(given, before(showed))
    wanted = [(teacher({"policy": s["teacher"]}) - before(s)).square().mean() for s in env.showed]
    assert error == pytest.approx(torch.stack(wanted).mean().sqrt().item())


def test_the_teacher_s_share_falls_evenly_to_nothing(distill: Any) -> None:
    learner, env = start(distill(teacher_share=1.0, teacher_iterations=4))
    shares = [learner.iterate(env).metrics["imitation/teacher_share"] for _ in range(6)]
    assert shares == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    taught = [torch.equal(a, teacher({"policy": s["teacher"]})) for a, s in zip(env.given, env.showed)]
    assert all(taught[:8]) and not any(taught[32:])
    mixed = torch.stack(
        [
            (a == teacher({"policy": s["teacher"]})).all(dim=-1)
            for a, s in zip(env.given[16:24], env.showed[16:24])
        ]
    )
    assert 0.3 < mixed.float().mean() < 0.7


def test_its_groups_are_the_teacher_s_too_only_while_there_is_one(distill: Any) -> None:
    env = TaughtPoints()
    learner = Distill(distill(), env.spec, seed=0)
    assert learner.groups == ("policy",)
    with pytest.raises(LearnerError, match="without a teacher"):
        learner.iterate(env)
    learner.imitate(teacher, "one")
    assert learner.groups == ("policy", "teacher")


def test_noise_is_on_the_student_s_actions_in_training_and_on_request_alone(distill: Any) -> None:
    learner, env = start(distill(noise=0.1, teacher_share=0.0))
    obs = env.observe()
    quiet, loud = learner.policy()(obs), learner.policy(stochastic=True)(obs)
    assert 0.05 < (loud - quiet).std() < 0.15
    learner.iterate(env)
    assert 0.05 < (env.given[0] - quiet).std() < 0.15


@pytest.mark.slow
def test_a_student_comes_near_its_teacher_in_its_own_states(distill: Any) -> None:
    learner, env = start(distill(replay_size=2000, learning_rate=3e-3), seeing=True)
    errors = [learner.iterate(env).metrics["imitation/error"] for _ in range(40)]
    assert sum(errors[-5:]) < 0.2 * sum(errors[:5])


@pytest.mark.parametrize("replay_size", [0, 300])
def test_3_and_3_iterations_are_6(distill: Any, tmp_path: Any, replay_size: int) -> None:
    settings = distill(replay_size=replay_size, save_buffer=True, teacher_iterations=4, noise=0.05)
    assert_3_and_3_iterations_are_6(start, settings, tmp_path)


def test_another_teacher_or_a_replay_that_was_not_saved_is_no_exact_resume(distill: Any, caplog: Any) -> None:
    trained, env = start(distill(replay_size=300))
    trained.iterate(env)
    assert "replay" not in trained.state()
    fresh, _ = start(distill(replay_size=300))
    fresh.load(trained.state())
    assert not fresh.complete
    other, _ = start(distill())
    other.imitate(teacher, "two")
    with caplog.at_level("WARNING", logger="rlkit"):
        other.load({**trained.state()})
    assert not other.complete and "the teacher is another" in caplog.text


def test_a_resume_learns_at_the_rate_that_is_asked_for_now(distill: Any) -> None:
    trained, env = start(distill())
    trained.iterate(env)
    slower, _ = start(distill(learning_rate=1e-6))
    slower.load(trained.state())
    optimizer = slower.state()["optimizer"]
    assert [group["lr"] for group in optimizer["param_groups"]] == [1e-6] and optimizer["state"]


def test_the_saved_student_acts_without_its_teacher_and_refuses_other_sizes(distill: Any) -> None:
    trained, env = start(distill())
    trained.iterate(env)
    acting = Distill(distill(), env.spec, seed=9)
    acting.load(trained.policy_state(), policy_only=True)
    assert trained.policy_state().keys() == {"sizes", "student"}
    obs = env.observe()
    assert torch.equal(acting.policy()(obs), trained.policy()(obs))
    torch.testing.assert_close(acting.network()(obs["policy"]), trained.policy()(obs))
    with pytest.raises(LearnerError, match=r"student.head.weight: \(2, 16\) in it, \(2, 24\) here"):
        Distill(distill(units=(24,)), env.spec, seed=9).load(trained.state(), policy_only=True)


def test_a_loss_that_is_not_finite_ends_it(distill: Any) -> None:
    learner, env = start(distill())
    learner.imitate(lambda obs: torch.full((16, 2), float("nan")), "one")
    with pytest.raises(LearnerError, match="NaN or Inf in losses/imitation"):
        learner.iterate(env)


def test_minibatches_show_each_row_once_a_pass() -> None:
    rollout = {"policy": torch.arange(10.0)[:, None], "label": -torch.arange(10.0)[:, None]}
    shown = list(minibatches(rollout, 4, 2, torch.Generator().manual_seed(0)))
    assert [len(batch["label"]) for batch in shown] == [4, 4, 2, 4, 4, 2]
    passes = [torch.cat([b["policy"] for b in shown[k : k + 3]]).flatten().tolist() for k in (0, 3)]
    assert [sorted(values) for values in passes] == [list(range(10))] * 2 and passes[0] != passes[1]
    assert all(torch.equal(batch["policy"], -batch["label"]) for batch in shown)


def test_the_replay_keeps_the_newest_rows() -> None:
    replay = Replay(5, {"label": 1}, CPU)
    for first in (0, 3, 6):
        replay.add({"label": torch.arange(first, first + 3.0)[:, None]})
    assert sorted(replay.rows["label"].flatten().tolist()) == [4, 5, 6, 7, 8]
    assert {*replay.draw(50, torch.Generator().manual_seed(0))["label"].flatten().tolist()} == {4, 5, 6, 7, 8}
    smaller = Replay(3, {"label": 1}, CPU)
    assert not smaller.load(replay.state()) and smaller.count == 0
    larger = Replay(9, {"label": 1}, CPU)
    assert larger.load(replay.state()) and larger.next == 5
