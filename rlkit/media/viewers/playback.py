"""Which recorded state is shown, and which comes next; what shows it is another file's matter."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Sequence

import numpy as np

from rlkit.media.recording import Recording, RecordingError, load
from rlkit.media.viewers.api import Frame

_HOLD = 0.7  # s that an episode's last state stays before the next begins


class Episodes:
    """Recordings by name, the oldest first: the files given, or those of a folder, which may grow."""

    def __init__(self, files: Sequence[Path] = (), folder: Path | None = None) -> None:
        self._files = {path.name: path for path in files}
        self._folder = folder

    @property
    def names(self) -> list[str]:
        """What there was to play at the last look."""
        return list(self._files)

    def look(self) -> bool:
        """Look into the folder again; whether what is there has changed."""
        if self._folder is None or not self._folder.is_dir():
            return False
        found = [path for path in self._folder.glob("*.npz") if not path.name.startswith(".")]
        found.sort(key=lambda path: (_written(path), path.name))
        before, self._files = self._files, {path.name: path for path in found}
        return list(before) != list(self._files)

    def load(self, name: str) -> Recording:
        """Read an episode that can be shown; raises RecordingError that says why one cannot."""
        recording, path = load(self._files[name]), self._files[name]
        if "mjcf" not in recording.arrays:
            raise RecordingError(
                recording.lost
                or f"{path} is of {recording.header['engine']}, which has no states to show; env.recordVideo=true"
                " films such environments"
            )
        if not recording.has_states:
            raise RecordingError(
                f"{path} holds actions alone, no states; `rlkit replay {shlex.quote(str(path))} --video OUT.mp4`"
                " simulates them"
            )
        return recording


class Playback:
    """Goes through the states of one episode after the other.

    Until the user chooses an episode the newest one is played, also when it is written later. `loop`:
    whether an episode begins again after its end. `problem`: why the episode that was to be shown is not.
    Raises RecordingError when no episode can be shown.
    """

    def __init__(self, episodes: Episodes) -> None:
        self.loop = True
        self.problem = ""
        self._episodes = episodes
        self._chosen = False
        self._wanted: str | None = None
        self._sought: int | None = None
        self._refused: dict[str, str] = {}
        for name in reversed(episodes.names):
            if self._open(name):
                return
        raise RecordingError(self.problem)

    @property
    def names(self) -> list[str]:
        """The episodes to choose from, the oldest first."""
        return self._episodes.names

    @property
    def states(self) -> int:
        """How many states the episode has."""
        return len(self.recording.arrays["steps"])

    def choose(self, name: str) -> None:
        """Play this episode next, and again until another is chosen; the next `advance` opens it."""
        self._wanted, self._chosen = name, True

    def seek(self, index: int) -> None:
        """Show this state next."""
        self._sought = index

    def look(self) -> bool:
        """Look for new episodes; whether there are others than before."""
        return self._episodes.look()

    def advance(self) -> None:
        """Go to the state to show next."""
        wanted, self._wanted = self._wanted, None
        sought, self._sought = self._sought, None
        if wanted is not None:
            self._open(wanted)
        elif sought is not None:
            self.index = min(max(sought, 0), self.states - 1)
        elif self.index + 1 < self.states:
            self.index += 1
        elif not self._open_newer() and self.loop:
            self.index = 0

    @property
    def period(self) -> float:
        """Seconds until the next state is due."""
        if self.index + 1 >= self.states:
            return _HOLD
        return float(np.diff(self.recording.arrays["time"][self.index : self.index + 2])[0])

    @property
    def step(self) -> int:
        """Control steps from the episode's beginning to the state shown."""
        return int(self.recording.arrays["steps"][self.index])

    def frame(self) -> Frame:
        """The state shown, and what the step that led to it brought."""
        header, arrays = self.recording.header, self.recording.arrays
        step = self.step
        rewards = arrays.get("rewards", np.zeros(self.recording.length))
        ghost = arrays.get("ghost")
        return Frame(
            env=header.get("env", 0),
            episode=header.get("episode", 0),
            step=step,
            time=float(arrays["time"][self.index]),
            qpos=arrays["qpos"][self.index],
            ghost=None if ghost is None else ghost[self.index],
            reward=float(rewards[step - 1]) if step else 0.0,
            total=float(rewards[:step].sum()),
            terms=self._values("terms", step),
            metrics=self._values("metrics", step),
            caption=self._caption(),
        )

    def _values(self, array: str, step: int) -> dict[str, float]:
        """Of the step that led to the state shown; 0 before the first."""
        curves = self.recording.curves(array)
        return {name: float(values[step - 1]) if step else 0.0 for name, values in curves.items()}

    def _caption(self) -> str:
        header = self.recording.header
        words = [str(header[name]) for name in ("task", "playing") if header.get(name)]
        if header.get("iteration") is not None:
            words.append(f"iteration {header['iteration']}")
        if self.index + 1 >= self.states and header.get("ended"):
            words.append(str(header["ended"]))
        return ", ".join(words)

    def _open(self, name: str) -> bool:
        try:
            self.recording, self.name, self.index = self._episodes.load(name), name, 0
        except RecordingError as error:
            self.problem = self._refused[name] = str(error)
            return False
        self.problem = ""
        return True

    def _open_newer(self) -> bool:
        """Open the newest episode written after this one, unless the user chose what to see."""
        if self._chosen or self.name not in self.names:
            return False
        newer = self.names[self.names.index(self.name) + 1 :]
        return any(self._open(name) for name in reversed(newer) if name not in self._refused)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # removed between the two looks
        return 0.0
