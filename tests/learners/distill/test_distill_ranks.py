"""Two ranks teach one student: what they share is equal to the last bit, and they learn as one with all rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from states import assert_same
from taught_points import MaskedPoints, TaughtPoints, teacher
from two_ranks import both

from rlkit.learners.api import LearnerError
from rlkit.learners.distill.learner import Distill
from rlkit.learners.distill.masked.learner import MaskedMimic
from rlkit.learners.distill.samples import Rows, joined


def start(settings: dict[str, Any], seed: int) -> tuple[Distill, TaughtPoints]:
    masked = settings["learner"] == "masked_mimic"
    env = MaskedPoints() if masked else TaughtPoints()
    env.reset()
    learner = (MaskedMimic if masked else Distill)(settings, env.spec, seed=seed)
    learner.imitate(teacher, "one")
    return learner, env


def rollout(rank: int) -> Rows:
    """64 rows of places `[64, 2]` with actions `[64, 2]`, others on each rank."""
    generator = torch.Generator().manual_seed(rank)
    place = (1.0 + rank) * torch.randn(64, 2, generator=generator)
    return {"policy": place, "label": -0.5 * place}


def work(rank: int, cases: list[dict[str, Any]], whole: dict[str, Any]) -> dict[str, Any]:
    learner, _ = start(whole, seed=4)
    learner._learn(rollout(rank))
    return {"cases": [trained(rank, case) for case in cases], "whole": learner.state()}


def trained(rank: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Three iterations, and two more after a resume from what rank 0 saves."""
    learner, env = start(settings, seed=rank)
    steps = [learner.iterate(env).env_steps for _ in range(3)]
    state = learner.state()
    saved = [state]
    torch.distributed.broadcast_object_list(saved, src=0)
    resumed, env = start(settings, seed=5 + rank)
    resumed.load(saved[0])
    loaded = resumed.generator.get_state()
    again = [resumed.iterate(env).env_steps for _ in range(2)]
    return {"state": state, "loaded": loaded, "resumed": resumed.state(), "env_steps": [*steps, *again]}


@pytest.mark.slow
def test_ranks_teach_one_student_with_the_samples_of_all(
    distill: Any, masked_mimic: Any, tmp_path: Path
) -> None:
    kept = {"replay_size": 300, "save_buffer": True}
    cases = [distill(**kept), masked_mimic(**kept)]
    whole = distill(minibatch_size=64, mini_epochs=3, max_grad_norm=1.0)  # each pass is one step on all rows
    one, other = both(work, tmp_path, cases, whole)
    for a, b in zip(one["cases"], other["cases"]):
        assert a["env_steps"] == b["env_steps"] == [2 * 8 * 16] * 5
        for when in ("state", "resumed"):
            replays = [side[when].pop("replay")["rows"]["label"] for side in (a, b)]
            assert len(replays[0]) == len(replays[1]) == 300
            assert not torch.equal(*replays)  # each has its own samples
            generators = [side[when].pop("generator") for side in (a, b)]
            assert not torch.equal(*generators)
            assert_same(a[when], b[when])
        assert a["state"]["student"]["norms.policy.count"].item() == 3 * 2 * 8 * 16
        assert not torch.equal(a["loaded"], b["loaded"])  # they draw differently after a resume too
    assert_same(one["whole"]["student"], other["whole"]["student"])
    alone, _ = start({**whole, "minibatch_size": 128}, seed=4)
    before = [tensor.clone() for tensor in alone.student.parameters()]
    alone._learn(joined(rollout(0), rollout(1)))
    for name, tensor in alone.student.state_dict().items():
        torch.testing.assert_close(one["whole"]["student"][name], tensor, rtol=1e-4, atol=1e-5)
    # three steps of 1e-4 or more: far beyond those tolerances
    moved = [(new - old).abs().max().item() for new, old in zip(alone.student.parameters(), before)]
    assert min(moved) > 2e-4


def test_several_ranks_need_a_process_group(distill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(LearnerError, match="no process group"):
        start(distill(), seed=0)
