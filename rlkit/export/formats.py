"""A policy network in other formats, and how far their actions are from the original's.

The runners of other formats are imported where they are used: `rlkit export --format torchscript` needs neither.
"""

from __future__ import annotations

import io
import json
import logging
import statistics
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping

import numpy as np
import torch
from torch import nn

from rlkit.errors import RlkitError

INPUT, OUTPUT = "obs", "actions"
TOLERANCE = 1e-5  # between actions, which lie in [-1, 1]

Act = Callable[[np.ndarray], np.ndarray]
"""Observations `[N, size]` to actions `[N, num_actions]`, float32."""


class ExportError(RlkitError):
    """A format does not act as the policy does."""


@dataclass(frozen=True)
class Exported:
    """One format: its file's name and content, and the policy as read back from that content."""

    file: str
    content: bytes
    act: Act


def as_numpy(network: nn.Module) -> Act:
    """A torch module on numpy arrays."""

    def act(obs: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(obs)).numpy()

    return act


def to_torchscript(network: nn.Module, size: int, facts: Mapping[str, Any]) -> Exported:
    """Traced for any number of rows; the facts are its extra file policy.json. size: of an observation."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        # It still is what robots load
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        traced = torch.jit.trace(network, torch.zeros(2, size))
        torch.jit.save(traced, content, _extra_files={"policy.json": json.dumps(facts)})
        content.seek(0)
        loaded = torch.jit.load(content)
    return Exported("policy.pt", content.getvalue(), as_numpy(loaded))


def to_onnx(network: nn.Module, size: int, facts: Mapping[str, Any]) -> Exported:
    """One file with the weights in it, batch axis free; every fact is a metadata property, as text or JSON."""
    import onnxruntime

    with _quiet_exporter():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, size),),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None  # no file was named
    model = program.model_proto
    _forget_the_exporter(model.graph)
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value)
        model.metadata_props.add(key=name, value=text)
    content = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return Exported("policy.onnx", content, lambda obs: np.asarray(session.run([OUTPUT], {INPUT: obs})[0]))


WRITERS: dict[str, Callable[[nn.Module, int, Mapping[str, Any]], Exported]] = {
    "onnx": to_onnx,
    "torchscript": to_torchscript,
}


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without what torch's exporter says about torchvision, which nobody asked for, and about torch itself."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning
            )
            yield
    finally:
        registration.setLevel(level)


def _forget_the_exporter(graph: Any) -> None:
    """Drop the notes that torch leaves on every part, among them this machine's paths."""
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.metadata_props[:]


def largest_difference(act: Act, reference: Act, obs: np.ndarray) -> float:
    """Between two policies' actions on `obs [N, size]`, all rows at once and the first alone; NaN where one is."""
    together, alone = act(obs) - reference(obs), act(obs[:1]) - reference(obs[:1])
    return float(max(np.abs(together).max(), np.abs(alone).max()))


def require_equal(name: str, difference: float) -> None:
    """Raise ExportError unless the difference is below TOLERANCE; NaN is not."""
    if not difference < TOLERANCE:
        raise ExportError(
            f"{name} differs from the policy by up to {difference:.3g} (allowed: {TOLERANCE:g}); nothing was written"
        )


def latency(act: Act, obs: np.ndarray, calls: int = 300) -> float:
    """The median time [µs] of one call with one observation, `obs [1, size]`."""
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        act(obs)
        times.append(time.perf_counter() - started)
    return 1e6 * statistics.median(times)
