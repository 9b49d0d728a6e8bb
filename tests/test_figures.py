"""Figures that pages quote are in the files that their commands wrote, and say when and where they were measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.learning import Curve, read_curve, spread

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
MEASURED = re.compile(r"\d (?:times|minutes|s)\b|env-steps/s|\d ?%|\d to \d[\d.]* times")
CONTENT = {
    "date": "2026-11-29",
    "processor": "Xeon, 2 cores",
    "figures": {"64 envs": {"rate": 17812.4, "share": 0.0512}, "each": [3, 250.0]},
}


def test_quoted_numbers_are_in_the_file_of_their_command() -> None:
    quoted = [(page, name, text) for page in PAGES for name, text in results.quotes(page)]
    assert quoted
    for page, name, text in quoted:
        content = results.read(name)
        assert content["command"].startswith("python"), name
        assert DATE.fullmatch(content["date"]), name
        assert results.missing(text, content) == [], (
            f"{page.name} quotes what benchmarks/results/{name}.json lacks"
        )


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("| 64 envs | 17,812 | 0.05 |", []),
        ("17,812.4 on 2026-11-29 with 2 cores", []),
        ("250 and 3", []),
        ("17,813", ["17,813"]),
        ("0.06", ["0.06"]),
        ("3.1", ["3.1"]),
    ],
)
def test_a_number_that_was_not_measured_is_found(text: str, missing: list[str]) -> None:
    assert results.missing(text, CONTENT) == missing


def test_marks_are_closed_and_name_a_file() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        marks = re.findall(r"<!-- (?:figures of [\w-]+|end of figures) -->", text)
        assert len(marks) == 2 * len(results.quotes(page)), page.name


def test_sections_of_benchmarks_say_when_and_on_what() -> None:
    """Those that have a table of figures, whether quoted from a file or measured earlier."""
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for section in re.split(r"\n(?=###? )", text)[1:]:
        if re.search(r"^\|.*\d", section, re.MULTILINE):
            title = section.splitlines()[0]
            assert DATE.search(section), f"{title}: no date"
            assert re.search(r"EPYC|Xeon|Ryzen|H200|<!-- figures of", section), f"{title}: no processor"


def test_readme_says_when_what_it_claims_was_measured() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## What you get")[1].split("\n## ")[0]
    for claim in re.split(r"\n(?=- )", text):
        if re.search(r"times the|within \w+ minutes|env-steps/s|\d ?%", claim):
            assert DATE.search(claim) or "<!-- figures of" in claim, claim


def test_saved_figures_carry_command_date_and_processor(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    monkeypatch.setattr("sys.argv", ["/x/benchmarks/ppo.py", "--threads", "1", "2"])
    results.save("mine", {"ms": 1.5})
    content = results.read("mine")
    assert content["command"].endswith("-m benchmarks.ppo --threads 1 2")
    assert content["figures"] == {"ms": 1.5}
    assert {"date", "processor", "versions"} <= set(content)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["mine.json"]


def test_the_spread_over_seeds_counts_those_that_did_not_get_there() -> None:
    returns = {0: [5.0, 2100.0], 1: [2000.0, 900.0], 2: [1.0, 2.0], 3: [3.0, 4.0], 4: [9.0, 2500.0]}
    curves = [
        Curve(f"PPO, seed {s}", True, [10.0, 20.0], [100, 200], [0, 0], r, "-") for s, r in returns.items()
    ]
    found = spread(curves, [("return", 2000.0)])["PPO"]
    assert found["seeds"] == 5
    assert found["seconds to return 2000"] == {
        "median": 20.0, "least": 10.0, "greatest": None, "each": [20.0, 10.0, None, None, 20.0]
    }  # fmt: skip
    assert found["best return"]["median"] == 2000.0
    none = spread(curves[2:4], [("return", 2000.0)])["PPO"]["steps to return 2000"]
    assert (none["median"], none["each"]) == (None, [None, None])


def test_an_error_counts_where_every_episode_was_played_to_its_end(tmp_path: Path) -> None:
    found = [(0.0, 0.06), (1.0, 0.09), (1.0, 0.03), (0.5, 0.01)]
    rows = [
        {"wall_time": 10.0 * k, "env_steps": 100 * k, "eval/success": success, "eval/return": 1.0,
         "eval/error_global": error, "eval/near": error}
        for k, (success, error) in enumerate(found, 1)
    ]  # fmt: skip
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    curve = read_curve(tmp_path, "PPO, seed 0")
    levels = [("error_global", 0.1), ("error_global", 0.05), ("error_global", 0.02)]
    assert [curve.first(level) for level in levels] == [1, 2, None]
    told = spread([curve], levels)["PPO"]
    assert told["least error_global"]["median"] == 0.03
    assert told["steps to error_global 0.05"]["each"] == [300]
    assert curve.first(("near", 0.07)) == 0, "how far from a style is told of every step"
