"""What rests on terrain, on every simulator that claims it, and how those that do not refuse it."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import mujoco
import pytest
import torch
from known_terrain import SMALL, distance

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.env.task_env import TaskEnv
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec
from rlkit.sims.facts import SIMULATORS, STEPPING
from rlkit.sims.mjcf import unpacked
from rlkit.sims.registry import make
from rlkit.terrain.field import height_field
from rlkit.terrain.ground import Ground
from rlkit.terrain.scene import on_terrain
from rlkit.terrain.settings import KINDS

HERE = Machine.detect().simulators
CLAIMING = [name for name, row in SIMULATORS.items() if row.terrain and name in HERE]
PHYSICS = PhysicsSettings(dt=0.01, substeps=1, iterations=20, ls_iterations=20, num_threads=1)
RADIUS = 0.05  # m, of the ball; half the edge of the box
BALL_AND_BOX = """
<mujoco><worldbody><geom type="plane" size="1 1 1" friction="1"/>
  <body name="ball"><joint type="free" damping="0.2"/><geom type="sphere" size="0.05" mass="0.5"/></body>
  <body name="box"><joint type="free" damping="0.2"/><geom type="box" size="0.05 0.05 0.05" mass="0.5"/></body>
</worldbody></mujoco>"""

# Where the box is put down in each kind of patch, m along x from its middle, and by hand how high the ground is there.
BOX_AT = {
    "flat": (1.0, lambda level: 0.0),
    "rough": (0.0, lambda level: None),  # it lies on three of many points
    "slope_up": (1.2, lambda level: (0.1, 0.4)[level] * 0.8),
    "slope_down": (1.2, lambda level: -(0.1, 0.4)[level] * 0.8),
    "stairs_up": (1.3, lambda level: 2 * (0.05, 0.15)[level]),  # the middle of the second tread
    "stairs_down": (1.3, lambda level: -2 * (0.05, 0.15)[level]),
    "stones": (1.0, lambda level: 0.0),
}


def tilt(kind: str, level: int) -> float:
    """rad about y: of the slope where the box is put down."""
    slope = math.atan((0.1, 0.4)[level])
    return {"slope_up": slope, "slope_down": -slope}.get(kind, 0.0)


def scene() -> SceneSpec:
    mjcf = on_terrain(BALL_AND_BOX, height_field(SMALL))
    contacts = (ContactSensor("ball", "ball"), ContactSensor("box", "box"))
    return SceneSpec(mjcf, (), (), ("ball", "box"), (), ("ball", "box"), contacts)


@pytest.mark.slow
@pytest.mark.parametrize("sim", CLAIMING)
def test_a_ball_and_a_box_come_to_rest_on_every_kind_of_patch(sim: str) -> None:
    field = height_field(SMALL)
    levels = (0, 1) if sim == "mujoco" else (1,)  # Warp takes a while for each on a CPU
    places = [(level, column) for level in levels for column in range(len(KINDS))]
    poses = torch.zeros(len(places), 2, 7)
    poses[..., 3] = 1.0
    ground_of = Ground(field, torch.device("cpu"))
    for pose, (level, column) in zip(poses, places):
        middle = torch.from_numpy(field.origins[level, column].copy())
        x, ground = BOX_AT[KINDS[column]]
        angle = tilt(KINDS[column], level)
        above = RADIUS / math.cos(angle) + 0.02
        beside = middle[:2] + torch.tensor([-0.93, 0.31])
        pose[0, :3] = torch.tensor([*beside, ground_of.height(beside) + RADIUS + 0.06])
        pose[1, :3] = torch.tensor([middle[0] + x, middle[1], (ground(level) or 0.1) + above])
        pose[1, 3:] = torch.tensor([math.cos(angle / 2), 0.0, math.sin(angle / 2), 0.0])
    with closing(make(sim, scene(), PHYSICS, len(places), "cpu")) as sim_:
        nothing = torch.zeros(len(places), 0)
        speeds = torch.zeros(len(places), 2, 6)
        sim_.reset(torch.arange(len(places)), ResetState(nothing, nothing, poses, speeds))
        sim_.step(torch.zeros(len(places), 0), 60)
        found, force = sim_.body_pos.numpy().astype(float), sim_.contact_force[..., 2]
        assert not sim_.unstable.any() and sim_.overflows() == 0
    for env, (level, column) in enumerate(places):
        kind = KINDS[column]
        assert distance(field, found[env, 0]) == pytest.approx(RADIUS, abs=2e-3), (kind, level)
        expected = BOX_AT[kind][1](level)
        if expected is not None:
            angle = tilt(kind, level)
            # what crept along the slope is beside where it was put
            crept = (found[env, 1, 0] - poses[env, 1, 0].item()) * math.tan(angle)
            height = found[env, 1, 2] - RADIUS / math.cos(angle) + crept
            assert height == pytest.approx(expected, abs=2e-3), (kind, level)
            assert force[env, 1].item() == pytest.approx(0.5 * 9.81, rel=0.1), (kind, level)


TERRAIN = (f"task.terrain.kinds=[{','.join(KINDS)}]", "task.terrain.levels=2", "task.terrain.size=4.0")


def robots(task: str, sim: str, *words: str) -> TaskEnv:
    request = compose([f"task={task}", f"sim={sim}", "numEnvs=14", "device=cpu", *TERRAIN, *words])
    env: Any = build_env(request, Ranks())
    return env


def deepest(env: TaskEnv) -> float:
    """m that anything is in the ground, by MuJoCo's own collision of the poses as they are."""
    text, files = unpacked(env.sim.spec.mjcf)
    model = mujoco.MjSpec.from_string(text, assets=files).compile()
    data, found = mujoco.MjData(model), 0.0
    for qpos in env.sim.render_states(range(env.spec.num_envs))["qpos"]:
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        found = max([found, *(-float(contact.dist) for contact in data.contact)])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sim", CLAIMING)
@pytest.mark.parametrize("task", ["QuadrupedRough", "HumanoidRough"])
def test_a_robot_begins_above_its_patch_and_stands_on_it(task: str, sim: str) -> None:
    # joints off the stance put soles into flat ground too
    with closing(robots(task, sim, "task.resetNoise.joints=0")) as env:
        env.reset()
        assert deepest(env) < 0.01
        robot, stand = env.task, torch.zeros(14, env.spec.num_actions)
        for _ in range(
            50 if task == "QuadrupedRough" else 10
        ):  # no humanoid stands for long by its servos alone
            step = env.step(stand)
            assert not step.terminated.any()
        assert deepest(env) < 0.01 and env.sim.overflows() == 0
        assert robot.on_ground.any(dim=1).all()  # type: ignore[attr-defined]
        height = robot.above_ground(robot.root_pos)  # type: ignore[attr-defined]
        lowest, highest = {"QuadrupedRough": (0.2, 0.4), "HumanoidRough": (0.8, 1.1)}[task]
        assert (height > lowest).all() and (height < highest).all()
        weight = {"QuadrupedRough": 15.2 * 9.81, "HumanoidRough": None}[task]
        if weight is not None:
            felt = env.sim.contact_force[..., 2].sum(dim=1).mean().item()
            assert felt == pytest.approx(weight, rel=0.1)


@pytest.mark.parametrize("sim", [name for name in STEPPING if not SIMULATORS[name].terrain])
def test_other_simulators_are_refused_by_name(sim: str) -> None:
    machine = Machine.detect()
    with pytest.raises(ConfigError, match=f"sim={sim}: (has no terrain|cannot run)"):
        compose(
            ["task=QuadrupedVelocity", "task.terrain.kinds=[rough]", f"sim={sim}"],
            machine=type(machine)(**{**vars(machine), "simulators": frozenset(STEPPING)}),
        )
