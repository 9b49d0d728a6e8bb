"""`rlkit try`: a task without a policy, the first thing to type with a new one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "try a task without a policy: reward terms, endings, observations, rates; in a viewer or on film"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the words and the options."""
    parser.description = (
        "Step a task without a policy, and tell what its reward terms give, how its episodes end, what it observes and"
        " how quick it is. Nothing is trained and no run is made. Words are those of train.py, checked the same way"
        " (16 envs unless numEnvs= says otherwise; viewer=web shows it), and agent=random (uniform, the default), zero,"
        " start (holds the pose that an episode begins in) or a keyframe of the scene, which is held."
    )
    parser.add_argument(
        "words", metavar="WORD", nargs="*", help="task=NAME, agent=NAME, any setting as name=value"
    )
    parser.add_argument("--episodes", type=_count, default=1, metavar="N", help="in each env (1)")
    parser.add_argument(
        "--seconds", type=_span, metavar="S", help="simulated seconds of each env, instead of whole episodes"
    )
    parser.add_argument("--video", type=Path, metavar="FILE.mp4", help="film the first episode of env 0")


def run(arguments: argparse.Namespace) -> int:
    """Try it; 1 where a number was not finite. Raises RlkitError for a refusal."""
    from rlkit.tryout.request import read_request

    request = read_request(
        arguments.words, episodes=arguments.episodes, seconds=arguments.seconds, video=arguments.video
    )
    from rich.console import Console

    from rlkit.runtime.process.logs import start_logging, stop_logging
    from rlkit.tryout.play import try_task  # torch and the simulator come with it

    console = Console(soft_wrap=not sys.stdout.isatty())
    start_logging(request.experiment.logging.log_level, console, None)
    try:
        return try_task(request, console)
    finally:
        stop_logging()


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of episodes; write 1 to 100000")
    return int(text)


def _span(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds; write one above 0, as 5")
    return seconds
