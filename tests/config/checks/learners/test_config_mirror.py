"""Symmetry is refused before boot where there is no mirror."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["task=BoxGrasping", "train.symmetry=true"],
            "train.symmetry=true: task BoxGrasping declares no mirror (Task.mirror in its file); write"
            " train.symmetry=false",
        ),
        (
            ["task=BoxGrasping", "train=FastTD3", "train.symmetry=true"],
            "train.symmetry=true: task BoxGrasping declares no mirror (Task.mirror in its file); write"
            " train.symmetry=false",
        ),
        (
            ["task=Gym", "env.id=Pendulum-v1", "train.mirror_loss_coef=0.5"],
            "train.mirror_loss_coef=0.5: Gymnasium environments declare no mirror; write train.mirror_loss_coef=0",
        ),
        (
            ["task=Style", "train=ASE", "train.symmetry=true"],
            "train.symmetry=true: what the discriminator of ASE rewards need not be as good in a mirror;"
            " write train.symmetry=false",
        ),
    ],
)
def test_where_there_is_no_mirror_it_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose([*words, "device=cpu"])
    assert message in caught.value.messages


def test_where_there_is_one_it_is_taken_and_schedules_last_as_long_as_the_run() -> None:
    train = compose(
        [
            "task=HumanoidVelocity",
            "train.symmetry=true",
            "train.lr_schedule=cosine",
            "maxIter=70",
            "device=cpu",
        ]
    ).train
    assert (train["symmetry"], train["schedule_steps"]) == (True, 70 * train["horizon_length"])
