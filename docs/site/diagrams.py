"""Draw docs/images/house.svg (who imports whom, read from the source) and step.svg: `python docs/site/diagrams.py`."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
ROW, HALF, TALL = 74, 58, 22  # px: from row to row; half of a box's width and height


class Room(NamedTuple):
    """Where a folder of rlkit/ is drawn, and what is said of it."""

    x: int
    row: int
    says: str


HOUSE = {
    "commands": Room(230, 0, "rlkit COMMAND"),
    "app": Room(394, 0, "train.py"),
    "doors": Room(62, 1, "import rlkit"),
    "crosscheck": Room(230, 1, "replay, sim2sim"),
    "sweeps": Room(356, 1, "many runs"),
    "report": Room(456, 2, "pages, figures"),
    "export": Room(230, 2, "policies out"),
    "tryout": Room(62, 2, "without a policy"),
    "clusters": Room(482, 1, "jobs for SLURM"),
    "runtime": Room(230, 3, "the loops"),
    "learners": Room(62, 4, "PPO, FastTD3"),
    "soccer": Room(190, 4, "sai-mujoco"),
    "media": Room(318, 4, "videos, viewers"),
    "config": Room(456, 4, "requests"),
    "env": Room(126, 5, "sim + task"),
    "tasks": Room(126, 6, "what to do"),
    "motion": Room(230, 7, "what to follow"),
    "terrain": Room(62, 7, "rough ground"),
    "objects": Room(146, 7, "what is taken"),
    "sims": Room(126, 8, "what steps it"),
    "workspace": Room(364, 8, "run folders"),
}

OURS = re.compile(
    r"rlkit\.(?!(sims|learners)\.(facts|\w+\.settings)\b|terrain\.settings\b|objects\.(settings|mesh_file)\b"
    r"|tasks\.robots\.(humanoids|legged)\b)"
)
LANES = {"learner": 50, "TaskEnv": 172, "Task": 338, "Simulator": 466}
STEP = (
    ("learner", "TaskEnv", "step(actions)"),
    ("TaskEnv", "Task", "1 controls(actions)"),
    ("TaskEnv", "Simulator", "2 step(commands)"),
    ("TaskEnv", "Task", "3 refresh, advance"),
    ("TaskEnv", "Task", "4 success, failure"),
    ("TaskEnv", "Task", "5 rewards, remember"),
    ("TaskEnv", "Task", "6 last observation"),
    ("TaskEnv", "Task", "7 reset(ended)"),
    ("TaskEnv", "Simulator", "into their first states"),
    ("TaskEnv", "Task", "refresh, observation"),
    ("TaskEnv", "learner", "obs, reward, …"),
)


def imported(path: Path) -> Iterator[str]:
    """The rooms that a file imports from; what is known without them of simulators and the like is everybody's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name.split(".")[1] for name in names if OURS.match(name))


def imports() -> dict[str, set[str]]:
    """For each room those below it that it imports from."""
    found: dict[str, set[str]] = {}
    for room, place in HOUSE.items():
        folder = ROOT / "rlkit" / room
        files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
        names = {name for file in files for name in imported(file)}
        found[room] = {name for name in names if name in HOUSE and HOUSE[name].row > place.row}
    return found


def shortest(arrows: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows that no chain of others stands for."""

    def reached(room: str) -> set[str]:
        return arrows[room].union(*(reached(below) for below in arrows[room]))

    return [
        (room, below)
        for room in arrows
        for below in sorted(arrows[room])
        if not any(below in reached(other) for other in arrows[room] - {below})
    ]


def svg(width: int, height: int, title: str, parts: list[str]) -> str:
    """A drawing on light ground, readable beside a dark page too."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{title}</title>",
            "<style>text { font: 13px sans-serif; fill: #123; text-anchor: middle } .name { font-weight: bold;",
            "  font-size: 15px } .box { fill: #d9efec; stroke: #00695c } .line { stroke: #37474f; fill: none }</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"',
            '  orient="auto"><path d="M0 0 8 4 0 8z" fill="#37474f"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="8" fill="#fbfdfd"/>',
            *parts,
            "</svg>\n",
        ]
    )


def arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    """A line with a tip."""
    return f'<path class="line" d="M{x:g} {y:g} {to_x:g} {to_y:g}" marker-end="url(#tip)"/>'


def house() -> str:
    """Rooms from those that people enter down to what steps physics."""

    def y(row: int) -> int:
        return 34 + row * ROW

    parts = []
    for room, below in shortest(imports()):
        a, b = HOUSE[room], HOUSE[below]
        lean = (b.x - a.x) // 6  # leave and arrive a little towards each other
        lean = max(-HALF + 14, min(HALF - 14, lean))
        parts.append(arrow(a.x + lean, y(a.row) + TALL, b.x - lean, y(b.row) - TALL - 1))
    for room, place in HOUSE.items():
        x, middle = place.x, y(place.row)
        parts += [
            f'<rect class="box" x="{x - HALF}" y="{middle - TALL}" width="{2 * HALF}" height="{2 * TALL}" rx="6"/>',
            f'<text class="name" x="{x}" y="{middle - 3}">{room}</text>',
            f'<text x="{x}" y="{middle + 14}">{place.says}</text>',
        ]
    width = max(place.x for place in HOUSE.values()) + HALF + 4
    return svg(width, y(8) + 34, "The rooms of rlkit: an arrow is an import", parts)


def step() -> str:
    """Who is called in one control step, in its order."""
    height = 76 + 40 * len(STEP)
    parts = []
    for name, x in LANES.items():
        parts += [
            f'<path class="line" stroke-dasharray="3 4" d="M{x} 48V{height - 12}"/>',
            f'<rect class="box" x="{x - 46}" y="14" width="92" height="32" rx="6"/>',
            f'<text class="name" x="{x}" y="35">{name}</text>',
        ]
    for number, (caller, called, says) in enumerate(STEP):
        x, to_x, y = LANES[caller], LANES[called], 84 + 40 * number
        middle = (x + (to_x if called != "Simulator" else LANES["Task"])) / 2
        parts += [
            arrow(x, y, to_x, y),
            f'<text x="{middle:g}" y="{y - 6}">{says}</text>',
        ]
    return svg(520, height, "One control step, in its order", parts)


DRAWINGS = {"house.svg": house, "step.svg": step}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (IMAGES / name).write_text(draw(), encoding="utf-8")
        print(f"wrote {IMAGES / name}")
