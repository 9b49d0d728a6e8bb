"""What wraps an env hides nothing of it."""

from __future__ import annotations

import pytest
import torch
from scripted_env import ScriptedEnv

from rlkit.env.api import Step, StepInfo, VecEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.env.wrapper import EnvWrapper
from rlkit.runtime.training.monitor import Monitor

METHODS = {name for name, value in vars(VecEnv).items() if callable(value) and not name.startswith("_")}
ATTRIBUTES = {name for name in VecEnv.__annotations__ if not name.startswith("_")}


class Inner(ScriptedEnv):
    """Every method of `VecEnv` notes its name and arguments, and returns them."""

    def __init__(self) -> None:
        super().__init__([2, 3], [1.0, 2.0])
        self.calls: list[tuple] = []
        for name in METHODS:
            setattr(self, name, lambda *args, name=name: self.calls.append((name, *args)) or (name, *args))


def test_there_is_something_to_forward() -> None:
    assert {"step", "reset", "push", "rewind", "close"} <= METHODS
    assert {"spec", "mjcf", "unstable_hint", "physics_time"} <= ATTRIBUTES
    assert {name for name in vars(VecEnv) if not name.startswith("_")} <= METHODS | ATTRIBUTES


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_is_the_inner_envs(name: str) -> None:
    inner = Inner()
    assert getattr(EnvWrapper(inner), name)("one", 2) == (name, "one", 2)
    assert inner.calls == [(name, "one", 2)]


@pytest.mark.parametrize("name", sorted(ATTRIBUTES))
def test_every_attribute_is_the_inner_envs_to_read_and_to_set(name: str) -> None:
    inner, value, other = Inner(), object(), object()
    wrapper = EnvWrapper(inner)
    setattr(inner, name, value)
    assert getattr(wrapper, name) is value
    setattr(wrapper, name, other)
    assert getattr(inner, name) is other


@pytest.mark.parametrize(
    ("wrapped", "own"),
    [
        (lambda env: Monitor(env), {"step"}),
        (
            lambda env: DeviceEnv(env, torch.device("cpu")),
            {
                "spec",
                "reset",
                "begin_scenarios",
                "demonstrations",
                "learn_from",
                "observe",
                "step",
                "stagger",
                "load_state",
            },
        ),
    ],
    ids=["Monitor", "DeviceEnv"],
)
def test_our_wrappers_override_what_they_change_alone(wrapped, own: set[str]) -> None:
    assert {name for name in METHODS | ATTRIBUTES if name in vars(type(wrapped(Inner())))} == own


def test_a_step_has_names_and_unpacks() -> None:
    flags = torch.tensor([True, False, False]), torch.tensor([False, True, False])
    info = StepInfo({}, flags[0])
    step = Step({}, torch.tensor([1.0, 2.0, 3.0]), *flags, info)
    assert step.ended.tolist() == [True, True, False]
    obs, reward, terminated, truncated, last = step
    assert (obs, last) == ({}, info)
    assert reward is step.reward
    assert (terminated, truncated) == (step.terminated, step.truncated)
