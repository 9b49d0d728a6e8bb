"""N Gymnasium environments as one `VecEnv`."""

from __future__ import annotations

import logging
import math
import os
import signal
import time
from contextlib import contextmanager
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from torch import Tensor

from rlkit.env.api import EnvError, EnvSpec, Observations, Step, StepInfo, VecEnv, Watched, bad_actions
from rlkit.env.gym.bundle import FLAGS, Bundle, Plan
from rlkit.env.gym.making import Wrap, check_agreement, check_alone, recipes
from rlkit.env.gym.member import Form, Terms, look

log = logging.getLogger("rlkit")

WORTH_PROCESSES = 2e-3
"""Seconds that a step of all envs must take in one process before `auto` chooses several."""

_bounded: set[str] = set()  # of these it was said that they have no limit: evaluations make them once more


class GymEnv(VecEnv):
    """N copies of the Gymnasium environments `ids`; with several ids each episode draws one.

    Observations are flattened to float32, padded with zeros to the longest and, with several ids, followed by
    a one-hot of the task; images stay bytes, see `EnvSpec.images`. An episode whose reward or observation is not finite
    ends as a failure "unstable"; the first is told in the log, all are counted. An environment without a limit times
    out after `member.DEFAULT_LENGTH` steps. Success is what `info["success"]` or `info["is_success"]` says in the
    episode's last step. Gymnasium has no way to save where an episode stands: a resumed training begins new ones.
    """

    resumable = False
    unstable_hint = (
        "the warning above names the first: mend it in the environment, or in a wrapper (task.wrapper)"
    )

    def __init__(
        self,
        ids: Sequence[str],
        num_envs: int,
        *,
        seed: int,
        task: str = "Gym",
        kwargs: Mapping[str, Any] | None = None,
        packages: Sequence[str] = (),
        wrap: Wrap | None = None,
        max_episode_length: int | None = None,
        vectorization: str = "auto",
        processes: int = 1,
    ) -> None:
        """Look at each environment once, then start the processes.

        seed: of all envs; sub-environment i draws from (seed, i). kwargs, packages, wrap: see `Recipe`.
        max_episode_length: env-steps; None leaves each environment its own limit.
        vectorization: "sync" runs all envs in this process, "async" in `processes` others, "auto" decides by how long
        a step takes; the numbers are the same.
        Raises EnvError for what cannot be made, has no usable spaces or does not fit together.
        """
        made = recipes(
            ids, kwargs=kwargs, packages=packages, wrap=wrap, max_episode_length=max_episode_length
        )
        self._plan = Plan(made, tuple(look(recipe) for recipe in made), seed, owner=os.getpid())
        self.spec = _spec(task, num_envs, self._plan)
        workers = _workers(vectorization, num_envs, processes, self._plan.forms)
        self._vector, self._places = _start(self._plan, num_envs, workers)
        shape = self._vector.action_space.shape  # [bundles, height, num_actions]
        assert shape is not None
        self._sent = np.zeros(shape, np.float32)
        self._broken = False
        self._bad = 0  # env-steps with a number that is not finite, since the last `metrics`
        self._told_bad = False
        self._say_what_is_bounded()
        self.actuators = self.spec.action_names
        self._watched: list[int] = []
        self._obs = torch.zeros(num_envs, self._plan.obs_size, dtype=_dtype(self._plan))
        self.physics_time = 0.0

    def reset(self) -> Observations:
        """See `VecEnv.reset`: the first of a seeded sequence at the first call, the next ones after that."""
        rows = self._exchange(self._vector.reset)
        self._obs = torch.from_numpy(self._plan.observations(rows, "obs").copy())
        return self.observe()

    def observe(self) -> Observations:
        return {"policy": self._obs, "critic": self._obs}

    @torch.no_grad()
    def step(self, actions: Tensor) -> Step:
        """Advance every environment by one step; see `VecEnv.step`.

        Inside a step, in each environment: its own `step` with the action scaled to its bounds; the time limit, that
        never holds together with a termination; a number that is not finite makes the step a failure with reward 0;
        the observation as `info.final_obs`; where the episode ended, a new one of a task drawn anew.
        """
        started = time.perf_counter()
        within = actions.clamp(-1.0, 1.0).numpy()  # NaN stays
        if not np.isfinite(within).all():
            raise EnvError(bad_actions(actions))
        self._sent.reshape(-1, self.spec.num_actions)[self._places] = within
        rows = self._exchange(lambda: self._vector.step(self._sent))
        self.physics_time += time.perf_counter() - started

        columns = self._plan.columns
        numbers = torch.from_numpy(rows[:, columns["flags"]].T.copy())
        flag = dict(zip(FLAGS, numbers))
        holds = dict(zip(FLAGS, numbers != 0.0))
        terminated, truncated = holds["terminated"], holds["truncated"]
        self._obs = torch.from_numpy(self._plan.observations(rows, "obs").copy())
        final_obs = torch.from_numpy(self._plan.observations(rows, "final_obs").copy())
        ended = terminated | truncated
        # What timed out early, as its age was made up, says nothing of the task.
        whole = rows[(ended & ~holds["cut_short"]).numpy()]
        reached = {"failure/unstable": holds["unstable"]}
        if len(self._plan.recipes) > 1:
            names = enumerate(recipe.name for recipe in self._plan.recipes)
            reached.update({f"task/{name}": flag["task"] == index for index, name in names})
        info = StepInfo(
            final_obs={"policy": final_obs, "critic": final_obs},
            success=holds["success"],
            reached=reached,
            episodes=_episode_sums(self._plan, whole) if ended.any() else {},
            watched=self._see(within, rows) if self._watched else None,
        )
        return Step(self.observe(), flag["reward"], terminated, truncated, info)

    def _see(self, actions: np.ndarray, rows: np.ndarray) -> Watched:
        """What the watched envs did in the step that answered with `rows`."""
        actions, rows = actions[self._watched], rows[self._watched]
        tasks = rows[:, self._plan.columns["flags"]][:, FLAGS.index("task")].astype(int)
        own = [self._plan.forms[task].own(action) for task, action in zip(tasks, actions)]
        terms = rows[:, self._plan.columns["terms"]]
        return Watched({}, np.asarray(own, np.float32), terms, terms[:, :0])

    def _exchange(self, ask: Callable[[], Any]) -> np.ndarray:
        """The rows `[N, width]`, a copy, that the bundles answer with; raises EnvError for what failed there."""
        try:
            observations, *_, infos = ask()
        except (EOFError, ConnectionError) as error:
            self._broken = True
            raise EnvError(
                f"a process with environments of {self.spec.task} has died; it may have run out of memory:"
                " fewer envs (numEnvs) or env.vectorization=sync need less"
            ) from error
        for message, details in zip(infos.get("error", ()), infos.get("details", ())):
            if message:
                raise EnvError(message, details)
        if "bad" in infos:
            self._count_bad(infos)
        return observations.reshape(-1, self._plan.width)[self._places]

    def _count_bad(self, infos: Mapping[str, Any]) -> None:
        self._bad += int(np.sum(infos["bad"]))
        first = next(filter(None, infos.get("first_bad", ())), None)
        if first is not None and not self._told_bad:
            self._told_bad = True
            log.warning("%s; told once, the metric env/not_finite counts such env-steps", first)

    def _say_what_is_bounded(self) -> None:
        for recipe, form in zip(self._plan.recipes, self._plan.forms):
            if form.bounded and recipe.env_id not in _bounded:
                _bounded.add(recipe.env_id)
                log.warning(
                    "%s has no time limit: an episode that has not ended after %d steps times out;"
                    " task.episodeLength=N sets another limit",
                    recipe.env_id,
                    form.episode_length,
                )

    def metrics(self) -> dict[str, float]:
        """Env-steps with a number that is not finite since the last call, where there were any."""
        bad, self._bad = self._bad, 0
        return {"env/not_finite": float(bad)} if bad else {}

    def stagger(self) -> None:
        """Spread the episodes' ages evenly, so that envs do not all time out in the same step."""
        self._vector.call("stagger", self.spec.num_envs)

    def rewind(self) -> bool:
        """Let the next `reset` begin with the episodes of the very first one, by their seeds."""
        self._vector.call("rewind")
        return True

    def reseed(self, seed: int) -> None:
        """See `VecEnv.reseed`."""
        self._vector.call("rewind", seed)

    def watch(self, envs: Sequence[int]) -> None:
        """See `VecEnv.watch`: the commands are the actions within the environment's own bounds; there is no state."""
        self._watched = list(envs)

    def episode_start(self, env: int) -> dict[str, np.ndarray]:
        """`reset_seed` and `gym_task` (which of the ids), 0-dim int64; see `VecEnv.episode_start`."""
        starts = np.concatenate(self._vector.call("starts"))[self._places]
        reset_seed, task = starts[env]
        return {"reset_seed": np.asarray(reset_seed), "gym_task": np.asarray(task)}

    def snapshot(self) -> dict[str, Tensor]:
        """See `VecEnv.snapshot`: the observation, for Gymnasium shows no more of an environment's state."""
        return {"obs": self._obs.clone()}

    def state(self) -> dict[str, Any]:
        """Nothing: see `resumable`."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Close the environments and end their processes."""
        if self._broken and isinstance(self._vector, AsyncVectorEnv):
            for process in self._vector.processes:  # gymnasium would wait for an answer of the dead one
                process.terminate()
                process.join()
            self._vector.closed = True
        else:
            self._vector.close()


