"""What every simulator promises, checked through `rlkit.sims.api`: a new one only joins the registry."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from known_simulators import Facts, assert_near, facts_of, facts_of_sim
from torch import Tensor

from rlkit.config.facts.machine import Machine
from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError
from rlkit.sims.facts import STEPPING
from rlkit.sims.registry import make

G = 9.81
PHYSICS = PhysicsSettings(dt=0.01, substeps=2, iterations=50, ls_iterations=50, num_threads=2)
VIEWS = (
    *("joint_pos", "joint_vel", "body_pos", "body_quat", "body_lin_vel", "body_ang_vel"),
    *("site_pos", "site_quat", "contact_force", "contact_count", "unstable"),
)

# A cube of 2 kg on the ground, with a site off its centre; and an arm: a hinge, then a slide along the arm.
ARM_AND_CUBE = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian"/><worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body name="cube" pos="0 0 0.1"><freejoint/>
        <geom type="box" size="0.1 0.1 0.1" mass="2"/><site name="corner" pos="0.2 0 0"/>
      </body>
      <body name="arm" pos="2 0 2"><joint name="hinge" axis="0 1 0" range="-2 2" damping="0.1"/>
        <geom type="capsule" fromto="0 0 0 0.5 0 0" size="0.02" mass="1"/>
        <body name="slider" pos="0.5 0 0"><joint name="slide" type="slide" axis="1 0 0" range="-0.2 0.3"/>
          <geom type="sphere" size="0.05" mass="0.5"/><site name="end" pos="0.1 0 0"/>
        </body>
      </body>
    </worldbody><actuator>
      <motor name="turn" joint="hinge" ctrlrange="-10 10"/>
      <position name="push" joint="slide" kp="50" kv="5" ctrlrange="-0.2 0.3"/>
    </actuator></mujoco>""",
    joints=("slide", "hinge"),
    actuators=("push", "turn"),
    bodies=("slider", "cube", "arm"),
    sites=("end", "corner"),
    free_bodies=("cube",),
    contacts=(ContactSensor("ground", "cube"), ContactSensor("slider", "slider")),
)
CUBE = ARM_AND_CUBE.bodies.index("cube")

# Two fingers press a ball from both sides, each with 5 N: no gravity, so that these are the only forces.
GRIPPER = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian"/><option gravity="0 0 0"/><worldbody>
      <body name="ball"><freejoint/><geom type="sphere" size="0.05" mass="0.2"/></body>
      <body name="left" pos="-0.11 0 0"><joint name="left" type="slide" axis="1 0 0" damping="2"/>
        <geom type="sphere" size="0.01" mass="0.1" contype="0" conaffinity="0"/>
        <body name="left_tip"><geom type="box" size="0.05 0.05 0.05" mass="0.1"/></body>
      </body>
      <body name="right" pos="0.11 0 0"><joint name="right" type="slide" axis="1 0 0" damping="2"/>
        <geom type="box" size="0.05 0.05 0.05" mass="0.2"/>
      </body>
    </worldbody><actuator>
      <motor name="left" joint="left"/><motor name="right" joint="right"/>
    </actuator></mujoco>""",
    joints=("left", "right"),
    actuators=("left", "right"),
    bodies=("ball",),
    free_bodies=("ball",),
    contacts=(
        ContactSensor("left on ball", "ball", "left_tip"),
        ContactSensor("right on ball", "ball", "right"),
        ContactSensor("ball on left tip", "left_tip", "ball"),
        ContactSensor("ball on left finger", "left", "ball", subtree=True),
        ContactSensor("ball on left root", "left", "ball"),
        ContactSensor("all on ball", "ball"),
    ),
)

GRIPPER_ALONE = replace(GRIPPER, contacts=())


@dataclass(frozen=True)
class Build:
    """`build(spec, num_envs, physics)` for one of the installed simulators."""

    name: str

    @property
    def facts(self) -> Facts:
        """The differences that this simulator is allowed."""
        return facts_of(self.name)

    def __call__(
        self, spec: SceneSpec = ARM_AND_CUBE, num_envs: int = 4, physics: PhysicsSettings = PHYSICS
    ) -> Simulator:
        if not self.facts.several:
            while _open:
                _open.pop().close()
        sim = make(self.name, spec, physics, num_envs, "cpu")
        if not self.facts.several:
            _open.append(sim)
        return sim


_open: list[Simulator] = []  # of a simulator that has room for one in a process


# A package that is installed must work: a backend that fails to import fails here, it is not passed over.
INSTALLED = sorted(set(STEPPING) & Machine.detect().simulators)


def test_there_is_a_simulator_to_test() -> None:
    assert INSTALLED


def on_those(able: Callable[[Facts], bool]) -> pytest.MarkDecorator:
    """For tests of what not every simulator can: they are made for those whose facts say so, and for no other."""
    names = [name for name in INSTALLED if able(facts_of(name))]
    marked = [pytest.param(name, marks=[pytest.mark.slow] * facts_of(name).slow) for name in names]
    return pytest.mark.parametrize("build", marked, indirect=True, scope="module")


two_at_once = on_those(lambda facts: facts.several)  # two simulations are compared while both are there
model_fields = on_those(lambda facts: facts.model_fields)
two_with_fields = on_those(lambda facts: facts.several and facts.model_fields)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] * facts_of(name).slow) for name in INSTALLED],
)
def build(request: pytest.FixtureRequest) -> Iterator[Build]:
    yield Build(request.param)
    while _open:  # the next module has one of its own
        _open.pop().close()


def views(sim: Simulator) -> dict[str, Tensor]:
    """A copy of everything that a task can read."""
    counted = facts_of_sim(sim).contact_pairs
    return {name: getattr(sim, name).clone() for name in VIEWS if counted or name != "contact_count"}


def assert_same(
    a: dict[str, Tensor], b: dict[str, Tensor], rows: object = slice(None), sameness: float = 0.0
) -> None:
    """Bit-equal in the given envs, or within `sameness` where the simulator's facts allow it."""
    for name, values in a.items():
        assert_near(values[rows], b[name][rows], sameness, name)  # type: ignore[index]


