"""`rlkit report`: one run on one page."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence
from urllib.parse import quote

from rlkit.numbers import number, percent
from rlkit.report.gather import PolicyTestResult, RunData, changed_files, load_runs, test_results, tests_of
from rlkit.report.lines import POINTS, means, smoothed
from rlkit.report.markup import Child, Markup, element, join, table
from rlkit.report.page import charts, document, duration, header, section, tiles, view_switch
from rlkit.report.run_charts import charts_of
from rlkit.report.scenarios import figure_of, of_test, of_training, shown
from rlkit.report.settings import typed, worked_out
from rlkit.report.writing import Written, make_folder, write_report
from rlkit.untrusted import read_plain

_EMBEDDED_BYTES = 20 * 2**20
_SMALL = ("Learner", "Other metrics")
_PICTURES = ("Learning", "Rewards")


def report_run(path: Path, out: Path, root: Path = Path()) -> Written:
    """Write the page of a run, and its main curves as PNGs beside it, into the folder `out`.

    Raises WorkspaceError where the run cannot be read or the folder not be written.
    """
    (run,) = load_runs([path], root)
    make_folder(out)
    drawn = charts_of(run)
    sections = {title: section(title, charts(group, small=title in _SMALL)) for title, group in drawn.items()}
    top: list[Child] = [_top(run)]
    if run.record.kind == "test":
        top.append(_tested(run))
    elif drawn:
        top += [view_switch(), _how_drawn(run), sections.pop("Learning", None)]
    else:
        top.append(
            element("p", "No metrics yet: nothing was written to metrics.jsonl so far.", class_="empty")
        )
    tests = tests_of(run, root)
    below = (_evaluated(run), _tests(tests), _settings(run), _origin(run))
    page = document(run.name, *top, _videos(run, tests, out), *sections.values(), *below)
    return write_report(out, page, [chart for title in _PICTURES for chart in drawn.get(title, [])])


def _top(run: RunData) -> Markup:
    record, metrics = run.record, run.metrics
    kind = "training" if record.kind == "train" else "test"
    begun = record.created[:16].replace("T", " ")
    line = element(
        "p", f"{kind} with {record.learner} on {record.device}, seed {record.seed}, begun {begun} UTC"
    )
    problems = [element("p", note, class_="problem") for note in run.notes]
    if record.reason:
        problems.insert(0, element("p", f"{run.state}: {record.reason}", class_="problem"))
    facts: list[tuple[str, Child, str]] = [
        (
            "State",
            element("span", run.state, class_=run.state),
            "so far" if run.state == "running" else _reached(record.reached),
        )
    ]
    if record.kind == "train":
        asked = run.section("training").get("maxIterations")
        done = metrics.last("iteration") or record.iterations
        success = _latest_success(run)
        of_what = "of evaluations" if run.evaluated else f"over {run.envs} episodes at least"
        facts += [
            ("Iterations", number(done, 7), f"of {asked}" if isinstance(asked, int) else ""),
            ("Env steps", number(metrics.last("env_steps"), 10), ""),
            ("Training time", duration(metrics.last("wall_time")), _rate(run)),
            ("Best return", number(record.best_return), of_what),
        ]
        for name, value in record.best_by.items():
            less = "best so far, less is better" if name.startswith("-") else "best so far"
            facts.append((name.lstrip("-"), number(value), less))
        if record.best_success is not None:
            facts.append(("Best success", percent(record.best_success), of_what))
        if success is not None:
            of_which = "latest evaluation" if run.evaluated else "latest episodes"
            facts.append(("Success", percent(success), of_which))
    return join([header(record.task, run.name, line, *problems), tiles(facts)])


def _reached(condition: str | None) -> str:
    return "" if condition is None else f"reached {condition}"


def _latest_success(run: RunData) -> float | None:
    name = "eval/success" if run.evaluated else "episode/success"
    if name not in run.metrics.columns:
        return None
    _, values = means(run.metrics.columns["iteration"], smoothed(run.metrics, name, run.envs))
    return float(values[-1]) if len(values) else None


def _rate(run: RunData) -> str:
    steps, seconds = run.metrics.last("env_steps"), run.metrics.last("wall_time")
    return f"{number(steps / seconds)} env steps/s" if steps and seconds else ""


def _how_drawn(run: RunData) -> Markup:
    words = (
        f"Means over episodes are over the latest iterations that hold at least {run.envs} episodes (as many as "
        "there are envs), as training displays them; the faint line behind is each iteration's own mean. "
        f"A line has at most {POINTS} points: of more, each is the mean of equally many iterations, and the "
        "faint line keeps the least and the greatest."
    )
    if run.ancestors:
        words += f" The curve goes on from {', '.join(run.ancestors)}: a dotted line marks the place."
    return element("p", words, class_="note")


def _tested(run: RunData) -> Markup:
    results = test_results(run.path)
    if results is None:
        return element("p", "No results: this test has not finished.", class_="empty")
    tested = f"It tested {results.get('checkpoint', run.record.checkpoint)}."
    return section("Results", _result_tables(results), note=tested)


def _videos(run: RunData, tests: Sequence[PolicyTestResult], out: Path) -> Markup | None:
    """The newest videos of the run, then of its tests, inside the page as far as they fit, the others linked."""
    folders = [run.path, *(test.path for test in tests)]
    found = [path for folder in folders for path in _newest_first((folder / "videos").glob("*.mp4"))]
    if not found:
        return None
    room = _EMBEDDED_BYTES
    players, linked = [], 0
    for path in found:
        content = _inside(path, room)
        if content is not None:
            room -= len(content)
            source = "data:video/mp4;base64," + base64.b64encode(content).decode("ascii")
        else:
            linked += 1
            source = quote(os.path.relpath(path, out.resolve()))
        video = element("video", controls=True, loop=True, muted=True, preload="metadata", src=source)
        words = path.stem if path.parent.parent == run.path else f"{path.parent.parent.name}: {path.stem}"
        players.append(element("figure", video, element("figcaption", element("span", words, class_="note"))))
    note = ""
    if linked:
        note = f"{linked} of {len(found)} are not inside this page, which holds {_EMBEDDED_BYTES >> 20} MB: "
        note += "they play as long as their files stay where they are."
    return section("Videos", element("div", *players, class_="videos"), note=note)


def _inside(video: Path, room: int) -> bytes | None:
    """What goes into the page. A link may show any file of the reader's, who may hand the page on: it stays a link."""
    try:
        return None if video.is_symlink() else read_plain(video, room)[0]
    except OSError:
        return None


