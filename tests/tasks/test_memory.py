"""What a task remembers: timers by hand, and nothing of an episode that is over."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from torch import Tensor

from rlkit.env.task_env import TaskEnv
from rlkit.sims.api import ResetState, SceneSpec
from rlkit.tasks.api import HoldTimer, Task, observation, success
from rlkit.tasks.registry import task_class

TASKS = (
    "BaseTask BoxGrasping CubeReorient Reach ReachOrigin PickCube HumanoidStand HumanoidWalk HumanoidRun"
    " HumanoidVelocity QuadrupedVelocity"
)
CONFIG = {
    "name": "Forgetful",
    "controlPeriod": 0.1,
    "episodeLength": 4,
    "observations": ["steps"],
    "rewardWeights": {},
    "termination": {"success": {"held": True}, "failure": {}},
    "terminationRewards": {"success": 0.0, "failure": 0.0, "timeout": 0.0},
}


class Forgetful(Task):
    """Counts its steps from 5 on and times what the test says holds; its reset clears neither."""

    action_names = ("a",)

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        return SceneSpec(mjcf="", joints=("a",), actuators=("a",))

    def __init__(self, config: Any, sim: Any, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.count = self.buffer("count", 2, first=5.0)
        self.hold = HoldTimer(self, "hold_time")
        self.holds = torch.ones(self.num_envs, dtype=torch.bool)

    def controls(self, actions: Tensor) -> Tensor:
        return actions

    def refresh(self) -> None:
        pass

    def advance(self) -> None:
        self.count += 1.0
        self.hold.run(self.holds)

    def reset(self, env_ids: Tensor) -> ResetState:
        zero = torch.zeros(len(env_ids), 1)
        return ResetState(zero, zero, *self.free_body_state(env_ids))

    @observation(2)
    def steps(self) -> Tensor:
        return self.count

    @success
    def held(self) -> Tensor:
        return self.hold.reached(0.3)


def forgetful(n: int) -> tuple[TaskEnv, Forgetful]:
    sim = StubSimulator(Forgetful.scene(CONFIG), n)
    task = Forgetful(CONFIG, sim, torch.Generator())
    return TaskEnv(sim, task), task


def test_a_hold_is_timed_by_hand_and_broken_by_a_single_step() -> None:
    _, task = forgetful(2)
    seen = []
    for second in (True, True, False, True):
        task.holds = torch.tensor([True, second])
        task.advance()
        seen.append((task.hold.time.tolist(), task.held().tolist()))
    times, held = zip(*seen)
    assert [pytest.approx(t) for t in times] == [[0.1, 0.1], [0.2, 0.2], [0.3, 0.0], [0.4, 0.1]]
    assert list(held) == [[False, False], [False, False], [True, False], [True, False]]


def test_a_hold_is_reached_in_the_period_that_completes_it_whatever_the_sum_rounds_to() -> None:
    _, task = forgetful(1)
    for step in range(1, 1001):  # 1000 x 0.1 in float32 are 99.9990...
        task.advance()
        assert task.hold.reached(100.0).item() == (step == 1000)
    assert task.hold.time.item() < 100.0


def test_an_env_that_ends_remembers_nothing_though_its_task_clears_nothing() -> None:
    env, task = forgetful(2)
    assert env.reset()["policy"].tolist() == [[5.0, 5.0]] * 2
    task.holds = torch.tensor([True, False])
    for _ in range(2):
        env.step(torch.zeros(2, 1))
    step = env.step(torch.zeros(2, 1))  # the first has held for 0.3 s
    assert step.terminated.tolist() == [True, False]
    assert step.obs["policy"].tolist() == [[5.0, 5.0], [8.0, 8.0]]
    assert task.hold.time.tolist() == [0.0, 0.0] and task.episode_step.tolist() == [0, 3]


def test_what_is_remembered_is_saved_and_goes_on() -> None:
    (first, one), (second, two) = forgetful(2), forgetful(2)
    for env in (first, second):
        env.reset()
    for _ in range(2):
        first.step(torch.zeros(2, 1))
    state = first.state()
    assert set(state["task"]) == {"count", "hold_time"}
    second.load_state(state)
    assert torch.equal(two.hold.time, one.hold.time) and torch.equal(two.count, one.count)
    assert second.step(torch.zeros(2, 1)).terminated.all()


def test_a_state_that_calls_the_hold_by_its_old_name_is_taken() -> None:
    env, task = forgetful(2)
    env.reset()
    state = env.state()
    state["task"]["held_time"] = state["task"].pop("hold_time") + 0.2
    env.load_state(state)
    assert task.hold.time.tolist() == pytest.approx([0.2, 0.2])


@pytest.mark.parametrize("name", TASKS.split())
def test_every_task_begins_anew_in_every_tensor_it_remembers(name: str) -> None:
    config, cls = task_config(f"task={name}"), task_class(name)
    task = cls(config, StubSimulator(cls.scene(config), 3), torch.Generator().manual_seed(0))
    task.begin(torch.arange(3))
    assert task.memory()
    for kept in task.memory().values():
        kept.copy_(~kept if kept.dtype == torch.bool else torch.full_like(kept, 77.0))
    before = {key: kept.clone() for key, kept in task.memory().items()}
    task.begin(torch.tensor([1]))
    for key, kept in task.memory().items():
        assert torch.equal(kept[[0, 2]], before[key][[0, 2]]), key
        assert (kept[1] != before[key][1]).all(), key
