"""Videos read back: how many frames, how fast, what is in them; files whole or absent."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image
from recordings import make_recording

from rlkit.media import recording as recordings
from rlkit.media import video
from rlkit.media.gif import MAX_BYTES, GifFrames
from rlkit.media.gl import RenderError
from rlkit.media.recording import RecordingError
from rlkit.media.tile import Reel, Tile, captions, letterboxed
from rlkit.media.video import PAUSE, Clock, common_clock, mosaic, write_video
from rlkit.workspace import WorkspaceError

pytestmark = pytest.mark.usefixtures("drawing")


def read(path: Path) -> tuple[str, list[np.ndarray]]:
    """What ffmpeg says of the file (codec, pixel format, size, rate), and its frames."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    words = [program, "-hide_banner", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(words, capture_output=True, check=True)
    stream = next(line for line in done.stderr.decode().splitlines() if "Video:" in line)
    size = re.search(r", (\d+)x(\d+)", stream)
    assert size is not None, stream
    width, height = (int(number) for number in size.groups())
    return stream, list(np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3))


@pytest.mark.parametrize(
    ("step", "stride", "fps", "frames"),
    [
        (Fraction(1, 50), 1, Fraction(50), 101),
        (Fraction(1, 60), 1, Fraction(60), 121),
        (Fraction(1, 100), 1, Fraction(50), 101),  # every 2nd state
        (Fraction(1, 500), 1, Fraction(500, 9), 113),  # every 9th, 18 ms: the 112th picture ends after 2 s
        (Fraction(1, 50), 5, Fraction(10), 21),
        (Fraction(1, 10), 1, Fraction(10), 21),
    ],
)
def test_two_seconds_stay_two_seconds(step: Fraction, stride: int, fps: Fraction, frames: int) -> None:
    total = int(2 / step)
    times = np.unique(np.append(np.arange(0, total + 1, stride), total)) * float(step)
    clock = common_clock([times])
    assert clock == Clock(1 / fps, frames)
    assert clock.fps == fps


def test_a_grid_goes_on_until_its_longest_ends_at_the_rate_of_its_fastest() -> None:
    assert common_clock([np.arange(11) * 0.1, np.arange(26) * 0.02]) == Clock(Fraction(1, 50), 51)
    assert common_clock([np.zeros(1)]).frames == 1


def test_a_video_may_end_before_its_recording_and_have_fewer_pictures() -> None:
    times = np.arange(51) * 0.02
    assert common_clock([times], seconds=0.5) == Clock(Fraction(1, 50), 26)
    assert common_clock([times], seconds=0.5, fps=30) == Clock(Fraction(1, 25), 14)  # the last at 0.52 s
    assert common_clock([times], seconds=7.0) == common_clock([times]) == Clock(Fraction(1, 50), 51)


def test_a_reel_shows_one_recording_after_another() -> None:
    first, second = make_recording(length=3), make_recording(length=2, task="Other")
    reel = Reel([first, second], (64, 48))  # states of 20 ms: 0 to 60, then 80 to 120 ms
    assert np.allclose(reel.times, np.arange(7) * 0.02)
    shown = [reel.at(time) for time in (0.0, 0.06, 0.0799, 0.08, 0.12, 5.0)]
    reel.close()
    alone = [Tile(recording, (64, 48)) for recording in (first, second)]
    assert np.array_equal(shown[0], alone[0].at(0.0)) and np.array_equal(shown[1], alone[0].at(0.06))
    assert np.array_equal(shown[2], shown[1]) and np.array_equal(shown[3], alone[1].at(0.0))
    assert np.array_equal(shown[4], alone[1].at(0.04)) and np.array_equal(shown[5], shown[4])
    for tile in alone:
        tile.close()


def test_a_tile_shows_the_newest_state_and_freezes_on_the_last() -> None:
    tile = Tile(make_recording(length=10, stride=4), (64, 48))  # states 0, 4, 8, 10: 0, 80, 160, 200 ms
    shown = [tile.at(time) for time in (0.0, 0.0799, 0.08, 0.16, 0.2, 5.0)]
    tile.close()
    same = [np.array_equal(a, b) for a, b in zip(shown, shown[1:])]
    assert same == [True, False, False, False, True]