def drawn(spec: SceneSpec, k: int, seed: int = 0) -> ResetState:
    """Tumbling bodies and moving joints, different in each env."""
    generator = torch.Generator().manual_seed(seed)
    joints, free = len(spec.joints), len(spec.free_bodies)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    pose = torch.cat((0.05 * normal(k, free, 3), normal(k, free, 4)), dim=-1)
    pose[..., 2] += 0.2
    pose[..., 3:] /= pose[..., 3:].norm(dim=-1, keepdim=True)
    return ResetState(0.1 * normal(k, joints), normal(k, joints), pose, normal(k, free, 6))


def at_rest(spec: SceneSpec, k: int, height: float = 0.1) -> ResetState:
    """Joints at zero, free bodies upright at `height`, nothing moving."""
    joints, free = len(spec.joints), len(spec.free_bodies)
    pose = torch.zeros(k, free, 7)
    pose[..., 2], pose[..., 3] = height, 1.0
    return ResetState(torch.zeros(k, joints), torch.zeros(k, joints), pose, torch.zeros(k, free, 6))


def controls(sim: Simulator, step: int) -> Tensor:
    """Controls that depend on the env and the step, and on nothing else."""
    env = torch.arange(sim.num_envs)[:, None]
    return 0.2 * torch.sin(0.7 * step + env + torch.arange(len(sim.spec.actuators)))


def run(sim: Simulator, steps: int, first: int = 0) -> list[dict[str, Tensor]]:
    trajectory = []
    for step in range(first, first + steps):
        sim.step(controls(sim, step), 1)
        trajectory.append(views(sim))
    return trajectory


def triple_masses(build: Build, sim: Simulator, env: int) -> None:
    """All bodies of one env three times as heavy, by what the simulator offers."""
    if build.facts.model_fields:
        sim.model_field("body_mass")[env] *= 3.0
        sim.apply_model_fields(torch.tensor([env]))
    else:
        sim.scale("mass", torch.tensor([env]), torch.full((1, len(sim.parts("mass"))), 3.0))


def started(build: Build, num_envs: int = 4, spec: SceneSpec = ARM_AND_CUBE) -> Simulator:
    """A simulator whose env i is in the i-th drawn state, whatever `num_envs` is."""
    sim = build(spec, num_envs)
    state = drawn(spec, 512)
    first = {name: getattr(state, name)[:num_envs] for name in ResetState.__dataclass_fields__}
    sim.reset(torch.arange(num_envs), ResetState(**first))
    return sim


