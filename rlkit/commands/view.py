"""`rlkit view`: recorded episodes, played in a browser or a window."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rlkit.commands.options import add_root, add_viewer
from rlkit.packages import test_command
from rlkit.untrusted import expanded, printable
from rlkit.workspace import WorkspaceError, called, find_run, quoted, read_entry, run_details

if TYPE_CHECKING:
    from rlkit.media.viewers.playback import Episodes

HELP = "watch recorded episodes of a run, also while it trains"
_LOOK_EVERY = 2.0  # s


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Play the recorded episodes of a run, or one file, in a browser. New episodes of a run that is under way"
        " appear as they are written. Ctrl-C ends."
    )
    parser.add_argument(
        "what", metavar="RUN|FILE.npz", help="latest, a run's name or a part of it, or a recording"
    )
    add_viewer(parser)
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Play until Ctrl-C, or until the window is closed."""
    from rlkit.media.viewers import choose_viewer

    kind = choose_viewer(arguments.viewer)
    try:
        episodes, title = _episodes(arguments.what, arguments.root)
        play(kind, episodes, title, arguments)
    except KeyboardInterrupt:
        print("ended", flush=True)
    return 0


def no_episodes(folder: Path, root: Path, command: str) -> str:
    """What to say of a run without recorded episodes: the newest of its tests that has some, or how to record them."""
    tests = [find_run(name, root) for name in run_details(folder, root).tests]
    recorded = [test for test in tests if any((test / "trajectories").glob("[!.]*.npz"))]
    if recorded:
        return (
            f"{folder.name} has no recorded episodes; its test has: {command} {quoted(called(recorded[-1]))}"
        )
    return (
        f"{folder.name} has no recorded episodes. A training records them with env.recordVideo=true; for a trained"
        f" policy: {test_command()} checkpoint={quoted(called(folder))} testing.saveTrajectories=true"
    )


def play(kind: str, episodes: Episodes, title: str, arguments: argparse.Namespace) -> None:
    """Show episodes until the window is closed; a page until Ctrl-C, which is the caller's to catch."""
    from rlkit.media.viewers.playback import Playback

    playback = Playback(episodes)
    count = len(playback.names)
    print(printable(title) + f": {count} recorded episode{'s' if count != 1 else ''}", flush=True)
    if kind == "native":
        from rlkit.media.viewers.native.player import play_native

        play_native(playback, title)
        return
    from rlkit.media.viewers.web.player import WebPlayer

    player = WebPlayer(playback, title=title, host=arguments.host, port=arguments.port)
    print(f"watch at {player.address} (Ctrl-C ends)", flush=True)
    try:
        player.run()
    finally:
        player.close()


def _episodes(what: str, root: Path) -> tuple[Episodes, str]:
    """What to play and what to call it; waits for the first episode of a run that is under way."""
    from rlkit.media.viewers.playback import Episodes

    path = expanded(what)
    if path.suffix == ".npz":
        return Episodes([path]), path.name
    folder = find_run(what, root)
    episodes = Episodes(folder=folder / "trajectories")
    told = False
    while not episodes.look():
        if read_entry(folder).state != "running":
            if episodes.look():
                break
            raise WorkspaceError(no_episodes(folder, root, "rlkit view"))
        if not told:
            print(printable(folder.name) + " has no recorded episode yet; waiting (Ctrl-C ends)", flush=True)
            told = True
        time.sleep(_LOOK_EVERY)
    return episodes, folder.name
