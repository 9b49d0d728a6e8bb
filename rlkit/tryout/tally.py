"""What is counted while a task is tried: every number of its terms, and how its episodes end."""

from __future__ import annotations

import time
from typing import Mapping

import torch
from torch import Tensor

from rlkit.env.api import Observations, Step, VecEnv
from rlkit.env.task_env import TaskEnv
from rlkit.env.wrapper import innermost
from rlkit.runtime.playing.episodes import Episodes

_ROUNDING = 1e-5  # of a sum of float32


def task_env(env: VecEnv) -> TaskEnv | None:
    """The env of a task on a simulator, also where its tensors are shown on another device; None of any other."""
    inner = innermost(env)
    return inner if isinstance(inner, TaskEnv) else None


class Spread:
    """Least, greatest, mean and standard deviation of each column of `[N, k]` numbers that come step by step.

    low, high, bad: `[k]`; bad counts those that are not finite, which the others leave out.
    """

    def __init__(self, columns: int) -> None:
        self.low = torch.full((columns,), torch.inf, dtype=torch.float64)
        self.high, self.bad = -self.low, torch.zeros(columns, dtype=torch.int64)
        self._count, self._sum, self._squares = (torch.zeros(columns, dtype=torch.float64) for _ in range(3))

    def add(self, values: Tensor) -> None:
        """values: `[N, k]`, on any device."""
        values = values.detach().cpu().double()
        finite = values.isfinite()
        kept = torch.where(finite, values, 0.0)
        self.low = torch.minimum(self.low, torch.where(finite, values, torch.inf).amin(dim=0))
        self.high = torch.maximum(self.high, torch.where(finite, values, -torch.inf).amax(dim=0))
        self.bad += (~finite).sum(dim=0)
        self._count += finite.sum(dim=0)
        self._sum += kept.sum(dim=0)
        self._squares += (kept**2).sum(dim=0)

    @property
    def mean(self) -> Tensor:
        """`[k]`, NaN where no number was finite."""
        return self._sum / self._count

    @property
    def std(self) -> Tensor:
        """`[k]`, of the population; exactly 0 where all are equal."""
        variance = self._squares / self._count.clamp(min=1) - self.mean**2
        return torch.where(self.low == self.high, 0.0, variance.clamp(min=0.0).sqrt())


class Tally:
    """Takes each step of all envs. terms: the weighted reward terms by name, the reward of endings among them.

    saturated: `[actions]` how often each was at -1 or 1; at_limit: `[actuators]` how often each command stood at an end
    of its range, which `ctrl_range` `[actuators, 2]` tells where it is known.
    """

    ENDING = "(endings)"  # what terminationRewards add

    def __init__(self, env: VecEnv, per_env: int) -> None:
        spec = env.spec
        self.spec, self.env, self.episodes = spec, env, Episodes(env, per_env)
        numbers = sum(size for _, size in spec.number_terms) or spec.obs_sizes["policy"]
        self.observations, self.actions = Spread(numbers), Spread(spec.num_actions)
        self.reward = Spread(1)
        self.term_names = (*spec.reward_terms, *((self.ENDING,) if spec.reward_terms else ()))
        self.terms, self.returns = Spread(len(self.term_names)), Spread(len(self.term_names))
        self.saturated = torch.zeros(spec.num_actions)
        self.at_limit = torch.zeros(len(env.actuators))
        simulated = task_env(env)
        self.ctrl_range = None if simulated is None else simulated.sim.ctrl_range.cpu()
        self.seen = self.steps = 0  # of all envs together: begun, and done
        self.wall = 0.0  # s spent in them
        self._running = torch.zeros(spec.num_envs, len(self.term_names), dtype=torch.float64)

    def step(self, obs: Observations, actions: Tensor) -> Step:
        """Let the envs, all of which are watched first, do a step; count it. actions: `[N, actions]` in [-1, 1]."""
        self.seen += 1  # first what a step that fails was asked for
        self.observations.add(self.spec.numbers(obs["policy"]))
        self.actions.add(actions)
        self.saturated += (actions.abs() >= 1.0 - 1e-6).sum(dim=0).cpu()
        started = time.perf_counter()
        step = self.env.step(actions)
        self.wall += time.perf_counter() - started
        self.steps += 1
        self.reward.add(step.reward[:, None])
        self._count_terms(step)
        self.episodes.count(step)
        return step

    def _count_terms(self, step: Step) -> None:
        watched, n = step.info.watched, self.spec.num_envs
        assert watched is not None
        if self.ctrl_range is not None:
            ctrl = torch.from_numpy(watched.ctrl[:n])
            at_end = (ctrl <= self.ctrl_range[:, 0]) | (ctrl >= self.ctrl_range[:, 1])
            self.at_limit += at_end.sum(dim=0)
        if not self.term_names:
            return
        terms = torch.from_numpy(watched.terms[:n]).double()
        rest = step.reward.cpu().double() - terms.sum(dim=-1)
        rest[rest.abs() <= _ROUNDING * (1.0 + terms.abs().sum(dim=-1))] = 0.0
        terms = torch.cat((terms, rest[:, None]), dim=-1)
        self.terms.add(terms)
        self._running += terms
        ended = step.ended.cpu()
        if ended.any():
            self.returns.add(self._running[ended])
            self._running[ended] = 0.0

    @property
    def shares(self) -> dict[str, float]:
        """What each term has in the sum of the sizes of all, by name; 0 for each where there is none."""
        means = self.terms.mean.abs().nan_to_num()
        return dict(zip(self.term_names, (means / means.sum().clamp(min=1e-300)).tolist()))

    def rates(self) -> Mapping[str, float]:
        """env-steps/s; simulated seconds of one env a second; share of physics in the time of a step."""
        wall = max(self.wall, 1e-9)
        return {
            "env_steps_per_s": self.steps * self.spec.num_envs / wall,
            "real_time": self.steps * self.spec.control_period / wall,
            "physics": self.env.physics_time / wall,
        }
