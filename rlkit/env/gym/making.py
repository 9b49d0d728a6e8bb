"""One Gymnasium environment: made by its id, checked, with flat float32 observations and actions in [-1, 1]."""

from __future__ import annotations

import difflib
import importlib
import math
import time
from dataclasses import dataclass, field
from traceback import format_exc
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec, load_env_creator

from rlkit.env.gym import engine_warnings
from rlkit.env.spec import EnvError

Terms = Tuple[Tuple[str, int], ...]
Wrap = Callable[[gymnasium.Env], gymnasium.Env]

_PROBE_STEPS = 10
_WITH_MUJOCO = "pip install -e '.[mujoco,gymnasium]'"
_INSTALLS = {"mujoco": _WITH_MUJOCO, "imageio": _WITH_MUJOCO, "sai_mujoco": "make soccer"}


@dataclass(frozen=True)
class Recipe:
    """How an environment is made, in this process or another.

    packages: modules that register environments, imported first. kwargs: what `gymnasium.make` passes on.
    wrap: put around the environment. episode_length: env-steps after which it times out; None: its own limit.
    """

    env_id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    packages: Tuple[str, ...] = ()
    wrap: Optional[Wrap] = None
    episode_length: Optional[int] = None

    @property
    def name(self) -> str:
        """The id without the module that registers it: how metrics call it."""
        return self.env_id.rpartition(":")[2]

    def find(self) -> EnvSpec:
        """What the id is registered with; raises EnvError where it is unknown or a package is missing."""
        for package in (*self.packages, self.env_id.rpartition(":")[0]):
            if package:
                try:
                    importlib.import_module(package)
                except ImportError as error:
                    raise EnvError(_missing(self.env_id, error)) from error
        if self.name not in gymnasium.registry:
            raise EnvError(_unknown(self.name))
        return gymnasium.registry[self.name]

    def make(self) -> gymnasium.Env:
        """The environment; raises EnvError where the id is unknown or the environment cannot be made."""
        entry_point = self.find().entry_point
        limit = None if self.episode_length is None else -1  # -1: without the registered TimeLimit
        try:
            if isinstance(entry_point, str):
                load_env_creator(entry_point)  # imports MuJoCo, where the environment runs on it
            engine_warnings.take_over()
            env = gymnasium.make(self.name, max_episode_steps=limit, disable_env_checker=True, **self.kwargs)
        except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
            raise EnvError(_missing(self.env_id, error)) from error
        except (gymnasium.error.Error, TypeError, ValueError, OSError) as error:
            given = f" with env.kwargs={dict(self.kwargs)}" if self.kwargs else ""
            raise EnvError(f"env.id={self.env_id} cannot be made{given}: {error}") from error
        return self.wrap(env) if self.wrap is not None else env


@dataclass(frozen=True)
class Form:
    """What a look at an environment tells.

    observation_terms: names and sizes of the parts of the flat observation. episode_length: env-steps, None without
    a limit. control_period, step_time: simulated and real seconds of a step. reward_terms: what `info["reward_terms"]`
    names, where there is such a thing. middle, half: of the actions' bounds, `[num_actions]` float64.
    """

    observation_terms: Terms
    num_actions: int
    episode_length: Optional[int]
    control_period: float
    reward_terms: Tuple[str, ...]
    step_time: float
    middle: np.ndarray
    half: np.ndarray

    @property
    def obs_size(self) -> int:
        """Numbers in the flat observation."""
        return sum(size for _, size in self.observation_terms)

    def own(self, action: np.ndarray) -> np.ndarray:
        """An action of [-1, 1] within the environment's bounds, `[num_actions]` float64."""
        return self.middle + self.half * action


