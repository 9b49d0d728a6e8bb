"""The Isaac Gym adapter on a strict stand-in of its API: the real one cannot be installed where this runs."""

# MuJoCo's bindings are compiled and ship no stubs; Isaac Gym's stand-in is there while a test runs
# pyright: reportAttributeAccessIssue=false, reportMissingImports=false

from __future__ import annotations

import gc
import importlib
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator

import mujoco
import numpy as np
import pytest
import torch
from isaacgym_standin.loaded import FOLDER, standin
from project import Project
from task_config import task_config

from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, SimulatorError
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.sims.registry import make
from rlkit.tasks.registry import task_class
from rlkit.tasks.robots.h1 import H1

ROOT = Path(__file__).parents[2]
G, KEYS = (
    9.81,
    ("joint_pos", "joint_vel", "body_pos", "body_quat", "body_lin_vel", "body_ang_vel", "site_pos"),
)
PHYSICS = PhysicsSettings(dt=0.01, substeps=2)

# A free rod, heavy at one end; a cart on a rail that a servo moves; a wheel that a motor turns.
SCENE = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian" autolimits="true"/><worldbody><geom type="plane" size="5 5 1"/>
      <body name="rod" pos="0 0 1"><freejoint/><inertial pos="0.1 0 0" mass="2" diaginertia="0.1 0.1 0.1"/>
        <geom type="sphere" size="0.05"/><site name="end" pos="0.2 0 0" quat="0 1 0 0"/>
      </body>
      <body name="wheel" pos="0 3 1"><joint name="spin" axis="0 1 0"/>
        <inertial pos="0 0 0" mass="1" diaginertia="0.5 0.5 0.5"/><geom type="sphere" size="0.05"/>
      </body>
      <body name="cart" pos="0 2 1"><joint name="rail" type="slide" axis="0 0 1" range="-1 1"/>
        <inertial pos="0 0 0" mass="1.5" diaginertia="0.1 0.1 0.1"/><geom type="box" size="0.1 0.1 0.1"/>
        <body name="load" pos="0 0 -0.15"><geom type="sphere" size="0.05"/>
          <inertial pos="0 0 0" mass="0.5" diaginertia="0.1 0.1 0.1"/>
        </body>
      </body>
    </worldbody><actuator>
      <motor name="turn" joint="spin" gear="2" ctrlrange="-3 3" forcerange="-2 2"/>
      <position name="lift" joint="rail" kp="200" kv="20" forcerange="-50 50" ctrlrange="-1 1"/>
    </actuator></mujoco>""",
    joints=("rail", "spin"),
    actuators=("lift", "turn"),
    bodies=("rod", "load"),
    sites=("end",),
    free_bodies=("rod",),
    contacts=(ContactSensor("rod", "rod"), ContactSensor("cart", "cart", subtree=True)),
)
ROD, LOAD = 0, 1
STILL = torch.zeros(2, 2)


@pytest.fixture(scope="module")
def gymapi() -> Iterator[Any]:
    with standin() as module:
        yield module


Build = Callable[..., Any]


@pytest.fixture
def build(gymapi: Any) -> Iterator[Build]:
    """`build(spec, num_envs, physics)`; all of them are closed in the end."""
    made = []

    def builder(spec: SceneSpec = SCENE, num_envs: int = 2, physics: PhysicsSettings = PHYSICS) -> Any:
        made.append(make("isaacgym", spec, physics, num_envs, "cpu"))
        return made[-1]

    yield builder
    for sim in made:
        sim.close()
    gymapi.acquire_gym().global_positions = False


def start(k: int = 2, **changes: torch.Tensor) -> ResetState:
    pose = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]).repeat(k, 1, 1)
    state = ResetState(torch.zeros(k, 2), torch.zeros(k, 2), pose, torch.zeros(k, 1, 6))
    return replace(state, **changes)


def spinning(k: int = 2) -> ResetState:
    """The rod turns about z at 2 rad/s; its origin, 10 cm from its centre of mass, is at rest."""
    velocity = torch.zeros(k, 1, 6)
    velocity[..., 5] = 2.0
    return start(k, free_vel=velocity)


def views(sim: Any) -> dict[str, torch.Tensor]:
    return {name: getattr(sim, name).clone() for name in KEYS}


def calls_of(sim: Any) -> list[str]:
    """The calls since the last question."""
    calls = list(sim._sim.calls)
    sim._sim.calls.clear()
    return calls


# The protocol of the tensor API.


def test_a_step_writes_once_steps_and_reads_once(build: Build) -> None:
    sim = build()
    calls_of(sim)
    sim.reset(torch.tensor([1]), start(1))
    sim.reset(torch.tensor([0]), start(1))  # one indexed call must serve both
    assert calls_of(sim) == []
    sim.step(STILL, 2)
    one = ["set_dof_actuation_force_tensor", "simulate", "fetch_results"]
    assert calls_of(sim) == [
        "set_actor_root_state_tensor_indexed", "set_dof_state_tensor_indexed", "set_dof_position_target_tensor",
        *one, *one,
        "refresh_actor_root_state_tensor", "refresh_rigid_body_state_tensor", "refresh_net_contact_force_tensor",
        "refresh_dof_state_tensor",
    ]  # fmt: skip
    sim.step(STILL, 1)
    assert not any("indexed" in call for call in calls_of(sim))


@pytest.mark.slow
def test_the_standin_refuses_what_isaac_gym_would_not_forgive(gymapi: Any, build: Build) -> None:
    from isaacgym import gymtorch

    sim = build()
    gym, handle = sim._gym, sim._sim
    root, rows = gymtorch.unwrap_tensor(sim._root), torch.zeros(1, dtype=torch.int32)
    misuse = gymapi.GymMisuse
    gym.set_actor_root_state_tensor_indexed(handle, root, gymtorch.unwrap_tensor(rows), 1)
    with pytest.raises(misuse, match="twice in a step"):
        gym.set_actor_root_state_tensor_indexed(handle, root, gymtorch.unwrap_tensor(rows), 1)
    with pytest.raises(misuse, match=r"between.*and simulate"):
        gym.refresh_dof_state_tensor(handle)
    del rows
    gc.collect()
    with pytest.raises(misuse, match="freed before simulate"):
        gym.simulate(handle)
    with pytest.raises(misuse, match="int32"):
        gym.set_dof_state_tensor_indexed(handle, gymtorch.unwrap_tensor(sim._dof), gymtorch.unwrap_tensor(torch.zeros(1, dtype=torch.int64)), 1)  # fmt: skip  # noqa: E501
    with pytest.raises(misuse, match="full size"):
        gym.set_dof_position_target_tensor(handle, gymtorch.unwrap_tensor(torch.zeros(3)))
    with pytest.raises(misuse, match="contiguous"):
        gymtorch.unwrap_tensor(torch.zeros(2, 3).T)
    with pytest.raises(misuse, match="after prepare_sim"):
        gym.add_ground(handle, gymapi.PlaneParams())
    with pytest.raises(TypeError, match="takes float"):
        gymapi.SimParams().dt = "0.01"
    with pytest.raises(AttributeError, match="no attribute 'gravty'"):
        gymapi.SimParams().gravty = gymapi.Vec3()
    with pytest.raises(TypeError, match="missing a required"):
        gym.get_actor_dof_properties(sim._world.envs[0])
    sim.close()
    with pytest.raises(misuse, match="destroyed"):
        gym.simulate(handle)


def test_a_second_simulation_is_refused_with_the_setting_that_avoids_it(build: Build) -> None:
    first = build()
    with pytest.raises(SimulatorError, match=r"training\.evalInterval=0"):
        build()
    first.close()
    first.close()
    assert build().num_envs == 2


def test_a_simulator_that_fails_half_made_leaves_room_for_the_next(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlkit.sims.isaacgym import simulator

    def refuse(*_: Any) -> None:
        raise SimulatorError("no memory left")

    with monkeypatch.context() as patch:
        patch.setattr(simulator, "Quantities", refuse)
        with pytest.raises(SimulatorError, match="no memory left"):
            build()
    assert build().num_envs == 2


def test_settings_become_those_of_physx(build: Build, gymapi: Any) -> None:
    physics = PhysicsSettings(dt=0.005, substeps=3, iterations=300, solver="cg", num_threads=5)
    params = build(SCENE, 2, physics)._sim.params
    assert (params.dt, params.substeps, params.up_axis) == (0.005, 3, gymapi.UP_AXIS_Z)
    assert (params.gravity.x, params.gravity.y, params.gravity.z) == (0.0, 0.0, -9.81)
    physx = params.physx
    assert (physx.solver_type, physx.num_position_iterations, physx.num_threads) == (1, 255, 5)
    assert physx.contact_collection is gymapi.CC_LAST_SUBSTEP


# Motion, by hand.


def test_a_falling_body_and_its_site(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(2), start())
    sim.step(STILL, 10)  # 20 integrator steps of 5 ms: v = -g t, and the depth of that integrator
    assert float(sim.body_lin_vel[1, ROD, 2]) == pytest.approx(-G * 0.1, rel=1e-5)
    depth = G * 0.005**2 * 20 * 21 / 2
    assert sim.body_pos[1, ROD].tolist() == pytest.approx([0.0, 0.0, 1.0 - depth], abs=1e-5)
    assert sim.site_pos[1, 0].tolist() == pytest.approx([0.2, 0.0, 1.0 - depth], abs=1e-5)
    assert sim.site_quat[1, 0].tolist() == pytest.approx([0.0, 1.0, 0.0, 0.0], abs=1e-5)


def test_velocities_are_of_the_origin_where_physx_has_the_centre_of_mass(build: Build) -> None:
    """The centre of mass, 10 cm along x, goes on at omega x r = 0.2 m/s along y; the origin circles about it."""
    sim = build(
        replace(SCENE, mjcf=SCENE.mjcf.replace("<worldbody>", '<option gravity="0 0 0"/><worldbody>', 1))
    )
    sim.reset(torch.arange(2), spinning())
    assert sim.body_lin_vel[0, ROD].tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    sim.step(STILL, 1)
    assert sim._root[0, 0, 7:10].tolist() == pytest.approx([0.0, 0.2, 0.0], abs=1e-4)
    sim.step(STILL, 9)
    angle = 2.0 * 0.1
    assert sim.body_quat[0, ROD].tolist() == pytest.approx(
        [math.cos(angle / 2), 0, 0, math.sin(angle / 2)], abs=1e-4
    )
    expected = [0.2 * math.sin(angle), 0.2 - 0.2 * math.cos(angle), 0.0]
    assert sim.body_lin_vel[0, ROD].tolist() == pytest.approx(expected, abs=5e-4)
    assert sim.body_ang_vel[0, ROD].tolist() == pytest.approx([0.0, 0.0, 2.0], abs=1e-4)


def test_a_servo_sags_by_weight_over_stiffness_and_stops_at_its_limit(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(2), start())
    sim.step(torch.tensor([[0.1, 0.0], [5.0, 0.0]]), 300)  # 5 is beyond the control's range: 1
    assert float(sim.joint_pos[0, 0]) == pytest.approx(0.1 - 2.0 * G / 200.0, abs=1e-4)
    assert float(sim.body_pos[0, LOAD, 2]) == pytest.approx(0.95 - 2.0 * G / 200.0, abs=1e-4)
    assert float(sim.joint_pos[1, 0]) == pytest.approx(1.0 - 2.0 * G / 200.0, abs=1e-4)
    sim.reset(torch.tensor([1]), start(1))
    sim.step(torch.tensor([[0.1, 0.0], [1.0, 0.0]]), 1)  # 200 N asked, 50 N given: a = 25 - g
    assert float(sim.joint_vel[1, 0]) == pytest.approx((25.0 - G) * 0.01, rel=1e-3)


def test_a_motor_turns_with_its_gear_within_its_limit(build: Build) -> None:
    """Inertia 0.5: control 0.5 is 1 N m and 2 rad/s²; control 3 is 6 N m, cut to gear times 2 = 4 N m."""
    sim = build()
    sim.reset(torch.arange(2), start())
    sim.step(torch.tensor([[0.0, 0.5], [0.0, 3.0]]), 5)
    assert sim.joint_vel[:, 1].tolist() == pytest.approx([2.0 * 0.05, 8.0 * 0.05], rel=1e-4)


def test_contact_forces_carry_the_weight_and_add_up_below_a_body(build: Build) -> None:
    sim = build()
    state = start(joint_pos=torch.tensor([[-0.9, 0.0]]).repeat(2, 1))
    half = math.sqrt(0.5)
    state.free_pose.copy_(torch.tensor([0.0, 0.0, 0.05, half, 0.0, half, 0.0]))  # the heavy end hangs down
    sim.reset(torch.arange(2), state)
    sim.step(torch.tensor([[-0.9, 0.0]]).repeat(2, 1), 200)
    rod, cart = sim.contact_force[0].tolist()
    assert rod == pytest.approx([0.0, 0.0, 2.0 * G], abs=0.05)
    servo = 200.0 * (float(sim.joint_pos[0, 0]) + 0.9)
    assert cart == pytest.approx([0.0, 0.0, 2.0 * G + servo], abs=0.05)
    sim.reset(torch.tensor([0]), start(1))
    assert not sim.contact_force[0].any() and sim.contact_force[1].any()


def test_the_humanoid_in_the_air_moves_as_in_mujoco(build: Build) -> None:
    """Masses, inertias, armatures, servos and limits arrive: 0.1 s towards the stance, no servo at its limit."""
    spec = task_class("HumanoidStand").scene({"robot": "h1"})
    ours, theirs = build(spec, 2), MujocoSimulator(spec, PHYSICS, 2)
    generator = torch.Generator().manual_seed(0)
    stance = torch.tensor(H1.stance, device=ours.device).repeat(2, 1)
    joints = stance + 0.03 * torch.randn(2, 19, generator=generator)
    pose = torch.tensor([0.0, 0.0, 3.0, 1.0, 0.0, 0.0, 0.0]).repeat(2, 1, 1)
    state = ResetState(joints, torch.zeros(2, 19), pose, 0.3 * torch.randn(2, 1, 6, generator=generator))
    for sim in (ours, theirs):
        sim.reset(torch.arange(2), state)
    for name in KEYS:
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name), atol=1e-5, rtol=1e-5)
    for sim in (ours, theirs):
        sim.step(stance, 10)
    torch.testing.assert_close(ours.joint_pos, theirs.joint_pos, atol=2e-3, rtol=0)
    torch.testing.assert_close(ours.body_pos, theirs.body_pos, atol=2e-3, rtol=0)
    torch.testing.assert_close(ours.body_lin_vel, theirs.body_lin_vel, atol=2e-2, rtol=0)
    assert (joints - ours.joint_pos).abs().max() > 0.03


def test_a_weightless_arm_holds_its_pose_and_touches_itself_as_the_model_says(build: Build) -> None:
    """Gravity would pull the Panda 4 mrad down; its base touches the arm, the arm's links not each other."""
    sim = build(task_class("Reach").scene(task_config("task=Reach")))
    joints = torch.tensor([[0.0, 0.5, 0.0, -1.5, 0.0, 1.5, 0.0, 0.02, 0.02]]).repeat(2, 1)
    pose = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]).repeat(2, 1, 1)
    sim.reset(torch.arange(2), ResetState(joints, torch.zeros_like(joints), pose, torch.zeros(2, 1, 6)))
    sim.step(joints, 50)
    torch.testing.assert_close(sim.joint_pos, joints, atol=1e-5, rtol=0)
    actor = sim._world.envs[1], sim._world.actors[1][0]
    shapes = sim._gym.get_actor_rigid_shape_properties(*actor)
    spans = sim._gym.get_actor_rigid_body_shape_indices(*actor)
    of = {name: shapes[span.start].filter for name, span in zip(sim._world.bodies, spans) if span.count}
    assert of["link3"] & of["hand"] and not of["link0"] & of["hand"] and not of["link0"] & of["link5"]


