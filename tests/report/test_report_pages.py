from __future__ import annotations

import html
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run, row, rows

from rlkit.cli import main
from rlkit.packages import how_to_install
from rlkit.report import compare_runs, gather, report_run
from rlkit.report.charts import figure
from rlkit.report.gather import changed_files, load_runs
from rlkit.report.groups import group_runs, outcome
from rlkit.report.run_charts import charts_of
from rlkit.report.settings import compared, differing, flat
from rlkit.workspace import WorkspaceError

NASTY = "<script>alert(1)</script>"


def text_of(page: Path) -> str:
    """What a reader sees, without markup."""
    body = page.read_text(encoding="utf-8").partition("<body")[2]
    return html.unescape(re.sub(r"<[^>]+>", " ", body.rpartition("<script>")[0]))


def check_page(page: Path) -> None:
    """Nothing comes from elsewhere, and every element is closed in its order."""
    from html.parser import HTMLParser

    content = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?:https?:)?//[a-z0-9]", content.replace("//www.w3.org", ""))
    assert not re.findall(r"<(?:link|iframe|img)\b", content)
    assert content.count("<script>") == 1

    class Balance(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open_ = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "input"):
                self.open_.append(tag)

        def handle_endtag(self, tag):
            assert self.open_.pop() == tag

    parser = Balance()
    parser.feed(content)
    assert parser.open_ == []


# --- one run


def test_a_page_of_one_run(tmp_path):
    lines = rows([1.0, 2.0, 3.0], losses__critic=0.5, reward__lift=1.0, reward__never=0.0, odd__one=4.0)
    path = make_run(tmp_path, lines, units=[8], command="a b")
    written = report_run(path, tmp_path / "out", tmp_path)
    check_page(written.page)
    seen = text_of(written.page)
    for words in (
        "Toy",
        "done",
        "losses/critic",
        "odd/one",
        "train.units",
        "[8]",
        "300",
        "over 2 episodes at least",
        "python 'a b'",
    ):
        assert words in seen, words
    assert [picture.name for picture in written.pictures] == ["return.png", "reward_terms.png"]
    # A wide number beside the axis, as -11.048, keeps its sign
    assert re.search(r"\.plot \{[^}]*overflow: visible", written.page.read_text())


def test_pictures_have_300_dpi_and_one_column(tmp_path):
    from PIL import Image

    path = make_run(tmp_path, rows([1.0, 2.0, 3.0]))
    (picture,) = report_run(path, tmp_path / "out", tmp_path).pictures
    with Image.open(picture) as image:
        assert image.size == (1020, 690)
        assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_a_run_without_metrics_says_so(tmp_path):
    written = report_run(make_run(tmp_path, [], state="failed"), tmp_path / "out", tmp_path)
    check_page(written.page)
    assert "No metrics yet" in text_of(written.page)
    assert written.pictures == []


def test_a_run_under_way_is_reported_so_far(tmp_path):
    from rlkit.workspace import WorkspaceLimits, open_run

    run = open_run(
        "Toy", "train", root=tmp_path, settings=WorkspaceLimits(), config_yaml="{}", command=["python"],
        learner="ppo", seed=1, device="cpu", source=tmp_path,
    )  # fmt: skip
    run.metrics.write_text('{"iteration": 1, "env_steps": 10, "wall_time": 1.0, "losses/a": null}\n{"iter')
    seen = text_of(report_run(run.path, tmp_path / "out", tmp_path).page)
    assert re.search(r"State\s+running\s+so far", seen)
    assert "1 line(s) of metrics.jsonl could not be read" in seen
    run.set_state("done")


def test_what_has_a_unit_is_drawn_with_it(tmp_path):
    """Of several metrics in a chart where they share one; an older run says none."""
    named: dict[str, Any] = {
        "episode__length": 9.0,
        "eval__length": 8.0,
        "eval__error_global": 0.031,
        "metric__own": 1.0,
    }
    path = make_run(tmp_path, rows([1.0, 2.0], **named))
    assert {
        chart.unit for group in charts_of(load_runs([path], tmp_path)[0]).values() for chart in group
    } == {""}
    record = json.loads((path / "run.json").read_text())
    units = {"eval/error_global": "m", "episode/length": "control steps", "eval/length": "control steps"}
    (path / "run.json").write_text(json.dumps({**record, "units": units}))
    (run,) = load_runs([path], tmp_path)
    shown = {chart.title: chart for group in charts_of(run).values() for chart in group}
    assert {title: chart.unit for title, chart in shown.items()} == {
        "Return": "", "Length": "control steps", "eval/error_global": "m", "metric/own": "",
    }  # fmt: skip
    drawn = str(figure(shown["eval/error_global"]))
    assert ">[m]</text>" in drawn and ">0.031 m</b>" in drawn
    assert ">[" not in str(figure(shown["metric/own"]))  # of the time it is behind a word: training time [s]


