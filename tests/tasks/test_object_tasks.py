"""BoxGrasping with a set of objects, by hand, on a simulator whose state the tests write."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.sims.api import SimulatorError
from rlkit.tasks.api import TaskError
from rlkit.tasks.box_grasping import BoxGrasping
from rlkit.tasks.robots import dexhand

SHAPES: list[dict[str, Any]] = [
    {"shape": "box", "size": [0.06, 0.04, 0.02], "mass": 0.12},
    {"shape": "cylinder", "radius": 0.02, "height": 0.08, "mass": 0.3, "weight": 3.0},
    {"shape": "capsule", "radius": 0.02, "height": 0.08, "mass": 0.2},
    {"shape": "sphere", "radius": 0.03, "mass": 0.4},
]


def grasping(n: int, objects: Any = SHAPES, seed: int = 0, **changes: Any) -> BoxGrasping:
    config = {**task_config("task=BoxGrasping"), "objects": objects, **changes}
    sim = StubSimulator(BoxGrasping.scene(config), n)
    return BoxGrasping(config, sim, torch.Generator().manual_seed(seed))


def begun(n: int = 4, **changes: Any) -> BoxGrasping:
    task = grasping(n, **changes)
    task.sim.reset(torch.arange(n), task.begin(torch.arange(n)))
    task.refresh()
    return task


def test_each_object_lies_on_the_ground_at_first() -> None:
    """A capsule on its side: its axis, which is its z, is level, and turned by its yaw."""
    state = grasping(4).begin(torch.arange(4))
    pose = state.free_pose[:, 0]
    assert pose[:, 2].tolist() == pytest.approx([0.01, 0.04, 0.02, 0.03])
    w, x, y, z = pose[2, 3:].tolist()
    axis = (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y))
    assert axis[2] == pytest.approx(0.0, abs=1e-6) and math.hypot(*axis) == pytest.approx(1.0)
    assert pose[[0, 1, 3], 4:6].abs().max() == 0.0


# A pad 5 cm from the centre along the object's x, and one 3 cm along x and 4 cm along z; by hand, in m:
# box, half 3 x 2 x 1: 2 cm; 3 cm. Can, radius 2, half 4: 3 cm; 1 cm. Pill, axis from -2 to 2 cm: 5 - 2 cm; 3 and 2 cm
# from its end less 2 cm. Ball: 5 - 3 cm; 5 - 3 cm.
BY_HAND = ((0.02, 0.03), (0.03, 0.01), (0.03, math.hypot(0.03, 0.02) - 0.02), (0.02, 0.02))


def test_the_gap_is_the_distance_to_the_surface_of_the_own_object() -> None:
    task = begun()
    task.sim.body_quat[:, task.box] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    pads = task.sim.site(dexhand.PADS[0])
    centre = task.sim.body_pos[:, task.box]
    task.sim.site_pos[:, pads] = centre + torch.tensor([0.05, 0.0, 0.0])
    task.sim.site_pos[:, pads + 1] = centre + torch.tensor([0.03, 0.0, 0.04])
    task.sim.site_pos[:, pads + 2] = centre + torch.tensor([0.0, 0.005, 0.005])  # inside
    task.refresh()
    for env, (first, second) in enumerate(BY_HAND):
        assert task.gap[env, :3].tolist() == pytest.approx([first, second, 0.0], abs=1e-7)


def test_lifting_is_counted_from_where_the_own_object_lies() -> None:
    task = begun()
    task.sim.body_pos[:, task.box, 2] = torch.tensor([0.01, 0.12, 0.2, 0.2])
    task.refresh()
    assert task.lift.tolist() == pytest.approx([0.0, 0.5, 1.0, 1.0])


def test_the_object_is_observed_where_that_is_asked_for() -> None:
    terms = [*task_config("task=BoxGrasping")["observations"], "object_size", "object_shape", "object_mass"]
    task = begun(observations=terms)
    assert "object_size" not in grasping(1).observation_terms
    assert task.object_size().tolist() == [
        pytest.approx(size) for size in ([0.06, 0.04, 0.02], [0.04, 0.04, 0.08], [0.04, 0.04, 0.08], [0.06] * 3)
    ]  # fmt: skip
    assert task.object_shape().tolist() == torch.eye(5)[:4].tolist()
    assert task.object_mass()[:, 0].tolist() == pytest.approx([0.12, 0.3, 0.2, 0.4])
    told = task.deployment()["objects"]
    assert told["terms"] == terms[-3:] and told["trained_with"][3]["size"] == [0.06] * 3
    assert "objects" not in grasping(1).deployment()


def test_tests_play_the_objects_in_turn_and_tell_them_apart() -> None:
    task = begun(6)
    assert task.sim.chosen.tolist() == [0, 1, 2, 3, 0, 1]  # type: ignore[attr-defined]
    assert {name: of.nonzero()[:, 0].tolist() for name, of in task.variants().items()} == {
        "box": [0, 4], "cylinder": [1, 5], "capsule": [2], "sphere": [3],
    }  # fmt: skip
    task.begin(torch.tensor([4, 1]))
    assert task.sim.chosen.tolist() == [0, 2, 2, 3, 1, 1]  # type: ignore[attr-defined]
    assert [task.playing(env) for env in range(2)] == ["box", "capsule"]


def test_training_draws_them_by_weight_from_the_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        task = grasping(4000, seed=seed)
        task.learning = True
        task.begin(torch.arange(4000))
        drawn.append(task.sim.chosen)  # type: ignore[attr-defined]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    shares = torch.bincount(drawn[0], minlength=4) / 4000
    assert shares.tolist() == pytest.approx([1 / 6, 1 / 2, 1 / 6, 1 / 6], abs=0.03)


def test_one_object_draws_nothing_and_remembers_nothing() -> None:
    """The box as it was, and one other thing in its place."""
    first = grasping(5, []).begin(torch.arange(5))
    task = grasping(5, [{"shape": "sphere", "radius": 0.025, "mass": 0.1}])
    second = task.begin(torch.arange(5))
    assert torch.equal(first.joint_pos, second.joint_pos) and torch.equal(first.free_pose, second.free_pose)
    assert not task.variants() and not task.shared_state() and task.playing(0) == ""
    assert task.memory().keys() == grasping(5, []).memory().keys() and not task.sim.spec.alternatives


def test_a_resume_goes_on_with_the_objects_and_tells_of_others() -> None:
    task, other = begun(6), begun(6, seed=5)
    other.begin(torch.tensor([0, 3]))
    for name, tensor in other.memory().items():
        tensor.copy_(task.memory()[name])
    other.load_shared_state(task.shared_state())
    assert other.objects.rest_height.tolist() == task.objects.rest_height.tolist()
    assert torch.equal(other.object_mass(), task.object_mass())
    for objects, here in ((SHAPES[:3], "box, cylinder, capsule"), ([], "one alone")):
        with pytest.raises(TaskError, match=rf"others than those that were saved \(here: {here}\)"):
            grasping(6, objects).load_shared_state(task.shared_state())
    with pytest.raises(TaskError, match="others than those"):
        task.load_shared_state({})


def test_a_simulator_with_one_model_says_so() -> None:
    class Plain(StubSimulator):
        choose = StubSimulator.__mro__[1].choose  # type: ignore[attr-defined]

    config = {**task_config("task=BoxGrasping"), "objects": SHAPES}
    task = BoxGrasping(config, Plain(BoxGrasping.scene(config), 2), torch.Generator())
    with pytest.raises(SimulatorError, match="Plain has one model for all envs"):
        task.begin(torch.arange(2))


def test_a_mesh_that_has_gone_is_told_as_a_robots_file_is() -> None:
    with pytest.raises(SimulatorError, match=r"the mesh /nowhere/mug\.stl: there is no such file"):
        grasping(1, [{"shape": "mesh", "file": "/nowhere/mug.stl", "mass": 0.1}])