# Resets and states.


def test_a_reset_shows_at_once_what_physx_shows_a_step_later(build: Build) -> None:
    sim = build(physics=PhysicsSettings(dt=1e-6, substeps=1))
    state = spinning()
    state.joint_pos.copy_(torch.tensor([[0.2, 1.0], [-0.3, -2.0]]))
    state.joint_vel.copy_(torch.tensor([[0.5, -1.0], [0.1, 3.0]]))
    state.free_pose.copy_(torch.tensor([0.3, -0.2, 1.5, 0.5, 0.5, -0.5, 0.5]))
    sim.reset(torch.tensor([1, 0]), state)
    at_once = views(sim)
    assert at_once["joint_pos"].tolist() == [pytest.approx([-0.3, -2.0]), pytest.approx([0.2, 1.0])]
    sim.step(STILL, 1)
    for name, values in views(sim).items():
        torch.testing.assert_close(values, at_once[name], atol=1e-4, rtol=0)


@pytest.mark.parametrize("everywhere", [False, True])
def test_positions_count_from_the_env_whatever_the_sim_counts_from(
    build: Build, gymapi: Any, everywhere: bool
) -> None:
    gymapi.acquire_gym().global_positions = everywhere
    sim = build(num_envs=3)
    sim.reset(torch.arange(3), start(3))
    sim.step(torch.zeros(3, 2), 1)
    assert sim._root[:, 0, 0].tolist() == pytest.approx([0.0, 4.0, 8.0] if everywhere else [0.0, 0.0, 0.0])
    assert sim.body_pos[:, ROD, 0].tolist() == pytest.approx([0.0, 0.0, 0.0])
    shown = sim.state()
    sim.load_state(shown)
    assert sim.body_pos[:, ROD, 0].tolist() == pytest.approx([0.0, 0.0, 0.0])
    assert sim.render_states([2])["qpos"][0, 0] == pytest.approx(0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e12])
