"""A simulator whose state the test writes: for hand-computed tests of tasks and of the env, on any Python."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator


class StubSimulator(Simulator):
    """All buffers of the seam, zero at first; `on_step(sim, ctrl)` moves them, reset writes what it is given."""

    def __init__(
        self,
        spec: SceneSpec,
        num_envs: int,
        on_step: Callable[[StubSimulator, Tensor], None] = lambda sim, ctrl: None,
        physics: PhysicsSettings = PhysicsSettings(dt=0.01, substeps=2),  # noqa: B008  (frozen)
        joint_limit: float = 2.0,
    ) -> None:
        n, joints, bodies, sites = num_envs, len(spec.joints), len(spec.bodies), len(spec.sites)
        self.spec, self.physics, self.num_envs, self.device = spec, physics, n, torch.device("cpu")
        self.on_step = on_step
        self.joint_range = torch.tensor([[-joint_limit, joint_limit]]).repeat(joints, 1)
        self.ctrl_range = self.joint_range.clone()
        self.joint_pos, self.joint_vel = torch.zeros(n, joints), torch.zeros(n, joints)
        self.body_pos, self.body_quat = torch.zeros(n, bodies, 3), _identity(n, bodies)
        self.body_lin_vel, self.body_ang_vel = torch.zeros(n, bodies, 3), torch.zeros(n, bodies, 3)
        self.site_pos, self.site_quat = torch.zeros(n, sites, 3), _identity(n, sites)
        self.contact_force = torch.zeros(n, len(spec.contacts), 3)
        self.contact_count = torch.zeros(n, len(spec.contacts))
        self.unstable = torch.zeros(n, dtype=torch.bool)
        self.steps_taken = 0
        self.chosen = torch.zeros(n, dtype=torch.int64)  # of the scene's alternatives

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        self.steps_taken += num_steps
        self.unstable.zero_()
        self.on_step(self, ctrl)

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        self.joint_pos[env_ids], self.joint_vel[env_ids] = state.joint_pos, state.joint_vel
        for i, name in enumerate(self.spec.free_bodies):
            body = self.body(name)
            self.body_pos[env_ids, body] = state.free_pose[:, i, :3]
            self.body_quat[env_ids, body] = state.free_pose[:, i, 3:]
        self.contact_force[env_ids] = 0.0
        self.unstable[env_ids] = False

    def choose(self, env_ids: Tensor, numbers: Tensor) -> None:
        self.chosen[env_ids] = numbers

    def apply_force(self, body: str, force: Tensor) -> None:
        raise NotImplementedError

    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        rows = slice(None) if env_ids is None else list(env_ids)
        return {"joint_pos": self.joint_pos[rows].clone(), "joint_vel": self.joint_vel[rows].clone()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.joint_pos.copy_(state["joint_pos"])
        self.joint_vel.copy_(state["joint_vel"])

    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        return {"qpos": self.joint_pos[list(env_ids)].numpy()}


def _identity(n: int, count: int) -> Tensor:
    quat = torch.zeros(n, count, 4)
    quat[..., 0] = 1.0
    return quat
