"""Gymnasium environments whose every number is known; importing this module registers them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

SIDE = 16  # pixels of Dot-v0's images


class Count(gymnasium.Env):
    """Observes (steps of the episode, a draw of the episode); a step earns 10 * steps + the first action.

    goal: the step that ends the episode with success. bad: the step whose `where` ("obs", "reward" or "term") is NaN;
    step 0 is the reset. raises: the step that raises `error`. sticky: whether it fails when it is closed.
    """

    metadata: dict[str, Any] = {"render_modes": [], "render_fps": 20}
    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([4.0, 0.1], np.float32))
    made = 0

    def __init__(
        self,
        goal: int | None = None,
        bad: int | None = None,
        where: str = "obs",
        raises: int | None = None,
        success_name: str = "success",
        error: type[BaseException] = ValueError,
        sticky: bool = False,
    ) -> None:
        type(self).made += 1
        self.goal, self.bad, self.where, self.raises = goal, bad, where, raises
        self.success_name, self.error, self.sticky = success_name, error, sticky
        self.seen: list[np.ndarray] = []

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.steps, self.draw = 0, self.np_random.random()
        return self.observe(), {}

    def observe(self) -> np.ndarray:
        bad = self.steps == self.bad and self.where == "obs"
        return np.array([np.nan if bad else self.steps, self.draw])

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        self.seen.append(action)
        self.steps += 1
        if self.steps == self.raises:
            raise self.error("the wheel came off")
        reward = 10.0 * self.steps + float(action[0])
        if self.steps == self.bad and self.where == "reward":
            reward = np.nan
        won = self.steps == self.goal
        info = {
            self.success_name: won,
            "reward_terms": {"steps": 10.0 * self.steps, "action": float(action[0])},
        }
        if self.steps == self.bad and self.where == "term":
            info["reward_terms"]["steps"] = np.nan
        return self.observe(), reward, won, False, info

    def close(self) -> None:
        if self.sticky:
            raise OSError("the door sticks")


class Parts(gymnasium.Env):
    """Observes {"speed": three numbers, "gear": one of two}; a step earns 1. Its actions are a 1 x 2 matrix."""

    dt = 0.25
    observation_space = spaces.Dict({"speed": spaces.Box(-9.0, 9.0, (3,)), "gear": spaces.Discrete(2)})
    action_space = spaces.Box(-1.0, 1.0, (1, 2), np.float64)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self.observe(), {}

    def observe(self) -> dict[str, Any]:
        return {"speed": np.array([1.0, 2.0, self.steps], np.float32), "gear": self.steps % 2}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        self.steps += 1
        return self.observe(), 1.0, False, False, {}


class Bare(Parts):
    """Spaces as asked for; it is never stepped."""

    def __init__(self, observations: spaces.Space | None = None, actions: spaces.Space | None = None) -> None:
        self.observation_space = observations or spaces.Box(-1.0, 1.0, (2,))
        self.action_space = actions or spaces.Box(-1.0, 1.0, (2,))


class Lies(Parts):
    """Its observations have four numbers where its space says five."""

    dt = 0.0
    observation_space = spaces.Box(-9.0, 9.0, (5,))

    def observe(self) -> Any:
        return np.zeros(5 if self.steps < 30 else 4, np.float32)


class Heavy(Parts):
    """Takes 60 MB."""

    def __init__(self) -> None:
        self.ballast = np.ones(60_000_000, np.uint8)


class Odd(gymnasium.Env):
    """From step `after` on its steps return what they are given in place of what is right."""

    observation_space = spaces.Box(-9.0, 9.0, (2,))
    action_space = spaces.Box(-1.0, 1.0, (2,))

    def __init__(self, after: int = 1, **odd: Any) -> None:
        self.after, self.odd = after, odd

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        self.steps = 0
        return np.zeros(2), {}

    def step(self, action: np.ndarray) -> Any:
        self.steps += 1
        usual = {"obs": np.zeros(2), "reward": 1.0, "terminated": False, "truncated": False, "info": {}}
        return tuple((usual if self.steps < self.after else {**usual, **self.odd}).values())


class Old(Odd):
    """gym's interface before 0.26. kind: "step" returns four values, "reset" no info, "seed" takes none."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        if kind == "seed":
            self.reset = lambda: np.zeros(2)  # type: ignore[assignment]

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> Any:
        super().reset()
        return np.zeros(2) if self.kind == "reset" else (np.zeros(2), {})

    def step(self, action: np.ndarray) -> Any:
        return (np.zeros(2), 1.0, False, {}) if self.kind == "step" else super().step(action)


