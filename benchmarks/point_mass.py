"""A small env in pure torch, for tests and measurements of learners: points steered to the origin."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec, Mirror, Observations, Step, StepInfo, VecEnv


class PointMass(VecEnv):
    """N points in a plane [m, m/s]; actions are accelerations of up to 4 m/s^2, 20 steps a second.

    An episode ends when a point leaves the square of half-width 2 m (terminated) or after its maximal length
    (truncated); success is to end within 0.1 m of the origin. Reward: minus the squared distance to
    the origin. When `asymmetric`, `critic` sees the distance as well.
    """

    def __init__(
        self, num_envs: int = 64, max_episode_length: int = 40, *, asymmetric: bool = False, seed: int = 0
    ) -> None:
        critic = 5 if asymmetric else 4
        terms = (("position", 2), ("velocity", 2))
        self.spec = EnvSpec(
            task="PointMass",
            num_envs=num_envs,
            device=torch.device("cpu"),
            obs_sizes={"policy": 4, "critic": critic},
            num_actions=2,
            action_names=("x", "y"),
            max_episode_length=max_episode_length,
            control_period=0.05,
            mirror=_left_right(asymmetric),
            observation_terms={"policy": terms, "critic": (*terms, ("distance", 1))[: critic - 2]},
        )
        self._generator = torch.Generator().manual_seed(seed)
        self._state = torch.zeros(num_envs, 4)
        self._age = torch.zeros(num_envs, dtype=torch.long)
        self._return = torch.zeros(num_envs)

    def reset(self) -> Observations:
        """See `VecEnv.reset`: new random positions, at rest, with staggered ages."""
        self._restart(torch.arange(self.spec.num_envs))
        self._age = torch.randint(0, self.spec.max_episode_length, self._age.shape, generator=self._generator)
        return self.observe()

    def step(self, actions: Tensor) -> Step:
        """See `VecEnv.step`: semi-implicit Euler over one control period."""
        position, velocity = self._state[:, :2], self._state[:, 2:]
        velocity = velocity + 4.0 * actions.clamp(-1.0, 1.0) * self.spec.control_period
        position = position + velocity * self.spec.control_period
        self._state = torch.cat([position, velocity], 1)
        self._age = self._age + 1
        reward = -(position**2).sum(1)
        self._return = self._return + reward
        terminated = (position.abs() > 2.0).any(1)
        truncated = (self._age >= self.spec.max_episode_length) & ~terminated
        done = terminated | truncated
        success = done & (position.norm(dim=1) < 0.1)
        episodes = {
            "count": done.sum(),
            "return": self._return[done].sum(),
            "length": self._age[done].sum(),
            "success": success.sum(),
            "timeout": truncated.sum(),
        }
        final_obs = self.observe()
        self._restart(done.nonzero().squeeze(1))
        info = StepInfo(final_obs, success, episodes=episodes)
        return Step(self.observe(), reward, terminated, truncated, info)

    def observe(self) -> Observations:
        """See `VecEnv.observe`: position (m), velocity (m/s); for an asymmetric critic also the distance (m)."""
        policy = self._state.clone()
        if not self.spec.asymmetric:
            return {"policy": policy, "critic": policy}
        distance = policy[:, :2].norm(dim=1, keepdim=True)
        return {"policy": policy, "critic": torch.cat([policy, distance], 1)}

    def state(self) -> dict[str, Any]:
        """Positions, velocities, ages, returns and the generator of resets."""
        state = {"state": self._state.clone(), "age": self._age.clone(), "return": self._return.clone()}
        return {**state, "rng": self._generator.get_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`."""
        self._state, self._age = state["state"].clone(), state["age"].clone()
        self._return = state["return"].clone()
        self._generator.set_state(state["rng"])

    def _restart(self, ids: Tensor) -> None:
        self._state[ids] = 0.0
        self._state[ids, :2] = torch.rand(len(ids), 2, generator=self._generator) * 2.0 - 1.0
        self._age[ids] = 0
        self._return[ids] = 0.0


def _left_right(asymmetric: bool) -> Mirror:
    """x and its velocity change sign; the distance does not."""
    image = ((0, 1, 2, 3), (-1.0, 1.0, -1.0, 1.0))
    critic = ((0, 1, 2, 3, 4), (-1.0, 1.0, -1.0, 1.0, 1.0)) if asymmetric else image
    return Mirror({"policy": image, "critic": critic}, ((0, 1), (-1.0, 1.0)))
