"""Gymnasium environments whose every number is known; importing this module registers them."""

from __future__ import annotations

from typing import Any, ClassVar, Optional

import gymnasium
import numpy as np
from gymnasium import spaces


class Count(gymnasium.Env):
    """Observes (steps of the episode, a draw of the episode); a step earns 10 * steps + the first action.

    goal: the step that ends the episode with success. bad: the step whose `where` ("obs" or "reward") is NaN;
    step 0 is the reset. raises: the step that raises ValueError.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "render_fps": 20}
    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Box(np.float32([-2.0, 0.0]), np.float32([4.0, 0.1]))
    made = 0

    def __init__(
        self,
        goal: Optional[int] = None,
        bad: Optional[int] = None,
        where: str = "obs",
        raises: Optional[int] = None,
        success_name: str = "success",
    ) -> None:
        type(self).made += 1
        self.goal, self.bad, self.where, self.raises = goal, bad, where, raises
        self.success_name = success_name
        self.seen: list[np.ndarray] = []

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict] = None) -> tuple[np.ndarray, dict]:
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
            raise ValueError("the wheel came off")
        reward = 10.0 * self.steps + float(action[0])
        if self.steps == self.bad and self.where == "reward":
            reward = np.nan
        won = self.steps == self.goal
        info = {
            self.success_name: won,
            "reward_terms": {"steps": 10.0 * self.steps, "action": float(action[0])},
        }
        return self.observe(), reward, won, False, info


class Parts(gymnasium.Env):
    """Observes {"speed": three numbers, "gear": one of two}; a step earns 1. Its actions are a 1 x 2 matrix."""

    dt = 0.25
    observation_space = spaces.Dict({"speed": spaces.Box(-9.0, 9.0, (3,)), "gear": spaces.Discrete(2)})
    action_space = spaces.Box(-1.0, 1.0, (1, 2), np.float64)

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict] = None) -> tuple[dict, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self.observe(), {}

    def observe(self) -> dict[str, Any]:
        return {"speed": np.float32([1.0, 2.0, self.steps]), "gear": self.steps % 2}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        self.steps += 1
        return self.observe(), 1.0, False, False, {}


class Bare(Parts):
    """Spaces as asked for; it is never stepped."""

    def __init__(
        self, observations: Optional[spaces.Space] = None, actions: Optional[spaces.Space] = None
    ) -> None:
        self.observation_space = observations or spaces.Box(-1.0, 1.0, (2,))
        self.action_space = actions or spaces.Box(-1.0, 1.0, (2,))


class Lies(Parts):
    """Its observations have four numbers where its space says five."""

    dt = 0.0
    observation_space = spaces.Box(-9.0, 9.0, (5,))

    def observe(self) -> Any:
        return np.zeros(5 if self.steps < 30 else 4, np.float32)


class Slow(gymnasium.Wrapper):
    """Holds an action for two steps, and says so by its time limit and its frames per second."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.metadata = {**env.metadata, "render_fps": env.metadata["render_fps"] / 2}

    def step(self, action: np.ndarray) -> Any:
        first = self.env.step(action)
        second = self.env.step(action)
        return (second[0], first[1] + second[1], *second[2:])


gymnasium.register("Count-v0", entry_point=Count, max_episode_steps=3)
gymnasium.register("Endless-v0", entry_point=Count)
gymnasium.register("Parts-v0", entry_point=Parts, max_episode_steps=2)
gymnasium.register("Bare-v0", entry_point=Bare)
gymnasium.register("Lies-v0", entry_point=Lies)
gymnasium.register("Needy-v0", entry_point="a_package_that_is_not_there:Env")