def test_a_broken_state_never_reaches_the_sim_and_marks_its_env_alone(build: Build, value: float) -> None:
    sim, state = build(), start(1)
    state.free_vel[0, 0, 1] = value
    sim.reset(torch.tensor([1]), state)
    sim.step(STILL, 1)  # the stand-in would refuse what is not finite
    assert sim.unstable.tolist() == [False, True]
    sim.step(STILL, 1)
    assert sim.unstable.tolist() == [False, True]
    sim.reset(torch.tensor([1]), start(1))
    sim.step(torch.tensor([[0.0, 0.0], [0.0, math.nan]]), 1)
    assert sim.unstable.tolist() == [False, True]
    sim.step(STILL, 1)
    assert not sim.unstable.any()


def test_a_state_goes_on_where_it_was_with_its_scales(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(2), spinning())
    sim.scale("mass", torch.tensor([1]), torch.tensor([[3.0] * 4]))
    sim.step(torch.tensor([[0.2, 1.0]]).repeat(2, 1), 5)
    saved, shown = sim.state(), views(sim)
    sim.step(torch.tensor([[0.2, 1.0]]).repeat(2, 1), 5)
    expected = views(sim)
    sim.close()
    other = build()
    other.load_state(saved)
    for name, values in views(other).items():
        torch.testing.assert_close(values, shown[name], atol=1e-5, rtol=1e-5)
    other.step(torch.tensor([[0.2, 1.0]]).repeat(2, 1), 5)
    for name, values in views(other).items():
        torch.testing.assert_close(values, expected[name], atol=1e-4, rtol=1e-4)
    with pytest.raises(SimulatorError, match="of 1 envs, here are 2"):
        other.load_state(other.state([1]))


