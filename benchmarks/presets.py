"""What the physics presets mean: contact, friction, servos and speed of each, in figures one can picture.

Everything is measured through `Simulator`, with the settings of conf/physics/<preset>.yaml. The column
"reference" is `accurate` with integrator steps of 0.25 ms: what is left there comes from MuJoCo's soft contacts,
not from the preset.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import time
from typing import Callable

import torch
from torch import Tensor

from rlkit.config import compose
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.box_grasping import BoxGrasping
from rlkit.tasks.robots import dexhand

PRESETS = ("fast", "default", "accurate")
GRAVITY = 9.81  # m/s², as in MuJoCo's models
CONTROL_PERIOD = 0.02  # s, BoxGrasping's
BASE = len(dexhand.BASE_JOINTS)

SLAB_HALF = 0.01  # m
SLAB = f"""<mujoco><worldbody>
<geom name="slope" type="plane" size="2 2 0.1"/>
<body name="slab" pos="0 0 {SLAB_HALF}"><freejoint/>
<inertial pos="0 0 0" mass="0.1" diaginertia="8.7e-5 8.7e-5 1.7e-4"/>
<geom type="box" size="0.05 0.05 {SLAB_HALF}" condim="4" friction="1 0.01 0.0001"/></body></worldbody></mujoco>"""
SLIPS = 0.05  # m/s after 2 s: faster than any creep, as slow as 0.15° beyond the angle of friction

# A pinch between the thumb and three fingers, 6 cm below the hand's axis; rad, in the order of the controls.
OPEN = (1.18, 0.05, 0.05, 0.0, *[0.1] * 8)
CLOSED = (1.18, 0.75, 0.69, 0.0, *[1.3, 0.47] * 4)
PINCHED = (0.183, 0.001, 0.44)  # m, world: the box's centre at the start
GRASPS = 9  # variations of a millimetre in where the box starts


def preset(name: str) -> PhysicsSettings:
    """BoxGrasping's physics settings under `physics=<name>`, on one thread."""
    sim = compose(["task=BoxGrasping", f"physics={name}", "device=cpu"]).sim
    names = [field.name for field in dataclasses.fields(PhysicsSettings)]
    return dataclasses.replace(PhysicsSettings(**{name: getattr(sim, name) for name in names}), num_threads=1)


def with_step(physics: PhysicsSettings, step: float) -> PhysicsSettings:
    """The same settings with integrator steps of `step` seconds."""
    return dataclasses.replace(physics, substeps=round(physics.dt / step))


def reference(step: float = 0.00025) -> PhysicsSettings:
    """`accurate` with integrator steps of `step` seconds and a solver that is never cut short."""
    return dataclasses.replace(with_step(preset("accurate"), step), iterations=100, ls_iterations=50)


def seen_step_by_step(physics: PhysicsSettings) -> PhysicsSettings:
    """The same physics, with each integrator step a simulator step, so that none is missed."""
    return dataclasses.replace(physics, dt=physics.dt / physics.substeps, substeps=1)


class Scene:
    """BoxGrasping's scene in `num_envs` copies: the hand, held at its mount 0.5 m up, and the box."""

    def __init__(self, physics: PhysicsSettings, num_envs: int) -> None:
        config = compose(["task=BoxGrasping", "device=cpu"]).task
        self.half = 0.5 * float(config["box"]["size"])  # m
        self.sim = MujocoSimulator(BoxGrasping.scene(config), physics, num_envs)
        self.all = torch.arange(num_envs)
        self._coupling = dexhand.coupling_matrix(torch.device("cpu"))

    @property
    def box(self) -> Tensor:
        """`[N, 3]` m, world: the box's centre, a copy."""
        return self.sim.body_pos[:, self.sim.body("box")].clone()

    def targets(self, base: Tensor, controls: Tensor) -> Tensor:
        """`[N, 25]` m and rad: actuator targets from base joints `[6]` and finger controls `[12]`."""
        joints = torch.cat((base, self._coupling @ controls))
        return joints.expand(self.sim.num_envs, -1)

    def start(self, box: Tensor, controls: Tensor) -> None:
        """Everything at rest: the box at `box` (`[N, 3]` m), fingers at `controls` (`[12]` rad)."""
        joints = self.targets(torch.zeros(BASE), controls)
        pose = torch.zeros(len(box), 1, 7)
        pose[:, 0, :3], pose[:, 0, 3] = box, 1.0
        velocity = torch.zeros(len(box), 1, 6)
        self.sim.reset(self.all, ResetState(joints, torch.zeros_like(joints), pose, velocity))

    def set_gravity(self, downward: float) -> None:
        """Let the box feel `downward` m/s² from now on (the hand is compensated)."""
        self.sim.model_field("opt.gravity")[:, 2] = -downward
        self.sim.apply_model_fields(self.all)


