"""Quantities that vary: bodies without names, what a scaling leaves alone, and where its numbers are."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import pytest
import torch

from rlkit.sims.api import QUANTITIES, PhysicsSettings, ResetState, SceneSpec
from rlkit.sims.mjmodel.quantities import Scales, quantity_parts
from rlkit.sims.mujoco.simulator import MujocoSimulator

PHYSICS = PhysicsSettings(dt=0.01, substeps=1, num_threads=1)

# A cart with a servo on a rail, and on it a load that has no name; both may touch.
CART = SceneSpec(
    mjcf="""
    <mujoco><worldbody>
      <body name="cart"><joint name="rail" type="slide" axis="1 0 0"/>
        <geom size="0.1" mass="1" friction="0.8"/>
        <body pos="0 0 0.2"><geom size="0.1" mass="3" friction="0.5"/></body>
      </body>
    </worldbody><actuator><position name="servo" joint="rail" kp="50" kv="5"/></actuator></mujoco>""",
    joints=("rail",),
    actuators=("servo",),
    bodies=("cart",),
)
N = 3


@pytest.fixture
def cart() -> MujocoSimulator:
    return MujocoSimulator(CART, PHYSICS, N)


def test_a_body_without_a_name_has_its_number(cart: MujocoSimulator) -> None:
    assert cart.parts("mass") == cart.parts("friction") == ("cart", "body 2")
    cart.scale("mass", torch.tensor([1]), torch.tensor([[1.0, 2.0]]))
    cart.scale("friction", torch.tensor([2]), torch.tensor([[0.5, 3.0]]))
    assert cart.model_field("body_mass")[:, 1:].tolist() == [[1.0, 3.0], [1.0, 6.0], [1.0, 3.0]]
    assert cart.model_field("geom_friction")[2, :, 0].tolist() == pytest.approx([0.4, 1.5])


def test_a_scaling_touches_what_it_writes_and_nothing_else(cart: MujocoSimulator) -> None:
    """A mass that was written but not applied waits, so friction costs the same whatever else varies."""
    cart.model_field("body_mass")[:] *= 2.0
    derived = cart._batch.expand("body_subtreemass")
    cart.scale("friction", torch.arange(N), torch.full((N, 2), 0.5))
    assert derived[:, 1].tolist() == [4.0, 4.0, 4.0]
    cart.apply_model_fields(torch.tensor([1]))
    assert derived[:, 1].tolist() == [4.0, 8.0, 4.0]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_numbers_of_a_quantity_are_where_the_simulator_is(quantity: str) -> None:
    """Torch refuses to mix a device with another one; "meta" is one that every machine has."""
    model, device = mujoco.MjModel.from_xml_string(CART.mjcf), torch.device("meta")
    scales, ids = Scales(model, CART.actuators, device), torch.zeros(2, dtype=torch.int64, device=device)
    factors = torch.ones(2, len(quantity_parts(model, CART.actuators, quantity)), device=device)
    rooms = {name: torch.empty((N, *getattr(model, name).shape), device=device) for name in FIELDS}
    written = scales.write(quantity, ids, factors, rooms.__getitem__)
    assert all(written) and set(written) <= set(FIELDS)
    entries = scales._entries[quantity]
    assert scales.write(quantity, ids, factors, rooms.__getitem__) == written
    assert scales._entries[quantity] is entries  # found once
    tensors = [tensor for each in entries for tensor in (*each.index, each.part, each.own)]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


FIELDS = ("geom_friction", "body_mass", "body_inertia", "actuator_gainprm", "actuator_biasprm")


def test_a_force_that_waits_in_a_saved_state_acts_once(cart: MujocoSimulator) -> None:
    """In the next step, here and where the state was loaded, and never again."""
    still = ResetState(torch.zeros(N, 1), torch.zeros(N, 1), torch.zeros(N, 0, 7), torch.zeros(N, 0, 6))
    cart.reset(torch.arange(N), still)
    cart.apply_force("cart", torch.tensor([[20.0, 0.0, 0.0]]).repeat(N, 1))
    saved, twin = cart.state(), MujocoSimulator(CART, PHYSICS, N)
    twin.load_state(saved)
    for _ in range(3):
        for each in (cart, twin):
            each.step(torch.zeros(N, 1), 1)
        assert torch.equal(cart.joint_vel, twin.joint_vel)
        assert not twin._external_force.any()
