"""A URDF becomes a scene through MuJoCo's importer, its meshes found by the paths that ROS uses."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import robot_files
import torch

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.mjcf import unpacked
from rlkit.sims.mujoco.simulator import MujocoSimulator

PHYSICS = PhysicsSettings(dt=0.002, substeps=1, num_threads=1)
URDF = """
<robot name="arm">
  <link name="base">{inertial}<collision><geometry><mesh filename="package://my_arm/meshes/part.stl"/></geometry></collision>
    <visual><geometry><mesh filename="package://my_arm/meshes/part.dae"/></geometry></visual></link>
  <link name="upper">{inertial}<visual><geometry><mesh filename="../meshes/other/part.stl"/></geometry></visual></link>
  <link name="fork">{inertial}</link><link name="tool"/>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/><origin xyz="0 0 0.2"/>
    <axis xyz="0 1 0"/><limit lower="-1" upper="2" effort="7" velocity="3"/></joint>
  <joint name="finger" type="prismatic"><parent link="upper"/><child link="fork"/><axis xyz="1 0 0"/>
    <limit lower="0" upper="0.1" effort="5" velocity="1"/><mimic joint="shoulder" multiplier="0.05"/></joint>
  <joint name="flange" type="fixed"><parent link="upper"/><child link="tool"/><origin xyz="0 0 0.3"/></joint>
</robot>"""
INERTIAL = (
    '<inertial><origin xyz="0 0 0.1"/><mass value="1.5"/>'
    '<inertia ixx="0.01" iyy="0.02" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>'
)


@pytest.fixture
def urdf(tmp_path: Path) -> Path:
    folder = tmp_path / "my_arm"
    for name, head in (("part.stl", b"one"), ("other/part.stl", b"two"), ("part.dae", b"")):
        (folder / "meshes" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "meshes" / name).write_bytes(head + robot_files.stl()[len(head) :])
    (folder / "urdf").mkdir()
    path = folder / "urdf" / "arm.urdf"
    path.write_text(URDF.format(inertial=INERTIAL))
    return path


def test_names_limits_and_frames_are_there(urdf: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        spec = SceneSpec.from_file(urdf, servos=True, bodies=("base", "tool"))
    assert "part.dae is not shown: MuJoCo reads no .dae" in caplog.text
    assert (spec.joints, spec.actuators, spec.free_bodies) == (("shoulder", "finger"), ("shoulder",), ())
    assert set(unpacked(spec.mjcf)[1]) == {"part.stl", "part_2.stl"}  # one name in two folders
    shutil.rmtree(urdf.parents[1])
    sim = MujocoSimulator(spec, PHYSICS, 1)
    assert sim.joint_range[0].tolist() == [-1.0, 2.0]
    assert sim.body_pos[0].tolist() == [[0, 0, 0], [0, 0, pytest.approx(0.5)]]
    # 1.5 kg at 0.1 m and 0.02, of `upper` and of `fork`: 0.07 kg m^2, times (2 pi 5 Hz)^2
    assert float(sim.model_field("actuator_gainprm")[0, 0, 0]) == pytest.approx(69.09, rel=1e-3)
    sim.step(torch.tensor([[1.0]]), 500)
    assert float(sim.joint_pos[0, 1]) == pytest.approx(
        0.05 * float(sim.joint_pos[0, 0]), abs=0.01
    )  # it follows


def test_a_free_base(urdf: Path) -> None:
    spec = SceneSpec.from_file(urdf, floating=True, pose={"base": (0.0, 0.0, 1.0)}, bodies=("base",))
    assert spec.free_bodies == ("base",)
    sim = MujocoSimulator(spec, PHYSICS, 1)
    sim.reset(torch.tensor([0]), sim.start_state(1))
    assert sim.body_pos[0, 0].tolist() == [0.0, 0.0, 1.0]
    sim.step(torch.zeros(1, 0), 50)
    assert float(sim.body_pos[0, 0, 2]) < 0.97


def test_packages_are_above_the_file_on_the_path_or_given(
    urdf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = urdf.parents[2] / "ros" / "my_arm"
    shutil.copytree(urdf.parents[1] / "meshes", elsewhere / "meshes")
    moved = urdf.parents[2] / "alone" / "deep" / "arm.urdf"
    moved.parent.mkdir(parents=True)
    moved.write_text(urdf.read_text().replace("../meshes", "package://my_arm/meshes"))
    shutil.rmtree(urdf.parents[1])
    with pytest.raises(
        SimulatorError, match=r"where is the ROS package 'my_arm' .* packages=\{\"my_arm\": FOLDER\}"
    ):
        SceneSpec.from_file(moved)
    given = SceneSpec.from_file(moved, packages={"my_arm": elsewhere})
    monkeypatch.setenv("ROS_PACKAGE_PATH", str(elsewhere.parent))
    assert SceneSpec.from_file(moved) == given


def test_meshes_that_are_text_are_shown_and_collide(urdf: Path) -> None:
    for name in ("part.stl", "other/part.stl"):
        (urdf.parents[1] / "meshes" / name).write_bytes(robot_files.stl_text())
    spec = SceneSpec.from_file(urdf)
    assert unpacked(spec.mjcf)[1] == {"part.stl": robot_files.stl()}  # both are the same mesh
    MujocoSimulator(spec, PHYSICS, 1)
    (urdf.parents[1] / "meshes" / "part.stl").write_bytes(robot_files.stl_text().replace(b"1.0", b"one", 1))
    with pytest.raises(SimulatorError, match=r"part.stl is an STL file of text that cannot be read: .*one"):
        SceneSpec.from_file(urdf)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("meshes/part.stl", "meshes/part.dae", r"reads no .dae .*which link 'base' collides by"),
        ("meshes/part.stl", "meshes/gone.stl", r"gone.stl would be .*No such file"),
        ('<link name="tool"/>', '<link name="tool"/><link name="loose"/>', "has 2: .*'loose'"),
        ('name="arm">', 'name="arm" xmlns:xacro="http://x/xacro"><xacro:include filename="a"/>', "is a xacro"),
        ('type="fixed"', 'type="bolted"', "MuJoCo cannot read .*arm.urdf: .*invalid joint type"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(urdf: Path, old: str, new: str, message: str) -> None:
    urdf.write_text(urdf.read_text().replace(old, new))
    with pytest.raises(SimulatorError, match=message):
        SceneSpec.from_file(urdf)
