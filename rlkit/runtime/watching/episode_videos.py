"""What becomes of recorded episodes: files in the run's trajectories/, and videos made of them in the background."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Collection

from rlkit.config import EnvSettings
from rlkit.media import recording as recordings
from rlkit.media.recording import Recording
from rlkit.runtime.process.stopping import StopRequest
from rlkit.workspace import Run, WorkspaceError
from rlkit.workspace.store.errors import explained

if TYPE_CHECKING:
    from rlkit.media.render_queue import Finished, RenderQueue

log = logging.getLogger("rlkit")


class EpisodeVideos:
    """Saves recordings and has them rendered by another process while the simulation goes on.

    A recording that cannot be saved, and a video that cannot be made, is said once and costs nothing else.
    """

    def __init__(
        self, run: Run, settings: EnvSettings, *, most_waiting: int, trusted: Collection[str] = ()
    ) -> None:
        """most_waiting: videos that may wait to be rendered; beyond that the oldest is given up.

        trusted: of the Experiment whose episodes are filmed.
        """
        self._run, self._settings = run, settings
        self._queue = _queue(most_waiting) if settings.record_video else None
        self._trusted = trusted
        self._waiting = 0
        self._lossy = False

    def save(self, name: str, recording: Recording) -> Path | None:
        """Write `trajectories/<name>.npz`; None where that was not possible.

        Raises WorkspaceError where the run's folder is gone.
        """
        path = self._run.trajectories / f"{name}.npz"
        try:
            _make(path.parent)
            recordings.save(path, recording)
        except WorkspaceError as error:
            self._tell("episodes are played on without being recorded", error)
            return None
        return path

    def _tell(self, loss: str, error: WorkspaceError) -> None:
        """Warn once; the error is raised where the run's folder is gone: nothing of it can be kept any more."""
        if not self._run.path.exists():
            raise error
        if not self._lossy:
            log.warning("%s: %s", loss, error)
        self._lossy = True

    def render(self, sources: list[Path], name: str, *, gif: bool = False) -> None:
        """Have `videos/<name>.mp4` made of saved recordings, several side by side."""
        if self._queue is None or not sources:
            return
        folder = self._run.videos
        try:
            _make(folder)
        except WorkspaceError as error:
            self._tell("episodes are played on without being filmed", error)
            return
        settings = self._settings
        self._queue.submit(
            sources,
            folder / f"{name}.mp4",
            gif=folder / f"{name}.gif" if gif else None,
            size=(settings.video_width, settings.video_height),
            camera=settings.camera,
            trusted=self._trusted,
        )
        self._waiting += 1

    def finished(self) -> list[Finished]:
        """Videos that were done since the last call; says which failed."""
        return [] if self._queue is None else self._told(self._queue.poll())

    def finish(self, stop: StopRequest) -> list[Finished]:
        """Wait for the videos that are still to be made, telling how far it got; whoever asks to stop need not wait."""
        if self._queue is None:
            return []
        if self._waiting and not stop.asked:
            log.info("rendering what is left of %d videos ...", self._waiting)
        finished = self._told(self._queue.wait(log.info, lambda: stop.asked))
        if self._waiting:
            log.warning(
                "videos that were not made: %d; the states are kept: rlkit replay makes them", self._waiting
            )
        return finished

    def _told(self, finished: list[Finished]) -> list[Finished]:
        for video in finished:
            self._waiting -= 1
            if video.ok:
                log.info("video %s", video.out)
            else:
                log.warning(
                    "no video %s: %s; the states are kept: rlkit replay makes it", video.out, video.message
                )
        return finished

    def close(self) -> None:
        """End what is being rendered."""
        if self._queue is not None:
            self._queue.close()


def _make(folder: Path) -> None:
    with explained(f"make the folder {folder}"):
        folder.mkdir(exist_ok=True)


def _queue(most_waiting: int) -> RenderQueue:
    from rlkit.media.render_queue import RenderQueue  # only where something is filmed

    return RenderQueue(max_waiting=most_waiting)


class EpisodeFiles:
    """Takes the recorded episodes of a test: names them, saves them, and films them one by one or as a grid.

    episodes: of each env, those that are taken. side_by_side: how many there will be of an episode, by its number, for
    a grid; None films each by itself.
    """

    def __init__(
        self, videos: EpisodeVideos, episodes: int, side_by_side: Callable[[int], int] | None = None
    ) -> None:
        self._videos, self._episodes, self._side_by_side = videos, episodes, side_by_side
        self._rows: dict[int, list[Path]] = {}  # of a grid: the recordings by episode
        self.prefix = ""
        self.files: dict[tuple[int, int], str] = {}  # (env, episode) -> name, of the running count

    def take(self, recording: Recording) -> None:
        """Save one episode, and have it filmed; later episodes of an env than the first `episodes` are left."""
        env, episode = recording.header["env"], recording.header["episode"]
        if episode >= self._episodes:
            return
        name = f"{self.prefix}env{env:02d}_ep{episode:02d}"
        path = self._videos.save(name, recording)
        if path is None:
            return
        self.files[env, episode] = name
        if self._side_by_side is None:
            self._videos.render([path], f"{name}_return{recording.header['return']:.1f}")
            return
        row = self._rows.setdefault(episode, [])
        row.append(path)
        if len(row) == self._side_by_side(episode):
            self._videos.render(sorted(row), f"{self.prefix}grid_ep{episode:02d}")

    def switch_policy(self, iteration: int) -> None:
        """Names carry the iteration from now on."""
        self.prefix = f"iteration_{iteration:06d}_"
        self._rows.clear()
        self.files.clear()
