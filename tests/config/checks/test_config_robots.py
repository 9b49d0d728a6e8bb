"""What `task.robot` does to a request: sizes, heights, the record of support, and what is refused."""

from __future__ import annotations

import re

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.checks.replay_memory import count_of_actions
from rlkit.config.facts import support
from rlkit.config.facts.machine import Machine
from rlkit.config.files.terms import observation_sizes
from rlkit.sims.facts import USABLE
from rlkit.tasks.robots.humanoids import HUMANOIDS

ALL = Machine(simulators=frozenset(USABLE))
# 10241 slots x (numbers x 4 + (actions + 1) x 4 + 1) + 13 final rows x numbers x 4, of 1024 envs: 71 numbers and 19
# actions of the H1 are 3.83e9 bytes, 101 and 29 of the G1 5.51e9.
LARGE = ("task=HumanoidVelocity", "train=FastTD3", "numEnvs=1024", "train.buffer_size=10240")


def refused(*words: str, machine: Machine = ALL) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(list(words), machine=machine)
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


def test_observations_are_as_large_as_the_robot_has_joints():
    for name, robot in HUMANOIDS.items():
        sizes = observation_sizes({"name": "HumanoidVelocity", "robot": name})
        assert sizes is not None and sizes["joint_vel"] == sizes["prev_actions"] == len(robot.joints)
        assert sizes["command"] == 3
    unknown = observation_sizes({"name": "HumanoidVelocity", "robot": "dog"})
    assert unknown is not None and "joint_vel" not in unknown and unknown["gait_clock"] == 2


def test_memory_is_asked_for_the_robots_numbers():
    machine = Machine(simulators=frozenset(USABLE), memory=int(4.5e9))
    assert compose(list(LARGE), machine=machine).task["robot"] == "h1"
    assert "needs 5.5 GB for 1024 envs" in refused(*LARGE, "task.robot=g1", machine=machine)


def test_an_unknown_robot_is_refused_with_the_nearest():
    assert refused("task=HumanoidStand", "task.robot=G1") == (
        "task.robot=G1: needs h1|g1|go2, got 'G1'; did you mean g1?"
    )
    assert "no such setting" in (said := refused("task=BoxGrasping", "task.robot=g1")) or "robot" in said


def test_a_robot_with_other_legs_is_refused_with_those_that_have_the_task():
    assert refused("task=HumanoidStand", "task.robot=go2") == (
        "task.robot=go2: task=HumanoidStand is not for this robot; write task.robot=h1|g1"
    )
    assert refused("task=QuadrupedVelocity", "task.robot=h1") == (
        "task.robot=h1: task=QuadrupedVelocity is not for this robot; write task.robot=go2"
    )


def test_a_quadrupeds_numbers_are_known_before_it_is_built():
    task = compose(["task=QuadrupedVelocity"], machine=ALL).task
    sizes = observation_sizes(task)
    assert sizes is not None and (
        sum(sizes[name] for name in task["observations"]),
        count_of_actions(task),
    ) == (47, 12)
    assert (
        sum(sizes[name] for name in task["groups"]["critic"]) == 54
        and support.row_of(task) == "QuadrupedVelocity"
    )


def test_a_run_from_before_there_were_robots_can_be_read():
    text = compose(["task=HumanoidRun"], machine=ALL).to_yaml()
    older = re.sub(r"^ +robot: h1\n", "", text, flags=re.MULTILINE)
    task = from_yaml(older).task
    assert older != text and "robot" not in task and support.row_of(task) == "HumanoidRun"


def test_the_height_that_was_asked_for_is_on_record():
    asked = compose(["task=HumanoidStand", "task.robot=g1", "task.fallHeight=stooped"], machine=ALL)
    assert (asked.task["fallHeight"], asked.asked["task.fallHeight"]) == (0.46, "stooped")
    assert from_yaml(asked.to_yaml()) == asked


def test_another_robot_has_a_row_of_its_own_on_record(monkeypatch):
    rows = {
        "HumanoidStand": {"mujoco": {"tested": "mujoco 9"}},
        "HumanoidStand g1": {
            "mujoco": {"impossible": "it has too many joints"},
            "warp": {"tested": "warp 9"},
        },
    }
    learners = {"HumanoidStand": {"ppo": {"tested": "an iteration"}}, "HumanoidStand g1": {}}
    monkeypatch.setattr(support, "read_record", lambda: {"simulators": rows, "learners": learners})
    g1 = ("task=HumanoidStand", "task.robot=g1")
    assert compose(["task=HumanoidStand"], machine=ALL).notes == ()
    found = compose(list(g1), machine=ALL)
    assert (
        found.sim.name == "warp" and "task.robot=g1 has not been tested with learner PPO;" in found.notes[0]
    )
    said = refused(*g1, "sim=mujoco")
    assert said.startswith(
        "sim=mujoco: cannot run task=HumanoidStand task.robot=g1: it has too many joints; write sim=warp"
    )