def _newest_first(videos: Iterable[Path]) -> list[Path]:
    return sorted(filter(Path.is_file, videos), key=lambda path: path.stat().st_mtime, reverse=True)


def _evaluated(run: RunData) -> Markup | None:
    """What the latest evaluation of a training found of each scenario."""
    found = of_training(run.path) if run.record.kind == "train" else None
    if found is None:
        return None
    iteration, scenarios = found
    note = f"Each played once by the policy of iteration {iteration}; the charts of evaluations show their means."
    return section(f"Latest evaluation by {scenarios.noun}", shown(scenarios), note=note)


def _tests(tests: Sequence[PolicyTestResult]) -> Markup | None:
    if not tests:
        return None
    parts: list[Child] = []
    for test in tests:
        iteration = test.results.get("iteration")
        heading = f"{test.name}: iteration {iteration}" if iteration is not None else test.name
        parts += [element("h3", heading), _result_tables(test.results)]
    return section(
        "Tests of this run", *parts, note="Deterministic policy; the same number of episodes in every env."
    )


def _result_tables(results: Mapping[str, Any]) -> Markup:
    """metrics.json as one table of spreads and one of rates."""
    parts = ("mean", "std", "min", "max")
    of = {
        f"return ({results.get('episodes', '?')} episodes)": _inner(results, "return"),
        "length [steps]": _inner(results, "length"),
        "length [s]": _inner(results, "seconds"),
    }
    rates = [("success", results.get("success_rate")), *sorted(_inner(results, "criteria").items())]
    rates.append(("time-out", results.get("timeout_rate")))
    tasks = _inner(results, "tasks")
    for task in tasks:
        of[f"return of {task}"] = _inner(_inner(tasks, task), "return")
        rates.append((f"success of {task}", _inner(tasks, task).get("success_rate")))
    for fact, spread in _inner(results, "facts").items():
        of[str(fact)] = spread if isinstance(spread, Mapping) else {}
    spreads = [
        (label, *(number(figure_of(spread.get(part))) for part in parts))
        for label, spread in of.items()
        if spread
    ]
    shares = [(name, percent(rate)) for name, rate in rates if figure_of(rate) is not None]
    tables = (table(["", *parts], spreads, "numbers"), table(["", "share"], shares, "numbers"))
    found = of_test(results)
    return join([element("div", *tables, class_="side"), None if found is None else shown(found)])


def _inner(results: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of the results, which may be somebody else's: empty where it is no such part."""
    part = results.get(name)
    return part if isinstance(part, Mapping) else {}


def _settings(run: RunData) -> Markup:
    asked, resolved = typed(run.config), worked_out(run.config)
    parts: list[Child] = []
    if asked:
        parts.append(table(["asked for", "value"], [(name, element("code", value)) for name, value in asked]))
    else:
        parts.append(element("p", "Nothing was asked for: all settings are the defaults.", class_="empty"))
    if resolved:
        rows = [(name, wish, element("code", value)) for name, wish, value in resolved]
        parts.append(
            element(
                "details",
                element("summary", f"{len(rows)} settings worked out by the program"),
                table(["setting", "asked", "became"], rows),
            )
        )
    return section("Settings", *parts, note="What differs from the defaults; config.yaml has every value.")


def _origin(run: RunData) -> Markup:
    record, git = run.record, run.record.git
    code = git.get("problem") or join([
        element("code", str(git.get("commit") or "no commit yet")),
        f" on {git.get('branch') or 'no branch'}",
        ", with changes that were not committed" if git.get("dirty") else ", nothing changed",
    ])  # fmt: skip
    rows: list[tuple[Child, Child]] = [("command", element("code", record.command)), ("code", code)]
    files = changed_files(run.path)
    if files:
        lines = [(name, f"+{added}", f"−{removed}") for name, added, removed in files]
        rows.append(("changes", table([], lines, "numbers")))
    if isinstance(git.get("untracked"), list) and git["untracked"]:
        rows.append(("untracked", ", ".join(map(str, git["untracked"]))))
    if record.parent and record.kind == "train":
        rows.append(("goes on from", " ← ".join(reversed(run.ancestors or (record.parent,)))))
    if record.tested_run:
        rows.append(("tested run", record.tested_run))
    if record.saved:
        saved = ", ".join(f"{which} of iteration {at}" for which, at in record.saved.items())
        rows.append(("checkpoints", saved))
    packages = ", ".join(f"{name} {version}" for name, version in record.packages.items())
    rows += [
        ("device, seed", f"{record.device}, {record.seed}"),
        ("Python", f"{record.python}; {record.platform}"),
        ("packages", packages),
    ]
    return section("How it was made", table([], rows, "facts"))
