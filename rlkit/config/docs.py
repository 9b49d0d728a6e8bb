"""Write the tables of docs/configuration.md from the schema: `python -m rlkit.config.docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkit.config.compose import compose
from rlkit.config.facts.machine import Machine
from rlkit.config.schema import keys, randomization, types
from rlkit.config.schema.tree import flatten
from rlkit.config.words import preflight
from rlkit.sims.facts import USABLE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
TEST = ("test=true", "checkpoint=latest")  # a training would need a teacher
# Choices with settings of their own; each table leaves out what stands in one above it.
MORE = (
    ["task=BoxGrasping"],
    ["task=QuadrupedRough"],
    ["task=Gym", "env.id=Pendulum-v1"],
    ["task=Soccer"],
    ["train=AMP", "task=Style"],
    ["train=Distill", *TEST],
    ["train=MaskedMimic", "task=TrackMotion", *TEST],
    ["train=ASE", "task=Style"],
    ["train=FastTD3"],
    ["train=FastSAC"],
    ["train=FlashSAC"],
)
START, END = "<!-- settings: written by python -m rlkit.config.docs -->", "<!-- end of settings -->"


def tables() -> str:
    """Markdown: one table a section, with the defaults of `python train.py`, then what other choices add."""
    lines: list[str] = []
    base = _defaults([])
    for section in keys.SECTIONS:
        names = randomization.own_first(name for name in base if name.startswith(section + "."))
        lines += [f"### {section}", "", *_table([], names, base), ""]
    for words in MORE:
        defaults, section = _defaults(words), words[0].partition("=")[0]
        if section == "task":
            names = [name for name in defaults if name.startswith("task.") and name not in base]
            base = {**defaults, **base}
        else:
            names = [name for name in defaults if name.startswith(section + ".")]
        lines += [f"### {section}, with {words[0]}", "", *_table(words, names, defaults), ""]
    return "\n".join(lines)


def page(text: str) -> str:
    """The page `text` with the tables between the two markers renewed."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n\n{tables()}\n{END}{tail}"


def _defaults(words: list[str]) -> dict[str, Any]:
    """Full name -> the value as asked for (auto stays auto) when nothing else is given."""
    experiment = compose(words, machine=Machine(simulators=frozenset(USABLE)))
    values = {**flatten(experiment.sections()), **experiment.asked}
    free = {name: {} for name in preflight.read_words(words).schema.names if name.endswith(".*")}
    return {**keys.OPTIONAL, **values, **free}


def _table(words: list[str], names: list[str], defaults: dict[str, Any]) -> list[str]:
    schema = preflight.read_words(words).schema
    rows = ["| setting | type | default | unit | meaning |", "|---|---|---|---|---|"]
    for name in names:
        key = schema.key(name)
        unit, meaning = (key.unit, key.meaning) if key is not None else ("", "")
        kind = str(schema.type_of(name)).replace("|", "\\|")
        default = types.show(defaults[name]).strip("'")
        rows.append(f"| `{name}` | {kind} | `{default}` | {unit} | {meaning.replace('|', chr(92) + '|')} |")
    return rows


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
