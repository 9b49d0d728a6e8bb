"""The worked example of docs/tasks.md, run as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import robot_files
import warm
from project import Project

ROOT = Path(__file__).parents[3]


def blocks(language: str) -> list[str]:
    text = (ROOT / "docs" / "tasks.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def block(language: str, words: str) -> str:
    """The block of the page with these words in it."""
    (found,) = (text for text in blocks(language) if words in text)
    return found


pytestmark = pytest.mark.journey


def test_the_robot_of_the_guide_trains_and_is_shown_after_its_files_are_gone(project: Project) -> None:
    main = robot_files.robot(project.path / "robots")
    (project.path / "rlkit/tasks/my_robot.py").write_text(block("python", "class MyRobot"))
    (project.path / "conf/task/MyRobot.yaml").write_text(block("yaml", "name: MyRobot"))
    small = ("numEnvs=2", "maxIter=1", "train.units=[8]", "train.horizon_length=8", "train.minibatch_size=16")
    model = f"task.model={main.relative_to(project.path)}"
    done = project.train("task=MyRobot", model, "logging.experimentName=scout", *small)
    assert done.returncode == 0, done.stderr
    done = project.train("test=true", "checkpoint=scout", "render=false", "testing.recordEnvs=1")
    assert done.returncode == 0, done.stderr
    replay = "rlkit replay runs/latest_test/trajectories/env00_ep00.npz"
    done = project.shell(replay)
    assert done.returncode == 0, done.stdout + done.stderr

    main.rename(main.with_name("elsewhere.xml"))
    done = project.shell(f"{replay} --states")
    assert done.returncode == 0, done.stdout + done.stderr
    done = project.shell(replay)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "there is no file robots/robot/scout.xml" in done.stderr
    assert "--states shows the recorded states" in done.stderr
    done = project.train("task=MyRobot", model, *small)
    assert done.returncode == 1 and "there is no file robots/robot/scout.xml" in done.stdout + done.stderr


def test_the_reward_term_of_the_guide_trains(tmp_path: Path) -> None:
    for name in ("rlkit", "conf", "train.py"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    (tmp_path / "rlkit/tasks/level_grasping.py").write_text(block("python", "class LevelGrasping"))
    (tmp_path / "conf/task/LevelGrasping.yaml").write_text(block("yaml", "name: LevelGrasping"))
    env = {**os.environ, "PYTHONPATH": str(tmp_path), **warm.environment()}
    commands = block("bash", "task=LevelGrasping")
    for command in commands.splitlines():
        words = [*warm.python(), *command.split()[1:], "maxIter=12", "numEnvs=8", "task.episodeLength=64"]
        subprocess.run(words, cwd=tmp_path, check=True, env=env)
    weights = []
    for run in sorted((tmp_path / "runs_all").iterdir()):
        if not run.is_dir():
            continue
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        told = [row["reward/palm_down"] for row in rows if "reward/palm_down" in row]
        assert told
        weights.append(sum(told) / len(told))
    assert (
        len(weights) == 2 and 3.0 < weights[1] / weights[0] < 7.0
    )  # five times the weight, about the same poses