def test_render_states_are_those_of_a_mujoco_model_of_the_scene(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(2), spinning())
    sim.step(torch.tensor([[0.2, 1.0], [0.3, -1.0]]), 7)
    shown = sim.render_states([1])
    model = mujoco.MjModel.from_xml_string(SCENE.mjcf)
    data = mujoco.MjData(model)
    data.qpos, data.qvel = shown["qpos"][0], shown["qvel"][0]
    mujoco.mj_forward(model, data)
    twist = np.zeros(6)
    mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, model.body("rod").id, twist, 0)
    assert sim.body_pos[1, ROD].tolist() == pytest.approx(list(data.body("rod").xpos), abs=1e-5)
    assert sim.body_pos[1, LOAD].tolist() == pytest.approx(list(data.body("load").xpos), abs=1e-5)
    assert sim.body_lin_vel[1, ROD].tolist() == pytest.approx(list(twist[3:]), abs=1e-4)
    assert shown["ctrl"].tolist() == [pytest.approx([-1.0, 0.3])]  # turn, lift: the model's order
    assert shown["time"].tolist() == pytest.approx([0.07])


# Pushes and what varies.


def test_a_push_acts_at_the_centre_of_mass_during_the_next_step_alone(build: Build) -> None:
    sim = build()
    sim.reset(torch.arange(2), start())
    sim.apply_force("rod", torch.tensor([[0.0, 0.0, 0.0], [0.0, 4.0, 0.0]]))
    sim.push(1, "rod", (0.0, 2.0, 0.0))
    for _ in range(2):
        sim.step(STILL, 2)  # 6 N for 0.02 s on 2 kg, and no turn
        assert sim.body_lin_vel[:, ROD, 1].tolist() == pytest.approx([0.0, 0.06], abs=1e-5)
        assert not sim.body_ang_vel[:, ROD].any()
    sim.push(1, "rod", (0.0, -6.0, 0.0))  # nothing of the first push is left
    sim.step(STILL, 2)
    assert sim.body_lin_vel[:, ROD, 1].tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    with pytest.raises(SimulatorError, match="no body 'road' can be pushed"):
        sim.push(0, "road", (0.0, 0.0, 0.0))


