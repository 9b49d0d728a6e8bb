"""A task that needs memory: what counts at the end of an episode is shown in its first step alone."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec, Observations, Step, StepInfo, VecEnv


class Cue(VecEnv):
    """Shows a cue of 1 or -1 in the first step of an episode, 0 in all others, and when its last step has come, which
    earns action times cue. Episodes last 3 to 6 steps, drawn anew for each; without memory their mean is 0.

    late: they run out of time instead of ending. asymmetric: the critic also sees how long an episode lasts.
    """

    def __init__(self, num_envs: int, *, late: bool = False, asymmetric: bool = False, seed: int = 0) -> None:
        self.late, self.asymmetric = late, asymmetric
        terms = (("cue", 1), ("last", 1))
        critic = (*terms, ("length", 1)) if asymmetric else terms
        self.spec = EnvSpec(
            task="Cue",
            num_envs=num_envs,
            device=torch.device("cpu"),
            obs_sizes={"policy": 2, "critic": len(critic)},
            num_actions=1,
            action_names=("guess",),
            max_episode_length=6,
            control_period=0.1,
            observation_terms={"policy": terms, "critic": critic},
        )
        self._generator = torch.Generator().manual_seed(seed)
        self._cue, self._age, self._length = torch.zeros(3, num_envs)
        self.earned: list[Tensor] = []  # of the episodes that ended, a tensor a step

    def reset(self) -> Observations:
        """See `VecEnv.reset`."""
        self._begin(torch.ones(self.spec.num_envs, dtype=torch.bool))
        return self.observe()

    def _begin(self, envs: Tensor) -> None:
        shape = (self.spec.num_envs,)
        cues = 2.0 * torch.randint(0, 2, shape, generator=self._generator) - 1.0
        lengths = torch.randint(3, 7, shape, generator=self._generator).float()
        self._cue = torch.where(envs, cues, self._cue)
        self._length = torch.where(envs, lengths, self._length)
        self._age = torch.where(envs, 0.0, self._age)

    def observe(self) -> Observations:
        """See `VecEnv.observe`."""
        policy = torch.stack([self._cue * (self._age == 0), (self._age == self._length - 1).float()], 1)
        if not self.asymmetric:
            return {"policy": policy, "critic": policy}
        return {"policy": policy, "critic": torch.cat([policy, self._length[:, None]], 1)}

    def step(self, actions: Tensor) -> Step:
        """See `VecEnv.step`."""
        last = self._age == self._length - 1
        reward = self._cue * actions[:, 0].clamp(-1.0, 1.0) * last
        self.earned.append(reward[last])
        self._age = self._age + 1
        final = self.observe()
        self._begin(last)
        none = torch.zeros_like(last)
        flags = (none, last) if self.late else (last, none)
        return Step(self.observe(), reward, *flags, StepInfo(final, none))

    def state(self) -> dict[str, Any]:
        """See `VecEnv.state`."""
        numbers = torch.stack([self._cue, self._age, self._length])
        return {"numbers": numbers, "generator": self._generator.get_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `VecEnv.load_state`."""
        self._cue, self._age, self._length = state["numbers"].clone()
        self._generator.set_state(state["generator"])
