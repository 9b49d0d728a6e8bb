"""What of `task.objects` is refused before anything boots, with what would do."""

from __future__ import annotations

from pathlib import Path

import pytest
from known_objects import BOX_FACES, box_points, obj, write_box

from rlkit.config import ConfigError, compose
from rlkit.config.checks import objects
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.tree import flatten
from rlkit.sims.facts import STEPPING

ALL = Machine(simulators=frozenset(STEPPING))


def found(given: object, sim: str = "mujoco", **task: object) -> list[str]:
    """What the check says of a value that is already read."""
    return objects.check({"task": {"name": "BoxGrasping", "objects": given, **task}, "sim": {"name": sim}})


def test_sets_and_lists_are_taken_from_the_command_line(tmp_path: Path) -> None:
    mesh = write_box(tmp_path / "brick.obj", 60.0, 40.0, 20.0)
    words = f"[{{shape: mesh, file: {mesh}, scale: 0.001, density: 500}},{{shape: sphere, radius: 0.03, mass: 1}}]"
    read = compose(["task=BoxGrasping", f"task.objects={words}", "device=cpu"], machine=ALL)
    assert [dict(entry)["shape"] for entry in read.task["objects"]] == ["mesh", "sphere"]
    again = compose(["task=BoxGrasping", "task.objects=shapes", "sim=auto", "device=cpu"], machine=ALL)
    assert again.task["objects"] == "shapes" and again.sim.name == "mujoco"
    usual = compose(["task=BoxGrasping", "sim=warp", "device=cpu"], machine=ALL)
    assert usual.task["objects"] == () and "task.objects" in flatten(usual.sections())


def test_a_misspelt_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"task\.objects=shaps: there is no such set; did you mean shapes\?"
    ):
        compose(["task=BoxGrasping", "task.objects=shaps", "device=cpu"], machine=ALL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mugs", "there is no such set; there are shapes, boxes"),
        ("[3]", "is no list of objects; an object is written as in task.objects=[{shape: sphere"),
        ([3], "task.objects[0]: is 3, and an object is written as in"),
        ([{"radius": 0.03}], "task.objects[0]: needs a shape; there are box, cylinder, capsule, sphere, mesh"),
        ([{"shape": "spere"}], "there is no shape spere; did you mean sphere?"),
        ([{"shape": "sphere", "radus": 0.03, "mass": 1}], "a sphere has no radus; did you mean radius?"),
        ([{"shape": "sphere", "mass": 1}], "a sphere needs radius"),
        ([{"shape": "sphere", "radius": 0.03}], "write one of mass (kg) and density (kg/m³)"),
        ([{"shape": "sphere", "radius": 0.03, "mass": 1, "density": 1}], "write one of mass (kg) and density"),
        ([{"shape": "sphere", "radius": -0.03, "mass": 1}], "objects[0].radius: needs float in (0, 0.5], got -0.03"),
        ([{"shape": "box", "size": [1, 2], "mass": 1}], "task.objects[0].size: needs float in (0, 1] or list of 3"),
        ([{"shape": "box", "size": 0.05, "mass": None}], "write one of mass (kg) and density"),
        ([{"shape": "box", "size": 0.001, "mass": 1}], "is 0.001 x 0.001 x 0.001 m, and each side must be 0.002 to"),
        ([{"shape": "box", "size": 0.25, "mass": 1}], "stands 0.25 m high, and is solved where its centre is above"),
        ([{"shape": "capsule", "radius": 0.03, "height": 0.06, "mass": 1}], "write shape: sphere, or height: 0.09"),
        ([{"shape": "box", "size": 0.05, "mass": 1, "name": "a"}] * 2, "two objects are called a; give each a name"),
        ([{"shape": "box", "size": 0.05, "mass": 1}] * 65, "65 objects are more than 64"),
        ([{"shape": "mesh", "file": "mug.stl", "mass": 1}], "file=mug.stl: there is no such file in"),
    ],
)  # fmt: skip
def test_what_is_no_object_is_refused(given: object, said: str) -> None:
    problems = found(given, successHeight=0.2)
    assert any(said in problem for problem in problems), problems


def test_meshes_that_are_open_in_millimetres_or_large_are_refused_before_anything_boots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ = tmp_path / "open.obj"
    open_.write_text(obj(box_points(0.1, 0.1, 0.1), BOX_FACES[:5]))
    large = write_box(tmp_path / "large.obj", 60.0, 40.0, 20.0)
    (said,) = found([{"shape": "mesh", "file": str(open_), "mass": 1}])
    assert "open.obj: is not closed" in said and "fill its holes" in said
    (said,) = found([{"shape": "mesh", "file": str(large), "mass": 1}])
    assert "is 60 x 40 x 20 m" in said and "is it in millimetres? Write scale: 0.001" in said
    monkeypatch.setattr(objects, "MOST_POINTS", 15)
    brick = {"shape": "mesh", "file": str(large), "mass": 1, "scale": 0.001}
    (said,) = found([brick, {**brick, "name": "other"}])
    assert "its meshes have 16 points together, and 15 are the most" in said
    (said,) = found([{"shape": "mesh", "file": str(large), "mass": 1, "scale": 1e-6}])
    assert "write a larger scale than 1e-06" in said


def test_simulators_with_one_model_for_all_envs_are_refused() -> None:
    for sim in ("warp", "mjx", "genesis", "isaacgym"):
        (said,) = found("shapes", sim)
        assert (
            f"sim={sim}: has the same model in all envs" in said
            and "write sim=mujoco, or task.objects=[]" in said
        )
    assert found([], "warp") == []


def test_a_training_may_go_on_until_it_succeeds_with_one_of_them() -> None:
    words = ["task=BoxGrasping", "task.objects=shapes", "device=cpu", "training.evalInterval=10"]
    assert compose([*words, "until=eval/success/sphere>=0.9"], machine=ALL).training.until is not None
    for until, said in (
        ("eval/success/spere>=0.9", "no metric eval/success/spere; did you mean eval/success/sphere"),
        ("eval/success/sphere>=90", "is a share between 0 and 1"),
    ):
        with pytest.raises(ConfigError, match=said):
            compose([*words, f"until={until}"], machine=ALL)
    terrain = [
        "task=QuadrupedRough",
        "device=cpu",
        "training.evalInterval=10",
        "until=eval/success/stones>=0.5",
    ]
    assert compose(terrain, machine=ALL).training.until is not None
