"""Memory of PPO's networks is refused before boot where it does not go together with the rest."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose

REACH = ["task=Reach", "train.memory=gru"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [*REACH, "train.horizon_length=32", "train.sequence_length=12"],
            "train.sequence_length=12: does not divide train.horizon_length=32; nearest that do:"
            " train.sequence_length=8 or train.sequence_length=16",
        ),
        (
            [*REACH, "train.horizon_length=1"],
            "train.sequence_length=8: does not divide train.horizon_length=1; nearest that do: none, so write"
            " train.horizon_length=32",
        ),
        (
            [*REACH, "train.horizon_length=16", "train.minibatch_size=4", "numEnvs=4"],
            "train.minibatch_size=4: cuts sequences of train.sequence_length=8 steps; nearest that hold whole ones:"
            " train.minibatch_size=8",
        ),
        (
            ["task=HumanoidVelocity", "train.memory=lstm", "train.symmetry=true"],
            "train.symmetry=true: does not go with train.memory=lstm: what is remembered has no mirror image; write"
            " train.symmetry=false",
        ),
        (
            ["task=HumanoidVelocity", "train.memory=lstm", "train.mirror_loss_coef=0.5"],
            "train.mirror_loss_coef=0.5: does not go with train.memory=lstm: what is remembered has no mirror image;"
            " write train.mirror_loss_coef=0",
        ),
        (
            [*REACH, "train.torch_compile=true"],
            "train.torch_compile=true: does not go with train.memory=gru: recurrent layers are not compiled; write"
            " train.torch_compile=false",
        ),
        (
            ["task=Style", "train=ASE", "train.memory=gru"],
            "train.memory=gru: the policies of ASE remember nothing; write train.memory=none",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose([*words, "device=cpu"])
    assert message in caught.value.messages


def test_the_count_of_minibatches_becomes_one_that_cuts_no_sequence() -> None:
    words = ["task=Reach", "numEnvs=3", "train.horizon_length=16", "train.num_minibatches=4", "device=cpu"]
    assert compose(words).train["minibatch_size"] == 12
    train = compose([*words, "train.memory=gru", "train.sequence_length=8"]).train
    assert (train["num_minibatches"], train["minibatch_size"]) == (3, 16)
