"""`rlkit replay`: exact where nothing has changed, and what it says where something has."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import known_envs
import mujoco
import numpy as np
import pytest
import robot_files
import torch
from recordings import MJCF, make_recording

from rlkit import cli
from rlkit.config import compose
from rlkit.crosscheck.replay import differing_versions, replay
from rlkit.env.api import EnvError
from rlkit.media.recording import Recording, RecordingError, load, save
from rlkit.media.viewers.playback import Episodes, Playback
from rlkit.media.viewers.scene import Scene
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.watching.recorder import Recorder, facts_of

PUSHED = 7  # the step in which the hand is pushed


def record(*words: str, envs: int = 3, steps: int = 45, push: bool = False, **how: Any) -> list[Recording]:
    """Episodes of env 1 under random actions."""
    experiment = compose(["device=cpu", f"numEnvs={envs}", "seed=3", *words])
    env, episodes = build_env(experiment, Ranks()), []
    recorder = Recorder(env, [1], facts_of(experiment), episodes.append, **how)
    obs, generator = env.reset(), torch.Generator().manual_seed(2)
    recorder.begin()
    for step in range(steps):
        if push and step == PUSHED:
            env.push(1, "box", (3.0, 0.0, 5.0))
            recorder.pushed(1, "box", (3.0, 0.0, 5.0))
        actions = torch.rand(envs, env.spec.num_actions, generator=generator) * 2 - 1
        result = env.step(actions)
        recorder.add(obs, actions, result)
        obs = result.obs
    env.close()
    return episodes


@pytest.fixture(scope="module")
def grasping() -> list[Recording]:
    """Two episodes of 20 steps, of which the first has a push."""
    return record("task=BoxGrasping", "task.episodeLength=20", push=True)


def changed(recording: Recording, header: Any = None, **arrays: Any) -> Recording:
    return Recording({**recording.header, **(header or {})}, {**recording.arrays, **arrays})


def replayed(path: Path, *words: str) -> int:
    return cli.main(["replay", str(path), *words])


def saved(folder: Path, recording: Recording, name: str = "e.npz") -> Path:
    save(folder / name, recording)
    return folder / name


@pytest.mark.slow
def test_every_state_comes_out_bit_for_bit(grasping: list[Recording]) -> None:
    for recording in grasping:
        result = replay(recording)
        assert result.largest == 0.0 and result.first_beyond(0.0) is None
        assert set(result.deviation) == {"qpos", "qvel"} and len(result.steps) == 21
        for name in ("qpos", "qvel", "time"):
            assert np.array_equal(result.recording.arrays[name], recording.arrays[name])
    assert np.ptp(grasping[0].arrays["qpos"][:, 27]) > 0.01  # the box was pushed, and moved


def test_a_missing_push_shows_from_its_step_on(grasping: list[Recording]) -> None:
    result = replay(changed(grasping[0], {"pushes": []}))
    assert result.first_beyond(0.0) == PUSHED + 1 and result.deviation["qpos"][-1] > 1e-3


def test_another_command_shows_from_its_step_on(grasping: list[Recording]) -> None:
    ctrl = grasping[1].arrays["ctrl"].copy()
    ctrl[4, 0] += 1e-3
    result = replay(changed(grasping[1], ctrl=ctrl))
    assert result.first_beyond(0.0) == 5 and not result.deviation["qpos"][:5].any()


@pytest.mark.slow
def test_states_that_were_left_out_are_not_compared_but_shown() -> None:
    every = record("task=BoxGrasping", "task.episodeLength=20", steps=20)[0]
    third = record("task=BoxGrasping", "task.episodeLength=20", steps=20, stride=3)[0]
    none = record("task=BoxGrasping", "task.episodeLength=20", steps=20, content="actions")[0]
    result = replay(third)
    assert result.largest == 0.0 and result.steps.tolist() == [0, 3, 6, 9, 12, 15, 18, 20]
    bare = replay(none)
    assert not none.has_states and bare.deviation == {}
    for shown in (result.recording, bare.recording):
        assert np.array_equal(shown.arrays["qpos"], every.arrays["qpos"])
        assert shown.arrays["steps"].tolist() == list(range(21))


def test_a_reference_stays_beside_the_states_that_were_kept(
    grasping: list[Recording], tmp_path: Path
) -> None:
    """Of every state, of every tenth, also through a file and a viewer, and none of commands alone."""
    whole = changed(grasping[0], ghost=grasping[0].arrays["qpos"] + 1.0)
    assert np.array_equal(replay(whole).recording.arrays["ghost"], whole.arrays["ghost"])
    states = ("steps", "time", "qpos", "qvel", "act", "ghost")
    tenth = changed(whole, {"stride": 10}, **{name: whole.arrays[name][::10] for name in states})
    result = replay(tenth)
    assert result.largest == 0.0 and result.recording.header["stride"] == 10
    path = saved(tmp_path, result.recording)
    for name in states:
        assert np.array_equal(load(path).arrays[name], tenth.arrays[name])
    viewed = Playback(Episodes([path]))
    viewed.seek(1)
    viewed.advance()
    frame = viewed.frame()
    assert frame.step == 10 and frame.ghost is not None
    assert np.array_equal(frame.ghost, frame.qpos + 1.0)
    bare = replay(changed(whole, **{name: whole.arrays[name][:0] for name in states})).recording
    assert "ghost" not in bare.arrays and np.array_equal(bare.arrays["qpos"], whole.arrays["qpos"])


def test_a_number_that_is_none_is_a_deviation(grasping: list[Recording]) -> None:
    qpos = grasping[1].arrays["qpos"].copy()
    qpos[3, 0] = np.nan
    result = replay(changed(grasping[1], qpos=qpos))
    assert result.largest == np.inf and result.first_beyond(1e9) == 3


def test_a_recording_that_lacks_the_commands_within_a_step_is_refused() -> None:
    """As of a policy whose actions a frozen one turns into several."""
    recording = make_recording(config={"task": {"controlPeriod": 0.004}})
    with pytest.raises(RecordingError, match="the last of each step alone"):
        replay(recording)


# Gymnasium.

COUNT = ("task=Gym", "env.ids=[known_envs:Count-v0,known_envs:Parts-v0]", "env.vectorization=sync")


def test_an_environment_does_the_same_again() -> None:
    episodes = record(*COUNT)
    assert len(episodes) > 10 and {r.length for r in episodes} == {2, 3}
    for recording in episodes:
        result = replay(recording)
        assert set(result.deviation) == {"obs", "reward"} and result.largest == 0.0


def test_an_environment_that_does_something_else_is_told() -> None:
    recording = next(r for r in record(*COUNT, steps=12) if r.length == 3)
    obs, rewards = recording.arrays["obs"].copy(), recording.arrays["rewards"].copy()
    obs[2, 0] += 0.5
    assert replay(changed(recording, obs=obs)).first_beyond(0.0) == 2
    rewards[0] += 0.25
    result = replay(changed(recording, rewards=rewards))
    assert result.deviation["reward"].tolist() == [0.0, 0.25, 0.0, 0.0]
    longer = changed(
        recording,
        {"length": 4},
        actions=np.concatenate([recording.arrays["actions"], [[0.0, 0.0]]]).astype(np.float32),
        rewards=np.append(rewards, 1.0),
    )
    assert replay(longer).deviation["reward"][4] == np.inf  # it ends before


def test_an_environment_that_is_gone_is_told() -> None:
    recording = record(*COUNT, steps=6)[0]
    env = {**recording.header["config"]["env"], "ids": ["known_envs:Cuont-v0", "known_envs:Prats-v0"]}
    config = {**recording.header["config"], "env": env}
    with pytest.raises(EnvError, match="Gymnasium has no environment of that name"):
        replay(changed(recording, {"config": config}))
    assert known_envs.Count.made


# The command.


def test_an_exact_replay_ends_with_0_and_says_so(
    grasping: list[Recording], tmp_path: Path, capsys: Any
) -> None:
    path = saved(tmp_path, grasping[0])
    assert replayed(path) == 0
    out = capsys.readouterr().out
    assert "21 states compared, exact: each is the recorded one, bit for bit" in out
    assert "BoxGrasping, env 1, episode 0, 20 steps (0.40 s)" in out and "timeout" in out


def test_a_deviation_ends_with_1_and_says_where_and_what_differs(
    grasping: list[Recording], tmp_path: Path, capsys: Any
) -> None:
    qpos = grasping[1].arrays["qpos"].copy()
    qpos[10:, 2] += 0.125
    versions = {**grasping[1].header["versions"], "mujoco": "3.0.0"}
    path = saved(tmp_path, changed(grasping[1], {"versions": versions}, qpos=qpos))
    assert replayed(path, "--csv", str(tmp_path / "d.csv")) == 1
    out = capsys.readouterr().out
    assert "first at step 10 (0.20 s), at most by 0.125; allowed is 0" in out and "mujoco 3.0.0 then" in out
    rows = [line.split(",") for line in (tmp_path / "d.csv").read_text().splitlines()]
    assert rows[0] == ["step", "time", "qpos", "qvel"] and len(rows) == 22
    assert [float(row[2]) for row in rows[1:]] == pytest.approx([0.0] * 10 + [0.125] * 11)
    assert replayed(path, "--tolerance", "0.126") == 0
    assert replayed(path, "--tolerance", "0.124") == 1


def test_another_model_is_refused_unless_forced(
    grasping: list[Recording], tmp_path: Path, capsys: Any
) -> None:
    """The box of the recording was heavier than the one that the file's settings give today."""
    recording = grasping[1]
    light = {
        **recording.header["config"]["task"],
        "box": {**recording.header["config"]["task"]["box"], "mass": 9},
    }
    path = saved(tmp_path, changed(recording, {"config": {**recording.header["config"], "task": light}}))
    assert replayed(path) == 2
    assert "the model of BoxGrasping has changed" in capsys.readouterr().err
    assert replayed(path, "--force") == 0  # with the recorded model the states are exact again


