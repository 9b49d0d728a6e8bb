"""What Isaac Gym is given of a MuJoCo model: URDFs, drives, filters; and the poses it shows one step late."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import importlib
import math
import sys
import xml.etree.ElementTree as ET

import mujoco
import numpy as np
import pytest
import torch
from isaacgym_standin.loaded import FOLDER

from rlkit.rotations import rotate
from rlkit.sims import models
from rlkit.sims.api import SimulatorError
from rlkit.sims.isaacgym import urdf
from rlkit.sims.isaacgym.drives import read_drives
from rlkit.sims.isaacgym.filters import shape_filters
from rlkit.sims.isaacgym.kinematics import Kinematics
from rlkit.sims.isaacgym.tree import build_trees, compile_model, solid_geoms

# A free box with an arm on a shoulder of three hinges, one of them off the body's origin; and a fixed pole.
SHOULDER = """
<mujoco><compiler angle="radian"/><worldbody>
  <geom type="plane" size="1 1 1"/>
  <body name="pole" pos="1 2 0" quat="0.6 0 0.8 0"><geom type="cylinder" size="0.1 0.5" mass="3"/></body>
  <body name="box" pos="0 0 1"><freejoint/><geom type="box" size="0.1 0.2 0.3" pos="0.05 0 0" mass="2"/>
    <body name="arm" pos="0.1 0.2 0.3" euler="0.3 -0.5 0.7">
      <joint name="x" axis="1 0 0" range="-1 1"/><joint name="y" axis="0 1 0"/>
      <joint name="out" type="slide" axis="0 0 1" pos="0 0 0.1" range="0 0.5"/>
      <joint name="z" axis="0 0.6 0.8" pos="0.02 0 0.1" range="-2 2" damping="0.5" armature="0.01"/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.03" mass="0.5"/>
      <body name="tip" pos="0.3 0 0" quat="0.5 0.5 -0.5 0.5"><geom type="sphere" size="0.05" mass="0.1"/></body>
    </body>
  </body>
</worldbody></mujoco>"""
SCENES = {"shoulder": SHOULDER, **{name: models.load(name) for name in ("h1", "g1", "panda", "dexhand")}}
_READABLE = '><mujoco><compiler fusestatic="false" balanceinertia="false"/></mujoco>'


def scene(mjcf: str, *bodies: str) -> str:
    return f'<mujoco><compiler angle="radian"/><worldbody>{mjcf}</worldbody>{"".join(bodies)}</mujoco>'


def written(model: mujoco.MjModel) -> dict[str, str]:
    drives = read_drives(model)
    return {tree.name: urdf.write(tree, model, drives) for tree in build_trees(model)}


@pytest.mark.parametrize("name", SCENES)
def test_a_urdf_read_back_has_the_masses_inertias_ranges_and_poses_of_the_model(name: str) -> None:
    model = compile_model(SCENES[name])
    data = mujoco.MjData(model)
    random = np.random.default_rng(0)
    seen = 0
    for tree in build_trees(model):
        text = urdf.write(tree, model, read_drives(model))
        copy = mujoco.MjModel.from_xml_string(text.replace(">", _READABLE, 1))
        other = mujoco.MjData(copy)
        mujoco.mj_resetData(model, data)
        for joint in [link.joint for link in tree.links if link.joint]:
            a, b = model.joint(joint), copy.joint(joint)
            assert a.type == b.type
            assert b.range == pytest.approx(a.range if model.jnt_limited[a.id] else b.range, abs=1e-12)
            angle = random.uniform(*a.range) if model.jnt_limited[a.id] else random.uniform(-1, 1)
            data.qpos[a.qposadr], other.qpos[b.qposadr] = angle, angle
        mujoco.mj_kinematics(model, data)
        mujoco.mj_kinematics(copy, other)
        root = model.body(tree.name).id
        for body in [link.body for link in tree.links if link.body]:
            seen += 1
            twin = copy.body(model.body(body).name).id
            base = root if tree.free else 0
            here = relative(data, base, body, tree.pos, tree.quat, tree.free)
            assert other.xpos[twin] == pytest.approx(here[0], abs=1e-9)
            assert other.xmat[twin].reshape(3, 3) == pytest.approx(here[1], abs=1e-9)
            if model.body_mass[body] > 0:
                assert copy.body_mass[twin] == pytest.approx(model.body_mass[body], rel=1e-12)
                assert copy.body_ipos[twin] == pytest.approx(model.body_ipos[body], abs=1e-12)
                ours = urdf.inertia_tensor(model, body)
                assert shapes(copy, twin) == pytest.approx(shapes(model, body), abs=1e-9)
                assert urdf.inertia_tensor(copy, twin) == pytest.approx(ours, rel=1e-6, abs=1e-12)
    assert seen == model.nbody - 1


def shapes(model: mujoco.MjModel, body: int) -> np.ndarray:
    """Kind, size and pose of the solid geoms of a body."""
    rows = []
    for geom in solid_geoms(model, body):
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        rows.append((model.geom_type[geom], *model.geom_size[geom], *model.geom_pos[geom], *turn))
    return np.array(rows)


def relative(
    data: mujoco.MjData, base: int, body: int, pos: np.ndarray, quat: np.ndarray, free: bool
) -> tuple:
    """Pose of a body in its tree's root frame, where a URDF begins."""
    turn = np.zeros(9)
    mujoco.mju_quat2Mat(turn, quat)
    origin, axes = (data.xpos[base], data.xmat[base].reshape(3, 3)) if free else (pos, turn.reshape(3, 3))
    return axes.T @ (data.xpos[body] - origin), axes.T @ data.xmat[body].reshape(3, 3)