def _dtype(plan: Plan) -> torch.dtype:
    return torch.uint8 if plan.images else torch.float32


def _episode_sums(plan: Plan, whole: np.ndarray) -> dict[str, Tensor]:
    """Sums over the rows of whole episodes, maybe none, by metric; with several tasks also over each one's."""
    flag = dict(zip(FLAGS, whole[:, plan.columns["flags"]].T))
    columns = {name: flag[name] for name in ("return", "length", "success")}
    columns.update({"count": np.ones(len(whole), np.float32), "timeout": flag["truncated"]})
    sums = {name: column.sum() for name, column in columns.items()}
    sums["failure/unstable"] = flag["unstable"].sum()
    for name, total in zip(plan.reward_terms, whole[:, plan.columns["term_returns"]].sum(axis=0)):
        sums[f"reward/{name}"] = total
    if len(plan.recipes) > 1:
        for index, recipe in enumerate(plan.recipes):
            ours = flag["task"] == index
            sums.update(
                {f"task/{recipe.name}/{name}": column[ours].sum() for name, column in columns.items()}
            )
    return {name: torch.tensor(float(total)) for name, total in sums.items()}


def _spec(task: str, num_envs: int, plan: Plan) -> EnvSpec:
    """What a learner must know; raises EnvError where the tasks' actions do not fit together."""
    forms, names = plan.forms, [recipe.env_id for recipe in plan.recipes]
    sizes = [form.num_actions for form in forms]
    check_agreement(names, sizes)
    check_alone(names, any(form.images for form in forms))
    first = forms[0]
    terms: Terms = first.observation_terms
    if len(forms) > 1:
        terms = (("observation", plan.longest), ("task", len(forms)))
    limits = [form.episode_length for form in forms]
    return EnvSpec(
        task=task,
        num_envs=num_envs,
        device=torch.device("cpu"),
        obs_sizes={"policy": plan.obs_size, "critic": plan.obs_size},
        num_actions=sizes[0],
        action_names=tuple(f"a{index}" for index in range(sizes[0])),
        max_episode_length=max(limits),
        control_period=first.control_period,
        observation_terms={"policy": terms, "critic": terms},
        reward_terms=plan.reward_terms,
        tasks=tuple(recipe.name for recipe in plan.recipes) if len(forms) > 1 else (),
        images=first.images,
    )


