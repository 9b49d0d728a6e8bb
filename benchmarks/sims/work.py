"""The stretch of simulation that every simulator and peer repeats: one task, recorded once on MuJoCo."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.contestants import Work
from benchmarks.measure import WARM_UP, make_env, record_work
from rlkit.config import Experiment
from rlkit.sims.api import ResetState, Simulator

RECORDED_ENVS = 64  # different ones; env i of a contestant repeats recorded env i modulo their number


@dataclass(frozen=True)
class Stretch:
    """Where all contestants begin, and the commands that they all apply.

    work: of the recorded envs, as the peers take it. begin: the same start in the terms of the seam.
    """

    work: Work
    begin: ResetState

    @property
    def integrator_steps(self) -> int:
        """In one env-step."""
        return self.work.integrator_steps

    def controls(self, num_envs: int, device: torch.device) -> Tensor:
        """`[steps, num_envs, actuators]` in the scene's order."""
        return self.work.controls[:, self._rows(num_envs)].to(device)

    def start(self, num_envs: int, device: torch.device) -> ResetState:
        """The state in which `num_envs` envs begin."""
        rows, begin = self._rows(num_envs), self.begin
        parts = (begin.joint_pos, begin.joint_vel, begin.free_pose, begin.free_vel)
        return ResetState(*(part[rows].to(device) for part in parts))

    def _rows(self, num_envs: int) -> Tensor:
        return torch.arange(num_envs) % self.work.num_envs


def record(experiment: Experiment, num_envs: int) -> Stretch:
    """`benchmarks.measure.RECORDED` env-steps of random actions, in the middle of episodes.

    experiment: the task with sim=mujoco, whatever simulators take part. num_envs: of the contestants.
    """
    env = make_env(experiment, min(num_envs, RECORDED_ENVS))
    sim = env.sim
    env.reset()
    env.stagger()
    for _ in range(WARM_UP):
        env.step(2.0 * torch.rand(env.spec.num_envs, env.spec.num_actions) - 1.0)
    begin = where_it_is(sim)
    sim.reset(torch.arange(sim.num_envs), begin)  # nobody else has this engine's warm start either
    env.task.refresh()
    stretch = Stretch(record_work(env), begin)
    env.close()
    return stretch


def where_it_is(sim: Simulator) -> ResetState:
    """The state of all envs as a reset would give it; the scene must list its free bodies among its bodies."""
    free = sim.bodies(sim.spec.free_bodies)
    pose = torch.cat([sim.body_pos[:, free], sim.body_quat[:, free]], dim=-1)
    velocity = torch.cat([sim.body_lin_vel[:, free], sim.body_ang_vel[:, free]], dim=-1)
    return ResetState(sim.joint_pos.clone(), sim.joint_vel.clone(), pose, velocity)
