"""What engines of other physics than MuJoCo's would pass over in silence: refused by name, in the same words."""

from __future__ import annotations

from typing import Callable

import mujoco
import pytest

from rlkit.sims import models
from rlkit.sims.api import SimulatorError
from rlkit.sims.genesis.model import check_model
from rlkit.sims.isaacgym.tree import compile_model


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
    for mjcf in (scene(), *(models.load(model) for model in ("h1", "panda", "dexhand"))):
        read(mjcf)


@each_engine
def test_a_priority_that_changes_nothing_is_not_refused(name: str, read: Callable[[str], object]) -> None:
    read(scene('priority="1"'))


def test_a_larger_friction_that_has_the_priority_is_what_genesis_takes_and_not_the_mean() -> None:
    slippery = scene('priority="1" friction="2"')
    by_genesis(slippery)
    with pytest.raises(SimulatorError, match=r"priority, and the friction of two geoms is their mean"):
        compile_model(slippery)
