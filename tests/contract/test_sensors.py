"""Sensors of a robot's own file on every simulator that reads them: hand-computed, fresh after step and reset."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Iterator

import pytest
import torch
from known_simulators import assert_near, facts_of
from torch.testing import assert_close

from rlkit.config.facts.machine import Machine
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError, Start
from rlkit.sims.facts import STEPPING
from rlkit.sims.registry import make

G = 9.81
PHYSICS = PhysicsSettings(dt=0.01, substeps=2, iterations=50, ls_iterations=50, num_threads=2)
HALF = math.sqrt(0.5)

# A cube of 2 kg on the ground; a ball of 1.5 kg in the air with a site off its centre; a wheel that a motor turns.
MJCF = """
<mujoco><compiler angle="radian"/><worldbody>
  <geom type="plane" size="5 5 0.1"/>
  <body name="cube"><freejoint/>
    <geom type="box" size="0.1 0.1 0.1" mass="2"/><site name="cube"/>
    <site name="sole" type="box" size="0.12 0.12 0.02" pos="0 0 -0.1"/>
  </body>
  <body name="ball"><freejoint/>
    <geom type="sphere" size="0.1" mass="1.5"/><site name="centre"/><site name="tip" pos="0 0 0.2"/>
  </body>
  <body name="wheel" pos="3 0 3"><joint name="axle" axis="0 0 1"/>
    <geom type="cylinder" size="0.2 0.02" mass="1" contype="0" conaffinity="0"/>
  </body>
</worldbody>
<actuator><motor name="turn" joint="axle"/></actuator>
<sensor>
  <gyro name="gyro" site="centre"/><framepos name="tip" objtype="site" objname="tip"/>
  <velocimeter name="speed" site="tip"/><jointvel name="axle" joint="axle"/>
  <accelerometer name="cube_acc" site="cube"/><accelerometer name="ball_acc" site="centre"/>
  <actuatorfrc name="motor" actuator="turn"/><touch name="sole" site="sole"/>
  <subtreecom name="unread" body="cube"/>
