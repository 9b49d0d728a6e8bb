"""Which tasks have been tried on which simulators and with which learners.

The record is support.yaml beside this file. `python -m pytest tests/contract/test_support.py --write-support` writes
it from what it saw, and with it the table of docs/support.md. A combination of task, simulator and learner is as good
as the weaker of its two halves: a learner never sees the simulator, so each half is tried once.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import yaml

from rlkit.config import yaml_text
from rlkit.config.engine import engine_of
from rlkit.config.machine import SIMULATORS

RECORD = Path(__file__).with_name("support.yaml")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "support.md"
START, END = (
    "<!-- cells: written by pytest tests/contract/test_support.py --write-support -->",
    "<!-- end of cells -->",
)
LEARNERS = {"ppo": "PPO", "fast_td3": "FastTD3"}

_STATES = {"tested": "tested", "untested": "?", "impossible": "–"}

Record = Dict[str, Dict[str, Dict[str, Dict[str, str]]]]
"""simulators or learners -> task -> name -> {tested: with what} or {impossible: because}."""


class Cell(NamedTuple):
    """state: tested, untested or impossible; text: with what it was tested, or why it cannot be."""

    state: str
    text: str = ""


def simulator_cell(task: str, simulator: str) -> Cell:
    """How the task stands on this simulator; untested where the record says nothing."""
    return _cell(read_record(), "simulators", task, simulator)


def learner_cell(task: str, learner: str) -> Cell:
    """How the task stands with this learner (ppo or fast_td3)."""
    return _cell(read_record(), "learners", task, learner)


def simulators_for(task: str) -> List[str]:
    """The simulators that nothing is known to keep the task from, in the order that `auto` asks them."""
    names = [name for name in SIMULATORS if name != "gymnasium"]
    return [name for name in names if simulator_cell(task, name).state != "impossible"]


def is_ours(task: str) -> bool:
    """Whether this is one of rlkit's own tasks."""
    return task in read_record()["simulators"]


def is_impossible(plain: Mapping[str, Any]) -> bool:
    """Whether the simulator that is asked for is known to lack what the task needs."""
    return simulator_cell(plain["task"]["name"], plain["sim"]["name"]).state == "impossible"


def check(plain: Mapping[str, Any]) -> List[str]:
    """Refuse a simulator that cannot give what the task needs; the engines' own refusals are rlkit.config.engine's."""
    task, simulator = plain["task"]["name"], plain["sim"]["name"]
    if not is_impossible(plain) or "gymnasium" in (engine_of(plain), simulator):
        return []
    others = " or ".join(f"sim={name}" for name in simulators_for(task))
    instead = f"write {others}" if others else "no other simulator can"
    return [f"sim={simulator}: cannot run task={task}: {simulator_cell(task, simulator).text}; {instead}"]


def notes(plain: Mapping[str, Any]) -> List[str]:
    """Say that a combination of rlkit's own has not been tried; of other tasks nothing is known."""
    task, simulator, learner = plain["task"]["name"], plain["sim"]["name"], plain["train"]["learner"]
    if not is_ours(task):
        return []
    halves = {
        f"sim={simulator}": simulator_cell(task, simulator),
        f"learner {LEARNERS[learner]}": learner_cell(task, learner),
    }
    untested = [name for name, cell in halves.items() if cell.state == "untested"]
    if not untested:
        return []
    return [f"task={task} has not been tested with {' and '.join(untested)}; docs/support.md lists what has"]


@lru_cache(maxsize=1)
def read_record() -> Record:
    """The whole record."""
    return yaml_text.load(RECORD.read_text(encoding="utf-8"))


def write_record(record: Record) -> None:
    """Replace the record and the table of the page."""
    text = yaml.safe_dump(record, sort_keys=True, width=1000, allow_unicode=True)
    head = (
        "# Written by `pytest tests/contract/test_support.py --write-support`; docs/support.md explains it.\n"
    )
    RECORD.write_text(head + text, encoding="utf-8")
    read_record.cache_clear()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """The page `text` with the part between its two markers renewed from the record."""
    head, _, rest = text.partition(START)
    return f"{head}{START}\n\n{_tables(read_record())}\n\n{END}{rest.partition(END)[2]}"


def _tables(record: Record) -> str:
    """Markdown: a row a task, then with what the tested cells were tested, and why the impossible ones are."""
    names = [f"`{name}`" for name in SIMULATORS] + list(LEARNERS.values())
    lines = [f"| task | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for task in sorted(record["simulators"]):
        cells = [_cell(record, "simulators", task, name) for name in SIMULATORS]
        cells += [_cell(record, "learners", task, name) for name in LEARNERS]
        lines.append(f"| {task} | {' | '.join(_STATES[cell.state] for cell in cells)} |")
    lines += ["", "Tested with:", "", *_texts(record, "tested")]
    lines += ["", "Impossible, because:", "", *_texts(record, "impossible")]
    return "\n".join(lines)


def _texts(record: Record, state: str) -> List[str]:
    """A line for each text of the cells in this state, with the simulators or learners and the tasks that have it."""
    found: Dict[str, Dict[str, None]] = {}  # dicts as sets that keep their order
    tasks: Dict[str, Dict[str, None]] = {}
    for half, names in (("simulators", list(SIMULATORS)), ("learners", list(LEARNERS))):
        for name in names:
            for task in sorted(record[half]):
                cell = _cell(record, half, task, name)
                if cell.state == state:
                    shown = LEARNERS.get(name, f"`{name}`")
                    found.setdefault(cell.text, {})[shown] = None
                    tasks.setdefault(cell.text, {})[task] = None
    return [f"- {', '.join(found[text])}: {text} ({', '.join(tasks[text])})" for text in found]


def _cell(record: Record, half: str, task: str, name: str) -> Cell:
    entry: Optional[Dict[str, str]] = record[half].get(task, {}).get(name)
    return Cell("untested") if not entry else Cell(*next(iter(entry.items())))
