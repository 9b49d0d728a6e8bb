"""`rlkit zoo add RUN`: a training run and its test become a folder with a policy and its card."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping

from rlkit import __version__, yaml_text, zoo
from rlkit.commands.options import add_root
from rlkit.commands.zoo.show import card_lines
from rlkit.packages import test_command
from rlkit.untrusted import parse_json, printable, read_plain
from rlkit.workspace import (
    Resolved,
    ResolveError,
    RunRecord,
    find_run,
    quoted,
    read_record,
    resolve,
    write_atomic,
)
from rlkit.zoo.card import CARD, Card, Point, Results, as_yaml

if TYPE_CHECKING:
    from rlkit.report.metrics import Metrics

FEWEST_EPISODES = 64
_POINTS = 30  # of a curve that has more evaluations


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the run, its test and what only people know."""
    parser.description = (
        "Make a folder with the policy of a training run, without what learning goes on from, and its card: the curve"
        f" is from the run's evaluations, the figures from a test of at least {FEWEST_EPISODES} episodes. Such a folder"
        " can be given to others: checkpoint=FOLDER takes it, and rlkit demo."
    )
    parser.add_argument(
        "ref", metavar="RUN", help="as checkpoint= takes it: latest, a run (its best policy), run:last"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="where to; its name is the policy's"
    )
    parser.add_argument("--about", required=True, metavar="TEXT", help="one line: what the policy does")
    parser.add_argument("--test", default="latest_test", metavar="RUN", help="the test of it (latest_test)")
    parser.add_argument("--robot", metavar="TEXT", help="what moves, where the task does not say")
    parser.add_argument("--seeds", type=_seeds, metavar="1,2,3", help="all seeds that were tried (the run's)")
    parser.add_argument("--processor", metavar="TEXT", help="what it was trained on (this machine's)")
    parser.add_argument("--licence", default="Apache-2.0", metavar="TEXT", help="of the policy (Apache-2.0)")
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder and print its card. Raises RlkitError for a refusal."""
    out: Path = arguments.out
    if os.path.lexists(out):
        raise zoo.ZooError(f"--out {out}: it is there already; name a new folder")
    source = resolve(arguments.ref, root=arguments.root)
    if source.own_folder is None:
        raise zoo.ZooError(
            f"{arguments.ref}: a policy is made of a run's folder, and {source.how} lies in none of yours"
        )
    from rlkit.config import from_file  # only here: hydra comes with these
    from rlkit.runtime.policies.acting_alone import save_policy
    from rlkit.runtime.policies.skills import asks_for_skills, keep_skills

    card = _card(arguments, source, _test_of(source, arguments.test, arguments.root))
    out.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        weights = half / "nn" / "checkpoint_best.pth"
        weights.parent.mkdir()
        save_policy(source, weights)
        trained = from_file(source.own_folder / zoo.SETTINGS)
        if asks_for_skills(trained):
            keep_skills(trained, half)
        write_atomic(half / zoo.SETTINGS, _settings(source.own_folder))
        write_atomic(half / CARD, as_yaml(card))
        half.chmod(0o755)
        half.rename(out)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    for line in card_lines(card, str(out), zoo.size_of(out)):
        print(printable(line))
    return 0


def _test_of(source: Resolved, ref: str, root: Path) -> Results:
    """The figures of the test that `ref` names, of this checkpoint; raises ZooError."""
    again = (
        f"{test_command()} checkpoint={quoted(str(source.checkpoint))} numEnvs={FEWEST_EPISODES} render=false"
    )
    try:
        test = find_run(ref, root)
    except ResolveError as error:
        raise zoo.ZooError(
            f"{str(error).splitlines()[0]}; a test of {source.checkpoint} is needed, and this makes one: {again}"
        ) from error
    record = read_record(test)
    tested = Path(record.checkpoint or "")
    ours = source.own_folder is not None and record.tested_run == source.own_folder.name
    if record.kind != "test" or not ours or tested.name != source.checkpoint.name:
        raise zoo.ZooError(f"{test.name} is no test of {source.checkpoint}; this makes one: {again}")
    try:
        content = parse_json(read_plain(test / "metrics.json")[0])
        results, complete = _results(content, tells=record.best_success is not None), content["complete"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise zoo.ZooError(f"the results of {test.name} cannot be read; test again: {again}") from error
    if results.episodes < FEWEST_EPISODES or not complete:
        raise zoo.ZooError(
            f"{test.name} has {results.episodes} episodes, too few to be relied on; test again: {again}"
        )
    return results


def _results(content: Mapping[str, Any], *, tells: bool) -> Results:
    """What a test's metrics.json says; tells: whether the task tells of successes."""
    facts = content.get("facts", {}).items()
    return Results(
        int(content["episodes"]),
        _rounded(content["success_rate"]) if tells else None,
        _rounded(content["return"]["mean"]),
        _rounded(content["return"]["std"]),
        {str(name): _rounded(of["mean"]) for name, of in facts if of["mean"] is not None},
    )


