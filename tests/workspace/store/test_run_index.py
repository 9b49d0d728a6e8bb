"""The index of records: only a cache, whatever it holds and whoever writes it."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workspace_helper import EPOCH

from rlkit.workspace import Deleter, PruneFilters, WorkspaceLimits, list_runs, open_run, plan_prune
from rlkit.workspace.store.record import format_time
from rlkit.workspace.store.scan import all_runs


def fill(root: Path, count: int, old: bool = True) -> Path:
    """An archive of so many ended runs, written as fast as files can be."""
    archive = root / "runs_all"
    (root / "runs" / "pinned").mkdir(parents=True, exist_ok=True)
    past = time.time() - 3600
    for number in range(count):
        path = archive / f"Box_train_{number:05}"
        path.mkdir(parents=True)
        (path / ".lock").touch()
        moment = format_time(EPOCH + timedelta(minutes=number))
        record = {
            "name": path.name, "task": "Box", "kind": "train", "learner": "ppo", "state": "done", "created": moment,
            "updated": moment, "finished": moment, "command": "python train.py task=Box", "cwd": "/home/me/project",
            "pid": 1, "host": "here", "device": "cpu", "seed": number, "sequence": number + 1, "schema": 1,
            "git": {"commit": "0" * 40, "branch": "main", "dirty": True, "untracked": ["notes.txt"]},
            "packages": dict.fromkeys(("rlkit", "torch", "numpy", "mujoco", "hydra-core", "omegaconf"), "1.2.3"),
            "iterations": 100, "best_return": 1.5, "saved": {"last": 100},
        }  # fmt: skip
        (path / "run.json").write_text(json.dumps(record, indent=2))
        if old:
            os.utime(path / "run.json", (past, past))
    return archive


def index_of(archive: Path) -> Path:
    return archive / f".index.{os.geteuid()}.json"


@pytest.fixture
def archive(tmp_path) -> Path:
    made = fill(tmp_path, 60)
    all_runs(tmp_path)
    assert index_of(made).is_file()
    return made


def counted(monkeypatch) -> list[str]:
    """The runs whose run.json is read from now on."""
    from rlkit.workspace.store import index

    read: list[str] = []
    original = index.load_record

    def load(path: Path):
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(index, "load_record", load)
    return read


def test_what_did_not_change_is_not_read_again(archive, monkeypatch):
    before = all_runs(archive.parent)
    read = counted(monkeypatch)
    assert all_runs(archive.parent) == before
    assert read == []
    assert oct(index_of(archive).stat().st_mode & 0o777) == "0o600", "it holds what run.json holds"


def test_what_changed_is_read_whatever_its_times_say(archive, monkeypatch):
    path = archive / "Box_train_00007" / "run.json"
    facts = path.stat()
    text = path.read_text().replace('"state": "done"', '"state": "fine"').replace('"Box"', '"Fox"')
    path.write_text(text.replace('"fine"', '"done"'))  # of the same size, in place
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    shutil.rmtree(archive / "Box_train_00008")
    (archive / "Box_train_00009").rename(archive / "Box_train_00008")
    runs = {run.name: run.record for run in all_runs(archive.parent)}
    changed, moved = runs["Box_train_00007"], runs["Box_train_00008"]
    assert changed is not None and changed.task == "Fox"
    assert moved is not None and moved.name == "Box_train_00009"
    assert "Box_train_00009" not in runs


def test_young_and_running_records_are_always_read(tmp_path, monkeypatch):
    archive = fill(tmp_path, 60, old=False)
    all_runs(tmp_path)
    assert not index_of(archive).exists()


def test_an_index_that_is_far_behind_is_written_anew(archive):
    size = index_of(archive).stat().st_size
    for run in list(archive.glob("Box_*"))[:55]:
        shutil.rmtree(run)
    assert len(all_runs(archive.parent)) == 5
    assert index_of(archive).stat().st_size < size / 5


def test_an_archive_that_cannot_be_written_does_without(tmp_path, monkeypatch):
    from rlkit.workspace import WorkspaceError
    from rlkit.workspace.store import index

    def refuse(*_: object) -> None:
        raise WorkspaceError("could not write: Read-only file system")

    archive = fill(tmp_path, 60)
    monkeypatch.setattr(index, "write_private", refuse)
    assert len(list_runs(tmp_path)) == 60
    assert not index_of(archive).exists()


def seeds(archive: Path) -> list[int | None]:
    """Of each run, in their order; None where a record could not be read."""
    return [run.record and run.record.seed for run in all_runs(archive.parent)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40) | _JSON.map(lambda value: json.dumps(value).encode()), whole=_JSON)
def test_whatever_the_index_holds_the_runs_are_what_they_are(archive, content, whole):
    index_of(archive).write_bytes(content)
    assert seeds(archive) == list(range(60))
    forged = {path.name: [whole, whole] for path in archive.glob("Box_*")}
    index_of(archive).write_text(json.dumps({"version": 1, "runs": forged}))
    assert seeds(archive) == list(range(60))


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "deep", "facts of the file, another content"])
def test_a_planted_index_breaks_nothing(archive, tmp_path, kind):
    index = index_of(archive)
    known = json.loads(index.read_text())
    index.unlink()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    if kind == "pipe":
        os.mkfifo(index)
    elif kind == "link":
        index.symlink_to(victim)
    elif kind == "folder":
        index.mkdir()
    elif kind == "deep":
        index.write_text("[" * 100_000)
    else:
        for entry in known["runs"].values():
            entry[1] = {**entry[1], "state": "nonsense", "best_return": "text"}
        index.write_text(json.dumps(known))
    assert seeds(archive) == list(range(60))
    assert victim.read_text() == "precious"


def test_what_is_done_rests_on_the_file_not_on_the_index(archive):
    # An index whose facts agree though the content does not: nothing that is deleted or marked comes from it.
    known = json.loads(index_of(archive).read_text())
    for entry in known["runs"].values():
        entry[1]["state"] = "running"
    index_of(archive).write_text(json.dumps(known))
    rows = list_runs(archive.parent)
    assert {row.state for row in rows} == {"done"}, "a run that would be marked is read first"
    assert {json.loads(path.read_text())["state"] for path in archive.glob("*/run.json")} == {"done"}


@pytest.mark.alone
@pytest.mark.slow
def test_five_thousand_runs(tmp_path, capsys):
    """CPU seconds, with room for slow machines: the goals are 0.5 for a start and 1.5 for the list."""

    def cost(what) -> float:
        started = time.process_time()
        what()
        return time.process_time() - started

    def start() -> None:
        run = open_run(
            "Box", "train", root=root, settings=WorkspaceLimits(), config_yaml="a: 1\n", command=["x"], learner="ppo",
            seed=1, device="cpu", source=Path("/"), name="new",
        )  # fmt: skip
        run.set_state("done")
        run.close()

    from rlkit.cli import main

    root = tmp_path / "many"
    fill(root, 5000)
    first = cost(lambda: all_runs(root))
    again = min(cost(lambda: all_runs(root)) for _ in range(3))
    assert again < 0.8 * first
    assert min(cost(start) for _ in range(2)) < 2.0, (
        "two looks at the archive: one at the start, one at the end"
    )
    assert cost(lambda: main(["runs", "--root", str(root)])) < 2.5
    assert len(capsys.readouterr().out.splitlines()) == 5003

    def prune(count: int) -> None:
        plan = plan_prune(root, PruneFilters(keep=len(all_runs(root)) - count))
        deleter = Deleter(root)
        assert [deleter.delete(run.path) for run in plan.delete] == [None] * count

    few, many = cost(lambda: prune(300)), cost(lambda: prune(1200))
    assert many < 8 * few, "four times as many runs, in a like archive"