@pytest.mark.slow
def test_settings_and_results_that_cannot_be_read_are_left_out(tmp_path):
    path = make_run(tmp_path, rows([1.0, 2.0]))
    repeated = "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 9))
    (path / "metrics.json").write_text("[" * 100_000)
    assert gather.test_results(path) is None
    unreadable = (
        "a: " + "[" * 3000,
        "a: !!int x",
        f"a: {'1' * 5000}",
        "a0: &a0 [x]\n" + repeated,
        "\xff",
        "[1]",
    )
    for text in unreadable:
        (path / "config.yaml").write_bytes(text.encode("latin-1"))
        written = report_run(path, tmp_path / "out", tmp_path)
        check_page(written.page)
        assert "no settings are shown" in text_of(written.page), text[:20]
    for odd in (
        "composed: 5",
        "composed: {choices: 5, overrides: 5, asked: 5}",
        "composed: {overrides: [5]}",
        "env: [1]",
    ):
        (path / "config.yaml").write_text(odd)
        check_page(report_run(path, tmp_path / "out", tmp_path).page)


def test_everything_written_by_others_is_escaped(tmp_path):
    named: dict[str, Any] = {f"losses__{NASTY}": 1.0}
    lines = rows([1.0, 2.0], **named)
    path = make_run(tmp_path, lines, command=NASTY, note=NASTY)
    nasty = path.with_name("<script>x<script>")
    path.rename(nasty)
    (nasty / "git.diff").write_text(f"diff --git a/{NASTY} b/{NASTY}\n@@ -1 +1 @@\n-a\n+b\n")
    (nasty / "videos").mkdir()
    (nasty / "videos" / '"onload="x.mp4').write_bytes(b"video")
    for written in (
        report_run(nasty, tmp_path / "out", tmp_path),
        compare_runs([nasty, make_run(tmp_path, lines, note="b")], tmp_path / "both", tmp_path),
    ):
        check_page(written.page)
        assert NASTY in text_of(written.page)


def test_a_resumed_run_begins_with_its_parent(tmp_path):
    first = make_run(tmp_path, rows([1.0, 2.0, 3.0, 4.0]), name="first")
    second = make_run(tmp_path, rows([30.0, 40.0], first=3), name="second", parent="first")
    third = make_run(tmp_path, rows([50.0], first=5), name="third", parent="second")
    (run,) = load_runs([third], tmp_path)
    assert run.metrics.columns["episode/return"].tolist() == [1, 2, 30, 40, 50]
    assert run.ancestors == ("first", "second")
    assert [mark.at["iteration"] for mark in run.joins] == [2.5, 4.5]
    assert "goes on from first, second" in text_of(report_run(third, tmp_path / "out", tmp_path).page)
    (first / "run.json").unlink()
    (run,) = load_runs([second], tmp_path)
    assert run.metrics.columns["episode/return"].tolist() == [30, 40]
    assert "first" in run.notes[0] and "no run.json" in run.notes[0]


def test_runs_that_name_each_other_as_parents_end(tmp_path):
    first = make_run(tmp_path, rows([1.0]), name="first", parent="second")
    make_run(tmp_path, rows([2.0]), name="second", parent="first")
    (run,) = load_runs([first], tmp_path)
    assert "go on from itself" in run.notes[0]


def test_small_videos_are_inside_and_large_ones_linked(tmp_path, monkeypatch):
    from rlkit.report import single

    path = make_run(tmp_path, rows([1.0]))
    (path / "videos").mkdir()
    (path / "videos" / "small.mp4").write_bytes(b"0123")
    (path / "videos" / "large one.mp4").write_bytes(b"0" * 100)
    monkeypatch.setattr(single, "_EMBEDDED_BYTES", 50)
    content = report_run(path, path / "report", tmp_path).page.read_text()
    assert 'src="data:video/mp4;base64,MDEyMw=="' in content
    assert 'src="../videos/large%20one.mp4"' in content
    assert (path / "report" / "../videos/large one.mp4").exists()


