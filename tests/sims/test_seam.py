"""What the simulators share: rotations by hand, subtrees, and refusals in the same words from all of them."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math

import mujoco
import pytest
import torch
from stub_simulator import StubSimulator

from rlkit.rotations import multiply, rotate, rotate_inverse
from rlkit.sims.api import ContactSensor, PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.mjmodel import checks as seam
from rlkit.sims.mujoco.simulator import MujocoSimulator

SCENE = SceneSpec(
    mjcf="""
    <mujoco><compiler angle="radian"/><worldbody>
      <body name="a"><joint name="a"/><geom size="0.1"/><body name="b"><geom size="0.1"/></body></body>
      <body name="c"><geom size="0.1"/></body>
    </worldbody><actuator><motor name="m" joint="a"/></actuator></mujoco>""",
    joints=("a",),
    actuators=("m",),
)
HALF = math.sqrt(0.5)
ABOUT_X, ABOUT_Z = torch.tensor([HALF, HALF, 0.0, 0.0]), torch.tensor([HALF, 0.0, 0.0, HALF])


def test_a_quarter_turn_about_z_takes_x_to_y_and_back() -> None:
    x, y = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(rotate(ABOUT_Z, x), y)
    torch.testing.assert_close(rotate_inverse(ABOUT_Z, y), x)


def test_a_product_turns_by_the_second_factor_first() -> None:
    """z, turned about x, is -y; turned about z then, x. The other way round it stays at -y."""
    z = torch.tensor([0.0, 0.0, 1.0])
    torch.testing.assert_close(rotate(multiply(ABOUT_Z, ABOUT_X), z), torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(rotate(multiply(ABOUT_X, ABOUT_Z), z), torch.tensor([0.0, -1.0, 0.0]))


def test_one_constant_serves_all_envs() -> None:
    quats, offsets = torch.stack((ABOUT_X, ABOUT_Z))[:, None], torch.tensor([[1.0, 0.0, 0.0]])
    expected = torch.tensor([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]])
    torch.testing.assert_close(rotate(quats, offsets), expected)
    torch.testing.assert_close(multiply(quats, ABOUT_X[None])[1, 0], torch.tensor([0.5, 0.5, 0.5, 0.5]))


def test_a_subtree_is_the_body_and_all_below_it() -> None:
    model = mujoco.MjModel.from_xml_string(SCENE.mjcf)
    assert [seam.subtree(model, k) for k in range(4)] == [[0, 1, 2, 3], [1, 2], [2], [3]]


def test_a_state_of_another_simulator_is_refused_as_such() -> None:
    sim = MujocoSimulator(SCENE, PhysicsSettings(dt=0.01, substeps=1, num_threads=1), 2)
    theirs = {"scene": seam.fingerprint(SCENE), "qpos": torch.zeros(2, 1), "qvel": torch.zeros(2, 1)}
    with pytest.raises(SimulatorError, match=r"state is of another simulator, not of sim=mujoco"):
        sim.load_state(theirs)
    with pytest.raises(SimulatorError, match=r"state is of another simulator, not of sim=warp"):
        seam.check_state(sim.state(), SCENE, 2, "warp", own="qacc_warmstart")


@pytest.mark.parametrize(("shape", "steps"), [((1, 1), 1), ((2, 2), 1), ((2, 1), 0)])
def test_a_step_of_another_shape_or_of_no_length_is_refused(shape: tuple[int, int], steps: int) -> None:
    with pytest.raises(SimulatorError, match=r"ctrl must be \(2, 1\) and num_steps at least 1"):
        seam.check_step(SCENE, 2, torch.zeros(shape), steps)
    seam.check_step(SCENE, 2, torch.zeros(2, 1), 1)


def test_no_envs_and_envs_listed_twice_are_refused() -> None:
    with pytest.raises(SimulatorError, match=r"numEnvs=0: a simulator needs at least one env"):
        seam.check_num_envs(0)
    with pytest.raises(SimulatorError, match=r"listed twice in \[1, 0, 1\]"):
        seam.check_listed_once(torch.tensor([1, 0, 1]))
    seam.check_listed_once(torch.tensor([2, 0, 1]))


# Where the tensors hold what the scene names.

NAMED = SceneSpec(
    mjcf="",
    joints=("a", "b", "c"),
    actuators=(),
    bodies=("hand", "box", "lid"),
    sites=("tip", "pad1", "pad2"),
    contacts=(ContactSensor("thumb", "hand"), ContactSensor("index", "hand")),
)


@pytest.mark.parametrize(
    ("one", "several", "names"),
    [
        ("body", "bodies", NAMED.bodies),
        ("site", "sites", NAMED.sites),
        ("joint", "joints", NAMED.joints),
        ("contact", "contacts", ("thumb", "index")),
    ],
)
def test_names_give_the_places_of_the_scene(one: str, several: str, names: tuple[str, ...]) -> None:
    sim = StubSimulator(NAMED, 2)
    assert [getattr(sim, one)(name) for name in names] == list(range(len(names)))
    columns = torch.arange(len(names)).repeat(2, 1)
    find = getattr(sim, several)
    for asked in (names, names[1:], names[:1], names[::-1], (names[-1], names[0]), ()):
        assert columns[:, find(asked)].tolist() == [[names.index(name) for name in asked]] * 2, asked
    assert find(names[1:]) == slice(1, len(names))  # in a row: read without a copy
    with pytest.raises(SimulatorError, match=rf"the task's SceneSpec has no {one} '{names[0]}s'.*{names[0]}"):
        getattr(sim, one)(f"{names[0]}s")
    with pytest.raises(
        SimulatorError, match=rf"the task's SceneSpec has no {one} 'xyz'; it has: {names[0]}, "
    ):
        find([names[0], "xyz"])
