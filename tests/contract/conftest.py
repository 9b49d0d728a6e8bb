"""Options of the contract suite, and which scenes a plain run leaves out and keeps together on mjx: they compile."""

from __future__ import annotations

from pathlib import Path

import pytest

# What jax traces and compiles anew in every process takes 20 to 35 s of CPU time a scene: a plain run takes two.
ON_MJX = ("BoxGrasping", "HumanoidStand")  # the hand with a box, and the H1
# Of tasks on terrain a plain run takes one, and on warp, on a CPU 10 s each, what test_terrain.py has.
ON_TERRAIN = ("HumanoidRough", "HumanoidRough g1", "QuadrupedRough")


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "write what test_support.py sees into rlkit/config/facts/support.yaml and docs/support.md"
    parser.addoption("--write-support", action="store_true", help=text)
    text = f"tasks on mjx besides {', '.join(ON_MJX)}, and all on terrain, too: about 6 minutes more"
    parser.addoption("--every-scene", action="store_true", help=text)


@pytest.hookimpl(trylast=True)  # after pytest has sorted by fixtures
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(config.getoption(name, default=False) for name in ("--write-support", "--every-scene")):
        return
    left_out = [item for item in items if _is_left_out(item)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    _put_together(items)


def _put_together(items: list[pytest.Item]) -> None:
    """What runs on mjx comes first, task by task, so that xdist gives it to one process, where tests share programs.

    Of a process's tests others take over the last ones.
    """
    on_mjx = [item for item in items if _runs_on_mjx(item)]
    rest = [item for item in items if not _runs_on_mjx(item)]
    items[:] = sorted(on_mjx, key=lambda item: str(_given(item).get("task", ""))) + rest


def _given(item: pytest.Item) -> dict[str, object]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


def _runs_on_mjx(item: pytest.Item) -> bool:
    given = _given(item) if Path(__file__).parent in item.path.parents else {}
    return "mjx" in (given.get(name) for name in ("sim", "other", "build", "name"))


def _is_left_out(item: pytest.Item) -> bool:
    """Whether it is of a task on mjx, or of one on terrain, that only --every-scene asks for."""
    given = _given(item)
    if given.get("task") in ON_TERRAIN and item.path.name in ("test_tasks.py", "test_support.py"):
        return given["task"] != ON_TERRAIN[-1] or bool({"warp", "mjx"} & set(given.values()))
    return _runs_on_mjx(item) and given.get("task", ON_MJX[0]) not in ON_MJX
