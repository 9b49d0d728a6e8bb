"""Options of the contract suite, and which scenes a plain run leaves out where each takes long to compile."""

from __future__ import annotations

import pytest

# What jax traces and compiles anew in every process takes 20 to 35 s of CPU time a scene: a plain run takes two.
ON_MJX = ("BoxGrasping", "HumanoidRun", "HumanoidStand", "HumanoidWalk")  # the hand with a box, and the H1


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "write what test_support.py sees into rlkit/config/facts/support.yaml and docs/support.md"
    parser.addoption("--write-support", action="store_true", help=text)
    text = f"tasks on mjx besides {', '.join(ON_MJX)} too: about 5 minutes more"
    parser.addoption("--every-scene", action="store_true", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(config.getoption(name, default=False) for name in ("--write-support", "--every-scene")):
        return
    left_out = [item for item in items if _is_left_out(item)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _is_left_out(item: pytest.Item) -> bool:
    """Whether it is of a task on mjx that only --every-scene asks for."""
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return "mjx" in (given.get("sim"), given.get("other")) and given.get("task", ON_MJX[0]) not in ON_MJX
