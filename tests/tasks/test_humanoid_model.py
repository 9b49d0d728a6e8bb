"""The humanoids' models in MuJoCo: they are what the tasks think they are, stand, and do not explode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

mujoco = pytest.importorskip("mujoco")

from rlkit.config import compose  # noqa: E402
from rlkit.env.task_env import TaskEnv  # noqa: E402
from rlkit.runtime.build import build_env  # noqa: E402
from rlkit.runtime.process.ranks import Ranks  # noqa: E402
from rlkit.sims import models  # noqa: E402
from rlkit.sims.api import ResetState  # noqa: E402
from rlkit.tasks.robots.humanoid_robot import HumanoidRobot  # noqa: E402
from rlkit.tasks.robots.humanoids import HUMANOIDS  # noqa: E402


def make(task: str = "HumanoidWalk", *words: str) -> Any:
    """The task's env with two robots."""
    return build_env(compose([f"task={task}", "sim=mujoco", "device=cpu", "numEnvs=2", *words]), Ranks())


MASSES = {"h1": 51.437, "g1": 33.341142}  # kg


@pytest.fixture(scope="module", params=HUMANOIDS.values(), ids=list(HUMANOIDS))
def robot(request: pytest.FixtureRequest) -> HumanoidRobot:
    return request.param


@pytest.fixture(scope="module")
def model(robot: HumanoidRobot) -> Any:
    return mujoco.MjModel.from_xml_string(models.load(robot.name))


def test_the_model_has_the_published_size_and_the_tables_of_the_tasks(
    robot: HumanoidRobot, model: Any
) -> None:
    joints = {"h1": 19, "g1": 29}[robot.name]
    assert (model.nq, model.nv, model.nu, model.nmesh) == (joints + 7, joints + 6, joints, 0)
    assert model.body_subtreemass[0] == pytest.approx(MASSES[robot.name], abs=1e-6)
    for i, (name, servo) in enumerate(robot.servos.items()):
        assert model.actuator(i).name == name and model.joint(i + 1).name == name
        assert model.actuator_gainprm[i, 0] == servo.stiffness
        assert model.actuator_biasprm[i, 1:3].tolist() == [-servo.stiffness, -servo.damping]
        assert model.actuator_forcerange[i].tolist() == [-servo.limit, servo.limit]
        assert model.actuator_ctrlrange[i] == pytest.approx(model.jnt_range[i + 1])
    assert model.key("stance").qpos[2] == robot.stance_height
    assert model.key("stance").qpos[7:] == pytest.approx(robot.stance)
    assert model.key("stance").ctrl == pytest.approx(robot.stance)
    for body in robot.key_bodies:
        assert model.body(body).name == body


def test_the_g1_has_its_published_ranges_inertias_and_gains() -> None:
    """A few by hand; a servo's gains let the rotor's inertia swing at 10 Hz with a damping ratio of 2."""
    model = mujoco.MjModel.from_xml_string(models.load("g1"))
    ranges = {
        "left_hip_pitch": (-2.5307, 2.8798),
        "left_hip_roll": (-0.5236, 2.9671),
        "right_hip_roll": (-2.9671, 0.5236),
        "right_knee": (-0.087267, 2.8798),
        "left_ankle_roll": (-0.2618, 0.2618),
        "waist_pitch": (-0.52, 0.52),
        "right_shoulder_roll": (-2.2515, 1.5882),
        "left_wrist_yaw": (-1.61443, 1.61443),
    }
    for joint, expected in ranges.items():
        assert tuple(model.joint(joint).range) == expected, joint
    assert model.body("torso_link").mass[0] == 7.818
    assert model.body("torso_link").inertia.tolist() == [0.121847, 0.109825, 0.0273735]
    turn = 2.0 * np.pi * 10.0  # rad/s
    for i in range(model.nu):
        armature = model.dof_armature[6 + i]
        assert model.actuator_gainprm[i, 0] == pytest.approx(armature * turn**2, rel=1e-5)
        assert -model.actuator_biasprm[i, 2] == pytest.approx(4.0 * armature * turn, rel=1e-5)
    whole = {"7520_14": 5, "7520_22": 4, "5020_pair": 6, "5020": 10, "4010": 4}  # motors of each kind
    kinds = [0.01017752, 0.025101925, 0.00721945, 0.003609725, 0.00425]  # kg m^2
    assert [int((model.dof_armature == kind).sum()) for kind in kinds] == list(whole.values())


def test_in_the_stance_the_soles_touch_the_ground_and_the_shoulders_are_as_high_as_wanted(
    robot: HumanoidRobot, model: Any
) -> None:
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    for foot in robot.feet:
        assert data.body(foot).xpos[2] == pytest.approx(robot.sole, abs=2e-3)
    lowest = min(data.contact.dist[: data.ncon], default=0.0)
    assert -2e-3 < lowest <= 0.0
    height = np.mean([data.body(shoulder).xpos[2] for shoulder in robot.shoulders])
    assert robot.standing_height < height < robot.standing_height + 0.01
    assert data.subtree_com[0][1] == pytest.approx(0.0, abs=1e-3)
    toes, heels = data.body(robot.feet[0]).xpos[0] + 0.1, data.body(robot.feet[0]).xpos[0] - 0.04
    assert heels < data.subtree_com[0][0] < toes


