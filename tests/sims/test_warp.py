"""MuJoCo Warp: no copies, graphs, room for contacts, model fields and forces like those of sim=mujoco."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import pytest

pytest.importorskip("mujoco_warp")

import mujoco
import numpy as np
import torch
import warp as wp

from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, SimulatorError
from rlkit.sims.mjmodel.scene import build_scene
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.sims.warp.graphs import Graphs
from rlkit.sims.warp.room import room_for
from rlkit.sims.warp.simulator import WarpSimulator

pytestmark = pytest.mark.slow  # its kernels are compiled where they have not been yet

PHYSICS = PhysicsSettings(dt=0.01, substeps=2, iterations=50, ls_iterations=50, num_threads=1)
N = 3

# A sled with two arms whose fists touch each other, on the ground, and a ball and a block that lie on it.
SLED = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian"/><worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body name="sled" pos="0 0 0.1"><freejoint/>
        <geom type="box" size="0.4 0.2 0.1" mass="2" condim="4" friction="0.8 0.02 0.001"/>
        <body name="left" pos="0.5 0.06 0"><joint name="left" axis="0 0 1" range="-1 1" damping="0.1"/>
          <geom type="sphere" size="0.06" mass="0.3" friction="0.5 0.005 0.0001"/>
        </body>
        <body name="right" pos="0.5 -0.06 0"><joint name="right" axis="0 0 1" range="-1 1" damping="0.1"/>
          <geom type="sphere" size="0.0605" mass="0.3" condim="6"/>
        </body>
      </body>
      <body name="ball" pos="0.2 0 0.25"><freejoint/><geom type="sphere" size="0.05" mass="0.4" condim="1"/></body>
      <body name="block" pos="-0.2 0 0.25"><freejoint/><geom type="box" size="0.05 0.05 0.05" mass="0.7"/></body>
    </worldbody><actuator><motor name="left" joint="left"/><motor name="right" joint="right"/></actuator></mujoco>""",
    joints=("left", "right"),
    actuators=("left", "right"),
    bodies=("sled", "left", "ball", "block"),
    free_bodies=("sled", "ball", "block"),
    contacts=(
        ContactSensor("all", "sled"),
        ContactSensor("whole sled", "sled", subtree=True),
        ContactSensor("fists", "left", "right"),
        ContactSensor("block on sled", "sled", "block"),
        ContactSensor("sled on ball", "ball", "sled"),
        ContactSensor("ground", "sled", "world", subtree=True),
        ContactSensor("left fist on the whole", "sled", "left", subtree=True),
    ),
)


def sled(num_envs: int = N, **changes: Any) -> WarpSimulator:
    return WarpSimulator(SLED, replace(PHYSICS, **changes), num_envs)


def lying(k: int) -> ResetState:
    """Everything a little into what it lies on, the ball rolling."""
    pose = torch.zeros(k, 3, 7)
    pose[..., 3] = 1.0
    pose[:, 0, 2] = 0.0999
    pose[:, 1, 0], pose[:, 2, 0] = 0.2, -0.2
    pose[:, 1:, 2] = 0.2497
    velocity = torch.zeros(k, 3, 6)
    velocity[:, 1, 1] = 0.3
    return ResetState(torch.zeros(k, 2), torch.zeros(k, 2), pose, velocity)


@pytest.fixture(scope="module")
def sim() -> WarpSimulator:
    return sled()


def press(num_envs: int = N) -> torch.Tensor:
    """Both fists press against each other: N m."""
    return torch.tensor([[-0.3, 0.3]]).repeat(num_envs, 1)


# Memory.


def test_tensors_and_arrays_of_warp_are_the_same_memory(sim: WarpSimulator) -> None:
    data = sim._data
    for name in ("qpos", "qvel", "ctrl", "xfrc_applied", "qacc_warmstart"):
        assert sim._state[name].data_ptr() == getattr(data, name).ptr, name
    assert sim.unstable.data_ptr() == sim._health.unstable.data_ptr()
    assert sim.joint_pos.data_ptr() == sim._motion._out.ptr  # the first columns of what the kernel writes
    assert sim.contact_count.data_ptr() == sim._contacts._out.ptr


def test_a_model_field_is_what_the_kernels_read() -> None:
    sim = sled()
    view = sim.model_field("geom_friction")
    assert view.data_ptr() == sim._model.geom_friction.ptr
    assert view.shape == (N, 6, 3)
    assert view[2, 1].tolist() == pytest.approx([0.8, 0.02, 0.001])


