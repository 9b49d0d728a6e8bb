"""What a test and a training leave to be looked at, through the real commands."""

from __future__ import annotations

import csv
import re
import signal
import socket
import subprocess
import urllib.request

import imageio_ffmpeg
import numpy as np
import pytest
from needs import require_gl
from project import wait_until

from rlkit.media.recording import load
from rlkit.media.video import PAUSE

pytestmark = [pytest.mark.journey, pytest.mark.slow]

QUICK = ("task.episodeLength=12", "env.videoWidth=96", "env.videoHeight=64")


def played(project, *words):
    """The run folder of one test of `trained`, and what it printed."""
    before = set(project.names("test"))
    done = project.train("test=true", "checkpoint=trained", *QUICK, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    (name,) = set(project.names("test")) - before
    return project.run(name), done.stdout


def frames(video):
    """`(frames, frames a second)` of a video file."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    told = subprocess.run([program, "-i", str(video)], capture_output=True, text=True, check=False).stderr
    raw = [program, "-v", "error", "-i", str(video), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    pixels = np.frombuffer(subprocess.run(raw, capture_output=True, check=True).stdout, np.uint8)
    assert pixels.std() > 1.0  # something is on them
    found = re.search(r" (\d+)x(\d+)[ ,].* ([\d.]+) fps", told)
    assert found is not None, told
    return pixels.size // (int(found[1]) * int(found[2])), float(found[3])


@pytest.fixture(scope="module")
def gl() -> str:
    """Skips where nothing can draw."""
    return require_gl()


def test_every_test_leaves_episodes_that_can_be_replayed(trained_project):
    run, _ = played(trained_project, "numEnvs=3", "testing.episodesPerEnv=2", "testing.recordEnvs=2")
    rows = list(csv.DictReader((run / "episodes.csv").read_text().splitlines()))
    assert sorted((row["env"], row["episode"]) for row in rows) == [
        (env, episode) for env in "012" for episode in "01"
    ]
    kept = {row["trajectory"]: row for row in rows if row["trajectory"]}
    assert sorted(kept) == [
        f"trajectories/env0{env}_ep0{episode}.npz" for env in (0, 1) for episode in (0, 1)
    ]
    assert {f"trajectories/{path.name}" for path in (run / "trajectories").iterdir()} == set(kept)
    for file, row in kept.items():
        recording = load(run / file)
        assert recording.header["return"] == pytest.approx(float(row["return"]), rel=1e-5)
        assert recording.length == int(row["length"])
        assert recording.header["iteration"] == int(row["iteration"]) == 2
        assert recording.header["checkpoint"] == "checkpoint_last.pth"
        assert recording.header["config"]["task"]["episodeLength"] == 12
    done = trained_project.shell(f"rlkit replay {run / 'trajectories' / 'env01_ep01.npz'}")
    assert done.returncode == 0, done.stdout + done.stderr
    done = trained_project.shell(f"rlkit replay {run.name} --states")  # all of the run
    assert done.returncode == 0 and done.stdout.count(" states") == 4, done.stdout + done.stderr

    nothing, _ = played(trained_project, "numEnvs=2", "testing.saveTrajectories=false")
    assert not (nothing / "trajectories").exists()
    done = trained_project.shell(f"rlkit replay {nothing.name}")
    assert done.returncode == 2 and f"{nothing.name} has no recorded episodes" in done.stderr


def test_a_stochastic_test_acts_otherwise(trained_project):
    words = ("numEnvs=2", "testing.recordEnvs=1")
    actions = [
        load(played(trained_project, *words, *more)[0] / "trajectories" / "env00_ep00.npz").arrays["actions"]
        for more in ((), (), ("testing.stochastic=true",))
    ]
    np.testing.assert_array_equal(actions[0], actions[1])
    assert np.abs(actions[0] - actions[2]).max() > 0.1


def test_a_video_of_every_recorded_episode(trained_project, gl):
    words = ("numEnvs=3", "testing.recordEnvs=2", "env.recordVideo=true", "render=false")
    run, stdout = played(trained_project, *words)
    videos = sorted((run / "videos").glob("*.mp4"))
    assert [video.name[:10] for video in videos] == ["env00_ep00", "env01_ep00"]
    for video in videos:
        recording = load(run / "trajectories" / f"{video.name[:10]}.npz")
        assert video.name.endswith(f"_return{recording.header['return']:.1f}.mp4")
        count, rate = frames(video)
        assert rate == pytest.approx(1 / recording.period)  # real time
        assert count == recording.length + 1 + round(PAUSE * rate)
        assert f"video {video}" in stdout


def test_one_video_of_all_recorded_envs(trained_project, gl):
    words = ("numEnvs=3", "testing.recordEnvs=3", "env.recordVideo=true", "testing.video=grid")
    run, _ = played(trained_project, *words)
    (video,) = (run / "videos").glob("*.mp4")
    assert video.name == "grid_ep00.mp4"
    frames(video)


def test_a_training_films_its_evaluations_and_its_best_policy(project, gl):
    words = ("numEnvs=4", "train.units=[8]", "maxIter=4", "training.evalInterval=2", "training.evalEnvs=2")
    done = project.train(*words, *QUICK, "env.recordVideo=true", "training.videoInterval=2")
    assert done.returncode == 0, done.stdout + done.stderr
    run = project.run(project.names()[0])
    names = {path.name for path in (run / "videos").iterdir()}
    made = {f"iteration_00000{i}.{kind}" for i in (2, 4) for kind in ("mp4", "gif")}
    assert names == {*made, "rollout.mp4"}
    assert f"  video    {run / 'videos' / 'rollout.mp4'}" in done.stdout
    best = load(run / "trajectories" / "rollout.npz")
    assert best.header["checkpoint"] == "checkpoint_best.pth"
    count, rate = frames(run / "videos" / "rollout.mp4")
    assert count == best.length + 1 + round(PAUSE * rate)
    (events,) = run.glob("events.out.tfevents.*")
    assert events.read_bytes().count(b"eval/video") == 2
    assert events.read_bytes().count(b"GIF89a") == 2


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        ("env.recordVideo=true", "IMAGEIO_FFMPEG_EXE=/nowhere/ffmpeg", r"env.recordVideo=true: .*ffmpeg"),
        ("env.recordVideo=true", "MUJOCO_GL=crayons", "MUJOCO_GL=crayons .*allowed: "),
        ("env.recordVideo=true env.graphicsDeviceId=63", "A=", "MUJOCO_EGL_DEVICE_ID"),
        ("viewer=native", "DISPLAY=", "viewer=native needs a display.*try viewer=web"),
        ("viewer=web env.viewerPort={taken}", "A=", r"port \d+ is taken.*env.viewerPort=0"),
        ("viewer=web env.viewerHost=nowhere.invalid", "A=", "host 'nowhere.invalid' has no address"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_starts(trained_project, words, environment, message):
    before = trained_project.names()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = words.format(taken=taken.getsockname()[1])
        done = trained_project.shell(f"{environment} python train.py test=true checkpoint=trained {words}")
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(message, done.stderr, re.DOTALL), done.stderr
    assert trained_project.names() == before


@pytest.mark.parametrize("kind", ["test", "train"])
def test_the_web_viewer_serves_its_page_until_it_is_told_to_stop(request, kind):
    # A training would become the latest of the project that other tests share.
    shown = request.getfixturevalue("trained_project" if kind == "test" else "project")
    words = ["numEnvs=2", "viewer=web", "env.viewerPort=0", "task.episodeLength=12"]
    words += ["test=true", "checkpoint=trained"] if kind == "test" else ["train.units=[8]", "maxIter=100000"]
    before = set(shown.names())
    process = shown.start(*words)

    def log():
        names = set(shown.names()) - before
        path = shown.run(names.pop()) / "train.log" if names else None
        return path.read_text() if path is not None and path.exists() else ""

    address = wait_until(lambda: re.search(r"watch it at (http://127\.0\.0\.1:\d+)", log()), "an address")[1]
    with urllib.request.urlopen(address, timeout=10) as page:
        assert page.status == 200
    wait_until(lambda: "started in" in log(), "the first step")
    if kind == "test":
        (name,) = set(shown.names()) - before
        wait_until(lambda: (shown.run(name) / "metrics.json").exists(), "results")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == (0 if kind == "test" else 130), stdout + stderr
    assert "Traceback" not in stderr
