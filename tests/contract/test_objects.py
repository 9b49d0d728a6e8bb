"""What envs with different objects do, on every simulator that claims it, and how those that do not refuse it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Sequence

import pytest
import torch
from known_objects import write_box

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.objects.scene import with_objects
from rlkit.objects.settings import objects_of
from rlkit.objects.solid import Solid, solid_of
from rlkit.sims.api import ContactSensor, PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError
from rlkit.sims.facts import SIMULATORS, STEPPING
from rlkit.sims.registry import make

HERE = Machine.detect().simulators
CLAIMING = [name for name, row in SIMULATORS.items() if row.alternatives and name in HERE]
PHYSICS = PhysicsSettings(dt=0.005, substeps=2, iterations=20, ls_iterations=20, num_threads=1)
GROUND = '<mujoco><worldbody><geom type="plane" size="1 1 1" friction="1"/></worldbody></mujoco>'
BOX = {"size": 0.05, "mass": 0.1, "friction": 1.0}
# By hand: mass, kg; moments of inertia, kg m²; where its centre rests, m.
BY_HAND = (
    (0.12, (2e-5, 4e-5, 5.2e-5), 0.01),
    (0.2, (7.2e-5,) * 3, 0.03),
    (0.3, (1.9e-4, 1.9e-4, 6e-5), 0.04),
    (0.2, (9.68e-5, 9.68e-5, 3.68e-5), 0.02),
    (0.12, (2e-5, 4e-5, 5.2e-5), 0.01),
)
SETTLED = 3e-4  # m that soft contacts let it sink in


def solids(folder: Path) -> list[Solid]:
    """A brick, a ball, a can, a pill that lies, and the brick as a mesh in millimetres."""
    mesh = write_box(folder / "brick.obj", 60.0, 40.0, 20.0)
    entries: list[dict[str, Any]] = [
        {"shape": "box", "size": [0.06, 0.04, 0.02], "mass": 0.12},
        {"shape": "sphere", "radius": 0.03, "mass": 0.2},
        {"shape": "cylinder", "radius": 0.02, "height": 0.08, "mass": 0.3},
        {"shape": "capsule", "radius": 0.02, "height": 0.08, "mass": 0.2},
        {"shape": "mesh", "file": str(mesh), "scale": 0.001, "density": 2500},
    ]
    return [solid_of(one) for one in objects_of(BOX, entries)]


def scene(models: Sequence[str]) -> SceneSpec:
    contacts = (ContactSensor("box", "box"),)
    others = tuple(models) if len(models) > 1 else ()
    return SceneSpec(models[0], (), (), ("box",), (), ("box",), contacts, alternatives=others)


def dropped(sim: Simulator, known: list[Solid], numbers: list[int], steps: int = 100) -> None:
    """Each env's object 1 cm above where it rests, then half a second."""
    count, nothing = len(numbers), torch.zeros(len(numbers), 0)
    pose = torch.zeros(count, 1, 7)
    for env, number in enumerate(numbers):
        pose[env, 0, 2] = known[number].rest_height + 0.01
        pose[env, 0, 3:] = torch.tensor(known[number].rest_quat)
    sim.reset(torch.arange(count), ResetState(nothing, nothing, pose, torch.zeros(count, 1, 6)))
    sim.step(torch.zeros(count, 0), steps)


@pytest.mark.parametrize("name", CLAIMING)
def test_each_env_has_the_mass_the_inertia_and_the_resting_height_of_its_own_object(
    name: str, tmp_path: Path
) -> None:
    known = solids(tmp_path)
    models, numbers = with_objects(GROUND, "box", known), [2, 0, 3, 1, 4, 2, 1]
    with closing(make(name, scene(models), PHYSICS, len(numbers), "cpu")) as sim:
        assert sim.model_of(1) == models[0]  # until it is chosen
        sim.choose(torch.arange(len(numbers)), torch.tensor(numbers))
        dropped(sim, known, numbers)
        masses, inertias = sim.model_field("body_mass")[:, 1], sim.model_field("body_inertia")[:, 1]
        for env, number in enumerate(numbers):
            mass, inertia, height = BY_HAND[number]
            assert masses[env].item() == pytest.approx(mass)
            assert inertias[env].tolist() == pytest.approx(inertia)
            assert sim.body_pos[env, 0, 2].item() == pytest.approx(height, abs=SETTLED)
            assert sim.contact_force[env, 0, 2].item() == pytest.approx(9.81 * mass, rel=1e-3)
            assert sim.model_of(env) == models[number]
        assert not sim.unstable.any()


