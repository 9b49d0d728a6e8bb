"""What the pages call ours exists: settings, metrics, files, commands."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest
from pages import ROOT, Page, code, pages
from test_docs_commands import check_rlkit

from rlkit.config.schema import keys
from rlkit.config.words import foreign
from rlkit.config.words.preflight import read_words

FROM = [page for page in pages() if page.path.parent.name == "coming_from" and page.path.stem != "README"]
TASKS = (
    "BoxGrasping",
    "CubeReorient",
    "HumanoidVelocity",
    "QuadrupedVelocity",
    "TrackMotion",
    "Steering",
    "HighLevelSteering",
    "HighLevelReach",
    "Style",
    "PickCube",
    "Gym",
    "Soccer",
)
TOLD = {
    name: (ROOT / f"docs/{name}.md").read_text() for name in ("metrics", "learners", "workspace", "watching")
}
DECORATORS = ("@reward", "@success", "@failure", "@observation")


@lru_cache
def settings() -> frozenset[str]:
    """Every setting of some task and learner, by its full name."""
    requests = [
        read_words([f"task={task}", f"train={train}"])
        for task in TASKS
        for train in ("BaseTaskPPO", "AMP", "ASE", "FastTD3", "FastSAC", "FlashSAC", "Distill", "MaskedMimic")
    ]
    return frozenset(name for request in requests for name in request.schema.names)


def is_setting(word: str) -> bool:
    """Whether it is a setting, or a section with `.*` behind."""
    section = word[:-1] if word.endswith(".*") else word + "."
    return word in settings() or any(name.startswith(section) for name in settings())


def problem(word: str) -> str:
    """What is wrong with a word of ours; empty where nothing is."""
    name, equals, value = word.partition("=")
    if word.startswith("rlkit "):
        check_rlkit(word.split()[1:])
    elif word.startswith(("rlkit/", "conf/")):
        return "" if (ROOT / word).exists() else "there is no such file"
    elif equals:
        if name == "training.initFrom":
            Path(value).touch()
        task = "task=Gym" if name == "env.vectorization" else "task=BoxGrasping"
        read_words([word] if name == "task" else [task, word])  # raises ConfigError
    elif word.partition(".")[0] in keys.SECTIONS and "." in word:
        return "" if is_setting(word) else "there is no such setting"
    elif word not in ("torchrun", "config", *DECORATORS, *keys.GROUPS, *keys.ALIASES):
        return "" if is_told(word) else "no page tells of it"
    return ""


def is_told(word: str) -> bool:
    """Whether a page of metrics or files has it: by itself, or as `group/<term>`."""
    group = word.partition("/")[0]
    metrics = TOLD["metrics"] + TOLD["learners"]
    spellings = (f"`{word}`", f"`{group}/<term>`", f"`{group}/<criterion>`")
    file = word.rstrip("/").rpartition("/")[2]
    return any(text in metrics for text in spellings) or file in TOLD["workspace"] + TOLD["watching"]


@pytest.mark.parametrize("page", FROM, ids=lambda page: page.path.stem)
def test_our_words_exist(page: Page) -> None:
    words = [word for row in page.rows() for word in code(row[1])]
    assert len(words) > 20
    wrong = {word: said for word in words if (said := problem(word))}
    assert not wrong


@pytest.mark.parametrize("page", FROM, ids=lambda page: page.path.stem)
def test_the_pages_and_the_hints_say_the_same(page: Page) -> None:
    """Where a row is one foreign word that hints know too, what they name is among what the page names."""
    for row in page.rows():
        theirs = code(row[0])
        said = {keys.ALIASES.get(name, name) for name in (word.partition("=")[0] for word in code(row[1]))}
        if len(theirs) != 1 or not said or any(name.endswith(f".{theirs[0]}") for name in said):
            continue  # our own word needs no hint
        known = None if "/" in theirs[0] else foreign.meaning(theirs[0])
        if known is not None and known.ours:
            told = {keys.ALIASES.get(name, name) for name in known.ours.split()}
            assert said & told or any(name in known.says for name in said), (theirs, said, known)


def test_what_looks_like_a_setting_is_one() -> None:
    sections = "|".join(keys.SECTIONS)
    older = read_words([]).schema
    for page in pages():
        for word in code(page.prose):
            if re.fullmatch(rf"(?:{sections})(?:\.[A-Za-z]\w*)+", word) and not module(word):
                theirs = page in FROM and older.canonical(word) is None  # their word, in the first column
                assert is_setting(word) or older.canonical(word) or theirs, f"{page.name} names {word}"


def test_every_file_of_ours_that_is_named_is_there() -> None:
    """On the pages, in the product and in the contract suite, but those that a page has its reader make."""
    made = re.compile(
        r"random_search|RandomSearch|puppet|my_robot|level_grasping|balance|learners/es/"
        r"|/(?:TPPO|ES|NAME|MyTask\w*|MyRobot|LevelGrasping\w*|Balance\w*|Touch|Go1Walk|YamReach|ShadowPinch|moon"
        r"|MyReach|Near|ReachPPO|test_my_reach)\."
    )
    named = re.compile(
        r"(?<![\w/.<>-])(?:rlkit|conf|tests|benchmarks|docs)/(?:[\w-]+/)*[\w-]+\.(?:py|yaml|json|xml|md)\b"
    )
    sources = [path for folder in ("rlkit", "tests/contract") for path in (ROOT / folder).rglob("*.py")]
    texts = [page.text for page in pages()] + [path.read_text(encoding="utf-8") for path in sources]
    found = {word for text in texts for word in named.findall(text) if not made.search(word)}
    assert {"rlkit/config/facts/support.yaml", "rlkit/env/api.py"} <= found
    assert not {word for word in found if not (ROOT / word).exists()}


def module(word: str) -> bool:
    """Whether it is a file or module instead."""
    return (
        word == "train.log"
        or (ROOT / word).exists()
        or (ROOT / "rlkit" / word.replace(".", "/")).with_suffix(".py").exists()
    )


@pytest.mark.parametrize(
    "word", ["train.no_such", "task.nothing.*", "losses/nothing.pth", "nn/other.pth", "rlkit/no.py"]
)
def test_a_word_that_does_not_exist_is_found(word: str) -> None:
    assert problem(word)
