"""Genesis: what it cannot simulate is refused by name; where it is installed, its physics against MuJoCo's."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from types import SimpleNamespace

import mujoco
import pytest
import torch
from needs import lacking

from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError
from rlkit.sims.genesis import engine
from rlkit.sims.genesis.contacts import ContactReader
from rlkit.sims.genesis.model import check_model, check_physics, genesis_text
from rlkit.sims.genesis.simulator import GenesisSimulator
from rlkit.sims.registry import make

PHYSICS = PhysicsSettings(dt=0.01, substeps=2, iterations=50, ls_iterations=50, num_threads=1)

# An arm with all that a joint can have, and a weightless cube over the ground.
SCENE = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian"/><worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body name="cube" pos="0 0 0.1" gravcomp="1"><freejoint/>
        <geom type="box" size="0.1 0.1 0.1" mass="2"/></body>
      <body name="arm" pos="2 0 2">
        <joint name="hinge" axis="0 1 0" range="-2 2" damping="0.3" armature="0.02" stiffness="2"/>
        <geom type="capsule" fromto="0 0 0 0.5 0 0" size="0.02" mass="1"/>
        <body name="tip" pos="0.5 0 0"><joint name="slide" type="slide" axis="1 0 0" range="-0.2 0.3"/>
          <geom type="sphere" size="0.05" mass="0.5"/></body>
      </body>
    </worldbody><actuator>
      <motor name="turn" joint="hinge" ctrlrange="-10 10"/>
      <position name="push" joint="slide" kp="50" kv="5" ctrlrange="-0.2 0.3"/>
    </actuator></mujoco>""",
    joints=("hinge", "slide"),
    actuators=("turn", "push"),
    bodies=("cube", "tip"),
    free_bodies=("cube",),
    contacts=(ContactSensor("ground", "cube"),),
)


def model_of(inside: str, *, actuator: str = "", before: str = "") -> mujoco.MjModel:
    """A body on a hinge with `inside` it."""
    return mujoco.MjModel.from_xml_string(
        f"""<mujoco><compiler angle="radian"/>{before}<worldbody><body name="arm"><joint name="hinge"/>
        <geom size="0.1" mass="1"/>{inside}</body></worldbody><actuator>{actuator}</actuator></mujoco>"""
    )


REFUSED = {
    "joint 'knee' has a reference": {
        "inside": '<body><joint name="knee" ref="0.1"/><geom size="0.1"/></body>'
    },
    "spring of joint 'knee'": {
        "inside": '<body><joint name="knee" springref="0.1" stiffness="1"/><geom size="0.1"/></body>'
    },
    "geom 'foot' has a margin": {"inside": '<geom name="foot" size="0.1" margin="0.01"/>'},
    "geom 'foot' is frictionless": {"inside": '<geom name="foot" size="0.1" condim="1"/>'},
    "geom 'foot' has a priority": {"inside": '<geom name="foot" size="0.1" priority="1" friction="0.5"/>'},
    "actuator 'm' has a gear": {"inside": "", "actuator": '<motor name="m" joint="hinge" gear="2"/>'},
    "actuator 'm' has a state": {
        "inside": "",
        "actuator": '<general name="m" joint="hinge" dyntype="integrator"/>',
    },
    "actuator 'n' is the second one of joint 'hinge'": {
        "inside": "",
        "actuator": '<motor name="m" joint="hinge"/><motor name="n" joint="hinge"/>',
    },
    "medium resists": {"inside": "", "before": '<option density="1"/>'},
    "parts of MuJoCo off": {"inside": "", "before": '<option><flag gravity="disable"/></option>'},
}


@pytest.mark.parametrize("problem", REFUSED)
def test_what_genesis_would_pass_over_is_refused_by_name(problem: str) -> None:
    with pytest.raises(SimulatorError, match=f"{problem}.*use sim=mujoco"):
        check_model(model_of(**REFUSED[problem]))


def test_a_plain_model_and_our_physics_are_not_refused() -> None:
    check_model(mujoco.MjModel.from_xml_string(SCENE.mjcf))
    check_physics(PHYSICS)


def test_settings_that_genesis_lacks_are_refused_with_those_it_has() -> None:
    with pytest.raises(SimulatorError, match=r"no solver best; use sim.solver=newton or cg"):
        check_physics(replace(PHYSICS, solver="best"))
    with pytest.raises(
        SimulatorError, match=r"no integrator implicit; use sim.integrator=euler or implicitfast"
    ):
        check_physics(replace(PHYSICS, integrator="implicit"))