def test_captions_tell_the_return_so_far_and_how_it_ended() -> None:
    episode = make_recording(length=10, stride=4, ended="success/lifted")
    lines = captions(episode, episode.arrays["steps"])
    assert lines[0] == "Cart   iteration 7   t 0.00 s   return 0.0"
    assert lines[1] == "Cart   iteration 7   t 0.08 s   return 4.0"
    assert lines[3] == "Cart   iteration 7   t 0.20 s   return 10.0   success/lifted"
    no_policy = make_recording(iteration=None)
    assert captions(no_policy, no_policy.arrays["steps"])[0] == "Cart   t 0.00 s   return 0.0"


def test_a_mosaic_fills_rows_first() -> None:
    tiles = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = mosaic(tiles, columns=2)
    assert sheet.shape == (4, 6, 3)
    assert [sheet[y, x, 0] for y, x in ((0, 0), (0, 3), (2, 0), (2, 3))] == [10, 20, 30, 0]


def test_a_picture_of_another_shape_is_not_distorted() -> None:
    boxed = letterboxed(np.full((100, 50, 3), 200, np.uint8), (64, 48))
    assert boxed.shape == (48, 64, 3)
    assert boxed[:, 20:44].min() == 200 and boxed[:, :20].max() == boxed[:, 44:].max() == 0


@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
def test_a_video_reads_back_with_every_state(size: tuple[int, int], tmp_path: Path) -> None:
    film = write_video([make_recording(length=10)], tmp_path / "a.mp4", size=size)
    about, frames = read(tmp_path / "a.mp4")
    assert film == (11, pytest.approx(0.2))
    assert "h264" in about and "yuv420p" in about and "50 fps" in about
    assert len(frames) == 11 + 50 * PAUSE and frames[0].shape == (
        48 + size[1] % 2 * 2,
        64 + size[0] % 2 * 2,
        3,
    )
    assert np.abs(frames[0].astype(int) - frames[10]).max() > 50  # the cart moved
    assert all(
        np.abs(frames[10].astype(int) - frame).mean() < 2 for frame in frames[11:]
    )  # and stays at the end
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.slow
def test_a_grid_has_tiles_of_the_same_shape(tmp_path: Path) -> None:
    write_video(
        [make_recording(length=n) for n in (2, 4, 6)],
        tmp_path / "a.mp4",
        size=(128, 96),
        gif=tmp_path / "a.gif",
    )
    _, frames = read(tmp_path / "a.mp4")
    assert len(frames) == 7 + 50 * PAUSE and frames[0].shape == (96, 128, 3)
    assert frames[0][52:, 70:].max() < 20  # the fourth place is empty
    with Image.open(tmp_path / "a.gif") as image:
        assert image.size == (128, 96)


@pytest.mark.slow
def test_the_gif_runs_in_real_time_pauses_and_stays_small() -> None:
    small, noise = GifFrames(Fraction(50), 1001, pause=0.7), np.random.default_rng(0)
    for number in range(1001):
        small.offer(number, noise.integers(0, 255, (48, 640, 3), np.uint8))
    content = small.encoded()
    assert len(content) < MAX_BYTES
    with Image.open(io.BytesIO(content)) as image:
        assert image.width == 240 and 20 <= image.n_frames <= 80
        stays = []
        for frame in range(image.n_frames):
            image.seek(frame)
            stays.append(image.info["duration"])
    assert min(stays) >= 100 and sum(stays) == pytest.approx(20_720, abs=10)  # ms
    assert stays[-1] >= 700


