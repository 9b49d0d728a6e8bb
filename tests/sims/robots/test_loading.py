"""A robot in files becomes a scene with a start, servos, sites and a floor; what cannot be is refused by name."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import mujoco
import pytest
import robot_files
import torch

from rlkit.sims.api import PhysicsSettings, SceneSpec, Servos, SimulatorError
from rlkit.sims.mjcf import unpacked
from rlkit.sims.mjmodel.checks import fingerprint
from rlkit.sims.mujoco.simulator import MujocoSimulator

PHYSICS = PhysicsSettings(dt=0.0005, substeps=1, num_threads=1)
# 2 kg at 0.5 m from the hinge "swing": 0.5 kg m^2; below it 1 kg on a slide, which adds 1 kg at 0.5 m.
PENDULUM = """
<mujoco><compiler angle="radian"/><option gravity="0 0 0"/><worldbody><body name="arm">
  <joint name="swing" axis="0 1 0" {joint}/>
  <inertial mass="2" pos="0 0 -0.5" diaginertia="1e-9 1e-9 1e-9"/>{more}
</body></worldbody>{end}</mujoco>"""
TWO = """<body name="cart" pos="0 0 -0.5"><joint name="run" type="slide" axis="0 0 1" range="-0.1 0.2"/>
  <inertial mass="1" pos="0 0 0" diaginertia="1e-9 1e-9 1e-9"/></body>"""
KEYS = """<keyframe><key name="up" qpos="3 0.1"/><key name="down" qpos="-1 0" ctrl="0.25"/></keyframe>
<actuator><motor joint="run" ctrlrange="-1 1" ctrllimited="true"/></actuator>"""


def pendulum(folder: Path, joint: str = "", more: str = "", end: str = "") -> Path:
    path = folder / "pendulum.xml"
    path.write_text(PENDULUM.format(joint=joint, more=more, end=end))
    return path


def servo(spec: SceneSpec, name: str) -> tuple[float, float]:
    """kp and kv as the simulator has them."""
    sim = MujocoSimulator(spec, PHYSICS, 1)
    k = spec.actuators.index(name)
    gain, bias = sim.model_field("actuator_gainprm")[0, k], sim.model_field("actuator_biasprm")[0, k]
    assert bias[1] == -gain[0]
    return float(gain[0]), -float(bias[2])


def test_gains_are_those_of_an_oscillator_of_the_inertia(tmp_path: Path) -> None:
    speed = 2 * math.pi * 5.0
    spec = SceneSpec.from_file(pendulum(tmp_path), servos=True)
    assert servo(spec, "swing") == pytest.approx((0.5 * speed**2, 2 * 0.5 * speed), rel=1e-3)
    heavier = pendulum(tmp_path, 'armature="0.1"', TWO)  # 0.5 + 0.1 + 1 kg at 0.5 m
    spec = SceneSpec.from_file(heavier, servos=Servos(frequency=2.0, damping_ratio=0.5))
    speed = 2 * math.pi * 2.0
    assert servo(spec, "swing") == pytest.approx((0.85 * speed**2, 0.85 * speed), rel=1e-3)
    assert servo(spec, "run") == pytest.approx((1.0 * speed**2, 1.0 * speed), rel=1e-3)
    # In the pose the cart is 0.2 m nearer: 0.5 + 0.1 + 0.3^2.
    spec = SceneSpec.from_file(heavier, servos=True, pose={"run": 0.2})
    assert servo(spec, "swing")[0] == pytest.approx(0.69 * (2 * math.pi * 5.0) ** 2, rel=1e-3)


def test_a_servo_moves_the_joint_as_its_frequency_and_damping_say(tmp_path: Path) -> None:
    sim = MujocoSimulator(SceneSpec.from_file(pendulum(tmp_path), servos=True), PHYSICS, 1)
    sim.step(torch.tensor([[0.5]]), 200)  # 0.1 s
    turned = 2 * math.pi * 5.0 * 0.1
    assert float(sim.joint_pos) == pytest.approx(0.5 * (1 - (1 + turned) * math.exp(-turned)), rel=0.02)


def test_servos_by_pattern_only_where_nothing_drives(tmp_path: Path) -> None:
    driven = '<actuator><motor joint="run"/></actuator>'
    spec = SceneSpec.from_file(pendulum(tmp_path, more=TWO, end=driven), servos=True)
    assert spec.actuators == ("run", "swing")
    wanted = (Servos("r*", kp=9.0, max_force=3.0), Servos(kp=4.0, kv=0.25))
    spec = SceneSpec.from_file(pendulum(tmp_path, more=TWO), servos=wanted)
    assert servo(spec, "run") == (9.0, 6.0)  # 2 sqrt(1 kg * 9 N/m)
    assert servo(spec, "swing") == (4.0, 0.25)
    sim = MujocoSimulator(spec, PHYSICS, 1)
    places = [spec.actuators.index(name) for name in ("run", "swing")]
    assert torch.allclose(sim.ctrl_range[places], torch.tensor([[-0.1, 0.2], [-math.pi, math.pi]]))
    assert sim.model_field("actuator_forcerange")[0, places[0]].tolist() == [-3.0, 3.0]
    only = SceneSpec.from_file(pendulum(tmp_path, more=TWO), servos=Servos("swing"))
    assert only.actuators == ("swing",)
    equality = '<equality><joint joint1="run" joint2="swing"/></equality>'
    spec = SceneSpec.from_file(pendulum(tmp_path, more=TWO, end=equality), servos=True)
    assert spec.actuators == ("swing",)  # run follows it


def test_a_keyframe_is_where_episodes_start(tmp_path: Path) -> None:
    path = pendulum(tmp_path, more=TWO, end=KEYS)
    start = SceneSpec.from_file(path, keyframe="down").start
    assert start is not None and (start.joint_pos, start.ctrl) == ((-1.0, 0.0), (0.25,))
    spec = SceneSpec.from_file(path, keyframe="up", servos=True, pose={"run": -0.05})
    assert spec.start is not None and spec.start.joint_pos == (3.0, -0.05)
    assert dict(zip(spec.actuators, spec.start.ctrl)) == {
        "run": 0.0,
        "swing": 3.0,
    }  # the servo holds the pose
    sim = MujocoSimulator(spec, PHYSICS, 3)
    sim.reset(torch.tensor([0, 2]), sim.start_state(2))
    assert sim.joint_pos[:, 0].tolist() == [3.0, 0.0, 3.0]
    with pytest.raises(SimulatorError, match="no keyframe 'dwn'; the nearest is 'down'"):
        SceneSpec.from_file(path, keyframe="dwn")


def test_keyframes_go_on_where_servos_and_objects_are_added(tmp_path: Path) -> None:
    path = pendulum(tmp_path, more=TWO, end=KEYS)
    box = (
        '<mujoco><worldbody><body name="box" pos="1 2 3"><freejoint/><geom size="0.1"/></body></worldbody>'
        '<keyframe><key name="thrown" qpos="0.5 0 0 0 9 1 0 0 0" qvel="0 0 0 0 4 0 0 0"/></keyframe></mujoco>'
    )
    spec = SceneSpec.from_file(path, servos=True, add_mjcf=box)
    assert spec.actuators == ("run", "swing")
    model = mujoco.MjModel.from_xml_string(*unpacked(spec.mjcf))
    assert [model.key(k).name for k in range(model.nkey)] == ["up", "down", "thrown"]
    placed = [1, 2, 3, 1, 0, 0, 0]
    assert model.key("up").qpos.tolist() == [3.0, 0.1, *placed]
    assert model.key("down").qpos.tolist() == [-1.0, 0.0, *placed]
    assert model.key("down").ctrl.tolist() == [0.25, -1.0]  # the motor's own, and what the servo holds
    assert model.key("up").ctrl.tolist() == [0.0, 3.0]
    assert model.key("thrown").qpos.tolist() == [0.5, 0, 0, 0, 9, 1, 0, 0, 0]
    assert model.key("thrown").qvel.tolist() == [0, 0, 0, 0, 4, 0, 0, 0]
    assert model.key("thrown").ctrl.tolist() == [0.0, 0.5]


def test_a_pose_by_names_and_patterns(tmp_path: Path) -> None:
    scout = robot_files.robot(tmp_path)
    spec = SceneSpec.from_file(scout, pose={"trunk": (0.0, 0.0, 2.0), "*e*": 0.5, "joint1": -0.5})
    assert spec.start is not None
    assert spec.start.free_pose == ((0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0),)
    assert spec.start.joint_pos == (-0.5, 0.5)
    for pose, message in (
        ({"kne": 1.0}, "no joint or free body 'kne'; the nearest is 'knee'"),
        ({"knee": (1.0, 2.0)}, "'knee' takes 1 number, not 2"),
        ({"trunk": 1.0}, "'trunk' takes 3 or 7 numbers, not 1"),
    ):
        with pytest.raises(SimulatorError, match=message):
            SceneSpec.from_file(scout, pose=pose)


def test_without_a_start_joints_are_at_zero_and_bodies_upright() -> None:
    mjcf = '<mujoco><worldbody><body name="a"><freejoint/><geom size="1"/></body></worldbody></mujoco>'
    sim = MujocoSimulator(SceneSpec(mjcf, (), (), free_bodies=("a",)), PHYSICS, 1)
    assert sim.start_state(2).free_pose.tolist() == [[[0, 0, 0, 1, 0, 0, 0]]] * 2


def test_a_floor_sites_and_a_box_are_added(tmp_path: Path) -> None:
    scout = robot_files.robot(tmp_path)
    body = '<body name="box" pos="1 0 0.1"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body>'
    box = f"<worldbody>{body}</worldbody>"
    spec = SceneSpec.from_file(
        scout, floor=True, add_sites={"tip": ("body3", (0.0, 0.0, 0.25))}, add_mjcf=box, bodies=("box", "body3"),
        sites=(), pose={"trunk": (0, 0, 3.0)},
    )  # fmt: skip
    assert spec.sites == ("tip",) and spec.free_bodies == ("trunk", "box")
    sim = MujocoSimulator(spec, PhysicsSettings(dt=0.005, substeps=1, num_threads=1), 1)
    sim.reset(torch.tensor([0]), sim.start_state(1))
    assert torch.allclose(sim.site_pos[0, 0] - sim.body_pos[0, 1], torch.tensor([0.0, 0.0, 0.25]), atol=1e-6)
    sim.step(torch.zeros(1, 2), 100)
    assert float(sim.body_pos[0, 0, 2]) == pytest.approx(0.1, abs=0.005)  # it rests on the floor
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        (
            {"add_sites": {"tip": ("bdy3", (0, 0, 0))}},
            "no body 'bdy3' for the site 'tip'; the nearest is 'body3'",
        ),
        ({"add_sites": {"tip": ("body3", (0, 0))}}, "is x, y and z in m"),
        ({"add_mjcf": "<option/>"}, "add_mjcf has <option>"),
        ({"add_mjcf": "<a"}, "add_mjcf is no XML"),
        ({"floating": True}, "floating=True is for a URDF"),
        ({"joints": ("kne",)}, "no hinge or slide 'kne'; the nearest is 'knee'"),
    )
    for extra, message in refused:
        with pytest.raises(SimulatorError, match=message):
            SceneSpec.from_file(scout, **extra)
    with pytest.raises(SimulatorError, match="has a floor already"):
        SceneSpec.from_file(
            pendulum(tmp_path, end='<worldbody><geom type="plane" size="1 1 1"/></worldbody>'), floor=True
        )


def test_the_scene_is_the_same_wherever_its_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scout = robot_files.robot(tmp_path / "here")
    spec = SceneSpec.from_file(scout, servos=True, floor=True)
    shutil.move(tmp_path / "here", tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there" / "robot" / "shared")
    moved = SceneSpec.from_file("../scout.xml", servos=True, floor=True)
    assert moved == spec and torch.equal(fingerprint(moved), fingerprint(spec))
    # Where episodes start is no part of it: a checkpoint goes on with another pose.
    other = SceneSpec.from_file("../scout.xml", servos=True, floor=True, pose={"trunk": (0.0, 0.0, 5.0)})
    assert other.start != spec.start and torch.equal(fingerprint(other), fingerprint(spec))


def test_folders_named_in_an_included_file_start_at_the_main_one(tmp_path: Path) -> None:
    (tmp_path / "parts/meshes").mkdir(parents=True)
    (tmp_path / "parts/settings.xml").write_text('<mujoco><compiler meshdir="parts/meshes"/></mujoco>')
    (tmp_path / "parts/meshes/a.stl").write_bytes(robot_files.stl())
    path = tmp_path / "robot.xml"
    path.write_text(
        '<mujoco><include file="parts/settings.xml"/><asset><mesh file="a.stl"/></asset><worldbody><body><joint/>'
        '<geom type="mesh" mesh="a"/></body></worldbody></mujoco>'
    )
    spec = SceneSpec.from_file(path)
    shutil.rmtree(tmp_path / "parts")
    MujocoSimulator(spec, PHYSICS, 1).step(torch.zeros(1, 0), 2)


def test_attached_and_replicated_parts_are_written_out(tmp_path: Path) -> None:
    path = robot_files.robot(tmp_path).with_name("two.xml")
    path.write_text(
        '<mujoco><asset><model name="scout" file="scout.xml"/></asset><worldbody><frame><attach model="scout"'
        ' body="trunk" prefix="a_"/></frame><replicate count="2" offset="0 1 0"><body name="x"><joint name="y"/>'
        '<geom size="0.1"/></body></replicate></worldbody></mujoco>'
    )
    spec = SceneSpec.from_file(path, servos=True, add_sites={"tip": ("a_body3", (0.0, 0.0, 0.1))})
    assert spec.actuators == ("a_knee", "a_named", "a_joint1", "y0", "y1")
    MujocoSimulator(spec, PHYSICS, 1).step(torch.zeros(1, 5), 2)


def test_the_ant_of_gymnasium_whose_actuators_have_no_names(tmp_path: Path) -> None:
    spec = SceneSpec.from_file("package:gymnasium/envs/mujoco/assets/ant.xml", bodies=("torso",))
    assert set(spec.actuators) == set(spec.joints) and spec.actuators[0] == "hip_4"
    sim = MujocoSimulator(spec, PhysicsSettings(dt=0.01, substeps=1, num_threads=1), 2)
    sim.step(torch.ones(2, 8), 5)
    assert (sim.joint_vel != 0).all()
