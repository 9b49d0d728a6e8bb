"""Recordings as one HDF5 file, laid out as robomimic and robosuite lay out their demonstrations."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from rlkit.media.recording import Recording, RecordingError
from rlkit.packages import how_to_install
from rlkit.workspace import write_atomic


def write(path: Path, recordings: Sequence[Recording]) -> int:
    """Write the episodes as data/demo_0, data/demo_1, ..; returns the number of steps in all.

    Each has `actions` [T, A], and where they were recorded `obs/<term>` [T, n], `rewards` and `dones` [T], `ctrl`
    [T, nu], `states` [K, 1 + nq + nv + na] (time, qpos, qvel, act before the steps `state_steps` [K]), and the
    attributes num_samples, header (JSON) and model_file (MJCF). Raises RecordingError without h5py or actions.
    """
    try:
        import h5py
    except ImportError as error:
        raise RecordingError(f"HDF5 files need the package h5py: {how_to_install('hdf5')}") from error
    buffer = io.BytesIO()  # h5py wants to read what it writes, and the file may appear only whole
    with h5py.File(buffer, "w") as file:
        data = file.create_group("data")
        for index, recording in enumerate(recordings):
            _write_demo(data.create_group(f"demo_{index}"), recording)
        total = sum(recording.length for recording in recordings)
        data.attrs["total"] = total
        data.attrs["env_args"] = json.dumps(_env_args(recordings[0]))
    write_atomic(path, buffer.getvalue())
    return total


def _env_args(recording: Recording) -> dict[str, Any]:
    """How robomimic is told what the demonstrations are of."""
    return {
        "env_name": recording.header["task"],
        "type": None,
        "env_kwargs": recording.header.get("config", {}),
    }


def _write_demo(demo: Any, recording: Recording) -> None:
    header, arrays = recording.header, recording.arrays
    demo.attrs["num_samples"] = recording.length
    demo.attrs["header"] = json.dumps(dict(header))
    if "mjcf" in arrays:
        demo.attrs["model_file"] = recording.mjcf
    for name, values in _datasets(recording).items():
        demo.create_dataset(name, data=values, compression="gzip" if values.size else None)


def _datasets(recording: Recording) -> dict[str, np.ndarray]:
    header, arrays = recording.header, recording.arrays
    # RoboVerse's files hold joint targets, and no actions in [-1, 1].
    datasets = {"actions": arrays["actions"] if "actions" in arrays else arrays["ctrl"]}
    datasets.update({name: arrays[name] for name in ("rewards", "ctrl") if name in arrays})
    if "terminated" in arrays:
        datasets["dones"] = (arrays["terminated"] | arrays["truncated"]).astype(np.int64)
    start = 0
    for term, size in header["names"]["observations"] if "obs" in arrays else ():
        datasets[f"obs/{term}"] = arrays["obs"][:, start : start + size]
        start += size
    if recording.has_states:
        before = np.asarray(arrays["steps"]) < recording.length  # robomimic keeps none after the last action
        parts = [arrays[name] for name in ("qpos", "qvel", "act") if name in arrays]
        datasets["states"] = np.concatenate([arrays["time"][:, None], *parts], axis=1)[before]
        datasets["state_steps"] = arrays["steps"][before]
    return datasets
