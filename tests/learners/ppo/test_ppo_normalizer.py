from __future__ import annotations

import pytest
import torch

from rlkit.learners.ppo.normalizer import RunningNormalizer


def test_two_updates_by_hand():
    normalizer = RunningNormalizer(1, clip=10.0)
    normalizer.update(torch.tensor([[2.0], [4.0]]))
    # samples so far: a prior of mean 0 and variance 1 that counts as one, then 2 and 4
    assert normalizer.running_mean.item() == pytest.approx(2.0)
    assert normalizer.running_var.item() == pytest.approx(
        (1.0 + 0.0 + 4.0 + 4.0) / 3
    )  # 1 + (0-2)^2, 0, (4-2)^2
    normalizer.update(torch.tensor([[[10.0]]]))
    assert normalizer.count.item() == 4
    assert normalizer.running_mean.item() == pytest.approx(4.0)
    assert normalizer.running_var.item() == pytest.approx((1.0 + 16.0 + 4.0 + 0.0 + 36.0) / 4)


def test_there_and_back():
    normalizer = RunningNormalizer(3)
    normalizer.update(torch.randn(1000, 3) * torch.tensor([0.1, 1.0, 50.0]) + 7.0)
    x = torch.randn(5, 3) * torch.tensor([0.1, 1.0, 50.0]) + 7.0
    assert torch.allclose(normalizer(normalizer(x), denorm=True), x, atol=1e-3)
    assert normalizer(torch.full((1, 3), 1e9)).tolist() == [[5.0, 5.0, 5.0]]


def test_a_call_never_learns():
    normalizer = RunningNormalizer(2).train()
    normalizer(torch.randn(10, 2))
    assert normalizer.count.item() == 1


def test_a_constant_feature_stays_finite():
    normalizer = RunningNormalizer(1)
    for _ in range(50):
        normalizer.update(torch.full((1000, 1), 3.0))
    assert torch.isfinite(normalizer(torch.full((1, 1), 3.0))).all()
