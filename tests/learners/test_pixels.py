"""Convolutions in front of networks: sizes and values computed by hand, scale, order of channels."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rlkit.env.api import EnvSpec
from rlkit.env.images import Image
from rlkit.learners import cnn
from rlkit.learners.api import LearnerError
from rlkit.learners.networks.pixels import Encoder, PixelRows, feature_columns
from rlkit.learners.ppo.normalizer import RunningNormalizer


def spec(image: Image, numbers: int = 0, frames: int = 1) -> EnvSpec:
    """Of rows with `numbers` numbers and an image behind them."""
    terms: tuple[tuple[str, int], ...] = (("eye", frames * image.size),)
    terms = (("speed", 4 * numbers), *terms) if numbers else terms
    return EnvSpec(
        task="Eye",
        num_envs=2,
        device=torch.device("cpu"),
        obs_sizes=dict.fromkeys(("policy", "critic"), sum(size for _, size in terms)),
        num_actions=1,
        action_names=("a",),
        max_episode_length=10,
        control_period=0.1,
        observation_terms={"policy": terms, "critic": terms},
        frames={"eye": frames},
        images={"eye": image},
    )


@pytest.mark.parametrize(
    ("which", "side", "shapes"),
    [
        # (84 - 8) / 4 + 1 = 20, (20 - 4) / 2 + 1 = 9, 9 - 3 + 1 = 7: as in the paper
        ("nature", 84, [(32, 20, 20), (64, 9, 9), (64, 7, 7)]),
        ("auto", 36, [(32, 8, 8), (64, 3, 3), (64, 1, 1)]),
        ("auto", 24, [(32, 11, 11), (64, 5, 5)]),
        ("impala", 84, [(16, 42, 42), (32, 21, 21), (32, 11, 11)]),
        ([[8, 5, 3], [4, 2, 1]], 17, [(8, 5, 5), (4, 4, 4)]),
    ],
)
def test_an_image_shrinks_as_computed_by_hand(which: Any, side: int, shapes: list[Any]) -> None:
    image = Image(side, side, 3)
    assert cnn.shapes(which, image) == shapes
    encoder = Encoder(which, spec(image))
    filters, height, width = shapes[-1]
    made = encoder(torch.rand(2, image.size))
    assert made.shape == (2, filters * height * width) and encoder.features == made.shape[1]


def test_a_kernel_that_does_not_fit_is_told_with_what_does() -> None:
    image = Image(20, 64, 1)
    told = (
        "train.cnn=nature: the kernel of layer 2 is larger than what is left of eye, an image 20 x 64 x 1 (HWC);"
        " train.cnn=auto chooses layers that fit, train.cnn=[[32,3,2],[64,3,2]] are small ones"
    )
    assert cnn.problem("nature", "eye", Image(19, 64, 1)) == told.replace("20 x", "19 x")
    assert cnn.problem("auto", "eye", image) is None and cnn.problem("impala", "eye", image) is None
    with pytest.raises(LearnerError, match=r"train.cnn=\[\[4,30,1\]\]: the kernel of layer 1"):
        Encoder([[4, 30, 1]], spec(image))


def test_features_are_those_of_the_convolution_by_hand() -> None:
    image = Image(2, 3, 2)
    encoder = Encoder([[1, 2, 1]], spec(image, numbers=1))
    conv: Any = next(encoder.stacks[0].children())
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0, 0, 0], conv.weight[0, 1, 1, 1] = (
            1.0,
            10.0,
        )  # upper left of red, lower right of green
        conv.bias.fill_(0.5)
    red = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    pixels = torch.stack([red, red / 10], dim=-1)  # [height, width, channels]
    made = encoder(torch.cat([torch.tensor([-7.0]), pixels.flatten()])[None])
    # 1 + 10 * 0.5 + 0.5, 2 + 10 * 0.6 + 0.5; the number in front as it is
    assert made.flatten().tolist() == pytest.approx([-7.0, 6.5, 8.5])
    assert feature_columns([[1, 2, 1]], spec(image, numbers=1)) == {"speed": slice(0, 1), "eye": slice(1, 3)}


@pytest.mark.parametrize("which", ["auto", "impala"])
def test_both_orders_of_channels_and_frames_are_the_same_image(which: str) -> None:
    last, first = Image(16, 12, 3), Image(16, 12, 3, channels_first=True)
    encoders = [Encoder(which, spec(image, frames=2)) for image in (last, first)]
    encoders[1].load_state_dict(encoders[0].state_dict())
    pixels = torch.rand(4, 2, 16, 12, 3)
    made = [encoders[0](pixels.flatten(1)), encoders[1](pixels.permute(0, 1, 4, 2, 3).flatten(1))]
    assert torch.allclose(*made, atol=1e-6)
    # The frames beside each other are channels: the other way round it is another image
    assert not torch.allclose(made[0], encoders[0](pixels.flip(1).flatten(1)), atol=1e-3)


def test_pixels_are_divided_by_255_and_numbers_alone_normalised() -> None:
    eye = spec(Image(16, 16, 1), numbers=2)
    vector, alone = RunningNormalizer(2), RunningNormalizer(2)
    reader = PixelRows(eye, vector)
    numbers = torch.tensor([[1.0, -4.0], [3.0, 0.0]])
    pixels = torch.randint(0, 256, (2, 256), dtype=torch.uint8)
    rows = torch.cat([numbers.view(torch.uint8), pixels], dim=1)
    reader.update(rows)
    alone.update(numbers)
    assert vector.running_mean.tolist() == alone.running_mean.tolist() != [0.0, 0.0]
    made = reader(rows)
    assert torch.equal(made[:, 2:], pixels / 255.0) and made[:, 2:].max() <= 1.0
    assert torch.equal(made[:, :2], alone(numbers))
    assert torch.equal(reader(eye.numbers(rows)), made)  # what exports and doors are given
    assert PixelRows(eye, None)(rows)[:, :2].tolist() == numbers.tolist()


def test_images_alone_have_nothing_to_learn_statistics_of() -> None:
    reader = PixelRows(spec(Image(16, 16, 1)), None)
    rows = torch.full((3, 256), 51, dtype=torch.uint8)
    reader.update(rows)
    assert reader(rows).unique().tolist() == pytest.approx([0.2]) and not reader.state_dict()