def test_other_commands_or_another_start_do_not_fit(grasping: list[Recording]) -> None:
    recording = grasping[1]
    names = {**recording.header["names"], "ctrl": ["a", "b"]}
    with pytest.raises(
        RecordingError, match="the commands in the file are for a, b, but BoxGrasping now drives"
    ):
        replay(changed(recording, {"names": names}))
    with pytest.raises(RecordingError, match="its integration has 5 numbers, here it has"):
        replay(changed(recording, **{"start.integration": np.zeros((1, 5))}))
    with pytest.raises(RecordingError, match="which is not here"):
        replay(changed(recording, {"task": "Juggling"}))
    bare = {name: array for name, array in recording.arrays.items() if not name.startswith("start.")}
    with pytest.raises(RecordingError, match="no start state of the engine"):
        replay(replace(recording, arrays=bare))


def torn(folder: Path) -> dict[str, Path]:
    whole = saved(folder, make_recording(), "whole.npz").read_bytes()
    (folder / "half.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.npz").write_bytes(b"")
    np.savez(folder / "foreign.npz", a=np.zeros(3))
    with (folder / "evil.npz").open("wb") as file:
        np.savez(file, header=np.array([print], dtype=object), allow_pickle=True)
    saved(folder, make_recording(schema=99), "newer.npz")
    (folder / "text.txt").write_text("hello")
    return {path.stem: path for path in folder.iterdir() if path.stem != "whole"}


