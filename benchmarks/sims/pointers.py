"""Whether arrays change hands between an engine and torch without a copy: the same address on both sides."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import torch


def shared(sims: Sequence[str], device: str) -> dict[str, bool]:
    """By simulator that has arrays of its own: whether torch sees them, and its engine torch's, where they lie."""
    return {sim: CHECKS[sim](device) for sim in sims if sim in CHECKS}


def _jax(device: str) -> bool:
    """There and back by DLPack, as `sim=mjx` does it in every step."""
    import jax

    platform = "cuda" if device.startswith("cuda") else "cpu"
    array: Any = jax.device_put(jax.numpy.ones((64, 3)), jax.devices(platform)[0]).block_until_ready()
    out = torch.from_dlpack(array)
    tensor = torch.ones(64, 3, device=device)
    into: Any = jax.dlpack.from_dlpack(tensor)
    return (
        array.unsafe_buffer_pointer() == out.data_ptr() and tensor.data_ptr() == into.unsafe_buffer_pointer()
    )


def _warp(device: str) -> bool:
    """`wp.to_torch`, as `sim=warp` wraps its arrays once."""
    import warp

    warp.init()
    array: Any = warp.ones((64, 3), dtype=float, device=warp.device_from_torch(torch.device(device)))
    return array.ptr == warp.to_torch(array).data_ptr()


CHECKS: dict[str, Callable[[str], bool]] = {"mjx": _jax, "warp": _warp}