def test_tests_of_a_run_are_on_its_page_and_a_test_has_its_own(tmp_path):
    import json

    path = make_run(tmp_path, rows([1.0]), name="trained")
    test = make_run(tmp_path, [], name="tested", kind="test")
    record = json.loads((test / "run.json").read_text())
    (test / "run.json").write_text(json.dumps({**record, "tested_run": "trained"}))
    spread = {"mean": 12.5, "std": 1.0, "min": 11.0, "max": 14.0}
    results = {"iteration": 7, "episodes": 4, "return": spread, "success_rate": 0.75, "timeout_rate": 0.25,
               "criteria": {"lifted": 0.5}}  # fmt: skip
    (test / "metrics.json").write_text(json.dumps(results))
    for folder in (path, test):
        seen = text_of(report_run(folder, tmp_path / "out", tmp_path).page)
        assert "12.5" in seen and "75 %" in seen and "lifted" in seen
    with pytest.raises(
        WorkspaceError, match="tested is a test; compare takes training runs: rlkit compare trained"
    ):
        compare_runs([path, test], tmp_path / "out", tmp_path)


@pytest.mark.parametrize(("count", "fold"), [(3, "<details open>"), (30, "<details>")])
def test_scenarios_are_a_table_that_begins_with_the_failed_ones(tmp_path, count, fold):
    scenarios = [
        {"scenario": f"c{i}", "success": int(i != 1), "gap": 0.25 * i, "return": 1.0, "seconds": 2.0}
        for i in range(count)
    ]
    results = {"scenarios": scenarios, "scenario_noun": "clip", "units": {"gap": "m"},
               "facts": {"gap": {"mean": 0.25, "std": 0.25, "min": 0.0, "max": 0.5}}}  # fmt: skip
    tested = make_run(tmp_path, [], kind="test")
    (tested / "metrics.json").write_text(json.dumps(results))
    page = report_run(tested, tmp_path / "out", tmp_path).page.read_text()
    # A bar for each, the largest first; c1 has failed.
    names = re.findall(r"<title>(c\d+): ", page)
    assert names == [f"c{i}" for i in range(count)][::-1][:20]
    assert ("the largest 20 of 30 clips" in page) == (count == 30)
    assert ("✗ c1<" in page) == (count == 3)
    assert f"{fold}<summary>1 of {count} clips failed</summary>" in page and "gap [m]" in page
    assert page.index(">c1<") < page.index(">c0<") < page.index(">c2<")


CLIPS = """\
iteration,clip,"success (never above 0.5 m)",error_global [m],share,return,length [control steps],time [s]
4,walk,1,0.25,0.5,9.0,100,2.0
4,"turn, left",0,0.5,,1.0,20,0.4
"""


def test_a_training_shows_its_latest_evaluation_clip_by_clip_and_how_the_errors_went(tmp_path):
    path = make_run(tmp_path, rows([1.0, 2.0], eval__return=1.0, eval__error_global=0.4))
    (path / "clips.csv").write_text(CLIPS)
    (path / "notes.csv").write_text("iteration,a\n")
    page = report_run(path, tmp_path / "out", tmp_path).page
    seen, text = text_of(page), page.read_text()
    assert "Latest evaluation by clip" in seen and "1 of 2 clips failed" in seen and "iteration 4" in seen
    assert text.index(">turn, left<") < text.index(">walk<")
    # A bar is as long as its share of the largest, 302 px; of "share" there is one number alone, and no picture.
    assert re.findall(r'<title>(.*?): (.*?)</title>.*?width="(.*?)"', text) == [
        ("turn, left", "0.5", "302.0"),
        ("walk", "0.25", "151.0"),
    ]
    assert "eval/error_global" in seen


def test_changed_lines_of_a_diff(tmp_path):
    (tmp_path / "git.diff").write_text(
        "diff --git a/x.py b/x.py\nindex 1..2\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,3 @@\n-old\n+new\n+--more\n same\n"
        'diff --git "a/\\303.py" "b/\\303.py"\n--- "a/\\303.py"\n+++ /dev/null\n@@ -1 +0,0 @@\n-- gone\n'
    )
    assert changed_files(tmp_path) == [("x.py", 2, 1), ("\\303.py", 0, 1)]


# --- several runs


def test_runs_that_differ_in_the_seed_alone_are_one_group(tmp_path):
    paths = [
        make_run(tmp_path, rows([1.0, 2.0]), seed=seed, gamma=gamma)
        for gamma in (0.9, 0.99)
        for seed in (1, 2)
    ]
    groups = group_runs(load_runs(paths, tmp_path))
    assert [(group.letter, group.name, group.seeds) for group in groups] == [
        ("A", "gamma=0.9", "2 runs, seeds 1, 2"),
        ("B", "gamma=0.99", "2 runs, seeds 1, 2"),
    ]