def test_a_file_that_is_no_recording_is_one_clear_line_and_2(tmp_path: Path, capsys: Any) -> None:
    files = {**torn(tmp_path), "missing": tmp_path / "missing.npz"}
    for path in files.values():
        assert replayed(path, "--states") == 2
        error = capsys.readouterr().err
        assert error.startswith(f"rlkit: {path}") and error.count("\n") == 1, error


def test_a_recording_that_cannot_be_repeated_says_why(tmp_path: Path, capsys: Any) -> None:
    path = saved(tmp_path, make_recording())  # it names no settings
    assert replayed(path) == 2
    assert "cannot be replayed: it lacks 'sim'" in capsys.readouterr().err
    assert replayed(path, "--states") == 0
    assert "Cart, env 0, episode 0, iteration 7, 10 steps (0.20 s), return 10.00, timeout, 11 states" in (
        capsys.readouterr().out
    )


def test_options_that_do_not_go_together_are_refused(tmp_path: Path, capsys: Any) -> None:
    path, csv = saved(tmp_path, make_recording()), str(tmp_path / "d.csv")
    trajectory = str(roboverse(tmp_path))
    for words, reason in (
        ([str(path), "--csv", csv], "--csv writes how one replay deviates"),
        (["--states", "--csv", csv], "--csv writes how one replay deviates"),
        (["--to-npz", str(tmp_path)], "is a recording already"),
        (["--mjcf", "x.xml"], "is a recording already"),
    ):
        assert replayed(path, *words) == 2
        assert reason in capsys.readouterr().err
    assert replayed(Path(trajectory), "--video", str(tmp_path / "v.mp4")) == 2
    assert "give the robot's with --mjcf MODEL.xml" in capsys.readouterr().err
    assert replayed(Path(trajectory), "--mjcf", "nowhere.xml") == 2
    assert "nowhere.xml: No such file" in capsys.readouterr().err
    for tolerance in ("-1", "much"):
        with pytest.raises(SystemExit):
            replayed(path, "--tolerance", tolerance)
        assert f"'{tolerance}' is no tolerance; give a number of 0 or more" in capsys.readouterr().err


NAME = "push_arm_eval_20260101_000000_v2_arm_ep1.npz"


