"""Two ranks learn with FastTD3: what they share is equal to the last bit, and they learn as one with all samples."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from states import assert_same
from torch import Tensor
from two_ranks import both

from benchmarks.point_mass import PointMass
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.off_policy.replay.buffer import Batch
from rlkit.learners.off_policy.turns import Turns

OWN = ("replay", "obs", "exploration", "generator")  # of a rank alone


def start(settings: dict[str, Any], rank: int, seed: int = 3) -> tuple[FastTD3, PointMass]:
    env = PointMass(16, asymmetric=True, seed=rank)
    env.reset()
    return FastTD3(settings, env.spec, seed=seed), env


def work(rank: int, cases: list[dict[str, Any]], exact: dict[str, Any]) -> dict[str, Any]:
    return {
        "cases": [trained(rank, case) for case in cases],
        "updated": updated(exact, batch_of(rank)),
        "quick": {fails: quick(rank, cases[0], fails) for fails in (False, True)},
    }


def trained(rank: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Three iterations from other networks on each rank, and two more after a resume from what rank 0 saves."""
    learner, env = start(settings, rank, seed=rank)
    steps = [learner.iterate(env).env_steps for _ in range(3)]
    state = learner.state()
    saved = [state]
    torch.distributed.broadcast_object_list(saved, src=0)
    resumed, env = start(settings, rank, seed=5 + rank)
    resumed.load(saved[0])
    loaded = resumed.state()
    steps += [resumed.iterate(env).env_steps for _ in range(2)]
    return {"state": state, "loaded": loaded, "resumed": resumed.state(), "env_steps": steps}


def batch_of(rank: int) -> Batch:
    """32 transitions, others on each rank."""
    generator = torch.Generator().manual_seed(rank)

    def rows(*size: int) -> Tensor:
        return (1.0 + rank) * torch.randn(32, *size, generator=generator)

    ones = torch.ones(32)
    return Batch(rows(4), rows(5), rows(2).clamp(-1, 1), rows(), 0.97 * ones, rows(4), rows(5), ones)


def updated(settings: dict[str, Any], batch: Batch) -> dict[str, Any]:
    """Three updates of the critics and three of the actor with one batch."""
    learner, _ = start(settings, 0)
    for _ in range(3):
        learner.update.update_critics(batch)
        learner.update.update_actor(batch)
    buffers = [gradients._flat for gradients in learner.update.gradients.values()]
    in_place = [
        parameter.grad is not None and parameter.grad.untyped_storage().data_ptr() == flat.data_ptr()
        for flat, module in zip(buffers, learner.update.gradients)
        if flat is not None
        for parameter in module.parameters()
    ]
    return {**learner.update.state(), "in_place": in_place}


def quick(rank: int, settings: dict[str, Any], fails: bool) -> dict[str, Any]:
    """Turns with a quick way, which on rank 1 fails; how they ran, and that nothing came of it."""
    (learner, env), (plain, same_env) = (start(settings, rank) for _ in range(2))

    def capture(turn: Any, generator: torch.Generator) -> Any:
        if fails and rank == 1:
            raise RuntimeError("no graph here")
        return turn

    learner.turns = Turns(learner.update, capture=capture, compiled=False)
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("rlkit").addHandler(handler)
    for _ in range(2):
        learner.iterate(env)
        plain.iterate(same_env)
    logging.getLogger("rlkit").removeHandler(handler)
    assert_same(learner.state(), plain.state())
    return {"mode": learner.turns.mode, "said": said}


@pytest.fixture
def cases(fast_train: Any) -> list[dict[str, Any]]:
    return [
        fast_train(),
        fast_train(reward_normalization=True, v_min=-10.0, v_max=10.0, network="simba", weight_decay=0.0),
        fast_train(target_actor=True, num_atoms=1, symmetry=True, amp=True, save_buffer=False),
    ]


@pytest.mark.slow
def test_ranks_learn_one_policy_with_the_samples_of_all(
    cases: list[dict[str, Any]], fast_train: Any, tmp_path: Path
) -> None:
    exact = fast_train(policy_noise=0.0, max_grad_norm=0.05)
    one, other = both(work, tmp_path, cases, exact)
    for settings, a, b in zip(cases, one["cases"], other["cases"]):
        check_shared(settings, a, b)
    check_updates(one["updated"], other["updated"], exact)
    for fails, mode in ((False, "CUDA graph"), (True, "as written")):
        quick = [side["quick"][fails] for side in (one, other)]
        assert [side["mode"] for side in quick] == [mode, mode]
    whys = [side["quick"][True]["said"] for side in (one, other)]
    assert [len(why) for why in whys] == [1, 1]
    assert "on another rank" in whys[0][0] and "no graph here" in whys[1][0]


def check_shared(settings: dict[str, Any], a: dict[str, Any], b: dict[str, Any]) -> None:
    assert a["env_steps"] == b["env_steps"] == [2 * 8 * 16] * 5
    for when, iterations in (("state", 3), ("loaded", 3), ("resumed", 5)):
        own = [{name: side[when].pop(name, None) for name in OWN} for side in (a, b)]
        for name in ("exploration", "generator"):
            assert not torch.equal(own[0][name], own[1][name]), (when, name)
        single = [side[when]["returns"].pop("returns") for side in (a, b)]
        assert torch.equal(*single) == (when == "loaded")  # then all begin anew
        assert_same(a[when], b[when])
        assert a[when]["policy_norm"]["count"].item() == iterations * 2 * 8 * 16
        assert a[when]["returns"]["count"].item() == iterations * 2 * 8 * 16
        if settings["save_buffer"]:
            replays = [side["replay"] for side in own]
            assert replays[0]["stored"] == replays[1]["stored"]
            # after a resume all have that of rank 0, until they add to it
            assert torch.equal(replays[0]["moves"], replays[1]["moves"]) == (when == "loaded")


def check_updates(ours: dict[str, Any], theirs: dict[str, Any], settings: dict[str, Any]) -> None:
    """Clipped updates are those of one process with the samples of both."""
    in_place = [side.pop("in_place") for side in (ours, theirs)]
    assert all(map(all, in_place)) and len(in_place[0]) > 10
    assert_same(ours, theirs)
    batches = [batch_of(rank) for rank in (0, 1)]
    alone = updated(settings, Batch(*(torch.cat(rows) for rows in zip(*batches))))
    before, _ = start(settings, 0)
    for part in ("actor", "critics"):
        for name, tensor in alone[part].items():
            torch.testing.assert_close(ours[part][name], tensor, rtol=1e-4, atol=2e-5)
        # three steps of about 1e-3 each: far beyond those tolerances
        old = before.update.state()[part]
        assert max((tensor - old[name]).abs().max() for name, tensor in alone[part].items()) > 2e-3
