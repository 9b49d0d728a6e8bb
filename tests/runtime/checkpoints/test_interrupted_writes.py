"""Every file that is rewritten is the old one or the new one, wherever a kill or a full disk breaks the writing off."""

from __future__ import annotations

import ast
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch

from benchmarks.metric_lines import read_metrics
from rlkit.media import recording as recordings
from rlkit.media.formats import hdf5
from rlkit.media.recording import Recording
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.progress.metrics import MetricsWriter
from rlkit.workspace import WorkspaceError, link_atomic, write_atomic, write_together
from rlkit.workspace.store.atomic import is_temporary

ROOT = Path(__file__).resolve().parents[3]
CPU = torch.device("cpu")
OLD, NEW = 1, 2

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:os.fork:RuntimeWarning")


def numbers(version: int) -> np.ndarray:
    return np.random.default_rng(version).normal(size=(50, 30))


def a_recording(version: int) -> Recording:
    header = {"schema": 1, "task": "T", "engine": "mujoco", "control_period": 0.1, "names": {}, "length": 50}
    states = {
        "steps": np.arange(50),
        "time": np.arange(50.0),
        "qpos": numbers(version),
        "qvel": numbers(version),
    }
    return Recording(header, {**states, "act": np.empty((50, 0)), "actions": numbers(version)})


def write_checkpoint(path: Path, version: int) -> None:
    learner = {"replay": torch.from_numpy(numbers(version)), "bias": torch.ones(3)}
    checkpoints.save(path, Checkpoint("T", "ppo", version, 0, 0, learner, {}))


def write_metrics(path: Path, version: int) -> None:
    """A run of 40 lines; the new one goes on from the 20th, of which later lines are dropped."""
    first = 1 if version == OLD else 21
    writer = MetricsWriter(path, path.parent / "summaries", first_iteration=first)
    for iteration in range(first, 41) if version == OLD else []:
        writer.write(iteration, 10 * iteration, 1.0, {"losses/actor": 0.1})
    writer.close()


def write_two(path: Path, version: int) -> None:
    write_together({path: b"%d" % version * 5000, path.with_suffix(".json"): b"%d" % version})


def read_recording(path: Path) -> Any:
    return recordings.load(path).arrays["qpos"].tolist()


def read_checkpoint(path: Path) -> Any:
    loaded = checkpoints.load(path, CPU)
    return loaded.iteration, loaded.learner["replay"].tolist()


# file: how it is written, and how it is read
WRITERS: dict[str, tuple[Callable[[Path, int], object], Callable[[Path], Any]]] = {
    "run.json": (lambda path, version: write_atomic(path, f"{version}" * 5000), Path.read_text),
    "checkpoint_last.pth": (write_checkpoint, read_checkpoint),
    "episode.npz": (lambda path, version: recordings.save(path, a_recording(version)), read_recording),
    "episodes.hdf5": (lambda path, version: hdf5.write(path, [a_recording(version)]), Path.read_bytes),
    "metrics.jsonl": (write_metrics, lambda path: [row["iteration"] for row in read_metrics(path)]),
    "policy.onnx": (write_two, Path.read_bytes),
    "latest_train": (lambda path, version: link_atomic(path, f"run_{version}"), os.readlink),
}
every_writer = pytest.mark.parametrize("name", WRITERS)


def in_a_child(action: Callable[[], object]) -> int:
    """Run it in a forked process; returns its wait status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        except WorkspaceError:
            status = 3
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


def killed_at(event: int, action: Callable[[], object]) -> bool:
    """Whether it was killed: just before its n-th call of a function, of Python's or of C."""

    def act() -> None:
        count = 0

        def count_calls(_: Any, what: str, __: Any) -> None:
            nonlocal count
            if what in ("call", "c_call"):
                count += 1
                if count == event:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count_calls)
        action()
        sys.setprofile(None)

    status = in_a_child(act)
    assert status in (0, signal.SIGKILL)
    return status != 0


def calls_of(action: Callable[[], object]) -> int:
    count = 0

    def count_calls(_: Any, what: str, __: Any) -> None:
        nonlocal count
        count += what in ("call", "c_call")

    sys.setprofile(count_calls)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if is_temporary(path.name)]