# Names, shapes, units.


def test_views_follow_the_order_of_the_scene_not_of_the_model(build: Build) -> None:
    sim = build()
    state = replace(at_rest(ARM_AND_CUBE, 4), joint_pos=torch.tensor([[0.25, 0.0]]).repeat(4, 1))
    sim.reset(torch.arange(4), state)
    assert sim.joint_pos[0].tolist() == pytest.approx([0.25, 0.0])  # slide, hinge
    assert sim.body_pos[0].tolist() == [
        pytest.approx([2.75, 0.0, 2.0]),  # slider: arm at 2 + 0.5 + the slide's 0.25
        pytest.approx([0.0, 0.0, 0.1]),
        pytest.approx([2.0, 0.0, 2.0]),
    ]
    assert sim.site_pos[0].tolist() == [pytest.approx([2.85, 0.0, 2.0]), pytest.approx([0.2, 0.0, 0.1])]


def test_limits_are_those_of_the_model_in_the_order_of_the_scene(build: Build) -> None:
    sim = build()
    assert sim.joint_range.tolist() == [pytest.approx([-0.2, 0.3]), pytest.approx([-2.0, 2.0])]
    assert sim.ctrl_range.tolist() == [pytest.approx([-0.2, 0.3]), pytest.approx([-10.0, 10.0])]


def test_joints_without_limits_have_infinite_ones(build: Build) -> None:
    assert build(GRIPPER_ALONE).joint_range.tolist() == [[-math.inf, math.inf]] * 2


def test_controls_reach_their_actuators(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4))
    for _ in range(200):
        sim.step(torch.tensor([[0.2, 0.0]]).repeat(4, 1), 1)  # push to 0.2 m, do not turn
    hinge = sim.joint_pos[0, 1]
    gravity_along_arm = 0.5 * G * math.sin(float(hinge))
    assert float(sim.joint_pos[0, 0]) == pytest.approx(0.2 + gravity_along_arm / 50.0, abs=0.05)
    assert float(hinge) > 0.5  # the arm falls: +y turns the arm's x axis downwards


def test_views_are_persistent_float32_buffers(build: Build) -> None:
    sim = build()
    before = {name: getattr(sim, name) for name in views(sim)}
    sim.reset(torch.tensor([1]), drawn(ARM_AND_CUBE, 1))
    run(sim, 2)
    for name, view in before.items():
        assert getattr(sim, name).data_ptr() == view.data_ptr(), name
        assert view.dtype == (torch.bool if name == "unstable" else torch.float32), name
        assert len(view) == 4


@pytest.mark.parametrize("part", ["joints", "bodies", "sites", "actuators", "free_bodies"])
def test_a_name_the_model_lacks_is_refused_by_name(build: Build, part: str) -> None:
    names = getattr(ARM_AND_CUBE, part)
    with pytest.raises(SimulatorError, match=f"{names[0]}s.*nearest is '{names[0]}'"):
        build(replace(ARM_AND_CUBE, **{part: (names[0] + "s", *names[1:])}))


def test_actuators_must_be_listed_completely(build: Build) -> None:
    with pytest.raises(SimulatorError, match="missing: turn"):
        build(replace(ARM_AND_CUBE, actuators=("push",)))


def test_controls_of_another_shape_are_refused(build: Build) -> None:
    with pytest.raises(SimulatorError, match=r"\(4, 2\)"):
        build().step(torch.zeros(1, 2), 1)


# Motion.


def test_free_fall_has_the_speed_and_depth_of_free_fall(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4, height=3.0))
    sim.step(torch.zeros(4, 2), 20)  # 0.2 s
    assert float(sim.body_lin_vel[0, CUBE, 2]) == pytest.approx(-G * 0.2, rel=1e-4)
    assert float(sim.body_pos[0, CUBE, 2]) == pytest.approx(3.0 - G * 0.2**2 / 2, abs=G * 0.2 * 0.005)


