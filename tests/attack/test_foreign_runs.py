"""Whatever a run, checkpoint, recording or file of weights from somebody else holds: opening it runs nothing of it."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recordings import make_recording

import rlkit
from rlkit import app, cli
from rlkit.media.recording import Recording, load, save

pytestmark = pytest.mark.slow

MODULE = (
    "import gymnasium\n"
    "where = 'gymnasium.envs.classic_control:PendulumEnv'\n"
    "if 'Planted-v0' not in gymnasium.registry:\n"
    "    gymnasium.register('Planted-v0', entry_point=where, max_episode_steps=5)\n"
    "def wrap(env, task): return env\n"
)
# What a run can name that would be imported: its sections, the module, and the words that ask for it.
IMPORTS = {
    "id": ({"env": {"id": "planted:Planted-v0"}}, "env.id=planted:Planted-v0"),
    "ids": ({"env": {"id": None, "ids": ["planted:Planted-v0"]}}, "env.ids=[planted:Planted-v0]"),
    "wrapper": ({"task": {"wrapper": "planted:wrap"}}, "task.wrapper=planted:wrap"),
    "packages": ({"task": {"packages": ["planted"]}}, "task.packages=[planted]"),
    "in a folder": ({"env": {"id": "inside.planted:Planted-v0"}}, "env.id=inside.planted:Planted-v0"),
    "of Python": ({"task": {"wrapper": "os:system"}}, "task.wrapper=os:system"),
    "of Python, as a package": ({"task": {"packages": ["antigravity"]}}, "task.packages=[antigravity]"),
}  # fmt: skip
PICKLED = ("cos\nmkdir\n(V{ran}\ntR.", "c__builtin__\nexec\n(V{code}\ntR.")


def refused(capsys: pytest.CaptureFixture[str], status: int) -> str:
    said = capsys.readouterr().err
    assert status == 2, said
    assert "Traceback" not in said and said.count("\n") < 20
    return said


# --- what a run names -------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", IMPORTS)
def test_code_that_a_run_names_is_not_imported_unless_installed(gift: Any, capsys: Any, named: str) -> None:
    sections, words = IMPORTS[named]
    gift.plant("planted", MODULE)
    gift.plant("planted", MODULE, gift.path / "inside")
    gift.say(**sections)
    for request in (
        ["test=true", f"checkpoint={gift.path}"],
        ["checkpoint=nn/checkpoint_last.pth", "maxIter=2"],
    ):
        said = refused(capsys, app.main([*request, "device=cpu"]))
        assert words in said
    assert words in refused(capsys, cli.main(["export", str(gift.path), "--format", "torchscript"]))
    assert gift.nothing_ran() and "planted" not in sys.modules and "antigravity" not in sys.modules
    assert cli.main(["runs", "show", str(gift.path)]) == 0
    if named != "in a folder":
        assert f"{words}" in capsys.readouterr().out.replace("'", "")  # the command that works is printed
    assert gift.nothing_ran()


def test_a_policy_is_taken_out_of_a_run_without_the_code_that_the_run_names(gift: Any) -> None:
    gift.plant("planted")
    gift.say(env={"id": "planted:Pendulum-v1"}, task={"wrapper": "planted:wrap"})
    policy = rlkit.load_policy(gift.path)
    assert policy(np.zeros(3)).shape == (1,) and gift.nothing_ran()


def test_what_is_typed_may_be_imported(gift: Any, capsys: Any) -> None:
    gift.plant("planted_and_typed", MODULE)
    gift.say(env={"id": "planted_and_typed:Planted-v0"})
    words = ["env.id=planted_and_typed:Planted-v0", "--cfg", "job"]
    assert app.main(["test=true", f"checkpoint={gift.path}", "device=cpu", *words]) == 0
    assert "id: planted_and_typed:Planted-v0" in capsys.readouterr().out
    out = gift.ran.parent / "out"
    export = ["export", str(gift.path), "--format", "torchscript", "--out", str(out)]
    refused(capsys, cli.main(export))
    assert cli.main([*export, "--trust", "planted_and_typed"]) == 0
    assert not gift.nothing_ran() and (out / "policy.pt").exists()


def test_words_that_a_run_was_made_with_are_not_obeyed(gift: Any, capsys: Any) -> None:
    rerun = gift.path / "rerun.pickle"
    rerun.write_bytes(PICKLED[0].format(ran=gift.ran).encode())
    (gift.path / "task").mkdir()
    gift.plant("hydra_plugins/planted")
    words = [f"--experimental-rerun={rerun}", "--multirun", f"--config-dir={gift.path}", "hydra/launcher=planted",
             "hydra.callbacks.x._target_=os.system", "env.id=planted:X", "-h", "+x=${oc.env:HOME}"]  # fmt: skip
    gift.say(
        composed={"overrides": words, "config": "--help"},
        hydra={"callbacks": {"x": {"_target_": "os.mkdir"}}},
    )
    done = gift.command("train.py", "test=true", f"checkpoint={gift.path}", "device=cpu", "numEnvs=2",
                        "testing.gamesNum=2", "task.episodeLength=5")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 episodes" in done.stdout
    assert gift.nothing_ran()


SHADOWS = ("numpy", "torch", "mujoco", "gymnasium", "yaml", "hydra", "rich", "multiprocessing", "socket", "json",
           "sitecustomize", "hydra_plugins/planted", "imageio_ffmpeg", "matplotlib", "viser", "rl_games",
           "planted")  # fmt: skip


@pytest.mark.journey
def test_modules_in_the_run_that_is_looked_at_from_inside_are_not_found(gift: Any) -> None:
    """The run's folder is the current one, for every command and every Python that it starts."""
    for name in SHADOWS:
        gift.plant(name)
    env = ("numEnvs=2", "testing.gamesNum=2", "task.episodeLength=5", "device=cpu", "env.recordVideo=true")
    tests = [("train.py", "test=true", "checkpoint=.", "env.vectorization=async", *env)]
    looks = [
        ("rlkit", *words.split())
        for words in ("report .", "runs", "runs show .", "export . --format torchscript")
    ]
    for words in (*tests, *looks):
        done = gift.command(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert gift.nothing_ran(), words
    (recording,) = gift.path.glob("runs_all/*/trajectories/env00_ep00.npz")
    assert list(gift.path.glob("runs_all/*/videos/*.mp4"))
    for words in (("replay", str(recording)), ("replay", str(recording), "--video", "v.mp4")):
        done = gift.command("rlkit", *words)
        assert done.returncode == 0, (words, done.stderr)
    assert gift.nothing_ran()


# --- files ------------------------------------------------------------------------------------------------


TAGS = (
    "!!python/object/apply:os.mkdir [{ran}]",
    "!!python/object/new:os.mkdir [{ran}]",
    "!!python/name:os.mkdir",
)


@pytest.mark.parametrize("tag", TAGS)
def test_tags_in_its_settings_make_nothing(simulated: Any, capsys: Any, tag: str) -> None:
    file = simulated.path / "config.yaml"
    file.write_text(file.read_text() + "planted: " + tag.format(ran=simulated.ran) + "\n")
    path = str(simulated.path)
    assert app.main(["test=true", f"checkpoint={path}", "device=cpu"]) == 2
    assert app.main([f"checkpoint={path}", "maxIter=2", "device=cpu"]) == 2
    for words in (["export", path], ["sim2sim", path, "sim=mujoco"], ["runs", "diff", path, path]):
        assert cli.main(words) == 2, words
    assert cli.main(["runs", "show", path]) == 0  # which says so
    assert cli.main(["report", path]) == 0  # and says so on the page
    with pytest.raises(rlkit.RlkitError):
        rlkit.load_policy(path)
    assert simulated.nothing_ran()
    assert "Traceback" not in capsys.readouterr().err


def archive(path: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", sys.byteorder)
        file.writestr("archive/version", "3")


class Runs:
    """Unpickling this by Python's own rules makes a folder."""

    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.ran),)


