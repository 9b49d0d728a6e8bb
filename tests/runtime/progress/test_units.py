"""The units of metrics: rlkit's own as its page says, a task's as the task says."""

from __future__ import annotations

from pathlib import Path

import torch

from rlkit.env.api import EnvSpec
from rlkit.runtime.progress.units import OWN, units_of
from rlkit.tasks.api import Fact
from rlkit.tasks.track_motion import TrackMotion

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_of_metrics_says_the_same() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    for name, unit in OWN.items():
        (said,) = (row[1] for row in rows if f"`{name}`" in row[0])
        assert unit in said.split(", ") or (name, said) == ("eval/length", "as above")


def test_a_tracker_says_metres_and_radians() -> None:
    spec = EnvSpec(
        "TrackMotion", 1, torch.device("cpu"), {"policy": 1, "critic": 1}, 1, ("a",), 10, 0.02,
        metrics=("body_error",), metric_units=TrackMotion.metric_units(), facts=TrackMotion.facts(), tasks=("x",),
    )  # fmt: skip
    found = units_of(spec)
    assert found["metric/body_error"] == found["eval/error_global"] == "m"
    assert found["metric/joint_error"] == found["eval/error_joints"] == "rad"
    assert found["task/x/length"] == found["episode/length"] == "control steps"
    assert TrackMotion.facts()["error_worst"] == Fact("m") and "metric/return" not in found