def test_angular_velocity_of_a_free_body_is_in_the_world_frame(build: Build) -> None:
    sim = build()
    state = at_rest(ARM_AND_CUBE, 4, height=3.0)
    half = math.sqrt(0.5)
    state.free_pose[..., 3:] = torch.tensor(
        [half, half, 0.0, 0.0]
    )  # a quarter turn about x: body z is world -y
    state.free_vel[..., 5] = 3.0  # about world z
    sim.reset(torch.arange(4), state)
    assert sim.body_ang_vel[0, CUBE].tolist() == pytest.approx([0.0, 0.0, 3.0], abs=1e-5)
    sim.step(
        torch.zeros(4, 2), 10
    )  # 0.1 s: the cube's inertia is the same about every axis, so it keeps turning
    assert sim.body_ang_vel[0, CUBE].tolist() == pytest.approx([0.0, 0.0, 3.0], abs=1e-4)
    turned = [math.cos(0.15) * half, math.cos(0.15) * half, math.sin(0.15) * half, math.sin(0.15) * half]
    assert sim.body_quat[0, CUBE].tolist() == pytest.approx(turned, abs=1e-3)


@on_those(lambda facts: not facts.compiles)
def test_velocities_match_finite_differences(build: Build) -> None:
    """Not where another length of step is another program: test_parity.py compares those velocities with MuJoCo's."""
    physics = PhysicsSettings(dt=1e-4, substeps=1, num_threads=1)
    sim = build(ARM_AND_CUBE, 4, physics)
    state = drawn(ARM_AND_CUBE, 4, seed=3)
    state.free_pose[..., 2] = 3.0
    sim.reset(torch.arange(4), state)
    sim.step(torch.zeros(4, 2), 1)
    before = {name: view.double() for name, view in views(sim).items()}
    sim.step(torch.zeros(4, 2), 50)
    after = {name: view.double() for name, view in views(sim).items()}
    pairs = (("joint_pos", "joint_vel"), ("body_pos", "body_lin_vel"))
    for position, velocity in pairs:
        difference = (after[position] - before[position]) / 0.005
        mean = 0.5 * (before[velocity] + after[velocity])
        assert torch.allclose(difference, mean, atol=2e-3), position
    spin = world_rotation(before["body_quat"], after["body_quat"]) / 0.005
    mean = 0.5 * (before["body_ang_vel"] + after["body_ang_vel"])
    assert torch.allclose(spin, mean, atol=2e-3)


def world_rotation(start: Tensor, end: Tensor) -> Tensor:
    """The small rotation vector, world frame, from `start` to `end`: 2 · vector part of end · start*."""
    w, v = end[..., :1], end[..., 1:]
    w0, v0 = start[..., :1], -start[..., 1:]
    vector = w * v0 + w0 * v + torch.linalg.cross(v, v0)
    scalar = w * w0 - (v * v0).sum(dim=-1, keepdim=True)
    return 2.0 * vector * torch.sign(scalar)


def test_a_reset_shows_exactly_the_state_it_was_given(build: Build) -> None:
    sim, state = build(), drawn(ARM_AND_CUBE, 4)
    sim.reset(torch.arange(4), state)
    for seen, given_value in (
        (sim.joint_pos, state.joint_pos),
        (sim.joint_vel, state.joint_vel),
        (sim.body_pos[:, CUBE], state.free_pose[:, 0, :3]),
        (sim.body_quat[:, CUBE], state.free_pose[:, 0, 3:]),
        (sim.body_lin_vel[:, CUBE], state.free_vel[:, 0, :3]),
        (sim.body_ang_vel[:, CUBE], state.free_vel[:, 0, 3:]),
    ):
        assert torch.allclose(seen, given_value, atol=1e-5)
    assert not sim.contact_force.any()
    assert not build.facts.contact_pairs or not sim.contact_count.any()


@two_at_once
def test_a_quaternion_of_any_length_is_an_orientation(build: Build) -> None:
    sim, twin, state = build(), build(), drawn(ARM_AND_CUBE, 4)
    twin.reset(torch.arange(4), state)
    state.free_pose[..., 3:] *= 2.0
    sim.reset(torch.arange(4), state)
    for name in ("body_quat", "body_ang_vel"):
        assert torch.allclose(getattr(sim, name), getattr(twin, name), atol=1e-6), name