def _card(arguments: argparse.Namespace, source: Resolved, test: Results) -> Card:
    from rlkit.report.metrics import read_metrics
    from rlkit.runtime.checkpoints.head import read_head
    from rlkit.runtime.policies.trained import settings_of
    from rlkit.runtime.process.machine_memory import processor

    assert source.own_folder is not None
    record, head = read_record(source.own_folder), read_head(source.checkpoint)
    settings, metrics = settings_of(source, head), read_metrics(source.own_folder / "metrics.jsonl")
    here = re.search(r"model name *: *([^;]+)|$", processor())
    return Card(
        name=arguments.out.name,
        about=arguments.about,
        task=head.task,
        robot=arguments.robot or str(settings.task.get("robot", "–")),
        learner=head.learner_name,
        simulator=settings.sim.name,
        command=_command(record),
        seed=record.seed,
        seeds=arguments.seeds or (record.seed,),
        env_steps=head.env_steps,
        seconds=round(_at(metrics, "wall_time", head.iteration), 1),
        processor=arguments.processor or (here and here[1]) or processor(),
        date=record.created[:10],
        rlkit=record.packages.get("rlkit", __version__),
        licence=arguments.licence,
        test=test,
        curve=_curve(metrics),
    )


def _command(record: RunRecord) -> str:
    """What was typed, wherever it was: without the path of the script and the name of the run."""
    try:
        typed = shlex.split(record.command)
    except ValueError:  # somebody else's record may hold anything
        return record.command
    words = [word for word in typed if not re.match(r"(logging\.)?experiment_?[nN]ame=", word)]
    if len(words) > 1 and words[1].endswith("train.py"):
        words[:2] = ["python", "train.py"]
    return shlex.join(words)


def _at(metrics: Metrics, name: str, iteration: int) -> float:
    """A column's number in the row of an iteration; 0 where there is none."""
    rows = [row for row, of in enumerate(metrics.columns.get("iteration", ())) if of == iteration]
    return float(metrics.columns[name][rows[-1]]) if rows else 0.0


def _curve(metrics: Metrics) -> tuple[Point, ...]:
    """The evaluations of a training, at most about `_POINTS` of them, the last included."""
    columns = metrics.columns
    returns = columns.get("eval/return", ())
    rows = [row for row, value in enumerate(returns) if value == value]  # not NaN
    rows = rows[:: -max(1, -(-len(rows) // _POINTS))][::-1]
    success = columns.get("eval/success")
    return tuple(
        Point(
            int(columns["env_steps"][row]),
            None if success is None else _rounded(success[row]),
            _rounded(returns[row]),
        )
        for row in rows
    )


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _settings(run: Path) -> str:
    """The run's config.yaml, without the name that the run was given."""
    from rlkit.config.words.inherit import read_settings

    content = read_settings(run / zoo.SETTINGS)
    content["logging"]["experimentName"] = None
    words = content["composed"].get("overrides", [])
    content["composed"]["overrides"] = [word for word in words if "experimentName" not in str(word)]
    return yaml_text.dump(content)


def _seeds(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,9}(,\d{1,9})*", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of seeds; write 1,2,3")
    return tuple(map(int, text.split(",")))
