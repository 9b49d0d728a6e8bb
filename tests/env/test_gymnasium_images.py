"""Images of Gymnasium environments as a VecEnv shows them: bytes, as the environment gave them."""

from __future__ import annotations

from typing import Any

import known_envs
import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlkit.env.api import EnvError
from rlkit.env.gym.env import GymEnv
from rlkit.env.gym.making import check_observations
from rlkit.env.history import HistoryEnv
from rlkit.env.images import Image, image_of, is_image

SIDE = known_envs.SIDE
PIXELS = SIDE * SIDE


def make(num_envs: int = 2, *, seed: int = 0, **kwargs: Any) -> GymEnv:
    return GymEnv(
        ["Dot-v0"],
        num_envs,
        seed=seed,
        kwargs=kwargs,
        packages=("known_envs",),
        vectorization="sync",
        max_episode_length=3,
    )


def seen_alone(env: GymEnv, index: int) -> np.ndarray:
    """What the sub-environment itself would show now, `[SIDE * SIDE]`."""
    vector: Any = env._vector
    dot = vector.envs[0]._envs[index].member.env.unwrapped
    shown = dot.observe()
    return np.asarray(shown["eye"] if dot.speed else shown).reshape(-1)


@pytest.mark.parametrize("order", ["HWC", "CHW"])
def test_an_image_is_the_bytes_that_the_environment_gave(order: str) -> None:
    env = make(order=order)
    assert env.spec.images == {"observation": Image(SIDE, SIDE, 1, channels_first=order == "CHW")}
    assert env.spec.obs_sizes["policy"] == PIXELS and env.observe()["policy"].dtype == torch.uint8
    obs = env.reset()
    for _ in range(4):  # over the end of an episode
        for index in range(2):
            assert np.array_equal(obs["policy"][index].numpy(), seen_alone(env, index))
        assert obs["policy"].dtype == torch.uint8 and obs["policy"].sum(dim=1).tolist() == [4 * 255] * 2
        step = env.step(torch.full((2, 2), 0.5))
        obs = step.obs
        assert step.info.final_obs["policy"].dtype == torch.uint8
        assert torch.equal(step.info.final_obs["policy"], obs["policy"]) != bool(step.ended.all())


def test_the_numbers_beside_an_image_stand_in_front_of_it_and_are_not_rounded() -> None:
    env = make(speed=True)
    spec = env.spec
    assert spec.observation_terms["policy"] == (("last", 8), ("eye", PIXELS)) and spec.vector_bytes == 8
    assert spec.number_terms == (("last", 2), ("eye", PIXELS))
    env.reset()
    action = torch.tensor([[0.1, -0.7], [1.0, 1e-7]])
    rows = env.step(action).obs["policy"]
    assert rows.dtype == torch.uint8 and rows.shape == (2, 8 + PIXELS)
    numbers = spec.numbers(rows)
    assert torch.equal(numbers[:, :2], action) and torch.equal(spec.numbers(numbers), numbers)
    assert np.array_equal(numbers[1, 2:].numpy(), seen_alone(env, 1).astype(np.float32))
    assert torch.equal(spec.numbers(rows[1:2]), numbers[1:2])  # whose first byte lies anywhere


def test_a_number_beside_an_image_that_is_not_finite_ends_the_episode(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    env = make(speed=True)
    env.reset()
    honest = known_envs.Dot.observe

    def broken(dot: Any) -> Any:
        last = np.array([0.0, np.nan], np.float32)
        return {**honest(dot), "last": last if dot.steps == 2 else dot.last}

    monkeypatch.setattr(known_envs.Dot, "observe", broken)
    assert not env.step(torch.zeros(2, 2)).ended.any()
    with caplog.at_level("WARNING", logger="rlkit"):
        step = env.step(torch.zeros(2, 2))
    assert step.info.reached["failure/unstable"].all() and step.terminated.all()
    assert "the observation term last is nan in number 1 of 2" in caplog.text
    assert not step.info.final_obs["policy"].any()


def test_several_processes_show_the_same_bytes() -> None:
    rows = []
    for how in ("sync", "async"):
        env = GymEnv(
            ["Dot-v0"], 3, seed=4, kwargs={"speed": True}, packages=("known_envs",), vectorization=how, processes=2
        )  # fmt: skip
        try:
            rows.append([env.reset()["policy"], env.step(torch.full((3, 2), 0.3)).obs["policy"]])
        finally:
            env.close()
    assert all(torch.equal(one, other) for one, other in zip(*rows)) and rows[0][0].dtype == torch.uint8


def test_frames_stand_beside_each_other_the_oldest_first() -> None:
    env = HistoryEnv(make(speed=True), 3)
    spec = env.spec
    assert spec.number_terms == (("last", 6), ("eye", 3 * PIXELS)) and spec.vector_bytes == 24
    first = env.reset()["policy"]
    assert first.dtype == torch.uint8
    one = env.env.observe()["policy"][:, 8:]
    assert torch.equal(first[:, 24:], torch.cat([one] * 3, dim=1))
    two = env.step(torch.full((2, 2), 0.5))
    frames = spec.numbers(two.obs["policy"])
    assert frames[0, :6].tolist() == [0.0, 0.0, 0.0, 0.0, 0.5, 0.5]
    newest = env.env.observe()["policy"][:, 8:]
    assert torch.equal(two.obs["policy"][:, 24:], torch.cat([one, one, newest], dim=1))


@pytest.mark.parametrize(
    ("shape", "image"),
    [
        ((96, 64, 3), Image(96, 64, 3)),
        ((3, 96, 64), Image(96, 64, 3, channels_first=True)),
        ((4, 84, 84), Image(84, 84, 4, channels_first=True)),
        ((84, 84), Image(84, 84, 1)),
    ],
)
def test_the_shorter_of_the_outer_axes_has_the_channels(shape: tuple[int, ...], image: Image) -> None:
    assert is_image(shape) and image_of(shape) == image and image.size == np.prod(shape)


def eye(*shape: int) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (eye(16, 16, 16), "observation is an image .16, 16, 16.: its first and last axis are equally long"),
        (eye(4, 84, 84, 3), "several images in one array; give the latest alone: task.history=4"),
        (
            spaces.Dict({"head": spaces.Dict({"eye": eye(16, 16, 3)})}),
            "observation.head.eye is an image inside of another part",
        ),
        (spaces.Tuple((eye(16, 16, 3), spaces.Discrete(2))), "observation.0 is an image inside"),
    ],
)
def test_images_that_nothing_here_can_read_are_refused(space: spaces.Space, message: str) -> None:
    with pytest.raises(EnvError, match=message):
        check_observations("Eye-v0", space)


def test_what_was_a_vector_stays_one() -> None:
    for space in (eye(8, 8), eye(300), spaces.Box(0, 1, (64, 64, 3), np.float32)):
        assert check_observations("Eye-v0", space) == {}
