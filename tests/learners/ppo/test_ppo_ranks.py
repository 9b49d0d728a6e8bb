"""Two ranks over gloo: what they must share, they share to the last bit."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from benchmarks.point_mass import PointMass
from rlkit.learners.ppo.learner import PPO
from rlkit.learners.ppo.normalizer import RunningNormalizer
from rlkit.learners.returns import ReturnScale


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the collectives that are called inside."""
    called: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("all_reduce", "all_gather", "broadcast", "broadcast_object_list", "barrier"):
            once = getattr(distributed, name)
            patch.setattr(
                distributed,
                name,
                lambda *args, name=name, once=once, **more: (called.append(name), once(*args, **more))[1],
            )
        yield called


def work(rank: int, folder: str, cases: list) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    results = []
    for settings, asymmetric in cases:
        env = PointMass(16, asymmetric=asymmetric, seed=rank)
        torch.manual_seed(rank)
        env.reset()
        learner = PPO(settings, env.spec, seed=rank)
        with counted() as meetings:
            iterations = [learner.iterate(env) for _ in range(3)]
        results.append(
            {
                "state": learner.state(),
                "env": env.state(),
                "env_steps": iterations[-1].env_steps,
                "meetings": len(meetings) / 3,
            }
        )
    normalizer = RunningNormalizer(1)
    normalizer.update(torch.tensor([[2.0]]) if rank == 0 else torch.tensor([[4.0], [6.0]]))
    scale = ReturnScale(2, 0.5, torch.device("cpu"), tasks=("a", "b"))
    rewards = torch.tensor([1.0, 1000.0]) if rank == 0 else torch.tensor([3.0, -3000.0])
    scale.update(torch.eye(2), rewards, torch.tensor([False, False]))
    results += [normalizer.state_dict(), scale.state_dict()]
    torch.save(results, f"{folder}/{rank}.pth")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("ranks")


@pytest.mark.slow
def test_ranks_agree(train, folder):
    kinds = ("legacy", False), ("legacy", True), ("standard", False), ("standard", True)
    cases = [(train(schedule_type=kind), asymmetric) for kind, asymmetric in kinds]
    cases.append((train(memory="gru", memory_units=8), True))
    spawn(work, (str(folder), cases), nprocs=2)
    one, other = (torch.load(folder / f"{rank}.pth", weights_only=True) for rank in (0, 1))
    for (settings, asymmetric), a, b in zip(cases, one, other):
        assert not torch.equal(a["env"]["state"], b["env"]["state"])  # each saw its own episodes
        assert a["env_steps"] == 2 * 8 * 16
        assert a["state"]["learning_rate"] == b["state"]["learning_rate"]
        # once a gradient step, for the values' statistics, and for those of each group of observations
        steps = settings["mini_epochs"] * settings["num_minibatches"]
        assert a["meetings"] == b["meetings"] == steps + 2 + asymmetric
        for part in ("model", "critic") if asymmetric else ("model",):
            for name, tensor in a["state"][part].items():
                assert torch.equal(tensor, b["state"][part][name]), name
        assert a["state"]["model"]["running_mean_std.count"].item() == 1 + 3 * 2 * 8 * 16
    # a prior of mean 0 and variance 1 that counts as one, and the samples 2, 4, 6
    (ours, returns), (theirs, of_other) = one[-2:], other[-2:]
    assert torch.equal(ours["running_var"], theirs["running_var"])
    assert ours["running_mean"].item() == pytest.approx(3.0)
    assert ours["running_var"].item() == pytest.approx((1.0 + 9.0 + 1.0 + 1.0 + 9.0) / 4)
    # task a: 1 on one rank, 3 on the other; task b: 1000 and -3000
    for name, hand in {
        "count": [2.0, 2.0],
        "mean": [2.0, -1000.0],
        "variance": [1.0, 4e6],
        "low": [0.0, -3000.0],
        "high": [3.0, 1000.0],
    }.items():
        assert torch.equal(returns[name], of_other[name]), name
        assert returns[name].tolist() == pytest.approx(hand), name
    assert (returns["returns"].tolist(), of_other["returns"].tolist()) == ([1.0, 1000.0], [3.0, -3000.0])
