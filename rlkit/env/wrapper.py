"""An env around another one: everything is the inner env's, but for what a wrapper overrides."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from rlkit.env.api import Observations, VecEnv


class _Forwarded:
    """Descriptor: the attribute or method of this name of the wrapped env, to read and to set."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, wrapper: Any, owner: type | None = None) -> Any:
        return self if wrapper is None else getattr(wrapper.env, self._name)

    def __set__(self, wrapper: Any, value: Any) -> None:
        setattr(wrapper.env, self._name, value)


def _forwarded() -> Any:
    return _Forwarded()


def innermost(env: VecEnv) -> VecEnv:
    """The env that all wrappers are around."""
    while isinstance(env, EnvWrapper):
        env = env.env
    return env


class EnvWrapper(VecEnv):
    """Forwards all of `VecEnv` to `env`; a wrapper derives from it and overrides what it changes."""

    def __init__(self, env: VecEnv) -> None:
        self.env = env

    spec = _forwarded()
    physics_time = _forwarded()
    resumable = _forwarded()
    mjcf = _forwarded()
    actuators = _forwarded()
    contact_room = _forwarded()
    curriculum = _forwarded()
    unstable_hint = _forwarded()
    latent_size = _forwarded()
    showing = _forwarded()
    reset = _forwarded()
    step = _forwarded()
    observe = _forwarded()
    ask = _forwarded()
    state = _forwarded()
    load_state = _forwarded()
    demonstrations = _forwarded()
    begin_scenarios = _forwarded()
    learn_from = _forwarded()
    shared_state = _forwarded()
    load_shared_state = _forwarded()
    stagger = _forwarded()
    rewind = _forwarded()
    reseed = _forwarded()
    deployment = _forwarded()
    metrics = _forwarded()
    snapshot = _forwarded()
    watch = _forwarded()
    poses = _forwarded()
    model_of = _forwarded()
    playing = _forwarded()
    episode_start = _forwarded()
    push = _forwarded()
    hold_latent = _forwarded()
    show_targets = _forwarded()
    close = _forwarded()


class ObservationWrapper(EnvWrapper):
    """Shows other observations than its env: `_shown`, the groups that differ as they are now, stands above its own."""

    def __init__(self, env: VecEnv) -> None:
        super().__init__(env)
        self._shown: Observations = {}

    @abstractmethod
    def _begin(self, obs: Observations) -> Observations:
        """What is shown where all episodes are new and the env shows `obs`; sets `_shown`."""

    def reset(self) -> Observations:
        return self._begin(self.env.reset())

    def begin_scenarios(self, scenarios: Tensor) -> Observations:
        return self._begin(self.env.begin_scenarios(scenarios))

    def observe(self) -> Observations:
        return {**self.env.observe(), **self._shown}
