"""Two ranks learn one style: what they share is equal to the last bit, and what of all samples comes out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from states import assert_same
from styled_points import FollowingPoints, SkilledPoints, StyledPoints
from torch import Tensor
from two_ranks import both

from rlkit.env.api import VecEnv
from rlkit.learners import ranks
from rlkit.learners.ppo.normalizer import ScaleNormalizer
from rlkit.learners.ppo.style.add.learner import ADD
from rlkit.learners.ppo.style.ase.learner import ASE
from rlkit.learners.ppo.style.discriminator import loss_of
from rlkit.learners.ppo.style.learner import AMP
from rlkit.learners.ppo.style.reward import StyleReward
from rlkit.learners.ppo.style.settings import Settings
from rlkit.learners.settings import read_settings

KINDS: dict[str, tuple[type[AMP], type[StyledPoints]]] = {
    "amp": (AMP, StyledPoints),
    "add": (ADD, FollowingPoints),
    "ase": (ASE, SkilledPoints),
}
PLAYED = torch.tensor([[1.0, 0.0], [0.0, 2.0]])  # a row for each rank, of which all of its rollout consists
SHOWN = torch.tensor([[-1.0, 1.0], [0.5, -3.0]])


class Shows(StyledPoints):
    """Demonstrates one row again and again."""

    def __init__(self, row: Tensor) -> None:
        super().__init__()
        self.row = row

    def demonstrations(self, group: str, count: int) -> Tensor:
        return self.row.expand(count, -1)


def start(settings: dict[str, Any], rank: int, seed: int) -> tuple[AMP, StyledPoints]:
    learner_class, env_class = KINDS[settings["learner"]]
    env = env_class(16)
    env._of_data.manual_seed(rank)
    torch.manual_seed(seed)
    env.reset()
    return learner_class(settings, env.spec, seed=seed), env


def work(rank: int, cases: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "cases": [trained(rank, case) for case in cases],
        "one": one_update(rank, settings),
    }
    scale = ScaleNormalizer(1)
    scale.update(torch.tensor([[2.0]]) if rank == 0 else torch.tensor([[-4.0], [6.0]]))
    told["scale"] = [scale.running_size.item()]
    scale.update(torch.tensor([[1.0 - 2.0 * rank]]))
    told["scale"] += [scale.running_size.item(), scale.count.item()]
    if rank == 0:  # as for the envs of an evaluation, of which the other rank knows nothing
        with ranks.apart():
            assert ranks.place() == (0, 1)
            AMP(settings, StyledPoints(16).spec, seed=0)
    return told


def trained(rank: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Three iterations, and two more after a resume from what rank 0 saves."""
    learner, env = start(settings, rank, seed=rank)
    steps = [learner.iterate(env).env_steps for _ in range(3)]
    state = learner.state()
    saved = [state]
    torch.distributed.broadcast_object_list(saved, src=0)
    resumed, env = start(settings, rank, seed=5 + rank)
    resumed.load(saved[0])
    again = [resumed.iterate(env).env_steps for _ in range(2)]
    return {"state": state, "resumed": resumed.state(), "env_steps": [*steps, *again]}


def one_update(rank: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Of a discriminator, by a rollout and data that are one row of this rank again and again."""
    env: VecEnv = Shows(SHOWN[rank])
    torch.manual_seed(rank)
    style = StyleReward(read_settings(Settings, settings), 2, torch.device("cpu"))
    before = {name: tensor.clone() for name, tensor in style.networks.state_dict().items()}
    style.learn(PLAYED[rank].expand(64, -1), env)
    gradients = [parameter.grad for parameter in style.networks.parameters()]
    return {"before": before, "gradients": gradients, "after": style.networks.state_dict()}


@pytest.mark.slow
def test_ranks_learn_one_style_of_the_samples_of_all(amp: Any, add: Any, ase: Any, tmp_path: Path) -> None:
    kept = {"save_buffer": True}
    cases = [amp(**kept), add(**kept), ase(**kept), ase(disc_conditional=True, enc_trunk="own", **kept)]
    single = amp(disc_updates=1)
    one, other = both(work, tmp_path, cases, single)
    for settings, a, b in zip(cases, one["cases"], other["cases"]):
        assert a["env_steps"] == b["env_steps"] == [2 * 8 * 16] * 5
        for when in ("state", "resumed"):
            ours, theirs = a[when], b[when]
            replays = [part["style"].pop("replay")["rows"] for part in (ours, theirs)]
            assert len(replays[0]) == len(replays[1]) == 300
            assert not torch.equal(*replays)  # each judged its own motion
            for part in ("model", "optimizer", "style", "learning_rate"):
                assert_same(ours[part], theirs[part])
        seen = a["state"]["style"]["discriminator"]["norm.count"].item()
        # of each iteration and rank a rollout of 8 x 16, and where there is data twice 32 of that
        assert seen == (3 * 2 * 128 if settings["learner"] == "add" else 1 + 3 * 2 * (128 + 64))
    check_one_update(one["one"], other["one"], single)
    assert one["scale"] == other["scale"] == pytest.approx([4.0, 14.0 / 5.0, 5.0])


def check_one_update(ours: dict[str, Any], theirs: dict[str, Any], settings: dict[str, Any]) -> None:
    """The gradient is that of one process with the rows of both, normalised by the statistics of both."""
    assert_same(ours, theirs)
    alone = StyleReward(read_settings(Settings, settings), 2, torch.device("cpu"))
    alone.networks.load_state_dict(ours["before"])
    for rows in (SHOWN, PLAYED):
        alone.discriminator.norm.update(rows.repeat(64, 1))
    loss, _ = loss_of(alone.discriminator, SHOWN, PLAYED, PLAYED, alone.settings)
    loss.backward()
    for parameter, gradient in zip(alone.networks.parameters(), ours["gradients"]):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
    assert max(gradient.abs().max() for gradient in ours["gradients"]) > 1e-2
    assert ours["after"]["discriminator.norm.count"].item() == 1 + 4 * 64
