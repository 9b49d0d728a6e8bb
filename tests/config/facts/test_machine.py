"""What can be used on a machine: which simulators, with which integrators, on which devices."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE


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


GPUS = Machine(cuda_devices=2, simulators=frozenset(USABLE))


@pytest.mark.parametrize("sim", ["genesis", "mjx"])
def test_an_integrator_that_an_engine_lacks_is_refused_with_those_it_has(sim: str) -> None:
    words = ["task=Reach", f"sim={sim}", "device=cpu"]
    with pytest.raises(
        ConfigError, match=f"sim={sim} has euler and implicitfast; .*sim.integrator=implicitfast"
    ):
        compose([*words, "sim.integrator=implicit"], machine=GPUS)
    assert compose([*words, "sim.integrator=euler"], machine=GPUS).sim.integrator == "euler"


@pytest.mark.parametrize("sim", ["mujoco", "warp"])
def test_an_integrator_that_an_engine_has_is_not(sim: str) -> None:
    words = ["task=Reach", f"sim={sim}", "device=cpu", "sim.integrator=implicit"]
    assert compose(words, machine=GPUS).sim.integrator == "implicit"


def test_genesis_is_told_how_to_take_the_second_gpu() -> None:
    with pytest.raises(ConfigError, match=r"write device=cuda:0, with CUDA_VISIBLE_DEVICES=1 before"):
        compose(["task=Reach", "sim=genesis", "device=cuda:1"], machine=GPUS)
    for sim, device in (("genesis", "cuda:0"), ("warp", "cuda:1")):
        assert compose(["task=Reach", f"sim={sim}", f"device={device}"], machine=GPUS).env.device == device


@pytest.mark.usefixtures("old_mujoco")
def test_a_request_says_which_part_is_missing_and_how_to_get_it() -> None:
    expected = (
        r"sim.name=mujoco: not installed here \(there is no mujoco.batch\); .*pip install -e '.*\[mujoco\]'"
    )
    with pytest.raises(ConfigError, match=expected):
        compose(["task=Reach", "sim=auto"], machine=Machine.detect())
