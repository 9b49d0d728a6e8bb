"""Several sub-environments in one process, as one Gymnasium environment whose observation is a row for each.

Gymnasium's vector environments run one process per environment and merge every `info` by name; with a bundle a process
has many, and all that a step tells is numbers in shared memory.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Sequence

import gymnasium
import numpy as np
from gymnasium import spaces

from rlkit.console import survive
from rlkit.env.api import FLOAT, EnvError
from rlkit.env.foreign import RAISED, failure
from rlkit.env.gym.making import Recipe
from rlkit.env.gym.member import Form, Member, MemberStep

FLAGS = ("reward", "terminated", "truncated", "success", "unstable", "cut_short", "task", "return", "length")


@dataclass(frozen=True)
class Plan:
    """What every sub-environment knows: the tasks that an episode may be of, the seed of them all, the process of
    the learner, and the columns of a row.

    A row: observation | true last observation | FLAGS | reward terms of the step | their sums over the episode so
    far. Observations with images are bytes, and take the columns that these fill. The flags: the step's reward, what
    ended, and of the episode so far its task, return and length. cut_short: it timed out early, because `stagger` had
    aged it.
    """

    recipes: tuple[Recipe, ...]
    forms: tuple[Form, ...]
    seed: int
    owner: int

    @cached_property
    def longest(self) -> int:
        """Numbers in the longest observation; shorter ones are padded with zeros."""
        return max(form.obs_size for form in self.forms)

    @cached_property
    def obs_size(self) -> int:
        """Numbers in the observation: with several tasks a one-hot of the task stands at its end; with images bytes."""
        return self.longest + (len(self.forms) if len(self.forms) > 1 else 0)

    @property
    def images(self) -> bool:
        """Whether there are images in the observation."""
        return bool(self.forms[0].images)  # with several tasks there are none

    @cached_property
    def reward_terms(self) -> tuple[str, ...]:
        """Names of the reward's terms, of all tasks."""
        return tuple(dict.fromkeys(name for form in self.forms for name in form.reward_terms))

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Where in a row the parts stand."""
        obs = -(-self.obs_size // FLOAT) if self.images else self.obs_size
        sizes = {"obs": obs, "final_obs": obs, "flags": len(FLAGS)}
        sizes["terms"] = sizes["term_returns"] = len(self.reward_terms)
        ends = np.cumsum(list(sizes.values()))
        return {name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends)}

    def observations(self, rows: np.ndarray, name: str) -> np.ndarray:
        """The `obs` or `final_obs` of rows `[N, width]`, `[N, obs_size]`: a view, with images of bytes."""
        columns = rows[:, self.columns[name]]
        return columns.view(np.uint8)[:, : self.obs_size] if self.images else columns

    def vectors(self, rows: np.ndarray, name: str) -> np.ndarray:
        """The same without its images, which stand behind: `[N, numbers]`, a view."""
        columns = rows[:, self.columns[name]]
        return columns[:, : sum(size for _, size in self.forms[0].vector_terms)] if self.images else columns

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.columns["term_returns"].stop


class SubEnv:
    """One of the N environments: episode after episode, each of a task drawn anew.

    The task and the seed of an episode follow from (seed, index, number of the episode) alone, wherever the
    sub-environment runs: any one of them can be repeated by itself.
    """

    def __init__(self, plan: Plan, index: int) -> None:
        self.plan, self.index, self._seed = plan, index, plan.seed
        self.task = self.reset_seed = self._begun = 0
        self._members: list[Member | None] = [None] * len(plan.recipes)  # made when drawn: they cost memory

    def rewind(self, seed: int | None = None) -> None:
        """Let the next episodes be the first ones again, or the first ones of another seed."""
        self._begun = 0
        self._seed = self._seed if seed is None else seed

    def _draw(self) -> None:
        """The task and the seed of the next episode."""
        episode = (self._seed, self.index, self._begun)
        self._begun += 1
        if len(self._members) > 1:
            random = np.random.default_rng(np.random.SeedSequence(episode))
            self.task = int(random.integers(len(self._members)))
        # 1 + task: a sequence of seeds that ends in zeros is the one without them
        self.reset_seed = int(np.random.SeedSequence((*episode, 1 + self.task)).generate_state(1)[0])

    @property
    def member(self) -> Member:
        """The environment that the present episode is of."""
        member = self._members[self.task]
        assert member is not None
        return member

    def restart(self) -> np.ndarray:
        """Begin a new episode; its first observation, flat: `[size]`."""
        self._draw()
        try:
            if self._members[self.task] is None:
                self._members[self.task] = Member(self.plan.recipes[self.task])
            first = self.member.reset(self.reset_seed)
        except EnvError:
            raise
        except RAISED as error:
            raise failure(f"{self.name} could not begin an episode", error) from error
        vector = self.member.vector(first)
        if not np.isfinite(vector).all():
            raise EnvError(f"{self.name}: the first observation of an episode is not finite: {vector}")
        return first

    def step(self, action: np.ndarray, age: float) -> MemberStep:
        """One env-step with an action within the member's bounds, `[num_actions]`; age: steps before this one."""
        try:
            return self.member.step(action)
        except EnvError:
            raise
        except RAISED as error:
            raise failure(f"{self.name} failed in step {age + 1:.0f} of its episode", error) from error

    @property
    def name(self) -> str:
        """For messages: the environment that the present episode is of, and which of the N this is."""
        return f"{self.plan.recipes[self.task].env_id} (env {self.index})"

    def close(self) -> None:
        """Close the members that were made."""
        for member in self._members:
            if member is not None:
                member.close()