def test_scales_reach_masses_inertias_frictions_and_drives(build: Build) -> None:
    sim, ids = build(), torch.tensor([1])
    assert sim.parts("friction") == ("rod", "wheel", "cart", "load")
    assert (sim.parts("stiffness"), sim.parts("damping")) == (("lift", "turn"), ("lift",))
    sim.scale("mass", ids, torch.tensor([[1.0, 4.0, 1.0, 1.0]]))
    sim.scale("mass", ids, torch.tensor([[2.0, 2.0, 2.0, 2.0]]))
    sim.scale("stiffness", ids, torch.tensor([[4.0, 3.0]]))
    sim.scale("friction", ids, torch.tensor([[0.5, 1.0, 1.0, 1.0]]))
    sim.reset(torch.arange(2), start())
    sim.apply_force("rod", torch.tensor([[0.0, 6.0, 0.0]]).repeat(2, 1))
    sim.step(torch.tensor([[0.1, 0.1]]).repeat(2, 1), 1)
    assert sim.body_lin_vel[:, ROD, 1].tolist() == pytest.approx([0.03, 0.015], rel=1e-4)
    # wheel: 0.2 N m on 0.5 kg m² is 0.4 rad/s², and three times that on twice the inertia
    assert sim.joint_vel[:, 1].tolist() == pytest.approx([0.4 * 0.01, 0.6 * 0.01], rel=1e-4)
    sim.step(torch.tensor([[0.1, 0.1]]).repeat(2, 1), 300)
    assert sim.joint_pos[:, 0].tolist() == pytest.approx([0.1 - 2 * G / 200, 0.1 - 4 * G / 800], abs=1e-3)
    shapes = sim._gym.get_actor_rigid_shape_properties(sim._world.envs[1], 0)
    assert [shape.friction for shape in shapes] == [0.5]
    with pytest.raises(SimulatorError, match="no quantity 'colour'"):
        sim.parts("colour")


