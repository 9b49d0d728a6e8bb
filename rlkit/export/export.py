"""`rlkit export`: a checkpoint's policy as files for other programs, compared with it before they are written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Mapping, Sequence, Tuple

import torch

from rlkit.env.api import EnvError, VecEnv
from rlkit.env.task_env import TaskEnv
from rlkit.env.wrapper import innermost
from rlkit.export import compare, formats
from rlkit.export.facts import facts_of
from rlkit.export.request import NUM_ENVS, ExportRequest
from rlkit.learners.api import Learner, LearnerError
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.api import SimulatorError
from rlkit.tasks.api import TaskError
from rlkit.untrusted import printable
from rlkit.workspace import write_together
from rlkit.workspace.store.errors import explained

FAILURES = (SimulatorError, TaskError, LearnerError, EnvError, formats.ExportError)
STEPS = 200  # that the policy plays for the observations to compare on

Row = Tuple[str, float, float]
"""Format, largest difference, latency [µs]."""


def export(request: ExportRequest) -> Path:
    """Write policy.onnx, policy.pt, policy.json and the task's own files, all of them or none; returns the folder.

    Raises one of FAILURES where the task cannot be built or a format differs, CheckpointError where the checkpoint
    cannot be read, WorkspaceError where the files cannot be written.
    """
    torch.set_num_threads(1)  # a policy acts on one observation at a time
    env = build_env(request.experiment, Ranks())
    try:
        learner = _learner(request, env)
        facts = facts_of(request, env, learner.memory)
        inner = innermost(env)
        files = inner.task.deployment_files() if isinstance(inner, TaskEnv) else {}
        played = compare.play(env, learner.policy(), STEPS)
    finally:
        env.close()
    title = (
        f"{facts['task']}, {facts['learner']}, iteration {facts['iteration']}: {request.source.checkpoint}"
    )
    print(printable(title))
    network, memory = learner.network(), learner.memory
    rows = torch.zeros_like(learner.spec.numbers(played.obs[0, :2]))
    made = {name: formats.WRITERS[name](network, rows, memory, facts) for name in request.formats}
    acts = {"torch": formats.as_numpy(network), **{name: exported.act for name, exported in made.items()}}
    found = _compare(acts, learner, played)
    _print_table(found)
    checked = {
        "observations": STEPS * NUM_ENVS,
        "largest_difference": {name: difference for name, difference, _ in found},
        "latency_us": {name: round(time, 1) for name, _, time in found},
    }
    contents = {exported.file: exported.content for exported in made.values()}
    _write(request.out, {**contents, **files}, {**facts, "checked": checked})
    return request.out


def _learner(request: ExportRequest, env: VecEnv) -> Learner:
    learner = build_learner(request.experiment, env)
    saved = checkpoints.load(request.source.checkpoint, env.spec.device)
    learner.load(saved.learner, policy_only=True)
    return learner


def _compare(acts: Mapping[str, formats.Act], learner: Learner, played: compare.Played) -> list[Row]:
    """Raises ExportError where one of them does not act as the policy does."""
    rows, numbers = [], learner.spec.numbers
    for name, act in acts.items():
        policy = compare.policy_of(act, learner.memory, numbers)
        difference = compare.largest_difference(policy, learner.policy(), played)
        compare.require_equal(name, difference)
        rows.append((name, difference, compare.latency(act, numbers(played.obs[0, :1]), learner.memory)))
    return rows


def _print_table(rows: Sequence[Row]) -> None:
    print(
        f"compared with the policy on {STEPS * NUM_ENVS} observations, from {STEPS} steps of {NUM_ENVS} envs:"
    )
    print("               largest difference   one observation, median")
    for name, difference, time in rows:
        print(f"  {name:<12} {difference:>18.2g}   {time:>20.0f} µs")


def _write(folder: Path, contents: Mapping[str, bytes], facts: dict[str, Any]) -> None:
    """All files, or none: they are complete beside the folder's own before the first of them takes its place."""
    facts["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    policy = (json.dumps(facts, indent=2, allow_nan=False) + "\n").encode()
    contents = {**contents, "policy.json": policy}
    with explained(f"write the export to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    write_together({folder / name: content for name, content in contents.items()})
    print(printable(f"wrote {', '.join(contents)} to {folder}"))
