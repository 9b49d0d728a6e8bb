"""The comparison of simulators compares like with like, and its medians and ratios are what they say."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import torch

from benchmarks.contestants import one_model
from benchmarks.gym_peer import PlainEnv
from benchmarks.sims import __main__ as sims
from benchmarks.sims.contestants import (
    POLICY,
    SIMULATOR,
    TRAINING,
    PolicyStage,
    Rig,
    Runner,
    SimulatorStage,
    TrainingStage,
)
from benchmarks.sims.measure import request
from benchmarks.sims.pointers import shared
from benchmarks.sims.race import Row, Turns, race, ratio, rows
from benchmarks.sims.table import show
from benchmarks.sims.work import Stretch, record
from rlkit.sims.mjmodel.scene import build_scene

ROOT = Path(__file__).parents[2]


class Scripted(Runner):
    """A contestant that takes no time and counts as many integrator steps as it is told."""

    def __init__(self, row: str, stage: str, integrator_steps: int) -> None:
        self.name, self.row, self.stage, self.num_envs = f"{row}, {stage}", row, stage, 4
        self.per_step, self.counted = integrator_steps, 0
        self.log: list[str] = []

    def restart(self) -> None:
        self.log.append("restart")

    def run(self, steps: int) -> int:
        self.log.append("run")
        self.counted += steps * self.per_step
        return steps * self.num_envs

    def integrator_steps(self) -> int:
        return self.counted

    def close(self) -> None:
        self.log.append("close")


SMALL = ["train.actor_units=[16]", "train.critic_units=[16]", "train.batch_size=8", "train.amp=false"]


@pytest.fixture(scope="module")
def stretch() -> Stretch:
    torch.manual_seed(0)
    return record(request("HumanoidWalk", "mujoco", 3, "cpu", []), 3)


@pytest.fixture(scope="module")
def rig(stretch: Stretch) -> Any:
    rig = Rig(request("HumanoidWalk", "mujoco", 3, "cpu", SMALL), stretch)
    yield rig
    rig.env.close()


def test_simulator_and_gymnasium_env_pass_through_the_same_states(
    stretch: Stretch, rig: Rig, tmp_path: Path
) -> None:
    file = str(tmp_path / "model.mjb")
    mujoco.mj_saveModel(one_model(stretch.work), file)
    stage = SimulatorStage("mujoco", rig)
    stage.restart()
    before = rig.sim.render_states(range(3))
    assert stage.run(5) == 15
    after = rig.sim.render_states(range(3))
    assert np.abs(after["qpos"] - before["qpos"]).max() > 0.01, "something must have moved"
    controls = stretch.work.engine_controls(build_scene(stretch.work.spec, stretch.work.physics))
    for i in range(3):
        peer = PlainEnv(file, stretch.integrator_steps, stretch.work.rows()[i])
        peer.reset()
        np.testing.assert_array_equal(peer.data.qpos, before["qpos"][i])
        for ctrl in controls[:5, i]:
            peer.step(ctrl)
        np.testing.assert_allclose(peer.data.qpos, after["qpos"][i], atol=1e-9)
        assert peer.integrator_steps_done == 5 * 4
        assert after["time"][i] - before["time"][i] == pytest.approx(5 * 4 * peer.model.opt.timestep)


def test_every_stage_counts_its_steps(rig: Rig) -> None:
    for cls in (SimulatorStage, PolicyStage, TrainingStage):
        stage = cls("mujoco", rig)
        stage.restart()
        counted, physics = stage.integrator_steps(), stage.physics_seconds()
        assert stage.run(2) == 2 * 3
        assert stage.integrator_steps() - counted == 2 * 4
        assert stage.physics_seconds() > physics


def test_stages_begin_where_they_should_though_they_share_an_env(rig: Rig) -> None:
    simulator, policy, training = (cls("mujoco", rig) for cls in (SimulatorStage, PolicyStage, TrainingStage))
    simulator.restart()
    begin = rig.sim.joint_pos.clone()
    training.restart()
    training.run(2)
    left, updates = rig.sim.joint_pos.clone(), rig.learner.turns.updates
    assert updates > 0
    for stage in (simulator, policy):
        stage.restart()
        assert torch.equal(rig.sim.joint_pos, begin)
        stage.run(1)
        assert not torch.equal(rig.sim.joint_pos, begin)
    assert rig.learner.turns.updates == updates, "only training learns"
    training.restart()
    assert torch.equal(rig.sim.joint_pos, left)


def test_envs_beyond_the_recorded_ones_repeat_them(stretch: Stretch) -> None:
    cpu = torch.device("cpu")
    start, controls = stretch.start(7, cpu), stretch.controls(7, cpu)
    assert torch.equal(start.joint_pos[3:6], start.joint_pos[:3])
    assert torch.equal(controls[:, 6], controls[:, 0])
    assert not torch.equal(start.joint_pos[0], start.joint_pos[1])


def test_a_contestant_with_other_physics_is_refused() -> None:
    honest, lazy = Scripted("honest", SIMULATOR, 4), Scripted("lazy", SIMULATOR, 3)
    race([honest], 4, seconds=0.0)
    with pytest.raises(RuntimeError, match="lazy, simulator did 3 integrator steps where others do 4"):
        race([honest, lazy], 4, seconds=0.0)


def test_all_take_turns_and_start_each_anew() -> None:
    a, b = Scripted("a", SIMULATOR, 4), Scripted("b", SIMULATOR, 4)
    turns = race([a, b], 4, seconds=0.05)
    # a pause of the machine in one's turns may cost it some of the rounds; it takes its turns all the same
    assert min(len(turns["a, simulator"].rates), len(turns["b, simulator"].rates)) >= 3
    assert a.log == ["restart", "run"] * (len(turns["a, simulator"].rates) + 2)


def test_a_very_slow_contestant_has_one_turn() -> None:
    class Slow(Scripted):
        def run(self, steps: int) -> int:
            time.sleep(0.05)
            return super().run(steps)

    slow, quick = Slow("slow", SIMULATOR, 4), Scripted("quick", SIMULATOR, 4)
    turns = race([slow, quick], 4, seconds=0.02)
    assert len(turns["slow, simulator"].rates) == 1
    assert len(turns["quick, simulator"].rates) >= 3


def test_medians_and_ratios_by_hand() -> None:
    runners = [
        Scripted("mujoco", SIMULATOR, 4),
        Scripted("mujoco", POLICY, 4),
        Scripted("mujoco", TRAINING, 4),
    ]
    runners += [Scripted("mjx", SIMULATOR, 4), Scripted("Gymnasium AsyncVectorEnv(4)", SIMULATOR, 4)]
    rates = ([100.0, 300.0, 200.0], [50.0, 70.0, 60.0], [5.0, 6.0, 7.0], [10.0], [50.0, 100.0, 50.0])
    turns = {runner.name: Turns(list(values), [0.25, 0.5, 0.3]) for runner, values in zip(runners, rates)}
    mujoco_row, mjx_row, peer_row = rows("BoxGrasping", runners, turns, {"mjx": 12.5}, 4)
    assert mujoco_row.rates == {SIMULATOR: 200.0, POLICY: 60.0, TRAINING: 6.0}
    assert mujoco_row.to_peer == 3.0  # the median of 2, 3 and 4, not 200 / 50
    assert (mjx_row.to_mujoco, mjx_row.rounds, mjx_row.first_step) == (
        0.1,
        1,
        12.5,
    )  # of the first round alone
    assert peer_row.to_mujoco == pytest.approx(1 / 3)
    assert not mujoco_row.outside, "they have no physics clock"
    assert ratio([4.0, 9.0], [2.0, 3.0, 7.0]) == 2.5


def test_each_race_names_its_task_whoever_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """MuJoCo cannot take part in the second one, and Gymnasium steps fewer envs than the others."""
    races = [
        [Row(task, what, num_envs, 0.0, 3, 4, {}, {}) for what, num_envs in contestants]
        for task, contestants in (
            ("BoxGrasping", (("mujoco", 1024), ("warp", 1024), ("Gymnasium", 256))),
            ("PickCube", (("warp", 1024), ("Gymnasium", 256))),
            ("PickCube", (("warp", 4096), ("Gymnasium", 256))),
        )
    ]
    show("here", races, {}, [], [], "cpu")
    lines = [line for line in capsys.readouterr().out.splitlines() if "1024" in line or "4096" in line]
    tasks = [line.replace("│", " ").split()[0] for line in lines]
    assert tasks == ["BoxGrasping", "warp", "PickCube", "PickCube"]


def test_an_unknown_word_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["sims", "--device", "cpu", "--sims", "mujoco", "sim.thread=1"])
    with pytest.raises(SystemExit, match=r"sim\.thread=1"):
        sims.main()


@pytest.mark.slow
@pytest.mark.journey
def test_the_command_prints_a_row_for_each() -> None:
    words = ["--tasks", "HumanoidWalk", "--sims", "mujoco", "--envs", "2", "--device", "cpu"]
    words += ["--seconds", "0.1", "--skip-compile", "--json"]
    command = [sys.executable, "-m", "benchmarks.sims", *words, *SMALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    ours, peer = answer["rows"]
    assert (ours["what"], peer["what"]) == ("mujoco", "Gymnasium AsyncVectorEnv(2)")
    assert set(ours["rates"]) == {SIMULATOR, POLICY, TRAINING}
    assert 0.0 < ours["outside"][POLICY] < 1.0
    assert ours["integrator_steps"] == 4
    assert answer["notes"] == []


@pytest.mark.slow
@pytest.mark.parametrize("sim, needs", [("mjx", "jax"), ("warp", "warp")])
def test_arrays_on_the_cpu_change_hands_without_a_copy(sim: str, needs: str) -> None:
    pytest.importorskip(needs)
    assert shared(["mujoco", sim], "cpu") == {sim: True}
