"""What the record of support does to a request: refused, taken by auto, or noted."""

from __future__ import annotations

import pytest
import support_page

from rlkit.config import ConfigError, compose
from rlkit.config.facts import support
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

ALL = Machine(simulators=frozenset(USABLE))
RECORD = {
    "simulators": {
        "BaseTask": {
            "mujoco": {"tested": "mujoco 9"},
            "isaacgym": {"impossible": "sensor 'tip' has an other"},
        },
        "Reach": {"mujoco": {"impossible": "it is too far"}, "warp": {"tested": "warp 9"}},
        "PickCube": {name: {"impossible": "no"} for name in USABLE},
    },
    "learners": {"BaseTask": {"ppo": {"tested": "an iteration"}}, "Reach": {}, "PickCube": {}},
}


@pytest.fixture(autouse=True)
def record(monkeypatch):
    monkeypatch.setattr(support, "read_record", lambda: RECORD)


def problems(*words, machine=ALL):
    with pytest.raises(ConfigError) as refused:
        compose(list(words), machine=machine)
    return list(refused.value.messages)


def test_what_cannot_be_is_refused_with_the_reason_and_what_works_instead():
    found = problems("task=BaseTask", "sim=isaacgym")
    expected = "sim=isaacgym: cannot run task=BaseTask: sensor 'tip' has an other; write "
    assert found == [expected + "sim=mujoco or sim=warp or sim=mjx or sim=genesis"]


def test_nobody_is_told_to_install_what_cannot_help():
    nothing = Machine(simulators=frozenset({"mujoco"}))
    assert len(problems("task=BaseTask", "sim=isaacgym", machine=nothing)) == 1
    (missing,) = problems("task=BaseTask", "sim=genesis", machine=nothing)
    assert "not installed here" in missing


def test_auto_passes_over_simulators_that_cannot_run_the_task():
    assert compose(["task=BaseTask"], machine=ALL).sim.name == "mujoco"
    assert compose(["task=Reach"], machine=ALL).sim.name == "warp"
    only_mjx = Machine(simulators=frozenset({"mujoco", "mjx"}))
    assert compose(["task=Reach"], machine=only_mjx).sim.name == "mjx"
    (told,) = problems("task=PickCube")
    assert told == "sim=mujoco: cannot run task=PickCube: no; no other simulator can"


def test_what_has_not_been_tried_is_noted_and_nothing_else():
    assert compose(["task=BaseTask", "sim=mujoco"], machine=ALL).notes == ()
    (note,) = compose(["task=BaseTask", "sim=mjx"], machine=ALL).notes
    assert note == "task=BaseTask has not been tested with sim=mjx; docs/support.md lists what has"
    (note,) = compose(["task=BaseTask", "sim=mjx", "train=BaseTaskFastTD3"], machine=ALL).notes
    assert "tested with sim=mjx and learner FastTD3;" in note
    assert compose(["task=HumanoidWalk", "sim=mjx"], machine=ALL).notes == ()  # a task that is not on record


def test_a_gpu_that_auto_leaves_alone_is_mentioned():
    gpu = Machine(cuda_devices=1, simulators=frozenset({"mujoco", "warp"}))
    (note,) = compose(["task=BaseTask"], machine=gpu).notes
    assert note == "sim=auto took mujoco, which steps on the CPU; sim=warp steps on the GPU"
    assert compose(["task=BaseTask", "sim=mujoco"], machine=gpu).notes == ()
    without = Machine(cuda_devices=1, simulators=frozenset({"mujoco"}))
    assert compose(["task=BaseTask"], machine=without).notes == ()


def test_tables_show_states_proofs_and_reasons(tmp_path, monkeypatch):
    text = support_page.page(f"before\n{support_page.START}\nold\n{support_page.END}\nafter\n")
    assert text.startswith("before\n") and text.endswith(f"{support_page.END}\nafter\n") and "old" not in text
    assert "| BaseTask | tested | ? | ? | – | ? | ? | tested | ? |" in text
    assert "- `isaacgym`: sensor 'tip' has an other (BaseTask)" in text
    assert "- `warp`: warp 9 (Reach)" in text