@pytest.mark.parametrize("name", SCENES)
def test_our_kinematics_are_mujocos_at_any_pose_and_velocity(name: str) -> None:
    model = compile_model(SCENES[name])
    trees, k = build_trees(model), 3
    dofs = [link.joint for tree in trees for link in tree.links if link.joint][::-1]
    kinematics = Kinematics(trees, dofs, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    free = [tree.name for tree in trees if tree.free]
    q, v = torch.randn(k, len(dofs), generator=generator), torch.randn(k, len(dofs), generator=generator)
    pose, speed = (
        torch.randn(k, len(free), 7, generator=generator),
        torch.randn(k, len(free), 6, generator=generator),
    )
    pose[..., 3:] = torch.nn.functional.normalize(pose[..., 3:], dim=-1)
    motion = kinematics.motion(q, v, pose, speed)
    for env in range(k):
        data = mujoco.MjData(model)
        for column, joint in enumerate(dofs):
            j = model.joint(joint)
            data.qpos[j.qposadr], data.qvel[j.dofadr] = float(q[env, column]), float(v[env, column])
        for row, body in enumerate(free):
            joint = model.body_jntadr[model.body(body).id]
            a, d = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
            data.qpos[a : a + 7] = pose[env, row]
            turn = pose[env, row, 3:] * torch.tensor([1.0, -1.0, -1.0, -1.0])
            data.qvel[d : d + 3], data.qvel[d + 3 : d + 6] = (
                speed[env, row, :3],
                rotate(turn, speed[env, row, 3:]),
            )
        mujoco.mj_forward(model, data)
        for body in range(1, model.nbody):
            place, twist = kinematics.names.index(model.body(body).name), np.zeros(6)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, twist, 0)
            assert motion.pos[env, place].numpy() == pytest.approx(data.xpos[body], abs=1e-4)
            quat = motion.quat[env, place].numpy()
            assert abs(quat @ data.xquat[body]) == pytest.approx(1.0, abs=1e-5)
            assert motion.lin[env, place].numpy() == pytest.approx(twist[3:], abs=1e-3)
            assert motion.ang[env, place].numpy() == pytest.approx(twist[:3], abs=1e-3)


def test_several_joints_of_a_body_are_small_links_of_their_own() -> None:
    robot = ET.fromstring(written(compile_model(SHOULDER))["box"])
    assert [link.get("name") for link in robot.findall("link")] == [
        "box", "arm__x", "arm__y", "arm__out", "arm__z", "arm", "tip",
    ]  # fmt: skip
    kinds = {joint.get("name"): joint.get("type") for joint in robot.findall("joint")}
    assert kinds == {
        "x": "revolute", "y": "continuous", "out": "prismatic", "z": "revolute", "arm__fixed": "fixed",
        "tip__fixed": "fixed",
    }  # fmt: skip
    masses = [float(mass.attrib["value"]) for mass in robot.findall("link/inertial/mass")]
    assert masses == pytest.approx([2.0, 1e-4, 1e-4, 1e-4, 1e-4, 0.5, 0.1])


def test_shapes_are_written_with_whole_sizes() -> None:
    texts = written(compile_model(SHOULDER))
    shapes = {
        e.tag: e.attrib for text in texts.values() for g in ET.fromstring(text).iter("geometry") for e in g
    }
    assert {tag: [float(n) for v in a.values() for n in v.split()] for tag, a in shapes.items()} == {
        "cylinder": pytest.approx([0.1, 1.0]),
        "box": pytest.approx([0.2, 0.4, 0.6]),
        "capsule": pytest.approx([0.03, 0.3]),
        "sphere": pytest.approx([0.05]),
    }


