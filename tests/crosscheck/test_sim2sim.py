"""`rlkit sim2sim` without a simulator: its words, and what it prints and keeps."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from rlkit.commands.sim2sim import read_words
from rlkit.crosscheck import sim2sim
from rlkit.sims.api import SimulatorError
from rlkit.workspace import WorkspaceError


def test_words_are_read_as_train_py_reads_them():
    assert read_words(["sim=mjx", "sim=warp"]) == (["mjx", "warp"], {})
    words = ["episodes=8", "seed=0", "sim=mjx", "device=cuda:1"]
    assert read_words(words) == (["mjx"], {"episodes": 8, "seed": 0, "device": "cuda:1"})


@pytest.mark.parametrize("word", ["sim=", "episodes=0", "episodes=many", "seed=-1", "mjx", "task=Reach"])
def test_a_word_that_means_nothing_is_refused(word):
    with pytest.raises(WorkspaceError, match="sim=NAME"):
        read_words(["sim=mjx", word])


def played(experiment, comparison):
    if experiment.sim.name == "genesis":
        raise SimulatorError("no such thing there")
    number = {"mujoco": 10.0, "mjx": 9.0}[experiment.sim.name]
    spread = {"mean": number, "std": 0.5, "min": 0.0, "max": 20.0}
    return {
        "device": "cpu",
        "episodes": 4,
        "return": spread,
        "length": spread,
        "success_rate": 0.25,
        "timeout_rate": 0.75,
        "wall_seconds": 1.25,
    }


def on(name):
    return SimpleNamespace(sim=SimpleNamespace(name=name))


@pytest.fixture
def comparison(tmp_path, monkeypatch):
    monkeypatch.setattr(sim2sim, "_played", played)
    monkeypatch.setattr(sim2sim, "provenance", lambda: {"versions": {"mujoco": "9"}})
    return SimpleNamespace(
        experiments=[on("mujoco"), on("mjx")],
        head=SimpleNamespace(iteration=7, task="Reach", learner_name="ppo"),
        run=Path("runs_all/small"),
        source=SimpleNamespace(checkpoint=Path("nn/checkpoint_best.pth")),
        seed=3,
        out=tmp_path / "sim2sim.json",
    )


def test_lines_for_files_and_a_table_for_people(comparison):
    plain, terminal = io.StringIO(), io.StringIO()
    sim2sim.compare(comparison, Console(file=plain, soft_wrap=True))
    assert plain.getvalue().splitlines() == [
        "mujoco (trained here): return 10 ± 0.5, length 10 ± 0.5, success 25 %, time-outs 75 %,"
        " 4 episodes in 1.25 s on cpu",
        "mjx: return 9 ± 0.5, length 9 ± 0.5, success 25 %, time-outs 75 %, 4 episodes in 1.25 s on cpu",
        f"wrote {comparison.out}",
    ]
    sim2sim.compare(comparison, Console(file=terminal, force_terminal=True, width=120, color_system=None))
    assert "Reach, iteration 7: small" in terminal.getvalue()
    assert "│ mjx                   │  9 ± 0.5 │" in terminal.getvalue()


def test_of_a_task_that_has_them_its_own_numbers_are_told_with_units(comparison, monkeypatch):
    def tracked(experiment, comparison):
        facts = {"error_global": {"mean": 0.0312, "std": 0.0, "min": 0.03, "max": 0.04}}
        one = {"episodes": 1, "scenario_noun": "clip", "facts": facts, "units": {"error_global": "m"}}
        return {**played(experiment, comparison), **one}

    monkeypatch.setattr(sim2sim, "_played", tracked)
    plain, terminal = io.StringIO(), io.StringIO()
    sim2sim.compare(comparison, Console(file=plain, soft_wrap=True))
    assert (
        plain.getvalue()
        .splitlines()[1]
        .endswith("time-outs 75 %, error_global 0.0312 m, 1 clip in 1.25 s on cpu")
    )
    sim2sim.compare(comparison, Console(file=terminal, force_terminal=True, width=120, color_system=None))
    assert "error global" in terminal.getvalue() and "0.0312 m" in terminal.getvalue()


def test_the_file_says_what_was_compared(comparison):
    sim2sim.compare(comparison, Console(file=io.StringIO()))
    kept = json.loads(comparison.out.read_text())
    assert [(row["simulator"], row["trained_here"]) for row in kept["results"]] == [
        ("mujoco", True),
        ("mjx", False),
    ]
    assert (kept["checkpoint"], kept["iteration"], kept["seed"]) == ("checkpoint_best.pth", 7, 3)
    assert kept["versions"] == {"mujoco": "9"}


def test_a_simulator_that_fails_takes_nothing_from_the_others(comparison):
    comparison.experiments[1:1] = [on("genesis"), on("mujoco")]
    plain, terminal = io.StringIO(), io.StringIO()
    sim2sim.compare(comparison, Console(file=plain, soft_wrap=True))
    assert "genesis: no such thing there" in plain.getvalue().splitlines()
    kept = json.loads(comparison.out.read_text())["results"]
    assert [(row["simulator"], row["trained_here"], "return" in row) for row in kept] == [
        ("mujoco", True, True),
        ("genesis", False, False),
        ("mujoco", True, True),
        ("mjx", False, True),
    ]
    assert kept[1]["error"] == "no such thing there"
    sim2sim.compare(comparison, Console(file=terminal, force_terminal=True, width=120, color_system=None))
    assert "genesis: no such thing there" in terminal.getvalue()
