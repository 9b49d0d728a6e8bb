"""Damaged and hostile files: refused in one message and at a bounded cost, never loaded as something else."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlkit.media import recording as recordings
from rlkit.media.recording import RecordingError
from rlkit.report.metrics import read_metrics
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.checkpoints.head import CheckpointError, read_head
from rlkit.runtime.checkpoints.pretrained import load_tensors
from rlkit.runtime.checkpoints.weights_file import read_index
from rlkit.workspace import WorkspaceError

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def checkpoint(**learner: Any) -> Checkpoint:
    return Checkpoint("BaseTask", "ppo", 7, 70, 1, learner, {"x": [1, 2.5]}, monitor={"window": [{"n": 1.0}]})


def write_checkpoint(path: Path) -> None:
    model = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
    checkpoints.save(path, checkpoint(model=model, steps=torch.tensor(3), lr=1e-3))


def write_recording(path: Path) -> None:
    header = {"schema": 1, "task": "T", "engine": "mujoco", "control_period": 0.1, "names": {}, "length": 3}
    arrays = {"steps": np.arange(4), "qpos": np.arange(8.0).reshape(4, 2), "rewards": np.array([1.0, 2, 3])}
    recordings.save(path, recordings.Recording(header, arrays))


def load_checkpoint(path: Path) -> Any:
    return vars(checkpoints.load(path, CPU))


def load_recording(path: Path) -> Any:
    loaded = recordings.load(path)
    return {"header": dict(loaded.header), **loaded.arrays}


READERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any], type[Exception]]] = {
    "checkpoint": (write_checkpoint, load_checkpoint, CheckpointError),
    "head": (write_checkpoint, lambda path: vars(read_head(path, whole=True)), CheckpointError),
    "weights": (write_checkpoint, lambda path: read_index(path) and load_tensors(path), CheckpointError),
    "recording": (write_recording, load_recording, RecordingError),
}
every_reader = pytest.mark.parametrize("kind", READERS)


def equal(a: Any, b: Any) -> bool:
    """The same types and the same bits."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


@every_reader
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path, kind, place, bit):
    write, read, _ = READERS[kind]
    path = tmp_path / kind
    write(path)
    whole = read(path)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path.write_bytes(data)
    assert refused(kind, path) or equal(whole, read(path))


@pytest.mark.slow
def test_no_array_of_a_recording_goes_missing_for_a_flipped_bit_in_the_archives_list(tmp_path):
    path = tmp_path / "recording"
    write_recording(path)
    whole, data = load_recording(path), path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    for place in range(start, len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            assert refused("recording", path) or equal(whole, load_recording(path)), (place - start, bit)


def refused(kind: str, path: Path) -> bool:
    """Whether it is refused by a message that names it."""
    _, read, error = READERS[kind]
    try:
        read(path)
    except error as caught:
        assert str(path) in str(caught)
        return True
    return False


@every_reader
def test_any_flipped_bit_of_what_was_saved_is_refused(tmp_path, kind):
    write, read, _ = READERS[kind]
    path = tmp_path / kind
    write(path)
    whole, data = read(path), path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith((".npy", "data.pkl")) and "/data/" not in info.filename:
                continue  # the version of the format and the like, of which nothing is used
            lengths = struct.unpack("<HH", data[info.header_offset + 26 : info.header_offset + 30])
            begin = info.header_offset + 30 + sum(lengths)
            for offset in range(begin, begin + info.compress_size, 1 + info.compress_size // 20):
                path.write_bytes(data[:offset] + bytes([data[offset] ^ 0x10]) + data[offset + 1 :])
                # A compressed array has bits that say nothing.
                assert refused(kind, path) or (info.compress_type and equal(whole, read(path)))


@pytest.mark.slow
@every_reader
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), share=st.floats(0, 1, exclude_max=True))
def test_garbage_and_a_part_of_a_file_are_refused(tmp_path, kind, data, share):
    write, read, _ = READERS[kind]
    path = tmp_path / kind
    write(path)
    original, whole = read(path), path.read_bytes()
    for content in (data, whole[: int(share * len(whole))], whole[: int(share * len(whole))] + data):
        path.write_bytes(content)
        assert refused(kind, path) or equal(
            original, read(path)
        )  # the same again, or with a few bytes behind it