def test_reset_ids_need_no_order(build: Build) -> None:
    sim, state = build(), drawn(ARM_AND_CUBE, 3)
    sim.reset(torch.tensor([3, 0, 2]), state)
    assert torch.allclose(sim.joint_pos[[3, 0, 2]], state.joint_pos)
    assert torch.allclose(sim.body_pos[[3, 0, 2], CUBE], state.free_pose[:, 0, :3])


# Contacts.


def test_the_ground_carries_a_resting_cube(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4))
    sim.step(torch.zeros(4, 2), 100)
    assert sim.contact_force[0, 0].tolist() == pytest.approx([0.0, 0.0, 2.0 * G], abs=0.05)
    assert not build.facts.contact_pairs or sim.contact_count[0].tolist() == [4.0, 0.0]
    assert not sim.contact_force[:, 1].any()


def test_no_contact_no_force_and_envs_do_not_mix(build: Build) -> None:
    sim, state = build(), at_rest(ARM_AND_CUBE, 4)
    state.free_pose[1, 0, 2] = 3.0  # env 1 is in the air
    sim.reset(torch.arange(4), state)
    sim.step(torch.zeros(4, 2), 20)
    assert not sim.contact_force[1].any()
    assert (sim.contact_force[[0, 2, 3], 0, 2] > G).all()


def test_a_reset_clears_the_forces_of_its_envs_alone(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4))
    sim.step(torch.zeros(4, 2), 20)
    before = views(sim)
    sim.reset(torch.tensor([2]), at_rest(ARM_AND_CUBE, 1))
    assert not sim.contact_force[2].any()
    assert not build.facts.contact_pairs or not sim.contact_count[2].any()
    assert_same(before, views(sim), torch.tensor([0, 1, 3]))


def test_force_points_onto_the_named_body_from_the_other(build: Build) -> None:
    if not build.facts.contact_pairs:
        with pytest.raises(SimulatorError, match=r"'left on ball'.*'left_tip'"):
            build(GRIPPER)
        return
    sim = build(GRIPPER)
    sim.reset(torch.arange(4), at_rest(GRIPPER, 4, height=0.0))
    for _ in range(100):
        sim.step(torch.tensor([[5.0, -5.0]]).repeat(4, 1), 1)  # N: both fingers press inwards
    forces = dict(zip([c.name for c in GRIPPER.contacts], sim.contact_force[0]))
    assert forces["left on ball"].tolist() == pytest.approx([5.0, 0.0, 0.0], abs=0.05)
    assert forces["right on ball"].tolist() == pytest.approx([-5.0, 0.0, 0.0], abs=0.05)
    assert forces["ball on left tip"].tolist() == pytest.approx([-5.0, 0.0, 0.0], abs=0.05)
    assert torch.equal(
        forces["ball on left finger"], forces["ball on left tip"]
    )  # the tip is below the finger
    assert not forces["ball on left root"].any()  # its own geom touches nothing
    assert forces["all on ball"].tolist() == pytest.approx([0.0, 0.0, 0.0], abs=0.05)
    counts = dict(zip([c.name for c in GRIPPER.contacts], sim.contact_count[0]))
    assert float(counts["all on ball"]) == float(counts["left on ball"] + counts["right on ball"]) >= 2


# Sameness.


def test_the_same_run_twice_is_bit_equal(build: Build) -> None:
    first, second = run(started(build), 30), run(started(build), 30)
    for a, b in zip(first, second):
        assert_same(a, b)


def test_an_env_moves_the_same_among_4_and_among_many(build: Build) -> None:
    few, many = run(started(build, 4), 30), run(started(build, 64 if build.facts.slow else 512), 30)
    for a, b in zip(few, many):
        assert_same(a, b, slice(0, 4), build.facts.sameness)


@two_at_once
def test_two_steps_in_one_call_are_two_steps(build: Build) -> None:
    one, two = started(build), started(build)
    for _ in range(10):
        one.step(torch.full((4, 2), 0.1), 2)
        two.step(torch.full((4, 2), 0.1), 1)
        two.step(torch.full((4, 2), 0.1), 1)
    assert_same(views(one), views(two))