def free_fall_error(physics: PhysicsSettings) -> float:
    """How far (mm) the box is from −g t² / 2 after t = 0.2 s of fall, about 20 cm."""
    scene, seconds, height = Scene(physics, 1), 0.2, 0.4
    scene.start(torch.tensor([[1.0, 0.0, height]]), torch.tensor(OPEN))
    scene.sim.step(scene.targets(torch.zeros(BASE), torch.tensor(OPEN)), round(seconds / physics.dt))
    exact = height - 0.5 * GRAVITY * seconds**2
    return 1000.0 * abs(scene.box[0, 2].item() - exact)


def penetration(physics: PhysicsSettings) -> dict[str, float]:
    """How deep (mm) the box is in the ground: on landing from 20 cm (the deepest of ten falls), and at rest."""
    physics = seen_step_by_step(physics)
    scene = Scene(physics, 10)
    start = torch.zeros(10, 3)
    start[:, 0], start[:, 2] = 1.0, scene.half + 0.2 + 0.001 * torch.arange(10)  # contact at other moments
    scene.start(start, torch.tensor(OPEN))
    ctrl = scene.targets(torch.zeros(BASE), torch.tensor(OPEN))
    deepest = 0.0
    for _ in range(round(2.0 / physics.dt)):
        scene.sim.step(ctrl, 1)
        deepest = max(deepest, (scene.half - scene.box[:, 2]).max().item())
    return {"landing": 1000.0 * deepest, "rest": 1000.0 * (scene.half - scene.box[:, 2]).mean().item()}


def slide(physics: PhysicsSettings, angles: Tensor, directions: Tensor, seconds: float) -> Tensor:
    """`[N, 3]` m/s: velocity of a slab with friction 1 after `seconds` on slopes of `angles` rad, steepest towards
    `directions` rad from x (both `[N]`). The slope is a level plane under tilted gravity."""
    n = len(angles)
    spec = SceneSpec(mjcf=SLAB, joints=(), actuators=(), bodies=("slab",), free_bodies=("slab",))
    sim = MujocoSimulator(spec, physics, n)
    down = torch.stack(
        (angles.sin() * directions.cos(), angles.sin() * directions.sin(), -angles.cos()), dim=-1
    )
    sim.model_field("opt.gravity")[:] = GRAVITY * down
    sim.apply_model_fields(torch.arange(n))
    sim.step(torch.zeros(n, 0), round(seconds / physics.dt))
    return sim.body_lin_vel[:, 0].clone()


def slip_angle(physics: PhysicsSettings, direction: float) -> float:
    """The slope (degrees, to 0.25) at which a slab with friction 1 starts to slide towards `direction` (degrees
    from the contact's x axis); 45 by Coulomb's law."""
    angles = torch.arange(30.0, 50.0, 0.25)
    heading = torch.full_like(angles, math.radians(direction))
    slides = slide(physics, angles.deg2rad(), heading, 2.0).norm(dim=-1) > SLIPS
    return angles[slides].min().item()


def slope_creep(physics: PhysicsSettings, direction: float) -> float:
    """Speed (mm/s) of a slab with friction 1 that should stand still on a slope of 30°."""
    velocity = slide(
        physics, torch.tensor([math.radians(30.0)]), torch.tensor([math.radians(direction)]), 2.0
    )
    return 1000.0 * velocity.norm().item()


def servo_trace(physics: PhysicsSettings) -> Tensor:
    """`[50, 6]` m and rad: base joints in 1 s of all joints going to and fro at BoxGrasping's speed limits."""
    scene = Scene(physics, 1)
    base, controls = torch.zeros(BASE), torch.full((len(dexhand.CONTROLS),), 0.1)
    scene.start(torch.tensor([[1.0, 0.0, scene.half]]), controls)
    speed = torch.tensor([0.5, 0.5, 0.5, 1.5, 1.5, 1.5])
    trace = []
    for step in range(50):
        sign = 1.0 if step % 24 < 12 else -1.0
        base = base + sign * speed * CONTROL_PERIOD
        controls = controls + sign * 3.0 * CONTROL_PERIOD
        scene.sim.step(scene.targets(base, controls), physics.steps_per_control(CONTROL_PERIOD))
        trace.append(scene.sim.joint_pos[0, :BASE].clone())
    return torch.stack(trace)


def servo_deviation(physics: PhysicsSettings, truth: Tensor) -> dict[str, float]:
    """The largest difference of `servo_trace` from `truth`: mm of the slides, mrad of the hinges."""
    apart = 1000.0 * (servo_trace(physics) - truth).abs().amax(dim=0)
    return {"slides": apart[:3].max().item(), "hinges": apart[3:].max().item()}


