"""What cannot be in `task.terrain`, or not on this simulator; heights are not computed."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from rlkit.config.schema.types import Plain
from rlkit.nearest import did_you_mean
from rlkit.sims.facts import able, simulator_facts
from rlkit.terrain.settings import KINDS, LARGEST, TerrainSettings, scan_size

_MOST_POINTS = 2000  # of a scan


def check(plain: Plain) -> list[str]:
    """Kinds that there are not, lengths that do not fit, more points than there is room for, simulators without."""
    task, sim = plain["task"], str(plain["sim"]["name"])
    points = scan_size(task)
    problems = []
    if points > _MOST_POINTS:
        problems.append(
            f"task.terrain.scan: {points} points are more than {_MOST_POINTS}; write task.terrain.scan.resolution=0.1"
        )
    settings = TerrainSettings.of(task)
    if settings is None:
        return problems
    problems += [
        f"task.terrain.kinds: there is no kind {kind!r}{did_you_mean(kind, KINDS, '; there are ' + ', '.join(KINDS))}"
        for kind in dict.fromkeys(settings.kinds)
        if kind not in KINDS
    ]
    problems += _lengths(settings, task["terrain"])
    row = simulator_facts(sim)
    if row is not None and row.backend and not row.terrain:
        problems.append(
            f"sim={sim}: has no terrain, which task={task['name']} stands on; write {able('terrain')}, or"
            " task.terrain.kinds=[]"
        )
    return problems


def several(task: Mapping[str, Any]) -> list[str]:
    """The kinds of terrain of a task, where there are several."""
    given: Sequence[str] = (task.get("terrain") or {}).get("kinds") or ()
    kinds = list(dict.fromkeys(given))
    return kinds if len(kinds) > 1 else []


def _lengths(settings: TerrainSettings, given: Mapping[str, Any]) -> list[str]:
    problems, resolution = [], settings.resolution
    for name in ("size", "border"):
        length = float(given[name])
        if abs(length / resolution - round(length / resolution)) > 1e-6 * length / resolution:
            whole = max(1, round(length / resolution)) * resolution
            problems.append(
                f"task.terrain.{name}={length:g}: must be a whole number of task.terrain.resolution={resolution:g} m;"
                f" write task.terrain.{name}={whole:g}"
            )
    if settings.platform >= settings.size:
        problems.append(
            f"task.terrain.platform={settings.platform:g}: a patch is {settings.size:g} m; write"
            f" task.terrain.platform={0.2 * settings.size:g}"
        )
    if int(given["startLevel"]) >= settings.levels:
        problems.append(
            f"task.terrain.startLevel={given['startLevel']}: there are {settings.levels} levels, from 0; write"
            f" task.terrain.startLevel={settings.levels - 1}"
        )
    rows, columns = settings.shape
    if rows * columns > LARGEST:
        problems.append(
            f"task.terrain: its height field would have {rows * columns:.1e} points, and {LARGEST:.0e} are the most;"
            f" write task.terrain.resolution={resolution * (rows * columns / LARGEST) ** 0.5 * 1.05:.2g}"
        )
    return problems
