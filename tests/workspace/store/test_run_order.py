"""The order of runs when clocks are wrong: what is latest, what is shown, and what may be deleted."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from workspace_helper import EPOCH, Workspace

from rlkit.workspace import (
    PruneFilters,
    WorkspaceError,
    continue_run,
    list_runs,
    plan_prune,
    read_record,
    resolve,
)

pytestmark = pytest.mark.slow

YEARS = timedelta(days=3650)


def names(workspace) -> list[str]:
    return [row.name for row in list_runs(workspace.root)]


def planned(workspace, now, **filters) -> set[str]:
    return {run.name for run in plan_prune(workspace.root, PruneFilters(**filters), now).delete}


def strip_sequence(run) -> None:
    """Make a record as it was before runs had a place."""
    path = run.path / "run.json"
    record = json.loads(path.read_text())
    del record["sequence"]
    path.write_text(json.dumps(record))


@pytest.mark.parametrize("shift", [-YEARS, YEARS, -timedelta(minutes=90), timedelta(0)])
def test_a_new_run_is_the_newest_whatever_its_clock_says(workspace, shift):
    old = [workspace.trained(name=f"old_{i}") for i in range(12)]
    new = [workspace.trained(name=f"new_{i}", now=EPOCH + shift + timedelta(minutes=3 * i)) for i in range(2)]
    assert names(workspace)[:3] == ["new_1", "new_0", "old_11"]
    assert workspace.latest("train") == "new_1"
    assert resolve("latest", root=workspace.root).run_path == new[1].path
    assert workspace.shown() == {"new_0", "new_1", *(run.name for run in old[4:])}
    assert planned(workspace, EPOCH, keep=2) == {run.name for run in old}
    assert [run.record.sequence for run in [*old, *new]] == list(range(1, 15))


def test_two_machines_with_skew_take_turns(workspace):
    runs = []
    for turn in range(6):
        ahead = timedelta(hours=5) if turn % 2 else timedelta(0)
        runs.append(workspace.trained(name=f"run_{turn}", now=EPOCH + timedelta(minutes=turn) + ahead))
        assert workspace.latest("train") == runs[-1].name
    assert names(workspace) == [run.name for run in reversed(runs)]
    now = EPOCH + timedelta(hours=5, minutes=30)
    # By its own clock run_4 is 5 hours old; it cannot be older than run_3, whose clock says half an hour.
    assert planned(workspace, now, older_than=timedelta(hours=1)) == {"run_0"}
    assert planned(workspace, now + timedelta(hours=2), older_than=timedelta(hours=1)) == {
        f"run_{i}" for i in range(5)
    }


def test_prune_takes_no_run_because_a_clock_was_set_back(workspace):
    old = workspace.trained(name="old")
    real = [workspace.trained(name=f"real_{i}", now=EPOCH - YEARS + timedelta(minutes=i)) for i in range(3)]
    now = EPOCH + timedelta(minutes=30)
    assert planned(workspace, now, older_than=timedelta(days=1)) == set()
    later = now + timedelta(days=2)
    assert planned(workspace, later, older_than=timedelta(days=1)) == {"old", "real_0", "real_1"}
    assert old.record.sequence < real[0].record.sequence


def test_a_clock_that_was_ahead_makes_no_run_live_for_ever(workspace):
    workspace.trained(name="old")
    workspace.trained(name="future", now=EPOCH + YEARS)
    workspace.trained(name="next", now=EPOCH + timedelta(minutes=5))
    workspace.trained(name="last", now=EPOCH + timedelta(days=40))
    assert planned(workspace, EPOCH + timedelta(days=41), older_than=timedelta(days=30)) == {
        "old",
        "future",
        "next",
    }
    assert planned(workspace, EPOCH + timedelta(minutes=20), older_than=timedelta(minutes=16)) == {"old"}


def test_runs_from_before_there_was_a_place_come_first_by_their_clocks(workspace):
    older = [
        workspace.trained(name=name, now=EPOCH + timedelta(hours=h))
        for name, h in (("b", 2), ("a", 1), ("c", 3))
    ]
    for run in older:
        strip_sequence(run)
    workspace.trained(name="new", now=EPOCH - YEARS)
    assert names(workspace) == ["new", "c", "b", "a"]


def test_the_number_survives_what_happens_to_its_note_and_to_the_runs(workspace):
    note = workspace.archive / ".sequence"
    first = workspace.trained()
    for content in (None, b"", b"-5", b"9" * 5000, b"\xff\xfe", "²".encode()):
        note.unlink()
        if content is not None:
            note.write_bytes(content)
        run = workspace.trained()
        assert run.record.sequence == first.record.sequence + 1, content
        first = run
    note.write_text("40")
    assert workspace.trained().record.sequence == 41, "runs that were deleted, or are not ours to read, count"
    note.unlink()
    note.mkdir()
    with pytest.raises(WorkspaceError, match=r"\.sequence.*move it away"):
        workspace.start(name="blocked")
    assert not (workspace.archive / "blocked").exists()


def test_a_hostile_record_cannot_use_up_the_numbers(workspace):
    run = workspace.trained(name="mine")
    for sequence in (10**12, 10**13, -1, "7", 1.5, True, 10**400):
        path = workspace.archive / "foreign" / "run.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**json.loads(run.record.to_json()), "sequence": sequence}))
        newest = workspace.trained()
        assert newest.record.sequence <= 10**12
        assert names(workspace)[0] == newest.name
        assert read_record(newest.path) == newest.record


def test_a_run_that_is_taken_up_again_keeps_its_place(workspace):
    first, second = workspace.start(), workspace.trained()
    first.set_state("interrupted")
    again = continue_run(first.path, root=workspace.root, command=["x"], device="cpu")
    assert again.record.sequence == 1
    again.close()
    assert names(workspace) == [second.name, first.name]


def test_two_starts_at_once_get_two_places(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    workspace = Workspace(tmp_path / "project")
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: workspace.start(), range(8)))
    assert {run.record.sequence for run in runs} == set(range(1, 9))
    workspace.close()
