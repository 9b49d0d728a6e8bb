"""`python -m rlkit.media.render FILE.npz [FILE2.npz ...] --out OUT.mp4`: a video, made in a process of its own."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterable, Sequence

from rlkit.errors import FAILED, RlkitError, interrupted_by
from rlkit.media.gl import RenderError, choose_gl
from rlkit.packages import python


def main(argv: Sequence[str] | None = None) -> int:
    """Render what the words ask for; one line on success, one on stderr and status 1 otherwise."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _end)
    try:
        print(_render(arguments))
    except RlkitError as error:
        print(f"render: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return interrupted_by(signal.SIGINT)
    return 0


def _end(*_: Any) -> None:
    # By an exception, so that no temporary file and no ffmpeg stays behind
    sys.exit(interrupted_by(signal.SIGTERM))


def _render(arguments: argparse.Namespace) -> str:
    from rlkit.media import recording as recordings

    started = time.monotonic()
    episodes = [recordings.load(path, arguments.trust) for path in arguments.files]
    _set_gl(only_gymnasium=all(episode.header["engine"] == "gymnasium" for episode in episodes))

    from rlkit.media.video import write_video  # imports mujoco: the choice of OpenGL is made

    video = write_video(
        episodes,
        arguments.out,
        size=arguments.size,
        camera=arguments.camera,
        gif=arguments.gif,
        in_turn=arguments.in_turn,
        seconds=arguments.seconds,
        fps=arguments.fps,
    )
    elapsed = time.monotonic() - started
    return (
        f"{arguments.out}: {video.frames} frames, {video.seconds:.2f} s, rendered in {elapsed:.1f} s"
        f" ({video.seconds / elapsed:.1f} x real time)"
    )


def _set_gl(only_gymnasium: bool) -> None:
    """Choose MuJoCo's OpenGL; Gymnasium's environments may draw without any, and say so where they cannot."""
    try:
        os.environ["MUJOCO_GL"] = choose_gl()
    except RenderError:
        if not only_gymnasium:
            raise


def picture_size(text: str) -> tuple[int, int]:
    """Width and height (px) from `640x480`; raises ArgumentTypeError."""
    width, _, height = text.lower().partition("x")
    if not (
        width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 4096 and 16 <= int(height) <= 4096
    ):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write WIDTHxHEIGHT, each 16 to 4096: 640x480")
    return int(width), int(height)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rlkit.media.render", description="Make a video of recorded episodes."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.npz", help="several make a grid")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.mp4")
    parser.add_argument("--gif", type=Path, metavar="OUT.gif", help="also a small GIF")
    parser.add_argument(
        "--size", type=picture_size, default=(640, 480), metavar="WxH", help="default: 640x480"
    )
    parser.add_argument(
        "--trust", action="append", default=[], metavar="MODULE", help="may be imported, installed or not"
    )
    parser.add_argument("--camera", metavar="NAME", help="one of the model's; default: what moves, from near")
    parser.add_argument("--in-turn", action="store_true", help="several one after another, not as a grid")
    parser.add_argument("--seconds", type=float, metavar="S", help="end the video there")
    parser.add_argument(
        "--fps", type=float, default=60, metavar="N", help="at most so many pictures a second (60)"
    )
    return parser


def command(
    sources: Sequence[Path],
    out: Path,
    gif: Path | None,
    size: tuple[int, int],
    camera: str | None,
    trusted: Iterable[str] = (),
) -> list[str]:
    """The words that make this video in a process of its own, whatever folder it is started in."""
    words = [*python("from rlkit.media.render import main; sys.exit(main())")]
    words += [str(path.resolve()) for path in sources]
    words += ["--out", str(out.resolve()), "--size", f"{size[0]}x{size[1]}"]
    if gif is not None:
        words += ["--gif", str(gif.resolve())]
    if camera is not None:
        words += ["--camera", camera]
    return words + [f"--trust={name}" for name in sorted(trusted)]


def make(
    sources: Sequence[Path],
    out: Path,
    size: tuple[int, int],
    camera: str | None,
    trusted: Iterable[str] = (),
    options: Sequence[str] = (),
) -> str:
    """Make a video in a process of its own, wait for it, and return its line. Raises RenderError.

    options: further words of `python -m rlkit.media.render`.
    """
    words = [*command(sources, out, None, size, camera, trusted), *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RenderError(f"no video was made: {reason[-1]}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
