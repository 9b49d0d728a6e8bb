"""The H1's model in MuJoCo: it is what the tasks think it is, it stands, and it does not explode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

mujoco = pytest.importorskip("mujoco")

from rlkit.config import compose  # noqa: E402
from rlkit.env.task_env import TaskEnv  # noqa: E402
from rlkit.runtime.build import build_env  # noqa: E402
from rlkit.runtime.ranks import Ranks  # noqa: E402
from rlkit.sims import models  # noqa: E402
from rlkit.sims.api import ResetState  # noqa: E402
from rlkit.tasks import h1  # noqa: E402


def make(task: str = "HumanoidWalk", *words: str) -> Any:
    """The task's env with two H1s."""
    return build_env(compose([f"task={task}", "sim=mujoco", "device=cpu", "numEnvs=2", *words]), Ranks())


@pytest.fixture(scope="module")
def model() -> Any:
    return mujoco.MjModel.from_xml_string(models.load("h1"))


def test_the_model_has_the_published_size_and_the_tables_of_the_tasks(model: Any) -> None:
    assert (model.nq, model.nv, model.nu, model.nmesh) == (26, 25, 19, 0)
    assert model.body_subtreemass[0] == pytest.approx(51.44, abs=0.01)
    for i, (name, servo) in enumerate(h1.SERVOS.items()):
        assert model.actuator(i).name == name and model.joint(i + 1).name == name
        assert model.actuator_gainprm[i, 0] == servo.stiffness
        assert model.actuator_biasprm[i, 1:3].tolist() == [-servo.stiffness, -servo.damping]
        assert model.actuator_forcerange[i].tolist() == [-servo.limit, servo.limit]
        assert model.actuator_ctrlrange[i] == pytest.approx(model.jnt_range[i + 1])
    stance = h1.stance(torch.device("cpu"))
    assert model.key("stance").qpos[2] == h1.STANCE_HEIGHT
    assert model.key("stance").qpos[7:] == pytest.approx(stance.numpy())
    assert model.key("stance").ctrl == pytest.approx(stance.numpy())


def test_left_and_right_are_mirror_images(model: Any) -> None:
    """Every body of a mirrored pose is where the other side's was; masses and ranges agree too."""
    source, sign = h1.joint_mirror()
    straight, mirrored = mujoco.MjData(model), mujoco.MjData(model)
    straight.qpos[3], mirrored.qpos[3] = 1.0, 1.0
    joints = np.random.default_rng(0).uniform(-0.4, 0.4, 19)
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


def test_it_stands_on_its_feet_for_half_a_second_and_the_law_is_the_engines() -> None:
    env = make("HumanoidStand", "task.resetNoise.joints=0", "task.resetNoise.height=0")
    env.reset()
    for _ in range(25):
        _, rewards, terminated, _, _ = env.step(torch.zeros(2, 19))
        assert not terminated.any() and bool((rewards > 0.9).all())
    assert (env.task.pelvis_pos[:, 2] > 0.94).all()
    assert env.task.feet_on_ground().all()
    weight = env.sim.contact_force[..., 2].sum(dim=-1)
    assert weight.tolist() == pytest.approx([51.44 * 9.81] * 2, rel=0.1)
    # The engine's forces of the last integrator step against the task's at the end of it: 5 ms apart.
    model = mujoco.MjModel.from_xml_string(env.mjcf)
    data = mujoco.MjData(model)
    poses = env.poses([0])
    data.qpos[:], data.qvel[:] = poses["qpos"][0], poses["qvel"][0]
    data.ctrl[:] = env.task.targets[0]
    mujoco.mj_forward(model, data)
    assert env.task.joint_torques()[0].numpy() == pytest.approx(data.actuator_force, abs=1e-3)
    env.close()


@pytest.mark.parametrize("physics", ["default", "fast"])
def test_a_thousand_random_steps_on_the_ground_and_off_it_stay_stable(physics: str) -> None:
    env = make(
        "HumanoidRun", f"physics={physics}", "task.actionRange=1.0", "task.termination.failure.fallen=false"
    )
    env.reset()
    generator = torch.Generator().manual_seed(0)
    for _ in range(1000):
        observations, rewards, _, _, _ = env.step(torch.rand(2, 19, generator=generator) * 2 - 1)
        assert not env.sim.unstable.any()
        assert observations["policy"].abs().max() < 200.0
        assert (rewards >= 0.0).all() and (rewards <= 1.0).all()
    env.close()


def test_the_mirrored_state_earns_the_same_and_is_observed_as_the_mirror_says() -> None:
    """In the simulator: env 1 begins as env 0's mirror image."""
    env: TaskEnv = make()
    env.reset()
    source, sign = h1.joint_mirror()
    generator = torch.Generator().manual_seed(1)
    joints = 0.3 * torch.rand(1, 19, generator=generator) + env.task.stance  # type: ignore[attr-defined]
    speeds = torch.rand(1, 19, generator=generator)
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