def test_a_recording_without_states_says_how_to_get_them(tmp_path: Path) -> None:
    full = make_recording(content="actions")
    kept = {k: v for k, v in full.arrays.items() if k not in ("steps", "time", "qpos", "qvel", "act")}
    with pytest.raises(RecordingError, match=r"rlkit replay FILE\.npz --video OUT\.mp4"):
        write_video([replace(full, arrays=kept)], tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_an_encoder_that_fails_leaves_the_old_file_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, program = tmp_path / "a.mp4", tmp_path / "ffmpeg"
    out.write_text("old")
    program.touch(0o755)
    monkeypatch.setattr(video, "require_encoder", lambda: str(program))
    for script, reason, kind in (
        (
            "head -c 100 >/dev/null; echo 'av_write: No space left on device' >&2; exit 1",
            "disk is full",
            None,
        ),
        ("cat >/dev/null; echo first >&2; echo 'Unknown codec' >&2; exit 8", "Unknown codec", RenderError),
        ("exit 3", "exit status 3", RenderError),
    ):
        program.write_text(f"#!/bin/sh\n{script}\n")
        with pytest.raises(kind or WorkspaceError, match=reason):
            write_video([make_recording(length=4)], out, size=(64, 48))
        assert out.read_text() == "old"
        assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "ffmpeg"}


def test_a_picture_that_fails_ends_the_encoder_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen] = []

    class Watched(subprocess.Popen):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(video, "mosaic", failing_after(3, mosaic))
    monkeypatch.setattr(video, "require_encoder", imageio_ffmpeg.get_ffmpeg_exe)
    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(OSError) as raised:
        video._encode(imageio_ffmpeg.get_ffmpeg_exe(), pictures(3), Fraction(50), str(tmp_path / "a.mp4"))
    assert raised.value.errno == errno.EIO
    assert started[0].returncode is not None
    with pytest.raises(WorkspaceError, match="could not write"):
        write_video([make_recording(length=9)], tmp_path / "b.mp4", size=(64, 48))
    assert not list(tmp_path.glob("*b.mp4*"))


def pictures(good: int):
    for _ in range(good):
        yield np.zeros((48, 64, 3), np.uint8)
    raise OSError(errno.EIO, "the picture failed")


def failing_after(calls: int, function):
    left = iter(range(calls))

    def failing(*args, **options):
        if next(left, None) is None:
            raise OSError(errno.EIO, "the picture failed")
        return function(*args, **options)

    return failing


@pytest.mark.slow
def test_the_command_makes_both_files_and_errors_take_one_line(tmp_path: Path) -> None:
    recordings.save(tmp_path / "a.npz", make_recording())
    (tmp_path / "torn.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:500])

    def render(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rlkit.media.render", *words, "--size", "64x48"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = render("a.npz", "--out", "a.mp4", "--gif", "a.gif")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("a.mp4: 11 frames, 0.20 s, rendered in ")
    assert done.stdout.count("\n") == 1 and "x real time)" in done.stdout
    assert len(read(tmp_path / "a.mp4")[1]) == 11 + 50 * PAUSE and (tmp_path / "a.gif").exists()
    for words, reason in (
        (["torn.npz"], "torn.npz cannot be read"),
        (["none.npz"], "none.npz cannot be read"),
        (["a.npz", "--camera", "top"], "no camera 'top'"),
    ):
        failed = render(*words, "--out", "b.mp4")
        assert failed.returncode == 1 and reason in failed.stderr
        assert failed.stderr.count("\n") == 1 and not (tmp_path / "b.mp4").exists()


def test_a_gymnasium_episode_is_shown_by_its_own_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every state is played, but only what the time asks for is shown; an environment's refusal is passed on."""
    from rlkit.env.api import EnvError
    from rlkit.env.gym import rendering

    def frames(recording):
        for step in range(recording.length + 1):
            yield np.full((24, 64, 3), 20 * step, np.uint8)
            if step == 4:
                raise EnvError("it is not deterministic")

    monkeypatch.setattr(rendering, "frames", frames)
    played = make_recording(engine="gymnasium")
    tile = Tile(replace(played, arrays={"rewards": played.arrays["rewards"]}), (64, 48))
    assert [int(tile.at(time)[24, 0, 0]) for time in (0.0, 0.06, 0.07)] == [0, 60, 60]
    assert tile.at(0.08).shape == (48, 64, 3)
    with pytest.raises(EnvError, match="not deterministic"):
        tile.at(0.1)
    tile.close()
