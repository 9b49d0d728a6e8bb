"""Videos of recorded episodes: one filling the picture, or several as tiles, in real time."""

from __future__ import annotations

import errno
import math
import subprocess
import tempfile
from contextlib import ExitStack, closing, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple, Sequence

import numpy as np

from rlkit.media.gif import GifFrames
from rlkit.media.gl import RenderError, last_line, require_encoder
from rlkit.media.recording import Recording
from rlkit.media.tile import Reel, Tile
from rlkit.workspace import write_atomic

MAX_FPS = 60
PAUSE = 1.0  # s: so long the last picture stays, before a player begins anew
_PAUSE = f"tpad=stop_mode=clone:stop_duration={PAUSE}"
_EVEN = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # players want yuv420p, which has one colour for 2x2 pixels


class Video(NamedTuple):
    """What was written: `frames` pictures, without the pause at the end, of `seconds` of the episode."""

    frames: int
    seconds: float


class Clock(NamedTuple):
    """`frames` pictures, one each `interval` s."""

    interval: Fraction
    frames: int

    @property
    def fps(self) -> Fraction:
        """Pictures a second, exact."""
        return 1 / self.interval


def write_video(
    recordings: Sequence[Recording],
    out: Path,
    *,
    size: tuple[int, int] = (640, 480),
    camera: str | None = None,
    gif: Path | None = None,
    in_turn: bool = False,
    seconds: float | None = None,
    fps: float = MAX_FPS,
) -> Video:
    """Write an H.264 .mp4 in real time; of several recordings a grid, in which the shorter wait on their last state.

    in_turn: show them one after another instead. seconds: end it there, where it would be longer. fps: no more pictures
    a second than that.

    After the end the last picture stays for PAUSE s.

    size: width and height (px) of the picture; tiles of a grid have its shape, and side by side its width. gif: a
    small copy (see rlkit.media.gif). Each file appears whole or not at all. Raises RecordingError without states,
    RenderError for what cannot be drawn or encoded, WorkspaceError for a file that cannot be written.
    """
    program = require_encoder()
    columns = 1 if in_turn else math.ceil(math.sqrt(len(recordings)))
    tile_size = (size[0] // columns, size[1] // columns)
    with ExitStack() as stack:
        made = (
            [Reel(recordings, size, camera)]
            if in_turn
            else (Tile(recording, tile_size, camera) for recording in recordings)
        )
        tiles = [stack.enter_context(closing(tile)) for tile in made]
        clock = common_clock([tile.times for tile in tiles], seconds, fps)
        small = GifFrames(clock.fps, clock.frames, pause=PAUSE) if gif is not None else None

        def pictures() -> Iterator[np.ndarray]:
            for number in range(clock.frames):
                time = float(number * clock.interval)
                picture = mosaic([tile.at(time) for tile in tiles], columns)
                if small is not None:
                    small.offer(number, picture)
                yield picture

        def write(handle: BinaryIO) -> None:
            _encode(program, pictures(), clock.fps, handle.name)

        write_atomic(out, write)
    if gif is not None and small is not None:
        write_atomic(gif, small.encoded())
    longest = max(float(tile.times[-1]) for tile in tiles)
    return Video(clock.frames, longest if seconds is None else min(longest, seconds))


def common_clock(times: Sequence[np.ndarray], seconds: float | None = None, fps: float = MAX_FPS) -> Clock:
    """Pictures as often as the most frequent recording has states, or every n-th where that exceeds `fps`.

    seconds: after which it ends, where it would be longer.

    times: of each recording's states [K] s, ascending from 0. The last picture shows the last state of all.
    """
    steps = [float(np.median(np.diff(t))) for t in times if len(t) > 1]
    step = Fraction(min(steps, default=1.0 / MAX_FPS)).limit_denominator(100_000)
    interval = step * max(1, math.ceil(1 / (step * Fraction(fps))))
    longest = max(float(t[-1]) for t in times)
    longest = longest if seconds is None else min(longest, seconds)
    return Clock(interval, math.ceil(longest / float(interval) - 1e-6) + 1)


def mosaic(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures `[H, W, 3]` uint8 side by side, row after row; what is left of the last row stays black."""
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * height, number % columns * width
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _encode(program: str, pictures: Iterator[np.ndarray], fps: Fraction, path: str) -> None:
    """Feed ffmpeg one picture at a time; raises RenderError, or OSError for a full disk."""
    first = next(pictures)
    command = _command(program, first.shape[1], first.shape[0], fps, path)
    with tempfile.TemporaryFile() as complaints:
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints)
        assert encoder.stdin is not None
        try:
            with suppress(BrokenPipeError), encoder.stdin:  # where it ends early, its last line says why
                for picture in chain([first], pictures):
                    encoder.stdin.write(np.ascontiguousarray(picture).data)
            status = encoder.wait()
        finally:
            encoder.kill()
            encoder.wait()
        complaints.seek(0)
        said = complaints.read().decode("utf-8", "replace")
    if status == 0:
        return
    if "No space left on device" in said:
        raise OSError(errno.ENOSPC, "No space left on device")
    raise RenderError(f"ffmpeg could not encode the video: {last_line(said) or f'exit status {status}'}")


def _command(program: str, width: int, height: int, fps: Fraction, path: str) -> Sequence[str]:
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    h264 = "-an -c:v libx264 -preset veryfast -crf 21 -pix_fmt yuv420p -movflags +faststart -f mp4"
    return [
        program,
        "-y",
        "-nostdin",
        "-v",
        "error",
        *raw.split(),
        "-vf",
        f"{_PAUSE},{_EVEN}",
        *h264.split(),
        path,
    ]