def _workers(vectorization: str, num_envs: int, processes: int, forms: Sequence[Form]) -> int:
    """How many processes run the envs; 0 is this one."""
    most = max(1, min(processes, num_envs))
    if vectorization == "auto":
        step_time = num_envs * sum(form.step_time for form in forms) / len(forms)
        vectorization = "async" if most > 1 and step_time > WORTH_PROCESSES else "sync"
    return most if vectorization == "async" else 0


@contextmanager
def _ours_alone() -> Iterator[None]:
    """Processes that are started inside never hear that a terminal has closed or that a batch job is nearly over.

    These signals reach every process of the job: the learner's decides when the others end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGUSR1))  # which they inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _at_home() -> Iterator[None]:
    """Processes that are started inside look for modules where rlkit lies.

    Python's server of processes, and what tracks their memory, look first in the folder that they are started in,
    which may be a run of somebody else's. The processes that the server forks go to the folder of this one.
    """
    here = Path.cwd()
    os.chdir(Path(__file__).resolve().parents[3])
    try:
        yield
    finally:
        os.chdir(here)


def _start(plan: Plan, num_envs: int, workers: int) -> tuple[SyncVectorEnv | AsyncVectorEnv, np.ndarray]:
    """The bundles as a vector env, and the row among all of theirs that belongs to each env `[N]`."""
    count = max(1, workers)
    height = math.ceil(num_envs / count)
    shares = np.array_split(np.arange(num_envs), count)
    rows = np.concatenate([index * height + np.arange(len(share)) for index, share in enumerate(shares)])
    makers = [partial(Bundle, plan, share.tolist(), height) for share in shares]
    # Bundles begin new episodes themselves: gymnasium's autoreset knows one episode per environment.
    if not workers:
        return SyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.DISABLED), rows
    # Forked from a clean server with the imports done: a fork of this process, with torch's threads, may hang.
    forkserver.set_forkserver_preload(["__main__", "rlkit.env.gym.bundle"])
    with _ours_alone():
        with _at_home():
            forkserver.ensure_running()
        vector = AsyncVectorEnv(
            makers, context="forkserver", copy=False, autoreset_mode=AutoresetMode.DISABLED
        )
    log.info("environments in %d processes", workers)
    return vector, rows
