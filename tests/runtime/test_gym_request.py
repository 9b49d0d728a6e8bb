"""Wrong Gymnasium environments are found from the request alone, all at once, before there is a run."""

from __future__ import annotations

import dataclasses
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import known_envs
import pytest

from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.errors import ConfigError
from rlkit.runtime.gym_request import problems


def found(*words: str) -> list[str]:
    return problems(compose(["task=Gym", "device=cpu", *words]))


def test_a_right_request_has_no_problems_and_makes_each_environment_once():
    before = known_envs.Count.made
    # Its steps after the first ten would raise: that is for the run to find out.
    assert found("env.ids=[known_envs:Count-v0,known_envs:Endless-v0]", "env.kwargs.raises=11") == []
    assert known_envs.Count.made == before + 2


def test_what_the_first_steps_show_is_told():
    (message,) = found("env.id=known_envs:Endless-v0", "env.kwargs.raises=3")
    assert message.startswith("env.id=known_envs:Endless-v0 failed in its first steps: ValueError: the wheel")
    assert "known_envs.py:" in message
    (message,) = found("env.id=known_envs:Old-v0", "env.kwargs.kind=step")
    assert "step() returned a tuple of 4" in message and "return five values" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import gymnasium\n1 / 0\n", "ZeroDivisionError: division by zero ("),
        ("def broken(:\n", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 ("),
        ("import nowhere_at_all\n", "needs the package nowhere_at_all"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_line(text, message, tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for words in (("env.id=broken_module:A-v0",), ("env.id=Pendulum-v1", "task.packages=[broken_module]")):
        (told,) = found(*words)
        assert message in told and "env.id=" in told and "\n" not in told
    (told,) = found("env.id=Pendulum-v1", "task.wrapper=broken_module:wrap")
    assert told.startswith("task.wrapper=broken_module:wrap: ")


def test_a_wrapper_that_fails_or_returns_none_is_told():
    (message,) = found("env.id=Pendulum-v1", "task.wrapper=test_gym_request:returns_none")
    assert message.startswith("task.wrapper=test_gym_request:returns_none returned None, not an environment")
    (message,) = found("env.id=Pendulum-v1", "task.wrapper=test_gym_request:fails")
    assert message.startswith("task.wrapper=test_gym_request:fails failed: IndexError: pop from empty list (")
    assert "test_gym_request.py:" in message


def returns_none(env, task):
    return None


def fails(env, task):
    return [].pop()


def test_every_unknown_id_is_told_before_any_environment_is_made():
    before = known_envs.Count.made
    cuont, parst = found("env.ids=[known_envs:Cuont-v0,known_envs:Count-v0,known_envs:Parst-v0]")
    assert "env.id=Cuont-v0" in cuont and "Did you mean Count-v0" in cuont
    assert "env.id=Parst-v0" in parst and "Did you mean Parts-v0" in parst
    assert known_envs.Count.made == before


def test_every_environment_that_cannot_be_used_is_told():
    cart, needy = found("env.ids=[CartPole-v1,known_envs:Count-v0,known_envs:Needy-v0]")
    assert cart.startswith("env.id=CartPole-v1: its actions are Discrete(2)")
    assert needy == (
        "env.id=known_envs:Needy-v0 needs the package a_package_that_is_not_there, which is not installed here;"
        " install it with: pip install a_package_that_is_not_there"
    )


def test_what_fails_for_every_id_alike_is_told_once(monkeypatch):
    monkeypatch.setattr("rlkit.env.gym.making._missing", lambda _, error: f"no {error.name}")
    assert found("env.ids=[CartPole-v1,Pendulum-v1,nowhere:A-v0,nowhere:B-v0]") == ["no nowhere"]


@pytest.mark.parametrize("package", ["mujoco", "imageio"])
def test_a_package_that_mujoco_environments_need_comes_with_ours(package, monkeypatch):
    def absent(entry_point):
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr("rlkit.env.gym.making.load_env_creator", absent)
    (message,) = found("env.id=HalfCheetah-v5")
    start = (
        f"env.id=HalfCheetah-v5 needs the package {package}, which is not installed here; install it with: "
    )
    # The clone is "." where this was imported in it, whatever the tests before
    assert re.fullmatch(re.escape(start) + r"pip install -e '?\S+\[mujoco,gymnasium\]'?", message)


def test_actions_of_other_sizes_and_a_missing_wrapper_are_told():
    assert found("env.ids=[known_envs:Count-v0,Pendulum-v1]") == [
        "env.ids: one policy needs actions of one size, but known_envs:Count-v0 takes 2, Pendulum-v1 takes 1;"
        " train them in runs of their own"
    ]
    (message,) = found("env.id=Pendulum-v1", "task.wrapper=nowhere:wrap")
    assert message == "task.wrapper=nowhere:wrap: No module named 'nowhere'; it must be <module>:<function>"


def found_with(memory: int, *words: str) -> list[str]:
    """What a machine with so many free bytes finds."""
    with pytest.MonkeyPatch.context() as patch:
        machine = dataclasses.replace(Machine.detect(), memory=memory)
        patch.setattr(Machine, "detect", lambda: machine)
        return found(*words)


@pytest.mark.slow
def test_environments_that_do_not_fit_into_memory_are_measured_and_refused():
    # In a process of its own, as a user's request is: one that has freed much would make the next from what it kept.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:

        def ask(memory: float, *words: str) -> list[str]:
            return fresh.submit(found_with, int(memory), *words).result()

        words = ("env.id=known_envs:Heavy-v0", "numEnvs=20")
        assert ask(1e12, *words) == []
        (message,) = ask(600e6, *words)
        (each,) = re.findall(r"each environment takes about (\d+) MB", message)
        assert 55 <= int(each) <= 75  # 60 MB and what making them takes
        (fits,) = re.findall(r"main memory has 0.6 free; env.numEnvs=(\d+) fits", message)
        assert ask(600e6, "env.id=known_envs:Heavy-v0", f"numEnvs={fits}") == []
        assert ask(600e6, "env.id=known_envs:Parts-v0", "numEnvs=20") == []  # each a few bytes


DOT = "env.id=known_envs:Dot-v0"


def test_images_are_for_learners_that_take_them():
    assert found(DOT) == []
    (message,) = found(DOT, "train=GymFastTD3")
    assert message == (
        "train.learner=fast_td3: env.id=known_envs:Dot-v0 observes observation, an image 16 x 16 x 1 (HWC), and this"
        " learner takes vectors of numbers alone; write train=GymPPO, or wrap the environment (task.wrapper) so that it"
        " shows its state"
    )


def test_convolutions_that_do_not_fit_on_the_image_and_several_environments_are_refused():
    (message,) = found(DOT, "train.cnn=nature")
    assert message.startswith(
        "train.cnn=nature: the kernel of layer 2 is larger than what is left of observation"
    )
    (message,) = found("env.ids=[known_envs:Dot-v0,known_envs:Count-v0]")
    assert message == (
        "env.ids=[known_envs:Dot-v0,known_envs:Count-v0]: observations are padded to the longest, which makes no sense"
        " of images; train each in a run of its own, as env.id=known_envs:Dot-v0"
    )
    with pytest.raises(ConfigError, match=r"train.cnn=natur: needs .*did you mean nature"):
        compose(["task=Gym", DOT, "train.cnn=natur"])


def test_a_rollout_of_images_that_does_not_fit_into_memory_is_refused(monkeypatch):
    machine = dataclasses.replace(Machine.detect(), memory=50_000_000, ranks_here=1)
    monkeypatch.setattr(Machine, "detect", lambda: machine)
    # 1000 envs x 128 steps x 256 bytes, twice: 66 MB; a minibatch, a quarter of these samples as float32: 33 MB.
    # (0.9 x 50 MB - 33 MB) / 65,536 bytes an env
    words = (DOT, "numEnvs=1000", "training.evalInterval=0", "task.envMemory=0.001")
    (message,) = found(*words)
    assert message == (
        "env.numEnvs=1000: a rollout of 128 steps with images of 256 bytes needs 0.1 GB, main memory has 0.1 free;"
        " env.numEnvs=186 or a smaller train.horizon_length fits"
    )
    assert found(DOT, "numEnvs=186", *words[2:]) == []
