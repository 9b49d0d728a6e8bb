"""The files that `rlkit motion` reads and writes: found, refused, one after the other."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, Sequence, TypeVar

from rlkit.errors import BAD_REQUEST, FAILED, shown
from rlkit.motion.collection import LISTS, SHIPPED, resolve, shipped
from rlkit.motion.errors import MotionError
from rlkit.nearest import did_you_mean
from rlkit.untrusted import expanded, printable

if TYPE_CHECKING:
    from rlkit.motion.clip import Clip
    from rlkit.motion.readers import Reading

T = TypeVar("T")
_NO_CLIPS = {
    ".csv",
    ".npy",
    ".pt",
    ".motion",
    ".txt",
    ".json",
    ".yaml",
    ".yml",
    ".amc",
    ".bvh",
    ".pkl",
    ".mp4",
}


def add_files(parser: argparse.ArgumentParser) -> None:
    """`FILE...`, where a folder stands for all that is in it."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE|NAME",
        help="files of motions, of which a folder holds several; or rlkit's own clips, as h1/walk",
    )


def add_out(parser: argparse.ArgumentParser, default: str = "") -> None:
    """`--out` and `--force`."""
    parser.add_argument(
        "--out",
        type=Path,
        required=not default,
        default=Path(default) if default else None,
        metavar="FILE.npz|FOLDER",
        help="where the clip is written, or the clips under their names"
        + (f" ({default})" if default else ""),
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")


def add_reading(parser: argparse.ArgumentParser, *, robot: str = "whose joints these are") -> None:
    """What the user may say of files that do not say it themselves. robot: what --robot is for."""
    group = parser.add_argument_group("what a file does not say itself")
    group.add_argument("--format", metavar="NAME", help="instead of looking: csv, bvh, … (docs/motion.md)")
    group.add_argument("--robot", metavar="NAME|MODEL.xml", help=robot)
    group.add_argument("--fps", type=positive, metavar="N", help="frames a second")
    group.add_argument("--quat", choices=("wxyz", "xyzw"), help="the order of quaternions in a CSV")
    group.add_argument("--scale", type=positive, metavar="M", help="metres of one unit of length")
    group.add_argument("--up", choices=("y", "z"), help="the axis of a BVH that points up")
    group.add_argument(
        "--joint-order", choices=("model", "breadth"), help="joints in the model's order, or level by level"
    )
    group.add_argument(
        "--skeleton", type=Path, metavar="FILE", help="the .asf of an .amc; SMPL's model of AMASS"
    )


def add_origin(parser: argparse.ArgumentParser) -> None:
    """What the clip will say of itself."""
    parser.add_argument(
        "--loop",
        action="store_true",
        default=None,
        help="the last frame is the first one moved on, to go on from",
    )
    parser.add_argument("--source", metavar="TEXT", help="where the motion is from (the file's name)")
    parser.add_argument("--licence", metavar="TEXT", help="what may be done with it; files do not tell")


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return value


def read(path: Path, arguments: argparse.Namespace) -> Reading:
    """All that is in a file, which is as the user says, or that a list names; raises MotionError."""
    from rlkit.motion.readers import Asked, Reading, read_all

    if path.suffix in LISTS:
        from rlkit.motion.pack import load_clips

        return Reading([*load_clips(resolve(str(path)))], "list", [])
    names = ("robot", "fps", "quat", "loop", "scale", "up", "joint_order", "skeleton", "source", "licence")
    return read_all(path, Asked(**{name: getattr(arguments, name, None) for name in names}), arguments.format)


def found(paths: Sequence[Path]) -> list[Path]:
    """The files, those of folders in the order of their names; raises MotionError for one that is not there.

    Where no file has its name, a path may name a clip of rlkit's, or all of a robot's.
    """
    files: list[Path] = []
    names = shipped()
    for path in paths:
        path = expanded(path)
        ours = [name for name in names if path.as_posix() in (name, name.partition("/")[0])]
        if ours and not path.exists():
            files += [SHIPPED / f"{name}.npz" for name in ours]
        elif path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            inside = [p for p in inside if p.suffix != ".asf"]  # of the .amc beside it
            if not inside:
                raise MotionError(f"there is no file in {shown(path)}")
            files += inside
        elif path.exists():
            files.append(path)
        else:
            beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            here = "here" if path.parent == Path() else f"in {shown(path.parent)}"
            where = f" {here}" if path.parent.is_dir() else f": there is no folder {shown(path.parent)}"
            near = did_you_mean(path.name, beside) or did_you_mean(path.as_posix(), names)
            raise MotionError(f"there is no file {path.name}{where}{near}")
    return files


def require_place(out: Path) -> None:
    """Raise MotionError where `--out` has the suffix of a file that is no clip, and is no folder."""
    if out.suffix.lower() in _NO_CLIPS and not out.is_dir():
        raise MotionError(f"--out {shown(out)}: a clip is a .npz; name one, or a folder")


def is_one_file(out: Path) -> bool:
    """Whether `--out` names a file, not a folder."""
    return out.suffix == ".npz" and not out.is_dir()


def require_free(path: Path, force: bool) -> None:
    """Raise MotionError where the file is there already and may not be overwritten, or a folder has its name."""
    if path.is_dir():
        raise MotionError(f"{shown(path)} is a folder; name a file")
    if path.exists() and not force:
        raise MotionError(f"{shown(path)} is there already; --force overwrites it")


class Writer:
    """Writes clips to `--out`, each whole or not at all, none over another and none over what is there."""

    def __init__(self, out: Path, force: bool) -> None:
        self._out, self._force = expanded(out), force
        require_place(self._out)
        self._written: set[Path] = set()

    def place(self, name: str) -> Path:
        """Where the clip of this name goes; raises MotionError where that is taken."""
        stem = re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "clip"
        path = self._out if is_one_file(self._out) else self._out / f"{stem}.npz"
        if path in self._written:
            what = (
                "one file for several clips" if is_one_file(self._out) else f"a second clip is called {name}"
            )
            raise MotionError(f"{shown(path)} was just written: {what}; give a folder, or convert them apart")
        require_free(path, self._force)
        return path

    def write(self, clip: Clip) -> Path:
        """Write it and say where; raises MotionError and WorkspaceError."""
        from rlkit.motion.clip import write_clip

        path = self.place(clip.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MotionError(f"--out {shown(path.parent)}: {error.strerror}") from error
        write_clip(path, clip)
        self._written.add(path)
        return path


def each(items: Sequence[T], what: str, action: Callable[[T], int | None], *, bar: bool = True) -> int:
    """Do it with every item; one that is refused is told, and the others go on. The exit status.

    action: may return an exit status of its own, as of several motions in a file. bar: a terminal shows one below the
    lines. One item alone raises MotionError.
    """
    if len(items) == 1:
        return action(items[0]) or 0
    refused, worst = 0, 0
    for item in _with_bar(items, what) if bar and sys.stdout.isatty() else items:
        try:
            worst = max(worst, action(item) or 0)
        except MotionError as error:
            refused += 1
            print(
                printable(f"refused: {str(error).splitlines()[0].rstrip(':')}"), file=sys.stderr, flush=True
            )
    done = len(items) - refused
    print(f"{done} of {len(items)} {what}" + (f", {refused} refused" if refused else ""), flush=True)
    return (FAILED if done else BAD_REQUEST) if refused else worst


def _with_bar(items: Sequence[T], what: str) -> Iterator[T]:
    from rich.progress import track

    yield from track(items, description=what, transient=True)


def counted(number: int, what: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def tell(line: str, notes: Sequence[str] = ()) -> None:
    """Print a line, and what was taken for granted below it."""
    print(printable("\n  ".join([line, *notes])), flush=True)


def tell_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows below each other, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        tell("  " + "  ".join(cells))


def robots_only(path: Path, reading: Reading, out: Path, robot: str | None) -> list[Clip]:
    """The clips of a file; raises MotionError where it holds a person's motion. robot: what the user asked for."""
    from rlkit.motion.clip import Clip
    from rlkit.motion.robots import ROBOTS

    clips = [motion for motion in reading.motions if isinstance(motion, Clip)]
    if len(clips) < len(reading.motions):
        to = robot if robot in ROBOTS else "h1"
        raise MotionError(
            f"{shown(path)} holds a person's motion ({reading.format}), and a clip is of a robot; try: rlkit motion"
            f" retarget {shlex.quote(str(path))} --robot {to} --out {shlex.quote(str(out))}"
        )
    return clips
