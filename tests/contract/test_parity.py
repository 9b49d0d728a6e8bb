"""MuJoCo, MJX and Warp are the same physics: the same state reads the same, the same actions move it the same way.

The tolerances were measured (the largest deviation over both others, in the comment) and rounded up about tenfold, for
other processors and versions. What deviates first: MuJoCo computes in float64, the others in float32, and a
contact that opens or closes one integrator step earlier shows in velocities and forces long before it does in poses.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import Iterator

import pytest
import torch
from support_page import words_of
from test_simulators import ARM_AND_CUBE, GRIPPER, PHYSICS, at_rest
from torch import Tensor

from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.env.task_env import TaskEnv
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.sims.registry import make

OTHERS = sorted({"mjx", "warp"} & Machine.detect().simulators)
NUM_ENVS = 8
POSES = ("joint_pos", "body_pos", "body_quat", "site_pos", "site_quat")
VELOCITIES = ("joint_vel", "body_lin_vel", "body_ang_vel")

TASKS = (
    *("BaseTask", "BoxGrasping", "HumanoidRun", "HumanoidStand", "HumanoidVelocity", "HumanoidVelocity g1"),
    *("PickCube", "Reach"),
)
# task: how large the actions are, how many control steps of all 0.2 s, then the largest deviation relative to
# 1 + the size of poses (m, rad), velocities (m/s, rad/s) and rewards
MOTIONS = {
    "HumanoidStand": (0.1, 10, 1e-4, 1e-2, 2e-5),  # 1.5e-5, 1.5e-3, 2.7e-6
    "Reach": (1.0, 5, 5e-6, 5e-5, 2e-6),  # 4.1e-7, 5.4e-6, 2.0e-7
    "PickCube": (1.0, 10, 2e-5, 1e-4, 2e-6),  # 1.8e-6, 1.2e-5, 2.8e-7
}
# poses, velocities, forces; MJX finds the places where a sphere touches a box in another way
CONTACTS = {
    "mjx": (2e-5, 5e-4, 4e-2),  # 2.3e-6, 5.2e-5, 4.2e-3
    "warp": (1e-6, 5e-6, 5e-5),  # 1.1e-7, 3.7e-7, 3.6e-6
}
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not OTHERS, reason="neither mjx nor warp is installed")]


def env_on(sim: str, task: str) -> TaskEnv:
    env = build_env(compose([*words_of(task), f"sim={sim}", "device=cpu", f"numEnvs={NUM_ENVS}"]), Ranks())
    assert isinstance(env, TaskEnv)
    return env


def state_of(sim: Simulator) -> ResetState:
    """The state that the views show, as a reset takes it."""
    free = sim.bodies(sim.spec.free_bodies)
    pose = torch.cat((sim.body_pos[:, free], sim.body_quat[:, free]), dim=-1)
    velocity = torch.cat((sim.body_lin_vel[:, free], sim.body_ang_vel[:, free]), dim=-1)
    return ResetState(sim.joint_pos.clone(), sim.joint_vel.clone(), pose, velocity)


def actions(env: TaskEnv, steps: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(steps, env.spec.num_envs, env.spec.num_actions, generator=generator) * 2 - 1


def difference(a: Tensor, b: Tensor) -> float:
    """The largest one, relative to 1 + the size."""
    return float(((a.double() - b.double()).abs() / (1.0 + a.double().abs())).max()) if a.numel() else 0.0


def largest(a: Simulator, b: Simulator, names: tuple[str, ...]) -> float:
    return max(difference(getattr(a, name), getattr(b, name)) for name in names)


def begin_alike(ours: TaskEnv, theirs: TaskEnv, share: float = 1.0, steps: int = 12) -> None:
    """Both in the state that our env moves to: in motion, and with what lies on the ground pressed into it a little.

    Right after a reset a cube may touch the ground by exactly 0 m, where the rounding decides about its contacts.
    """
    for env in (ours, theirs):
        env.reset()
    for action in share * actions(ours, steps):
        ours.step(action)
    state, ids = state_of(ours.sim), torch.arange(NUM_ENVS)
    for name, memory in theirs.task.memory().items():
        memory.copy_(ours.task.memory()[name])
    theirs.task.episode_step.copy_(ours.task.episode_step)
    for env in (ours, theirs):
        env.sim.reset(ids, state)
        env.task.refresh()


def terms(env: TaskEnv) -> list[str]:
    """Every observation, and the rewards and endings that the configuration names, also those that are off."""
    ends = env.task.config["termination"]
    named = (env.task.config["rewardWeights"], ends["success"], ends["failure"])
    return [*env.task.terms("observation"), *(name for names in named for name in names)]


@pytest.fixture
def pair(task: str, other: str) -> Iterator[tuple[TaskEnv, TaskEnv]]:
    """The task on MuJoCo and on another simulator."""
    with closing(env_on("mujoco", task)) as ours, closing(env_on(other, task)) as theirs:
        yield ours, theirs


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("task", TASKS)
def test_every_term_of_the_same_state_is_the_same(
    pair: tuple[TaskEnv, TaskEnv], task: str, other: str
) -> None:
    ours, theirs = pair
    begin_alike(ours, theirs)
    assert ours.sim.joint_vel.abs().max() > 0.1, "nothing moves"
    worst = {}
    for name in terms(ours):
        a, b = getattr(ours.task, name)(), getattr(theirs.task, name)()
        worst[name] = difference(a.float(), b.float())
    assert max(worst.values()) < 5e-6, sorted(worst.items(), key=lambda item: -item[1])[:5]  # 1.0e-6


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("task", MOTIONS)
def test_the_same_actions_give_the_same_motion(pair: tuple[TaskEnv, TaskEnv], task: str, other: str) -> None:
    ours, theirs = pair
    share, steps, poses, velocities, rewards = MOTIONS[task]
    begin_alike(ours, theirs, share)
    for action in share * actions(ours, steps):
        a, b = ours.step(action), theirs.step(action)
        assert largest(ours.sim, theirs.sim, POSES) < poses
        assert largest(ours.sim, theirs.sim, VELOCITIES) < velocities
        assert difference(a[1], b[1]) < rewards
        assert torch.equal(a[2], b[2]) and torch.equal(a[3], b[3])


def resting_cube(sim: Simulator, step: int) -> Tensor:
    return torch.zeros(sim.num_envs, 2)


def squeeze(sim: Simulator, step: int) -> Tensor:
    return torch.tensor([[5.0, -5.0]]).repeat(sim.num_envs, 1)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize(
    ("spec", "height", "ctrl"),
    [
        pytest.param(ARM_AND_CUBE, 0.0995, resting_cube, id="a cube on the ground beside a falling arm"),
        pytest.param(GRIPPER, 0.0, squeeze, id="a gripper that closes on a ball"),
    ],
)
def test_contacts_carry_the_same_forces(spec: SceneSpec, height: float, ctrl, other: str) -> None:
    """Over 0.4 s, from the landing to rest."""
    with ExitStack() as stack:
        sims = [
            stack.enter_context(closing(make(name, spec, PHYSICS, 4, "cpu"))) for name in ("mujoco", other)
        ]
        for sim in sims:
            sim.reset(torch.arange(4), at_rest(spec, 4, height))
        for step in range(40):
            for sim in sims:
                sim.step(ctrl(sim, step), 1)
            for names, limit in zip((POSES, VELOCITIES, ("contact_force",)), CONTACTS[other]):
                assert largest(sims[0], sims[1], names) < limit
        assert torch.equal(sims[0].contact_count, sims[1].contact_count)
        assert sims[0].contact_force.abs().max() > 4.0
