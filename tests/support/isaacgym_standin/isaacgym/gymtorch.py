"""Between Isaac Gym's tensors and torch's, on the CPU."""

from __future__ import annotations

import weakref

import torch

from isaacgym import gymapi

_DTYPES = {
    torch.float32: gymapi.DTYPE_FLOAT32,
    torch.int32: gymapi.DTYPE_UINT32,
    torch.int64: gymapi.DTYPE_UINT64,
}


def wrap_tensor(gym_tensor: gymapi.Tensor) -> torch.Tensor:
    if not isinstance(gym_tensor, gymapi.Tensor):
        raise TypeError(f"wrap_tensor takes a gymapi.Tensor, not {type(gym_tensor).__name__}")
    return torch.from_numpy(gym_tensor.array)


def unwrap_tensor(torch_tensor: torch.Tensor) -> gymapi.Tensor:
    if not isinstance(torch_tensor, torch.Tensor):
        raise TypeError(f"unwrap_tensor takes a torch tensor, not {type(torch_tensor).__name__}")
    if not torch_tensor.is_contiguous():
        raise gymapi.GymMisuse("Input tensor must be contiguous")
    if torch_tensor.dtype not in _DTYPES:
        raise gymapi.GymMisuse(f"no Isaac Gym tensor holds {torch_tensor.dtype}")
    return gymapi.Tensor(
        torch_tensor.detach().numpy(), _DTYPES[torch_tensor.dtype], weakref.ref(torch_tensor)
    )
