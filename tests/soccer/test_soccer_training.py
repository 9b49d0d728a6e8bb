"""task=Soccer and task=SoccerMulti as a user types them."""

from __future__ import annotations

import json

import pytest
import torch
from project import Project
from torch import nn

pytestmark = [pytest.mark.soccer, pytest.mark.slow, pytest.mark.journey]


class OfficialActor(nn.Module):
    """The architecture of the competition's pretrained policy; its mean asks for the standing pose."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_layers = nn.ModuleList(nn.Linear(n, 256) for n in (51, 256, 256))
        self.layer_norms = nn.ModuleList(nn.LayerNorm(256, eps=1e-6) for _ in range(3))
        self.mean_net, self.log_std_net = nn.Linear(256, 12), nn.Linear(256, 12)
        nn.init.zeros_(self.mean_net.weight)
        nn.init.zeros_(self.mean_net.bias)

    def forward(self, x):
        for linear, norm in zip(self.hidden_layers, self.layer_norms):
            x = norm(torch.relu(linear(x)))
        return self.mean_net(x), self.log_std_net(x).clamp(-5, 2).exp()


def metrics_of(project: Project, run: str) -> list[dict]:
    """By iteration."""
    lines = (project.path / "runs_all" / run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_official_architecture_starts_from_its_own_behaviour(tmp_path):
    project = Project.copied(tmp_path / "project")
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.trace(OfficialActor(), (torch.randn(1, 51),)), str(path))
    words = (
        "task=Soccer train=SoccerPretrainedFastTD3 logging.experimentName=begun numEnvs=1 maxIter=2"
        " training.evalInterval=1 training.evalEnvs=1 train.critic_units=[8] train.batch_size=8"
        # The first of two iterations of 32 steps learns nothing: it is the policy of the file that is evaluated.
        " train.learning_starts=50 train.actor_starts=0"
    )
    done = project.train(*words.split(), f"training.initFrom={path}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "update.actor.torso.0 <- hidden_layers.0" in done.stdout
    first = metrics_of(project, "begun")[0]
    assert first["eval/return"] == pytest.approx(247.85, abs=0.5)  # as holding the standing pose does
    assert first["eval/length"] == 58
    assert first["eval/success"] == 0


def test_two_tasks_train_in_one_run_with_metrics_of_their_own(tmp_path):
    project = Project.copied(tmp_path / "project")
    words = (
        "task=SoccerMulti train=SoccerMultiPPO logging.experimentName=multi seed=1"
        " numEnvs=4 maxIter=1 train.horizon_length=64 train.units=[8]"
    )
    done = project.train(*words.split())
    assert done.returncode == 0, done.stdout + done.stderr
    (metrics,) = metrics_of(project, "multi")
    goalie, target = (
        {key: metrics[f"task/{name}/{key}"] for key in ("count", "return", "length")}
        for name in ("LowerT1GoaliePenaltyKick-v0", "LowerT1KickToTarget-v0")
    )
    assert goalie["count"] >= 1
    assert target["count"] >= 1
    assert goalie["count"] + target["count"] == metrics["episode/count"]
    earned = sum(task["count"] * task["return"] for task in (goalie, target))
    assert earned / metrics["episode/count"] == pytest.approx(metrics["episode/return"], rel=1e-4)
    terms = sum(value for name, value in metrics.items() if name.startswith("reward/"))
    assert terms == pytest.approx(metrics["episode/return"], rel=1e-4)
    assert metrics["reward/robot_fallen"] < 0  # the goalie's task alone has this term
    factors = {name for name in metrics if name.startswith("returns/reward_scale")}
    assert factors == {
        "returns/reward_scale/LowerT1GoaliePenaltyKick-v0",
        "returns/reward_scale/LowerT1KickToTarget-v0",
    }