class Bundle(gymnasium.Env):
    """The sub-environments `indices`; `height` rows, of which those beyond the sub-environments stay empty.

    An EnvError of a sub-environment comes back as `info["error"]` and `info["details"]`, so that it arrives whole from
    another process. Where a number was not finite, `info["bad"]` counts the env-steps and `info["first_bad"]` tells of
    the first that the bundle has ever seen.
    """

    def __init__(self, plan: Plan, indices: Sequence[int], height: int) -> None:
        actions = plan.forms[0].num_actions
        self.observation_space = spaces.Box(-np.inf, np.inf, (height, plan.width), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (height, actions), np.float32)
        self.plan = plan
        self._envs = [SubEnv(plan, index) for index in indices]
        self._rows = np.zeros((height, plan.width), np.float32)
        columns, ours = plan.columns, self._rows[: len(indices)]
        self._obs, self._final_obs = (plan.observations(ours, name) for name in ("obs", "final_obs"))
        self._final_vector = plan.vectors(ours, "final_obs")
        self._flag = dict(zip(FLAGS, ours[:, columns["flags"]].T))
        self._terms, self._term_returns = ours[:, columns["terms"]], ours[:, columns["term_returns"]]
        # Of the episode that each env plays: its task's bounds of actions in float64, its age and its time limit.
        self._middle, self._half = np.zeros((2, len(indices), actions))
        self._age, self._limit = np.zeros((2, len(indices)))
        self._told = False  # of a number that is not finite
        self._info: dict[str, Any] = {}  # of the present step
        if os.getpid() != plan.owner:
            # Ctrl+C reaches every process of the terminal: the learner's decides when the others end.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            survive()  # an environment that prints ends nothing where nobody reads any more

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new episode everywhere: the rows `[height, plan.width]`; the seed is the plan's."""
        self._rows[:] = 0.0
        return self._rows, self._guarded(self._restart, range(len(self._envs)))

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One env-step of all: the rows `[height, plan.width]`; action: `[height, num_actions]` in [-1, 1]."""
        return self._rows, 0.0, False, False, self._guarded(self._step, action)

    def rewind(self, seed: int | None = None) -> None:
        """See `GymEnv.rewind`, with another seed `GymEnv.reseed`."""
        for env in self._envs:
            env.rewind(seed)

    def starts(self) -> np.ndarray:
        """Seed and task of the episode that each sub-environment plays, `[height, 2]` int64."""
        starts = np.zeros((len(self._rows), 2), np.int64)
        starts[: len(self._envs)] = [(env.reset_seed, env.task) for env in self._envs]
        return starts

    def stagger(self, num_envs: int) -> None:
        """Age every episode by the share of its length that its env's index has among `num_envs`."""
        for place, env in enumerate(self._envs):
            self._age[place] += env.index * int(self._limit[place]) // num_envs

    def close(self) -> None:
        """Close every sub-environment."""
        for env in self._envs:
            env.close()

    def _guarded(self, do: Any, argument: Any) -> dict[str, Any]:
        self._info = {}
        try:
            do(argument)
        except EnvError as error:
            return {"error": str(error), "details": error.details}
        return self._info

    def _step(self, action: np.ndarray) -> None:
        flag = self._flag
        ended = (flag["terminated"] + flag["truncated"]) != 0.0
        for sums in (flag["return"], flag["length"], self._term_returns):
            sums[ended] = 0.0
        own = self._middle + self._half * action[: len(self._envs)]
        for place, env in enumerate(self._envs):
            step = env.step(own[place], self._age[place])
            self._obs[place, : step.obs.size] = step.obs
            flag["reward"][place], flag["terminated"][place] = step.reward, step.terminated
            flag["truncated"][place], flag["success"][place] = step.truncated, step.success
            if self.plan.reward_terms:
                self._terms[place] = [step.terms.get(name, 0.0) for name in self.plan.reward_terms]
        self._final_obs[:] = self._obs
        self._age += 1.0
        self._judge()

    def _judge(self) -> None:
        """Endings: a number that is not finite before a termination, that before a time-out; then new episodes."""
        flag = self._flag
        stable = np.isfinite(self._final_vector).all(axis=1) & np.isfinite(flag["reward"])
        if not stable.all() or (self._terms.size and not np.isfinite(self._terms).all()):
            self._report_bad(stable)
        self._term_returns += self._terms
        flag["unstable"][:] = ~stable
        terminated = (flag["terminated"] != 0.0) | ~stable
        too_old = (self._age >= self._limit) & ~terminated
        truncated = ((flag["truncated"] != 0.0) & ~terminated) | too_old
        flag["terminated"][:], flag["truncated"][:] = terminated, truncated
        flag["success"] *= terminated | truncated
        flag["return"] += flag["reward"]
        flag["length"] += 1.0
        flag["cut_short"][:] = too_old & (flag["length"] < self._limit)
        flag["task"][:] = [env.task for env in self._envs]
        self._restart(np.flatnonzero(terminated | truncated).tolist())

    def _report_bad(self, stable: np.ndarray) -> None:
        """Count and, once, describe what is not finite; the last step of an exploded episode says nothing then."""
        flag = self._flag
        bad = ~stable | ~np.isfinite(self._terms).all(axis=1)
        self._info = {"bad": int(bad.sum())}
        if not self._told:
            self._told = True
            self._info["first_bad"] = self._describe(int(np.flatnonzero(bad)[0]))
        for values in (self._final_obs, flag["reward"], flag["success"]):
            values[~stable] = 0.0
        np.nan_to_num(self._terms, copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def _describe(self, place: int) -> str:
        env, reward = self._envs[place], self._flag["reward"][place]
        found = [] if np.isfinite(reward) else [f"the reward is {reward}"]
        column = 0
        for name, size in self.plan.forms[env.task].vector_terms:
            part = self._final_vector[place, column : column + size]
            wrong = np.flatnonzero(~np.isfinite(part))
            if len(wrong):
                of_whole = "the observation" if name == "observation" else f"the observation term {name}"
                found.append(f"{of_whole} is {part[wrong[0]]} in number {wrong[0]} of {size}")
            column += size
        for name, term in zip(self.plan.reward_terms, self._terms[place]):
            if not np.isfinite(term):
                found.append(f"the reward term {name} is {term}")
        return f"{env.name}, step {self._age[place]:.0f} of its episode: {', '.join(found)}"

    def _restart(self, places: Sequence[int]) -> None:
        for place in places:
            env = self._envs[place]
            first = env.restart()
            form = self.plan.forms[env.task]
            self._obs[place, : first.size] = first
            if len(self.plan.forms) > 1:
                self._obs[place, first.size :] = 0.0
                self._obs[place, self.plan.longest + env.task] = 1.0
            self._middle[place], self._half[place] = form.middle, form.half
            self._age[place] = 0.0
            self._limit[place] = form.episode_length
