"""Which tasks have been tried on which simulators and with which learners.

The record is support.yaml beside this file. `python -m pytest tests/contract/test_support.py --write-support` writes
it from what it saw (tests/support/support_page.py), and with it the table of docs/support.md. A combination of task,
simulator and learner is as good as the weaker of its two halves: a learner never sees the simulator, so each half is
tried once.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple

from rlkit import yaml_text
from rlkit.config.facts.engine import engine_of
from rlkit.learners.facts import LEARNERS
from rlkit.sims.facts import SIMULATORS, STEPPING
from rlkit.tasks.robots.humanoids import DEFAULT, robot_of

RECORD = Path(__file__).with_name("support.yaml")

Record = Dict[str, Dict[str, Dict[str, Dict[str, str]]]]
"""simulators or learners -> row of a task -> name -> {tested: with what} or {impossible: because}."""


class Cell(NamedTuple):
    """state: tested, untested or impossible; text: with what it was tested, or why it cannot be."""

    state: str
    text: str = ""


def row_of(task: Mapping[str, Any]) -> str:
    """The row of a `task` section: by the task's name, and by its robot where that is not the usual one."""
    robot = robot_of(task)
    return str(task["name"]) + ("" if robot is None or robot.name == DEFAULT else f" {robot.name}")


def simulator_cell(row: str, simulator: str) -> Cell:
    """How a row's task stands on this simulator; untested where the record says nothing."""
    return cell(read_record(), "simulators", row, simulator)


def simulators_for(row: str) -> list[str]:
    """The simulators that nothing is known to keep a row's task from, in the order that `auto` asks them."""
    return [name for name in STEPPING if simulator_cell(row, name).state != "impossible"]


def is_ours(task: str) -> bool:
    """Whether this is one of rlkit's own tasks."""
    return task in read_record()["simulators"]


def is_impossible(plain: Mapping[str, Any]) -> bool:
    """Whether the simulator that is asked for is known to lack what the task needs."""
    return simulator_cell(row_of(plain["task"]), plain["sim"]["name"]).state == "impossible"


def check(plain: Mapping[str, Any]) -> list[str]:
    """Refuse a simulator that cannot give what the task needs; the engines refuse for themselves."""
    row, simulator = row_of(plain["task"]), plain["sim"]["name"]
    if not is_impossible(plain) or "gymnasium" in (engine_of(plain), simulator):
        return []
    others = " or ".join(f"sim={name}" for name in simulators_for(row))
    instead = f"write {others}" if others else "no other simulator can"
    return [
        f"sim={simulator}: cannot run task={_words(plain)}: {simulator_cell(row, simulator).text}; {instead}"
    ]


def notes(plain: Mapping[str, Any]) -> list[str]:
    """Say that a combination of rlkit's own has not been tried; of other tasks nothing is known."""
    task, simulator, learner = plain["task"]["name"], plain["sim"]["name"], plain["train"]["learner"]
    if not is_ours(task) or plain["task"].get("class"):
        return []
    row = row_of(plain["task"])
    halves: dict[str, Cell] = {}  # of rlkit's own: of others nothing is known
    if simulator in SIMULATORS:
        halves[f"sim={simulator}"] = simulator_cell(row, simulator)
    if learner in LEARNERS:
        halves[f"learner {LEARNERS[learner].label}"] = cell(read_record(), "learners", row, learner)
    untested = [name for name, half in halves.items() if half.state == "untested"]
    if not untested:
        return []
    return [
        f"task={_words(plain)} has not been tested with {' and '.join(untested)}; docs/support.md lists what has"
    ]


def _words(plain: Mapping[str, Any]) -> str:
    """The row as it would be typed behind `task=`."""
    task, _, robot = row_of(plain["task"]).partition(" ")
    return task + (f" task.robot={robot}" if robot else "")


@lru_cache(maxsize=1)
def read_record() -> Record:
    """The whole record."""
    return yaml_text.load(RECORD.read_text(encoding="utf-8"))


def cell(record: Record, half: str, row: str, name: str) -> Cell:
    """What a record says of a row's task on a simulator or with a learner, `half` being simulators or learners."""
    entry: dict[str, str] | None = record[half].get(row, {}).get(name)
    return Cell("untested") if not entry else Cell(*next(iter(entry.items())))