# Graphs.


def test_a_graph_is_captured_once_for_each_length_and_when_memory_changes() -> None:
    sim = sled()
    sim.reset(torch.arange(N), lying(N))
    start = sim._graphs.captures
    for _ in range(3):
        sim.step(press(), 1)
        sim.reset(torch.tensor([1]), lying(1))
    assert sim._graphs.captures == start + 1
    sim.step(press(), 2)
    assert sim._graphs.captures == start + 2
    sim.model_field("dof_damping")
    sim.step(press(), 1)
    assert sim._graphs.captures == start + 3
    sim.step(press(), 1)
    sim.step(press(), 20)  # 40 integrator steps: 32 of a graph of their own, then 8
    sim.step(press(), 36)  # 72: twice those 32, then 8
    assert sim._graphs.captures == start + 5


def test_replaying_a_graph_is_launching_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    replayed, launched = sled(), sled()
    replayed.reset(torch.arange(N), lying(N))
    launched.reset(torch.arange(N), lying(N))
    for _ in range(3):
        replayed.step(press(), 1)
    monkeypatch.setattr(Graphs, "replay", lambda graphs, key, launch: graphs.launch(launch))
    for _ in range(3):
        launched.step(press(), 1)
    one, other = replayed.state(), launched.state()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert one["contacts"].any()


def test_long_steps_move_as_short_ones() -> None:
    one, many = sled(), sled()
    for each in (one, many):
        each.reset(torch.arange(N), lying(N))
    one.step(press(), 35)
    for _ in range(35):
        many.step(press(), 1)
    assert torch.equal(one.body_pos, many.body_pos)
    assert torch.equal(one.contact_force, many.contact_force)


# Contacts.


@pytest.mark.parametrize("cone", ["pyramidal", "elliptic"])
def test_contact_forces_are_those_of_mujoco(cone: str) -> None:
    """Also of contacts between two bodies of one subtree, whose sign is a convention of MuJoCo."""
    physics = replace(PHYSICS, cone=cone)
    sims = WarpSimulator(SLED, physics, 1), MujocoSimulator(SLED, physics, 1)
    for _ in range(3):
        for each in sims:
            each.reset(torch.arange(1), lying(1))
            each.step(press(1), 2)
    ours, theirs = sims
    assert torch.equal(ours.contact_count, theirs.contact_count)
    assert (theirs.contact_count > 0).all()
    torch.testing.assert_close(ours.contact_force, theirs.contact_force, atol=0.02, rtol=0.01)
    assert theirs.contact_force.norm(dim=-1).min() > 0.5


def test_what_does_not_fit_is_counted_and_the_rest_is_not() -> None:
    tight, roomy = sled(max_contacts=2), sled()
    for each in (tight, roomy):
        each.reset(torch.arange(N), lying(N))
        for _ in range(4):
            each.step(press(), 1)
    assert tight.overflows() == 4 * N
    assert tight.overflows() == 0
    assert roomy.overflows() == 0


def test_an_env_in_the_air_needs_no_room() -> None:
    tight, state = sled(max_contacts=4), lying(N)
    state.free_pose[:, :, 2] += torch.tensor([0.0, 1.0, 2.0])
    state.joint_pos[:] = torch.tensor([0.5, -0.5])  # the fists are apart
    state.free_pose[:, 0, 2] += 5.0
    tight.reset(torch.arange(N), state)
    tight.step(torch.zeros(N, 2), 1)
    assert tight.overflows() == 0


def test_room_is_the_bound_of_small_scenes() -> None:
    """Plane and box 4, plane and ball 1, box and ball 1, ball and ball 1, two boxes 8."""
    model = build_scene(SLED, PHYSICS).model
    plane, box, left, right, ball, block = range(6)
    pairs = np.array([[plane, box], [plane, ball], [box, ball], [left, right], [box, block]])
    room = room_for(model, pairs, 0)
    assert room.contacts == 4 + 1 + 1 + 1 + 8
    assert room.convex_pairs == 1  # the two boxes
    limits, frictions = 2, model.nv  # each degree of freedom may have a friction loss in some env
    rows = limits + frictions + 15 * 10  # condim 6: ten rows in a pyramid
    assert room.rows == math.ceil(rows / 16) * 16
    assert room_for(model, pairs, 5).contacts == 5


