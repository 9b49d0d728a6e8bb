"""What docs/simulators.md says about the physics presets, on BoxGrasping's scene and on a slope."""

from __future__ import annotations

import math

import pytest
import torch

from benchmarks import presets
from benchmarks.presets import PRESETS, preset
from rlkit.config import compose

pytestmark = pytest.mark.slow

TRUE_CONES = ("fast", "accurate")


@pytest.fixture(scope="module")
def servo_truth() -> torch.Tensor:
    return presets.servo_trace(presets.reference(0.0005))


def test_integrator_steps_differ_and_the_control_period_does_not() -> None:
    physics = [preset(name) for name in PRESETS]
    assert [p.dt / p.substeps for p in physics] == [0.01, 0.005, 0.005]
    assert [p.dt for p in physics] == [0.01] * 3
    experiments = [compose(["task=BoxGrasping", f"physics={name}", "device=cpu"]) for name in PRESETS]
    assert [e.decimation for e in experiments] == [2] * 3  # a control period of 20 ms


def test_box_grasping_uses_accurate_unless_told_otherwise() -> None:
    chosen = compose(["task=BoxGrasping", "device=cpu"]).sim
    assert chosen == compose(["task=BoxGrasping", "physics=accurate", "device=cpu"]).sim


@pytest.mark.parametrize(("name", "error_mm"), [("fast", 9.81), ("default", 4.905), ("accurate", 4.905)])
def test_free_fall_is_off_by_half_a_step_of_the_final_speed(name: str, error_mm: float) -> None:
    """The velocity is updated before the position: z = −g t (t + h) / 2 with integrator step h, here t = 0.2 s."""
    assert presets.free_fall_error(preset(name)) == pytest.approx(error_mm, abs=0.01)


@pytest.mark.parametrize("direction", [0.0, 20.0, 45.0])
@pytest.mark.parametrize("name", TRUE_CONES)
def test_true_cones_slip_at_the_angle_of_friction_in_every_direction(name: str, direction: float) -> None:
    assert presets.slip_angle(preset(name), direction) == pytest.approx(45.0, abs=1.0)


def test_the_pyramid_of_default_slips_earlier_along_the_diagonal() -> None:
    """|fx| + |fy| <= mu N allows only mu N / sqrt(2) along the diagonal."""
    physics = preset("default")
    diagonal = math.degrees(math.atan(1.0 / math.sqrt(2.0)))  # 35.3
    assert presets.slip_angle(physics, 0.0) == pytest.approx(45.0, abs=1.0)
    assert presets.slip_angle(physics, 45.0) == pytest.approx(diagonal, abs=1.0)


def test_what_should_stand_on_a_slope_creeps_less_on_true_cones() -> None:
    creep = {name: presets.slope_creep(preset(name), 0.0) for name in PRESETS}  # mm/s
    assert creep["default"] < 5.0
    assert all(creep[name] < 0.5 * creep["default"] for name in TRUE_CONES)


def test_a_box_sinks_into_the_ground_by_a_tenth_of_a_millimetre_at_rest() -> None:
    depth = {name: presets.penetration(preset(name)) for name in PRESETS}
    for name in PRESETS:
        assert 0.0 < depth[name]["rest"] < 0.15
    assert depth["accurate"]["rest"] <= depth["fast"]["rest"] + 0.001
    assert depth["accurate"]["landing"] < 0.85 * depth["fast"]["landing"]


def test_servo_error_is_small_and_doubles_with_the_step(servo_truth: torch.Tensor) -> None:
    off = {name: presets.servo_deviation(preset(name), servo_truth) for name in PRESETS}
    assert off["fast"]["slides"] < 3.0  # mm
    assert off["fast"]["hinges"] < 10.0  # mrad
    for joints in ("slides", "hinges"):
        assert off["accurate"][joints] == pytest.approx(off["default"][joints], abs=1e-3)  # no contact
        assert off["fast"][joints] / off["accurate"][joints] == pytest.approx(2.0, abs=0.3)


def test_the_hand_comes_to_rest_at_10_ms_steps() -> None:
    physics = preset("fast")
    scene = presets.Scene(physics, 1)
    scene.start(torch.tensor([[1.0, 0.0, scene.half]]), torch.tensor(presets.OPEN))
    base = torch.tensor([0.1, -0.1, -0.1, 0.3, -0.3, 0.3])  # m, rad: a step far beyond what the task allows
    ctrl = scene.targets(base, torch.tensor(presets.CLOSED))
    scene.sim.step(ctrl, round(3.0 / physics.dt))
    assert not scene.sim.unstable.any()
    torch.testing.assert_close(scene.sim.joint_pos, ctrl, rtol=0.0, atol=2e-3)
    assert scene.sim.joint_vel.abs().max() < 1e-3


def test_a_pinched_box_stays_where_it_is_on_true_cones() -> None:
    accurate_creep, accurate_box = presets.pinch(preset("accurate"), 3.0)
    fast_creep, fast_box = presets.pinch(preset("fast"), 3.0)
    default_creep, default_box = presets.pinch(preset("default"), 3.0)
    assert accurate_creep.max() < 0.4  # mm/s
    assert fast_creep.max() < 0.4
    assert (fast_box - accurate_box).norm(dim=-1).max() < 0.003  # m
    assert default_creep.max() > 2.0
    assert (default_box[:, 2] > presets.PINCHED[2] + 0.15).all()  # it creeps, but is not dropped


@pytest.mark.slow
@pytest.mark.alone
def test_speeds_are_relative_to_accurate() -> None:
    speeds = presets.speeds(num_envs=16, rounds=5)
    assert speeds["accurate"] == 1.0
    assert speeds["fast"] > 1.1
