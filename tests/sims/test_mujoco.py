"""What is MuJoCo's own: equality with the plain engine, warnings, versions, and traps in models."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from rlkit.sims import models
from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, SimulatorError
from rlkit.sims.mjmodel.scene import build_scene, check_version
from rlkit.sims.mujoco.simulator import MujocoSimulator, available_cores

PHYSICS = PhysicsSettings(dt=0.01, substeps=2, cone="elliptic", impratio=10.0, num_threads=2)

BOX = """<body name="box" pos="0 0 0.025"><freejoint/>
<inertial pos="0 0 0" mass="0.1" diaginertia="4e-5 4e-5 4e-5"/>
<geom type="box" size="0.025 0.025 0.025" contype="2" conaffinity="1" condim="4"/></body></worldbody>"""


def hand_scene() -> SceneSpec:
    """The DexHand with a box between its fingers, with every kind of sensor."""
    mjcf = models.load("dexhand").replace("</worldbody>", BOX)
    model = mujoco.MjModel.from_xml_string(mjcf)
    joints = [model.joint(i).name for i in range(model.njnt)]
    fingers = [f"r_f_link{i}_1" for i in range(1, 6)]
    return SceneSpec(
        mjcf=mjcf,
        joints=tuple(name for name in reversed(joints) if name),
        actuators=tuple(model.actuator(i).name for i in range(model.nu)),
        bodies=("box", "hand_base", *fingers),
        sites=("r_f_tip1", "r_f_pad3"),
        free_bodies=("box",),
        contacts=(
            ContactSensor("ground", "box", "world"),
            *(ContactSensor(body, body, "box", subtree=True) for body in fingers),
        ),
    )


def pressed_onto_the_box(sim: MujocoSimulator) -> None:
    """The hand just above the box, a little elsewhere in every env, so that they soon touch."""
    n, joints = sim.num_envs, sim.spec.joints
    pos = torch.zeros(n, len(joints))
    pos[:, joints.index("ARTz")] = -0.4 - 0.002 * torch.arange(n)
    pos[:, joints.index("ARTx")] = -0.13 + 0.003 * torch.arange(n)
    pose = torch.tensor([0.0, 0.0, 0.03, 1.0, 0.0, 0.0, 0.0]).repeat(n, 1, 1)
    sim.reset(torch.arange(n), ResetState(pos, torch.zeros_like(pos), pose, torch.zeros(n, 1, 6)))


def random_controls(sim: MujocoSimulator, generator: torch.Generator) -> torch.Tensor:
    low, high = sim.ctrl_range.T
    ctrl = low + (high - low) * torch.rand(sim.num_envs, len(low), generator=generator)
    ctrl[:, :6] = sim.joint_pos[:, [sim.spec.joints.index(name) for name in sim.spec.actuators[:6]]]
    ctrl[:, 2] -= 0.02
    return ctrl


def plain_reading(spec: SceneSpec, model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, np.ndarray]:
    """The seam's numbers from MuJoCo's own quantities of one MjData, without any sensor but the contacts."""
    after = mujoco.MjData(model)
    after.qpos[:], after.qvel[:] = data.qpos, data.qvel
    mujoco.mj_fwdPosition(model, after)
    mujoco.mj_fwdVelocity(model, after)
    velocity = np.zeros((len(spec.bodies), 6))
    for row, name in zip(velocity, spec.bodies):
        mujoco.mj_objectVelocity(model, after, mujoco.mjtObj.mjOBJ_XBODY, model.body(name).id, row, 0)
    contact = data.sensordata[-4 * len(spec.contacts) :].reshape(-1, 4)
    return {
        "joint_pos": np.array([after.qpos[model.joint(name).qposadr[0]] for name in spec.joints]),
        "joint_vel": np.array([after.qvel[model.joint(name).dofadr[0]] for name in spec.joints]),
        "body_pos": np.array([after.body(name).xpos for name in spec.bodies]),
        "body_quat": np.array([after.body(name).xquat for name in spec.bodies]),
        "body_ang_vel": velocity[:, :3],
        "body_lin_vel": velocity[:, 3:],
        "site_pos": np.array([after.site(name).xpos for name in spec.sites]),
        "contact_count": contact[:, 0],
        "contact_force": contact[:, 1:],
    }


@pytest.mark.slow
def test_bit_equal_to_one_mjdata_per_env() -> None:
    """Poses of the new state, contact forces of the last integrator step, and no other env's values."""
    spec, n = hand_scene(), 5
    sim = MujocoSimulator(spec, PHYSICS, n)
    pressed_onto_the_box(sim)
    model = build_scene(spec, PHYSICS).model
    plain = [mujoco.MjData(model) for _ in range(n)]
    start = sim.render_states(range(n))
    for i, data in enumerate(plain):
        data.qpos[:], data.qvel[:] = start["qpos"][i], start["qvel"][i]
    generator, touched = torch.Generator().manual_seed(0), torch.zeros(len(spec.contacts))
    for _ in range(60):
        ctrl = random_controls(sim, generator)
        sim.step(ctrl, 2)
        touched = torch.maximum(touched, sim.contact_force.norm(dim=-1).amax(dim=0))
        for i, data in enumerate(plain):
            data.ctrl[:] = ctrl[i]
            mujoco.mj_step(model, data, nstep=4)
            for name, values in plain_reading(spec, model, data).items():
                seen = getattr(sim, name)[i].numpy()
                np.testing.assert_array_equal(seen, values.astype(np.float32), err_msg=name)
    assert (touched > 0.1).sum() >= 3, "the scene must have exercised its contacts"
    assert not sim.unstable.any()


