"""What the simulators share that read a model with MuJoCo: limits, subtrees, checks, and whose state it is."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import hashlib
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Mapping

import mujoco
import numpy as np
import torch
from torch import Tensor

from rlkit.rotations import rotate_inverse
from rlkit.sims.api import ResetState, SceneSpec, SimulatorError

if TYPE_CHECKING:  # its engine is newer than the one that is there with Isaac Gym
    from rlkit.sims.mjmodel.scene import Scene

_log = logging.getLogger("rlkit.sims.mujoco.simulator")  # of all that run on MuJoCo


def log_engine_warnings() -> None:
    """MuJoCo would print each warning and write MUJOCO_LOG.TXT into the user's folder."""
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_log.debug)


def joint_range(model: mujoco.MjModel, spec: SceneSpec) -> Tensor:
    """`[joints, 2]` lower and upper limit in the spec's order, rad or m, infinite where there is none."""
    ids = [model.joint(name).id for name in spec.joints]
    return _limits(model.jnt_range, model.jnt_limited)[ids]


def ctrl_range(model: mujoco.MjModel, spec: SceneSpec) -> Tensor:
    """`[actuators, 2]` lower and upper control in the spec's order, infinite where there is none."""
    ids = [model.actuator(name).id for name in spec.actuators]
    return _limits(model.actuator_ctrlrange, model.actuator_ctrllimited)[ids]


def _limits(values: np.ndarray, limited: np.ndarray) -> Tensor:
    return torch.from_numpy(np.where(limited[:, None] != 0, values, (-np.inf, np.inf))).float()


def fingerprint(spec: SceneSpec) -> Tensor:
    """`[32]` uint8: SHA-256 of the scene, so that a state is not loaded into another one."""
    return torch.tensor(list(_digest(spec)), dtype=torch.uint8)


@lru_cache(maxsize=4)
def _digest(spec: SceneSpec) -> bytes:
    others = repr(spec.alternatives) if spec.alternatives else ""
    return hashlib.sha256((repr(spec) + others).encode()).digest()  # of embedded meshes it takes a while


def subtree(model: mujoco.MjModel, body: int) -> list[int]:
    """The body and everything attached below it, in the model's order."""
    inside = {body}
    for k in range(body + 1, model.nbody):
        if int(model.body_parentid[k]) in inside:
            inside.add(k)
    return sorted(inside)


def check_num_envs(num_envs: int) -> None:
    """Raise SimulatorError for no envs."""
    if num_envs < 1:
        raise SimulatorError(f"numEnvs={num_envs}: a simulator needs at least one env")


def check_step(spec: SceneSpec, num_envs: int, ctrl: Tensor, num_steps: int) -> None:
    """Raise SimulatorError when `ctrl` is not `[num_envs, actuators]` or `num_steps` is below one."""
    expected = (num_envs, len(spec.actuators))
    if tuple(ctrl.shape) != expected or num_steps < 1:
        raise SimulatorError(
            f"step(ctrl {tuple(ctrl.shape)}, num_steps {num_steps}): ctrl must be {expected}"
            " and num_steps at least 1"
        )


def check_listed_once(env_ids: Tensor) -> None:
    """Raise SimulatorError when `env_ids` (`[k]`) lists an env twice; waits for the device."""
    if len(torch.unique(env_ids)) < len(env_ids):
        raise SimulatorError(f"reset: an env is listed twice in {env_ids.tolist()}")


def check_state(
    state: Mapping[str, Tensor], spec: SceneSpec, num_envs: int, simulator: str, own: str
) -> None:
    """Raise SimulatorError unless `state` is of this simulator, of the same scene and of as many envs.

    own: an entry `[N, ...]` that only the states of `simulator` have.
    """
    if own not in state:
        raise SimulatorError(f"this simulator state is of another simulator, not of sim={simulator}")
    if not torch.equal(state["scene"], fingerprint(spec)):
        raise SimulatorError("this simulator state belongs to another scene")
    if len(state[own]) != num_envs:
        raise SimulatorError(f"this simulator state is of {len(state[own])} envs, here are {num_envs}")


def check_reset_shapes(spec: SceneSpec, k: int, state: ResetState) -> None:
    """Raise SimulatorError naming the array of `state` that is not `[k, ...]` as `ResetState` says of the scene."""
    joints, free = len(spec.joints), len(spec.free_bodies)
    expected = {
        "joint_pos": (k, joints),
        "joint_vel": (k, joints),
        "free_pose": (k, free, 7),
        "free_vel": (k, free, 6),
    }
    for name, shape in expected.items():
        given = tuple(getattr(state, name).shape)
        if given != shape:
            raise SimulatorError(f"reset: {name} is {given}, must be {shape} for {k} envs")


class ResetWriter:
    """Writes what a task resets into coordinates and speeds in MuJoCo's order, on one device."""

    def __init__(self, scene: Scene, device: torch.device) -> None:
        free_qpos = [first + i for first in scene.free_qpos_ids for i in range(7)]
        free_qvel = [first + i for first in scene.free_qvel_ids for i in range(6)]
        self._qpos_ids = torch.tensor([*scene.qpos_ids, *free_qpos], dtype=torch.int64, device=device)
        self._qvel_ids = torch.tensor([*scene.qvel_ids, *free_qvel], dtype=torch.int64, device=device)

    def write(self, qpos: Tensor, qvel: Tensor, rows: Tensor, state: ResetState) -> None:
        """Set `state` (k envs) in the k `rows` of `qpos` `[N, nq]` and `qvel` `[N, nv]`, in their precision.

        Quaternions are normalised; joints and bodies that the scene does not name stay as they are.
        """
        pose, velocity = state.free_pose.to(qpos), state.free_vel.to(qvel)
        quat = torch.nn.functional.normalize(pose[..., 3:], dim=-1)
        # MuJoCo keeps the angular velocity of a free joint in the body's frame
        spin = rotate_inverse(quat, velocity[..., 3:])
        free_qpos = torch.cat((pose[..., :3], quat), dim=-1).flatten(1)
        free_qvel = torch.cat((velocity[..., :3], spin), dim=-1).flatten(1)
        qpos[rows[:, None], self._qpos_ids] = torch.cat((state.joint_pos.to(qpos), free_qpos), dim=1)
        qvel[rows[:, None], self._qvel_ids] = torch.cat((state.joint_vel.to(qvel), free_qvel), dim=1)