def roboverse(folder: Path, robot: str = "arm") -> Path:
    """Two episodes in which a joint named as the cart's slide moves by 0.1 m a step."""
    states = [
        {"arm": {"pos": [0, 0, 0], "rot": [1, 0, 0, 0], "dof_pos": {"slide": 0.1 * k}}} for k in range(4)
    ]
    actions = [{"dof_pos_target": {"slide": 0.1 * k}} for k in range(3)]
    episode = {"init_state": states[0], "actions": actions, "states": states[1:]}
    path = folder / "push_arm_eval_20260101_000000_v2.pkl"
    path.write_bytes(pickle.dumps({robot: [episode, episode]}))
    return path


def test_roboverse_becomes_recordings(tmp_path: Path, capsys: Any) -> None:
    path = roboverse(tmp_path)
    assert replayed(path) == 0
    out = capsys.readouterr().out
    assert "push, robot arm, episode 1, 3 steps" in out and "4 states, joints slide" in out
    (tmp_path / "model.xml").write_text(MJCF)
    words = ("--to-npz", str(tmp_path / "out"), "--mjcf", str(tmp_path / "model.xml"))
    assert replayed(path, *words) == 0
    again = load(tmp_path / "out" / NAME)
    assert again.arrays["qpos"][:, 0] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert mujoco.MjModel.from_xml_string(again.mjcf).joint(0).name == "slide"
    assert "the model has no free body of that name" in capsys.readouterr().out
    assert replayed(tmp_path / "out" / NAME) == 0  # it is shown: no engine can repeat it


def test_the_model_of_a_trajectory_may_lie_in_several_files(tmp_path: Path) -> None:
    path, model = roboverse(tmp_path), robot_files.robot(tmp_path / "here")
    text = model.read_text().replace(
        "<worldbody>", '<worldbody><body><joint name="slide"/><geom size="1"/></body>', 1
    )
    model.write_text(text)
    assert replayed(path, "--to-npz", str(tmp_path / "out"), "--mjcf", str(model)) == 0
    shutil.rmtree(tmp_path / "here")
    scene = Scene(load(tmp_path / "out" / NAME).mjcf)
    assert scene.model.nmesh == 2 and scene.model.joint(0).name == "slide"


def test_a_robot_of_any_name_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = roboverse(tmp_path / "in", robot="/../../x")
    assert replayed(path, "--to-npz", str(tmp_path / "in" / "out")) == 0
    assert len(list((tmp_path / "in" / "out").iterdir())) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_hdf5_holds_all_episodes(grasping: list[Recording], tmp_path: Path, capsys: Any) -> None:
    h5py = pytest.importorskip("h5py")
    paths = [str(saved(tmp_path, episode, f"{k}.npz")) for k, episode in enumerate(grasping)]
    assert replayed(Path(paths[0]), paths[1], "--to-hdf5", str(tmp_path / "d.h5")) == 0
    with h5py.File(tmp_path / "d.h5") as file:
        assert len(file["data"]) == 2 and file["data"].attrs["total"] == 40
        assert file["data/demo_1/obs/box_pose"].shape == (20, 7)
    assert "2 episodes, 40 steps" in capsys.readouterr().out


def test_what_differs_is_named_once() -> None:
    then = {"versions": {"a": "1", "b": "2", "gone": "3"}, "platform": "Linux x"}
    here = {"versions": {"a": "1", "b": "4"}, "platform": "Linux y"}
    assert differing_versions(then, here) == [
        "b 2 then, 4 now",
        "gone 3 then, absent now",
        "Linux x then, Linux y now",
    ]


@pytest.mark.journey
def test_looking_at_a_recording_needs_no_torch(tmp_path: Path) -> None:
    path = saved(tmp_path, make_recording())
    (tmp_path / "no_torch.py").write_text(
        "import sys\nfor name in ('torch', 'rl_games'):\n    sys.modules[name] = None\n"
        "from rlkit.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    root = str(Path(cli.__file__).parents[1])
    for words in (["--states"], ["--to-hdf5", "d.h5"], ["--video", "v.mp4"]):
        done = subprocess.run(
            [sys.executable, "no_torch.py", "replay", str(path), *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "v.mp4").stat().st_size > 1000 and (tmp_path / "d.h5").exists()


@pytest.mark.journey
def test_actions_alone_become_a_video_of_what_they_do(tmp_path: Path, capsys: Any) -> None:
    (recording,) = record("task=BoxGrasping", "task.episodeLength=20", steps=20, content="actions")
    path = saved(tmp_path, recording)
    assert replayed(path, "--video", str(tmp_path / "v.mp4")) == 0
    assert (tmp_path / "v.mp4").stat().st_size > 1000
    assert "no states to compare with" in capsys.readouterr().out
    assert json.loads(json.dumps(dict(recording.header)))["content"] == "actions"
