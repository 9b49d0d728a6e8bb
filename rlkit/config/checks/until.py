"""`training.until`: whether there will be such a metric, as far as that is known before anything runs."""

from __future__ import annotations

from typing import Any, Callable, Collection, Mapping, Sequence

from rlkit.config.checks import objects, terrain
from rlkit.config.facts import engine
from rlkit.config.files import task_source
from rlkit.config.files.terms import term_names
from rlkit.config.schema import condition, types
from rlkit.config.schema.condition import SHORT, Condition
from rlkit.config.schema.types import Plain
from rlkit.nearest import did_you_mean
from rlkit.sims.facts import SimulatorFacts, simulator_facts

_ALWAYS = (
    "iteration",
    "env_steps",
    "wall_time",
    "episode/count",
    *(f"episode/{name}" for name in SHORT),
    *(f"time/{name}" for name in ("physics", "env", "policy", "update")),
    "rate/env_steps_per_s",
)
_LEARNERS_OWN = ("losses/", "policy/", "style/")
_ENVIRONMENTS_OWN = ("success/", "failure/", "reward/", "env/", "task/")
_SHARES = ("success", "timeout")


def check(plain: Plain) -> list[str]:
    """What is wrong with the condition of a training; a test of its policy reads none."""
    training = plain["training"]
    if training["until"] is None or training["test"]:
        return []
    start = f"training.until={types.echo(training['until'])}: "
    try:
        wanted = condition.parse(training["until"])
    except ValueError as error:
        return [start + str(error)]
    problem = _unknown(wanted, plain) or _impossible(wanted)
    return [] if problem is None else [start + problem]


def known_metrics(plain: Plain) -> list[str]:
    """The metrics that a training of these settings is known to have, see docs/metrics.md."""
    task, training = plain["task"], plain["training"]
    ends: Mapping[str, Any] = task.get("termination") or {}
    names = [*SHORT, *_ALWAYS]
    told = _terms(plain)
    if training["evalInterval"]:
        names += [f"eval/{name}" for name in (*SHORT, *sorted(told["fact"]))] + ["time/evaluation"]
        names += [f"eval/success/{name}" for name in (*objects.several(task), *terrain.several(task))]
    names += [f"reward/{name}" for name, weight in (task.get("rewardWeights") or {}).items() if weight]
    for kind in ("success", "failure"):
        names += [f"{kind}/{name}" for name, is_on in (ends.get(kind) or {}).items() if is_on]
    names += [f"metric/{name}" for name in sorted(told["metric"])]
    names += ["failure/unstable", "physics/overflow", "randomization/level"]
    return names


def _unknown(wanted: Condition, plain: Plain) -> str | None:
    """Why there is no such metric, as far as that can be known."""
    metric = wanted.metric
    if metric.startswith("eval/") and not plain["training"]["evalInterval"]:
        return unevaluated(metric, plain, lambda name: f'until="{wanted._replace(metric=name)}"')
    problem = unknown(metric, known_metrics(plain), plain)
    if problem is None and metric.rpartition("/")[2] == "success" and not criteria_of(plain):
        problem = "this task has no success criterion that is on (task.termination.success); write"
        problem += ' until="return>=100"'
    return problem


def unevaluated(metric: str, plain: Plain, again: Callable[[str], str]) -> str:
    """That a metric of evaluations is asked for and none take place, and what to write.

    again: the setting with another metric's name.
    """
    sim = simulator_facts(plain["sim"]["name"]) or SimulatorFacts()
    ways = [] if sim.one_at_a_time else ["training.evalInterval=20"]
    of_training = metric.replace("eval/", "episode/")
    if of_training in _ALWAYS:
        ways.append(again(of_training))
    return f"nothing is evaluated (training.evalInterval=0); write {', or '.join(ways or ['sim=auto'])}"


def unknown(metric: str, known: Sequence[str], plain: Plain) -> str | None:
    """That a training of these settings has no such metric, as far as that can be known."""
    gymnasium = engine.engine_of(plain) == "gymnasium"
    free = (*_LEARNERS_OWN, *(_ENVIRONMENTS_OWN if gymnasium else ()))
    if not gymnasium and term_names(task_source.named(plain["task"])) is None:
        free = (*free, "eval/", "metric/")  # the task alone knows its own
    if metric in known or metric.startswith(free):
        return None
    return f"there is no metric {types.echo(metric)}" + did_you_mean(
        metric, known, f"; there are {', '.join(known[:7])} and those of docs/metrics.md"
    )


def criteria_of(plain: Plain) -> bool:
    """Whether an episode may be a success: of Gymnasium's, the environment alone knows."""
    criteria = (plain["task"].get("termination") or {}).get("success") or {}
    return engine.engine_of(plain) == "gymnasium" or any(criteria.values())


def _terms(plain: Plain) -> Mapping[str, Collection[str]]:
    """The task's own numbers: metrics of training's episodes, facts of those of evaluations."""
    of_task = engine.engine_of(plain) == "simulator"
    return (term_names(task_source.named(plain["task"])) if of_task else None) or {"metric": (), "fact": ()}


def _impossible(wanted: Condition) -> str | None:
    """Why no value can meet it, or every value does."""
    group, _, name = wanted.metric.rpartition("/")
    if name not in _SHARES and group not in ("success", "failure", "eval/success"):
        return None
    if 0 <= wanted.bound <= 1 and wanted.holds(0.0) != wanted.holds(1.0):
        return None
    share = wanted.bound / 100 if 1 < wanted.bound <= 100 else 0.9
    return f'{wanted.metric} is a share between 0 and 1; write until="{wanted._replace(bound=share)}"'
