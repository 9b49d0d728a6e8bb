"""`rlkit doctor`: what it finds, what it says of it, and which tests it runs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from rlkit import cli
from rlkit.commands import doctor
from rlkit.commands.doctor import checkup
from rlkit.commands.doctor.checkup import Finding
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import SIMULATORS


def findings(**states):
    return [Finding(what, state, "") for what, state in states.items()]


@pytest.mark.parametrize(
    ("sims", "torch", "workspace", "expected"),
    [
        ({"sim=mujoco": "ok", "sim=warp": "missing"}, "ok", "ok", True),
        ({"sim=mujoco": "missing", "sim=gymnasium": "ok"}, "ok", "ok", True),
        ({"sim=mujoco": "broken"}, "ok", "ok", False),
        ({"sim=mujoco": "ok"}, "missing", "ok", False),
        ({"sim=mujoco": "ok"}, "ok", "missing", False),
    ],
)
def test_torch_a_simulator_and_a_place_to_write_are_enough(sims, torch, workspace, expected):
    assert checkup.fit(findings(**sims, torch=torch, workspace=workspace, OpenGL="none")) is expected


def test_a_package_that_cannot_be_imported_is_broken_and_says_why(tmp_path, monkeypatch):
    (tmp_path / "shattered.py").write_text("raise ImportError('libnothing.so is not here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = checkup._package("sim=mjx", ("shattered",), (), "pip", Machine.detect())
    assert found == Finding("sim=mjx", "broken", "ImportError: libnothing.so is not here")


def test_what_is_missing_comes_with_the_command_that_installs_it(monkeypatch):
    lacking = replace(SIMULATORS["mjx"], modules=("no_such_module",), backend="")
    monkeypatch.setitem(SIMULATORS, "mjx", lacking)
    assert checkup._simulator("mjx", Machine.detect()) == Finding(
        "sim=mjx",
        "missing",
        "not installed here (there is no no_such_module); install it with: pip install -e '.[mjx]'",
    )
    nothing = Machine(has_package=lambda _: False)
    assert "Preview 4" in checkup._simulator("isaacgym", nothing).text
    assert checkup._torch(nothing).text.endswith("install it with: pip install torch")


@pytest.mark.slow
def test_a_mujoco_that_the_simulator_refuses_is_broken_and_says_why(tmp_path, monkeypatch):
    record = tmp_path / "mujoco_core-4.0.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: mujoco-core\nVersion: 4.0.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = checkup._simulator("mujoco", Machine.detect())
    assert found.state == "broken" and "mujoco 4.0.0 solves contacts wrongly" in found.text


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "runs_all").mkdir()
    assert checkup._workspace(tmp_path).state == "ok"
    assert not list((tmp_path / "runs_all").iterdir())
    gone = checkup._workspace(tmp_path / "gone")
    assert (gone.state, gone.text) == (
        "missing",
        f"{tmp_path}/gone cannot be written to: No such file or directory",
    )


def test_the_findings_become_lines_and_a_status(monkeypatch, capsys):
    made = [Finding("torch", "ok", "torch 2"), Finding("sim=mjx", "missing", "not installed")]
    monkeypatch.setattr(checkup, "examine", lambda root: made)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().out == "torch: ok: torch 2\nsim=mjx: missing: not installed\n"


def test_a_simulator_is_tested_by_its_contract(monkeypatch):
    asked = []

    def run(command, **options):
        asked.append((command[1:], options["cwd"]))
        return subprocess.CompletedProcess(command, 5)

    everything = Machine(simulators=frozenset({"mujoco", "isaacgym"}))
    monkeypatch.setattr(Machine, "detect", classmethod(lambda cls: everything))
    monkeypatch.setattr(doctor.subprocess, "run", run)
    assert cli.main(["doctor", "sim=mujoco"]) == 5
    assert cli.main(["doctor", "sim=isaacgym"]) == 5
    folder = str(doctor._CONTRACT)
    assert asked[0] == (["-m", "pytest", folder, "--every-scene", "-k", "mujoco"], str(doctor._ROOT))
    assert asked[1][0] == ["-m", "pytest", "-p", "isaacgym", folder, "--every-scene", "-k", "isaacgym"]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("sim=mujco", "no such simulator; did you mean sim=mujoco?"),
        ("mujoco", "write sim=NAME"),
        ("sim=isaaclab", "Isaac Sim"),
        ("sim=genesis", "not installed here; install it with: pip install -e '.[genesis]'"),
    ],
)
def test_what_cannot_be_tested_is_refused(word, says, monkeypatch, capsys):
    monkeypatch.setattr(Machine, "detect", classmethod(lambda cls: Machine(simulators=frozenset({"mujoco"}))))
    assert cli.main(["doctor", word]) == 2
    assert says in capsys.readouterr().err


def test_without_the_tests_it_says_where_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_CONTRACT", tmp_path / "tests" / "contract")
    assert cli.main(["doctor", "sim=mujoco"]) == 2
    assert "get rlkit's source" in capsys.readouterr().err


@pytest.mark.journey
def test_this_machine_can_train(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "rlkit.cli", "doctor", "--root", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["sim=mujoco"].startswith("ok: mujoco 3.")
    assert lines["workspace"].startswith(f"ok: {tmp_path}")
    assert {"Python", "torch", "OpenGL", "video encoder", "window", "web viewer", "sim=isaaclab"} <= set(
        lines
    )