# Refusals.


def test_what_the_tensors_do_not_hold_is_refused_by_name(build: Build) -> None:
    paired = replace(SCENE, contacts=(ContactSensor("grip", "rod", other="cart"),))
    with pytest.raises(SimulatorError, match=r"sensor 'grip' asks for the force of 'cart' alone.*sim=mujoco"):
        build(paired)
    sim = build()
    with pytest.raises(
        SimulatorError, match="does not count contact points; any other simulator can, as sim=mujoco"
    ):
        sim.contact_count  # noqa: B018
    with pytest.raises(SimulatorError, match=r"ctrl must be \(2, 2\)"):
        sim.step(torch.zeros(1, 2), 1)
    with pytest.raises(SimulatorError, match="listed twice"):
        sim.reset(torch.tensor([0, 0]), start())


@pytest.mark.parametrize("part", ["joints", "bodies", "sites", "actuators", "free_bodies"])
def test_a_name_that_the_model_lacks_is_refused_with_the_nearest(build: Build, part: str) -> None:
    names = getattr(SCENE, part)
    with pytest.raises(SimulatorError, match=f"{names[0]}s.*nearest is '{names[0]}'"):
        build(replace(SCENE, **{part: (names[0] + "s", *names[1:])}))


# Tasks.

TASKS = [
    "BaseTask",
    "HumanoidStand",
    "HumanoidWalk",
    "HumanoidRun",
    "HumanoidVelocity",
    "QuadrupedVelocity",
    "Reach",
    "ReachOrigin",
]


