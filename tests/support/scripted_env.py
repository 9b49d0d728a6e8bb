"""An env whose every number is written down beforehand: for hand-computed tests of the loops."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec, Observations, Step, StepInfo, VecEnv


class ScriptedEnv(VecEnv):
    """Env i plays episodes of `lengths[i]` steps, over and over, and earns `rewards[i]` in each step.

    Envs named in `succeed` end with success by criterion "held"; those in `fail` by failure "fell"; all
    others run out of time. One step lasts 0.5 s.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        rewards: Sequence[float],
        succeed: Sequence[int] = (),
        fail: Sequence[int] = (),
    ) -> None:
        n = len(lengths)
        self.lengths, self.rewards = torch.tensor(lengths), torch.tensor(rewards)
        self._succeeds, self._fails = _mask(n, succeed), _mask(n, fail)
        self.age: Tensor = torch.zeros(n, dtype=torch.int64)
        self.steps = 0
        self.spec = EnvSpec(
            task="Scripted",
            num_envs=n,
            device=torch.device("cpu"),
            obs_sizes={"policy": 1, "critic": 1},
            num_actions=1,
            action_names=("x",),
            max_episode_length=int(self.lengths.max()),
            control_period=0.5,
        )

    def reset(self) -> Observations:
        self.age.zero_()
        return self.observe()

    def observe(self) -> Observations:
        obs = self.age.float().unsqueeze(1)
        return {"policy": obs, "critic": obs}

    def step(self, actions: Tensor) -> Step:
        self.steps += 1
        self.age += 1
        final = self.observe()
        ended = self.age >= self.lengths
        success, failed = ended & self._succeeds, ended & self._fails
        terminated = success | failed
        truncated = ended & ~terminated
        episodes = {
            "count": ended.sum().float(),
            "return": (self.rewards * self.lengths)[ended].sum(),
            "length": self.lengths[ended].sum().float(),
            "success": success.sum().float(),
            "reward/still": 2.0 * ended.sum().float(),
        }
        self.age[ended] = 0
        reached = {"success/held": success, "failure/fell": failed}
        info = StepInfo(final, success, reached, episodes if bool(ended.any()) else {})
        return Step(self.observe(), self.rewards.clone(), terminated, truncated, info)

    def state(self) -> dict[str, Any]:
        return {"age": self.age.clone()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.age.copy_(state["age"])


def _mask(n: int, ids: Sequence[int]) -> Tensor:
    mask = torch.zeros(n, dtype=torch.bool)
    mask[list(ids)] = True
    return mask
