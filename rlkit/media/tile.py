"""A recording as pictures over time: what one tile of a video shows."""

from __future__ import annotations

from typing import Generator, Sequence

import numpy as np
from PIL import Image

from rlkit.media.caption import burn
from rlkit.media.recording import Recording, RecordingError
from rlkit.media.renderer import SceneRenderer

_FRAMED_POSES = 50  # of an episode, about: where the camera must stand is known from these
_TIE = 1e-6  # s: a state this little ahead is of now


class Tile:
    """The picture of one recording at any time, asked for in ascending order; `times` [K] s of its states.

    Raises RecordingError for a recording of which no state can be shown, RenderError for what cannot be drawn.
    """

    def __init__(self, recording: Recording, size: tuple[int, int], camera: str | None = None) -> None:
        self._source = (
            _Played(recording, size)
            if recording.header["engine"] == "gymnasium"
            else _Drawn(recording, size, camera)
        )
        self.times = self._source.times
        self._captions = captions(recording, self._source.steps)
        self._shown = -1
        self._picture = np.empty(0, np.uint8)

    def at(self, time: float) -> np.ndarray:
        """The picture [H, W, 3] uint8 of the newest state at `time` s; after the end it is the last one."""
        index = int(np.searchsorted(self.times, time + _TIE, side="right")) - 1
        if index != self._shown:
            self._picture = burn(self._source.picture(index), self._captions[index])
            self._shown = index
        return self._picture

    def close(self) -> None:
        """Free what draws."""
        self._source.close()


class Reel:
    """The pictures of several recordings one after another, as of one tile; one of them is open at a time."""

    def __init__(
        self, recordings: Sequence[Recording], size: tuple[int, int], camera: str | None = None
    ) -> None:
        self._recordings, self._size, self._camera = recordings, size, camera
        starts, parts = [0.0], []
        for recording in recordings:
            parts.append(starts[-1] + times_of(recording))
            starts.append(float(parts[-1][-1]) + recording.period)
        self.times = np.concatenate(parts)
        self._starts = np.array(starts[:-1])
        self._number, self._tile = 0, Tile(recordings[0], size, camera)

    def at(self, time: float) -> np.ndarray:
        """See `Tile.at`; `time` s since the first recording began."""
        number = int(np.searchsorted(self._starts, time + _TIE, side="right")) - 1
        if number != self._number:
            self._tile.close()
            self._number = number
            self._tile = Tile(self._recordings[number], self._size, self._camera)
        return self._tile.at(time - float(self._starts[number]))

    def close(self) -> None:
        """Free what draws."""
        self._tile.close()


def times_of(recording: Recording) -> np.ndarray:
    """When each state that can be shown was, `[K]` s since the first; raises RecordingError where there are none."""
    if recording.header["engine"] == "gymnasium":
        return recording.period * np.arange(recording.length + 1)
    if not recording.has_states:
        raise RecordingError(
            "the recording holds actions without states; simulate it again and render that: "
            "rlkit replay FILE.npz --video OUT.mp4"
        )
    return recording.arrays["time"] - recording.arrays["time"][0]


def captions(recording: Recording, steps: np.ndarray) -> tuple[str, ...]:
    """A line for each state (of `steps`, `[K]`): task, what it is called, iteration, time, the return so far; how it
    ended on the last."""
    header = recording.header
    title = "   ".join(str(header[name]) for name in ("task", "playing") if header.get(name))
    if header.get("iteration") is not None:
        title += f"   iteration {header['iteration']}"
    rewards = recording.arrays.get("rewards")
    returns = None if rewards is None else np.append(0.0, np.cumsum(rewards, dtype=np.float64))
    lines = []
    for step in steps:
        line = f"{title}   t {step * recording.period:.2f} s"
        if returns is not None:
            line += f"   return {returns[step]:.1f}"
        lines.append(line)
    if header.get("ended") and steps[-1] == recording.length:
        lines[-1] += f"   {header['ended']}"
    return tuple(lines)


class _Drawn:
    """Recorded poses of a MuJoCo model."""

    def __init__(self, recording: Recording, size: tuple[int, int], camera: str | None) -> None:
        self.times = times_of(recording)
        self.steps = recording.arrays["steps"]
        self._qpos, self._ghost = recording.arrays["qpos"], recording.arrays.get("ghost")
        some = self._qpos[:: max(1, len(self._qpos) // _FRAMED_POSES)]
        self._renderer = SceneRenderer(recording.mjcf, *size, camera=camera, poses=some)

    def picture(self, index: int) -> np.ndarray:
        ghost = None if self._ghost is None else self._ghost[index]
        return self._renderer.frame(self._qpos[index], ghost=ghost)

    def close(self) -> None:
        self._renderer.close()


class _Played:
    """A Gymnasium episode, played again from its seed and actions to be seen."""

    def __init__(self, recording: Recording, size: tuple[int, int]) -> None:
        self.steps = np.arange(recording.length + 1)
        self.times = times_of(recording)
        self._size, self._frames, self._next = size, _gym_frames(recording), 0

    def picture(self, index: int) -> np.ndarray:
        frame = np.empty(0, np.uint8)
        while self._next <= index:
            frame = next(self._frames)
            self._next += 1
        return letterboxed(frame, self._size)

    def close(self) -> None:
        self._frames.close()


def _gym_frames(recording: Recording) -> Generator[np.ndarray, None, None]:
    # Imported here: it loads torch and Gymnasium, which states of a simulator do not need.
    from rlkit.env.gym.rendering import frames

    yield from frames(recording)


def letterboxed(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture `[H, W, 3]` uint8 as large as fits into `size` (width, height in px), undistorted, on black."""
    width, height = size
    if frame.shape[:2] == (height, width):
        return frame
    scale = min(width / frame.shape[1], height / frame.shape[0])
    inner = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    sheet = Image.new("RGB", size)
    sheet.paste(Image.fromarray(frame).resize(inner), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return np.asarray(sheet)