@pytest.mark.parametrize("name", CLAIMING)
def test_an_env_steps_as_one_that_is_alone_with_its_object(name: str, tmp_path: Path) -> None:
    """To the bit, whatever the others have and whatever it had before."""
    known = solids(tmp_path)
    models, before, numbers = with_objects(GROUND, "box", known), [1, 1, 0, 4, 3], [0, 1, 2, 3, 4]
    with closing(make(name, scene(models), PHYSICS, 5, "cpu")) as sim:
        for chosen in (before, numbers):
            sim.choose(torch.arange(5), torch.tensor(chosen))
            dropped(sim, known, chosen, steps=20)
        for number, model in enumerate(models):
            with closing(make(name, scene((model,)), PHYSICS, 1, "cpu")) as alone:
                dropped(alone, known, [number], steps=20)
                for view in ("body_pos", "body_quat", "body_lin_vel", "body_ang_vel", "contact_force"):
                    assert torch.equal(getattr(sim, view)[number], getattr(alone, view)[0]), (number, view)


@pytest.mark.parametrize("name", CLAIMING)
def test_what_is_randomised_is_a_factor_of_the_own_objects_mass(name: str, tmp_path: Path) -> None:
    known = solids(tmp_path)
    models = with_objects(GROUND, "box", known)
    with closing(make(name, scene(models), PHYSICS, 3, "cpu")) as sim:
        envs = torch.tensor([2, 0])
        sim.choose(envs, torch.tensor([1, 2]))
        sim.scale("mass", envs, torch.tensor([[2.0], [0.5]]))
        dropped(sim, known, [2, 0, 1])
        assert sim.model_field("body_mass")[:, 1].tolist() == pytest.approx([0.15, 0.12, 0.4])
        assert sim.contact_force[:, 0, 2].tolist() == pytest.approx(
            [9.81 * m for m in (0.15, 0.12, 0.4)], rel=1e-3
        )
        sim.choose(torch.tensor([2]), torch.tensor([0]))  # which undoes the factor
        assert sim.model_field("body_mass")[:, 1].tolist() == pytest.approx([0.15, 0.12, 0.12])


@pytest.mark.parametrize("name", CLAIMING)
def test_a_saved_state_brings_the_objects_along(name: str, tmp_path: Path) -> None:
    known = solids(tmp_path)
    models, numbers = with_objects(GROUND, "box", known), [3, 4, 1]
    with closing(make(name, scene(models), PHYSICS, 3, "cpu")) as sim:
        sim.choose(torch.arange(3), torch.tensor(numbers))
        dropped(sim, known, numbers, steps=10)
        state, one = sim.state(), sim.state([1])
        sim.step(torch.zeros(3, 0), 10)
        expected = sim.body_pos.clone(), sim.body_quat.clone()
        for count, saved, envs in ((3, state, slice(None)), (1, one, slice(1, 2))):
            with closing(make(name, scene(models), PHYSICS, count, "cpu")) as other:
                other.load_state(saved)
                assert [other.model_of(env) for env in range(count)] == [models[k] for k in numbers[envs]]
                other.step(torch.zeros(count, 0), 10)
                assert torch.equal(other.body_pos, expected[0][envs])
                assert torch.equal(other.body_quat, expected[1][envs])
        few = make(name, scene(models[:2]), PHYSICS, 3, "cpu")
        with closing(few), pytest.raises(SimulatorError, match="belongs to another scene"):
            few.load_state(state)


@pytest.mark.parametrize("name", CLAIMING)
def test_models_of_another_layout_are_refused(name: str) -> None:
    more = GROUND.replace("</worldbody>", '<geom type="sphere" size="1" pos="0 0 9"/></worldbody>')
    known = [solid_of(one) for one in objects_of(BOX, [])]
    models = (*with_objects(GROUND, "box", known), *with_objects(more, "box", known))
    with pytest.raises(SimulatorError, match="alternative 1 of the scene has ngeom=3, and the first 2"):
        make(name, scene(models), PHYSICS, 1, "cpu")


@pytest.mark.parametrize("sim", [name for name in STEPPING if not SIMULATORS[name].alternatives])
def test_other_simulators_are_refused_by_name(sim: str) -> None:
    machine = Machine(**{**vars(Machine.detect()), "simulators": frozenset(STEPPING)})
    with pytest.raises(ConfigError, match=f"sim={sim}: (has the same model in all envs|cannot run)"):
        compose(["task=BoxGrasping", "task.objects=shapes", f"sim={sim}"], machine=machine)
    known = [solid_of(one) for one in objects_of(BOX, "shapes")]
    with pytest.raises(
        SimulatorError, match=f"sim={sim} has one model for all envs.*4 different.*use sim=mujoco"
    ):
        make(sim, scene(with_objects(GROUND, "box", known)), PHYSICS, 1, "cpu")
