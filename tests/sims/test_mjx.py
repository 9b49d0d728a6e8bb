"""MJX: no copies between torch and JAX, one compilation, forces and constants like those of sim=mujoco."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import pytest

pytest.importorskip("mujoco.mjx")

import mujoco
import numpy as np
import torch

from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, SimulatorError
from rlkit.sims.mjx import start
from rlkit.sims.mjx.room import room_for
from rlkit.sims.mjx.simulator import MjxSimulator
from rlkit.sims.mujoco.simulator import MujocoSimulator

pytestmark = pytest.mark.slow  # importing JAX and compiling for it is

PHYSICS = PhysicsSettings(
    dt=0.01, substeps=2, iterations=50, ls_iterations=50, num_threads=1, cone="elliptic"
)
N = 2


@pytest.fixture(scope="module", autouse=True)
def optimized() -> Iterator[None]:
    """Programs as users run them, not compiled as quickly as for all other tests (tests/conftest.py)."""
    before = start.jax.config.values["jax_disable_most_optimizations"]
    start.jax.config.update("jax_disable_most_optimizations", False)
    yield
    start.jax.config.update("jax_disable_most_optimizations", before)


# A tray with a wall and a paddle that presses against the wall, on the ground; a block and a ball lie on it.
TRAY = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian"/><worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body name="tray" pos="0 0 0.05"><freejoint/>
        <geom type="box" size="0.4 0.2 0.05" mass="2" condim="4" friction="0.8 0.02 0.001"/>
        <body name="wall" pos="0.3 0 0.1"><geom name="wall" type="sphere" size="0.05" mass="0.2"/></body>
        <body name="paddle" pos="0.3 0.1 0.1"><joint name="paddle" type="slide" axis="0 1 0" damping="1"/>
          <geom name="paddle" type="sphere" size="0.0502" mass="0.3" condim="6" friction="0.5 0.02 0.01"/>
        </body>
      </body>
      <body name="ball" pos="0.1 0 0.15"><freejoint/><geom type="sphere" size="0.05" mass="0.4" condim="1"/></body>
    </worldbody><actuator><motor name="press" joint="paddle"/></actuator>
    <contact><pair geom1="wall" geom2="paddle" condim="6"/></contact></mujoco>""",
    joints=("paddle",),
    actuators=("press",),
    bodies=("tray", "ball"),
    free_bodies=("tray", "ball"),
    contacts=(
        ContactSensor("all", "tray"),
        ContactSensor("whole tray", "tray", subtree=True),
        ContactSensor("wall on paddle", "paddle", "wall"),
        ContactSensor("paddle on wall", "wall", "paddle"),
        ContactSensor("tray on ball", "ball", "tray"),
        ContactSensor("ground", "tray", "world", subtree=True),
        ContactSensor("paddle on the whole", "tray", "paddle", subtree=True),
    ),
)
STONE = SceneSpec(
    mjcf='<mujoco><worldbody><body name="stone"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>',
    joints=(),
    actuators=(),
    bodies=("stone",),
    free_bodies=("stone",),
)


CUBE = replace(
    STONE,
    mjcf="""<mujoco><worldbody><geom type="plane" size="5 5 0.1"/>
      <body name="stone"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body></worldbody></mujoco>""",
)


def tray(**changes: Any) -> MjxSimulator:
    """Its masses vary, by 1 at first, so that all tests share the programs of one set of fields."""
    sim = MjxSimulator(TRAY, replace(PHYSICS, **changes), N)
    sim.scale("mass", torch.arange(N), torch.ones(N, len(sim.parts("mass"))))
    return sim


def lying(k: int = N) -> ResetState:
    """Everything a little into what it lies on, the ball rolling."""
    pose = torch.zeros(k, 2, 7)
    pose[..., 3] = 1.0
    pose[:, 0, 2], pose[:, 1, 0], pose[:, 1, 2] = 0.0499, 0.1, 0.1497
    velocity = torch.zeros(k, 2, 6)
    velocity[:, 1, 1] = 0.3
    return ResetState(torch.zeros(k, 1), torch.zeros(k, 1), pose, velocity)


def press() -> torch.Tensor:
    """The paddle against the wall: N."""
    return torch.full((N, 1), -3.0)


@pytest.fixture(scope="module")
def sim() -> MjxSimulator:
    """One that has stepped and reset: all is compiled."""
    sim = tray()
    sim.reset(torch.arange(N), lying())
    sim.step(press(), 1)
    return sim


# Between torch and JAX.