@pytest.mark.parametrize("kind", [*READERS, "metrics"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path, kind, monkeypatch):
    read, error = READERS[kind][1:] if kind in READERS else (read_metrics, WorkspaceError)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        listener.bind("socket")
    for name, reason in (
        ("pipe", "a named pipe, not a file"),
        ("folder", "a folder, not a file"),
        ("device", "a device, not a file"),
        ("socket", "No such device"),
    ):
        with pytest.raises(error, match=f"{name} cannot be read: .*{reason}"):
            read(tmp_path / name)

    def refuse(*_: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rlkit.untrusted.os.open", refuse)
    with pytest.raises(error, match="cannot be read: Permission denied"):
        read(tmp_path / "secret")


# Files that ask for far more than they are long.


def archive(
    path: Path, pickled: bytes, records: dict[str, bytes], compression: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("archive/data.pkl", pickled, zipfile.ZIP_STORED)
        for name, content in records.items():
            file.writestr(f"archive/data/{name}", content)


def rewritten(path: Path, change: Callable[[bytes], bytes], **more: Any) -> None:
    """A checkpoint whose pickle was changed, its checksum with it."""
    checkpoints.save(path, checkpoint(**more))
    with zipfile.ZipFile(path) as whole:
        pickled = whole.read("archive/data.pkl")
        records = {Path(name).name: whole.read(name) for name in whole.namelist() if "archive/data/" in name}
    archive(path, change(pickled), records)


def compressed(path: Path) -> None:
    checkpoints.save(path, checkpoint(weight=torch.zeros(50_000_000)))  # 200 MB of zeros
    with zipfile.ZipFile(path) as whole:
        pickled, zeros = whole.read("archive/data.pkl"), whole.read("archive/data/0")
    archive(path, pickled, {"0": zeros}, zipfile.ZIP_DEFLATED)


def many_values(path: Path) -> None:
    rewritten(
        path, lambda pickled: pickled[:2] + b"N" + pickle.LONG_BINPUT + b"\xff\xff\xff\x1f" + pickled[2:]
    )


def long_array(path: Path) -> None:
    ask = pickle.BYTEARRAY8 + struct.pack("<Q", 1 << 30)
    rewritten(path, lambda pickled: pickled[:2] + ask + pickled[2:])


def deep(path: Path) -> None:
    rewritten(path, lambda pickled: pickled[:2] + b"]" * 20_000 + b"a" * 19_999 + b".")


def doubled(path: Path) -> None:
    """A key of 2**60 parts, each half the other half."""
    double = b"".join(b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(60))
    rewritten(path, lambda _: b"\x80\x02}" + b")q\x00" + double + b"Ns.")


def repeated(path: Path) -> None:
    """One number, said to be a tensor of 4e9: by its strides of 0."""
    torch.save({"weight": torch.ones(1).expand(2_000_000_000, 2)}, path)


BOMBS = [compressed, many_values, long_array, deep, doubled, repeated]

READ = """
import resource, sys, time
from pathlib import Path
from rlkit.media import recording
from rlkit.runtime.checkpoints import checkpoint, head, pretrained, weights_file
import torch
def read(path):
    for read in (weights_file.read_index, pretrained.load_tensors,
             lambda path: head.read_head(path, whole=True),
                 lambda path: checkpoint.load(path, torch.device("cpu")), recording.load):
        before = resource.getrusage(resource.RUSAGE_SELF)
        try:
            read(path)
            said = "read"
        except (head.CheckpointError, recording.RecordingError):
            said = "refused"
        after = resource.getrusage(resource.RUSAGE_SELF)
        print(said, (after.ru_maxrss - before.ru_maxrss) // 1024, after.ru_utime - before.ru_utime)
for name in sys.argv[1:]:
    read(Path(name))
"""


@pytest.mark.slow
def test_a_small_file_cannot_ask_for_much_memory_or_time(tmp_path):
    for bomb in BOMBS:
        bomb(tmp_path / bomb.__name__)
    header = np.zeros(200_000_000, np.uint8)
    with (tmp_path / "inflated.npz").open("wb") as file:
        np.savez_compressed(file, header=header)
    names = [bomb.__name__ for bomb in BOMBS] + ["inflated.npz"]
    assert all((tmp_path / name).stat().st_size < 1_500_000 for name in names)
    done = subprocess.run(
        [sys.executable, "-c", READ, *names], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )  # fmt: skip
    said = [line.split() for line in done.stdout.splitlines()]
    assert len(said) == 5 * len(names)
    for number, (outcome, megabytes, seconds) in enumerate(said):
        name = names[number // 5]
        # What is read here is a view that fits nowhere, and a number at a place far out: neither costs anything.
        assert outcome == "refused" or name in ("repeated", "many_values"), (name, number % 5)
        assert int(megabytes) < 100, (name, number % 5)
        assert float(seconds) < 2.0, (name, number % 5)
