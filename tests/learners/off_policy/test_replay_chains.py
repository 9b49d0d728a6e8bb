"""Every row of the ring against a naive reference: a list of steps per env, each with its true next observation."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlkit.learners.off_policy.replay.buffer import Batch, ReplayBuffer

GAMMA = 0.5  # exact in floating point with integer rewards
POLICY, CRITIC = 2, 3
RUNS_ON, TERMINATED, TRUNCATED = "runs on", "terminated", "truncated"


@dataclass
class Step:
    """One transition of one env; a gap (a slot that `start` left without an action) has no ending."""

    obs: list[float]
    action: float = 0.0
    reward: float = 0.0
    ending: str | None = None
    final: list[float] | None = None


@dataclass
class Row:
    """What a row of the batch must say."""

    obs: list[float]
    action: float
    reward: float
    discount: float
    following: list[float] | None
    weight: float


class Reference:
    """All that ever happened to one env; `kept`: how many of its latest final observations are still known."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.history: list[Step] = []
        self.obs: list[float] = []  # the current one

    def start(self, obs: list[float]) -> None:
        if self.history:
            self.history.append(Step(self.obs))
        self.obs = obs

    def add(self, step: Step, obs: list[float]) -> None:
        self.history.append(step)
        self.obs = obs

    def usable(self, time: int) -> bool:
        step = self.history[time]
        if step.ending != TRUNCATED:
            return step.ending is not None
        later = sum(other.ending == TRUNCATED for other in self.history[time + 1 :])
        return later < self.kept

    def row(self, start: int, n_step: int) -> Row:
        """Walk from `start`, one step at a time, for as long as the history allows."""
        first = self.history[start]
        if not self.usable(start):
            return Row(first.obs, first.action, 0.0, 0.0, None, 0.0)
        total, factor, time = 0.0, 1.0, start
        while time < start + n_step and time < len(self.history) and self.usable(time):
            step = self.history[time]
            total += factor * step.reward
            factor *= GAMMA
            time += 1
            if step.ending == TERMINATED:
                return Row(first.obs, first.action, total, 0.0, None, 1.0)
            if step.ending == TRUNCATED:
                return Row(first.obs, first.action, total, factor, step.final, 1.0)
        following = self.history[time].obs if time < len(self.history) else self.obs
        return Row(first.obs, first.action, total, factor, following, 1.0)


