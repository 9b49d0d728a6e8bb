"""`rlkit runs` as typed, on runs that real trainings made, one of them still under way."""

from __future__ import annotations

import json
import signal

import pytest
from project import Project, wait_until

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=2", "train.units=[8]", "task.episodeLength=10")


def test_runs_are_looked_at_pinned_and_pruned_while_one_trains(tmp_path):
    project = Project.copied(tmp_path / "project")

    def typed(line: str, status: int = 0) -> str:
        done = project.shell(line)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    def train(name: str, *words: str) -> None:
        done = project.train(*SMALL, "maxIter=1", f"logging.experimentName={name}", *words)
        assert done.returncode == 0, done.stderr

    train("first")
    train("second", "seed=7")
    train("third")
    differing = json.loads(typed("rlkit runs diff first second --json"))["config"]
    assert differing["training.seed"] == {"first": 42, "second": 7}
    assert "progress      iteration 1, 64 env-steps" in typed("rlkit runs show first")
    assert json.loads(typed("rlkit runs show first --json"))["checkpoints"]
    assert typed("cd $(rlkit runs path second) && ls run.json").strip() == "run.json"
    assert "pinned as good" in typed("rlkit runs pin second good")

    live = project.start(*SMALL, "maxIter=100000", "logging.experimentName=going", "checkpoint=third:last")
    try:
        wait_until(lambda: (project.run("going") / "metrics.jsonl").exists(), "the run trains")
        assert "add --yes" in typed("rlkit runs prune --keep 0 </dev/null", status=2)
        told = typed("rlkit runs prune --keep 0 --yes </dev/null")
        for line in ("going (running)", "second (pinned as good)", "third ("):
            assert f"spared: {line}" in told
        assert "deleted 1 of 1 run" in told
        assert set(project.listed()) == {"second", "third", "going"}
        assert live.poll() is None
    finally:
        live.send_signal(signal.SIGTERM)
        live.communicate(timeout=60)
    assert live.returncode == 143
    assert "python train.py checkpoint=going:last" in typed("rlkit runs show going")
    assert "good is no longer pinned" in typed("rlkit runs unpin good")
    typed("rlkit runs prune --keep 0 --yes")
    assert set(project.listed()) == {"going"}
