"""What engines of other physics than MuJoCo's would pass over in silence: refused by name, in the same words."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable

import mujoco
import pytest

from rlkit.sims import models
from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.genesis.model import check_model
from rlkit.sims.genesis.model import check_scene as genesis_check
from rlkit.sims.isaacgym.check import check_scene as isaacgym_check
from rlkit.sims.isaacgym.tree import compile_model
from rlkit.sims.registry import make


def by_genesis(mjcf: str) -> None:
    check_model(mujoco.MjModel.from_xml_string(mjcf))


ENGINES = {"genesis": by_genesis, "isaacgym": compile_model}
each_engine = pytest.mark.parametrize(("name", "read"), ENGINES.items(), ids=ENGINES)


def scene(geom: str = "", *, option: str = "", world: str = "", after: str = "") -> str:
    """Two bodies over the ground; the first one's geom has the attributes `geom`."""
    return f"""<mujoco><compiler angle="radian"/>{option}<worldbody><geom type="plane" size="1 1 1"/>
      <body name="a"><freejoint/><geom name="foot" size="0.1" {geom}/></body>
      <body name="b"><joint name="hinge"/><geom size="0.1"/></body>{world}</worldbody>{after}</mujoco>"""


FLEX = """<flexcomp name="cloth" type="grid" count="3 3 1" spacing="0.1 0.1 0.1" radius="0.01" mass="1"/>"""
TENDON = '<tendon><fixed name="cord"><joint joint="hinge" coef="1"/></fixed></tendon>'
REFUSED = {
    "has the tendon 'cord'": {"after": TENDON},
    "has the contact pair 'p'": {"after": '<contact><pair name="p" geom1="foot" geom2="foot2"/></contact>',
                                 "world": '<body><geom name="foot2" size="0.1"/></body>'},
    "has the flexible body 'cloth'": {"world": FLEX},
    "body 'm' is a mocap body": {"world": '<body name="m" mocap="true"><geom size="0.1"/></body>'},
    "medium resists motion": {"option": '<option viscosity="0.1"/>'},
    r"medium .* wind": {"option": '<option wind="1 0 0"/>'},
    "parts of MuJoCo off": {"option": '<option><flag gravity="disable"/></option>'},
    "geom 'foot' has a margin or a gap": {"geom": 'margin="0.01"'},
    "geom 'foot' is frictionless": {"geom": 'condim="1"'},
    "geom 'foot' has a priority": {"geom": 'priority="1" friction="0.5"'},
}  # fmt: skip


@each_engine
@pytest.mark.parametrize("problem", REFUSED)
def test_it_is_refused_by_name_with_what_works(
    name: str, read: Callable[[str], object], problem: str
) -> None:
    with pytest.raises(SimulatorError, match=f"sim={name} cannot.*{problem}.*use sim=mujoco"):
        read(scene(**REFUSED[problem]))


@each_engine
def test_a_plain_scene_and_our_own_models_are_not(name: str, read: Callable[[str], object]) -> None:
    for mjcf in (scene(), *(models.load(model) for model in ("h1", "g1", "panda", "dexhand"))):
        read(mjcf)


@each_engine
def test_a_priority_that_changes_nothing_is_not_refused(name: str, read: Callable[[str], object]) -> None:
    read(scene('priority="1"'))


def test_a_larger_friction_that_has_the_priority_is_what_genesis_takes_and_not_the_mean() -> None:
    slippery = scene('priority="1" friction="2"')
    by_genesis(slippery)
    with pytest.raises(SimulatorError, match=r"priority, and the friction of two geoms is their mean"):
        compile_model(slippery)


GYRO = '<sensor><gyro name="gyro" site="eye"/></sensor>'


@pytest.mark.parametrize(("name", "check"), {"genesis": genesis_check, "isaacgym": isaacgym_check}.items())
def test_sensors_of_the_robots_file_are_refused_where_none_is_read(
    name: str, check: Callable[..., None]
) -> None:
    mjcf = scene(world='<body name="c"><geom size="0.1"/><site name="eye"/></body>', after=GYRO)
    spec = SceneSpec(mjcf, ("hinge",), (), free_bodies=("a",), sensors=("gyro",))
    with pytest.raises(
        SimulatorError, match=f"sim={name} reads no sensors .* asks for 'gyro'; use sim=mujoco"
    ):
        check(spec, PhysicsSettings(dt=0.01, substeps=1))


def test_a_simulator_of_others_that_reads_no_sensors_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deaf.py").write_text(
        "from rlkit.sims.mujoco.simulator import MujocoSimulator\n\n\nclass Deaf(MujocoSimulator):\n"
        "    def __init__(self, *arguments):\n        super().__init__(*arguments)\n        self.sensors = {}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mjcf = scene(world='<body name="c"><geom size="0.1"/><site name="eye"/></body>', after=GYRO)
    spec = SceneSpec(mjcf, ("hinge",), (), free_bodies=("a",))
    physics, name = PhysicsSettings(dt=0.01, substeps=1), "deaf:Deaf"
    assert make(name, spec, physics, 1, "cpu", {name}).sensors == {}
    with pytest.raises(SimulatorError, match="sim=deaf:Deaf reads no sensors of the robot's file"):
        make(name, replace(spec, sensors=("gyro",)), physics, 1, "cpu", {name})