# Model fields.


def test_derived_constants_are_those_of_mujoco_in_the_chosen_envs_alone() -> None:
    sim = sled()
    names = ("body_subtreemass", "body_invweight0", "dof_invweight0", "actuator_acc0")
    before = {name: wp.to_torch(getattr(sim._model, name)).clone()[0] for name in names}
    parts = sim.parts("mass")
    factors = 1.0 + torch.arange(len(parts), dtype=torch.float32)
    sim.scale("mass", torch.tensor([1]), factors[None])
    model = build_scene(SLED, PHYSICS).model
    for part, factor in zip(parts, factors):
        model.body(part).mass *= float(factor)
        model.body(part).inertia *= float(factor)
    mujoco.mj_setConst(model, mujoco.MjData(model))
    for name in names:
        rows = sim.model_field(name)
        expected = torch.from_numpy(np.array(getattr(model, name))).float()
        torch.testing.assert_close(rows[1], expected, rtol=2e-4, atol=1e-5, msg=name)
        assert not torch.allclose(rows[1], before[name], rtol=1e-2), name
        assert torch.equal(rows[0], before[name]), name
        assert torch.equal(rows[2], before[name]), name


def test_a_sled_of_other_masses_slides_as_in_mujoco() -> None:
    sims = WarpSimulator(SLED, PHYSICS, 2), MujocoSimulator(SLED, PHYSICS, 2)
    for each in sims:
        each.scale("mass", torch.tensor([1]), torch.tensor([[3.0, 1.0, 1.0, 2.0, 0.5]]))
        each.scale("friction", torch.tensor([1]), torch.full((1, 6), 0.3))
        state = lying(2)
        state.free_vel[:, 0, 0] = 1.0
        each.reset(torch.arange(2), state)
        each.step(torch.zeros(2, 2), 20)
    ours, theirs = sims
    torch.testing.assert_close(ours.body_pos, theirs.body_pos, atol=1e-3, rtol=0)
    assert float((ours.body_pos[0] - ours.body_pos[1]).abs().max()) > 0.05


@pytest.mark.parametrize("name", ["opt.wind", "opt.density", "geom_adhesion", "geom_surfacevel"])
def test_what_the_kernels_leave_out_cannot_vary(sim: WarpSimulator, name: str) -> None:
    with pytest.raises(
        SimulatorError, match=f"MuJoCo Warp cannot vary '{name}': .* zero in the model; use sim=mujoco"
    ):
        sim.model_field(name)


def test_what_is_not_left_out_varies_as_in_mujoco() -> None:
    """In air, a wind of 20 m/s from one side; friction losses that are zero in the model."""
    air = replace(SLED, mjcf=SLED.mjcf.replace("<worldbody>", '<option density="1.2"/><worldbody>'))
    sims = WarpSimulator(air, PHYSICS, 2), MujocoSimulator(air, PHYSICS, 2)
    for each in sims:
        each.model_field("opt.wind")[1] = torch.tensor([0.0, 20.0, 0.0])
        each.model_field("dof_frictionloss")[1, 6] = 0.25  # N m, of the joint of the left arm
        each.apply_model_fields(torch.arange(2))
        state = lying(2)
        state.free_pose[:, 1:, 2] += 0.5
        each.reset(torch.arange(2), state)
        each.step(press(2), 10)
    ours, theirs = sims
    torch.testing.assert_close(ours.body_lin_vel, theirs.body_lin_vel, atol=1e-3, rtol=0)
    torch.testing.assert_close(ours.joint_vel, theirs.joint_vel, atol=1e-2, rtol=0)
    blown = theirs.body_lin_vel[1] - theirs.body_lin_vel[0]
    assert float(blown[2:, 1].min()) > 0.01
    assert ours.overflows() == 0


def test_the_friction_of_an_env_alone_takes_no_room_from_contacts() -> None:
    """Two falling blocks, each held by friction in all of its six directions."""
    mjcf = """<mujoco><worldbody><geom type="plane" size="5 5 0.1"/>
      <body name="block"><freejoint/><geom type="box" size="0.1 0.1 0.1" mass="1"/></body></worldbody></mujoco>"""
    scene = SceneSpec(mjcf, (), (), bodies=("block",), free_bodies=("block",))
    sim = WarpSimulator(scene, PHYSICS, 2)  # four points of four rows: a whole tile
    sim.model_field("dof_frictionloss")[:] = 0.1
    pose = torch.tensor([0.0, 0.0, 0.0999, 1.0, 0.0, 0.0, 0.0]).repeat(2, 1, 1)
    sim.reset(torch.arange(2), ResetState(torch.zeros(2, 0), torch.zeros(2, 0), pose, torch.zeros(2, 1, 6)))
    sim.step(torch.zeros(2, 0), 1)
    assert sim.overflows() == 0


