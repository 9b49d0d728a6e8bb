"""Run folders with metrics that a test makes up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterable

import yaml

from rlkit.workspace import Run, WorkspaceLimits, open_run

Row = Dict[str, Any]


def row(iteration: int, **metrics: Any) -> Row:
    """A line of metrics.jsonl: 100 env steps and half a second an iteration. `a__b` is the metric a/b."""
    named = {name.replace("__", "/"): value for name, value in metrics.items()}
    return {"iteration": iteration, "env_steps": 100 * iteration, "wall_time": 0.5 * iteration, **named}


def rows(returns: Iterable[float], first: int = 1, **more: Any) -> list[Row]:
    """One line for each return, each over two episodes."""
    return [
        row(first + index, episode__count=2.0, episode__return=value, **more)
        for index, value in enumerate(returns)
    ]


def make_run(
    root: Path,
    lines: Iterable[Row],
    *,
    name: str | None = None,
    seed: int = 1,
    task: str = "Toy",
    kind: str = "train",
    parent: str | None = None,
    state: str = "done",
    command: str = "train.py",
    **train: Any,
) -> Path:
    """A run of 2 envs as training leaves it; `train` are settings of its section train."""
    config = {
        "env": {"numEnvs": 2},
        "train": {"gamma": 0.9, **train},
        "training": {"seed": seed, "maxIterations": 10},
        "composed": {
            "choices": {"task": task},
            "overrides": [
                f"task={task}",
                f"training.seed={seed}",
                *(f"train.{k}={v}" for k, v in train.items()),
            ],
            "asked": {"env.numEnvs": "auto"},
        },
    }
    run: Run = open_run(
        task, kind, root=root, settings=WorkspaceLimits(), name=name, config_yaml=yaml.safe_dump(config),
        command=["python", command], learner="ppo", seed=seed, device="cpu", parent=parent, source=root,
    )  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    if text:
        run.metrics.write_text(text, encoding="utf-8")
    if state != "running":
        run.set_state(state)
    return run.path
