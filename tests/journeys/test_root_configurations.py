"""What was made through a root configuration is tested, resumed, exported and compared as it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import Project

pytestmark = pytest.mark.journey

# A training that is over in seconds, whatever the root asks for.
TINY = (
    "device=cpu", "numEnvs=2", "maxIter=1", "train.actor_units=[8]", "train.critic_units=[8]", "train.batch_size=16",
    "train.learning_starts=1", "train.num_updates=1", "train.buffer_size=64", "train.compile=false", "train.amp=false",
)  # fmt: skip
MINE = """
defaults:
  - config
  - override task: Reach
  - override sim: mujoco
  - _self_
task: {episodeLength: 40}
env: {numEnvs: 3}
train: {units: [8], gamma: 0.9}
training: {maxIterations: 1}
"""


def settings(project: Project, name: str) -> dict[str, Any]:
    return yaml.safe_load((project.run(name) / "config.yaml").read_text())


def run(project: Project, line: str) -> str:
    done = project.shell(line, timeout=300)
    assert done.returncode == 0, (line, done.stderr, done.stdout[-2000:])
    return done.stdout


def looked_at(project: Project, made: str, **same: Any) -> None:
    """Test, export, resume and compare the run `made` by its name alone; `same`: settings that each must have."""
    config = settings(project, made)
    said = run(
        project,
        f"python train.py test=true checkpoint={made} device=cpu numEnvs=2 testing.gamesNum=2 render=false",
    )
    assert f"{config['task']['name']}, iteration 1: 2 episodes" in said
    run(project, f"python train.py checkpoint={made} device=cpu maxIter=2 logging.experimentName=on_{made}")
    tested, resumed = settings(project, project.names("test")[-1]), settings(project, f"on_{made}")
    for again in (tested, resumed):
        assert again["task"] == config["task"]
        asked = config["composed"]["asked"]
        chosen = {name: value for name, value in config["train"].items() if f"train.{name}" not in asked}
        assert {name: again["train"][name] for name in chosen} == chosen
        assert {**again["sim"], "numThreads": 0} == {**config["sim"], "numThreads": 0}
        for name, value in same.items():
            assert again["task"][name] == value
    assert resumed["env"] == config["env"] and resumed["composed"]["config"] == config["composed"]["config"]
    assert {**resumed["training"], "maxIterations": 1, "checkpoint": None} == {
        **config["training"],
        "checkpoint": None,
    }
    assert tested["env"]["numEnvs"] == 2 and tested["training"]["seed"] == 42
    run(project, f"rlkit export {made} --format torchscript")
    facts = json.loads((project.run(made) / "export" / "policy.json").read_text())
    assert facts["task"] == config["task"]["name"]
    run(project, f"rlkit compare {made} on_{made} --out compared && rlkit report {made}")


def test_a_root_in_the_users_folder_need_not_be_there_any_more(project: Project) -> None:
    folder = project.path / "mine"
    folder.mkdir()
    (folder / "mine.yaml").write_text(MINE)
    run(project, "python train.py --config-dir=mine config=mine device=cpu logging.experimentName=made")
    assert settings(project, "made")["task"]["episodeLength"] == 40
    (folder / "mine.yaml").unlink()
    looked_at(project, "made", episodeLength=40)
    test = project.names("test")[-1]
    lengths = [line.split(",") for line in (project.run(test) / "episodes.csv").read_text().splitlines()]
    column = lengths[0].index("length")
    assert {int(row[column]) for row in lengths[1:]} <= set(range(1, 41))
    # Typed groups stand above the run.
    run(
        project,
        "python train.py test=true checkpoint=made device=cpu numEnvs=2 testing.gamesNum=2 physics=fast",
    )
    fast = settings(project, project.names("test")[-1])
    assert (fast["sim"]["dt"], fast["task"]["episodeLength"]) == (0.01, 40)
    # A sweep takes each checkpoint with the settings of its own run.
    done = run(
        project,
        "python train.py -m test=true checkpoint=made,on_made:last device=cpu numEnvs=2 testing.gamesNum=2",
    )
    assert "Reach, iteration 1: 2 episodes" in done and "Reach, iteration 2: 2 episodes" in done
    first, second = (settings(project, name) for name in project.names("test")[-2:])
    assert Path(first["training"]["checkpoint"]).name == "made" and first["task"] == second["task"]


@pytest.mark.slow
def test_one_of_ours(project: Project) -> None:
    """The others differ in values alone: tests/config/test_root_configs.py."""
    run(project, f"python train.py config=mjx_walk sim=mujoco logging.experimentName=made {' '.join(TINY)}")
    made = settings(project, "made")
    assert made["train"]["std_max"] == 0.8 and made["train"]["v_max"] == 105.0  # of the root alone
    (project.path / "conf" / "mjx_walk.yaml").unlink()
    for gone in ("isaacgym_walk",):  # which is built on it
        (project.path / "conf" / f"{gone}.yaml").unlink()
    looked_at(project, "made", name="HumanoidWalk")
