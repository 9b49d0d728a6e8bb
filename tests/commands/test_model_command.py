"""`rlkit model`: what is in a robot's file, and what each simulator refuses of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import robot_files
from needs import require_gl

from rlkit.cli import main
from rlkit.sims import models
from rlkit.sims.robots.loading import Additions, load
from rlkit.sims.robots.places import located
from rlkit.tasks.robots.humanoids import HUMANOIDS


@pytest.mark.slow
def test_a_robot_in_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scout = robot_files.robot(tmp_path)
    assert main(["model", str(scout), "--servos", "--floor"]) == 0
    text = capsys.readouterr().out
    for line in (
        "3 bodies, ", "free joint joint0", "hinge joint1: -1 to 1 rad (-57 to 57°)", "named: motor, gear 1;",
        "joint1: position servo, kp ", "block: 4 faces", "  mujoco: takes it",
        "  genesis: sim=genesis takes no model with meshes",
    ):  # fmt: skip
        assert line in text, text


@pytest.mark.parametrize("name", HUMANOIDS)
def test_a_robot_of_ours_is_known_by_its_name(name: str, tmp_path: Path) -> None:
    assert located(name) == models.path_of(name)
    assert len(load(name, Additions()).actuators) == len(HUMANOIDS[name].joints)
    (tmp_path / name).mkdir()  # what lies here comes first
    assert located(name) == Path(name)


@pytest.mark.slow
def test_it_is_shown_like_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "g1"]) == 0
    assert "mujoco: takes it" in capsys.readouterr().out


@pytest.mark.slow
def test_the_scene_of_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "Reach"]) == 0
    text = capsys.readouterr().out
    assert "the scene of task=Reach" in text and "finger_joint1: position servo, kp 1000, kv 100" in text
    assert main(["model", "Reach", "--floor", "--servos"]) == 2
    assert "--servos, --floor: a task's scene is as its class makes it" in capsys.readouterr().err
    assert main(["model", "Rech"]) == 2
    assert "did you mean task=Reach" in capsys.readouterr().err


def test_what_is_not_there_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", str(tmp_path / "arm.xml")]) == 2
    assert "arm.xml" in capsys.readouterr().err
    assert main(["model", "package:no_such_robots/arm.xml"]) == 2
    assert "no package 'no_such_robots'" in capsys.readouterr().err
    assert main(["model", "arm.xml", "--picture", "arm.jpg"]) == 2
    assert "the picture is a .png" in capsys.readouterr().err


@pytest.mark.journey
def test_a_picture_and_a_page(tmp_path: Path) -> None:
    require_gl()
    scout = robot_files.robot(tmp_path)
    words = ["model", str(scout), "--picture", "scout.png", "--view", "--port", "0"]
    words = [sys.executable, "-m", "rlkit.cli", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as viewer:
        try:
            assert viewer.stdout is not None
            line = next(line for line in viewer.stdout if line.startswith("watch at "))
            assert (tmp_path / "scout.png").read_bytes().startswith(b"\x89PNG")
            with urllib.request.urlopen(line.split()[2], timeout=60) as page:
                assert page.status == 200
            time.sleep(0.1)
            assert viewer.poll() is None
        finally:
            viewer.terminate()