@two_at_once
def test_a_partial_reset_leaves_all_other_envs_bit_equal(build: Build) -> None:
    sim, twin = started(build), started(build)
    for each in (sim, twin):
        run(each, 5)

    @settings(max_examples=10, deadline=None, database=None)
    @given(st.sets(st.integers(0, 3), min_size=1, max_size=3))
    def check(chosen: set[int]) -> None:
        ids = torch.tensor(sorted(chosen))
        others = torch.tensor([i for i in range(4) if i not in chosen])
        for each in (sim, twin):
            each.reset(torch.arange(4), drawn(ARM_AND_CUBE, 4))
            run(each, 3)
        sim.reset(ids, drawn(ARM_AND_CUBE, len(ids), seed=1))
        assert_same(views(sim), views(twin), others)
        for a, b in zip(run(sim, 3, first=3), run(twin, 3, first=3)):
            assert_same(a, b, others)

    check()


@two_at_once
def test_a_reset_env_continues_as_if_it_were_new(build: Build) -> None:
    """Nothing of the past is left in it: no warm start, no controls, no timers."""
    used, new = started(build), build()
    run(used, 40)
    for sim in (used, new):  # on the ground: the solver starts with contacts, from what it remembers
        sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4, height=0.0999))
    for a, b in zip(run(used, 10), run(new, 10)):
        assert_same(a, b)


@two_at_once
def test_state_continues_bit_exactly_here_and_in_a_new_simulator(build: Build) -> None:
    sim = started(build)
    triple_masses(build, sim, 2)
    run(sim, 20)
    saved, shown = sim.state(), views(sim)
    expected = run(sim, 20, first=20)
    for restored in (sim, build()):
        restored.load_state(saved)
        assert_same(shown, views(restored))
        for a, b in zip(expected, run(restored, 20, first=20)):
            assert_same(a, b)


@two_at_once
def test_the_state_of_one_env_goes_on_in_another_place_and_alone(build: Build) -> None:
    sim = started(build)
    triple_masses(build, sim, 2)
    run(sim, 20)
    swapped, alone = build(), build(num_envs=1)
    order = [2, 0, 3, 1]
    swapped.load_state(sim.state(order))
    alone.load_state(sim.state([2]))
    ctrl = torch.tensor([[0.2, 1.0], [0.1, -3.0], [-0.1, 2.0], [0.3, 0.5]])
    for _ in range(20):
        sim.step(ctrl, 1)
        swapped.step(ctrl[order], 1)
        alone.step(ctrl[[2]], 1)
        rows, sameness = views(sim), build.facts.sameness
        assert_same(views(swapped), {name: values[order] for name, values in rows.items()}, sameness=sameness)
        assert_same(views(alone), {name: values[[2]] for name, values in rows.items()}, sameness=sameness)


def test_a_push_gives_one_env_its_impulse_in_the_next_step_alone(build: Build) -> None:
    """Force times time is mass times velocity: 6 N for 0.02 s on 2 kg is 0.06 m/s, and then it falls freely."""
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4, height=3.0))
    sim.push(1, "cube", (6.0, 0.0, 0.0))
    still = torch.zeros(4, 2)
    for steps in (2, 3, 3):
        sim.step(still, steps)
        expected = torch.tensor([0.0, 0.06, 0.0, 0.0])
        torch.testing.assert_close(sim.body_lin_vel[:, CUBE, 0], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(sim.body_lin_vel[:, CUBE, 2], torch.full((4,), -G * 0.08), atol=1e-3, rtol=0)
    with pytest.raises(SimulatorError, match="no body 'cub' can be pushed; there are cube, arm, slider"):
        sim.push(0, "cub", (0.0, 0.0, 0.0))


@two_at_once
def test_state_remembers_who_is_unstable(build: Build) -> None:
    sim, other = started(build), started(build)
    ctrl = torch.zeros(4, 2)
    ctrl[3, 0] = math.nan
    sim.step(ctrl, 1)
    other.load_state(sim.state())
    assert other.unstable.tolist() == [False, False, False, True]


@two_with_fields
def test_loading_returns_model_fields_that_the_state_lacks(build: Build) -> None:
    sim, changed = started(build), started(build)
    saved = sim.state()
    changed.model_field("body_mass")[:] *= 3.0
    changed.apply_model_fields(torch.arange(4))
    changed.load_state(saved)
    assert_same(run(sim, 10)[-1], run(changed, 10)[-1], sameness=build.facts.sameness)


def test_a_state_of_another_scene_or_size_is_refused(build: Build) -> None:
    saved = build().state()
    with pytest.raises(SimulatorError, match="another scene"):
        build(GRIPPER_ALONE).load_state(saved)
    with pytest.raises(SimulatorError, match="4 envs, here are 1"):
        build(ARM_AND_CUBE, 1).load_state(saved)


# What varies from env to env, and failures.


def test_forces_of_all_envs_act_in_the_next_step_and_add_up(build: Build) -> None:
    """6 N for 0.01 s on 2 kg is 0.03 m/s, and twice that where it comes twice."""
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4, height=3.0))
    force = torch.zeros(4, 3)
    force[:, 1] = torch.tensor([0.0, 6.0, -6.0, 6.0])
    sim.apply_force("cube", force)
    sim.push(3, "cube", (0.0, 6.0, 0.0))
    for _ in range(2):
        sim.step(torch.zeros(4, 2), 1)
        expected = torch.tensor([0.0, 0.03, -0.03, 0.06])
        torch.testing.assert_close(sim.body_lin_vel[:, CUBE, 1], expected, atol=1e-5, rtol=0)


