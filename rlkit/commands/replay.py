"""`rlkit replay`: recorded episodes through the engine again, as videos, or as other files."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Sequence

from rlkit.commands.options import add_trust
from rlkit.commands.view import no_episodes
from rlkit.config.words.imports import trusted_here
from rlkit.runtime.process.engines import load_engines
from rlkit.untrusted import open_regular, printable
from rlkit.workspace import WorkspaceError, find_run, write_atomic

if TYPE_CHECKING:
    from rlkit.crosscheck.replay import Replay
    from rlkit.media.recording import Recording

HELP = "replay recorded episodes and compare them state by state; videos and HDF5 of them"
_ENDINGS = (".npz", ".pkl", ".gz", ".json", ".yaml")  # of files of episodes
_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # of the compared states, that the table shows


class Episode(NamedTuple):
    """An episode and the file it is from; `as_filed`: the file holds nothing else and is what is rendered."""

    path: Path
    recording: Recording
    as_filed: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options."""
    parser.description = (
        "Step the recorded commands through the engine from the recorded start, and tell how far the states come out"
        " from the recorded ones: exit status 0 where they are equal, 1 where they are not, 2 for a file that cannot be"
        " replayed. Reads RoboVerse's trajectories (version 2: .pkl, .pkl.gz, .json, .yaml) too, and shows what is in"
        " them."
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="recordings (.npz), RoboVerse trajectories, or a run: all that it has recorded",
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=0.0,
        metavar="X",
        help="largest deviation that is no failure (0)",
    )
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the deviation of every state")
    parser.add_argument(
        "--force", action="store_true", help="use the model in the file where the task's differs"
    )
    parser.add_argument("--states", action="store_true", help="show what is in the files, without physics")
    parser.add_argument(
        "--video",
        type=Path,
        metavar="OUT.mp4",
        help="render the recorded states; without states the replayed ones",
    )
    parser.add_argument(
        "--to-hdf5", type=Path, metavar="OUT.h5", help="write all episodes as robomimic reads them"
    )
    parser.add_argument(
        "--to-npz", type=Path, metavar="FOLDER", help="write RoboVerse's episodes as recordings"
    )
    add_trust(parser)
    parser.add_argument(
        "--mjcf", type=Path, metavar="MODEL.xml", help="the model of RoboVerse's joints, to see them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Replay; 1 where an episode deviates by more than the tolerance. Raises WorkspaceError for a refusal."""
    files = [path for given in arguments.files for path in _files(given)]
    episodes = [episode for path in files for episode in _load(path, arguments)]
    _check_combination(arguments, episodes)
    stepped = [episode.recording for episode in episodes if _needs_engine(episode.recording, arguments)]
    for recording in stepped:
        load_engines(
            _simulators([recording]), recording.trusted | trusted_here(recording.header.get("config", {}))
        )
    status, shown = 0, []
    for episode in episodes:
        print(printable(_summary(episode)))
        if _needs_engine(episode.recording, arguments):
            replay = _replayed(episode, arguments)
            status = max(status, _tell(replay, episode.recording, arguments.tolerance))
            episode = episode._replace(recording=replay.recording, as_filed=False)
        shown.append(episode)
    if arguments.to_npz is not None:
        _write_npz(arguments.to_npz, episodes)
    if arguments.to_hdf5 is not None:
        from rlkit.media.formats import hdf5

        steps = hdf5.write(arguments.to_hdf5, [episode.recording for episode in episodes])
        print(f"{arguments.to_hdf5}: {len(episodes)} episodes, {steps} steps")
    if arguments.video is not None:
        _render(shown, arguments.video)
    return status


def _files(given: Path) -> Sequence[Path]:
    """The file, or the recordings of the run that is named."""
    if given.suffix in _ENDINGS or given.is_file():
        return [given]
    folder = find_run(str(given), Path())
    files = sorted((folder / "trajectories").glob("[!.]*.npz"))
    if not files:
        raise WorkspaceError(no_episodes(folder, Path(), "rlkit replay"))
    return files


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0.0:
        raise argparse.ArgumentTypeError(f"'{text}' is no tolerance; give a number of 0 or more")
    return value


def _load(path: Path, arguments: argparse.Namespace) -> list[Episode]:
    """The episodes of a file, whatever its name says; raises RecordingError."""
    from rlkit.media import recording
    from rlkit.media.formats import roboverse

    if _is_archive(path):
        return [Episode(path, recording.load(path, arguments.trust), as_filed=True)]
    episodes = roboverse.read(path)
    if arguments.mjcf is not None:
        mjcf = roboverse.model_text(arguments.mjcf)
        placed = [roboverse.with_model(episode, mjcf) for episode in episodes]
        for note in dict.fromkeys(note for _, notes in placed for note in notes):
            print(printable(f"{path}: {note}"))
        episodes = [episode for episode, _ in placed]
    return [Episode(path, episode, as_filed=False) for episode in episodes]


def _is_archive(path: Path) -> bool:
    """Whether it is, or is named as, a .npz."""
    try:
        with open_regular(path) as file:
            return file.read(2) == b"PK" or path.suffix == ".npz"
    except OSError:
        return path.suffix == ".npz"


def _check_combination(arguments: argparse.Namespace, episodes: Sequence[Episode]) -> None:
    """Refuse what cannot be meant, before anything is replayed."""
    theirs = [episode.recording.header["engine"] == "roboverse" for episode in episodes]
    if (arguments.to_npz is not None or arguments.mjcf is not None) and not all(theirs):
        own = episodes[theirs.index(False)].path
        raise WorkspaceError(
            f"--to-npz and --mjcf are for RoboVerse's trajectories; {own} is a recording already"
        )
    if arguments.csv is not None and (
        len(episodes) != 1 or not _needs_engine(episodes[0].recording, arguments)
    ):
        raise WorkspaceError(
            "--csv writes how one replay deviates: give one recording, without --states or --video"
        )
    if arguments.video is not None and any(theirs) and arguments.mjcf is None:
        raise WorkspaceError(
            "RoboVerse's trajectories hold no model to draw; give the robot's with --mjcf MODEL.xml"
        )


def _needs_engine(recording: Recording, arguments: argparse.Namespace) -> bool:
    """Whether the commands are to be stepped, which loads torch and the engine."""
    engine = recording.header["engine"]
    if arguments.states or engine == "roboverse":
        return False
    if arguments.video is not None:  # Gymnasium's environments are played again to be drawn
        return not recording.has_states and engine != "gymnasium"
    return arguments.to_hdf5 is None


def _simulators(recordings: Sequence[Recording]) -> list[str]:
    """The names of those that are needed to step the recordings."""
    headers = [recording.header for recording in recordings if recording.header["engine"] == "simulator"]
    return [header.get("config", {}).get("sim", {}).get("name", "") for header in headers]


def _summary(episode: Episode) -> str:
    recording = episode.recording
    header, arrays = recording.header, recording.arrays
    parts = [f"{episode.path}: {header['task']}"]
    if header.get("robot"):
        parts.append(f"robot {header['robot']}")
    else:
        parts.append(f"env {header.get('env')}")
    parts.append(f"episode {header.get('episode')}")
    if header.get("iteration") is not None:
        parts.append(f"iteration {header['iteration']}")
    parts.append(f"{recording.length} steps ({recording.length * recording.period:.2f} s)")
    if header.get("return") is not None:
        parts.append(f"return {header['return']:.2f}")
    if header.get("ended"):
        parts.append(str(header["ended"]))
    states = f"{len(arrays['steps'])} states" if len(arrays.get("steps", ())) > 1 else "actions only"
    parts.append(states)
    if header["engine"] == "roboverse":
        parts.append(f"joints {', '.join(header['names']['ctrl'])}")
        parts.append("no velocities, rewards or step length in the file (30 steps a second assumed)")
    return ", ".join(parts)


def _replayed(episode: Episode, arguments: argparse.Namespace) -> Replay:
    from rlkit.crosscheck.replay import replay  # torch and the engine come with it

    result = replay(episode.recording, force=arguments.force)
    if arguments.csv is not None:
        names = list(result.deviation)
        lines = [",".join(["step", "time", *names])]
        rows = zip(result.steps, result.time, *result.deviation.values())
        lines += [",".join([str(int(step)), *(repr(float(value)) for value in rest)]) for step, *rest in rows]
        write_atomic(arguments.csv, "\n".join(lines) + "\n")
    return result


def _tell(replay: Replay, recording: Recording, tolerance: float) -> int:
    """Print the deviation over time and what it means; the exit status."""
    from rlkit.crosscheck.replay import differing_versions
    from rlkit.workspace import provenance

    if not replay.deviation:
        print("  replayed; the recording holds no states to compare with (--video shows those that came out)")
        return 0
    print(_table(replay))
    first = replay.first_beyond(tolerance)
    if first is None:
        held = (
            "exact: each is the recorded one, bit for bit" if not replay.largest else f"within {tolerance:g}"
        )
        print(f"  {len(replay.steps)} states compared, {held}")
        return 0
    print(
        f"  deviates from the recording, first at step {replay.steps[first]} ({replay.time[first]:.2f} s),"
        f" at most by {replay.largest:g}; allowed is {tolerance:g}"
    )
    differing = differing_versions(recording.header, provenance())
    print(
        printable(
            "  differing from the recording: " + ("; ".join(differing) or "no version, and not the platform")
        )
    )
    return 1


def _table(replay: Replay) -> str:
    names = list(replay.deviation)
    rows = sorted({round(share * (len(replay.steps) - 1)) for share in _SHARES})
    lines = [["time", *(f"|Δ{name}|" for name in names)]]
    for row in rows:
        lines.append([f"{replay.time[row]:.2f} s", *(f"{replay.deviation[name][row]:.3g}" for name in names)])
    lines.append(["largest", *(f"{replay.deviation[name].max():.3g}" for name in names)])
    return "\n".join("  " + "".join(f"{cell:>12}" for cell in line) for line in lines)


def _write_npz(folder: Path, episodes: Sequence[Episode]) -> None:
    from rlkit.media import recording

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"--to-npz {folder}: {error.strerror}") from error
    for episode in episodes:
        header, stem = episode.recording.header, episode.path.name.split(".")[0]
        robot = re.sub(r"[^\w-]", "_", header["robot"])  # whatever a file calls its robot stays in the folder
        path = folder / f"{stem}_{robot}_ep{header['episode']}.npz"
        recording.save(path, episode.recording)
        print(printable(f"wrote {path}"))


def _render(episodes: Sequence[Episode], out: Path) -> None:
    """Make the video in a process of its own, that may choose its OpenGL before anything is imported."""
    from rlkit.media import recording
    from rlkit.media.render import make

    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for index, episode in enumerate(episodes):
            path = episode.path if episode.as_filed else Path(folder) / f"{index}.npz"
            if not episode.as_filed:
                recording.save(path, episode.recording)
            sources.append(path)
        trusted = frozenset().union(*(episode.recording.trusted for episode in episodes))
        print(printable(make(sources, out, (640, 480), None, trusted)))
