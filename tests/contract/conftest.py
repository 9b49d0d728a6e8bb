"""Options of the contract suite, what a plain run leaves out, and what it keeps together on mjx: its scenes compile."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkit.config.facts import support

# What jax traces and compiles anew in every process takes 20 to 35 s of CPU time a scene: a plain run takes two.
ON_MJX = ("BoxGrasping", "HumanoidStand")  # the hand with a box, and the H1
# A scene that is nearly another one: on warp, on a CPU 10 s each, a plain run takes that one.
ALIKE = ("CubeReorient",)  # BoxGrasping, with plates that touch nothing
# Of tasks on terrain a plain run takes one, and on warp, on a CPU 10 s each, what test_terrain.py has.
ON_TERRAIN = ("HumanoidRough", "HumanoidRough g1", "QuadrupedRough")

SHARE = 3  # of the tasks of a learner that a plain run leaves out all but each such one; PPO does all of them


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "write what test_support.py sees into rlkit/config/facts/support.yaml and docs/support.md"
    parser.addoption("--write-support", action="store_true", help=text)
    text = f"tasks on mjx besides {', '.join(ON_MJX)}, all on terrain, {ALIKE[0]} on warp, all learners: 8 minutes more"
    parser.addoption("--every-scene", action="store_true", help=text)


@pytest.hookimpl(trylast=True)  # after pytest has sorted by fixtures
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(config.getoption(name, default=False) for name in ("--write-support", "--every-scene")):
        return
    done = _done_by_learners()
    left_out = [item for item in items if _is_left_out(item) or _is_in(done, item) is False]
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


def _done_by_learners() -> dict[tuple[str, str], bool]:
    """Of each task and learner that go together, whether a plain run does them: a learner knows no task by name.

    Each task is done by PPO and each learner does some, not the same; a refusal costs nothing.
    """
    record = support.read_record()["learners"]
    learners = sorted({name for cells in record.values() for name in cells} - {"ppo"})
    done = {}
    for first, learner in enumerate(learners):
        tasks = [task for task, cells in sorted(record.items()) if "tested" in cells.get(learner, {})]
        chosen = tasks[first % min(SHARE, len(tasks)) :: SHARE] if tasks else []
        done.update({(task, learner): task in chosen for task in tasks})
    return done


def _is_in(done: dict[tuple[str, str], bool], item: pytest.Item) -> bool | None:
    """What `done` says of a test of a learner and a task, None of all others."""
    given = _given(item) if item.path.name == "test_support.py" else {}
    return done.get((str(given.get("task")), str(given.get("learner"))))


def _is_left_out(item: pytest.Item) -> bool:
    """Whether it is of a task on mjx or warp, or of one on terrain, that only --every-scene asks for."""
    given = _given(item)
    if given.get("task") in ALIKE and "warp" in given.values():
        return True
    if given.get("task") in ON_TERRAIN and item.path.name in ("test_tasks.py", "test_support.py"):
        return given["task"] != ON_TERRAIN[-1] or bool({"warp", "mjx"} & set(given.values()))
    return _runs_on_mjx(item) and given.get("task", ON_MJX[0]) not in ON_MJX
