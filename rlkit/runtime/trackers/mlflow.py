"""MLflow: a server, or a folder of files, which needs no more than mlflow-skinny."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Mapping

from rlkit.runtime.trackers.api import Job, Opened, Tracker, flat

_LONGEST = 500  # characters of a parameter that every server takes
_AT_ONCE = 100  # parameters in one request that every server takes


class MLflow(Tracker):
    """A run of MLflow, in the experiment that is called as the project."""

    def __init__(self, job: Job) -> None:
        # A folder must be allowed since MLflow 3.13; whoever wants a database names its server or file.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self._metric, address = Metric, job.url or os.environ.get("MLFLOW_TRACKING_URI")
        self._address = address or Path("mlruns").absolute().as_uri()
        self._client = MlflowClient(tracking_uri=self._address)
        self._id = job.id or self._created(job)
        if job.id:
            self._client.update_run(self._id, status="RUNNING")
        else:
            params = [Param(name, str(value)[:_LONGEST]) for name, value in flat(job.config).items()]
            for first in range(0, len(params), _AT_ONCE):
                self._client.log_batch(self._id, params=params[first : first + _AT_ONCE])
        self._monitor = self._started_monitor(job) if job.system else None

    def _created(self, job: Job) -> str:
        known = self._client.get_experiment_by_name(job.project)
        experiment = known.experiment_id if known else self._client.create_experiment(job.project)
        tags = dict.fromkeys(job.tags, "")
        tags.update({"group": job.group} if job.group else {})
        tags.update({"mlflow.note.content": job.notes} if job.notes else {})
        return self._client.create_run(experiment, run_name=job.name, tags=tags).info.run_id

    def _started_monitor(self, job: Job) -> Any:
        from importlib.util import find_spec

        if find_spec("psutil") is None:
            return None
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(
            self._id, resume_logging=job.id is not None, tracking_uri=self._address
        )
        monitor.start()
        return monitor

    @property
    def opened(self) -> Opened:
        info = self._client.get_run(self._id).info
        page = f"{self._address.rstrip('/')}/#/experiments/{info.experiment_id}/runs/{self._id}"
        is_server = self._address.startswith(("http://", "https://"))
        return Opened(self._id, page if is_server else None, None if is_server else self._address)

    def write(self, iteration: int, metrics: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        rows = [self._metric(name, value, now, iteration) for name, value in metrics.items()]
        self._client.log_batch(self._id, metrics=rows)

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        self._client.log_artifact(self._id, str(path), "videos")

    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        self._client.log_artifact(self._id, str(path), name)
        for key, value in facts.items():
            self._client.set_tag(self._id, f"{name}.{key}", str(value))

    def close(self, state: str) -> None:
        if self._monitor is not None:
            self._monitor.finish()
        ended = {"done": "FINISHED", "interrupted": "KILLED"}
        self._client.set_tag(self._id, "state", state)
        self._client.set_terminated(self._id, ended.get(state, "FAILED"))
