"""The quadruped's model in MuJoCo: it is what the task thinks it is, stands still, and has an exact mirror image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

mujoco = pytest.importorskip("mujoco")

from rlkit.config import compose  # noqa: E402
from rlkit.runtime.build import build_env  # noqa: E402
from rlkit.runtime.process.ranks import Ranks  # noqa: E402
from rlkit.sims import models  # noqa: E402
from rlkit.tasks.robots.go2 import GO2  # noqa: E402

MASS = 15.206408  # kg
TWIN = {"L": "R", "R": "L"}


def twin(name: str) -> str:
    """The body or joint on the other side."""
    return name[0] + TWIN[name[1]] + name[2:] if name[:2] in ("FL", "FR", "RL", "RR") else name


@pytest.fixture(scope="module")
def model() -> Any:
    return mujoco.MjModel.from_xml_string(models.load("go2"))


def test_the_model_has_the_published_size_and_the_table_of_the_task(model: Any) -> None:
    assert (model.nq, model.nv, model.nu, model.nmesh) == (19, 18, 12, 0)
    assert model.body_subtreemass[0] == pytest.approx(MASS, abs=1e-9)
    for i, (name, servo) in enumerate(GO2.servos.items()):
        assert model.actuator(i).name == name and model.joint(i + 1).name == name
        assert model.actuator_gainprm[i, 0] == servo.stiffness
        assert model.actuator_biasprm[i, 1:3].tolist() == [-servo.stiffness, -servo.damping]
        assert model.actuator_forcerange[i].tolist() == [-servo.limit, servo.limit]
        assert model.actuator_ctrlrange[i] == pytest.approx(model.jnt_range[i + 1])
    assert model.key("stance").qpos[2] == GO2.stance_height
    assert model.key("stance").qpos[7:] == pytest.approx(GO2.stance)
    assert model.key("stance").ctrl == pytest.approx(GO2.stance)
    for body in (GO2.trunk, *GO2.feet, *GO2.thighs, *GO2.calves):
        assert model.body(body).name == body


def test_masses_ranges_limits_and_armature_are_the_published_ones(model: Any) -> None:
    parts = {"hip": (0.678, 23.7), "thigh": (1.152, 23.7), "calf": (0.241352, 45.43)}
    assert model.body("base").mass[0] == 6.921
    assert model.body("base").inertia.tolist() == [0.107027, 0.0980771, 0.0244531]
    for leg in ("FL", "FR", "RL", "RR"):
        ranges = {
            "hip": (-1.0472, 1.0472),
            "thigh": (-1.5708, 3.4907) if leg[0] == "F" else (-0.5236, 4.5379),
            "calf": (-2.7227, -0.83776),
        }
        for part, (mass, limit) in parts.items():
            name = f"{leg}_{part}"
            assert model.body(name).mass[0] == mass
            assert tuple(model.joint(name).range) == ranges[part]
            assert model.actuator(name).forcerange.tolist() == [-limit, limit]
        assert model.body(f"{leg}_foot").mass[0] == 0.0  # it is part of the calf's
    assert model.dof_armature[6:].tolist() == [0.01] * 12


def test_in_the_stance_the_front_feet_touch_and_the_rear_ones_are_a_centimetre_up(model: Any) -> None:
    """As published: feet 0.176 m before and 0.272 m behind the base, 0.173 m aside; the mass's middle at -0.004 m."""
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    for foot in GO2.feet:
        x, y, z = data.body(foot).xpos
        assert z - GO2.sole == pytest.approx(0.0 if foot[0] == "F" else 0.0096, abs=1e-4)
        assert (x, abs(y)) == pytest.approx((0.176, 0.173) if foot[0] == "F" else (-0.272, 0.172), abs=1e-3)
    assert data.subtree_com[0][:2] == pytest.approx([-0.004, 0.0], abs=1e-4)


def test_left_and_right_are_exact_mirror_images(model: Any) -> None:
    """Origins, centres of mass, masses and ranges of 20 poses."""
    source, sign = GO2.joint_mirror()
    draw = np.random.default_rng(0)
    straight, mirrored = mujoco.MjData(model), mujoco.MjData(model)
    straight.qpos[3], mirrored.qpos[3] = 1.0, 1.0
    low, high = model.jnt_range[1:].T
    for _ in range(20):
        joints = draw.uniform(low, high)
        straight.qpos[7:], mirrored.qpos[7:] = joints, joints[source] * sign
        for data in (straight, mirrored):
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
        for body in range(1, model.nbody):
            name = model.body(body).name
            for place in ("xpos", "xipos"):
                expected = getattr(straight.body(twin(name)), place) * [1, -1, 1]
                assert getattr(mirrored.body(name), place) == pytest.approx(expected, abs=1e-12), name
            assert model.body(name).mass == model.body(twin(name)).mass
        assert mirrored.subtree_com[1] == pytest.approx(straight.subtree_com[1] * [1, -1, 1], abs=1e-12)
    assert np.where(np.array(sign) > 0, low[source], -high[source]) == pytest.approx(low)


@pytest.mark.slow
def test_it_stands_still_under_its_servos_and_their_law_is_the_engines() -> None:
    words = ["task=QuadrupedVelocity", "sim=mujoco", "device=cpu", "numEnvs=2", "task.resetNoise.joints=0"]
    env: Any = build_env(compose(words), Ranks())
    env.reset()
    for step in range(200):  # 4 s
        _, _, terminated, _, _ = env.step(torch.zeros(2, 12))
        assert not terminated.any() and not env.task.undesired_contacts().any(), step
    assert env.task.feet_on_ground().all() and env.sim.joint_vel.abs().max() < 0.01
    assert env.task.root_pos[:, 2].tolist() == pytest.approx([0.2745] * 2, abs=2e-3)  # it sinks by 5 cm
    assert (env.task.gravity[:, 2] < -np.cos(np.radians(2.0))).all()
    weight = env.sim.contact_force[:, :4, 2].sum(dim=-1)
    assert weight.tolist() == pytest.approx([MASS * 9.81] * 2, rel=1e-3)
    model = mujoco.MjModel.from_xml_string(env.mjcf)
    data = mujoco.MjData(model)
    poses = env.poses([0])
    data.qpos[:], data.qvel[:] = poses["qpos"][0], poses["qvel"][0]
    data.ctrl[:] = env.task.targets[0]
    mujoco.mj_forward(model, data)
    assert env.task.joint_torques()[0].numpy() == pytest.approx(data.actuator_force, abs=1e-3)
    env.close()


def test_on_its_back_it_has_failed() -> None:
    env: Any = build_env(
        compose(["task=QuadrupedVelocity", "sim=mujoco", "device=cpu", "numEnvs=1"]), Ranks()
    )
    env.reset()
    state = env.task.begin(torch.arange(1))
    state.free_pose[:, 0] = torch.tensor([0.0, 0.0, 0.15, 0.0, 1.0, 0.0, 0.0])  # half a turn about x
    env.sim.reset(torch.arange(1), state)
    _, _, terminated, _, _ = env.step(torch.zeros(1, 12))
    assert terminated.item()
    env.close()