@pytest.mark.slow
@every_writer
def test_killed_anywhere_a_file_is_the_old_one_or_the_new(tmp_path, name):
    write, read = WRITERS[name]
    path = tmp_path / name
    write(path, OLD)
    old = read(path)
    calls = calls_of(lambda: write(path, NEW))
    new = read(path)
    assert old != new
    # All of the short ones; of the long ones 30 moments, and each of those around the replacement at their end.
    moments = sorted({*range(1, calls, 1 + calls // 30), *range(max(1, calls - 25), calls)})
    seen = []
    for moment in moments:
        write(path, OLD)
        if name == "metrics.jsonl":
            path.unlink()
            write(path, OLD)
        done = not killed_at(moment, lambda: write(path, NEW))
        seen.append(read(path))
        assert seen[-1] == new or not done
        assert seen[-1] in (old, new), moment
    assert old in seen
    assert new in seen
    write(path, NEW)
    assert read(path) == new
    assert temporaries(tmp_path) == []


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "latest_train"])  # a link takes no room
def test_on_a_full_disk_a_file_stays_the_old_one(tmp_path, name):
    write, read = WRITERS[name]
    path = tmp_path / name
    write(path, OLD)
    old, size = read(path), path.stat().st_size

    def fill(room: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        write(path, NEW)

    for share in (0.0, 0.1, 0.4, 0.45):
        status = in_a_child(lambda share=share: fill(int(share * size)))
        assert os.waitstatus_to_exitcode(status) == 3, share  # WorkspaceError
        assert read(path) == old
        assert temporaries(tmp_path) == []


def test_a_line_of_metrics_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_metrics(path, OLD)
    size = path.stat().st_size

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, size + 30))  # half a line
        writer = MetricsWriter(path, tmp_path / "summaries", first_iteration=41)
        writer.write(41, 410, 1.0, {"losses/actor": 0.1})

    assert os.waitstatus_to_exitcode(in_a_child(fill)) == 3
    assert path.stat().st_size == size
    assert [json.loads(line)["iteration"] for line in path.read_text().splitlines()] == list(range(1, 41))


def test_temporaries_of_a_writer_that_lives_are_left_alone(tmp_path):
    """Two who write the same file do not take each other's temporary for a leftover."""

    def write(handle) -> None:
        write_atomic(tmp_path / "f", "theirs")
        handle.write(b"ours")

    write_atomic(tmp_path / "f", write)
    assert (tmp_path / "f").read_text() == "ours"
    leftover = tmp_path / ".f.1.0123abcd.tmp"
    leftover.write_text("half")
    other = tmp_path / ".g.1.0123abcd.tmp"
    other.write_text("of another file")
    write_atomic(tmp_path / "f", "new")
    assert not leftover.exists()
    assert other.exists()


def test_a_replacement_is_on_the_disk_before_the_write_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))
    )
    write_atomic(tmp_path / "f", "new")
    assert [is_temporary(Path(synced[0]).name), synced[1]] == [True, str(tmp_path)]


# Where a file may be opened for writing: everything else goes through write_atomic.
WRITE_THEMSELVES = {
    "workspace/store/atomic.py": "the temporaries",
    "runtime/progress/metrics.py": "appends lines",
    "runtime/process/logs.py": "appends lines",
    "runtime/process/machine_memory.py": "a temporary, put in place only where nobody was quicker",
    "runtime/progress/event_file.py": "a new file each time, appended to",
    "config/docs.py": "a page under version control",
    "sims/isaacgym/world.py": "in a temporary folder, for the simulator",
    "commands/new.py": "a new folder, renamed when it is whole",
    "sims/robots/loading.py": "in a temporary folder, for MuJoCo's importer",
    "motion/clip.py": "into the handle of write_atomic",
    "motion/pack.py": "into the handle of write_atomic",
}


@pytest.mark.slow
def test_nothing_else_writes_files() -> None:
    found = {}
    for path in (ROOT / "rlkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _opens_to_write(node):
                found[path.relative_to(ROOT / "rlkit").as_posix()] = node.lineno
    assert found.keys() == WRITE_THEMSELVES.keys(), found


def _opens_to_write(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("write_text", "write_bytes", "truncate"):
        return True
    modes = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    constants = [
        mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)
    ]
    return name == "open" and any(
        set(mode) <= set("rwxabt+") and set(mode) & set("wxa+") for mode in constants
    )
