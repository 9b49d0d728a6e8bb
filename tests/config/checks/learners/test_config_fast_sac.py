"""The `train` section of FastSAC and of plain SAC: what `auto` becomes, what is published, and what is refused."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, simulators=frozenset(USABLE), memory=int(64e9))
CUDA = Machine(
    cores=16,
    cuda_devices=1,
    simulators=frozenset(USABLE),
    cpu_only=frozenset(),
    memory=int(64e9),
    gpu_memory=lambda index: int(5e9),
)


def train(line: str, machine: Machine = CPU):
    return compose(line.split(), machine=machine).train


def refused(line: str, machine: Machine = CPU) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(line.split(), machine=machine)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


def test_auto_follows_the_device_and_the_length_of_the_run():
    line = "train=FastSAC numEnvs=64 maxIter=50"
    cpu, cuda = train(line), train(line, CUDA)
    assert (cpu["batch_size"], cuda["batch_size"]) == (1024, 8192)
    assert (cpu["buffer_size"], cpu["amp"], cuda["amp"]) == (32 * 50, False, True)


def test_plain_sac_is_a_preset_of_the_same_learner():
    plain = train("train=SAC numEnvs=10 training.maxSteps=100_000")
    assert (plain["learner"], plain["num_atoms"], plain["use_cdq"]) == ("fast_sac", 1, True)
    assert (plain["num_updates"], plain["policy_frequency"], plain["learning_starts"]) == (10, 1, 1000)
    assert plain["target_entropy_ratio"] == 1.0


def test_the_usual_support_is_no_news():
    assert not [note for note in compose(["train=FastSAC"], machine=CPU).notes if "v_min" in note]
    (note,) = [n for n in compose(["train=FastSAC", "train.v_max=50"], machine=CPU).notes if "v_max" in n]
    assert "bound the scaled returns" in note


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train.std_max=0.3", "train.std_max"),  # noise of FastTD3's: its policy has none
        ("train.policy_noise=0.1", "train.policy_noise"),
        ("train.target_actor=true", "train.target_actor"),
        ("train.log_std_min=1", "train.log_std_min=1: must be below train.log_std_max=0"),
        ("train.v_min=30", "must be below train.v_max=20"),
        ("train.alpha_init=0", "train.alpha_init"),
        ("train.learning_starts=10000 maxIter=10", "are over before it learns"),
    ],
)
def test_what_it_cannot_run_with_is_refused(line, message):
    assert message in refused(f"train=FastSAC {line}")


def test_a_replay_that_does_not_fit_is_refused_before_anything_boots():
    said = refused("task=HumanoidVelocity train=FastSAC numEnvs=4096 device=cuda sim=mjx maxIter=1000", CUDA)
    assert "the GPU has 5.0 free" in said and "train.buffer_size=" in said
