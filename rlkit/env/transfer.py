"""An env on the CPU for a learner on another device: one copy down and one copy up in each step."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec, Observations, Step, StepInfo, VecEnv
from rlkit.env.wrapper import EnvWrapper

_CPU = torch.device("cpu")
_ALIGNMENT = 16  # bytes; an element of any dtype may begin there


class DeviceEnv(EnvWrapper):
    """A `VecEnv` on the CPU that presents itself on `device`.

    Actions go down, and everything that a step returns comes up, all of it bit by bit as the env gave it.
    `state()` and `snapshot()` stay on the CPU.
    """

    def __init__(self, env: VecEnv, device: torch.device) -> None:
        super().__init__(env)
        self.device = device
        self._obs: Observations | None = None  # the current one on the device, once it is there

    @cached_property
    def spec(self) -> EnvSpec:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the env, on `device`."""
        return replace(self.env.spec, device=self.device)

    def reset(self) -> Observations:
        self._obs = self._up(self.env.reset())
        return self._obs

    def demonstrations(self, group: str, count: int) -> Tensor:
        """See `VecEnv.demonstrations`, `[count, size]` on the device."""
        return self.env.demonstrations(group, count).to(self.device)

    def begin_scenarios(self, scenarios: Tensor) -> Observations:
        self._obs = self._up(self.env.begin_scenarios(scenarios.to(_CPU)))
        return self._obs

    def learn_from(self, success: Tensor, facts: Mapping[str, Tensor]) -> None:
        self.env.learn_from(success.to(_CPU), {name: fact.to(_CPU) for name, fact in facts.items()})

    def observe(self) -> Observations:
        if self._obs is None:
            self._obs = self._up(self.env.observe())
        return self._obs

    def step(self, actions: Tensor) -> Step:
        """See `VecEnv.step`. Waits for the actions; the results may still be under way when it returns."""
        step = self.env.step(self._down(actions))
        info = step.info
        parts: dict[str, Mapping[str, Tensor]] = {
            "obs": step.obs,
            "final_obs": info.final_obs,
            "results": {
                "reward": step.reward,
                "terminated": step.terminated,
                "truncated": step.truncated,
                "success": info.success,
            },
            "reached": info.reached,
            "episodes": info.episodes,
            "facts": info.facts,
        }
        tensors = iter(upload([tensor for part in parts.values() for tensor in part.values()], self.device))
        up = {part: {name: next(tensors) for name in named} for part, named in parts.items()}
        results, self._obs = up["results"], up["obs"]
        success, watched = results.pop("success"), info.watched
        info = StepInfo(up["final_obs"], success, up["reached"], up["episodes"], watched, up["facts"])
        return Step(self._obs, **results, info=info)

    def _down(self, actions: Tensor) -> Tensor:
        if actions.device.type != "cuda":
            return actions.to(_CPU)
        host = torch.empty(actions.shape, dtype=actions.dtype, pin_memory=True)
        host.copy_(actions, non_blocking=True)
        torch.cuda.current_stream(actions.device).synchronize()
        return host

    def _up(self, obs: Observations) -> Observations:
        return dict(zip(obs, upload(list(obs.values()), self.device)))

    def stagger(self) -> None:
        self.env.stagger()
        self._obs = None

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.env.load_state(state)
        self._obs = None


def upload(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """CPU tensors `[...]` of any dtypes on `device`, in a single copy; a tensor that is given twice travels once.

    They are views of one new block of memory. To CUDA the copy starts from pinned memory and runs on while
    the CPU goes on; torch keeps that memory until it is done.
    """
    offsets: dict[int, int] = {}
    total = 0
    for tensor in tensors:
        if id(tensor) not in offsets:
            offsets[id(tensor)] = total
            size = tensor.numel() * tensor.element_size()
            total += -(-size // _ALIGNMENT) * _ALIGNMENT
    packed = torch.empty(total, dtype=torch.uint8, pin_memory=device.type == "cuda")
    for tensor in {id(tensor): tensor for tensor in tensors}.values():
        _view(packed, offsets[id(tensor)], tensor).copy_(tensor)
    packed = packed.to(device, non_blocking=True)
    views = {id(tensor): _view(packed, offsets[id(tensor)], tensor) for tensor in tensors}
    return [views[id(tensor)] for tensor in tensors]


def _view(packed: Tensor, offset: int, like: Tensor) -> Tensor:
    """The bytes from `offset` on as a tensor of the same dtype and shape as `like`."""
    size = like.numel() * like.element_size()
    return packed[offset : offset + size].view(like.dtype).view(like.shape)
