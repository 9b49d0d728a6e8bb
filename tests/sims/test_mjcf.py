"""A robot in files becomes one text that MuJoCo compiles to the same model, wherever the files go."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import re
import shutil
from pathlib import Path

import mujoco
import numpy as np
import pytest
import robot_files
import torch

from rlkit.media.viewers.scene import Scene as ViewerScene
from rlkit.sims import mjcf
from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.mujoco.simulator import MujocoSimulator

PHYSICS = PhysicsSettings(dt=0.005, substeps=1, num_threads=1)
FIELDS = (
    "body_mass", "body_inertia", "body_pos", "geom_pos", "geom_quat", "geom_size", "mesh_vert", "hfield_data",
    "tex_data", "geom_matid", "jnt_range", "actuator_ctrlrange",
)  # fmt: skip


@pytest.fixture
def scout(tmp_path: Path) -> Path:
    return robot_files.robot(tmp_path / "here")


def write(folder: Path, inside: str, name: str = "robot.xml") -> Path:
    path = folder / name
    path.write_text(f"<mujoco>{inside}</mujoco>")
    return path


def test_the_text_compiles_to_the_model_of_the_files_after_they_are_gone(scout: Path) -> None:
    original = mujoco.MjModel.from_xml_path(str(scout))
    text, files = mjcf.unpacked(mjcf.read(scout))
    shutil.rmtree(scout.parents[1])
    model = mujoco.MjModel.from_xml_string(text, files)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(model, field), getattr(original, field), err_msg=field)
    assert set(files) == {"wedge.obj", "wedge.stl", "skin.png", "hills.png"}


def test_from_file_lists_what_there_is_and_names_what_has_no_name(scout: Path) -> None:
    spec = SceneSpec.from_file(scout, bodies=("body2",))
    assert spec.joints == ("joint1", "knee")  # joint0 is the free one
    assert spec.actuators == ("knee", "named") and spec.free_bodies == ("trunk",)
    sim = MujocoSimulator(spec, PHYSICS, 2)
    sim.step(torch.tensor([[1.0, 0.0]] * 2), 10)
    assert (sim.joint_pos[:, 1] != 0).all() and not sim.unstable.any()
    chosen = SceneSpec.from_file(scout, joints=("knee",), actuators=("named", "knee"), free_bodies=())
    assert (chosen.joints, chosen.actuators, chosen.free_bodies) == (("knee",), ("named", "knee"), ())


def test_a_viewer_draws_the_embedded_meshes(scout: Path) -> None:
    text = mjcf.read(scout)
    shutil.rmtree(scout.parents[1])
    scene = ViewerScene(text)
    ground, *meshes = (len(shape.mesh.faces) for shape in scene.shapes[:3])
    assert ground == 2 * 3 * 3, "a height field of four by four points"
    assert meshes == [4, 4]


def test_names_are_by_place_in_mujocos_order_and_never_taken_twice(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """<worldbody><frame pos="0 0 1"><body>
          <body><joint axis="1 0 0"/><geom size="1"/></body>
          <joint name="joint1"/><joint axis="0 1 0"/><geom size="1"/>
        </body></frame></worldbody>""",
    )
    model = mujoco.MjModel.from_xml_string(mjcf.read(path))
    # The outer body's joints come first, though they stand behind the inner body.
    assert [model.joint(k).name for k in range(3)] == ["joint1", "joint1_2", "joint2"]
    assert [model.body(k).name for k in range(3)] == ["world", "body1", "body2"]


def test_assetdir_and_strippath_and_equal_names_in_two_folders(tmp_path: Path) -> None:
    for name in ("a/wedge.obj", "b/wedge.obj", "flat/wedge.stl"):
        (tmp_path / name).parent.mkdir()
        content = robot_files.stl() if name.endswith("stl") else robot_files.obj()
        (tmp_path / name).write_bytes(content + b"# b\n" * name.startswith("b"))
    body = '<worldbody><body><geom type="mesh" mesh="{}"/></body></worldbody>'
    meshes = '<mesh name="one" file="a/wedge.obj"/><mesh name="two" file="b/wedge.obj" scale="2 2 2"/>'
    text, files = mjcf.unpacked(mjcf.read(write(tmp_path, f"<asset>{meshes}</asset>{body.format('two')}")))
    assert set(files) == {"wedge.obj", "wedge_2.obj"}
    assert mujoco.MjModel.from_xml_string(text, files).nmesh == 2
    settings = (
        '<compiler assetdir="flat" strippath="true"/><asset><mesh file="C:\\\\x\\\\wedge.stl"/></asset>'
    )
    path = write(tmp_path, settings + body.format("wedge"))
    text, files = mjcf.unpacked(mjcf.read(path))
    original = mujoco.MjModel.from_xml_path(str(path))
    np.testing.assert_array_equal(mujoco.MjModel.from_xml_string(text, files).body_mass, original.body_mass)


def test_a_model_attached_from_another_file_comes_along(scout: Path) -> None:
    arm = '<asset><model name="scout" file="scout.xml"/></asset><worldbody><frame>'
    path = write(
        scout.parent, f'{arm}<attach model="scout" body="trunk" prefix="a_"/></frame></worldbody>', "two.xml"
    )
    text, files = mjcf.unpacked(mjcf.read(path))
    shutil.rmtree(scout.parents[1] / "assets")
    model = mujoco.MjModel.from_xml_string(text, files)
    assert "a_knee" in [model.joint(k).name for k in range(model.njnt)] and model.nmesh == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: (f.parents[1] / "assets/skin.png").unlink(),
            r"no file .*skin.png, which <texture file=\"skin.png\">",
        ),
        (
            lambda f: (f.parent / "shared/body.xml").unlink(),
            r"body.xml, which .*scout.xml includes: No such file",
        ),
        (
            lambda f: (f.parent / "shared/body.xml").write_text("<mujoco>"),
            r"body.xml, .* is no XML: no element",
        ),
        (
            lambda f: (f.parent / "shared/body.xml").write_text('<m><include file="scout.xml"/></m>'),
            r"body.xml includes scout.xml, which includes body.xml again",
        ),
        (
            lambda f: f.write_text('<robot name="r"/>'),
            r"scout.xml: a URDF has one link that is no joint's child, this has 0",
        ),
        (lambda f: f.unlink(), r"there is no file .*scout.xml; give a path"),
        (
            lambda f: f.write_text("<mujoco><worldbody><bod/></worldbody></mujoco>"),
            "cannot read the scene: .*bod",
        ),
    ],
)
def test_what_cannot_be_read_names_the_file(scout: Path, change, message: str) -> None:
    change(scout)
    with pytest.raises(SimulatorError, match=message):
        SceneSpec.from_file(scout)


def test_files_are_bounded_when_read_and_when_unpacked(scout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = mjcf.read(scout)
    monkeypatch.setattr(mjcf, "LARGEST", 400)
    with pytest.raises(mjcf.MjcfError, match=r"the largest is wedge.stl with 0 MB: simplify the meshes"):
        mjcf.read(scout)
    with pytest.raises(mjcf.MjcfError, match="the model's files are more than"):
        mjcf.unpacked(text)


def test_a_damaged_text_is_told(scout: Path) -> None:
    text = mjcf.read(scout)
    data = re.findall(r'data="([^"]+)"', text)[0]
    for broken in (text.replace(data, data[5:]), text.replace(data, "A"), text[:-9]):
        with pytest.raises(mjcf.MjcfError, match="the model's text is damaged"):
            mjcf.unpacked(broken)
    assert mjcf.unpacked("<mujoco/>") == ("<mujoco/>", {})


def test_text_alone_says_how_files_are_read(scout: Path) -> None:
    with pytest.raises(SimulatorError, match=r"SceneSpec.from_file\(path\)"):
        MujocoSimulator(SceneSpec(scout.read_text(), (), ()), PHYSICS, 1)
    unnamed = '<mujoco><worldbody><body><joint name="a"/><geom size="1"/></body></worldbody>{}</mujoco>'
    text = unnamed.format('<actuator><motor joint="a"/><motor joint="a"/></actuator>')
    with pytest.raises(SimulatorError, match=r"2 of the model's 2 actuators have no name.*from_file\(path\)"):
        MujocoSimulator(SceneSpec(text, ("a",), ("", "")), PHYSICS, 1)


def test_a_robot_without_actuators_moves_by_itself(tmp_path: Path) -> None:
    body = '<worldbody><body><joint type="slide"/><geom size="1"/></body></worldbody>'
    spec = SceneSpec.from_file(write(tmp_path, body))
    assert spec.actuators == ()
    sim = MujocoSimulator(spec, PHYSICS, 2)
    sim.step(torch.zeros(2, 0), 100)
    assert torch.allclose(sim.joint_vel, torch.tensor(-9.81 * 0.5), rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["warp", "mjx"])
def test_the_others_of_mujocos_family_take_files_too(name: str, scout: Path) -> None:
    from rlkit.sims import registry

    spec = SceneSpec.from_file(scout, servos=True, floor=True, pose={"trunk": (0.0, 0.0, 2.0), "knee": 0.3})
    expected, sim = MujocoSimulator(spec, PHYSICS, 1), registry.make(name, spec, PHYSICS, 1, "cpu")
    ctrl = torch.tensor([[0.5, 0.0, -0.4]])
    for each in (expected, sim):
        each.reset(torch.tensor([0]), each.start_state(1))
        assert each.joint_pos.tolist() == [[0.0, pytest.approx(0.3)]]
        each.step(ctrl, 10)
    assert float(expected.joint_pos[0, 0]) < -0.01
    assert torch.allclose(sim.joint_pos, expected.joint_pos, atol=1e-4)