@pytest.mark.parametrize("pitch", [-math.pi / 2, -1.0, 0.0, 0.4, math.pi / 2])
def test_roll_pitch_and_yaw_turn_as_the_quaternion_does(pitch: float) -> None:
    """R = Rz(yaw) Ry(pitch) Rx(roll), also where the two outer axes fall together."""
    quat, want, got = np.zeros(4), np.zeros(9), np.zeros(9)
    mujoco.mju_euler2Quat(quat, [0.3, pitch, -2.0], "XYZ")  # about fixed axes
    mujoco.mju_quat2Mat(want, quat)
    mujoco.mju_euler2Quat(quat, urdf.roll_pitch_yaw(quat), "XYZ")
    mujoco.mju_quat2Mat(got, quat)
    assert got == pytest.approx(want, abs=1e-9)


def test_servos_motors_and_passive_joints_become_drives() -> None:
    bodies = "".join(
        f'<body name="b{j}" pos="0 {j} 0"><joint name="j{j}" damping="0.5" armature="0.02" range="-1 2"'
        f' limited="{"true" if j else "false"}"/><geom size="0.1"/></body>'
        for j in range(3)
    )
    actuators = """<actuator><position name="servo" joint="j0" kp="40" kv="3" forcerange="-7 7"/>
      <motor name="motor" joint="j1" gear="2" ctrlrange="-1 1" forcerange="-5 5"/></actuator>"""
    drives = read_drives(compile_model(scene(bodies, actuators)))
    servo, motor, none = drives["j0"], drives["j1"], drives["j2"]
    assert (servo.position, servo.stiffness, servo.damping, servo.effort, servo.kv) == (
        True,
        40.0,
        3.5,
        7.0,
        3.0,
    )
    assert (motor.position, motor.stiffness, motor.damping, motor.effort) == (False, 2.0, 0.5, 10.0)
    assert (none.actuator, none.damping, none.armature, none.range) == ("", 0.5, 0.02, (-1.0, 2.0))
    assert servo.range == (-math.inf, math.inf)


JOINED = "".join(f'<body name="{n}"><joint name="{n}"/><geom size="0.1"/></body>' for n in "ab")
GROUND = '<geom type="plane" size="1 1 1"/><body name="b"><freejoint/><geom name="ball" size="1"/></body>'
APART = '<geom type="plane" size="1 1 1"/><body><geom name="g" size="1" contype="4" conaffinity="8"/></body>'


