"""Robots by name and from files, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from motions import H1

from rlkit.motion.errors import MotionError
from rlkit.motion.robots import ROBOTS, find_robot
from rlkit.sims import models
from rlkit.tasks.robots.humanoids import HUMANOIDS

OURS = HUMANOIDS["h1"]
BOX = '<mujoco><worldbody><body name="box">{}<geom size="1"/></body></worldbody></mujoco>'


@pytest.mark.parametrize("name", HUMANOIDS)
def test_a_robot_is_the_tasks_robot(name: str) -> None:
    robot, ours = find_robot(name), HUMANOIDS[name]
    assert (robot.joints, robot.root, robot.feet) == (ours.joints, ours.pelvis, ours.feet)
    assert robot.bodies[0] == ours.pelvis
    assert len(robot.bodies) == {"h1": 20, "g1": 30}[name]


@pytest.mark.parametrize("name", ROBOTS)
def test_every_row_has_its_model_feet_and_key_bodies(name: str) -> None:
    robot = find_robot(name)
    assert robot.joints and {*robot.feet, *robot.keys} <= {*robot.bodies}


def test_a_file_of_ones_own_tells_its_feet_in_a_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.xml").write_text(models.load("h1"))
    (tmp_path / "mine.yaml").write_text("model: mine.xml\nfeet: [left_ankle_link]\n")
    bare, told = find_robot("mine.xml"), find_robot("mine.yaml")
    assert (bare.name, bare.joints, bare.feet) == ("mine", OURS.joints, ())
    assert (told.feet, told.keys) == (("left_ankle_link",), ())
    assert bare.fingerprint == told.fingerprint == H1.fingerprint


def test_the_fingerprint_is_of_what_moves(tmp_path: Path) -> None:
    text = models.load("h1")
    for changed, same in (
        (
            text.replace('kp="200"', 'kp="100"')
            .replace('rgba="0.25', 'rgba="0.5')
            .replace("mass=", " mass="),
            True,
        ),
        (text.replace('range="-0.26 2.05"', 'range="-0.26 2.0"', 1), False),
        (text.replace('pos="0 0.11536 0"', 'pos="0 0.12 0"'), False),
    ):
        assert changed != text
        (tmp_path / "mine.xml").write_text(changed)
        assert (find_robot("mine.xml").fingerprint == H1.fingerprint) is same


def test_what_is_no_robot_is_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"there is no robot h11; did you mean h1\?"):
        find_robot("h11")
    (tmp_path / "box.xml").write_text(BOX.format('<joint name="a"/>'))
    with pytest.raises(MotionError, match=r"box.xml: no body of the model has a free joint.* <freejoint/>"):
        find_robot("box.xml")
    (tmp_path / "box.xml").write_text(BOX.format('<joint name="root" type="free"/>'))
    assert find_robot("box.xml").joints == ()
    for text, said in (
        ("model: box.xml\nfeet: [foot]", "box.yaml has no body foot"),
        ("model: box.xml\nfeets: [box]", r"unknown key feets; did you mean feet\?"),
        ("model: box.xml\nfeet: box", "feet must be a list of bodies' names"),
        ("feet: []", "names no model"),
        ("model: other.xml", "other.xml"),
    ):
        (tmp_path / "box.yaml").write_text(text)
        with pytest.raises(MotionError, match=said):
            find_robot("box.yaml")