def test_the_parts_of_a_quantity_are_named(build: Build) -> None:
    sim = build()
    assert sim.parts("friction") == ("world",) * build.facts.ground_friction + ("cube", "arm", "slider")
    assert sim.parts("mass") == ("cube", "arm", "slider")
    assert sim.parts("stiffness") == ("push", "turn")
    assert sim.parts("damping") == ("push",)
    with pytest.raises(SimulatorError, match="no quantity 'colour' can vary; there are friction, mass"):
        sim.parts("colour")


def test_a_scaled_mass_is_a_scaled_inertia_and_replaces_the_last_one(build: Build) -> None:
    """6 N for 0.01 s give 2 kg 0.03 m/s, 4 kg half of it, 1 kg twice as much."""
    sim, ids = build(), torch.tensor([1, 3])
    for factors in ([7.0, 7.0], [2.0, 0.5]):
        sim.scale("mass", ids, torch.tensor(factors)[:, None].repeat(1, 3))
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4, height=3.0))
    sim.apply_force("cube", torch.tensor([6.0, 0.0, 0.0]).repeat(4, 1))
    sim.step(torch.zeros(4, 2), 1)
    expected = torch.tensor([0.03, 0.015, 0.03, 0.06])
    torch.testing.assert_close(sim.body_lin_vel[:, CUBE, 0], expected, atol=1e-5, rtol=0)
    assert not sim.body_lin_vel[:, CUBE, 1].any()


def test_scaled_friction_stops_a_sliding_cube_sooner(build: Build) -> None:
    """A cube at 1 m/s on ground of friction mu slows down by mu g; MuJoCo's own mu is 1."""
    sim = build()
    parts = len(sim.parts("friction"))
    sim.scale("friction", torch.tensor([1, 2]), torch.tensor([[0.5] * parts, [0.2] * parts]))
    state = at_rest(ARM_AND_CUBE, 4, height=0.0998)
    state.free_vel[:, 0, 0] = 1.0
    sim.reset(torch.arange(4), state)
    sim.step(torch.zeros(4, 2), 5)
    slowed = 1.0 - sim.body_lin_vel[:, CUBE, 0]
    if not build.facts.ground_friction:  # it is 1 there, and the mean of both acts
        assert float(slowed[0]) > float(slowed[1]) > float(slowed[2]) > 0.1
        return
    expected = torch.tensor([1.0, 0.5, 0.2, 1.0]) * G * 0.05
    torch.testing.assert_close(slowed, expected, atol=0.05, rtol=0.15)


