"""Whatever happens to a workspace, in whatever order, nothing is lost and no link is broken."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from workspace_helper import Workspace

from rlkit.workspace import ResolveError, Run, WorkspaceLimits, list_runs, resolve


class WorkspaceMachine(RuleBasedStateMachine):
    """Starts, checkpoints, ends, kills, pins and moves, as several processes and a user would do them."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        limits = WorkspaceLimits(max_recent_runs=4, max_train_runs=3, max_test_runs=2)
        self.workspace = Workspace(self.folder / "tree_0", limits)
        self.live: dict[str, Run] = {}
        self.states: dict[str, str] = {}
        self.pins: dict[str, str] = {}  # pinned name -> run
        self.saved: set[str] = set()
        self.moves = 0

    def teardown(self) -> None:
        self.workspace.close()
        shutil.rmtree(self.folder)

    @rule(
        target=runs,
        kind=st.sampled_from(["train", "train", "test"]),
        name=st.sampled_from([None, None, "abc"]),
    )
    def start(self, kind, name):
        run = self.workspace.start(kind=kind, name=name)
        self.live[run.name] = run
        self.states[run.name] = "running"
        self.check_window()
        return run.name

    @rule(name=runs, which=st.sampled_from(["last", "best", 10]))
    def checkpoint(self, name, which):
        if name in self.live and self.live[name].record.kind == "train":
            self.workspace.save(self.live[name], which, iteration=10)
            self.saved.add(name)

    @rule(name=runs, state=st.sampled_from(["done", "interrupted", "failed"]))
    def finish(self, name, state):
        if name in self.live:
            self.live.pop(name).set_state(state)
            self.states[name] = state

    @rule(name=runs)
    def kill(self, name):
        if name in self.live:
            self.live.pop(name).close()  # all that the kernel does for a killed process
            self.states[name] = "interrupted"

    @rule(name=runs, new_name=st.sampled_from([None, "best", "good one"]))
    def pin(self, name, new_name):
        link, pin = self.workspace.window / name, self.workspace.pins / (new_name or name)
        if os.path.lexists(link) and not os.path.lexists(pin):
            link.rename(pin)
            self.pins[pin.name] = name

    @rule()
    def move_the_tree(self):
        if self.live or not self.states:
            return
        self.moves += 1
        root = self.folder / f"tree_{self.moves}"
        self.workspace.root.rename(root)
        self.workspace.root = root

    @rule(target=runs)
    def look(self):
        list_runs(self.workspace.root)
        return multiple()

    @invariant()
    def the_archive_is_complete_and_true(self):
        if not self.states:
            return
        rows = {row.name: row for row in list_runs(self.workspace.root)}
        assert {name: row.state for name, row in rows.items()} == self.states
        for name in self.saved:
            assert list((self.workspace.archive / name / "nn").iterdir())

    @invariant()
    def pins_are_where_the_user_put_them(self):
        if self.states:
            pins = {entry.name: Path(os.readlink(entry)).name for entry in self.workspace.pins.iterdir()}
            assert pins == self.pins

    @invariant()
    def a_run_with_a_checkpoint_is_always_found(self):
        usable = [name for name in self.saved if self.states[name] != "failed"]
        try:
            found = resolve("latest", root=self.workspace.root)
        except ResolveError:
            assert not usable
        else:
            newest = max(usable, key=lambda name: list(self.states).index(name))
            assert found.run_path == self.workspace.archive / newest

    def check_window(self) -> None:
        """What must hold right after a start."""
        shown, pinned = self.workspace.shown(), set(self.pins.values())
        unpinned = [name for name in self.states if name not in pinned]
        assert shown <= set(unpinned), "no second link for a pinned run"
        live = set(self.live) - pinned
        assert live <= shown, "a live run is never unlinked"
        kinds = {name: name_kind(self.workspace.archive / name) for name in shown}
        for kind, limit in (("train", 3), ("test", 2)):
            of_kind = [name for name in shown if kinds[name] == kind]
            assert len(of_kind) <= max(limit, len([name for name in of_kind if name in live]))
        assert len(shown) <= max(4, len(live))
        links = [*self.workspace.window.iterdir(), *self.workspace.pins.iterdir()]
        assert not [link for link in links if link.is_symlink() and not link.exists()]
        for link in links:
            if link.is_symlink():
                assert Path(os.readlink(link)).parent == self.workspace.archive
        if self.saved - {name for name, state in self.states.items() if state == "failed"}:
            assert self.workspace.latest("train") is not None


def name_kind(path: Path) -> str:
    import json

    return json.loads((path / "run.json").read_text())["kind"]


TestWorkspace = WorkspaceMachine.TestCase
TestWorkspace.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]
TestWorkspace.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