class Member:
    """A made environment with flat observations and actions; middle, half `[num_actions]`: of the actions' bounds."""

    def __init__(self, recipe: Recipe) -> None:
        """Raises EnvError for spaces that no continuous learner can use."""
        self.env = recipe.make()
        action_space, self._obs_space = self.env.action_space, self.env.observation_space
        check_observations(recipe.env_id, self._obs_space)
        self._action_space = check_actions(recipe.env_id, action_space)
        # In float64, which holds the middle of any two float32 bounds exactly.
        low, high = (
            b.reshape(-1).astype(np.float64) for b in (self._action_space.low, self._action_space.high)
        )
        self.middle, self.half = (high + low) / 2, (high - low) / 2

    def reset(self, seed: Optional[int] = None) -> np.ndarray:
        """Begin an episode; the flat first observation."""
        obs, _ = self.env.reset(seed=seed)
        return self._flat(obs)

    def step(self, action: np.ndarray) -> Tuple[np.ndarray, float, bool, bool, Mapping[str, Any]]:
        """One env-step with an action `[num_actions]` of `middle + half * [-1, 1]`, float64."""
        own = action.astype(self._action_space.dtype).reshape(self._action_space.shape)
        obs, reward, terminated, truncated, info = self.env.step(own)
        return self._flat(obs), float(reward), bool(terminated), bool(truncated), info

    def _flat(self, obs: Any) -> np.ndarray:
        if isinstance(self._obs_space, spaces.Box):
            return np.asarray(obs).reshape(-1)
        return np.asarray(spaces.flatten(self._obs_space, obs))

    def form(self, recipe: Recipe) -> Form:
        """Measure a few steps of a first episode with the middle action, and say what is known."""
        self.reset(seed=0)
        step_time, info = math.inf, {}
        for _ in range(_PROBE_STEPS):
            started = time.perf_counter()
            _, _, terminated, truncated, info = self.step(self.middle)
            step_time = min(step_time, time.perf_counter() - started)
            if terminated or truncated:
                self.reset()
        limit = recipe.episode_length
        if limit is None and self.env.spec is not None:
            limit = self.env.spec.max_episode_steps
        return Form(
            observation_terms=_terms(self._obs_space),
            num_actions=int(self.middle.size),
            episode_length=limit,
            control_period=_control_period(self.env),
            reward_terms=tuple(info.get("reward_terms", ())),
            step_time=step_time,
            middle=self.middle,
            half=self.half,
        )


def look(recipe: Recipe) -> Form:
    """Make the environment once, here, and close it: everything wrong with it is said before a process starts.

    Raises EnvError.
    """
    member = Member(recipe)
    try:
        return member.form(recipe)
    except Exception as error:  # foreign code, that may raise anything: say whose it is
        raise EnvError(
            f"env.id={recipe.env_id} failed in its first steps: {type(error).__name__}: {error}\n{format_exc()}"
        ) from error
    finally:
        member.env.close()


def recipes(
    ids: Sequence[str],
    *,
    kwargs: Optional[Mapping[str, Any]] = None,
    packages: Sequence[str] = (),
    wrap: Optional[Wrap] = None,
    max_episode_length: Optional[int] = None,
) -> Tuple[Recipe, ...]:
    """How the environments `ids` are made, one like the other."""
    return tuple(Recipe(name, dict(kwargs or {}), tuple(packages), wrap, max_episode_length) for name in ids)


def problems(made: Sequence[Recipe]) -> List[str]:
    """What is wrong with the environments, by themselves and together: each is made once, none is stepped."""
    found: Dict[str, None] = {}  # in order, each once: several ids may fail alike
    sizes: List[int] = []
    for recipe in made:
        try:
            recipe.find()
        except EnvError as error:
            found[str(error)] = None
    for recipe in () if found else made:  # unknown ids are told before anything large is imported
        try:
            member = Member(recipe)
        except EnvError as error:
            found[str(error)] = None
        else:
            sizes.append(member.middle.size)
            member.env.close()
    if not found:
        try:
            check_agreement([recipe.env_id for recipe in made], sizes)
        except EnvError as error:
            found[str(error)] = None
    return list(found)


