"""`rlkit motion` as a user types it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import warm
from motion_files import LEG, bvh, csv, deepmimic, leg
from workspace_helper import Workspace

from rlkit.cli import main
from rlkit.media import recording
from rlkit.media.motions import recording_of
from rlkit.motion.clip import Clip, read_clip
from rlkit.motion.collection import resolve
from rlkit.motion.pack import load_clips, write_pack
from rlkit.motion.quality import cut

pytestmark = pytest.mark.journey

GOOD = [[0.02 * frame, 0, 1, 1, 0, 0, 0, 0.1, 0.2, 0.3] for frame in range(60)]


def motion(*words: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [*warm.python(), "-m", "rlkit", "motion", *map(str, words)]
    variables = {**os.environ, **warm.environment()}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_convert_writes_what_it_can_and_tells_the_rest(tmp_path: Path) -> None:
    robot = leg(tmp_path)
    (tmp_path / "in").mkdir()
    csv(tmp_path / "in" / "a.csv", GOOD)
    csv(tmp_path / "in" / "b.csv", [[*row[:2], 95.0, *row[3:]] for row in GOOD])
    deepmimic(tmp_path / "in" / "walk.txt", [{}, {}])
    done = motion("convert", "in", "--out", "clips", "--robot", robot, "--licence", "CC0", "--loop", status=1)
    assert "in/a.csv → clips/a.npz: csv, robot leg, 60 frames at 30 Hz = 1.97 s, a loop" in done.stdout
    assert "quaternions read as wxyz" in done.stdout
    assert done.stdout.endswith("1 of 3 converted, 2 refused\n")
    assert "refused: in/b.csv: the root is up to 95 m high" in done.stderr
    assert "refused: in/walk.txt holds a person's motion (deepmimic)" in done.stderr
    assert "rlkit motion retarget in/walk.txt --robot h1" in done.stderr
    assert [path.name for path in (tmp_path / "clips").iterdir()] == ["a.npz"]
    clip = read_clip("clips/a.npz")
    assert (clip.entry.licence, clip.entry.source, clip.entry.loop) == ("CC0", "a.csv", True)
    np.testing.assert_allclose(clip.root_pos[-1], [1.18, 0, 1], atol=1e-6)


def test_nothing_is_overwritten_and_near_misses_are_told(tmp_path: Path) -> None:
    robot = leg(tmp_path)
    csv(tmp_path / "walk.csv", GOOD)
    missing = motion("convert", "walk.cvs", "--out", "a.npz", status=2)
    assert missing.stderr == "rlkit: there is no file walk.cvs here; did you mean walk.csv?\n"
    motion("convert", "walk.csv", "--out", "a.npz", "--robot", robot, "--fps", "50")
    before = (tmp_path / "a.npz").read_bytes()
    again = motion("convert", "walk.csv", "--out", "a.npz", "--robot", robot, status=2)
    assert again.stderr == "rlkit: a.npz is there already; --force overwrites it\n"
    assert (tmp_path / "a.npz").read_bytes() == before
    motion("convert", "walk.csv", "--out", "a.npz", "--robot", robot, "--force")
    assert read_clip("a.npz").entry.fps == 30.0
    unknown = motion("convert", "walk.csv", "--out", "b.npz", "--robot", "h11", status=2)
    assert "there is no robot h11; did you mean h1?" in unknown.stderr
    csv(tmp_path / "run.csv", GOOD)
    both = motion("convert", "walk.csv", "run.csv", "--out", "b.npz", "--robot", robot, status=1)
    assert "b.npz was just written: one file for several clips" in both.stderr


def test_show_tells_robots_and_people(tmp_path: Path) -> None:
    csv(tmp_path / "walk.csv", GOOD)
    motion("convert", "walk.csv", "--out", "a.npz", "--robot", leg(tmp_path))
    shown = motion("show", "a.npz").stdout
    assert (
        "a.npz (rlkit)" in shown
        and "60 frames at 30 Hz" in shown
        and "licence   not stated in the file" in shown
    )
    assert "left_knee_joint" in shown
    person = motion("show", bvh(tmp_path / "a.bvh", [[0.0] * 12] * 3)).stdout
    assert "a person with 5 joints" in person and "lengths taken as centimetres" in person
    wrong = motion("show", "a.npz", "--video", "a.avi", status=2)
    assert "the video is a .mp4" in wrong.stderr


def test_clips_of_ours_are_named_and_one_of_a_folder_is_asked_for(tmp_path: Path) -> None:
    done = motion("pack", "h1/walk", "h1/run", "--out", "two.npz")
    assert done.stdout.startswith("two.npz: 2 clips of h1, ")
    assert "9 of 9 checked" in motion("check", "g1").stdout
    unknown = motion("check", "h1/wlak", status=2)
    assert "did you mean h1/walk?" in unknown.stderr
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "b.csv"):
        csv(tmp_path / "in" / name, GOOD)
    deepmimic(tmp_path / "walk.txt", [{}, {}])
    person = motion("convert", "walk.txt", "--robot", "g1", "--out", "a.npz", status=2)
    assert "try: rlkit motion retarget walk.txt --robot g1 --out a.npz" in person.stderr
    several = motion("show", "in", status=2)
    assert several.stderr == "rlkit: in stands for 2 files; show one of them: in/a.csv, in/b.csv\n"
    suffix = motion("convert", "in", "--out", "clips.csv", status=2)
    assert suffix.stderr == "rlkit: --out clips.csv: a clip is a .npz; name one, or a folder\n"
    assert not (tmp_path / "clips.csv").exists()


def test_show_films_a_stick_figure(tmp_path: Path) -> None:
    deepmimic(tmp_path / "walk.txt", [{1: 0.0}, {1: 0.1}, {1: 0.2}])
    done = motion("show", "walk.txt", "--video", "walk.mp4")
    assert "walk.mp4: 3 frames" in done.stdout
    assert (tmp_path / "walk.mp4").stat().st_size > 1000


def swing(path: Path, playing: str = "") -> Path:
    """Five seconds of a robot whose hips swing once a second while it walks, as an episode's file."""
    time = np.arange(251) / 50.0
    qpos = np.zeros((251, 10))
    qpos[:, 0], qpos[:, 2], qpos[:, 3] = time, 1.0, 1.0
    qpos[:, 7], qpos[:, 9] = 0.5 * np.sin(2.0 * np.pi * time), -0.5 * np.sin(2.0 * np.pi * time)
    path.parent.mkdir(parents=True, exist_ok=True)
    episode = recording_of("Walk", LEG, qpos, 0.02)
    recording.save(path, replace(episode, header={**episode.header, "playing": playing}))
    return path


