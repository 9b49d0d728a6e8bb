"""The recorder: what a few envs do while a policy plays, one recording for each of their episodes."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from rlkit.config import Experiment
from rlkit.config.facts.code import code_of
from rlkit.env.api import Observations, Step, StepInfo, VecEnv
from rlkit.media.recording import SCHEMA, Recording, model_hash
from rlkit.workspace import provenance

_FIRST_CAPACITY = 256


class Recorder:
    """Watches `envs` and hands each episode of theirs to `take` when it ends.

    Others may be watched too, behind these: `env.watch([*envs, other])`.
    facts: entries of the header that are known beforehand, see `facts_of`; `iteration` may be changed between
    episodes. stride: of the states, every which one is kept (the first and the last always are). content: "full",
    "states" (without observations) or "actions" (without states). first_only: of each env, only the episode that
    `begin` found it in.
    """

    def __init__(
        self,
        env: VecEnv,
        envs: Sequence[int],
        facts: Mapping[str, Any],
        take: Callable[[Recording], None],
        *,
        stride: int = 1,
        content: str = "full",
        first_only: bool = False,
    ) -> None:
        self.env, self.envs, self.facts, self.take = env, list(envs), dict(facts), take
        self._stride, self._content = stride, content
        self._columns = np.arange(len(self.envs))
        self._step = np.zeros(len(self.envs), np.int64)  # of the running episode, of each watched env
        self._episode = np.zeros(len(self.envs), np.int64)
        self._mixed = np.zeros(len(self.envs), bool)  # the running episode is not of one policy
        self._first_only, self._over = first_only, np.zeros(len(self.envs), bool)
        self._steps = _Rows(len(self.envs))  # row t: what happened in step t
        self._states = _Rows(len(self.envs))  # row t: the state before step t
        self._start: list[dict[str, np.ndarray]] = [{} for _ in self.envs]
        self._playing = [""] * len(self.envs)  # what the running episode is called
        self._model: list[str | None] = [None] * len(self.envs)  # that it is of
        self._pushes: list[list[list[Any]]] = [[] for _ in self.envs]
        env.watch(self.envs)

    def begin(self, episode: int = 0) -> None:
        """All episodes are new, and count from `episode`: call it after `env.reset()`."""
        self._episode[:] = episode
        self._over[:] = False
        self._begin(self._columns)

    def _begin(self, columns: np.ndarray) -> None:
        self._step[columns] = 0
        self._mixed[columns] = False
        for column in columns:
            self._start[column] = self.env.episode_start(self.envs[column])
            self._playing[column] = self.env.playing(self.envs[column])
            self._model[column] = self.env.model_of(self.envs[column])
            self._pushes[column] = []
        self._states.put(0 * columns, columns, self.env.poses([self.envs[c] for c in columns]))

    def switch_policy(self, **facts: Any) -> None:
        """Another policy acts from now on: running episodes are dropped, and episodes count from 0 again."""
        self.facts.update(facts)
        self._mixed[:] = self._step > 0
        self._episode[:] = 0

    def pushed(self, env: int, body: str, force: Sequence[float]) -> None:
        """Note a push that the next step will feel."""
        if env in self.envs:
            column = self.envs.index(env)
            self._pushes[column].append([int(self._step[column]), body, *(float(f) for f in force)])

    def add(self, obs: Observations, actions: Tensor, step: Step) -> None:
        """Take one step of all envs: the observation and actions it began with, and what it led to.

        obs: `[N, size]` a group. actions: `[N, num_actions]`.
        """
        info = step.info
        assert info.watched is not None
        rows, watched, mine = self.envs, info.watched, slice(len(self.envs))
        ended, success = _rows(step.ended, rows), _rows(info.success, rows)
        happened = {
            "actions": _rows(actions.clamp(-1.0, 1.0), rows),
            "ctrl": watched.ctrl[mine],
            "rewards": _rows(step.reward, rows),
            "terms": watched.terms[mine],
            "metrics": watched.metrics[mine],
            "terminated": _rows(step.terminated, rows),
            "truncated": _rows(step.truncated, rows),
            "criteria": np.stack([_rows(flags, rows) for flags in _criteria(info).values()], axis=-1),
            "obs": _rows(obs["policy"], rows),
        }
        self._steps.put(self._step, self._columns, happened)
        for body, forces in watched.pushes.items():
            for column in np.flatnonzero(forces[mine].any(axis=-1)):
                self.pushed(rows[column], body, forces[column])
        self._step += 1
        self._states.put(self._step, self._columns, {n: array[mine] for n, array in watched.state.items()})
        for column in np.flatnonzero(ended & ~self._mixed & ~self._over):
            self.take(self._recording(int(column), list(_criteria(info)), bool(success[column])))
            self._episode[column] += 1
        if ended.any():
            self._over |= ended & self._first_only
            self._begin(np.flatnonzero(ended))

    def stop(self) -> None:
        """Watch no longer."""
        self.env.watch(())

    def _recording(self, column: int, criteria: Sequence[str], success: bool) -> Recording:
        length, spec = int(self._step[column]), self.env.spec
        arrays = self._steps.column(column, np.arange(length))
        kept = np.unique(np.append(np.arange(0, length + 1, self._stride), length))
        if self._content == "actions" or not self._states.names:
            kept = kept[:0]
        arrays.update(self._states.column(column, kept), steps=kept)
        if self._content == "states":
            arrays.pop("obs")
        arrays.update({f"start.{name}": value for name, value in self._start[column].items()})
        header = {
            **self.facts,
            "schema": SCHEMA,
            "control_period": spec.control_period,
            "env": self.envs[column],
            "episode": int(self._episode[column]),
            "return": float(arrays["rewards"].sum(dtype=np.float64)),
            "length": length,
            "success": success,
            "ended": _ending(arrays, criteria, success),
            "names": {
                "actions": list(spec.action_names),
                "ctrl": list(self.env.actuators),
                "reward_terms": list(spec.reward_terms),
                "metrics": list(spec.metrics),
                "criteria": list(criteria),
                "observations": [list(term) for term in spec.observation_terms.get("policy", ())],
            },
            "stride": self._stride,
            "content": self._content,
            "pushes": self._pushes[column],
            **({"playing": self._playing[column]} if self._playing[column] else {}),
        }
        mjcf = self._model[column]
        if mjcf is not None:
            header["model_sha256"] = model_hash(mjcf)
            arrays["mjcf"] = np.frombuffer(mjcf.encode("utf-8"), np.uint8)
        return Recording(header, arrays)


class _Rows:
    """Arrays `[time, columns, ...]` by name that grow with the longest episode: nothing is allocated in between."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._arrays: dict[str, np.ndarray] = {}

    @property
    def names(self) -> list[str]:
        return list(self._arrays)

    def put(self, times: np.ndarray, columns: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Write row i of each value to (times[i], columns[i])."""
        for name, value in values.items():
            array = self._arrays.get(name)
            if array is None:
                array = np.zeros((_FIRST_CAPACITY, self._columns, *value.shape[1:]), value.dtype)
            if len(times) and times.max() >= len(array):
                array = np.concatenate([array, np.zeros_like(array)])
            self._arrays[name] = array
            array[times, columns] = value

    def column(self, column: int, times: np.ndarray) -> dict[str, np.ndarray]:
        """A copy of the rows `times` of one column."""
        return {name: array[times, column] for name, array in self._arrays.items()}


def facts_of(
    experiment: Experiment, *, iteration: int | None = None, checkpoint: str | None = None
) -> dict[str, Any]:
    """What the header says of the request: task, simulator, seed, versions, code and the settings."""
    sections = experiment.stored()
    code = code_of(sections)
    return {
        "task": experiment.task_name,
        "engine": experiment.engine,
        "simulator": experiment.sim.name,
        "seed": experiment.training.seed,
        "iteration": iteration,
        "checkpoint": checkpoint,
        **provenance(),
        **({"code": code} if code else {}),
        "config": {name: sections[name] for name in ("sim", "env", "task", "train")},
    }


def _rows(values: Tensor, rows: Sequence[int]) -> np.ndarray:
    return values[rows].cpu().numpy()


def _criteria(info: StepInfo) -> dict[str, Tensor]:
    return {name: flags for name, flags in info.reached.items() if not name.startswith("task/")}


def _ending(arrays: Mapping[str, np.ndarray], criteria: Sequence[str], success: bool) -> str:
    """The first criterion that holds, of the kind that counts: success before failure before the time limit."""
    kind = "success" if success else "failure" if arrays["terminated"][-1] else "timeout"
    met = (name for name, holds in zip(criteria, arrays["criteria"][-1]) if holds)
    return next((name for name in met if name.startswith(f"{kind}/")), kind)