def test_many_differences_are_named_as_they_were_typed(tmp_path):
    plain = make_run(tmp_path, rows([1.0]))
    other = make_run(tmp_path, rows([1.0]), a=1, b=2, c=3, d=4)
    named = [group.name for group in group_runs(load_runs([plain, other], tmp_path))]
    assert named == [plain.name, f"{other.name} (train.a=1, train.b=2, train.c=3, train.d=4)"]


def test_runs_of_one_seed_are_shown_each_by_its_name(tmp_path):
    """The spread of runs with the same settings and seed is none over seeds, and would hide them."""
    paths = [make_run(tmp_path, rows([1.0, last]), name=name) for name, last in (("one", 2.0), ("two", 4.0))]
    groups = group_runs(load_runs(paths, tmp_path))
    assert [(group.name, group.seeds) for group in groups] == [
        ("one", "1 run, seed 1"),
        ("two", "1 run, seed 1"),
    ]
    page = text_of(compare_runs(paths, tmp_path / "out", tmp_path).page)
    assert re.search(r"final return\s+2\s+4\b", page)
    (alone,) = group_runs(load_runs(paths[:1], tmp_path))
    assert alone.name == "one"


def test_a_training_shows_the_videos_of_its_tests(tmp_path):
    trained, tested, other = (make_run(tmp_path, rows([1.0]), name=name) for name in ("t", "tested", "other"))
    for test, of in ((tested, "t"), (other, "u")):
        record = json.loads((test / "run.json").read_text())
        (test / "run.json").write_text(json.dumps({**record, "kind": "test", "tested_run": of}))
        (test / "metrics.json").write_text('{"episodes": 1}')
    for run in (trained, tested, other):
        (run / "videos").mkdir()
        (run / "videos" / f"of_{run.name}.mp4").write_bytes(b"video")
    page = text_of(report_run(trained, tmp_path / "out", tmp_path).page)
    assert page.index("of_t") < page.index("tested: of_tested")
    assert "of_other" not in page


def test_what_is_only_shown_or_saved_is_not_compared():
    one = {
        "env": {"numEnvs": 4, "render": True},
        "training": {"seed": 1, "checkpoint": None},
        "logging": {"a": 1},
    }
    two = {
        "env": {"numEnvs": 8, "render": False},
        "training": {"seed": 2, "checkpoint": "x"},
        "logging": {"a": 2},
    }
    assert differing([compared(one), compared(two)]) == ["env.numEnvs"]
    assert flat({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}


def test_the_table_of_a_comparison_by_hand(tmp_path):
    """Windows of two episodes: every line stands for itself."""
    first = make_run(tmp_path, [row(i, episode__count=2, episode__return=r, episode__success=s)
                                for i, r, s in ((1, 0.0, 0.0), (2, 10.0, 1.0), (3, 6.0, 0.5))], seed=1)  # fmt: skip
    second = make_run(tmp_path, [row(i, episode__count=2, episode__return=r, episode__success=s)
                                 for i, r, s in ((1, 2.0, 0.0), (2, 4.0, 0.5), (3, 8.0, 0.5))], seed=2)  # fmt: skip
    best = outcome(load_runs([first], tmp_path)[0], "episode/return")
    assert (best.best, best.final, best.seconds_to(9.0), best.seconds_to(11.0)) == (10.0, 6.0, 1.0, None)
    seen = re.sub(r"\s+", " ", text_of(compare_runs([first, second], tmp_path / "out", tmp_path).page))
    for words in (
        "best return 9 ± 1.41",
        "final return 7 ± 1.41",
        "final success 50 ± 0 %",
        "time to 50 % success 1 s",
        "time to 90 % success 1 s (1 of 2)",
        "time to return 9 1 s (1 of 2)",
        "env steps 300 ± 0",
    ):
        assert words in seen, words


def test_evaluations_and_exploring_episodes_are_never_compared(tmp_path):
    evaluated = make_run(tmp_path, rows([1.0, 2.0], eval__return=50.0))
    plain = make_run(tmp_path, rows([1.0, 2.0]), gamma=0.5)
    seen = text_of(compare_runs([evaluated, plain], tmp_path / "out", tmp_path).page)
    assert "Return and success are of training episodes" in seen
    assert "50 ±" not in seen
    both = text_of(compare_runs([evaluated, evaluated], tmp_path / "out", tmp_path).page)
    assert "Return and success are of evaluations" in both


def test_runs_of_different_tasks_and_without_metrics(tmp_path):
    runs = [make_run(tmp_path, rows([1.0, 2.0]), task="A"), make_run(tmp_path, [], task="B")]
    written = compare_runs(runs, tmp_path / "out", tmp_path)
    check_page(written.page)
    seen = text_of(written.page)
    assert "different tasks: their returns do not compare" in seen
    assert "time to return" not in seen
    written = compare_runs(
        [runs[1], make_run(tmp_path, [], task="B", gamma=0.1)], tmp_path / "none", tmp_path
    )
    assert "No metrics yet" in text_of(written.page)
    assert written.pictures == []


# --- the commands


def test_refusals_of_the_commands(tmp_path, capsys):
    path = make_run(tmp_path, rows([1.0]))
    root = ["--root", str(tmp_path)]
    assert main(["report", "nothing_like_it", *root]) == 2
    assert "nothing_like_it" in capsys.readouterr().err
    assert main(["compare", path.name, path.name, *root]) == 2
    assert f"rlkit report {path.name}" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["report", path.name, *root, "--out", str(tmp_path / "file" / "x")]) == 2
    assert "could not make the folder" in capsys.readouterr().err
    (path / "run.json").write_text("{")
    assert main(["report", str(path), *root]) == 2
    assert "run.json" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path, capsys):
    path = make_run(tmp_path, rows([1.0]))
    full = tmp_path / "full"
    full.mkdir()
    (full / "index.html").mkdir()  # a page cannot take its place
    assert main(["report", path.name, "--root", str(tmp_path), "--out", str(full)]) == 2
    assert "index.html" in capsys.readouterr().err
    assert [item.name for item in full.iterdir()] == ["index.html"]


