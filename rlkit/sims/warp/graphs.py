"""Kernel launches that are captured once and replayed: the cost of launching does not grow with what is launched."""

from __future__ import annotations

from typing import Any, Callable, Hashable

import torch
import warp as wp


class Graphs:
    """Sequences of Warp operations by key, captured when a key is first asked for.

    A replay is one `cudaGraphLaunch` on CUDA and one loop in C++ on the CPU; launching from Python instead
    costs 0.05 to 0.1 ms a kernel. A graph holds the addresses of its arrays: `forget` all graphs when one of
    the arrays is replaced.
    """

    def __init__(self, device: wp.Device) -> None:
        self._device = device
        # CUDA cannot capture on the default stream, which is where torch works unless told otherwise
        self._capture_stream = wp.Stream(device) if device.is_cuda else None
        self._graphs: dict[Hashable, Any] = {}
        self.captures = 0

    def replay(self, key: Hashable, launch: Callable[[], None]) -> None:
        """Do what `launch` launches, in the order of torch's current stream; capture it if `key` is new.

        `launch` must not read results on the host, and must do the same at every call of `key`.
        """
        if key not in self._graphs:
            self._graphs[key] = self._capture(launch)
        wp.capture_launch(self._graphs[key], self._torch_stream())

    def launch(self, launch: Callable[[], None]) -> None:
        """Do what `launch` launches without capturing it, in the order of torch's current stream."""
        with wp.ScopedDevice(self._device), wp.ScopedStream(self._torch_stream()):
            launch()

    def forget(self) -> None:
        """Capture every key anew when it is next asked for."""
        wp.synchronize_device(self._device)  # a graph that still runs may not be destroyed
        self._graphs.clear()

    def _torch_stream(self) -> wp.Stream | None:
        """Torch's current stream; None on the CPU, which has none."""
        if not self._device.is_cuda:
            return None
        return wp.stream_from_torch(torch.cuda.current_stream(wp.device_to_torch(self._device)))

    def _capture(self, launch: Callable[[], None]) -> Any:
        self.captures += 1
        stream = self._capture_stream
        capture = wp.ScopedCapture(self._device, stream)
        with wp.ScopedDevice(self._device), wp.ScopedStream(stream), capture:
            launch()
        return capture.graph
