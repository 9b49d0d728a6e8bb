"""`rlkit demo NAME`: a policy that comes with rlkit, in a viewer or on film."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from rlkit import zoo
from rlkit.commands.options import add_root
from rlkit.media.viewers import choose_viewer

HELP = "watch a policy that comes with rlkit: in a window, a browser, or as a video"
_SECONDS = 10.0
_LONGEST = 600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the policy and the options."""
    parser.description = (
        "Watch a trained policy; `rlkit zoo` lists those that come with rlkit. It is shown in a window where there is a"
        " display, with --viewer web in a browser, else filmed to NAME.mp4 in the current folder. No run is made."
    )
    parser.add_argument(
        "name", metavar="NAME|RUN", nargs="?", help="a name of `rlkit zoo`, or what checkpoint= takes"
    )
    parser.add_argument(
        "--viewer",
        choices=("native", "web", "none"),
        help="a window, a page, or none: a video (a window where there is a display, else none)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.mp4", help="make a video, this one (NAME.mp4)")
    parser.add_argument(
        "--seconds", type=_span, default=_SECONDS, metavar="S", help=f"of the video ({_SECONDS:g})"
    )
    parser.add_argument("--port", type=int, default=8080, help="of the page; 0 takes a free one (8080)")
    parser.add_argument("--host", default="127.0.0.1", help="of the page; 0.0.0.0 lets others in (127.0.0.1)")
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show it. Raises RlkitError for a refusal."""
    if arguments.name is None:
        raise zoo.ZooError(
            f"which policy? There are {', '.join(zoo.shipped())}: rlkit demo {zoo.shipped()[0]}"
        )
    if arguments.out is not None and arguments.viewer in ("native", "web"):
        raise zoo.ZooError(f"--out {arguments.out}: is for a video; leave --viewer {arguments.viewer} out")
    asked = "none" if arguments.out is not None else arguments.viewer or choose_viewer("auto")
    words = [] if asked == "none" else [f"viewer={asked}"]
    if asked == "web":
        words += [f"env.viewerHost={arguments.host}", f"env.viewerPort={arguments.port}"]
    from rlkit.tryout.demo_request import read_request

    request = read_request(
        arguments.name,
        arguments.root,
        words,
        film=asked == "none",
        out=arguments.out,
        seconds=arguments.seconds,
    )
    from rich.console import Console

    from rlkit.runtime.process.logs import start_logging, stop_logging

    start_logging("info", Console(soft_wrap=not sys.stdout.isatty()), None)
    try:
        from rlkit.tryout.demo import show  # torch and the simulator come with it

        return show(request)
    finally:
        stop_logging()


def _span(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no length of a video; write 1 to {_LONGEST:g} seconds, as 10"
        )
    return seconds
