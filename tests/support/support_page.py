"""The rows of the record of support, and what writes it and the table of docs/support.md; rlkit only reads it."""

from __future__ import annotations

from pathlib import Path

import yaml

from rlkit.config.facts import support
from rlkit.config.files.conf import Conf
from rlkit.learners.facts import LEARNERS
from rlkit.sims.facts import USABLE
from rlkit.tasks.robots.humanoids import HUMANOIDS

PAGE = Path(__file__).parents[2] / "docs" / "support.md"
START, END = (
    "<!-- cells: written by pytest tests/contract/test_support.py --write-support -->",
    "<!-- end of cells -->",
)
_STATES = {"tested": "tested", "untested": "?", "impossible": "–"}

CONF = Conf(Path(__file__).parents[2] / "conf")


def _rows(task: str) -> list[str]:
    usual = CONF.declared(task).get("task.robot")
    return [task, *(f"{task} {robot}" for robot in HUMANOIDS if usual in HUMANOIDS and robot != usual)]


ROWS = [row for task in CONF.options("task") for row in _rows(task)]


def task_of(row: str) -> str:
    """The task of a row."""
    return row.partition(" ")[0]


def words_of(row: str) -> list[str]:
    """What chooses a row on a command line."""
    task, _, robot = row.partition(" ")
    return [f"task={task}", *([f"task.robot={robot}"] if robot else [])]


def write_record(record: support.Record) -> None:
    """Replace the record and the table of the page."""
    text = yaml.safe_dump(record, sort_keys=True, width=1000, allow_unicode=True)
    head = (
        "# Written by `pytest tests/contract/test_support.py --write-support`; docs/support.md explains it.\n"
    )
    support.RECORD.write_text(head + text, encoding="utf-8")
    support.read_record.cache_clear()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """The page `text` with the part between its two markers renewed from the record."""
    head, _, rest = text.partition(START)
    return f"{head}{START}\n\n{_tables(support.read_record())}\n\n{END}{rest.partition(END)[2]}"


def _tables(record: support.Record) -> str:
    """Markdown: a row a task, then with what the tested cells were tested, and why the impossible ones are."""
    names = [f"`{name}`" for name in USABLE] + [row.label for row in LEARNERS.values()]
    lines = [f"| task | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for task in sorted(record["simulators"]):
        cells = [support.cell(record, "simulators", task, name) for name in USABLE]
        cells += [support.cell(record, "learners", task, name) for name in LEARNERS]
        lines.append(f"| {task} | {' | '.join(_STATES[cell.state] for cell in cells)} |")
    lines += ["", "Tested with:", "", *_texts(record, "tested")]
    lines += ["", "Impossible, because:", "", *_texts(record, "impossible")]
    return "\n".join(lines)


def _texts(record: support.Record, state: str) -> list[str]:
    """A line for each text of the cells in this state, with the simulators or learners and the tasks that have it."""
    found: dict[str, dict[str, None]] = {}  # dicts as sets that keep their order
    tasks: dict[str, dict[str, None]] = {}
    for half, names in (("simulators", list(USABLE)), ("learners", list(LEARNERS))):
        for name in names:
            for task in sorted(record[half]):
                entry = support.cell(record, half, task, name)
                if entry.state == state:
                    shown = LEARNERS[name].label if name in LEARNERS else f"`{name}`"
                    found.setdefault(entry.text, {})[shown] = None
                    tasks.setdefault(entry.text, {})[task] = None
    return [f"- {', '.join(found[text])}: {text} ({', '.join(tasks[text])})" for text in found]