@pytest.mark.parametrize("form", ["archive", "legacy", "inside a checkpoint"])
def test_pickles_of_checkpoints_and_weights_run_nothing(
    simulated: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch's unpickler is asked"))
    bad = pickle.dumps(Runs(simulated.ran), protocol=2)
    head = {
        "task": "BaseTask",
        "learner_name": "ppo",
        "iteration": 1,
        "format": 1,
        "learner": Runs(simulated.ran),
    }
    for name in ("best", "last"):
        file = simulated.path / "nn" / f"checkpoint_{name}.pth"
        if form == "archive":
            archive(file, bad)
        elif form == "legacy":
            file.write_bytes(bad)
        else:
            archive(file, pickle.dumps(head, protocol=2))
    path = str(simulated.path)
    assert app.main(["test=true", f"checkpoint={path}", "device=cpu", "numEnvs=2"]) in (1, 2)
    assert app.main([f"checkpoint={path}", "maxIter=2", "device=cpu"]) in (1, 2)
    assert app.main([f"training.initFrom={file}", "maxIter=1", "device=cpu", "numEnvs=2"]) in (1, 2)
    assert cli.main(["export", path, "--format", "torchscript"]) in (1, 2)
    assert cli.main(["sim2sim", path, "sim=mujoco", "episodes=1"]) in (1, 2)
    with pytest.raises(rlkit.RlkitError):
        rlkit.load_policy(path)
    assert simulated.nothing_ran()
    assert "Traceback" not in capsys.readouterr().err


def test_pickles_of_recordings_run_nothing(simulated: Any, capsys: Any) -> None:
    whole = simulated.path / "whole.npz"
    save(whole, make_recording())
    with np.load(whole) as archive_file:
        arrays = dict(archive_file)
    planted = np.array([Runs(simulated.ran)], object)
    for name in ("qpos", "obs", "planted", "header"):
        np.savez(simulated.path / f"{name}.npz", **{**arrays, name: planted})
        assert cli.main(["replay", f"{name}.npz", "--states"]) == 2
        assert cli.main(["view", f"{name}.npz", "--port", "0"]) == 2
    for name in ("trajectory.pkl", "trajectory.yaml"):
        content = pickle.dumps({"arm": [Runs(simulated.ran)]})
        text = f"arm: [{TAGS[0].format(ran=simulated.ran)}]".encode()
        (simulated.path / name).write_bytes(content if name.endswith("pkl") else text)
        assert cli.main(["replay", name]) == 2
    assert simulated.nothing_ran()
    assert "Traceback" not in capsys.readouterr().err


def test_what_a_recording_names_is_not_imported_unless_installed_or_trusted(gift: Any, capsys: Any) -> None:
    gift.plant("planted_by_recording", MODULE)
    config = {
        "env": {"id": "planted_by_recording:Planted-v0", "ids": [], "kwargs": {}},
        "task": {"wrapper": None, "packages": [], "episodeLength": "auto"},
    }
    made = make_recording()
    header = {**made.header, "engine": "gymnasium", "config": config, "length": 1}
    arrays = {
        "start.reset_seed": np.array(3),
        "start.gym_task": np.array(0),
        "actions": np.zeros((1, 1), np.float32),
        "rewards": np.zeros(1, np.float32),
    }
    save(Path("planted.npz"), Recording(header, arrays))
    assert not load(Path("planted.npz")).trusted
    assert "--trust planted_by_recording" in refused(capsys, cli.main(["replay", "planted.npz"]))
    assert "planted_by_recording" in refused(capsys, cli.main(["replay", "planted.npz", "--video", "v.mp4"]))
    assert gift.nothing_ran()
    assert cli.main(["replay", "planted.npz", "--trust", "planted_by_recording"]) in (0, 1)
    assert not gift.nothing_ran()


# --- what is shown ----------------------------------------------------------------------------------------

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
HTML = '<script>planted()</script><img src=x onerror=planted()>" onload="planted()'


def test_no_text_of_a_run_reaches_the_terminal_as_commands_or_the_page_as_markup(
    simulated: Any, capsys: Any
) -> None:
    path = simulated.path
    named = path.with_name(f"gift{ESCAPES}")
    record = json.loads((path / "run.json").read_text())
    for key in ("name", "learner", "command", "host", "platform", "reason", "device", "parent"):
        record[key] = f"{key}{ESCAPES}{HTML}"
    record["git"] = {"commit": HTML + ESCAPES, "branch": HTML, "dirty": True, "untracked": [HTML]}
    record["packages"] = {HTML: ESCAPES}
    (path / "run.json").write_text(json.dumps(record))
    line = {
        "iteration": 1,
        "env_steps": 64,
        "wall_time": 1.0,
        f"reward/{HTML}{ESCAPES}": 1.0,
        "episode/return": 1.0,
    }
    (path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    (path / "git.diff").write_text(
        f"diff --git a/{HTML} b/{HTML}\n--- a/{HTML}\n+++ b/{HTML}\n@@ -1 +1 @@\n-a\n+{HTML}\n"
    )
    path.rename(named)
    root, shown = str(named.parent.parent), ""
    for words in (
        ["runs", "--root", root],
        ["runs", "show", str(named)],
        ["runs", "diff", str(named), str(named)],
        ["runs", "prune", "--keep", "0", "--kind", "train", "--dry-run", "--root", root],
        ["report", str(named), "--out", str(simulated.ran.parent / "page")],
        ["view", str(named)],
        ["compare", str(named)],
        ["export", str(named), "--format", "torchscript", "--out", str(named / "config.yaml" / "x")],
    ):
        cli.main(words)
        said = capsys.readouterr()
        shown += said.out + said.err
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said.out + said.err), words
    app.main(["test=true", f"checkpoint={named}", "device=cpu", "sim=nothing"])
    said = capsys.readouterr()
    shown += said.out + said.err
    assert "gift" in shown and "Traceback" not in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
    page = (simulated.ran.parent / "page" / "index.html").read_text()
    assert "planted()" in page  # what is shown is shown
    assert "<script>planted" not in page and "<img src=x" not in page and '" onload="' not in page


@pytest.mark.parametrize(
    "name", ["$(mkdir ran)", "a b", "it's `mkdir ran`", "x;mkdir ran", "--help", "a,b", "{x}"]
)
def test_commands_that_are_printed_can_be_pasted_wherever_the_run_lies(
    simulated: Any, capsys: Any, name: str
) -> None:
    path = simulated.path.with_name(name)
    simulated.path.rename(path)
    home = path.parent.parent
    for here, called in ((home, name), (Path(home.anchor), str(path))):
        os.chdir(here)
        assert cli.main(["runs", "show", str(path)]) == 0
        commands = capsys.readouterr().out.partition("\nnext\n")[2].splitlines()
        words = [shlex.split(line[16:]) for line in commands]  # behind the labels
        assert all(argv[0] in ("python", "rlkit") for argv in words)
        test = next(argv for argv in words if argv[:2] == ["rlkit", "test"])
        assert app.main(["test=true", *test[2:], "device=cpu", "--cfg", "job"]) == 0
        assert "episodeLength: 5" in capsys.readouterr().out
        named = [argv[-1] for argv in words if argv[:2] in (["rlkit", "export"], ["rlkit", "report"])]
        assert set(named) == {called}
        assert any("pin" in argv for argv in words) == (here == home)
    assert not list(home.rglob("ran"))


# --- links ------------------------------------------------------------------------------------------------


def test_nothing_is_written_or_deleted_through_links_in_a_run(simulated: Any, capsys: Any) -> None:
    mine = simulated.ran.parent / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("mine")
    path, root = simulated.path, simulated.path.parent.parent
    for name in ("report", "export", "videos"):
        (path / name).symlink_to(mine)
    (path / "train.log").unlink(missing_ok=True)
    (path / "train.log").symlink_to(mine / "thesis.tex")
    (path / "sim2sim.json").symlink_to(mine / "thesis.tex")
    for words in (["report", str(path)], ["export", str(path), "--format", "torchscript"]):
        assert "is a link to" in refused(capsys, cli.main(words))
    record = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**record, "state": "interrupted"}))
    os.chdir(root)
    again = ["task=BaseTask", "device=cpu", "numEnvs=2", "seed=3", "train.units=[8]", "task.episodeLength=5"]
    config = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(config.replace("resume: null", "resume: auto"))
    overrides = "- training.resume=auto"
    (path / "config.yaml").write_text(
        (path / "config.yaml")
        .read_text()
        .replace("- task.episodeLength=5", f"- task.episodeLength=5\n  {overrides}")
    )
    assert app.main([*again, "training.resume=auto"]) in (1, 2)
    assert "is a link to" in capsys.readouterr().err
    assert cli.main(["runs", "prune", "--kind", "train", "--yes", "--keep", "0", "--root", str(root)]) in (
        0,
        2,
    )
    shutil.rmtree(path, ignore_errors=True)
    assert [(file.name, file.read_text()) for file in mine.iterdir()] == [("thesis.tex", "mine")]


def test_the_children_of_a_command_look_for_no_modules_in_the_current_folder(gift: Any) -> None:
    from rlkit.packages import python

    gift.plant("planted_for_children")
    done = subprocess.run(python("import planted_for_children"), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "No module named 'planted_for_children'" in done.stderr
    assert gift.nothing_ran()