class Pair:
    """A buffer and its references, fed with the same steps; observations are counted so that none is twice."""

    def __init__(self, num_envs: int, steps: int, n_step: int, limit: int, groups: str) -> None:
        self.asymmetric = groups != "shared"
        self.options: dict[str, Any] = {
            "num_envs": num_envs, "steps": steps, "policy_size": POLICY, "num_actions": 1, "gamma": GAMMA,
            "critic_size": CRITIC if self.asymmetric else POLICY, "n_step": n_step,
            "max_episode_length": limit, "device": torch.device("cpu"), "asymmetric": self.asymmetric,
            "policy_in_critic": groups == "policy in critic",
        }  # fmt: skip
        self.buffer = ReplayBuffer(**self.options)
        self.references = [Reference(kept=steps // limit + 1) for _ in range(num_envs)]
        self.n_step, self.counter = n_step, 0

    def observe(self) -> list[list[float]]:
        rows = []
        for _ in self.references:
            self.counter += 1
            rows.append([float(self.counter), -2.0 * self.counter, 3.0 * self.counter])
        return rows

    def groups(self, rows: list[list[float]]) -> dict[str, torch.Tensor]:
        full = torch.tensor(rows)
        policy = full[:, :POLICY].clone()
        return {"policy": policy, "critic": full if self.asymmetric else policy}

    def start(self) -> None:
        rows = self.observe()
        self.buffer.start(self.groups(rows))
        for reference, row in zip(self.references, rows):
            reference.start(row)

    def add(self, endings: list[str]) -> None:
        finals, rows = self.observe(), self.observe()
        steps = [
            Step(reference.obs, float(-final[0]), float(int(final[0]) * 7 % 16), ending, final)
            for reference, ending, final in zip(self.references, endings, finals)
        ]
        self.buffer.add(
            self.groups(rows),
            torch.tensor([[step.action] for step in steps]),
            torch.tensor([step.reward for step in steps]),
            torch.tensor([ending == TERMINATED for ending in endings]),
            torch.tensor([ending == TRUNCATED for ending in endings]),
            self.groups(finals),
        )
        for reference, step, row in zip(self.references, steps, rows):
            reference.add(step, row)

    def check(self) -> None:
        """Every stored transition of every env, oldest first."""
        buffer, envs = self.buffer, len(self.references)
        times = len(self.references[0].history)
        stored = min(times, buffer.steps)
        assert buffer.steps_stored == stored
        for time in range(times - stored, times):
            rows = torch.arange(envs) + time % (buffer.steps + 1) * envs
            batch = buffer._gather(rows)
            for env, reference in enumerate(self.references):
                self.compare(batch, env, reference.row(time, self.n_step))

    def compare(self, batch: Batch, env: int, row: Row) -> None:
        got = Batch(*(value[env] for value in batch))
        critic = CRITIC if self.asymmetric else POLICY
        assert got.weight == row.weight
        assert got.policy.tolist() == row.obs[:POLICY]
        assert got.critic.tolist() == row.obs[:critic]
        if row.weight:
            assert got.action.tolist() == [row.action]
            assert got.reward == row.reward
            assert got.discount == row.discount
        if row.following is not None:
            assert got.next_policy.tolist() == row.following[:POLICY]
            assert got.next_critic.tolist() == row.following[:critic]
        assert all(torch.isfinite(value).all() for value in got)


endings = st.sampled_from([RUNS_ON, RUNS_ON, RUNS_ON, TERMINATED, TRUNCATED])


@pytest.mark.slow
@given(
    data=st.data(),
    num_envs=st.integers(1, 3),
    steps=st.integers(1, 6),
    n_step=st.sampled_from([1, 2, 3, 5]),
    limit=st.integers(1, 9),
    groups=st.sampled_from(["shared", "both", "policy in critic"]),
)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_every_row_at_every_head_position(
    data: st.DataObject, num_envs: int, steps: int, n_step: int, limit: int, groups: str
):
    pair = Pair(num_envs, steps, n_step, limit, groups)
    pair.start()
    events = data.draw(
        st.lists(st.none() | st.lists(endings, min_size=num_envs, max_size=num_envs), max_size=18)
    )
    for event in events:
        if event is None:
            pair.start()
        else:
            pair.add(event)
        pair.check()


@pytest.mark.parametrize("n_step", [1, 2, 3, 5])
def test_three_rounds_of_the_ring_with_staggered_time_limits_lose_nothing(n_step: int):
    """Each env times out every 4 steps, the second two steps after the first: all rows count, as a task has it."""
    pair = Pair(num_envs=2, steps=10, n_step=n_step, limit=4, groups="shared")
    pair.start()
    for time in range(33):
        pair.add([TRUNCATED if (time + shift) % 4 == 3 else RUNS_ON for shift in (0, 2)])
        pair.check()
        stored = pair.buffer._gather(pair.buffer._draw(200, torch.Generator().manual_seed(time)))
        assert stored.weight.min() == 1.0


def play(pair: Pair, generator: torch.Generator, times: int) -> None:
    """Random endings, three quarters of the steps run on."""
    for _ in range(times):
        draws = torch.randint(8, (len(pair.references),), generator=generator).tolist()
        pair.add([{0: TERMINATED, 1: TRUNCATED}.get(draw, RUNS_ON) for draw in draws])


@pytest.mark.parametrize("before", [0, 1, 4, 6, 7, 20])
@pytest.mark.parametrize("groups", ["shared", "both"])
def test_saved_and_loaded_it_draws_and_goes_on_the_same(before: int, groups: str):
    pair = Pair(num_envs=3, steps=6, n_step=3, limit=3, groups=groups)
    pair.start()
    play(pair, torch.Generator().manual_seed(before), before)
    file = io.BytesIO()
    torch.save(pair.buffer.state(), file)
    file.seek(0)
    loaded = ReplayBuffer(**pair.options)
    play_over = Pair(num_envs=3, steps=6, n_step=3, limit=3, groups=groups)
    play_over.buffer = loaded  # something else is in it when it loads
    play_over.start()
    play(play_over, torch.Generator().manual_seed(99), 5)
    loaded.load_state(torch.load(file, weights_only=True))

    def draws(buffer: ReplayBuffer) -> Batch:
        return buffer.sample(100, torch.Generator().manual_seed(5))

    if before:
        for one, other in zip(draws(pair.buffer), draws(loaded)):
            assert torch.equal(one, other)
    pair.buffer = loaded  # the references go on with the loaded one
    for event in range(9):
        play(pair, torch.Generator().manual_seed(event), 1)
        pair.check()
    pair.start()
    play(pair, torch.Generator().manual_seed(7), 2)
    pair.check()


def test_a_saved_buffer_holds_only_what_is_filled():
    pair = Pair(num_envs=2, steps=1000, n_step=1, limit=10, groups="shared")
    pair.start()
    play(pair, torch.Generator(), 4)
    file = io.BytesIO()
    torch.save(pair.buffer.state(), file)
    assert len(file.getvalue()) < 10_000  # all of its observations and moves take 34 kB


def test_a_state_is_a_copy():
    pair = Pair(num_envs=1, steps=3, n_step=1, limit=10, groups="shared")
    pair.start()
    play(pair, torch.Generator(), 3)
    state = pair.buffer.state()
    before = state["moves"].clone()
    play(pair, torch.Generator(), 3)
    assert torch.equal(state["moves"], before)


def test_a_state_of_other_envs_is_refused_and_nothing_changes():
    pair, other = (Pair(num_envs=envs, steps=4, n_step=1, limit=10, groups="shared") for envs in (2, 3))
    for each in (pair, other):
        each.start()
        play(each, torch.Generator(), 2)
    with pytest.raises(ValueError, match=r"num_envs 3 \(here 2\)"):
        pair.buffer.load_state(other.buffer.state())
    pair.check()


def test_a_new_buffer_that_loads_goes_on_forgetting_what_it_must():
    """Two truncations are stored and kept; two more, in every step, take the places of their final observations."""
    pair = Pair(num_envs=2, steps=6, n_step=3, limit=4, groups="shared")
    pair.start()
    for ending in (RUNS_ON, TRUNCATED, RUNS_ON, TRUNCATED):
        pair.add([ending, ending])
    loaded = ReplayBuffer(**pair.options)
    loaded.load_state(pair.buffer.state())
    pair.buffer = loaded
    pair.check()
    for _ in range(2):
        pair.add([TRUNCATED, RUNS_ON])
        pair.check()
    assert pair.buffer._gather(torch.tensor([1 * 2])).weight.item() == 0.0
    assert pair.buffer._gather(torch.tensor([1 * 2 + 1])).weight.item() == 1.0


def test_more_final_observations_than_a_byte_counts():
    """Episodes of two steps in a ring of 520: 260 final observations are pointed at."""
    pair = Pair(num_envs=1, steps=520, n_step=2, limit=2, groups="shared")
    pair.start()
    for time in range(530):
        pair.add([TRUNCATED if time % 2 else RUNS_ON])
    pair.check()
    assert pair.buffer._gather(torch.arange(521)).weight.sum() == 520  # all but the open slot
