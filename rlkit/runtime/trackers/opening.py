"""What a training tells its tracker at the start, and which of the tracker's runs it goes on with."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from typing import Any, Mapping

from rlkit.config import Experiment
from rlkit.config.schema.trackers import DISABLED, NONE, OFFLINE, ONLINE, TRACKERS, wandb_mode
from rlkit.masking import masked, masked_settings
from rlkit.runtime.trackers.api import Job, Opened
from rlkit.runtime.trackers.process import TrackerProcess
from rlkit.workspace import Run, RunRecord, WorkspaceError
from rlkit.workspace.store.scan import all_runs

log = logging.getLogger("rlkit")


def trackers_of(experiment: Experiment, run: Run, *, first_iteration: int) -> list[TrackerProcess]:
    """The tracker that was asked for, none where none was; first_iteration: the first that it will be told."""
    settings = experiment.logging
    mode = mode_of(settings.tracker, settings.tracker_mode)
    if mode == DISABLED:
        return []
    name, project = settings.tracker, settings.tracker_project
    here = {"name": name, "project": project, "server": _masked(settings.tracker_url)}
    job = Job(
        tracker=name,
        name=run.name,
        folder=str(run.path.absolute()),
        project=project,
        process=os.getpid(),
        mode=mode,
        id=continued(run, here, first_iteration),
        entity=settings.tracker_entity,
        url=settings.tracker_url,
        group=_masked(settings.tracker_group or run.record.sweep.get("name")),
        tags=tuple(map(masked, settings.tracker_tags)),
        notes=_masked(settings.tracker_notes),
        system=settings.tracker_system,
        config={**experiment.stored(), "rlkit": _origin(run.record)},
    )

    def remember(opened: Opened) -> None:
        known = {key: masked(value) for key, value in asdict(opened).items() if value is not None}
        place = known.get("url") or known.get("folder") or known["id"]
        log.info("%s has this run: %s", TRACKERS[name].label, place)
        how = {"mode": mode} if "trackerMode" in TRACKERS[name].takes else {}
        try:
            run.update(tracker={**here, **how, **known})
        except WorkspaceError as error:  # a resume will make a new run of it there
            log.warning("where %s has the run was not written down: %s", TRACKERS[name].label, error)

    return [TrackerProcess(job, remember, videos=settings.tracker_videos)]


def mode_of(tracker: str, asked: str) -> str:
    """online, offline or disabled; all but W&B know no more than whether they are told."""
    if tracker == NONE or asked == DISABLED:
        return DISABLED
    return wandb_mode(asked) if tracker == "wandb" else OFFLINE if asked == OFFLINE else ONLINE


def continued(run: Run, here: Mapping[str, str | None], first_iteration: int) -> str | None:
    """The tracker's run that the numbers go on in: the same folder's, or that of the run whose end is gone on from.

    None where there is none, or where another run went on from that end before. here: name, project and server of the
    tracker, as run.json has them.
    """

    def has(record: RunRecord) -> bool:
        return all(record.tracker.get(key) == value for key, value in here.items())

    if has(run.record):
        return _id(run.record)
    parent = run.record.parent
    others = [other.record for other in all_runs(run.root) if other.record is not None] if parent else []
    before = next((record for record in others if record.name == parent and has(record)), None)
    if before is None or before.saved.get("last") != first_iteration - 1:
        return None
    its = _id(before)
    taken = any(
        record.parent == parent and _id(record) == its for record in others if record.name != run.name
    )
    return None if taken else its


def _id(record: RunRecord) -> str | None:
    found = record.tracker.get("id")  # a run.json may hold anything
    return found if isinstance(found, str) else None


def _origin(record: RunRecord) -> dict[str, Any]:
    """How the run came about, as its run.json has it; masked there already."""
    facts = asdict(record)
    wanted = ("name", "task", "learner", "command", "git", "code", "packages", "python", "platform", "host")
    kept = {key: facts[key] for key in (*wanted, "device", "seed", "parent", "created")}
    return masked_settings({key: value for key, value in kept.items() if value not in (None, {}, "")})


def _masked(text: str | None) -> str | None:
    return None if text is None else masked(text)
