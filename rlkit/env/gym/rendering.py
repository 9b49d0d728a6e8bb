"""A recorded Gymnasium episode played again: the same seed, the same actions, and pictures of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, NamedTuple

import gymnasium
import numpy as np

from rlkit.env.api import EnvError
from rlkit.env.foreign import boundary
from rlkit.env.gym.making import Recipe, recipes
from rlkit.env.gym.member import Member
from rlkit.env.gym.request import recipe_arguments

# Pictures of two observations that differ by less look alike; other processors round differently.
_LOOKS_ALIKE = 1e-3


class Moment(NamedTuple):
    """One state of an episode: the flat observation, what led to it, and a picture `[H, W, 3]` uint8 if asked for."""

    obs: np.ndarray
    reward: float
    ended: bool
    frame: np.ndarray | None


def replayed(recording: Any, *, render: bool = False) -> Iterator[Moment]:
    """Play a recording's actions from its seed on: length + 1 moments, fewer where the environment ends before.

    recording: an `rlkit.media.recording.Recording` of engine "gymnasium". Raises EnvError where the environment cannot
    be made, would be code that is not installed and that the recording does not trust, gives no pictures, or fails.
    """
    arrays = recording.arrays
    recipe = _recipe(recording)
    if render:
        recipe = _with_pictures(recipe)
    member = Member(recipe)
    if render:
        _draw_quickly(member.env)
    what = f"env.id={recipe.env_id} failed while it was replayed"
    try:
        with boundary(what):
            obs = member.reset(int(arrays["start.reset_seed"]))
        yield Moment(member.recorded(obs), 0.0, False, _picture(recipe, member.env) if render else None)
        for action in arrays["actions"]:
            with boundary(what):
                obs, reward, terminated, truncated, *_ = member.step(member.middle + member.half * action)
            frame = _picture(recipe, member.env) if render else None
            yield Moment(member.recorded(obs), reward, terminated or truncated, frame)
            if terminated or truncated:
                return
    finally:
        member.close()


def frames(recording: Any) -> Iterator[np.ndarray]:
    """A picture of every state of a recorded Gymnasium episode, `[H, W, 3]` uint8, length + 1 of them.

    recording: an `rlkit.media.recording.Recording`. Raises EnvError where the environment has no pictures, cannot
    be made, or does another thing than it did when it was recorded.
    """
    arrays = recording.arrays
    name, seen, count = _recipe(recording).env_id, observed(recording), 0
    for step, moment in enumerate(replayed(recording, render=True)):
        if step < len(seen):
            _check_alike(name, step, seen[step, : moment.obs.size], moment.obs)
        assert moment.frame is not None
        yield moment.frame
        count += 1
    if count <= len(arrays["actions"]):
        raise EnvError(f"{name} ended after {count - 1} of {len(arrays['actions'])} recorded steps: {_WHY}")


def observed(recording: Any) -> np.ndarray:
    """What a recorded episode's environment showed in each step, `[T, numbers]`; empty where that was not kept.

    Of observations with older frames beside each other (`task.history`) the newest.
    """
    obs = np.asarray(recording.arrays.get("obs", np.zeros((0, 0))))
    task = recording.header["config"]["task"]
    frames = int(task.get("history", 1))
    if frames == 1 or not len(obs):
        return obs
    stacked, columns, begin = task.get("historyTerms") or (), [], 0
    for name, size in recording.header["names"]["observations"]:
        width = size // frames if not stacked or name in stacked else size
        columns += range(begin + size - width, begin + size)
        begin += size
    return obs[:, columns]


_WHY = "it is not deterministic, or not the version that was recorded; rlkit replay FILE.npz compares them"


def _check_alike(name: str, step: int, recorded: np.ndarray, obs: np.ndarray) -> None:
    if not np.allclose(recorded, obs, rtol=_LOOKS_ALIKE, atol=_LOOKS_ALIKE):
        raise EnvError(
            f"{name} observes something else than when it was recorded, at step {step} by"
            f" {np.abs(recorded - obs).max():g}: {_WHY}"
        )


def _recipe(recording: Any) -> Recipe:
    """How the environment of the recorded episode is made; raises EnvError where the file does not say it."""
    try:
        config = recording.header["config"]
        arguments = recipe_arguments(config["env"], config["task"], recording.trusted)
        return recipes(**arguments)[int(recording.arrays["start.gym_task"])]
    except (KeyError, IndexError, TypeError) as error:
        raise EnvError(
            f"the recording does not say how its environment is made: {error} is missing"
        ) from error


def _with_pictures(recipe: Recipe) -> Recipe:
    env = recipe.make()
    modes = env.metadata.get("render_modes") or ()
    env.close()
    if "rgb_array" not in modes:
        raise EnvError(
            f"env.id={recipe.env_id} gives no pictures: its render_modes are {list(modes)}, and a video needs"
            " rgb_array"
        )
    return replace(recipe, kwargs={**recipe.kwargs, "render_mode": "rgb_array"})


def _draw_quickly(env: gymnasium.Env) -> None:
    """Without shadows, reflections and multisampling MuJoCo draws ten times as fast where no GPU does it."""
    model: Any = getattr(env.unwrapped, "model", None)
    if hasattr(model, "light_castshadow"):
        model.light_castshadow[:] = False
        model.mat_reflectance[:] = 0.0
        model.vis.quality.offsamples = 0


def _picture(recipe: Recipe, env: gymnasium.Env) -> np.ndarray:
    try:
        frame = env.render()
    except gymnasium.error.DependencyNotInstalled as error:
        raise EnvError(f"env.id={recipe.env_id} cannot be drawn here: {error}") from error
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.shape[2:] != (3,):
        raise EnvError(
            f"env.id={recipe.env_id}: render() gave {type(frame).__name__}, not a picture [H, W, 3]"
        )
    return frame
