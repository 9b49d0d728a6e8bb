"""How a Gymnasium environment is found and made by its id, and which spaces are of use to a learner here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec, load_env_creator

from rlkit.env.api import EnvError
from rlkit.env.foreign import RAISED, boundary, failure
from rlkit.env.gym import engine_warnings
from rlkit.env.images import Image, image_of, is_image
from rlkit.nearest import nearest
from rlkit.packages import how_to_install, how_to_install_package

Wrap = Callable[[gymnasium.Env], gymnasium.Env]

_WITH_MUJOCO = how_to_install("mujoco,gymnasium")
_INSTALLS = {
    "mujoco": _WITH_MUJOCO,
    "imageio": _WITH_MUJOCO,
    "sai_mujoco": how_to_install_package("sai_mujoco"),
}


@dataclass(frozen=True)
class Recipe:
    """How an environment is made, in this process or another.

    packages: modules that register environments, imported first. kwargs: what `gymnasium.make` passes on.
    wrap: put around the environment. episode_length: env-steps after which it times out; None: its own limit.
    """

    env_id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    wrap: Wrap | None = None
    episode_length: int | None = None

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
                except RAISED as error:
                    what = f"env.id={self.env_id}: the module {package} cannot be imported"
                    raise failure(what, error) from error
        if self.name not in gymnasium.registry:
            raise EnvError(_unknown(self.name))
        return gymnasium.registry[self.name]

    def make(self) -> gymnasium.Env:
        """The environment; raises EnvError where the id is unknown or the environment cannot be made."""
        entry_point = self.find().entry_point
        limit = None if self.episode_length is None else -1  # -1: without the registered TimeLimit
        given = f" with env.kwargs={dict(self.kwargs)!s:.200}" if self.kwargs else ""
        with boundary(f"env.id={self.env_id} cannot be made{given}"):
            try:
                if isinstance(entry_point, str):
                    load_env_creator(entry_point)  # imports MuJoCo, where the environment runs on it
                engine_warnings.take_over()
                env = gymnasium.make(
                    self.name, max_episode_steps=limit, disable_env_checker=True, **self.kwargs
                )
            except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
                raise EnvError(_missing(self.env_id, error)) from error
        if self.wrap is None:
            return env
        with boundary(f"env.id={self.env_id}: what is put around it failed"):
            return self.wrap(env)


def recipes(
    ids: Sequence[str],
    *,
    kwargs: Mapping[str, Any] | None = None,
    packages: Sequence[str] = (),
    wrap: Wrap | None = None,
    max_episode_length: int | None = None,
) -> tuple[Recipe, ...]:
    """How the environments `ids` are made, one like the other."""
    return tuple(Recipe(name, dict(kwargs or {}), tuple(packages), wrap, max_episode_length) for name in ids)


def check_agreement(ids: Sequence[str], sizes: Sequence[int]) -> None:
    """Raise EnvError unless the environments' actions have one size; sizes: the numbers that each takes."""
    if len(set(sizes)) > 1:
        listed = ", ".join(f"{name} takes {size}" for name, size in zip(ids, sizes))
        raise EnvError(
            f"env.ids: one policy needs actions of one size, but {listed}; train them in runs of their own"
        )


def check_alone(ids: Sequence[str], images: bool) -> None:
    """Raise EnvError where images are among the observations of several environments that share a policy."""
    if images and len(ids) > 1:
        raise EnvError(
            f"env.ids=[{','.join(ids)}]: observations are padded to the longest, which makes no sense of images; train"
            f" each in a run of its own, as env.id={ids[0]}"
        )


def check_observations(env_id: str, space: spaces.Space) -> dict[str, Image]:
    """The images among the observations by their names; raises EnvError unless all can become one row of numbers."""
    images: dict[str, Image] = {}
    for name, part in _leaves(space, "observation"):
        if not isinstance(part, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
            raise EnvError(
                f"env.id={env_id}: {name} is {part}, which cannot become numbers; Box, Discrete, MultiDiscrete,"
                " MultiBinary and Dict or Tuple of them can"
            )
        if isinstance(part, spaces.Box) and part.dtype == np.uint8 and is_image(part.shape):
            term = name if name == "observation" else name[len("observation.") :]
            try:
                images[term] = image_of(part.shape)
            except ValueError as error:
                raise EnvError(f"env.id={env_id}: {name} is an image {part.shape}: {error}") from error
    top = space.spaces if isinstance(space, spaces.Dict) else ("observation",)
    deep = [name for name in images if name not in top]
    if deep:
        raise EnvError(
            f"env.id={env_id}: observation.{deep[0]} is an image inside of another part; images stand alone or by name"
            " in the Dict itself: flatten it with a wrapper (task.wrapper)"
        )
    return images


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
    near = nearest(name, gymnasium.registry, 3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"env.id={name}: Gymnasium has no environment of that name.{hint} One that a package registers is named"
        f" with its module: env.id=<module>:{name}"
    )


def _leaves(space: spaces.Space, name: str) -> tuple[tuple[str, spaces.Space], ...]:
    """The spaces that a Dict or Tuple is made of, with their names."""
    parts: Mapping[Any, spaces.Space] = {}
    if isinstance(space, spaces.Dict):
        parts = space.spaces
    elif isinstance(space, spaces.Tuple):
        parts = dict(enumerate(space.spaces))
    else:
        return ((name, space),)
    return tuple(leaf for key, part in parts.items() for leaf in _leaves(part, f"{name}.{key}"))
