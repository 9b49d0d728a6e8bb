"""Gymnasium environments through the real commands: train, go on, test; several at once; without MuJoCo."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=4", "maxIter=2", "logging.logInterval=1", "train.units=[8]", "train.horizon_length=128")

# Where modules are looked for, none is called mujoco; then the command line runs.
WITHOUT_MUJOCO = """
import sys
from importlib.machinery import PathFinder

class WithoutMujoco(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "mujoco" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutMujoco

from rlkit.app import main

if __name__ == "__main__":
    sys.exit(main())
"""


def rows(project, name):
    lines = (project.run(name) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_gymnasium_environment_is_trained_resumed_and_tested(project):
    done = project.train("task=Gym", "env.id=Pendulum-v1", "logging.experimentName=first", *SMALL)
    assert done.returncode == 0, done.stderr
    last = rows(project, "first")[-1]
    # Four envs of 200 steps at ages 0, 50, 100 and 150: in 256 steps the youngest and the oldest play a whole episode.
    assert sum(row.get("episode/count", 0) for row in rows(project, "first")) == 2
    assert (
        last["episode/timeout"] == 1.0
        and last["episode/length"] == 200.0
        and -20.0 * 200 < last["episode/return"] < 0.0
    )
    assert last["time/physics"] > 0.0

    done = project.train("checkpoint=latest", "maxIter=4", "logging.experimentName=second")
    assert done.returncode == 0, done.stderr
    assert (
        "resuming at iteration 2; episodes start anew: the envs of Gym cannot save where they stand"
        in done.stdout
    )
    assert [row["iteration"] for row in rows(project, "second")] == [3, 4]
    assert project.record("second")["parent"] == "first"

    done = project.train("test=true", "checkpoint=latest", "numEnvs=3", "logging.experimentName=tested")
    assert done.returncode == 0, done.stderr
    results = json.loads((project.run("tested") / "metrics.json").read_text())
    assert results["episodes"] == 3 and results["length"]["mean"] == 200.0
    assert results["seconds"]["mean"] == pytest.approx(10.0)
    assert project.record("tested")["tested_run"] == "second"


@pytest.mark.slow
def test_several_environments_train_one_policy_in_processes(project):
    words = (
        "env.ids=[Pendulum-v1,MountainCarContinuous-v0]",
        "env.vectorization=async",
        "task.episodeLength=50",
    )
    done = project.train("task=Gym", *words, "logging.experimentName=both", *SMALL, "seed=1")
    assert done.returncode == 0, done.stderr
    row = rows(project, "both")[-1]
    counts = [row[f"task/{name}/count"] for name in ("Pendulum-v1", "MountainCarContinuous-v0")]
    assert all(counts) and sum(counts) == row["episode/count"]
    total = sum(
        count * row[f"task/{name}/return"]
        for count, name in zip(counts, ("Pendulum-v1", "MountainCarContinuous-v0"))
    )
    assert row["episode/return"] == pytest.approx(total / sum(counts), rel=1e-5)

    done = project.train("test=true", "checkpoint=both", "numEnvs=8", "logging.experimentName=tested")
    assert done.returncode == 0, done.stderr
    tasks = json.loads((project.run("tested") / "metrics.json").read_text())["tasks"]
    assert set(tasks) == {"Pendulum-v1", "MountainCarContinuous-v0"}
    assert sum(task["episodes"] for task in tasks.values()) == 8
    assert "return of Pendulum-v1" in done.stdout


def test_a_gymnasium_environment_needs_no_mujoco(project):
    (project.path / "without_mujoco.py").write_text(WITHOUT_MUJOCO)
    refused = project.shell("python without_mujoco.py task=BaseTask numEnvs=4 maxIter=1")
    assert refused.returncode == 2 and "mujoco" in refused.stderr  # it is really not there
    refused = project.shell("python without_mujoco.py task=Gym env.id=HalfCheetah-v5")
    assert refused.returncode == 2 and "pip install -e '.[mujoco,gymnasium]'" in refused.stderr
    assert not project.names()
    words = " ".join(f"'{word}'" for word in SMALL)
    done = project.shell(f"python without_mujoco.py task=Gym env.id=Pendulum-v1 {words}")
    assert done.returncode == 0, done.stderr
    assert "done: 2 iterations" in done.stdout


BROKEN = """
import gymnasium

class Broken(gymnasium.Env):
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.observation_space.sample() * 0, {}

    def step(self, action):
        self.steps += 1
        return action * 0, {40: "forty"}.get(self.steps, 1.0), False, self.wheel(), {}

    def wheel(self):
        return False if self.steps < 50 else {}["wheel"]

gymnasium.register("Broken-v0", entry_point=Broken)
"""


def test_an_environment_that_fails_ends_the_run_with_a_line_and_its_traceback_in_the_log(project):
    (project.path / "broken.py").write_text(BROKEN)
    done = project.train("task=Gym", "env.id=broken:Broken-v0", "logging.experimentName=text", *SMALL)
    line = (
        "broken:Broken-v0 (env 0) failed in step 40 of its episode: the reward is 'forty' (str), not a number"
    )
    assert done.returncode == 1 and f"error: {line}\n" in done.stdout + done.stderr
    assert project.record("text")["reason"] == line
    assert "Broken-v0 has no time limit: an episode that has not ended after 1000 steps" in done.stdout

    (project.path / "broken.py").write_text(BROKEN.replace('"forty"', "1.0"))
    done = project.train("task=Gym", "env.id=broken:Broken-v0", "logging.experimentName=key", *SMALL)
    told = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in told
    assert "failed in step 50 of its episode: KeyError: 'wheel' (" in told and "broken.py:17)" in told
    assert "Traceback (most recent call last):" in (project.run("key") / "train.log").read_text()