def test_scaled_servos_push_harder_and_brake_harder(build: Build) -> None:
    """The slide's servo with the arm hanging down: mass 0.5 kg, 50 N/m against gravity, so it sags by m g / k."""
    sim, ids = build(), torch.tensor([1])
    sim.scale("stiffness", ids, torch.tensor([[4.0, 1.0]]))
    state = at_rest(ARM_AND_CUBE, 4)
    state.joint_pos[:, 1] = math.pi / 2
    sim.reset(torch.arange(4), state)
    sim.step(torch.zeros(4, 2), 300)
    assert float(sim.joint_pos[0, 0]) == pytest.approx(0.5 * G / 50.0, abs=2e-3)
    assert float(sim.joint_pos[1, 0]) == pytest.approx(0.5 * G / 200.0, abs=2e-3)
    sim.scale("damping", ids, torch.tensor([[10.0]]))
    sim.scale("stiffness", ids, torch.tensor([[1.0, 1.0]]))
    sim.reset(torch.arange(4), state)
    sim.step(torch.zeros(4, 2), 5)
    assert 0 < float(sim.joint_vel[1, 0]) < 0.6 * float(sim.joint_vel[0, 0])


@two_at_once
def test_scales_belong_to_the_state(build: Build) -> None:
    sim, other = started(build), started(build)
    sim.scale("friction", torch.tensor([2]), torch.full((1, len(sim.parts("friction"))), 0.3))
    sim.scale("mass", torch.tensor([1]), torch.tensor([[2.0] * 3]))
    other.load_state(sim.state())
    assert_same(run(sim, 10)[-1], run(other, 10)[-1])


@model_fields
def test_twice_the_mass_is_half_the_acceleration(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(4), at_rest(ARM_AND_CUBE, 4, height=3.0))
    assert sim.model_field("body_mass").shape == (4, 4)
    sim.model_field("body_mass")[1] *= 2.0
    sim.model_field("body_inertia")[1] *= 2.0
    sim.apply_model_fields(torch.tensor([1]))
    sim.step(torch.tensor([[0.1, 0.0]]).repeat(4, 1), 1)
    # The slide's servo, 50 N/m to 0.1 m with 5 N s/m, taken implicitly: v' = (v + F h / m) / (1 + d h / m), twice. The
    # arm has hardly begun to fall: that pulls with 0.006 N of 5.
    h = 0.005
    for env, mass in ((0, 0.5), (1, 1.0)):
        q = v = 0.0
        for _ in range(2):
            v = (v + 50.0 * (0.1 - q) * h / mass) / (1.0 + 5.0 * h / mass)
            q += v * h
        assert float(sim.joint_vel[env, 0]) == pytest.approx(v, rel=5e-3)
    assert torch.equal(sim.joint_vel[0], sim.joint_vel[2])
    assert torch.equal(sim.joint_vel[0], sim.joint_vel[3])


@model_fields
def test_a_field_that_does_not_exist_is_refused(build: Build) -> None:
    with pytest.raises(SimulatorError, match="nearest is 'body_mass'"):
        build().model_field("body_masss")


@two_at_once
@pytest.mark.parametrize("speed", [math.nan, math.inf, 1e12])
def test_an_exploding_env_is_marked_alone_and_recovers_by_reset(build: Build, speed: float) -> None:
    sim, twin = started(build), started(build)
    for each in (sim, twin):
        run(each, 5)
    broken = drawn(ARM_AND_CUBE, 1)
    broken.joint_vel[0, 0] = speed
    sim.reset(torch.tensor([1]), broken)
    sim.step(controls(sim, 5), 1)
    twin.step(controls(twin, 5), 1)
    assert sim.unstable.tolist() == [False, True, False, False]
    others = torch.tensor([0, 2, 3])
    assert_same(views(sim), views(twin), others)
    for each in (sim, twin):
        each.reset(torch.tensor([1]), drawn(ARM_AND_CUBE, 1, seed=5))
        assert not each.unstable.any()
    for a, b in zip(run(sim, 10, first=6), run(twin, 10, first=6)):
        assert_same(a, b)


def test_a_control_that_is_not_a_number_marks_its_env(build: Build) -> None:
    sim = started(build)
    ctrl = torch.zeros(4, 2)
    ctrl[3, 0] = math.nan
    sim.step(ctrl, 1)
    assert sim.unstable.tolist() == [False, False, False, True]


def test_render_states_are_copies_of_the_asked_envs(build: Build) -> None:
    sim = started(build)
    shown = sim.render_states([2, 0])
    before = {name: values.copy() for name, values in shown.items()}
    run(sim, 3)
    assert all((shown[name] == before[name]).all() for name in shown)
    assert all(len(values) == 2 for values in shown.values())
    assert (sim.render_states([0])["qpos"][0] != before["qpos"][1]).any()