def test_the_number_of_threads_changes_nothing() -> None:
    spec, results = hand_scene(), []
    for threads in (1, 3):
        sim = MujocoSimulator(spec, replace(PHYSICS, num_threads=threads), 7)
        pressed_onto_the_box(sim)
        generator = torch.Generator().manual_seed(1)
        for _ in range(15):
            sim.step(random_controls(sim, generator), 1)
        results.append(sim.state()["integration"])
    assert torch.equal(*results)


def test_all_cores_this_process_may_use_by_default() -> None:
    sim = MujocoSimulator(hand_scene(), replace(PHYSICS, num_threads=0), 1)
    assert sim.num_threads == available_cores() >= 1


def test_warnings_go_to_the_log_and_leave_no_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    sim = MujocoSimulator(hand_scene(), PHYSICS, 2)
    state = sim.state()
    state["integration"][1, 3] = float("nan")
    sim.load_state(state)
    with caplog.at_level(logging.DEBUG, "rlkit.sims.mujoco.simulator"):
        sim.step(torch.zeros(2, len(sim.spec.actuators)), 1)
    assert sim.unstable.tolist() == [False, True]
    assert "Nan, Inf or huge value in QPOS" in caplog.text
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_an_env_in_which_the_engine_raises_is_marked_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Here for want of memory for its contacts."""
    names = ("a", "b", "c")
    cubes = "".join(
        f'<body name="{name}"><freejoint/><geom type="box" size="0.1 0.1 0.1" mass="1"/></body>'
        for name in names
    )
    plane = '<geom type="plane" size="1 1 0.1"/>'
    mjcf = f'<mujoco><size memory="8K"/><worldbody>{plane}{cubes}</worldbody></mujoco>'
    sim = MujocoSimulator(SceneSpec(mjcf, (), (), bodies=names, free_bodies=names), PHYSICS, 3)
    pose = torch.tensor([0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0]).repeat(3, 3, 1)
    pose[:, :, 0] = torch.tensor([0.0, 0.3, 0.6])
    pose[1, :, 2] = 0.0999  # on the ground: twelve contacts
    none = torch.zeros(3, 0)
    sim.reset(torch.arange(3), ResetState(none, none, pose, torch.zeros(3, 3, 6)))
    with caplog.at_level(logging.DEBUG, "rlkit.sims.mujoco.simulator"):
        sim.step(none, 1)
    assert sim.unstable.tolist() == [False, True, False]
    assert "MuJoCo raised in 1 of 3 simulations" in caplog.text
    assert (sim.body_lin_vel[[0, 2], :, 2] < -0.09).all(), "the others have fallen on"


def test_per_env_masses_are_those_of_a_model_compiled_with_them() -> None:
    """Everything that the engine derives from masses follows, for physics and for velocities."""
    spec = hand_scene()

    def doubled(match: re.Match[str]) -> str:
        numbers = " ".join(repr(2.0 * float(number)) for number in match[2].split())
        return f'{match[1]}="{numbers}"'

    heavy = replace(spec, mjcf=re.sub(r'(mass|diaginertia)="([^"]*)"', doubled, spec.mjcf))
    compiled, written = MujocoSimulator(heavy, PHYSICS, 3), MujocoSimulator(spec, PHYSICS, 3)
    for name in ("body_mass", "body_inertia"):
        written.model_field(name)[:] *= 2.0
    written.apply_model_fields(torch.arange(3))
    for sim in (compiled, written):
        pressed_onto_the_box(sim)
        generator = torch.Generator().manual_seed(2)
        for _ in range(20):
            sim.step(random_controls(sim, generator), 1)
    for name in ("joint_pos", "body_lin_vel", "contact_force"):
        assert torch.equal(getattr(compiled, name), getattr(written, name)), name
    np.testing.assert_array_equal(compiled._motion.sensors, written._motion.sensors)  # float64 tells more


def test_a_derived_field_follows_the_written_one() -> None:
    sim = MujocoSimulator(hand_scene(), PHYSICS, 3)
    sim.model_field("body_pos")[1, 1, 2] += 0.25  # the hand's mount
    before = sim.body_pos.clone()
    sim.apply_model_fields(torch.tensor([1]))
    raised = sim.body_pos - before
    assert torch.allclose(raised[1, 1:, 2], torch.full((6,), 0.25), atol=1e-6)
    assert not raised[1, 0].any()  # the box is not on the mount
    assert not raised[[0, 2]].any()


@pytest.mark.parametrize("name", ["jnt_type", "sensor_noise", "geom_bodyid"])
def test_structure_cannot_vary_between_envs(name: str) -> None:
    with pytest.raises(SimulatorError, match=f"{name}.*structure"):
        MujocoSimulator(hand_scene(), PHYSICS, 1).model_field(name)


def test_physics_settings_reach_the_engine() -> None:
    physics = PhysicsSettings(0.02, 4, 7, 9, "cg", "elliptic", 3.0, "implicit")
    for model in (build_scene(hand_scene(), physics).model, build_scene(hand_scene(), physics).motion_model):
        assert model.opt.timestep == pytest.approx(0.005)
        assert (model.opt.iterations, model.opt.ls_iterations, model.opt.impratio) == (7, 9, 3.0)
        assert int(model.opt.solver) == int(mujoco.mjtSolver.mjSOL_CG)
        assert int(model.opt.cone) == int(mujoco.mjtCone.mjCONE_ELLIPTIC)
        assert int(model.opt.integrator) == int(mujoco.mjtIntegrator.mjINT_IMPLICIT)


@pytest.mark.parametrize("setting", ["solver", "cone", "integrator"])
def test_an_unknown_setting_names_those_allowed(setting: str) -> None:
    with pytest.raises(SimulatorError, match=f"sim.{setting}=best.*allowed: "):
        MujocoSimulator(hand_scene(), replace(PHYSICS, **{setting: "best"}), 1)


def test_sensors_that_the_model_brings_do_not_shift_the_views() -> None:
    spec = hand_scene()
    extra = '<sensor><accelerometer site="r_f_tip1"/><jointpos joint="ARTx"/></sensor></mujoco>'
    with_sensors = replace(spec, mjcf=spec.mjcf.replace("</mujoco>", extra))
    for name in ("body_pos", "site_quat", "contact_force"):
        plain, other = MujocoSimulator(spec, PHYSICS, 2), MujocoSimulator(with_sensors, PHYSICS, 2)
        for sim in (plain, other):
            pressed_onto_the_box(sim)
            sim.step(torch.zeros(2, len(spec.actuators)), 5)
        assert torch.equal(getattr(plain, name), getattr(other, name)), name


def test_radians_read_as_degrees_are_refused() -> None:
    """MuJoCo's default unit is the degree, and the model compiles all the same."""
    spec = hand_scene()
    with pytest.raises(SimulatorError, match=r'hinges.*<compiler angle="radian"/>'):
        MujocoSimulator(replace(spec, mjcf=spec.mjcf.replace('angle="radian" ', "")), PHYSICS, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": ("box",)}, "no joint 'box'"),
        ({"free_bodies": ("hand_base",)}, "'hand_base' is in free_bodies but has no <freejoint/>"),
        ({"contacts": (ContactSensor("x", "boxx"),)}, "no body 'boxx'; the nearest is 'box'"),
        ({"contacts": (ContactSensor("x", "box", "wrold"),)}, "no body 'wrold'; the nearest is 'world'"),
        ({"mjcf": "<mujoco><worldbody><bod/></worldbody></mujoco>"}, "cannot read the scene(.|\\n)*'bod'"),
    ],
)
def test_a_scene_that_cannot_be_built_says_why(change: dict, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        MujocoSimulator(replace(hand_scene(), **change), PHYSICS, 1)


def test_a_free_joint_is_not_a_joint_of_the_seam() -> None:
    spec = hand_scene()
    named = replace(
        spec, mjcf=spec.mjcf.replace("<freejoint/>", '<freejoint name="float"/>'), joints=("float",)
    )
    with pytest.raises(SimulatorError, match="list the body of a free joint in free_bodies"):
        MujocoSimulator(named, PHYSICS, 1)


def test_only_the_cpu() -> None:
    with pytest.raises(SimulatorError, match=r"CPU only, not on cuda:0: use env\.device=cpu"):
        MujocoSimulator(hand_scene(), PHYSICS, 1, "cuda:0")


def test_a_reset_of_the_wrong_size_or_of_an_env_twice_is_refused() -> None:
    sim = MujocoSimulator(hand_scene(), PHYSICS, 3)
    k, joints = 2, len(sim.spec.joints)
    state = ResetState(
        torch.zeros(k, joints), torch.zeros(k, joints), torch.zeros(k, 1, 7), torch.zeros(k, 1, 6)
    )
    with pytest.raises(SimulatorError, match="listed twice"):
        sim.reset(torch.tensor([1, 1]), state)
    with pytest.raises(SimulatorError, match=r"joint_pos is \(2, 25\), must be \(3, 25\)"):
        sim.reset(torch.arange(3), state)


@pytest.mark.parametrize(
    ("version", "message"),
    [("3.16.1", "3.17 or newer, this is 3.16.1: pip install"), ("4.0.0", "4.0.0 solves contacts wrongly")],
)
def test_unusable_versions_are_refused_with_the_command_that_helps(version: str, message: str) -> None:
    with pytest.raises(SimulatorError, match=message):
        check_version(version)


@pytest.mark.parametrize("version", ["3.17.0", "4.0.1", "4.1.0"])
def test_usable_versions_pass(version: str) -> None:
    check_version(version)


def test_a_closed_simulator_releases_its_engine() -> None:
    sim = MujocoSimulator(hand_scene(), PHYSICS, 2)
    sim.close()
    with pytest.raises(AttributeError):
        sim.step(torch.zeros(2, len(hand_scene().actuators)), 1)
