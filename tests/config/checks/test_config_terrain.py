"""What of `task.terrain` is refused before anything boots, and how large a height scan is."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.config.files.terms import observation_sizes
from rlkit.sims.facts import STEPPING
from rlkit.terrain.settings import TerrainSettings

ALL = Machine(simulators=frozenset(STEPPING))
ROUGH = ("task=QuadrupedVelocity", "task.terrain.kinds=[rough,stairs_up]")


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose([*words, "device=cpu"], machine=ALL)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("task.terrain.kinds=[stair_up]",), "there is no kind 'stair_up'; did you mean stairs_up?"),
        (("task.terrain.size=4.05",), "write task.terrain.size=4"),
        (("task.terrain.platform=9.0",), "write task.terrain.platform=1.6"),
        (("task.terrain.levels=3", "task.terrain.startLevel=5"), "write task.terrain.startLevel=2"),
        (("task.terrain.size=100.0", "task.terrain.resolution=0.02"), "and 2e\\+07 are the most; write"),
        (("task.terrain.scan.resolution=0.01",), "write task.terrain.scan.resolution=0.1"),
        (("sim=mjx",), "sim=mjx: has no terrain.* write sim=mujoco or sim=warp, or task.terrain.kinds="),
        (("sim=genesis",), "sim=genesis: has no terrain"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        compose([*ROUGH, "device=cpu", *words], machine=ALL)


def test_a_plane_asks_nothing_of_a_simulator() -> None:
    for sim in ("mujoco", "mjx"):
        found = compose(["task=QuadrupedVelocity", f"sim={sim}", "device=cpu"], machine=ALL)
        assert TerrainSettings.of(found.task) is None


def test_a_task_without_terrain_has_no_such_setting() -> None:
    assert "task.terrain.kinds" in refused("task=Steering", "task.terrain.kinds=[rough]")


def test_a_scan_is_as_large_as_its_grid() -> None:
    task = compose(["task=QuadrupedRough", "device=cpu"], machine=ALL).task
    sizes = observation_sizes(task)
    assert sizes is not None and sizes["height_scan"] == 17 * 11
    small = compose(["task=QuadrupedRough", "task.terrain.scan.size=[0.3,0]", "device=cpu"], machine=ALL).task
    assert (observation_sizes(small) or {})["height_scan"] == 4
