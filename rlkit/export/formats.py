"""A policy network in other formats, and how far their actions are from the original's.

The runners of other formats are imported where they are used: `rlkit export --format torchscript` needs neither.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from rlkit.errors import RlkitError
from rlkit.learners.acting import zero_state
from rlkit.learners.api import Memory

INPUT, OUTPUT = "obs", "actions"

Act = Callable[..., Tuple[np.ndarray, ...]]
"""Observations `[N, size]`, of images alone uint8, and with memory the state `[layers, N, units]` each, to actions
`[N, num_actions]` and the next state, float32."""


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

    def act(*given: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            made = network(*map(torch.from_numpy, given))
        parts = (made,) if isinstance(made, Tensor) else made
        return tuple(part.numpy() for part in parts)

    return act


def state_names(memory: Memory) -> tuple[list[str], list[str]]:
    """What the parts of a state are called before and after a step."""
    return [f"{part}_in" for part in memory], [f"{part}_out" for part in memory]


def _inputs(rows: Tensor, memory: Memory) -> tuple[Tensor, ...]:
    return (rows, *zero_state(memory, rows))


def to_torchscript(network: nn.Module, rows: Tensor, memory: Memory, facts: Mapping[str, Any]) -> Exported:
    """Traced for any number of rows; the facts are its extra file policy.json. rows: two observations `[2, size]`."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        # It still is what robots load
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        traced = torch.jit.trace(network, _inputs(rows, memory))
        torch.jit.save(traced, content, _extra_files={"policy.json": json.dumps(facts)})
        content.seek(0)
        loaded = torch.jit.load(content)
    return Exported("policy.pt", content.getvalue(), as_numpy(loaded))


def to_onnx(network: nn.Module, rows: Tensor, memory: Memory, facts: Mapping[str, Any]) -> Exported:
    """One file with the weights in it, batch axis free; every fact is a metadata property, as text or JSON.

    rows: two observations `[2, size]`.
    """
    import onnxruntime

    before, after = state_names(memory)
    batch = torch.export.Dim("batch")
    with _quiet_exporter():
        program = torch.onnx.export(
            network,
            _inputs(rows, memory),
            dynamo=True,
            input_names=[INPUT, *before],
            output_names=[OUTPUT, *after],
            dynamic_shapes=({0: batch}, *([tuple({1: batch} for _ in memory)] if memory else [])),
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

    def act(*given: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(map(np.asarray, session.run([OUTPUT, *after], dict(zip([INPUT, *before], given)))))

    return Exported("policy.onnx", content, act)


WRITERS: dict[str, Callable[[nn.Module, Tensor, Memory, Mapping[str, Any]], Exported]] = {
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
            # All inputs share the one axis
            warnings.filterwarnings("ignore", "# The axis name: batch will not be used", UserWarning)
            yield
    finally:
        registration.setLevel(level)


def _forget_the_exporter(graph: Any) -> None:
    """Drop the notes that torch leaves on every part, among them this machine's paths."""
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.metadata_props[:]
