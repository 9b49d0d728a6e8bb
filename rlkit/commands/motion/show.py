"""`rlkit motion show`: what is in a motion's file, in words, in a viewer, on film."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rlkit.commands.motion.files import add_reading, found, read, require_free, tell, tell_table
from rlkit.commands.options import add_viewer
from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.nearest import did_you_mean

if TYPE_CHECKING:
    from rlkit.motion.clip import Clip
    from rlkit.motion.skeleton import SkeletonMotion


_LOOPS_LAST = 4.0  # s: a step of a second is over before it is seen


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the file and the options."""
    parser.add_argument(
        "file", metavar="FILE|NAME", help="a file of any format that is read, or a clip of rlkit's"
    )
    parser.add_argument("--clip", metavar="NAME", help="which one of a file of several")
    parser.add_argument("--view", action="store_true", help="play it, until Ctrl-C")
    add_viewer(parser)
    parser.add_argument("--video", type=Path, metavar="OUT.mp4", help="film it")
    parser.add_argument("--force", action="store_true", help="overwrite the video that is there")
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it; raises MotionError, or what says why it cannot be shown."""
    if arguments.video is not None:
        if arguments.video.suffix.lower() != ".mp4":
            raise MotionError(f"--video {arguments.video}: the video is a .mp4")
        require_free(arguments.video, arguments.force)
    if arguments.view:
        from rlkit.media.viewers import choose_viewer

        arguments.viewer = choose_viewer(arguments.viewer)
    from rlkit.motion.shown import described

    files = found([Path(arguments.file)])
    if len(files) > 1:
        some = ", ".join(shown(file) for file in files[:10]) + (", …" if len(files) > 10 else "")
        raise MotionError(f"{arguments.file} stands for {len(files)} files; show one of them: {some}")
    (path,) = files
    reading = read(path, arguments)
    motions = {getattr(motion, "name", path.stem): motion for motion in reading.motions}
    if arguments.clip is None and len(motions) > 1:
        tell(f"{shown(path)}: {len(motions)} motions ({reading.format}); --clip NAME shows one of them")
        for name, motion in motions.items():
            tell(f"  {name}: {dict(described.facts(motion))['duration']}")
        return 0
    name = arguments.clip or next(iter(motions))
    if name not in motions:
        known = f"; it has {', '.join(list(motions)[:20])}"
        raise MotionError(f"{shown(path)} has no clip {name}{did_you_mean(name, motions, known)}")
    tell(f"{shown(path)} ({reading.format})", reading.notes)
    _tell(motions[name], arguments.robot)
    if arguments.view or arguments.video is not None:
        _draw(motions[name], name, arguments)
    return 0


def _tell(motion: Clip | SkeletonMotion, robot: str | None) -> None:
    from rlkit.motion.shown import described

    for what, said in described.facts(motion):
        tell(f"  {what:9} {said}")
    for note in described.model_notes(motion, robot):
        tell(f"  note      {note}")
    tell_table(described.table(motion))


def _draw(motion: Clip | SkeletonMotion, name: str, arguments: argparse.Namespace) -> None:
    from rlkit.media import recording
    from rlkit.media.motions import recording_of
    from rlkit.motion.clip import Clip
    from rlkit.motion.shown.drawable import drawable, lasting

    motion = lasting(motion, _LOOPS_LAST)
    fps = motion.entry.fps if isinstance(motion, Clip) else motion.fps
    mjcf, qpos = drawable(motion, arguments.robot)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.npz"
        recording.save(path, recording_of(name, mjcf, qpos, 1.0 / fps))
        if arguments.video is not None:
            from rlkit.media.render import make

            tell(make([path], arguments.video, (640, 480), None))
        if arguments.view:
            from rlkit.commands.view import play
            from rlkit.media.viewers.playback import Episodes

            try:
                play(arguments.viewer, Episodes([path]), name, arguments)
            except KeyboardInterrupt:
                tell("ended")
