"""training.bestBy: refused where there will be no such metric, and evaluated where an evaluation is named."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.checks import until
from rlkit.config.facts.machine import Machine
from rlkit.config.schema import ranking
from rlkit.config.schema.ranking import Measure
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, simulators=frozenset(USABLE))


def composed(*words):
    return compose(words, machine=CPU)


def test_measures_are_read_and_written_alike():
    assert ranking.parse("success:-eval/gt_error") == (
        Measure("success"),
        Measure("eval/gt_error", less=True),
    )
    assert ":".join(map(str, ranking.parse("a:-b/c-d"))) == "a:-b/c-d"
    assert Measure("success").source(evaluated=True) == "eval/success"
    assert Measure("success").source(evaluated=False) == "episode/success"
    assert Measure("reward/alive").source(evaluated=True) == "reward/alive"
    assert ranking.is_usual(ranking.USUAL) and not ranking.is_usual("return")
    assert ranking.by_evaluations("success:-eval/length") and not ranking.by_evaluations(":")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("task=BoxGrasping training.bestBy=sucess", "no metric sucess; did you mean success?"),
        ("training.bestBy=success", "no success criterion that is on; write training.bestBy=return"),
        ("training.bestBy=eval/retrun", "no metric eval/retrun; did you mean eval/return?"),
        (
            "training.bestBy=-eval/length training.evalInterval=0",
            "evalInterval=20, or training.bestBy=-episode/length",
        ),
        (
            "task=Style training.bestBy=-eval/near training.evalInterval=0",
            r"\(training.evalInterval=0\); write training.evalInterval=20$",
        ),
        (
            "task=Style sim=isaacgym training.bestBy=-eval/near",
            r"\(training.evalInterval=0\); write sim=auto$",
        ),
        ("training.bestBy=losses/actor", "losses/actor tells not how good a policy is"),
        ("training.bestBy=wall_time", "wall_time tells not how good a policy is"),
        (
            "training.bestBy=[eval/return,-eval/length]",
            r"is no metric; .*training.bestBy=eval/success:-eval/error",
        ),
        ("training.bestBy=return:-return", "return is named twice"),
        ("training.bestBy=reward/zzz", "there is no metric reward/zzz"),
    ],
)
def test_what_nothing_can_be_best_by_is_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        composed(*words.split())


@pytest.mark.parametrize(
    "words",
    [
        "training.bestBy=success:return",
        "training.bestBy=-length",
        "training.bestBy=reward/alive:episode/return",
        "task=BoxGrasping training.bestBy=eval/success:-eval/length",
        "task=Gym env.id=A-v0 training.bestBy=success",
        "training.bestBy=zzz test=true checkpoint=x",  # of a test nothing is best
    ],
)
def test_every_metric_of_episodes_will_do(words):
    experiment = composed(*words.split())
    assert experiment.training.best_by == words.split("bestBy=")[1].split()[0]
    assert from_yaml(experiment.to_yaml()) == experiment


def test_a_task_s_own_facts_and_metrics_are_known_from_its_source(monkeypatch):
    known = {kind: frozenset() for kind in ("observation", "reward", "success", "failure")}
    known.update(fact=frozenset({"gt_error"}), metric=frozenset({"slip"}))
    monkeypatch.setattr(until, "term_names", lambda task: known)
    assert composed("training.bestBy=-eval/gt_error:-metric/slip").training.eval_interval > 0
    assert (
        composed("until=eval/gt_error<0.1", "training.evalInterval=5").training.until == "eval/gt_error<0.1"
    )
    with pytest.raises(ConfigError, match=r"no metric eval/gt_eror; did you mean eval/gt_error\?"):
        composed("training.bestBy=-eval/gt_eror")
    monkeypatch.setattr(until, "term_names", lambda task: None)  # the class cannot be followed
    assert composed("training.bestBy=-eval/anything").training.best_by == "-eval/anything"


def test_an_evaluation_that_is_named_takes_place():
    """BaseTask has no success criterion, so nothing else asks for evaluations."""
    assert composed().training.eval_interval == 0
    assert (
        composed("training.bestBy=eval/return").training.eval_interval == 50
    )  # as a success criterion would
    assert composed("training.bestBy=eval/return", "maxIter=3").training.eval_interval == 3


def test_a_request_from_before_there_was_a_choice_reads_as_ever():
    experiment = composed()
    text = "\n".join(line for line in experiment.to_yaml().splitlines() if "bestBy" not in line)
    assert from_yaml(text) == experiment
