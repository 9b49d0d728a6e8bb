"""Weights & Biases: online, or into `<run>/wandb/offline-run-*`, which `wandb sync` sends later."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Mapping

from rlkit.runtime.trackers.api import Job, Opened, Tracker


class WandB(Tracker):
    """A run of W&B. Ours are its name and its id, so that the files of several sessions are one run."""

    def __init__(self, job: Job) -> None:
        import wandb

        self._wandb: Any = wandb
        self._shown: set[str] = set()  # videos in the latest row
        # Facts of the machine and the code are in the configuration, masked: a remote's address may hold a password,
        # and the program would be this process.
        settings = wandb.Settings(
            console="off",
            disable_git=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=not job.system,
            x_stats_pid=job.process,
        )
        self._run = wandb.init(
            project=job.project,
            entity=job.entity,
            id=job.id or secrets.token_hex(8),
            name=job.name,
            group=job.group,
            tags=list(job.tags) or None,
            notes=job.notes,
            dir=job.folder,
            mode="offline" if job.mode == "offline" else "online",
            resume="allow" if job.id else None,
            allow_val_change=job.id is not None,
            config=dict(job.config),
            settings=settings,
        )

    @property
    def opened(self) -> Opened:
        return Opened(str(self._run.id), self._run.url, str(Path(self._run.dir).parent))

    def write(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=iteration)
        self._shown.clear()

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        video = self._wandb.Video(str(path), format=path.suffix[1:])
        # In the row of the latest iteration: W&B's steps never go back, and a row of its own would take the next one's.
        key = name if name not in self._shown else f"{name}_{iteration}"
        self._shown.add(name)
        self._run.log({key: video, f"{key}_iteration": iteration}, commit=False)

    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        artifact = self._wandb.Artifact(f"{self._run.id}-{name}", type="model", metadata=dict(facts))
        artifact.add_file(str(path))
        self._run.log_artifact(artifact)

    def close(self, state: str) -> None:
        self._run.summary["state"] = state
        self._run.finish(exit_code=0 if state == "done" else 1)