@pytest.mark.parametrize(
    ("mjcf", "named"),
    [
        (scene(JOINED, '<equality><joint joint1="a" joint2="b"/></equality>'), "no equality constraint number 0; use"),
        (scene(JOINED, '<tendon><fixed name="t"><joint joint="a" coef="1"/></fixed></tendon>'), "has the tendon 't'"),
        (scene('<body><joint name="b" type="ball"/><geom size="0.1"/></body>'), "'b' is a ball joint"),
        (scene('<body><joint name="s" stiffness="3"/><geom size="0.1"/></body>'), "'s' has a spring"),
        (scene('<body><joint name="f" frictionloss="3"/><geom size="0.1"/></body>'), "'f' has dry friction"),
        (scene('<body><joint name="r" ref="1"/><geom size="0.1"/></body>'), "'r' has a reference angle"),
        (scene('<body name="b"><geom name="e" type="ellipsoid" size="1 1 2"/></body>'), "'e' of body 'b' is no box"),
        (scene('<geom name="wall" type="box" size="1 1 1"/>'), "'wall' stands on the world"),
        (scene('<geom name="hill" type="plane" size="1 1 1" pos="0 0 1"/>'), "'hill' is not flat at height 0"),
        (scene('<body name="m" mocap="true"><geom size="0.1"/></body>'), "'m' is a mocap body"),
        (scene(APART), "'g' must touch the ground"),
        (
            scene(GROUND, '<contact><exclude body1="world" body2="b"/></contact>'),
            "'ball' must touch the ground",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(mjcf: str, named: str) -> None:
    with pytest.raises(SimulatorError, match=named):
        compile_model(mjcf)


@pytest.mark.parametrize(
    ("actuator", "named"),
    [
        ('<velocity name="v" joint="a" kv="1"/>', "'v' is neither a <motor> nor a <position>"),
        ('<position name="p" joint="a" kp="1" gear="2"/>', "'p' is a <position> with a gear"),
        ('<motor name="m" joint="a" forcerange="-1 2"/>', "'m' may push -1 to 2"),
        ('<motor name="m" joint="a"/><motor name="n" joint="a"/>', "'a' has two actuators"),
        ('<motor name="s" site="s"/>', "'s' drives no hinge or slide"),
        ('<motor name="r" joint="root"/>', "'r' drives no hinge or slide"),
    ],
)
def test_an_actuator_that_physx_lacks_is_refused_by_name(actuator: str, named: str) -> None:
    body = '<body><joint name="a"/><geom size="0.1"/><site name="s"/></body>'
    body += '<body><freejoint name="root"/><geom size="0.1"/></body>'
    with pytest.raises(SimulatorError, match=named):
        read_drives(compile_model(scene(body, f"<actuator>{actuator}</actuator>")))


def test_gravity_is_taken_off_a_whole_robot_or_not_at_all() -> None:
    nested = '<body name="arm" gravcomp="1"><geom size="0.1"/><body><geom size="0.1"/></body></body>'
    with pytest.raises(SimulatorError, match="'arm': gravcomp must be the same"):
        build_trees(compile_model(scene(nested)))
    assert [tree.weightless for tree in build_trees(compile_model(models.load("panda")))] == [True]


@pytest.mark.parametrize("name", ["h1", "g1", "panda", "dexhand"])
def test_filters_let_the_same_pairs_touch_as_in_mujoco(name: str) -> None:
    """PhysX: two shapes touch unless their filters have a bit in common, and neighbours in a tree never do."""
    model = compile_model(models.load(name))
    filters = shape_filters(model, build_trees(model))
    neighbours = {(int(model.body_parentid[k]), k) for k in range(1, model.nbody)}
    touching = 0
    for a in filters:
        for b in filters:
            one, other = sorted((int(model.geom_bodyid[a]), int(model.geom_bodyid[b])))
            if a >= b or one == other or (one, other) in neighbours:
                continue
            rule = (
                model.geom_contype[a] & model.geom_conaffinity[b]
                | model.geom_contype[b] & model.geom_conaffinity[a]
            )
            assert bool(rule) == (not filters[a] & filters[b])
            touching += bool(rule)
    assert (
        touching == {"h1": 0, "g1": 0, "panda": 2 * 15, "dexhand": 0}[name]
    )  # two of the base, 15 beyond link1


def test_bodies_welded_together_or_excluded_do_not_touch() -> None:
    """MuJoCo keeps a palm's two fixed fingers apart, and parent from child across a weld; one bit for each pair."""
    mjcf = scene(
        """<body name="arm"><joint/><geom size="0.1"/>
             <body name="palm"><joint/><geom size="0.1"/>
               <body name="left"><geom size="0.1"/></body><body name="right"><geom size="0.1"/></body></body>
             <body name="other"><joint/><geom size="0.1"/></body></body>""",
        '<contact><exclude body1="palm" body2="other"/></contact>',
    )
    model = compile_model(mjcf)
    filters = shape_filters(model, build_trees(model))
    of = {model.body(int(model.geom_bodyid[g])).name: bits for g, bits in filters.items()}
    assert of["left"] & of["right"] and of["arm"] & of["left"] and of["palm"] & of["other"]
    assert not of["left"] & of["other"] and not of["right"] & of["other"]


def touching(mjcf: str) -> set[str]:
    """The pairs of geoms, by name, that the filters let touch."""
    model = compile_model(mjcf)
    filters = shape_filters(model, build_trees(model))
    pairs = [(a, b) for a in filters for b in filters if a < b and not filters[a] & filters[b]]
    return {model.geom(a).name + model.geom(b).name for a, b in pairs}


def test_any_number_of_bodies_that_stand_still_need_no_more_than_a_bit() -> None:
    still = "".join(f'<body pos="{k} 0 0"><geom name="{k}" size="0.1"/></body>' for k in range(40))
    free = '<body name="ball"><freejoint/><geom name="b" size="0.1"/></body>'
    assert touching(scene(still + free)) == {f"{k}b" for k in range(40)}


def test_kinds_that_touch_only_their_own_kind() -> None:
    """Two red balls and two blue ones: a bit for both kinds together would part the red ones too."""
    balls = "".join(
        f'<body><freejoint/><geom name="{name}" size="0.1" contype="{kind}" conaffinity="{kind}"/></body>'
        for name, kind in (("r", 1), ("s", 1), ("b", 2), ("c", 2))
    )
    assert touching(scene(balls)) == {"rs", "bc"}


def test_a_plane_may_be_turned_about_the_vertical_but_not_upside_down() -> None:
    plane = '<geom name="g" type="plane" size="1 1 1" quat="{}"/><body><freejoint/><geom size="0.1"/></body>'
    assert compile_model(scene(plane.format("0.8 0 0 0.6"))).ngeom == 2
    with pytest.raises(SimulatorError, match="'g' is not flat at height 0"):
        compile_model(scene(plane.format("0 1 0 0")))


def test_after_torch_isaac_gym_cannot_be_loaded_and_the_message_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    with pytest.raises(SimulatorError) as refused:
        importlib.import_module("rlkit.sims.isaacgym.world")
    assert "PyTorch was imported before isaacgym" in str(refused.value)
    assert "call rlkit.sims.registry.prepare('isaacgym') before anything imports torch" in str(refused.value)
    assert not [name for name in sys.modules if name.split(".")[0] == "isaacgym"]
