"""`training.bestBy`: whether there will be such metrics, as far as that is known before anything runs."""

from __future__ import annotations

from rlkit.config.checks.until import criteria_of, known_metrics, unevaluated, unknown
from rlkit.config.schema import ranking, types
from rlkit.config.schema.condition import SHORT, over_episodes
from rlkit.config.schema.types import Plain

_FEW = "eval/return, episode/length or reward/<term>"


def check(plain: Plain) -> list[str]:
    """What is wrong with the measures of the best policy; a test reads none."""
    training = plain["training"]
    text = training["bestBy"]
    if training["test"] or text == ranking.USUAL:
        return []
    start = f"training.bestBy={types.echo(text)}: "
    try:
        measures = ranking.parse(text)
    except ValueError as error:
        return [start + str(error)]
    problems = [_problem(measure, plain) for measure in measures]
    names = [measure.metric for measure in measures]
    alone = set(names) <= {"success", "eval/success", "episode/success"}
    if not any(problems) and alone and not criteria_of(plain):
        problems.append("this task has no success criterion that is on; write training.bestBy=return")
    return [start + problem for problem in problems if problem is not None]


def _problem(measure: ranking.Measure, plain: Plain) -> str | None:
    """Why nothing can be best by it."""
    metric = measure.metric
    if metric.startswith("eval/") and not plain["training"]["evalInterval"]:
        return unevaluated(metric, plain, lambda name: f"training.bestBy={measure._replace(metric=name)}")
    problem = unknown(metric, known_metrics(plain), plain)
    if problem is None and not _may_rank(metric):
        problem = (
            f"{metric} tells not how good a policy is; metrics of evaluations and of episodes do, as {_FEW}"
        )
    return problem


def _may_rank(metric: str) -> bool:
    return metric in SHORT or metric.startswith("eval/") or over_episodes(metric)
