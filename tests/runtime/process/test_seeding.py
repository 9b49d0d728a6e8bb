"""Every generator starts from the seed and continues from a saved state."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
import torch

from rlkit.runtime.process.seeding import load_rng_state, rng_state, seed_everything


@pytest.fixture(autouse=True)
def generators_as_before():
    before = rng_state()
    yield
    load_rng_state(before)
    torch.use_deterministic_algorithms(False)


def draws():
    python = [random.random(), random.gauss(0, 1)]
    return [*python, *np.random.rand(2), np.random.randn(), *torch.rand(2).tolist()]


def test_the_same_seed_gives_the_same_numbers():
    seed_everything(3, deterministic=False)
    first = draws()
    seed_everything(3, deterministic=False)
    assert draws() == first
    seed_everything(4, deterministic=False)
    assert all(a != b for a, b in zip(draws(), first))


def test_every_generator_continues_from_a_saved_state():
    seed_everything(3, deterministic=False)
    draws()  # leaves half a pair of normal numbers behind in two of the generators
    state = rng_state()
    expected = [draws() for _ in range(3)]
    load_rng_state(state)
    assert [draws() for _ in range(3)] == expected


def test_the_state_passes_through_a_file(tmp_path):
    seed_everything(5, deterministic=False)
    torch.save(rng_state(), tmp_path / "rng.pth")
    expected = draws()
    load_rng_state(torch.load(tmp_path / "rng.pth", weights_only=True))
    assert draws() == expected


def test_deterministic_is_passed_on_to_torch():
    seed_everything(1, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    seed_everything(1, deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled()


def test_deterministic_asks_cublas_for_a_workspace_without_which_torch_refuses_it(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # put back afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    seed_everything(3, deterministic=False)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    seed_everything(3, deterministic=True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")  # the user's own stays
    seed_everything(3, deterministic=True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
