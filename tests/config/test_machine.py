"""What Machine.detect() takes for a simulator that can be used here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.machine import Machine


@pytest.fixture
def old_mujoco(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mujoco without the batch engine, as Python 3.8 and Isaac Gym have it, in front of the one that is here."""
    (tmp_path / "mujoco" / "mjx").mkdir(parents=True)
    (tmp_path / "mujoco" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "isaacgym").mkdir()
    (tmp_path / "isaacgym" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "genesis").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "mujoco"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("old_mujoco")
def test_a_mujoco_without_the_batch_engine_serves_isaac_gym_alone() -> None:
    assert {"mujoco", "warp", "mjx", "genesis"}.isdisjoint(Machine.detect().simulators)
    assert "isaacgym" in Machine.detect().simulators


@pytest.mark.usefixtures("old_mujoco")
def test_a_request_says_which_part_is_missing_and_how_to_get_it() -> None:
    expected = (
        r"sim.name=mujoco: not installed here \(there is no mujoco.batch\); .*pip install 'rlkit\[mujoco\]'"
    )
    with pytest.raises(ConfigError, match=expected):
        compose(["task=Reach", "sim=auto"], machine=Machine.detect())
