"""What acts where no policy does."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from rlkit.config import ConfigError
from rlkit.env.api import Observations, VecEnv
from rlkit.env.task_env import TaskEnv
from rlkit.errors import RlkitError
from rlkit.nearest import did_you_mean
from rlkit.sims.mjmodel.keyframes import held_by, held_joints, keyframes
from rlkit.tryout.request import AGENTS, RANDOM, START, ZERO
from rlkit.tryout.tally import task_env

Agent = Callable[[Observations], Tensor]
_HALVINGS = 20  # of [-1, 1]: actions are exact to 2e-6


def make_agent(name: str, env: VecEnv, seed: int) -> Agent:
    """The agent of a name. Raises ConfigError where there is none, or no action could hold what it names."""
    spec = env.spec
    if name == ZERO:
        return lambda _: torch.zeros(spec.num_envs, spec.num_actions, device=spec.device)
    if name == RANDOM:
        generator = torch.Generator(device=spec.device).manual_seed(seed)
        shape = (spec.num_envs, spec.num_actions)
        return lambda _: 2.0 * torch.rand(shape, generator=generator, device=spec.device) - 1.0
    inner = task_env(env)
    if inner is None:
        raise ConfigError(f"agent={name}: {spec.task} shows no poses to hold; write agent=zero")
    if name != START and name not in keyframes(inner.sim.spec.mjcf):
        known = offered(inner)
        near = did_you_mean(name.lower(), known)
        raise ConfigError(
            f"agent={name}: the scene has no such keyframe{near or ';'} there are {', '.join(known)}"
        )
    try:
        held = Held(inner, None if name == START else name)
    except RlkitError as error:
        raise ConfigError(f"agent={name}: {error}; there are {', '.join(offered(inner))}") from error
    return lambda _: held.actions().to(spec.device)


def offered(env: TaskEnv) -> list[str]:
    """The agents that can act in a task: without those that hold a pose where its actuators hold none."""
    names = [*AGENTS, *keyframes(env.sim.spec.mjcf)]
    return [name for name in names if name in (ZERO, RANDOM) or _can_hold(env, name)]


def _can_hold(env: TaskEnv, name: str) -> bool:
    spec = env.sim.spec
    try:
        if name == START:
            held_joints(spec.mjcf, spec.actuators)
        else:
            held_by(spec.mjcf, name, spec.actuators)
    except RlkitError:
        return False
    return True


class Held:
    """Finds, step by step, the actions whose commands come closest to those that hold a pose.

    Whatever a task makes of actions: it is asked. A command rises or falls with one action, at every moment alike in
    all envs; the action is found by halving. Actions that move nothing stay 0.
    """

    def __init__(self, env: TaskEnv, keyframe: str | None) -> None:
        """keyframe: None holds where each episode began. Raises MjcfError for what position servos cannot hold."""
        self._env, self._task, sim = env, env.task, env.sim
        spec, device = sim.spec, sim.device
        self._fixed: Tensor | None = None
        self._shares, self._joints = torch.zeros(0), torch.zeros(0)
        if keyframe is not None:
            self._fixed = torch.tensor(held_by(spec.mjcf, keyframe, spec.actuators), device=device)
        else:
            pairs = held_joints(spec.mjcf, spec.actuators)
            self._shares = torch.tensor([share for _, share in pairs], device=device)
            self._joints = torch.tensor([sim.joint(joint) for joint, _ in pairs], device=device)
        self._targets = torch.zeros(sim.num_envs, len(spec.actuators), device=device)
        self._drives: tuple[Tensor, Tensor] | None = None

    def actions(self) -> Tensor:
        """`[N, actions]` in [-1, 1], for the step that comes."""
        new = self._task.episode_step == 0
        self._targets[new] = self._now()[new]
        if self._drives is None:
            self._drives = self._driven()
        command, rising = self._drives
        low = torch.full((self._env.spec.num_envs, self._env.spec.num_actions), -1.0, device=command.device)
        high, wanted = -low, self._targets[:, command]
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            below = (wanted - self._controls(middle)[:, command]) * rising > 0
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return 0.5 * (low + high) * (rising != 0)

    def _now(self) -> Tensor:
        sim = self._env.sim
        if self._fixed is not None:
            return self._fixed.expand(sim.num_envs, -1)
        return self._shares * sim.joint_pos[:, self._joints]

    def _driven(self) -> tuple[Tensor, Tensor]:
        """`[actions]` each: the command that an action moves most; 1 where both rise together, -1, 0 for none."""
        spec, device = self._env.spec, self._env.sim.device
        moved = []
        for index in range(spec.num_actions):
            end = torch.zeros(spec.num_envs, spec.num_actions, device=device)
            end[:, index] = 1.0
            moved.append((self._controls(end) - self._controls(-end)).mean(dim=0))
        change = torch.stack(moved)  # [actions, commands]
        command = change.abs().argmax(dim=-1)
        return command, change.gather(1, command[:, None]).squeeze(-1).sign()

    def _controls(self, actions: Tensor) -> Tensor:
        """The commands that the task would give; it remembers nothing of being asked."""
        memory = {name: tensor.clone() for name, tensor in self._task.memory().items()}
        commands = self._task.controls(actions).clone()
        for name, tensor in self._task.memory().items():
            tensor.copy_(memory[name])
        return commands
