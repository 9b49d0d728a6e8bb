"""An env behind a transfer is the same env: every value to the last bit, on the device that was asked for."""

from __future__ import annotations

import pytest
import torch
from scripted_env import ScriptedEnv

from benchmarks.point_mass import PointMass
from rlkit.env.api import StepInfo
from rlkit.env.transfer import DeviceEnv, upload

CPU, META = torch.device("cpu"), torch.device("meta")


class Timed(ScriptedEnv):
    """Half of the envs begin a step later when staggered; a step spends 0.25 s in physics."""

    def __init__(self):
        super().__init__([2, 3, 4, 5], [1.0, 2.0, 3.0, 4.0], succeed=[0], fail=[1])
        self.resumable = False

    def step(self, actions):
        self.physics_time += 0.25
        return super().step(actions)

    def stagger(self):
        self.age += torch.tensor([0, 1, 0, 1])

    def snapshot(self):
        return {"age": self.age}


def leaves(result):
    """Everything in the result of a step, by name."""
    obs, reward, terminated, truncated, info = result
    assert isinstance(info, StepInfo)
    named = {"reward": reward, "terminated": terminated, "truncated": truncated, "success": info.success}
    parts = {"obs": obs, "final": info.final_obs, "reached": info.reached, "episodes": info.episodes}
    return {**named, **{f"{part}.{name}": t for part, group in parts.items() for name, t in group.items()}}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype, name
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize(
    "make", [PointMass, lambda: PointMass(asymmetric=True), Timed], ids=["symmetric", "asymmetric", "timed"]
)
def test_every_value_passes_bit_by_bit(make):
    env, wrapped = make(), DeviceEnv(make(), CPU)
    assert_same(env.reset(), wrapped.reset())
    env.stagger()
    wrapped.stagger()
    generator = torch.Generator().manual_seed(0)
    ended = 0
    for _ in range(60):
        actions = 2.0 * torch.rand(env.spec.num_envs, env.spec.num_actions, generator=generator) - 1.0
        expected, got = leaves(env.step(actions)), leaves(wrapped.step(actions))
        assert_same(expected, got)
        assert_same(env.observe(), wrapped.observe())
        ended += int((got["terminated"] | got["truncated"]).sum())
    assert ended > env.spec.num_envs


def test_staggering_is_seen_in_the_observation():
    env = DeviceEnv(Timed(), CPU)
    env.reset()
    env.stagger()
    assert env.observe()["policy"].squeeze(1).tolist() == [0.0, 1.0, 0.0, 1.0]


def test_a_state_goes_through_and_comes_back():
    env, inner = PointMass(8), PointMass(8, seed=9)
    wrapped = DeviceEnv(inner, CPU)
    env.reset()
    wrapped.reset()
    for _ in range(3):
        env.step(torch.ones(8, 2))
    wrapped.load_state(env.state())
    assert_same(wrapped.observe(), env.observe())
    assert_same(wrapped.state(), env.state())
    assert_same(leaves(wrapped.step(-torch.ones(8, 2))), leaves(env.step(-torch.ones(8, 2))))


def test_physics_time_moves_up():
    env = DeviceEnv(Timed(), CPU)
    env.reset()
    for _ in range(3):
        env.step(torch.zeros(4, 1))
    assert env.physics_time == 0.75
    env.physics_time = 0.0  # as the monitor does
    env.step(torch.zeros(4, 1))
    assert env.physics_time == 0.25


def test_results_stay_as_they_were_when_the_env_goes_on():
    class Reusing(Timed):
        """Writes each observation into the same memory."""

        def observe(self):
            self.memory = getattr(self, "memory", torch.zeros(4, 1))
            self.memory.copy_(self.age.unsqueeze(1))
            return {"policy": self.memory, "critic": self.memory}

    env = DeviceEnv(Reusing(), CPU)
    first = env.reset()["policy"]
    second = env.step(torch.zeros(4, 1)).obs["policy"]
    env.step(torch.zeros(4, 1))
    assert first.squeeze(1).tolist() == [0.0] * 4
    assert second.squeeze(1).tolist() == [1.0] * 4


def test_what_is_one_tensor_below_is_one_tensor_above():
    obs = DeviceEnv(PointMass(8), CPU).reset()
    assert obs["policy"] is obs["critic"]


def test_the_actions_arrive_below():
    class Noting(Timed):
        def step(self, actions):
            self.seen = actions.clone()
            return super().step(actions)

    inner = Noting()
    DeviceEnv(inner, CPU).step(torch.tensor([[0.1], [0.2], [0.3], [0.4]]))
    assert inner.seen.tolist() == torch.tensor([[0.1], [0.2], [0.3], [0.4]]).tolist()


def test_everything_but_states_presents_itself_on_the_device():
    env, plain = DeviceEnv(Timed(), META), Timed()
    assert env.spec.device == META
    assert not env.resumable
    assert {obs.device for obs in env.reset().values()} == {META}
    plain.reset()
    action = torch.zeros(4, 1)
    steps = [(leaves(env.step(action)), leaves(plain.step(action))) for _ in range(2)]
    for got, expected in steps:
        assert got.keys() == expected.keys()
        for name, tensor in got.items():
            assert tensor.device == META, name
            assert (tensor.shape, tensor.dtype) == (expected[name].shape, expected[name].dtype), name
    assert "episodes.count" in steps[1][0]  # an episode ends in the second
    assert {obs.device for obs in env.observe().values()} == {META}
    assert env.state()["age"].device == CPU
    assert env.snapshot()["age"].device == CPU


def test_tensors_of_all_sizes_and_types_share_one_copy():
    tensors = [
        torch.tensor([True, False, True]),  # 3 bytes: what follows must be aligned again
        torch.tensor([1e300, float("nan")], dtype=torch.float64),
        torch.zeros(4, 0),
        torch.tensor(2**40),
        torch.arange(12.0).view(3, 4).t(),  # not contiguous
        torch.tensor(0.1, dtype=torch.bfloat16),
    ]
    up = upload([*tensors, tensors[1]], CPU)
    for before, after in zip(tensors, up):
        assert (after.shape, after.dtype) == (before.shape, before.dtype)
        assert torch.equal(after.nan_to_num(7.0), before.nan_to_num(7.0))
    assert up[-1] is up[1]
    assert len({tensor.untyped_storage().data_ptr() for tensor in up}) == 1
