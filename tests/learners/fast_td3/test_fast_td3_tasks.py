"""FastTD3 in a mixed run: rewards of each task at one scale, whatever the tasks pay."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scripted_env import ScriptedEnv
from states import assert_same
from two_tasks import FACTOR, TwoTasks

from rlkit.env.api import Mirror
from rlkit.learners.api import LearnerError
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.fast_td3.settings import Settings
from rlkit.learners.off_policy.watch import warnings
from rlkit.learners.settings import read_settings


class Fixed(ScriptedEnv):
    """Env 0 plays "low" and earns 1 and 3 in turn, env 1 plays "high" and earns 1000 and 3000."""

    def __init__(self):
        super().__init__([2, 2], [1.0, 1000.0])
        terms = (("age", 1), ("task", 2))
        self.spec = replace(
            self.spec,
            obs_sizes={"policy": 3, "critic": 3},
            observation_terms={"policy": terms, "critic": terms},
            tasks=("low", "high"),
        )

    def observe(self):
        obs = torch.cat([self.age.float().unsqueeze(1), torch.eye(2)], 1)
        return {"policy": obs, "critic": obs}

    def step(self, actions):
        first = self.age[0] == 0
        step = super().step(actions)
        return step if first else step._replace(reward=3.0 * step.reward)


@pytest.mark.parametrize(("num_steps", "sums"), [(1, [1.0, 3.0]), (2, [2.5, 3.0])])
def test_each_row_is_scaled_by_its_own_task(fast_train, num_steps, sums):
    settings = fast_train(
        reward_normalization=True, gamma=0.5, num_steps=num_steps, v_min=-10.0, v_max=10.0,
        learning_starts=99, obs_normalization=False,
    )  # fmt: skip
    env = Fixed()
    learner = FastTD3(settings, env.spec, seed=0)
    env.reset()
    metrics = learner.iterate(env).metrics
    # Returns of "low": 1 and 0.5 + 3, over and over; their spread is 1.25, more than a tenth of the largest.
    assert metrics["returns/reward_scale/low"] == pytest.approx(1 / 1.25)
    assert metrics["returns/reward_scale/high"] == pytest.approx(1 / 1250)
    assert (metrics["returns/low"], metrics["returns/high"]) == (0.0, 3500.0)
    assert "returns/reward_scale" not in metrics
    batch = learner.update.draw()
    low = batch.policy[:, 1] == 1.0
    assert low.any() and not low.all()
    age = batch.policy[:, 0].long()  # chains begin in the first or in the last step
    torch.testing.assert_close(batch.reward, torch.tensor(sums)[age] / 1.25)
    stored = learner.replay.sample(64, torch.Generator().manual_seed(0)).reward
    assert stored.max() == 1000.0 * max(sums)  # as they were paid


def test_a_mirrored_row_is_scaled_like_its_original(fast_train):
    env = Fixed()
    swap = ((0, 2, 1), (1.0, 1.0, 1.0))  # in the mirror it looks like the other task
    env.spec = replace(env.spec, mirror=Mirror({"policy": swap, "critic": swap}, ((0,), (-1.0,))))
    learner = FastTD3(fast_train(reward_normalization=True, symmetry=True), env.spec, seed=0)
    env.reset()
    learner.iterate(env)
    rows = learner.update.draw().reward.view(2, -1)
    assert torch.equal(rows[0], rows[1]) and rows.max() < 10.0


@pytest.mark.slow
def test_a_mixed_run_resumes_exactly(fast_train, tmp_path):
    def begin(seed):
        env = TwoTasks(16)
        env.reset()
        return FastTD3(fast_train(reward_normalization=True), env.spec, seed=seed), env

    straight, env = begin(3)
    metrics = [dict(straight.iterate(env).metrics) for _ in range(12)]
    first, env_a = begin(3)
    for _ in range(6):
        first.iterate(env_a)
    torch.save({"learner": first.state(), "env": env_a.state()}, tmp_path / "checkpoint.pth")
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    second, env_b = begin(99)
    second.load(saved["learner"])
    env_b.load_state(saved["env"])
    resumed = [dict(second.iterate(env_b).metrics) for _ in range(6)]
    for row in (*metrics, *resumed):
        row.pop("rate/updates_per_s")
    assert resumed == metrics[6:]
    assert_same(second.state(), straight.state())
    low, high = (metrics[-1][f"returns/reward_scale/{task}"] for task in ("low", "high"))
    assert low / high == pytest.approx(FACTOR, rel=0.5)  # the same points, other draws


def test_a_run_of_other_tasks_does_not_continue(fast_train):
    spec = TwoTasks(16).spec
    learner, other = (FastTD3(fast_train(), s, seed=0) for s in (spec, replace(spec, tasks=())))
    with pytest.raises(LearnerError, match="returns of 0 tasks in it, 2 here"):
        learner.load(other.state())
    learner.load(other.state(), policy_only=True)


def test_a_collapse_is_judged_by_the_task_that_makes_the_spread(fast_train):
    settings = read_settings(Settings, fast_train())
    scales = {"returns/reward_scale/low": 3.0, "returns/reward_scale/high": 0.01}
    metrics = {"returns/spread": 5.0, **scales}  # 0.05 as the critics see it
    assert warnings(settings, 16, 2000, {**metrics, "q/spread": 0.001}) == {}
    assert "collapse" in warnings(settings, 16, 2000, {**metrics, "q/spread": 0.0004})