def test_record_cuts_a_loop_out_of_an_episode(tmp_path: Path) -> None:
    swing(tmp_path / "episode_1.npz")
    words = ("record", "episode_1.npz", "--robot", leg(tmp_path), "--out")
    done = motion(*words, "walk.npz", "--loop", "auto", "--start", "1")
    assert "51 frames at 50 Hz = 1.00 s, a loop" in done.stdout
    loop = read_clip("walk.npz")
    np.testing.assert_allclose(loop.joint_pos[-1], loop.joint_pos[0], atol=1e-6)
    assert loop.root_pos[-1, 0] - loop.root_pos[0, 0] == np.float32(1.0)
    assert "made by a policy" in loop.entry.licence
    motion(*words, "part.npz", "--start", "1", "--end", "2.5")
    part = read_clip("part.npz")
    assert (part.entry.frames, part.entry.loop, part.root_pos[0, 0]) == (76, False, 1.0)
    late = motion(*words, "late.npz", "--start", "9", status=2)
    assert "lasts 5.00 s; --start 9 is past it" in late.stderr
    assert not (tmp_path / "late.npz").exists()


def test_record_of_a_training_names_its_test(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run = workspace.trained("Walk")
    swing(workspace.tested(run, 1).path / "trajectories" / "episode_1.npz")
    nothing = motion("record", "latest", "--out", "clips", status=2)
    words = nothing.stderr.strip().partition("its test has: rlkit motion ")[2].split()
    done = motion(*words, "--out", "clips", "--robot", leg(tmp_path))
    assert "clips/episode_1.npz" in done.stdout


def test_record_takes_every_episode_of_a_run(tmp_path: Path) -> None:
    run = Workspace(tmp_path).start("Walk")
    nothing = motion("record", "latest", "--out", "clips", status=2)
    assert "has no recorded episodes" in nothing.stderr and "testing.saveTrajectories=true" in nothing.stderr
    for number, playing in enumerate(("stride", "", "stride"), 1):  # two of them of one clip
        swing(run.path / "trajectories" / f"episode_{number}.npz", playing)
    run.close()
    done = motion("record", "latest", "--out", "clips", "--robot", leg(tmp_path))
    assert done.stdout.endswith("3 of 3 recorded\n")
    assert {path.stem for path in Path("clips").iterdir()} == {"stride", "episode_2", "episode_3"}
    assert read_clip("clips/episode_2.npz").entry.frames == 251
    assert run.path.name in read_clip("clips/episode_2.npz").entry.source


def h1(path: Path, faults: bool = False) -> Path:
    """A second of an H1 that stands; with faults its torso jumps to and fro in the last fifth."""
    rows = [[0.01 * frame, 0, 1.0, 0, 0, 0, 1, *[0.0] * 19] for frame in range(60)]
    for frame in range(48, 60, 2) if faults else ():
        rows[frame][17] = 2.0
    return csv(path, rows)


def test_check_tells_verdicts_and_cuts(tmp_path: Path) -> None:
    good, bad = h1(tmp_path / "good.csv"), h1(tmp_path / "bad.csv", faults=True)
    done = motion("check", good, bad, "--quat", "xyzw", "--fps", "50", "--cut", "kept")
    assert "good: ok" in done.stdout and "bad: cut 0..47" in done.stdout
    assert "torso turns at 100 rad/s behind frame 47" in done.stdout
    assert "2 of 2 checked" in done.stdout and "skate m/s" in done.stdout
    assert (read_clip("kept/good.npz").entry.frames, read_clip("kept/bad.npz").entry.frames) == (60, 48)
    csv(tmp_path / "worse.csv", [[0, 0, 1, 0, 0, 0, 1, *[2.0 * (frame % 2)] * 19] for frame in range(60)])
    refused = motion("check", "worse.csv", "--quat", "xyzw", status=1)
    assert "worse: refused" in refused.stdout


def test_pack_and_list(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a", "b"):
        h1(tmp_path / "clips" / f"{name}.csv")
    done = motion("pack", "clips", "--out", "all.npz", "--quat", "xyzw")
    assert done.stdout == "all.npz: 2 clips of h1, 3.9 s\n"
    listed = motion("list", "all.npz").stdout
    assert "all.npz: 2 clips of h1" in listed and "not stated in the file" in listed
    (tmp_path / "set.yaml").write_text("clips: [{clip: 'all.npz:a', weight: 3}, 'all.npz:b']")
    rows = [line.split()[:2] for line in motion("list", "set.yaml").stdout.splitlines()]
    assert ["a", "3"] in rows and ["b", "1"] in rows
    assert "--clip NAME shows one of them" in motion("show", "all.npz").stdout
    assert motion("pack", "set.yaml", "--out", "again.npz").stdout == "again.npz: 2 clips of h1, 3.9 s\n"
    assert [clip.name for clip in load_clips(resolve("again.npz"))] == ["a", "b"]
    missing = motion("list", "all.npt", status=2)
    assert "there is no motion all.npt; did you mean all.npz?" in missing.stderr
    deepmimic(tmp_path / "clips" / "c.txt", [{}, {}])
    person = motion("pack", "clips", "--out", "more.npz", "--quat", "xyzw", status=2)
    assert "holds a person's motion" in person.stderr and not (tmp_path / "more.npz").exists()


def test_retarget_makes_clips_of_people(tmp_path: Path) -> None:
    deepmimic(tmp_path / "stand.txt", [{1: 0.01 * frame, 2: 0.9} for frame in range(12)])
    done = motion(
        "retarget", "stand.txt", "--robot", "h1", "--out", "stand.npz", "--licence", "mine", "--table"
    )
    assert "stand.txt → stand.npz: deepmimic, robot h1, 12 frames at 10 Hz" in done.stdout
    clip = read_clip("stand.npz")
    assert (clip.entry.robot, clip.entry.licence) == ("h1", "mine")
    assert 0.8 < clip.root_pos[0, 2] < 1.2
    none = motion("retarget", "stand.txt", "--out", "a.npz", status=2)
    assert "--robot: name the robot" in none.stderr
    robot = motion("retarget", "stand.npz", "--robot", "h1", "--out", "a.npz", status=2)
    assert "is of robot h1 already" in robot.stderr


def test_retarget_tells_the_errors_of_several_and_draws_them(tmp_path: Path, capsys) -> None:
    """A file of one person, and a packed file of two motions of another robot."""
    deepmimic(tmp_path / "stand.txt", [{1: 0.01 * frame, 2: 0.9} for frame in range(12)])
    clips = [replace(clip, entry=replace(clip.entry, name=name)) for name, clip in zip("ab", _short_walks())]
    write_pack("two.npz", clips)
    words = ["stand.txt", "two.npz", "--robot", "g1", "--out", "out", "--whole", "--pictures", "drawn"]
    assert main(["motion", "retarget", *words]) == 0
    said = capsys.readouterr().out
    assert "2 of 2 of two.npz\n" in said and "2 of 2 retargeted\n" in said and "pelvis mm" in said
    assert {path.stem for path in Path("out").iterdir()} == {"stand", "a", "b"}
    assert {path.stem for path in Path("drawn").iterdir()} == {"stand", "a", "b", "errors"}
    rows = said[said.index("pelvis mm") :].splitlines()[1:4]
    errors = [max(map(float, line.split()[2:4])) for line in rows]
    assert errors == sorted(errors, reverse=True)


def _short_walks() -> list[Clip]:
    """The first 12 frames of the H1's two slowest walks."""
    return [cut(clip, 0, 11) for clip in load_clips([*resolve("h1/walk_slow"), *resolve("h1/walk")])]
