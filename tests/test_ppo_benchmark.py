"""What `python -m benchmarks.ppo --peers rsl_rl` sets up: the products that are its floor, and how it is installed."""

from __future__ import annotations

import sys

import pytest

from benchmarks import ppo, rsl_rl_peer


def test_the_floor_is_every_product_of_the_gradient_steps() -> None:
    train = {"horizon_length": 3, "num_minibatches": 2, "mini_epochs": 5, "units": [7, 6]}
    floor = rsl_rl_peer.Floor(train, rsl_rl_peer.Sizes(envs=4, policy=2, critic=3, actions=5))
    assert floor.steps == 10
    made = sum(2 * out.numel() * one.shape[1] for one, _, out in floor.products)
    actor, critic = 2 * 7 + 7 * 6 + 6 * 5, 3 * 7 + 7 * 6 + 6 * 1  # weights
    unasked = 2 * 7 + 3 * 7  # the observations' slopes
    assert made == 2 * 6 * (3 * (actor + critic) - unasked)  # for 6 samples
    assert floor.turn(None)[0] > 0.0


def test_where_rsl_rl_is_missing_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsl_rl_peer, "PEER", "rsl_rl_of_nowhere")
    monkeypatch.setattr(sys, "argv", ["ppo", "--peers", "rsl_rl"])
    with pytest.raises(SystemExit, match="pip install rsl-rl-lib"):
        ppo.main()