def pinch(physics: PhysicsSettings, hold_seconds: float) -> tuple[Tensor, Tensor]:
    """Close the fingers on a floating box, let it feel gravity, hold, then lift by 20 cm in 0.5 s.

    Returns `[GRASPS]` mm/s of creep in the hold, 0.5 s after gravity sets in, and `[GRASPS, 3]` m: where
    the box is at the end.
    """
    scene = Scene(physics, GRASPS)
    sim, steps = scene.sim, physics.steps_per_control(CONTROL_PERIOD)
    opened, closed, base = torch.tensor(OPEN), torch.tensor(CLOSED), torch.zeros(BASE)
    scene.set_gravity(0.0)
    offsets = torch.zeros(GRASPS, 3)
    offsets[:, 0] = 0.001 * (torch.arange(GRASPS) % 3 - 1)
    offsets[:, 1] = 0.001 * (torch.arange(GRASPS) // 3 - 1)
    scene.start(torch.tensor(PINCHED) + offsets, opened)
    for step in range(60):
        sim.step(scene.targets(base, opened + (closed - opened) * min(1.0, (step + 1) / 40)), steps)
    scene.set_gravity(GRAVITY)
    sim.step(scene.targets(base, closed), 25 * steps)
    before = scene.box
    sim.step(scene.targets(base, closed), round(hold_seconds / physics.dt))
    creep = 1000.0 * (scene.box - before).norm(dim=-1) / hold_seconds
    for step in range(25):
        base[2] = 0.2 * (step + 1) / 25
        sim.step(scene.targets(base, closed), steps)
    return creep, scene.box


def speeds(num_envs: int = 128, rounds: int = 15) -> dict[str, float]:
    """BoxGrasping's env-steps per CPU-second, `accurate` = 1: medians over alternating rounds of random actions."""
    from benchmarks.measure import make_env  # needs Gymnasium, which the other figures do without

    torch.set_num_threads(1)
    envs = {
        name: make_env(
            compose(["task=BoxGrasping", f"physics={name}", "device=cpu", "sim.numThreads=1"]), num_envs
        )
        for name in PRESETS
    }
    for env in envs.values():
        env.reset()
        env.stagger()
    actions = 2.0 * torch.rand(20, num_envs, envs["fast"].spec.num_actions) - 1.0
    seconds: dict[str, list[float]] = {name: [] for name in PRESETS}
    for _ in range(rounds):
        for name, env in envs.items():
            started = time.process_time()
            for action in actions:
                env.step(action)
            seconds[name].append(time.process_time() - started)
    return {  # the first two rounds warm up
        name: statistics.median(base / own for base, own in zip(seconds["accurate"][2:], values[2:]))
        for name, values in seconds.items()
    }


def measure() -> dict[str, dict[str, float]]:
    """All figures: name with unit -> column -> value."""
    columns = {**{name: preset(name) for name in PRESETS}, "reference": reference()}
    truth = servo_trace(reference(0.0005))
    figures: dict[str, Callable[[PhysicsSettings], float]] = {
        "error of a 0.2 s free fall, mm": free_fall_error,
        "slips on a slope along x, ° (Coulomb: 45)": lambda p: slip_angle(p, 0.0),
        "slips on a slope along the diagonal, °": lambda p: slip_angle(p, 45.0),
        "creep on a 30° slope along x, mm/s": lambda p: slope_creep(p, 0.0),
        "creep on a 30° slope along the diagonal, mm/s": lambda p: slope_creep(p, 45.0),
    }
    table = {name: {column: figure(p) for column, p in columns.items()} for name, figure in figures.items()}
    boxes: dict[str, Tensor] = {}
    for column, physics in columns.items():
        deep, servo = penetration(physics), servo_deviation(physics, truth)
        creep, boxes[column] = pinch(physics, 10.0)
        for name, value in (
            ("box in the ground at rest, mm", deep["rest"]),
            ("box in the ground on landing from 20 cm, mm", deep["landing"]),
            ("creep of a pinched box, mm/s, the worst of 9", creep.max().item()),
            ("base slides off a 0.5 ms reference, mm", servo["slides"]),
            ("base hinges off a 0.5 ms reference, mrad", servo["hinges"]),
        ):
            table.setdefault(name, {})[column] = value
    table["pinched and lifted box off the reference, mm, worst"] = {
        column: 1000.0 * (box - boxes["reference"]).norm(dim=-1).max().item() for column, box in boxes.items()
    }
    table["env-steps per CPU-second, accurate = 1"] = speeds()
    return table


def main() -> None:
    """Measure, then print one table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.presets", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    args = parser.parse_args()
    table = measure()
    if args.json:
        print(json.dumps(table, indent=2))
        return
    columns = (*PRESETS, "reference")
    print(f"{'':52}" + "".join(f"{column:>11}" for column in columns))
    for name, values in table.items():
        cells = (f"{values[column]:11.3g}" if column in values else f"{'':11}" for column in columns)
        print(f"{name:52}" + "".join(cells))


if __name__ == "__main__":
    main()