</sensor></mujoco>"""
SCENE = SceneSpec(
    mjcf=MJCF,
    joints=("axle",),
    actuators=("turn",),
    bodies=("ball", "cube"),
    free_bodies=("ball", "cube"),
    start=Start((0.0,), ((0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.1, 1.0, 0.0, 0.0, 0.0)), (0.25,)),
)
MOVING = replace(
    SCENE, sensors=("tip", "gyro", "axle", "speed")
)  # kinematic ones, in another order than the file's
FORCES = replace(SCENE, sensors=("motor", "ball_acc", "gyro", "cube_acc"))
INSTALLED = sorted(set(STEPPING) & Machine.detect().simulators)
ABLE = [name for name in INSTALLED if facts_of(name).sensors]


@pytest.fixture(
    scope="module", params=[pytest.param(n, marks=[pytest.mark.slow] * facts_of(n).slow) for n in ABLE]
)
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def started(name: str, spec: SceneSpec, n: int = 3) -> Simulator:
    """At the start state."""
    sim = make(name, spec, PHYSICS, n, "cpu")
    if spec is FORCES and facts_of(name).compiles:  # the program where masses vary serves all tests
        sim.scale("mass", torch.arange(n), torch.ones(n, len(sim.parts("mass"))))
    sim.reset(torch.arange(n), sim.start_state(n))
    return sim


def spinning(sim: Simulator, spins: torch.Tensor) -> ResetState:
    """The ball turned by 90 degrees around x, `[k, 3]` rad/s (world) and 1 m/s along y; all else as at the start."""
    state = sim.start_state(len(spins))
    state.free_pose[:, 0, 3:] = torch.tensor([HALF, HALF, 0.0, 0.0])
    state.free_vel[:, 0] = torch.cat((torch.tensor([[0.0, 1.0, 0.0]]).expand(len(spins), 3), spins), dim=1)
    return state


def test_poses_and_speeds_are_those_of_the_moment(name: str) -> None:
    """Turned by 90 degrees around x, the ball's own y is the world's z, and its own z the world's -y."""
    sim = started(name, MOVING)
    spins = torch.tensor([[0.0, 0.0, 3.0], [2.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    gyro, tip = sim.sensor("gyro"), sim.sensor("tip")
    assert gyro.shape == tip.shape == (3, 3) and sim.sensor("axle").shape == (3, 1)
    sim.reset(torch.arange(3), spinning(sim, spins))
    own = torch.tensor([[0.0, 3.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, -5.0]])
    assert_close(gyro, own, atol=1e-5, rtol=0)  # the same buffer: asked for once
    assert_close(tip, torch.tensor([[0.0, -0.2, 2.0]]).expand(3, 3), atol=1e-6, rtol=0)
    # the tip is 0.2 along its z, so moves with spin x arm = (own spin) x (0, 0, 0.2), and 1 m/s along y is own -z
    speed = torch.tensor([[0.6, 0.0, -1.0], [0.0, -0.4, -1.0], [0.0, 0.0, -1.0]])
    assert_close(sim.sensor("speed"), speed, atol=1e-5, rtol=0)
    sim.step(torch.full((3, 1), 0.02), 10)
    # a sphere keeps its spin; 0.1 s of 0.02 N m on a cylinder of 0.02 kg m^2: 0.1 rad/s
    assert_close(gyro.norm(dim=1), own.norm(dim=1), atol=1e-4, rtol=0)
    assert_close(sim.sensor("axle"), sim.joint_vel, atol=0, rtol=0)
    assert_close(sim.joint_vel, torch.full((3, 1), 0.1), atol=1e-3, rtol=0)


def test_forces_are_those_of_the_moment(name: str) -> None:
    sim = started(name, FORCES)
    assert sim.sensor("motor").tolist() == [[0.25]] * 3  # the controls of the start, after a reset
    for _ in range(20):
        sim.step(torch.full((3, 1), 2.0), 2)
    assert_close(sim.sensor("motor"), torch.full((3, 1), 2.0))
    rest = torch.tensor([[0.0, 0.0, G]]).expand(3, 3)
    assert_close(sim.sensor("cube_acc"), rest, atol=0.05, rtol=0)  # the ground carries it
    assert_close(sim.sensor("ball_acc"), torch.zeros(3, 3), atol=1e-4, rtol=0)  # it falls
    sim.apply_force("ball", torch.tensor([[6.0, 0.0, 0.0]]).expand(3, 3))
    sim.step(torch.zeros(3, 1), 1)
    pushed = torch.tensor([[4.0, 0.0, 0.0]]).expand(3, 3)  # 6 N on 1.5 kg
    assert_close(sim.sensor("ball_acc"), pushed, atol=1e-3, rtol=0)
    sim.step(torch.zeros(3, 1), 1)
    assert_close(sim.sensor("ball_acc"), torch.zeros(3, 3), atol=1e-3, rtol=0)
    assert_close(sim.sensor("motor"), torch.zeros(3, 1))


def test_a_reset_and_a_state_bring_their_own(name: str) -> None:
    sim = started(name, FORCES)
    sim.step(torch.full((3, 1), 2.0), 2)
    saved, before = sim.state(), {sensor: sim.sensor(sensor).clone() for sensor in FORCES.sensors}
    sim.reset(torch.tensor([1]), spinning(sim, torch.tensor([[0.0, 0.0, 3.0]])))
    assert_close(sim.sensor("motor"), torch.tensor([[2.0], [0.25], [2.0]]))
    assert_close(sim.sensor("gyro")[1], torch.tensor([0.0, 3.0, 0.0]), atol=1e-5, rtol=0)
    for sensor, values in before.items():
        assert torch.equal(sim.sensor(sensor)[::2], values[::2]), sensor
    sim.load_state(saved)
    for sensor, values in before.items():
        assert torch.equal(sim.sensor(sensor), values), sensor
    sim.load_state(replace_state(saved))  # of the same scene without sensors
    assert_close(sim.sensor("ball_acc"), torch.zeros(3, 3), atol=1e-4, rtol=0)


def replace_state(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state.items() if key != "sensors"}


def test_whoever_looks_changes_nothing(name: str) -> None:
    """Physics is the same with sensors and without, to the bit where the simulator keeps to the bit at all."""
    looked, alone = started(name, FORCES), started(name, SCENE)
    for step in range(10):
        ctrl = torch.full((3, 1), math.sin(step))
        for sim in (looked, alone):
            sim.step(ctrl, 2)
        if step == 5:
            for sim in (looked, alone):
                sim.reset(torch.tensor([2]), spinning(sim, torch.tensor([[1.0, 0.0, 0.0]])))
    for view in ("joint_vel", "body_pos", "body_lin_vel", "body_ang_vel"):
        assert_near(getattr(looked, view), getattr(alone, view), facts_of(name).sameness, view)


def test_masses_of_an_env_count(name: str) -> None:
    sim = started(name, FORCES)
    factors = torch.ones(3, len(sim.parts("mass")))
    factors[1, sim.parts("mass").index("ball")] = 2.0
    sim.scale("mass", torch.arange(3), factors)
    sim.reset(torch.arange(3), sim.start_state(3))
    sim.apply_force("ball", torch.tensor([[6.0, 0.0, 0.0]]).expand(3, 3))
    sim.step(torch.zeros(3, 1), 1)
    assert_close(sim.sensor("ball_acc")[:, 0], torch.tensor([4.0, 2.0, 4.0]), atol=1e-3, rtol=0)


def test_the_ground_is_felt(name: str) -> None:
    sim = started(name, replace(SCENE, sensors=("sole",)), n=1)
    sim.step(torch.zeros(1, 1), 60)
    assert_close(sim.sensor("sole"), torch.tensor([[2 * G]]), atol=0.2, rtol=0)


def test_names_are_checked(name: str) -> None:
    with pytest.raises(SimulatorError, match="the model has no sensor 'giro'; the nearest is 'gyro'"):
        make(name, replace(SCENE, sensors=("giro",)), PHYSICS, 1, "cpu")
    sim = make(name, SCENE, PHYSICS, 1, "cpu")
    with pytest.raises(SimulatorError, match="the task's SceneSpec has no sensor 'gyro'; it has: none"):
        sim.sensor("gyro")
    delayed = MJCF.replace('<gyro name="gyro"', '<gyro name="gyro" nsample="2" delay="0.01"')
    with pytest.raises(SimulatorError, match="sensor 'gyro' keeps samples of the past"):
        make(name, replace(MOVING, mjcf=delayed), PHYSICS, 1, "cpu")
