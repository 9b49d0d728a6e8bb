"""An env on the CPU for a learner on another device: one copy down and one copy up in each step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor

from rlkit.env.spec import Observations, StepInfo, VecEnv

_CPU = torch.device("cpu")
_ALIGNMENT = 16  # bytes; an element of any dtype may begin there


class DeviceEnv(VecEnv):
    """A `VecEnv` on the CPU that presents itself on `device`.

    Actions go down, and everything that a step returns comes up, all of it bit by bit as the env gave it.
    `state()` and `snapshot()` stay on the CPU.
    """

    def __init__(self, env: VecEnv, device: torch.device) -> None:
        self.env, self.device = env, device
        self.spec, self.resumable = replace(env.spec, device=device), env.resumable
        self.mjcf, self.actuators, self.contact_room = env.mjcf, env.actuators, env.contact_room
        self.curriculum, self.mend = env.curriculum, env.mend
        self._obs: Optional[Observations] = None  # the current one on the device, once it is there

    def reset(self) -> Observations:
        """See `VecEnv.reset`."""
        self._obs = self._up(self.env.reset())
        return self._obs

    def observe(self) -> Observations:
        """See `VecEnv.observe`."""
        if self._obs is None:
            self._obs = self._up(self.env.observe())
        return self._obs

    def step(self, actions: Tensor) -> Tuple[Observations, Tensor, Tensor, Tensor, StepInfo]:
        """See `VecEnv.step`. Waits for the actions; the results may still be under way when it returns."""
        obs, reward, terminated, truncated, info = self.env.step(self._down(actions))
        self.physics_time += self.env.physics_time
        self.env.physics_time = 0.0
        parts: Dict[str, Mapping[str, Tensor]] = {
            "obs": obs,
            "final_obs": info.final_obs,
            "results": {
                "reward": reward,
                "terminated": terminated,
                "truncated": truncated,
                "success": info.success,
            },
            "reached": info.reached,
            "episodes": info.episodes,
        }
        tensors = iter(upload([tensor for part in parts.values() for tensor in part.values()], self.device))
        up = {part: {name: next(tensors) for name in named} for part, named in parts.items()}
        results, self._obs = up["results"], up["obs"]
        return (
            self._obs,
            results["reward"],
            results["terminated"],
            results["truncated"],
            StepInfo(up["final_obs"], results["success"], up["reached"], up["episodes"], info.watched),
        )

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
        """See `VecEnv.stagger`."""
        self.env.stagger()
        self._obs = None

    def rewind(self) -> bool:
        """See `VecEnv.rewind`."""
        return self.env.rewind()

    def state(self) -> Dict[str, Any]:
        """See `VecEnv.state`; on the CPU."""
        return self.env.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `VecEnv.load_state`."""
        self.env.load_state(state)
        self._obs = None

    def watch(self, envs: Sequence[int]) -> None:
        """See `VecEnv.watch`."""
        self.env.watch(envs)

    def poses(self, envs: Sequence[int]) -> Dict[str, Any]:
        """See `VecEnv.poses`."""
        return self.env.poses(envs)

    def episode_start(self, env: int) -> Dict[str, Any]:
        """See `VecEnv.episode_start`."""
        return self.env.episode_start(env)

    def push(self, env: int, body: str, force: Sequence[float]) -> None:
        """See `VecEnv.push`."""
        self.env.push(env, body, force)

    def metrics(self) -> Dict[str, float]:
        """See `VecEnv.metrics`."""
        return self.env.metrics()

    def snapshot(self) -> Dict[str, Tensor]:
        """See `VecEnv.snapshot`; on the CPU."""
        return self.env.snapshot()

    def close(self) -> None:
        """See `VecEnv.close`."""
        self.env.close()


def upload(tensors: Sequence[Tensor], device: torch.device) -> List[Tensor]:
    """CPU tensors of any dtypes on `device`, in a single copy; a tensor that is given twice travels once.

    They are views of one new block of memory. To CUDA the copy starts from pinned memory and runs on while
    the CPU goes on; torch keeps that memory until it is done.
    """
    offsets: Dict[int, int] = {}
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