def test_left_and_right_are_mirror_images(robot: HumanoidRobot, model: Any) -> None:
    """Every body of a mirrored pose is where the other side's was; masses and ranges agree too."""
    source, sign = robot.joint_mirror()
    straight, mirrored = mujoco.MjData(model), mujoco.MjData(model)
    straight.qpos[3], mirrored.qpos[3] = 1.0, 1.0
    joints = np.random.default_rng(0).uniform(-0.4, 0.4, len(sign))
    straight.qpos[7:], mirrored.qpos[7:] = joints, joints[source] * sign
    for data in (straight, mirrored):
        mujoco.mj_kinematics(model, data)
    for body in range(1, model.nbody):
        name = model.body(body).name
        twin = name.replace("left", "?").replace("right", "left").replace("?", "right")
        expected = straight.body(twin).xpos * [1, -1, 1]
        assert mirrored.body(name).xpos == pytest.approx(expected, abs=2e-5), name
        assert model.body(name).mass == model.body(twin).mass
    low, high = model.jnt_range[1:].T
    assert np.where(np.array(sign) > 0, low[source], -high[source]) == pytest.approx(low)


def test_it_stands_on_its_feet_for_half_a_second_and_the_law_is_the_engines(robot: HumanoidRobot) -> None:
    words = (f"task.robot={robot.name}", "task.resetNoise.joints=0", "task.resetNoise.height=0")
    env = make("HumanoidStand", *words)
    env.reset()
    for _ in range(25):
        _, rewards, terminated, _, _ = env.step(torch.zeros(2, len(robot.joints)))
        assert not terminated.any() and bool((rewards > 0.9).all())
    assert (env.task.pelvis_pos[:, 2] > robot.stance_height - 0.04).all()
    assert env.task.feet_on_ground().all()
    weight = env.sim.contact_force[..., 2].sum(dim=-1)
    assert weight.tolist() == pytest.approx([MASSES[robot.name] * 9.81] * 2, rel=0.1)
    # The engine's forces of the last integrator step against the task's at the end of it: 5 ms apart.
    model = mujoco.MjModel.from_xml_string(env.mjcf)
    data = mujoco.MjData(model)
    poses = env.poses([0])
    data.qpos[:], data.qvel[:] = poses["qpos"][0], poses["qvel"][0]
    data.ctrl[:] = env.task.targets[0]
    mujoco.mj_forward(model, data)
    assert env.task.joint_torques()[0].numpy() == pytest.approx(data.actuator_force, abs=1e-3)
    env.close()


def test_the_g1_stands_for_four_seconds_under_stiffer_servos() -> None:
    """Its own ankles, 57 N m/rad both, are weaker than gravity, 210 N m/rad: without a policy it falls in a second."""
    model = mujoco.MjModel.from_xml_string(models.load("g1"))
    model.opt.timestep = 0.005
    for i in range(model.nu):
        name = model.actuator(i).name
        kp, kd = (200.0, 5.0) if "ankle" in name else (400.0, 10.0) if i < 15 else (100.0, 4.0)
        model.actuator_gainprm[i, 0], model.actuator_biasprm[i, 1:3] = kp, (-kp, -kd)
    data = mujoco.MjData(model)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    for _ in range(800):
        mujoco.mj_step(model, data)
    assert data.qpos[2] > 0.73
    assert data.body("torso_link").xmat[8] > np.cos(np.radians(8.0))


@pytest.mark.slow
@pytest.mark.parametrize("physics", ["default", "fast"])
def test_a_thousand_random_steps_on_the_ground_and_off_it_stay_stable(
    physics: str, robot: HumanoidRobot
) -> None:
    words = (f"physics={physics}", "task.actionRange=1.0", "task.termination.failure.fallen=false")
    env = make("HumanoidRun", f"task.robot={robot.name}", *words)
    env.reset()
    generator = torch.Generator().manual_seed(0)
    for _ in range(1000):
        observations, rewards, _, _, _ = env.step(
            torch.rand(2, len(robot.joints), generator=generator) * 2 - 1
        )
        assert not env.sim.unstable.any()
        assert observations["policy"].abs().max() < 200.0
        assert (rewards >= 0.0).all() and (rewards <= 1.0).all()
    env.close()


def test_the_mirrored_state_earns_the_same_and_is_observed_as_the_mirror_says(robot: HumanoidRobot) -> None:
    """In the simulator: env 1 begins as env 0's mirror image."""
    env: TaskEnv = make("HumanoidWalk", f"task.robot={robot.name}")
    env.reset()
    source, sign = robot.joint_mirror()
    generator = torch.Generator().manual_seed(1)
    count = len(robot.joints)
    joints = 0.3 * torch.rand(1, count, generator=generator) + env.task.stance  # type: ignore[attr-defined]
    speeds = torch.rand(1, count, generator=generator)
    pose = torch.tensor([[[0.0, 0.2, 1.2, 0.9, 0.1, -0.2, 0.3742]]])
    velocity = torch.rand(1, 1, 6, generator=generator)
    flip = torch.tensor(sign)
    state = ResetState(
        torch.cat((joints, joints[:, source] * flip)),
        torch.cat((speeds, speeds[:, source] * flip)),
        torch.cat((pose, pose * torch.tensor([1, -1, 1, 1, -1, 1, -1]))),
        torch.cat((velocity, velocity * torch.tensor([1, -1, 1, -1, 1, -1]))),
    )
    env.sim.reset(torch.arange(2), state)
    env.task.refresh()
    images = env.task.mirror()
    assert images is not None
    for name in env.task.terms("observation"):
        if name not in ("prev_actions", "joint_torques"):  # of actions and targets, not of the state
            order, signs = images[name]
            rows = getattr(env.task, name)()
            assert torch.allclose(rows[1], rows[0][list(order)] * torch.tensor(signs), atol=1e-4), name
    for name in ("standing", "upright", "moving"):
        first, second = getattr(env.task, name)().tolist()
        assert first == pytest.approx(second, abs=1e-4), name
    env.close()