def failing(error: type[BaseException]) -> gymnasium.Env:
    """Makes nothing."""
    raise error("mode")


class Slow(gymnasium.Wrapper):
    """Holds an action for two steps, and says so by its time limit and its frames per second."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.metadata = {**env.metadata, "render_fps": env.metadata["render_fps"] / 2}

    def step(self, action: np.ndarray) -> Any:
        first = self.env.step(action)
        second = self.env.step(action)
        return (second[0], float(first[1]) + float(second[1]), *second[2:])


class Dot(gymnasium.Env):
    """A bright dot on a dark square, to be moved to the middle: each step earns minus its distance from there.

    An action in [-1, 1] x [-1, 1] moves it (down, right) by up to an eighth of the square; an episode has 24 steps. The
    dot begins where the draw puts it, so that no policy knows the way which does not look.

    order: HWC or CHW. speed: whether it observes {"eye": the image, "last": its last action}. blind: the image stays
    dark.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    action_space = spaces.Box(-1.0, 1.0, (2,))

    def __init__(
        self, order: str = "HWC", speed: bool = False, blind: bool = False, render_mode: str | None = None
    ) -> None:
        self.order, self.speed, self.blind, self.render_mode = order, speed, blind, render_mode
        shape = (SIDE, SIDE, 1) if order == "HWC" else (1, SIDE, SIDE)
        image = spaces.Box(0, 255, shape, np.uint8)
        self.observation_space = (
            spaces.Dict({"eye": image, "last": spaces.Box(-1.0, 1.0, (2,))}) if speed else image
        )

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.steps, self.last = 0, np.zeros(2, np.float32)
        self.place = self.np_random.uniform(-1.0, 1.0, 2)
        return self.observe(), {}

    def observe(self) -> Any:
        row, column = np.round((self.place + 1.0) / 2.0 * (SIDE - 2)).astype(int)
        image = np.zeros((SIDE, SIDE), np.uint8)
        if not self.blind:
            image[row : row + 2, column : column + 2] = 255
        shown = image[..., None] if self.order == "HWC" else image[None]
        return {"eye": shown, "last": self.last} if self.speed else shown

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        self.steps += 1
        self.last = action.astype(np.float32)
        self.place = np.clip(self.place + 0.25 * action, -1.0, 1.0)
        far = float(np.abs(self.place).max())
        return self.observe(), -far, False, self.steps == 24, {"success": far < 0.25}

    def render(self) -> np.ndarray:
        image = Dot.observe(self)
        grey = image["eye"] if self.speed else image
        return np.repeat(grey.reshape(SIDE, SIDE, 1), 3, axis=2)


def register(name: str, entry_point: Any, **settings: Any) -> None:
    """gymnasium's own, whose type wants an entry point that takes any keyword."""
    gymnasium.register(name, entry_point=entry_point, **settings)


register("Count-v0", Count, max_episode_steps=3)
register("Endless-v0", Count)
register("Parts-v0", Parts, max_episode_steps=2)
register("Bare-v0", Bare)
register("Lies-v0", Lies)
register("Needy-v0", "a_package_that_is_not_there:Env")
register("Heavy-v0", Heavy)
register("Odd-v0", Odd)
register("Old-v0", Old, max_episode_steps=9)
register("OldEndless-v0", Old)
register("Failing-v0", failing)
register("Inside-v0", lambda: gymnasium.wrappers.TimeLimit(Parts(), 7))
register("Dot-v0", Dot)
