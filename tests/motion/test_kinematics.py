"""Forward kinematics against MuJoCo's own, and what is no robot that motions are of."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import time
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch
from needs import assert_cheap
from torch import Tensor

from rlkit.motion.errors import MotionError
from rlkit.motion.kinematics import Kinematics, compiled
from rlkit.motion.robots import Robot, find_robot

# Two hinges in one body, hinges beside their body's origin, an angle that is not 0 in the drawn pose, a fixed body,
# an object that is none of the robot, and parts without names.
ODD = """<mujoco><compiler angle="radian"/><worldbody>
  <body name="table"><geom size="0.1"/></body>
  <body name="base" pos="1 2 3"><freejoint/><geom size="0.1"/>
    <body name="arm" pos="0.1 0.2 0.3" quat="0.8 0.6 0 0">
      <joint name="swing" axis="1 2 3" pos="0.1 0 -0.2"/><joint name="lift" axis="0 1 0" pos="0 0.3 0" ref="0.4"/>
      <geom size="0.1"/>
      <body pos="0 0 0.5" euler="0.1 0.2 0.3"><geom size="0.1"/>
        <body name="hand" pos="0.2 0 0"><joint axis="0 0 1" range="-1 2" limited="true"/><geom size="0.1"/></body>
      </body>
    </body>
  </body>
</worldbody></mujoco>"""


@pytest.fixture
def odd(tmp_path: Path) -> Robot:
    (tmp_path / "odd.xml").write_text(ODD)
    return find_robot(tmp_path / "odd.xml")


def random_poses(robot: Robot, count: int) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    root_pos, root_quat = (torch.randn(count, n, generator=draw, dtype=torch.float64) for n in (3, 4))
    joint_pos = torch.randn(count, len(robot.joints), generator=draw, dtype=torch.float64)
    return root_pos, torch.nn.functional.normalize(root_quat, dim=-1), joint_pos


def of_mujoco(robot: Robot, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor) -> tuple[Tensor, Tensor]:
    """Positions and matrices of the robot's bodies."""
    model = compiled(robot)
    data = mujoco.MjData(model)
    bodies = [model.body(name).id for name in robot.bodies]
    joints = [model.joint(name).qposadr[0] for name in robot.joints]
    root = model.body(robot.root).jntadr[0]
    address = model.jnt_qposadr[root]
    pos, mat = [], []
    for place, turn, angles in zip(root_pos.numpy(), root_quat.numpy(), joint_pos.numpy()):
        data.qpos[address : address + 7] = [*place, *turn]
        data.qpos[joints] = angles
        mujoco.mj_kinematics(model, data)
        pos.append(data.xpos[bodies])
        mat.append(data.xmat[bodies].reshape(-1, 3, 3))
    return torch.tensor(np.array(pos)), torch.tensor(np.array(mat))


def matrices(quat: Tensor) -> Tensor:
    w, x, y, z = quat.unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


@pytest.mark.parametrize("name", ["h1", "odd"])
def test_it_is_mujocos(name: str, odd: Robot) -> None:
    robot = find_robot("h1") if name == "h1" else odd
    poses = random_poses(robot, 50)
    pos, quat = Kinematics(robot, dtype=torch.float64).poses(*poses)
    expected_pos, expected_mat = of_mujoco(robot, *poses)
    torch.testing.assert_close(pos, expected_pos, atol=1e-6, rtol=0.0)
    torch.testing.assert_close(matrices(quat), expected_mat, atol=1e-6, rtol=0.0)
    single, _ = Kinematics(robot).poses(*(value.float() for value in poses))
    torch.testing.assert_close(single.double(), expected_pos, atol=5e-6, rtol=0.0)


def test_shapes_are_kept_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    robot = find_robot("h1")
    root_pos, root_quat, joint_pos = random_poses(robot, 24)
    kinematics = Kinematics(robot, dtype=torch.float64)
    whole = kinematics.poses(root_pos, root_quat, joint_pos)
    monkeypatch.setattr("rlkit.motion.kinematics._CHUNK", 7)
    parts = kinematics.poses(root_pos.view(4, 6, 3), root_quat.view(4, 6, 4), joint_pos.view(4, 6, 19))
    assert (parts[0].shape, parts[1].shape) == ((4, 6, 20, 3), (4, 6, 20, 4))
    for one, other in zip(whole, parts):
        torch.testing.assert_close(one, other.reshape(one.shape), atol=1e-14, rtol=0.0)


def test_names_and_ranges(odd: Robot) -> None:
    assert odd.bodies == ("base", "arm", "body4", "hand") and odd.joints == ("swing", "lift", "joint3")
    kinematics = Kinematics(odd)
    assert kinematics.low.tolist() == [-torch.inf, -torch.inf, -1.0] and kinematics.high[2] == 2.0


@pytest.mark.parametrize("kind", ["slide", "ball"])
def test_other_joints_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    lift = '<joint name="lift" axis="0 1 0" pos="0 0.3 0" ref="0.4"/>'
    (tmp_path / "odd.xml").write_text(
        ODD.replace(lift, "").replace('name="swing"', f'name="swing" type="{kind}"')
    )
    with pytest.raises(
        MotionError, match=f"robot odd: joint swing is a {kind}; motions are of robots whose root"
    ):
        Kinematics(find_robot(tmp_path / "odd.xml"))


@pytest.mark.slow
@pytest.mark.alone
def test_an_hour_of_poses_takes_less_than_two_seconds() -> None:
    robot = find_robot("h1")
    kinematics = Kinematics(robot)
    poses = [values.float().repeat(180, *[1] * (values.ndim - 1)) for values in random_poses(robot, 1000)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        start = time.process_time()
        kinematics.poses(*poses)
        assert_cheap(time.process_time() - start, 2.0)
    finally:
        torch.set_num_threads(threads)
