"""What a run says first."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.config.summary import print_summary
from rlkit.sims.facts import USABLE

CPU = Machine(cores=2, simulators=frozenset(USABLE))


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Usual values are those of that machine too."""
    monkeypatch.setattr(Machine, "detect", lambda: CPU)


def printed(*words, ranks=1, ranks_here=1, width=80, terminal=False):
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=terminal, color_system=None, _environ={})
    print_summary(compose(words), console, ranks=ranks, ranks_here=ranks_here)
    return text.getvalue()


def test_what_matters_for_speed_and_what_differs_and_no_more():
    lines = printed("task=BoxGrasping", "sim=mujoco", "numEnvs=64", "train.num_minibatches=7").splitlines()
    assert lines[0] == "BoxGrasping: train"
    assert lines[2:5] == [
        "  simulator: mujoco (2 threads), 64 envs, policy on cpu",
        "  length: 600 iterations of 2,048 env-steps, 1,228,800 in all",
        "  evaluation: in 32 envs every 160 iterations",
    ]
    assert lines[5:] == [
        "  env.numEnvs: 64 (default: 128)",
        "  train.num_minibatches: 8 (asked: 7)",
    ]


def test_the_defaults_of_a_file_in_a_folder_of_one_s_own_are_those_of_that_file(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "MinePPO.yaml").write_text("defaults: [BaseTaskPPO, _self_]\ngamma: 0.5\n")
    words = (f"--config-dir={tmp_path}", "train=MinePPO", "numEnvs=7")
    assert printed(*words).splitlines()[5:] == ["  env.numEnvs: 7 (default: 128)"]


def test_several_ranks_and_a_length_in_env_steps():
    text = printed("numEnvs=64", "training.maxSteps=5000", ranks=4, ranks_here=2)
    assert "mujoco (1 thread a rank), 64 envs" in text  # two cores, two of the ranks here
    assert "64 envs on each of 4 ranks, 256 in all" in text
    assert "length: 5,000 env-steps, " in text
    assert "training.maxIterations" not in text


def test_updates_beside_the_envs_are_told_of():
    line = "  updates: while the envs step (train.overlap)"
    assert line in printed("train=FastTD3", "train.overlap=true").splitlines()
    assert line not in printed("train=FastTD3").splitlines()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_path_is_never_cut(terminal):
    path = "/somewhere/" + "/".join(f"folder_{number}" for number in range(30)) + "/run"
    assert path in printed(f"checkpoint={path}", terminal=terminal, width=40)


def test_warnings_are_told_when_nothing_else_is():
    text = printed("config=train_headless", "logLevel=warning")
    assert text.startswith("warning: ") and "8192" in text