def test_without_matplotlib_there_is_the_page_and_a_word(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    written = report_run(make_run(tmp_path, rows([1.0])), tmp_path / "out", tmp_path)
    assert written.page.exists()
    assert how_to_install("plot") in written.text


def test_every_metric_has_its_place(tmp_path):
    named: dict[str, Any] = {
        "episode__success": 0.5, "episode__length": 9.0, "episode__timeout": 0.5, "eval__return": 1.0,
        "success__lifted": 0.5, "failure__unstable": 0.0, "failure__fallen": 0.25, "reward__a": 1.0,
        "reward__b": -2.0, "losses__critic": 1.0, "rate__env_steps_per_s": 100.0, "time__physics": 3.0,
        "time__update": 1.0, "time__evaluation": 9.0, "task__A/x-v1__return": 1.0, "task__A/x-v1__count": 1.0,
        "task__B__return": 1.0, "task__B__count": 1.0, "own": 1.0, "eval__gap": 0.5,
    }  # fmt: skip
    (run,) = load_runs([make_run(tmp_path, rows([1.0, 2.0], **named))], tmp_path)
    shown = {title: {chart.title: chart.names for chart in group} for title, group in charts_of(run).items()}
    assert shown == {
        "Learning": {"Return": ["training", "evaluation"], "Success": ["training"]},
        "Rewards": {"Reward terms": ["b", "a"]},
        "Episodes": {
            "Length": ["training"],
            "How episodes end": ["lifted", "fallen", "time-out"],
        },
        "Evaluations": {"eval/gap": [""]},
        "Tasks": {"Return by task": ["A/x-v1", "B"]},
        "Learner": {"losses/critic": [""]},
        "Speed": {"Env steps per second": [""], "Where the time goes": ["physics", "update"]},
        "Other metrics": {"time/evaluation": [""], "own": [""]},
    }
    shares = charts_of(run)["Speed"][1].views["env_steps"]
    assert [line.y.tolist() for line in shares] == [[0.75, 0.75], [0.25, 0.25]]


@pytest.mark.slow
def test_ten_thousand_iterations(tmp_path):
    """Under 10 s and 5 MB, and the page still says how lines were thinned."""
    names = [f"{group}__{i}" for group in ("losses", "reward", "policy") for i in range(10)]
    lines = [
        row(
            i,
            episode__count=4.0,
            episode__return=float(i % 97),
            **dict.fromkeys(names, i * 37 % 101 / 7),
        )
        for i in range(1, 10_001)
    ]
    path = make_run(tmp_path, lines)
    started = time.perf_counter()
    written = report_run(path, tmp_path / "out", tmp_path)
    assert time.perf_counter() - started < 10
    assert written.page.stat().st_size < 5e6
    other = make_run(tmp_path, lines, gamma=0.5)
    assert compare_runs([path, other], tmp_path / "both", tmp_path).page.stat().st_size < 5e6
    assert "at most 500 points" in text_of(written.page)