def check_agreement(ids: Sequence[str], sizes: Sequence[int]) -> None:
    """Raise EnvError unless the environments' actions have one size; sizes: the numbers that each takes."""
    if len(set(sizes)) > 1:
        listed = ", ".join(f"{name} takes {size}" for name, size in zip(ids, sizes))
        raise EnvError(
            f"env.ids: one policy needs actions of one size, but {listed}; train them in runs of their own"
        )


def check_observations(env_id: str, space: spaces.Space) -> None:
    """Raise EnvError unless the observations can become one vector of numbers."""
    for name, part in _leaves(space, "observation"):
        if not isinstance(part, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
            raise EnvError(
                f"env.id={env_id}: {name} is {part}, which cannot become numbers; Box, Discrete, MultiDiscrete,"
                " MultiBinary and Dict or Tuple of them can"
            )
        if isinstance(part, spaces.Box) and part.dtype == np.uint8 and len(part.shape) == 3:
            raise EnvError(
                f"env.id={env_id}: {name} is an image {part.shape}; the networks here take vectors of numbers."
                " Choose an environment with a state observation"
            )


def check_actions(env_id: str, space: spaces.Space) -> spaces.Box:
    """The action space; raises EnvError unless it is a box of real numbers with finite bounds."""
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        raise EnvError(
            f"env.id={env_id}: its actions are {space}, but the learners here give real numbers; choose an environment"
            " with a continuous Box, such as env.id=Pendulum-v1 or env.id=HalfCheetah-v5"
        )
    bounds = np.stack([space.low.reshape(-1), space.high.reshape(-1)], axis=1)
    for index, (low, high) in enumerate(bounds):
        if not np.isfinite([low, high]).all():
            raise EnvError(
                f"env.id={env_id}: action {index} of {len(bounds)} has the bounds [{low:g}, {high:g}]; actions of"
                " [-1, 1] can only be scaled to finite ones. Give the environment bounds (gymnasium's RescaleAction"
                " or a wrapper of your own through task.wrapper)"
            )
    return space


def _missing(env_id: str, error: Exception) -> str:
    """What an environment lacks, and the command that installs it."""
    cause = error if isinstance(error, ImportError) else error.__cause__
    package = cause.name if isinstance(cause, ModuleNotFoundError) else None
    install = _INSTALLS.get(package or "")
    if cause is error and package and "." not in package:  # else Gymnasium's own message tells what to do
        install = install or f"pip install {package}"
    if install is None:
        return f"env.id={env_id} cannot be made here: {error}"
    return f"env.id={env_id} needs the package {package}, which is not installed here; install it with: {install}"


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, list(gymnasium.registry), n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"env.id={name}: Gymnasium has no environment of that name.{hint} One that a package registers is named"
        f" with its module: env.id=<module>:{name}"
    )


def _leaves(space: spaces.Space, name: str) -> Tuple[Tuple[str, spaces.Space], ...]:
    """The spaces that a Dict or Tuple is made of, with their names."""
    parts: Mapping[Any, spaces.Space] = {}
    if isinstance(space, spaces.Dict):
        parts = space.spaces
    elif isinstance(space, spaces.Tuple):
        parts = dict(enumerate(space.spaces))
    else:
        return ((name, space),)
    return tuple(leaf for key, part in parts.items() for leaf in _leaves(part, f"{name}.{key}"))


def _terms(space: spaces.Space) -> Terms:
    """Parts of the flat observation in the order in which gymnasium flattens them."""
    parts = space.spaces.items() if isinstance(space, spaces.Dict) else [("observation", space)]
    return tuple((str(name), int(spaces.flatdim(part))) for name, part in parts)


def _control_period(env: gymnasium.Env) -> float:
    """Seconds of a step: the environment's `dt`, else 1 / render_fps of its metadata, else 1.

    A wrapper that holds an action for n steps says so by metadata whose render_fps is n times smaller.
    """
    inner, outer = (float(e.metadata.get("render_fps") or 0.0) for e in (env.unwrapped, env))
    period = float(getattr(env.unwrapped, "dt", 0.0) or (1.0 / inner if inner else 1.0))
    return period * inner / outer if inner and outer else period
