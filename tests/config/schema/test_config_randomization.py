"""`task.randomization` on the command line: what is taken, and what is refused before anything boots."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.checks import replay_memory
from rlkit.config.facts.machine import Machine
from rlkit.config.files.conf import Conf
from rlkit.config.schema.randomization import check

CONF = Conf(Path(__file__).parents[3] / "conf")
TASKS = [task for task in CONF.options("task") if CONF.declared(task).get("task.engine") != "gymnasium"]
R = "task.randomization"
RANDOMISED = {"CubeReorient"}  # a cube in a hand is learnt for hands that differ: it is part of the task


@pytest.mark.parametrize("task", TASKS)
def test_every_task_on_a_simulator_has_the_section_and_all_of_it_is_off(task: str) -> None:
    """Written as `- common/randomization` into the defaults of its file."""
    declared = CONF.declared(task)
    ranges = {
        name: value for name, value in declared.items() if name.startswith(R) and name.endswith("range")
    }
    assert len(ranges) == 5 and any(map(bool, ranges.values())) == (task in RANDOMISED)
    assert declared[f"{R}.push.force"] is None


def test_it_is_taken_from_the_command_line_and_comes_back_from_the_run() -> None:
    words = [f"{R}.mass.range=[1,2]", f"{R}.observation_noise.base_dof_pos=1", f"{R}.friction.parts=[box]"]
    experiment = compose(["task=BoxGrasping", "device=cpu", *words])
    settings = experiment.task["randomization"]
    assert settings["mass"]["range"] == (1.0, 2.0) and settings["friction"]["parts"] == ("box",)
    assert dict(settings["observationNoise"]) == {"base_dof_pos": 1.0}
    assert from_yaml(experiment.to_yaml()).task == experiment.task


REFUSED = [
    (["mass.range=[2,1]"], "the first number must not be above the second; write task.randomization.mass.range=[1,2]"),
    (["mass.range=[0,1]"], "needs list of 2 float > 0 or null"),
    (["mass.range=[1]"], "needs list of 2 float > 0 or null"),
    (["mas.range=[1,2]"], "did you mean task.randomization.mass.range"),
    (["latency.range=[-0.1,0.1]"], "needs list of 2 float >= 0 or null"),
    (["latency.range=[0,0.002]"], "no simulator step of sim.dt=0.01 s; write a smaller step, as sim.dt=0.002"),
    (["observationNoise.joint=1"], "observationNoise.joint: not among task.observations"),
    (["observationNoise.joint_po=1"], "did you mean joint_pos?"),
    (["observationNoise.joint_pos=-1"], "needs float >= 0"),
    (["push.force=[1,2]", "push.duration=0.05"], "nearest: task.randomization.push.duration=0.04 or"),
    (["push.force=[1,2]", "push.interval=[0.1,0.3]"], "write task.randomization.push.interval=[0.2,0.3]"),
    (["curriculum.start=2"], "needs float in [0, 1]"),
    (["friction.per=step"], "needs episode|env"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=["+".join(words) for words, _ in REFUSED])
def test_what_cannot_be_is_refused_with_what_can(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        compose(["task=PickCube", "device=cpu", *(f"{R}.{word}" for word in words)])
    assert message in str(error.value)


def test_gymnasium_tasks_have_no_such_section() -> None:
    with pytest.raises(ConfigError, match=r"there is no setting task\.randomization\.mass\.range"):
        compose(["task=Gym", "env.id=Pendulum-v1", f"{R}.mass.range=[1,2]"])
    with pytest.raises(ConfigError, match=r"there is no setting task\.randomization\.observationNoise\.x"):
        compose(["task=Gym", "env.id=Pendulum-v1", f"{R}.observationNoise.x=1"])


def test_names_that_a_task_file_misspells_are_refused() -> None:
    plain = {"task": {"randomization": {"fricton": {"range": None}}}, "sim": {"dt": 0.01}}
    assert check(plain) == [
        "task.randomization.fricton.range: no such setting; did you mean task.randomization.friction.range?"
    ]


def test_a_replay_with_noise_is_known_to_be_twice_as_wide() -> None:
    def bytes_of(*words: str) -> int:
        machine = Machine(simulators=frozenset({"mujoco"}))
        plain = compose(["task=BoxGrasping", "train=FastTD3", *words], machine=machine).sections()
        replay = replay_memory._replay(plain)
        assert replay is not None
        return replay.observations

    assert bytes_of(f"{R}.observationNoise.base_dof_pos=0.1") == 2 * bytes_of()
