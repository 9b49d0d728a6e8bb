"""In what each metric is told: rlkit's own here, as docs/metrics.md has them, and a task's as the task says."""

from __future__ import annotations

from typing import Mapping

from rlkit.env.api import EnvSpec

OWN: Mapping[str, str] = {
    **dict.fromkeys(("episode/length", "eval/length"), "control steps"),
    **dict.fromkeys(("time/physics", "time/env", "time/policy", "time/update", "time/evaluation"), "s"),
    **dict.fromkeys(("env/not_finite", "physics/overflow"), "env-steps"),
    "rate/env_steps_per_s": "1/s",
}


def units_of(spec: EnvSpec) -> dict[str, str]:
    """By the names of metrics, of those that have a unit; for the record of a run, which its report reads."""
    of_task = {f"metric/{name}": unit for name, unit in spec.metric_units.items()}
    facts = {f"eval/{name}": fact.unit for name, fact in spec.facts.items() if fact.unit}
    lengths = {f"task/{name}/length": OWN["episode/length"] for name in spec.tasks}
    return {**OWN, **of_task, **facts, **lengths}
