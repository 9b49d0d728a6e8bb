"""Trackio: SQLite files on this machine, or a Hugging Face Space or a server that its own variables name."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from rlkit.runtime.trackers.api import Job, Opened, Tracker


class Trackio(Tracker):
    """A run of Trackio, which knows it by its name. It has neither tags nor notes: they stand in its configuration."""

    def __init__(self, job: Job) -> None:
        import trackio
        from trackio.utils import TRACKIO_DIR

        self._folder = Path(TRACKIO_DIR)
        self._trackio: Any = trackio
        self._name = job.id or job.name
        self._run = trackio.init(
            project=job.project,
            name=self._name,
            group=job.group,
            config={**job.config, "tags": list(job.tags), "notes": job.notes},
            resume="allow" if job.id else "never",
            embed=False,
            auto_log_gpu=None if job.system else False,
            auto_log_cpu=None if job.system else False,
        )

    @property
    def opened(self) -> Opened:
        url = self._run.url
        # Without a server or a Space of the user's it is a file here: trackio show --project <project>
        return Opened(self._name, url or None, None if url else str(self._folder))

    def write(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=iteration)

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        self._run.log({name: self._trackio.Video(str(path), format=path.suffix[1:])}, step=iteration)

    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        artifact = self._trackio.Artifact(f"{self._name}-{name}", type="model", metadata=dict(facts))
        artifact.add_file(str(path))
        self._run.log_artifact(artifact)

    def close(self, state: str) -> None:
        self._run.finish()
