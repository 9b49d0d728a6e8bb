"""`rlkit sim2sim` as a user types it."""

from __future__ import annotations

import json

import pytest
from project import Project

from rlkit.config.facts.machine import Machine
from rlkit.numbers import number

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def reached(tmp_path_factory) -> Project:
    """A project with one short training of Reach on MuJoCo, `small`."""
    project = Project.copied(tmp_path_factory.mktemp("sim2sim") / "project")
    words = ("task=Reach", "sim=mujoco", "logging.experimentName=small", "train.units=[8]", "numEnvs=4")
    done = project.train(*words, "maxIter=1", "task.episodeLength=20")
    assert done.returncode == 0, done.stderr
    return project


def results(project: Project) -> list[dict]:
    rows = json.loads((project.run("small") / "sim2sim.json").read_text())["results"]
    return [{key: value for key, value in row.items() if key != "wall_seconds"} for row in rows]


def test_the_same_simulator_gives_the_same_numbers(reached):
    first = reached.shell("rlkit sim2sim small sim=mujoco episodes=6")
    assert first.returncode == 0, first.stderr
    own, other = results(reached)
    assert own["trained_here"] and own == other and own["episodes"] == 6 and own["length"]["mean"] == 20.0
    assert f"mujoco (trained here): return {number(own['return']['mean'])} ± " in first.stdout
    assert len(reached.names()) == 1, "a comparison is no run of its own"


def test_what_cannot_be_compared_is_refused_before_anything_boots(reached):
    for words, says in (
        ("small", "on which simulators?"),
        ("small sim=mjxx", "did you mean sim=mjx?"),
        ("small sim=isaaclab", "Isaac Sim"),
        ("smull sim=mjx", "did you mean small?"),
        ("small sim=mujoco device=cuda:9", "no NVIDIA device"),
    ):
        done = reached.shell(f"rlkit sim2sim {words}")
        assert done.returncode == 2 and says in done.stderr, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


OTHERS = [name for name in ("warp", "mjx") if name in Machine.detect().simulators][
    :1
]  # mjx compiles for long


@pytest.mark.slow
@pytest.mark.parametrize("sim", OTHERS)
def test_another_simulator_of_the_same_physics_gives_nearly_the_same_return(reached, sim):
    done = reached.shell(f"rlkit sim2sim small sim={sim} episodes=6", timeout=280.0)
    assert done.returncode == 0, done.stderr
    own, other = results(reached)
    assert other["simulator"] == sim
    assert other["return"]["mean"] == pytest.approx(own["return"]["mean"], rel=5e-3)