def test_softness_is_written_out_and_a_models_own_is_kept() -> None:
    text = genesis_text(
        """<mujoco><default><geom solref="0.005 1"/></default><worldbody><body name="b"><joint/>
        <geom size="0.1"/></body></worldbody></mujoco>"""
    )
    model = mujoco.MjModel.from_xml_string(text)
    assert 'solref="0.005 1"' in text and 'solreflimit="0.02 1"' in text
    ours = model.geom_bodyid == model.body("b").id
    assert model.geom_solref[ours, 0].tolist() == [0.005] and model.jnt_solref[0, 0] == 0.02
    assert not (model.geom_contype[~ours] | model.geom_conaffinity[~ours]).any()  # the world's own is a ghost


def test_forces_of_contact_points_add_up_on_the_body_that_feels_them() -> None:
    """Bodies 0 world, 1 cube, 2 arm, 3 tip (below arm); `first` pushes `second`."""
    model = mujoco.MjModel.from_xml_string(SCENE.mjcf)
    sensors = (
        ContactSensor("cube", "cube"),
        ContactSensor("cube on arm and below", "arm", "cube", subtree=True),
        ContactSensor("arm alone", "arm"),
    )
    reader = ContactReader(model, sensors, torch.float32, torch.device("cpu"))
    first, second = torch.tensor([[0, 1, -1]]), torch.tensor([[1, 3, -1]])
    force = torch.tensor([[[0.0, 0.0, 7.0], [2.0, 0.0, 0.0], [9.0, 9.0, 9.0]]])
    net, count = reader.read(first, second, force)
    assert net[0].tolist() == [[-2.0, 0.0, 7.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert count[0].tolist() == [2.0, 1.0, 0.0]


def test_without_the_package_the_message_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SimulatorError, match=r"pip install -e '.*\[genesis\]'"):
        engine.start(torch.device("cpu"))


# The order of a step, on a stand-in of what `step` touches: Genesis itself is not here.


class Engine:
    """Counts integrator steps; in those named in `marks` an env gets an error code."""

    def __init__(self, marks: dict[int, tuple[int, int]]) -> None:
        self.marks, self.steps, self.wrenches = marks, 0, []
        self.errors = torch.zeros(2, dtype=torch.int32)

    def step(self) -> None:
        if self.steps in self.marks:
            env, code = self.marks[self.steps]
            self.errors[env] |= code
        self.steps += 1

    def apply_links_external_wrench(self, **wrench: object) -> None:
        self.wrenches.append((self.steps, wrench))


def stepped(
    engine_: Engine, monkeypatch: pytest.MonkeyPatch, push: tuple[float, float, float] | None
) -> GenesisSimulator:
    """A simulator of two envs on `engine_` that has made two steps of three integrator steps each."""
    monkeypatch.setattr(engine, "overflow_bits", lambda: 6)
    sim = GenesisSimulator.__new__(GenesisSimulator)
    still = SimpleNamespace(get_qpos=lambda: torch.zeros(2, 1), get_dofs_velocity=lambda: torch.zeros(2, 1))
    vars(sim).update(
        spec=replace(SCENE, contacts=()), physics=replace(PHYSICS, substeps=3), num_envs=2, _all=None, _robot=still,
        _dtype=torch.float64, device=torch.device("cpu"), _model=mujoco.MjModel.from_xml_string(SCENE.mjcf),
        ctrl_range=torch.ones(2, 2) * torch.tensor([-1.0, 1.0]), _ctrl=torch.zeros(2, 2), _forces={}, _lifted=[1],
        _quantities=SimpleNamespace(drive=lambda ctrl: None, lift=lambda bodies: torch.full((2, 1, 3), 2.0)),
        _scene=SimpleNamespace(sim=engine_), _solver=engine_, _time=torch.zeros(2), _errors=engine_.errors,
        _overflows=torch.zeros((), dtype=torch.int64), unstable=torch.zeros(2, dtype=torch.bool),
        _gs=SimpleNamespace(link_ref_frame=SimpleNamespace(link_COM="com")), _refresh=lambda ids: None,
    )  # fmt: skip
    if push is not None:
        sim.push(0, "tip", push)
    for _ in range(2):
        sim.step(torch.zeros(2, 2), 1)
    return sim


def test_a_full_buffer_counts_once_a_step_however_often_it_was_full(monkeypatch: pytest.MonkeyPatch) -> None:
    full_and_bad = {0: (0, 2), 1: (0, 4), 2: (1, 2), 4: (0, 2), 5: (1, 8)}  # in the first step both, then one
    engine_ = Engine(full_and_bad)
    sim = stepped(engine_, monkeypatch, None)
    assert (sim.overflows(), sim.overflows(), engine_.steps) == (3, 0, 6)
    assert sim.unstable.tolist() == [False, True] and not engine_.errors.any()


def test_a_push_and_the_weight_taken_off_act_in_every_integrator_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine_ = Engine({})
    stepped(engine_, monkeypatch, (1.0, 0.0, 0.0))
    assert [step for step, _ in engine_.wrenches] == [0, 1, 2, 3, 4, 5]
    first, last = engine_.wrenches[2][1], engine_.wrenches[5][1]
    assert (first["links_idx"], first["ref"], last["links_idx"]) == ([3, 1], "com", [1])
    assert first["force"].tolist() == [[[1.0, 0.0, 0.0], [2.0] * 3], [[0.0] * 3, [2.0] * 3]]
    assert last["force"].tolist() == [[[2.0] * 3], [[2.0] * 3]]  # the push is over


# With Genesis itself: the first simulator of a machine compiles for minutes, later ones read from a cache.


@pytest.fixture
def installed() -> None:
    if importlib.util.find_spec("genesis") is None:
        lacking(
            "genesis",
            "the package genesis-world is not here: pip install -e '.[genesis]', rlkit doctor sim=genesis",
        )


def started(name: str, spec: SceneSpec = SCENE, physics: PhysicsSettings = PHYSICS) -> Simulator:
    """Two envs: the cube tilted 1 m up, the arm moving."""
    sim = make(name, spec, physics, 2, "cpu")
    pose = torch.tensor([0.0, 0.0, 1.0, 0.9, 0.3, 0.1, 0.0]).repeat(2, 1, 1)
    velocity = torch.tensor([0.1, 0.0, 0.0, 1.0, -2.0, 3.0]).repeat(2, 1, 1)
    joints = torch.tensor([[0.2, 0.1], [-0.5, 0.0]])
    sim.reset(torch.arange(2), ResetState(joints, torch.ones(2, 2), pose, velocity))
    return sim


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("installed")
def test_motion_without_contact_is_mujocos_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """Springs, damping, armature, servo and motor, gravity and its compensation: the same numbers for 0.3 s."""
    hook = sys.excepthook
    sim, reference = started("genesis"), started("mujoco")
    assert sys.excepthook is hook
    for step in range(30):
        ctrl = torch.tensor([[3.0, 0.2], [-2.0, -0.1]]) * (1 if step < 15 else -1)
        for each in (sim, reference):
            each.step(ctrl, 1)
    for name in ("joint_pos", "joint_vel", "body_pos", "body_quat", "body_lin_vel", "body_ang_vel"):
        torch.testing.assert_close(getattr(sim, name), getattr(reference, name), atol=2e-5, rtol=2e-5)
    assert float(reference.body_pos[0, 0, 2]) == pytest.approx(1.0, abs=1e-6)  # the cube weighs nothing
    mine, theirs = sim.render_states([1]), reference.render_states([1])
    for name in mine:
        torch.testing.assert_close(
            torch.as_tensor(mine[name]), torch.as_tensor(theirs[name]), atol=2e-5, rtol=2e-5
        )
    assert capfd.readouterr().out == ""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("installed")
def test_a_heavier_weightless_body_still_hovers() -> None:
    sim = started("genesis")
    sim.scale("mass", torch.tensor([1]), torch.full((1, len(sim.parts("mass"))), 3.0))
    sim.step(torch.zeros(2, 2), 20)
    assert sim.body_pos[:, 0, 2].tolist() == [pytest.approx(1.0, abs=1e-6)] * 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("installed")
def test_contacts_that_do_not_fit_are_counted() -> None:
    for room, expected in ((0, 0), (1, 5)):
        spec = replace(SCENE, mjcf=SCENE.mjcf.replace(' gravcomp="1"', ""))
        sim = make("genesis", spec, replace(PHYSICS, max_contacts=room), 1, "cpu")
        pose = torch.tensor([0.0, 0.0, 0.0999, 1.0, 0.0, 0.0, 0.0]).repeat(1, 1, 1)
        sim.reset(
            torch.arange(1), ResetState(torch.zeros(1, 2), torch.zeros(1, 2), pose, torch.zeros(1, 1, 6))
        )
        for _ in range(5):
            sim.step(torch.zeros(1, 2), 1)
        assert [sim.overflows(), sim.overflows()] == [expected, 0]  # one a step, of two integrator steps


@pytest.mark.usefixtures("installed")
def test_one_device_a_process() -> None:
    with pytest.raises(SimulatorError, match="cpu or cuda, not on meta"):
        engine.start(torch.device("meta"))
