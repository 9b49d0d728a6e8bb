"""`rlkit motion record`: clips of what a policy has done, out of a run's recordings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from rlkit.commands.motion.convert import says
from rlkit.commands.motion.files import Writer, add_out, each, positive, tell
from rlkit.commands.options import add_root
from rlkit.commands.view import no_episodes
from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.untrusted import expanded
from rlkit.workspace import find_run

if TYPE_CHECKING:
    from rlkit.media.recording import Recording
    from rlkit.motion.clip import Clip

_OURS = "made by a policy that rlkit trained; no person was recorded"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the run and the options."""
    parser.description = (
        "Make clips of recorded episodes: a trained policy's motions obey the physics, and nobody else's licence. Each"
        " episode is a clip, or the part of it between --start and --end, or with --loop the cycle that closes best;"
        " it is called as the clip that the policy followed, else as the recording."
    )
    parser.add_argument(
        "what",
        metavar="RUN|FILE.npz",
        help="latest_test, a run's name or a part of it, or recordings",
        nargs="+",
    )
    add_out(parser)
    parser.add_argument("--robot", metavar="NAME|MODEL.xml", help="the one in the scene whose motion it is")
    parser.add_argument(
        "--start", type=_second, default=0.0, metavar="S", help="seconds into the episode (0)"
    )
    parser.add_argument("--end", type=positive, metavar="S", help="seconds into the episode (its end)")
    parser.add_argument(
        "--loop",
        choices=("auto",),
        metavar="auto",
        help="auto: the cycle between these that closes best, as a loop",
    )
    parser.add_argument("--source", metavar="TEXT", help="what the clip says of its origin (run and episode)")
    parser.add_argument(
        "--licence", metavar="TEXT", default=_OURS, help=f"what may be done with it ({_OURS})"
    )
    add_root(parser)


def _second(text: str) -> float:
    return positive(text) if text.strip("0.") else 0.0


def run(arguments: argparse.Namespace) -> int:
    """Write the clips; 1 where one of several recordings is refused."""
    if arguments.end is not None and arguments.end <= arguments.start:
        raise MotionError(f"--end {arguments.end:g} is no later than --start {arguments.start:g}")
    files = [file for what in arguments.what for file in _recordings(what, arguments.root)]
    writer = Writer(arguments.out, arguments.force)
    named: set[str] = set()

    def record(path: Path) -> None:
        from rlkit.media import recording

        episode = recording.load(path)
        name = str(episode.header.get("playing") or path.stem)
        name = path.stem if name in named else name  # what it played twice
        clip, notes = _clip(path, episode, name, arguments)
        named.add(name)
        tell(f"{shown(path)} → {shown(writer.write(clip))}: {says(clip)}", notes)

    return each(files, "recorded", record)


def _recordings(what: str, root: Path) -> Sequence[Path]:
    """The recordings of a run, or the one that is named."""
    path = expanded(what)
    if path.suffix == ".npz":
        if not path.is_file():
            raise MotionError(f"there is no recording {shown(path)}")
        return [path]
    folder = find_run(what, root)
    files = sorted((folder / "trajectories").glob("[!.]*.npz"))
    if not files:
        raise MotionError(no_episodes(folder, root, "rlkit motion record"))
    return files


def _clip(
    path: Path, recording: Recording, name: str, arguments: argparse.Namespace
) -> tuple[Clip, list[str]]:
    from rlkit.motion.quality import cut
    from rlkit.motion.recorded.clips import recorded

    if not recording.has_states:
        raise MotionError(
            f"{shown(path)} holds actions alone, no states; testing.saveTrajectories=true keeps both"
        )
    times, qpos = recording.arrays["time"], recording.arrays["qpos"]
    if len(times) < 2:
        raise MotionError(f"{shown(path)} has {len(times)} states; a clip has two or more")
    period = float(times[1] - times[0])
    even = max(1, round(period / recording.period)) * recording.period
    kept = [index for index, time in enumerate(times) if abs(time - times[0] - index * even) < 0.01 * even]
    source = arguments.source or f"{recording.header['task']}, {path.parent.parent.name}, {path.stem}"
    whole = recorded(
        recording.mjcf, qpos[kept], 1.0 / even,
        robot=arguments.robot, name=name, source=source, licence=arguments.licence,
    )  # fmt: skip
    last = whole.entry.frames - 1
    if arguments.start >= whole.entry.duration:
        raise MotionError(
            f"{shown(path)} lasts {whole.entry.duration:.2f} s; --start {arguments.start:g} is past it"
        )
    end = last if arguments.end is None else min(last, round(arguments.end * whole.entry.fps))
    first = round(arguments.start * whole.entry.fps)
    if end <= first:
        raise MotionError(
            f"{shown(path)}: one frame from {arguments.start:g} to {arguments.end:g} s; a clip has two"
        )
    part = cut(whole, first, end)
    return _looped(part, arguments.start) if arguments.loop else (part, [])


def _looped(clip: Clip, start: float) -> tuple[Clip, list[str]]:
    from rlkit.motion.recorded.seams import best_seam, looped

    seam = best_seam(clip)
    loop = looped(clip, seam)
    first, last = (start + frame / clip.entry.fps for frame in (seam.first, seam.last))
    return loop, [
        f"the cycle from {first:.2f} to {last:.2f} s; joints were {seam.gap:.3f} rad apart, which is spread"
    ]
