"""The command behind the physics figures runs and tells everything it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.journey
def test_the_benchmark_compares_all_contestants() -> None:
    command = [sys.executable, "-m", "benchmarks.physics", "--seconds", "0.1", "--envs", "4", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    small, large = json.loads(done.stdout)["results"]
    assert (small["num_envs"], large["num_envs"]) == (2, 4)
    contestants = {"rlkit simulator", "engine, fresh", "engine, fresh, persistent", "engine, stale", "floor"}
    for result in (small, large):
        assert set(result["rates"]) == contestants | {"AsyncVectorEnv(4)"}
        assert set(result["cpu_ratios"]) == contestants
        assert result["ratios"]["rlkit simulator"] == 1.0
        assert all(rate > 0 for rate in result["rates"].values())
        assert 0.0 < result["outside_physics"] < 1.0
        assert 0.1 < result["rss_gb"] < 4.0
