"""Two ranks learn with FastSAC: networks and temperature are equal to the last bit, and see all samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from states import assert_same
from torch import Tensor
from two_ranks import both

from benchmarks.point_mass import PointMass
from rlkit.learners.fast_sac.learner import FastSAC
from rlkit.learners.off_policy.replay.buffer import Batch

OWN = ("replay", "obs", "generator")  # of a rank alone


def start(settings: dict[str, Any], rank: int, seed: int = 3) -> tuple[FastSAC, PointMass]:
    env = PointMass(16, asymmetric=True, seed=rank)
    env.reset()
    return FastSAC(settings, env.spec, seed=seed), env


def work(rank: int, settings: dict[str, Any], exact: dict[str, Any]) -> dict[str, Any]:
    learner, env = start(settings, rank, seed=rank)
    for _ in range(3):
        learner.iterate(env)
    return {"state": learner.state(), "updated": updated(exact, *batch_of(rank))}


def batch_of(rank: int) -> tuple[Batch, Tensor]:
    """32 transitions, others on each rank, and the noise that the policy is to take."""
    generator = torch.Generator().manual_seed(rank)

    def rows(*size: int) -> Tensor:
        return (1.0 + rank) * torch.randn(32, *size, generator=generator)

    ones = torch.ones(32)
    batch = Batch(rows(4), rows(5), rows(2).clamp(-1, 1), rows(), 0.97 * ones, rows(4), rows(5), ones)
    return batch, rows(2)


def updated(settings: dict[str, Any], batch: Batch, noise: Tensor) -> dict[str, Any]:
    """Three updates of the critics and three of the actor with one batch."""
    learner, _ = start(settings, 0)
    learner.update._noise = lambda _: noise  # type: ignore[method-assign]
    for _ in range(3):
        learner.update.update_critics(batch)
        learner.update.update_actor(batch)
    return learner.update.state()


@pytest.mark.slow
def test_ranks_learn_one_policy_with_the_samples_of_all(sac_train: Any, tmp_path: Path) -> None:
    settings, exact = sac_train(), sac_train(init_scale=0.1, alpha_learning_rate=0.01)
    one, other = both(work, tmp_path, settings, exact)
    own = [{name: side["state"].pop(name, None) for name in OWN} for side in (one, other)]
    assert not torch.equal(own[0]["generator"], own[1]["generator"])
    single = [side["state"]["returns"].pop("returns") for side in (one, other)]
    assert not torch.equal(*single)
    assert_same(one["state"], other["state"])
    assert_same(one["updated"], other["updated"])
    (a, noise_a), (b, noise_b) = (batch_of(rank) for rank in (0, 1))
    alone = updated(exact, Batch(*map(torch.cat, zip(a, b))), torch.cat([noise_a, noise_b]))
    for part in ("actor", "critics", "temperature"):
        for name, tensor in alone[part].items():
            torch.testing.assert_close(one["updated"][part][name], tensor, rtol=1e-4, atol=2e-5)