@pytest.mark.parametrize("name", TASKS)
def test_the_tasks_that_need_no_contact_pairs_run(build: Build, name: str) -> None:
    from rlkit.env.task_env import TaskEnv

    task, config = task_class(name), task_config(f"task={name}")
    sim = build(task.scene(config), 3)
    env = TaskEnv(sim, task(config, sim, torch.Generator().manual_seed(0)))
    env.reset()
    for step in range(3):
        observations, rewards, terminated, _, _ = env.step(torch.full((3, env.spec.num_actions), 0.1 * step))
        assert torch.isfinite(observations["policy"]).all() and torch.isfinite(rewards).all()
        assert not terminated.any()


@pytest.mark.parametrize("name", ["BoxGrasping", "PickCube"])
def test_the_tasks_that_tell_contacts_apart_are_refused(build: Build, name: str) -> None:
    with pytest.raises(SimulatorError, match="Isaac Gym's tensors hold the net force on a body"):
        build(task_class(name).scene(task_config(f"task={name}")), 1)


def test_torch_is_there_again_where_the_standin_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise ImportError(f"no {name}")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ImportError, match="no isaacgym"), standin():
        pass
    assert sys.modules["torch"] is torch


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    """What `rlkit doctor sim=isaacgym` asks of it in one process, where only one simulation may be open at a time.

    The files alone that have such tests and no others of this suite repeat.
    """
    path = str(FOLDER) + os.pathsep + os.environ.get("PYTHONPATH", "")
    files = ["tests/contract/test_simulators.py", "tests/contract/test_tasks.py"]
    command = [sys.executable, "-m", "pytest", "-p", "isaacgym", *files, "-k", "isaacgym"]
    environ = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_training_loads_isaac_gym_before_torch(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "order.txt"
    monkeypatch.setenv("PYTHONPATH", str(FOLDER) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("ISAACGYM_STANDIN_LOG", str(log))
    project = Project.copied(tmp_path / "project")
    process = project.start(
        "task=Reach", "sim=isaacgym", "device=cpu", "numEnvs=4", "maxIter=1", "train.horizon_length=4",
        "train.minibatch_size=16", "training.evalInterval=0", python=[sys.executable],  # torch is not imported there
    )  # fmt: skip
    error = process.communicate(timeout=120)[1]
    assert process.returncode == 0, error
    assert log.read_text() == "torch came first: False\n"