def test_arrays_change_hands_without_a_copy(sim: MjxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ones that JAX reads are torch's buffers, and torch copies into its views from JAX's own."""
    given, made, taken = [], [], []
    physics, hand_over = sim._physics, torch.from_dlpack
    step, read = physics.step, physics.read

    def spy_step(state: Any, fields: Any, ctrl: Any, force: Any, count: int) -> Any:
        given.extend(array.unsafe_buffer_pointer() for array in (ctrl, force))
        return step(state, fields, ctrl, force, count)

    def spy_read(*inputs: Any) -> Any:
        made.extend(read(*inputs))
        return tuple(made)

    def spy_from_dlpack(array: Any) -> torch.Tensor:
        taken.append(hand_over(array))
        return taken[-1]

    monkeypatch.setattr(physics, "step", spy_step)
    monkeypatch.setattr(physics, "read", spy_read)
    monkeypatch.setattr(torch, "from_dlpack", spy_from_dlpack)
    sim.step(press(), 1)
    assert given == [sim._ctrl.data_ptr(), sim._force.data_ptr()]
    assert [array.unsafe_buffer_pointer() for array in made] == [tensor.data_ptr() for tensor in taken]
    assert torch.equal(taken[0], sim._buffer)


def test_the_state_is_updated_in_place(sim: MjxSimulator) -> None:
    before = sim._state["qpos"]
    sim.step(press(), 1)
    assert before.is_deleted()  # its memory was donated to the new state
    held = {tensor.data_ptr() for tensor in sim._shown}  # may be no part of what the next step is given
    assert held.isdisjoint(array.unsafe_buffer_pointer() for array in sim._state.values())


def test_nothing_is_compiled_after_the_first_step_and_reset(sim: MjxSimulator) -> None:
    compiled: list[str] = []
    start.jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: compiled.append(event))
    for steps, ids in ((1, [0]), (3, [1]), (2, [1, 0])):
        sim.step(press(), steps)
        sim.reset(torch.tensor(ids), lying(len(ids)))
        sim.apply_force("ball", torch.ones(N, 3))
    assert not [event for event in compiled if "compile" in event]
    start.jax.numpy.arange(7919)  # the listener hears compilations at all
    assert [event for event in compiled if "compile" in event]


def test_a_second_simulator_of_the_scene_shares_the_programs(sim: MjxSimulator) -> None:
    programs = dict(sim._physics._programs)
    twin = tray()
    twin.reset(torch.arange(N), lying())
    twin.step(press(), 1)
    assert twin._physics is sim._physics
    assert twin._physics._programs == programs


TWO_RUNS = """
import logging, os, sys, torch
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
logging.getLogger("rlkit").setLevel(logging.DEBUG)
from test_mjx import PHYSICS, STONE, MjxSimulator
for _ in range(2):
    run = os.fork()  # before JAX has begun anything
    if run == 0:
        MjxSimulator(STONE, PHYSICS, 2).step(torch.zeros(2, 0), 1)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(run, 0)[1] == 0
"""


def test_a_second_run_reads_its_programs_from_the_cache(tmp_path: Path) -> None:
    """Both are forks of one process that has imported what a simulator needs, and compile a falling stone."""
    said = subprocess.run(
        [sys.executable, "-c", TWO_RUNS],
        env={
            **os.environ,
            "RLKIT_CACHE": str(tmp_path),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    how = re.findall("MJX's step of a scene with 1 bodies in 2 envs: (compiled|read from the cache) in", said)
    assert how == ["compiled", "read from the cache"], said
    assert list((tmp_path / "jax").iterdir())


# The same physics as sim=mujoco.


@pytest.mark.parametrize("cone", ["elliptic", "pyramidal"])
def test_contact_forces_are_those_of_mujoco(cone: str) -> None:
    """Of every number of friction directions, and of contacts in one subtree, whose sign is MuJoCo's convention."""
    ours, theirs = tray(cone=cone), MujocoSimulator(TRAY, replace(PHYSICS, cone=cone), N)
    for each in (ours, theirs):
        each.reset(torch.arange(N), lying())
        each.step(press(), 2)
    assert torch.equal(ours.contact_count, theirs.contact_count)
    assert (theirs.contact_count > 0).all()
    assert theirs.contact_force.norm(dim=-1).min() > 0.5
    torch.testing.assert_close(ours.contact_force, theirs.contact_force, atol=0.02, rtol=0.01)
    torch.testing.assert_close(ours.body_pos, theirs.body_pos, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.body_lin_vel, theirs.body_lin_vel, atol=1e-3, rtol=0)


def test_scaled_envs_move_as_in_mujoco_with_the_same_derived_constants() -> None:
    ours, theirs = tray(), MujocoSimulator(TRAY, PHYSICS, N)
    factors = torch.tensor([[3.0, 1.0, 2.0, 0.5]])
    for each in (ours, theirs):
        each.scale("mass", torch.tensor([1]), factors)
        each.scale("friction", torch.tensor([1]), torch.full((1, 5), 0.3))
        state = lying()
        state.free_vel[:, 0, 0] = 1.0
        each.reset(torch.arange(N), state)
        each.step(press(), 10)
    torch.testing.assert_close(ours.body_pos, theirs.body_pos, atol=1e-3, rtol=0)
    assert float((ours.body_pos[0] - ours.body_pos[1]).abs().max()) > 0.01
    model = ours._model
    changed = {name: np.array(getattr(model, name)) for name in ("body_mass", "body_inertia")}
    twin = mujoco.MjSpec.from_string(TRAY.mjcf).compile()
    for part, factor in zip(ours.parts("mass"), factors[0].tolist()):
        twin.body(part).mass *= factor
        twin.body(part).inertia *= factor
    mujoco.mj_setConst(twin, mujoco.MjData(twin))
    for name in ("body_subtreemass", "body_invweight0", "dof_invweight0", "actuator_acc0"):
        rows = np.asarray(ours._fields.programs[name])
        np.testing.assert_allclose(rows[1], getattr(twin, name), rtol=1e-5, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(rows[0], getattr(model, name), rtol=1e-6, err_msg=name)
    assert all((changed[name] == getattr(model, name)).all() for name in changed)  # the model itself stays


def test_contacts_beyond_the_room_are_counted() -> None:
    """Four corners on the ground and room for three; with room for all candidates nothing can overflow."""
    tight = MjxSimulator(CUBE, replace(PHYSICS, max_contacts=3), N)
    state = ResetState(torch.zeros(N, 0), torch.zeros(N, 0), torch.zeros(N, 1, 7), torch.zeros(N, 1, 6))
    state.free_pose[..., 2], state.free_pose[..., 3] = 0.0999, 1.0
    tight.reset(torch.arange(N), state)
    for _ in range(3):
        tight.step(torch.zeros(N, 0), 1)
    assert tight.overflows() == 3 * N
    assert tight.overflows() == 0
    assert tight.contact_room == 3
    state.free_pose[1, :, 2] += 1.0  # in the air
    tight.reset(torch.arange(N), state)
    tight.step(torch.zeros(N, 0), 1)
    assert tight.overflows() == 1


def pile(balls: int) -> mujoco.MjModel:
    """Balls that fall onto a plane side by side; each may touch the plane and every other."""
    bodies = "".join(
        f'<body pos="{0.3 * k} 0 0.1001"><freejoint/><geom size="0.1"/></body>' for k in range(balls)
    )
    return mujoco.MjModel.from_xml_string(
        f'<mujoco><worldbody><geom type="plane" size="9 9 1"/>{bodies}</worldbody></mujoco>'
    )


def test_room_is_all_candidates_or_twice_what_a_trial_sees() -> None:
    """Six balls: 6 + 15 candidates. Sixteen: 16 + 120, of which a trial sees the 16 on the ground."""
    assert room_for(pile(6), 0) == 0
    assert room_for(pile(16), 0) == 32
    assert room_for(pile(16), 200) == 0
    assert room_for(pile(16), 7) == 7


def test_nothing_overflows_where_there_is_room(sim: MjxSimulator) -> None:
    sim.reset(torch.arange(N), lying())
    sim.step(press(), 2)
    assert sim.overflows() == 0
    assert sim.contact_room == 0  # for all candidates


def test_a_scene_without_actuators_and_contacts_falls() -> None:
    sim = MjxSimulator(STONE, PHYSICS, 2)
    sim.step(torch.zeros(2, 0), 10)
    assert sim.body_lin_vel[:, 0, 2].tolist() == pytest.approx([-0.981, -0.981], rel=1e-4)
    assert sim.contact_force.shape == (2, 0, 3)
    assert set(sim.render_states([1])) == {"time", "qpos", "qvel", "act", "ctrl"}


# Refusals.


def test_an_integrator_that_mjx_lacks_is_refused_with_another() -> None:
    with pytest.raises(SimulatorError, match=r"no integrator implicit: use sim\.integrator=implicitfast"):
        tray(integrator="implicit")


def test_geoms_that_mjx_cannot_collide_are_refused_by_name() -> None:
    box = TRAY.mjcf.replace('type="plane" size="5 5 0.1"', 'type="cylinder" size="5 0.1" pos="0 0 -0.1"')
    with pytest.raises(
        SimulatorError, match=r"cannot collide a cylinder with a box \('world' and 'tray'\): use sim"
    ):
        MjxSimulator(replace(TRAY, mjcf=box), PHYSICS, N)


def test_devices_that_are_not_there_are_refused() -> None:
    with pytest.raises(SimulatorError, match="cpu and cuda, not on meta"):
        MjxSimulator(STONE, PHYSICS, 1, "meta")
    with pytest.raises(SimulatorError, match="JAX has no device cpu:3; it has cpu:0"):
        MjxSimulator(STONE, PHYSICS, 1, "cpu:3")
    if not torch.cuda.is_available():
        with pytest.raises(SimulatorError, match=r"needs JAX for CUDA.*env\.device=cpu"):
            MjxSimulator(STONE, PHYSICS, 1, "cuda:0")


def test_structure_cannot_vary(sim: MjxSimulator) -> None:
    for name in ("geom_type", "nq", "opt.iterations"):
        with pytest.raises(SimulatorError, match=f"no per-env model field '{name}'"):
            sim.model_field(name)
    for name in ("dof_frictionloss", "opt.wind", "opt.viscosity"):
        with pytest.raises(
            SimulatorError, match=f"MJX cannot vary '{name}': .* zero in the model; use sim=mujoco"
        ):
            sim.model_field(name)
    with pytest.raises(
        SimulatorError, match="MJX has no per-env model field 'geom_gap'"
    ):  # it never reads it
        sim.model_field("geom_gap")


def test_a_state_of_another_simulator_is_refused(sim: MjxSimulator) -> None:
    with pytest.raises(SimulatorError, match="of another simulator, not of sim=mjx"):
        sim.load_state(MujocoSimulator(TRAY, PHYSICS, N).state())


def test_a_reset_drops_the_force_that_waits_in_its_envs(sim: MjxSimulator) -> None:
    sim.reset(torch.arange(N), lying())
    sim.apply_force("ball", torch.tensor([[30.0, 0.0, 0.0]]).repeat(N, 1))
    sim.reset(torch.tensor([1]), lying(1))
    sim.step(press(), 1)
    speed = sim.body_lin_vel[:, 1, 0].tolist()  # 30 N on 0.4 kg for 0.01 s: 0.75 m/s
    assert speed[0] > 0.5
    assert abs(speed[1]) < 0.1


def test_the_program_for_a_gpu_moves_as_the_one_for_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the number of integrator steps is a constant of the program."""
    ours, theirs = MjxSimulator(STONE, PHYSICS, 2), MjxSimulator(STONE, PHYSICS, 2)
    for each, on_cpu in ((ours, False), (theirs, True)):
        monkeypatch.setattr(each._physics, "_on_cpu", on_cpu)
        each.step(torch.zeros(2, 0), 3)
    torch.testing.assert_close(ours.body_pos, theirs.body_pos, atol=1e-6, rtol=0)
    assert ("6 integrator steps", 2) in ours._physics._programs


def test_what_varies_does_not_make_another_program_of_what_reads_poses(sim: MjxSimulator) -> None:
    other = tray()
    other.scale("mass", torch.tensor([1]), torch.full((1, len(other.parts("mass"))), 2.0))
    other.apply_model_fields(torch.arange(N))
    assert {key for key in other._physics._programs if key[0] == "read"} == {("read", N)}


@pytest.mark.parametrize(
    ("engine", "mjx", "fits"),
    [
        ("3.17.0", "3.17.0", True),
        ("3.17.2", "3.17.0", True),
        ("4.0.1", "3.17.0", True),
        ("4.1.0", "4.1.0", True),
        ("3.18.0", "3.17.0", False),
        ("4.0.1", "3.16.0", False),
        ("3.17.0", "3.16.0", False),
    ],
)
def test_versions_that_do_not_fit_are_refused(engine: str, mjx: str, fits: bool) -> None:
    if fits:
        start.check_versions(engine, mjx)
    else:
        with pytest.raises(SimulatorError, match=f"mujoco-mjx {mjx} does not fit mujoco {engine}"):
            start.check_versions(engine, mjx)


def test_jax_leaves_the_memory_of_the_device_to_torch() -> None:
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
