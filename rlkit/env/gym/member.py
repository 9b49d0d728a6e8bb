"""One made environment: flat observations, flat actions within its bounds, and all that it returns checked."""

from __future__ import annotations

import gc
import logging
import math
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence, Tuple

import gymnasium
import numpy as np
from gymnasium import spaces

from rlkit.env.api import FLOAT, EnvError
from rlkit.env.foreign import RAISED, Breach, boundary, failure
from rlkit.env.gym.making import Recipe, check_actions, check_agreement, check_alone, check_observations
from rlkit.env.images import Image

log = logging.getLogger("rlkit")

Terms = Tuple[Tuple[str, int], ...]

DEFAULT_LENGTH = 1000
"""Env-steps after which an episode times out where neither the task nor the environment has a limit."""

_PROBE_STEPS = 10
_NO_TERMS: Mapping[str, float] = {}
_NUMBERS = "biuf"  # kinds of dtypes that are numbers: bool, int, unsigned, float


@dataclass(frozen=True)
class Form:
    """What a look at an environment tells.

    observation_terms: names and sizes of the parts of a row, those of images last. episode_length: env-steps; bounded:
    it is ours, because the environment has no limit. control_period, step_time: simulated and real seconds of a step.
    reward_terms: what `info["reward_terms"]` names, where there is such a thing. middle, half: of the actions' bounds,
    `[num_actions]` float64. memory: bytes by which this process grew meanwhile, with what was imported for it; 0 where
    that is not known. images: the terms that are images; where there are any, a row is bytes, and sizes count them.
    """

    observation_terms: Terms
    num_actions: int
    episode_length: int
    control_period: float
    reward_terms: tuple[str, ...]
    step_time: float
    middle: np.ndarray
    half: np.ndarray
    bounded: bool = False
    memory: int = 0
    images: Mapping[str, Image] = field(default_factory=dict)

    @property
    def obs_size(self) -> int:
        """Numbers in the flat observation; with images bytes."""
        return sum(size for _, size in self.observation_terms)

    @property
    def vector_terms(self) -> Terms:
        """The terms that are no images, with the numbers in each: they stand in front."""
        width = FLOAT if self.images else 1
        return tuple(
            (name, size // width) for name, size in self.observation_terms if name not in self.images
        )

    def own(self, action: np.ndarray) -> np.ndarray:
        """An action of [-1, 1] within the environment's bounds, `[num_actions]` float64."""
        return self.middle + self.half * action


class MemberStep(NamedTuple):
    """What a step returned, as numbers; terms: of the reward, by name."""

    obs: np.ndarray
    reward: float
    terminated: bool
    truncated: bool
    success: bool
    terms: Mapping[str, float]


class Member:
    """A made environment with flat observations and actions; middle, half `[num_actions]`: of the actions' bounds.

    images: those among its observations, by name; a flat observation then is bytes, as `EnvSpec.images` says.

    Its methods raise Breach for what Gymnasium's interface does not allow, and whatever the environment raises.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Raises EnvError for what cannot be made, or has spaces that no continuous learner can use."""
        self.env, self.env_id = recipe.make(), recipe.env_id
        with boundary(f"env.id={recipe.env_id} has no usable spaces"):
            self._obs_space = self.env.observation_space
            self.images = check_observations(recipe.env_id, self._obs_space)
            self._action_space = check_actions(recipe.env_id, self.env.action_space)
            self._vector_space = _without(self._obs_space, self.images)
            self._obs_size = int(spaces.flatdim(self._vector_space))
        self._flat = self._row if self.images else self._flat_vector
        # In float64, which holds the middle of any two float32 bounds exactly.
        bounds = (self._action_space.low, self._action_space.high)
        low, high = (bound.reshape(-1).astype(np.float64) for bound in bounds)
        self.middle, self.half = (high + low) / 2, (high - low) / 2

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Begin an episode; the flat first observation `[size]`."""
        result = self.env.reset(seed=seed)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            raise Breach(
                f"reset() returned {_shown(result)}, not (observation, info): gym's old interface had the observation"
                f" alone; return a dict beside it, or wrap the environment (task.wrapper)"
            )
        return self._flat(result[0])

    def step(self, action: np.ndarray) -> MemberStep:
        """One env-step with an action `[num_actions]` of `middle + half * [-1, 1]`, float64."""
        own = action.astype(self._action_space.dtype).reshape(self._action_space.shape)
        result = self.env.step(own)
        if not isinstance(result, tuple) or len(result) != 5:
            raise Breach(_no_step(result))
        obs, reward, terminated, truncated, info = result
        if not isinstance(info, (dict, Mapping)):  # dict first: it is what there is, and many times quicker
            raise Breach(f"the info of step() is {_shown(info)}, not a dict")
        return MemberStep(
            self._flat(obs),
            number(reward, "the reward"),
            terminated if isinstance(terminated, bool) else bool(number(terminated, "terminated")),
            truncated if isinstance(truncated, bool) else bool(number(truncated, "truncated")),
            bool(info) and _success(info),
            _reward_terms(info) if "reward_terms" in info else _NO_TERMS,
        )

    def vector(self, flat: np.ndarray) -> np.ndarray:
        """Of a flat observation `[size]` the numbers that are no pixels."""
        return flat[: FLOAT * self._obs_size].view(np.float32) if self.images else flat

    def recorded(self, flat: np.ndarray) -> np.ndarray:
        """A flat observation `[size]` as recordings hold it: float32, with images bytes."""
        return flat if self.images else flat.astype(np.float32)

    def _row(self, obs: Any) -> np.ndarray:
        """The bytes `[size]` of an observation with images."""
        if self._obs_space.shape is not None:
            return self._pixels("observation", obs)
        if not isinstance(obs, Mapping):
            raise Breach(f"the observation is {_shown(obs)}, not a dict")
        missing = [name for name in self.images if name not in obs]
        if missing:
            raise Breach(f"the observation lacks {missing[0]}, an image that its space has")
        pixels = [self._pixels(name, obs[name]) for name in self.images]
        return np.concatenate([self._flat_vector(obs).astype(np.float32).view(np.uint8), *pixels])

    def _pixels(self, name: str, given: Any) -> np.ndarray:
        pixels, image = np.asarray(given), self.images[name]
        if pixels.dtype != np.uint8 or pixels.size != image.size:
            raise Breach(f"{name} is {_shown(given)}, its space says an image {image} of uint8")
        return pixels.reshape(-1)

    def _flat_vector(self, obs: Any) -> np.ndarray:
        if isinstance(self._vector_space, spaces.Box):
            flat = np.asarray(obs).reshape(-1)
        else:
            flat = np.asarray(spaces.flatten(self._vector_space, obs))
        if flat.dtype.kind not in _NUMBERS:
            raise Breach(f"the observation is {_shown(obs)}, not numbers")
        if flat.size != self._obs_size:
            raise Breach(f"the observation has {flat.size} numbers, its space says {self._obs_size}")
        return flat

    def close(self) -> None:
        """Close the environment; one that fails in it has done its work, so that is told and no more."""
        try:
            self.env.close()
        except RAISED as error:
            log.warning("%s", failure(f"{self.env_id} could not be closed", error))

    def form(self, recipe: Recipe) -> Form:
        """Measure a few steps of a first episode with the middle action, and say what is known."""
        self._begin()
        step_time, terms = math.inf, {}
        for _ in range(_PROBE_STEPS):
            started = time.perf_counter()
            step = self._first_step()
            step_time = min(step_time, time.perf_counter() - started)
            terms.update(step.terms)
            if step.terminated or step.truncated:
                self.reset()
        limit = _time_limit(self.env) if recipe.episode_length is None else recipe.episode_length
        return Form(
            observation_terms=self._terms(),
            num_actions=int(self.middle.size),
            episode_length=limit or DEFAULT_LENGTH,
            control_period=_control_period(self.env),
            reward_terms=tuple(terms),
            step_time=step_time,
            middle=self.middle,
            half=self.half,
            bounded=not limit,
            images=self.images,
        )

    def _terms(self) -> Terms:
        """Parts of a row in their order, and their sizes."""
        if not self.images:
            return _terms(self._vector_space)
        vector = _terms(self._vector_space) if self._obs_size else ()
        sizes = [(name, FLOAT * size) for name, size in vector]
        return (*sizes, *((name, image.size) for name, image in self.images.items()))

    def _begin(self) -> None:
        try:
            self.reset(seed=0)
        except TypeError as error:
            if "unexpected keyword" not in str(error):
                raise
            raise Breach(
                f"{error}: gym's old interface had no such argument; Gymnasium's is"
                " `def reset(self, *, seed=None, options=None)` and returns (observation, info)"
            ) from error

    def _first_step(self) -> MemberStep:
        """A step; where a wrapper of Gymnasium stumbled over what the environment returned, what that was."""
        try:
            return self.step(self.middle)
        except ValueError as error:
            if "to unpack" not in str(error):
                raise
            own = self.middle.astype(self._action_space.dtype).reshape(self._action_space.shape)
            result: Any = self.env.unwrapped.step(own)
            raise (error if len(result) == 5 else Breach(_no_step(result))) from error


def number(value: Any, what: str) -> float:
    """A number, in whatever clothes: a scalar of NumPy or Python, a flag, an array of one; Breach for all else."""
    if isinstance(value, (float, int)):  # also a bool, and NumPy's float64
        return float(value)
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in _NUMBERS:
        raise Breach(f"{what} is {_shown(value)}, not a number")
    return float(array.reshape(()))


def _success(info: Mapping[str, Any]) -> bool:
    value = info.get("success", info.get("is_success"))
    return value is not None and bool(number(value, "info['success']"))


def _reward_terms(info: Mapping[str, Any]) -> dict[str, float]:
    terms = info["reward_terms"]
    if not isinstance(terms, Mapping):
        raise Breach(f"info['reward_terms'] is {_shown(terms)}, not a dict of numbers by name")
    return {str(name): number(value, f"info['reward_terms']['{name}']") for name, value in terms.items()}


def _shown(value: Any) -> str:
    """A value for a message: small ones as they are, large ones by their kind."""
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, (str, int, float)):
        return f"{value!r:.60} ({kind})"
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"an array of shape {tuple(shape)} {getattr(value, 'dtype', '')}".rstrip()
    return f"a {kind} of {len(value)}" if hasattr(value, "__len__") else f"a {kind}"


def _no_step(result: Any) -> str:
    old = isinstance(result, tuple) and len(result) == 4
    return (
        f"step() returned {_shown(result)}, not (observation, reward, terminated, truncated, info)"
        + (": gym's old interface had one `done` for both flags" if old else "")
        + "; return five values, or wrap the environment (task.wrapper)"
    )


def look(recipe: Recipe) -> Form:
    """Make the environment once, here, step it a little and close it: whatever is wrong with it is said by its id.

    Raises EnvError.
    """
    before = own_bytes()
    member = Member(recipe)
    try:
        with boundary(f"env.id={recipe.env_id} failed in its first steps"):
            form = member.form(recipe)
        return replace(form, memory=max(0, own_bytes() - before))
    finally:
        member.close()


def memory_of(recipe: Recipe) -> int:
    """Bytes of one environment more, where there is one already: of the second that is made here. Raises EnvError."""
    gc.collect()  # what is given back meanwhile would be taken off
    members, before = [Member(recipe)], 0
    try:
        with boundary(f"env.id={recipe.env_id} failed in its first steps"):
            members[0].form(recipe)
            before = own_bytes()
            members.append(Member(recipe))
            members[1].form(recipe)
        return max(0, own_bytes() - before)
    finally:
        for member in members:
            member.close()


def own_bytes() -> int:
    """Main memory that this process has to itself [bytes]; 0 where the system does not tell.

    Without pages of files: those of libraries are shared with other processes, and the system drops them when it likes.
    """
    try:
        _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split())
    except OSError:
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def problems(made: Sequence[Recipe], forms: list[Form] | None = None) -> list[str]:
    """What is wrong with the environments, by themselves and together: each is made once and stepped a little.

    forms: takes what was seen, where nothing is wrong.
    """
    found: dict[str, None] = {}  # in order, each once: several ids may fail alike
    forms = [] if forms is None else forms
    for recipe in made:
        try:
            recipe.find()
        except EnvError as error:
            found[str(error)] = None
    for recipe in () if found else made:  # unknown ids are told before anything large is imported
        try:
            forms.append(look(recipe))
        except EnvError as error:
            found[str(error)] = None
    if not found:
        try:
            ids = [recipe.env_id for recipe in made]
            check_agreement(ids, [form.num_actions for form in forms])
            check_alone(ids, any(form.images for form in forms))
        except EnvError as error:
            found[str(error)] = None
    return list(found)


def _time_limit(env: gymnasium.Env) -> int | None:
    """Steps after which the environment times out: those it is registered with, or a TimeLimit that it brings."""
    if env.spec is not None and env.spec.max_episode_steps:
        return env.spec.max_episode_steps
    inner: Any = env
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(inner, gymnasium.wrappers.TimeLimit):
            return inner._max_episode_steps
        inner = inner.env
    return None


def _without(space: spaces.Space, images: Mapping[str, Image]) -> spaces.Space:
    """What of a space is no image."""
    if not images:
        return space
    parts = space.spaces.items() if isinstance(space, spaces.Dict) else ()
    return spaces.Dict({name: part for name, part in parts if name not in images})


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