def test_scaling_does_not_read_the_poses_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reset follows, which does."""
    sim, replayed = sled(), []
    replay = Graphs.replay
    spy = lambda graphs, key, launch: (replayed.append(key), replay(graphs, key, launch))  # noqa: E731
    monkeypatch.setattr(Graphs, "replay", spy)
    for quantity in ("friction", "mass"):
        sim.scale(quantity, torch.tensor([1]), torch.full((1, len(sim.parts(quantity))), 2.0))
    assert replayed == ["constants"]


@pytest.mark.parametrize("name", ["geom_type", "body_parentid", "nq", "opt.iterations"])
def test_structure_cannot_vary(sim: WarpSimulator, name: str) -> None:
    with pytest.raises(SimulatorError, match=f"no per-env model field '{name}'"):
        sim.model_field(name)


# Failures.


def test_nothing_of_an_explosion_is_left_after_a_reset() -> None:
    """The solver reads whole tiles of rows: a NaN in a row out of use would spread."""
    sim, twin = sled(), sled()
    for each in (sim, twin):
        each.reset(torch.arange(N), lying(N))
        each.step(press(), 3)
    constants = {"xpos", "xquat", "xmat", "ximat", "geom_xpos", "geom_xmat"}  # of the world's own body
    for owner in (sim._data, sim._data.efc):
        for field in fields(owner):
            array = getattr(owner, field.name)
            worlds = getattr(field.type, "shape", ())[:1] == ("nworld",)
            if worlds and array is not None and array.size and field.name not in constants:
                values = wp.to_torch(array)
                if values.is_floating_point():
                    values[1] = math.nan
    for each in (sim, twin):
        each.reset(torch.tensor([1]), lying(1))
        each.step(press(), 3)
    for view in ("body_pos", "body_lin_vel", "contact_force", "joint_vel"):
        assert torch.equal(getattr(sim, view), getattr(twin, view)), view
    assert not sim.unstable.any()


def test_what_warp_lacks_is_refused_by_name() -> None:
    flag = SLED.mjcf.replace("<worldbody>", '<option><flag fwdinv="enable"/></option><worldbody>')
    with pytest.raises(SimulatorError, match=r"FWDINV is unsupported\. Use sim=mujoco"):
        WarpSimulator(replace(SLED, mjcf=flag), PHYSICS, 1)
    with pytest.raises(SimulatorError, match="no device cuda:77"):
        WarpSimulator(SLED, PHYSICS, 1, "cuda:77")
    with pytest.raises(SimulatorError, match="CUDA and on the CPU, not on mps"):
        WarpSimulator(SLED, PHYSICS, 1, "mps")


def test_a_state_of_another_simulator_is_refused_and_changes_nothing(sim: WarpSimulator) -> None:
    """MJX's has many of the same names."""
    before = sim.state()
    shared = ("time", "qpos", "qvel", "act", "qacc_warmstart", "ctrl")
    of_mjx = {name: before[name] + 1 for name in shared if name in before}
    of_mjx.update(scene=before["scene"], unstable=~before["unstable"], crowded=torch.zeros(N))
    for state in (of_mjx, MujocoSimulator(SLED, PHYSICS, N).state()):
        with pytest.raises(SimulatorError, match="of another simulator, not of sim=warp"):
            sim.load_state(state)
    after = sim.state()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_scene_without_actuators_and_contacts_falls() -> None:
    bare = SceneSpec(
        mjcf='<mujoco><worldbody><body name="stone"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>',
        joints=(),
        actuators=(),
        bodies=("stone",),
        free_bodies=("stone",),
    )
    sim = WarpSimulator(bare, PHYSICS, 2)
    sim.step(torch.zeros(2, 0), 10)
    assert sim.body_lin_vel[:, 0, 2].tolist() == pytest.approx([-0.981, -0.981], rel=1e-4)
    assert sim.contact_force.shape == (2, 0, 3)
    assert set(sim.render_states([1])) == {"time", "qpos", "qvel", "act", "ctrl"}
