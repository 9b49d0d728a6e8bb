"""Every command line in README and docs is one that works: each goes through the checks of what it would run."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
import shutil
from functools import lru_cache
from pathlib import Path

import pytest
from pages import ROOT, Page, pages

from rlkit import cli
from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

# A workstation with everything: what is checked is the line, not this machine.
MACHINE = Machine(cores=8, cuda_devices=2, simulators=frozenset(USABLE))
OWN_TASKS = re.compile(
    r"\btask=(LevelGrasping|MyReach|MyTask|MyRobot|Balance|Go1Walk|YamReach|ShadowPinch)\b"
    r"|\btrain=(MyTaskPPO|RandomSearch|ES)\b|\bconfig=my_walk\b|\bsim=puppet\b|\btrain\.network_settings\."
    r"|\btask=Touch\b|\bsim=moon\b|=my_(project|package)\."
)  # made on the page
SHELL_WORDS = {
    "cp",
    "mv",
    "mkdir",
    "touch",
    "cd",
    "ls",
    "export",
    "source",
    "unzip",
    "jupyter",
    "sbatch",
    "git",
    "tail",
    "ssh",
    "apt-get",
}
LINES = [(page, line) for page in pages() for line in page.lines()]


def words_of(line: str) -> list[str]:
    """The line as the shell takes it apart, without its comment."""
    return shlex.split(line.replace("$(", "").replace(")", ""), comments=True)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), LINES, ids=lambda value: getattr(value, "name", value))
def test_a_command_passes_the_checks_of_its_program(
    page: Page, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in re.split(r"\s(?:&&|;|\||&)\s", line):
        words = words_of(part)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            monkeypatch.setenv(*words.pop(0).split("=", 1))
        if words:
            check(words, page)


def check(words: list[str], page: Page) -> None:
    program = words[0]
    if "train.py" in words:
        check_training(tuple(words[words.index("train.py") + 1 :]))
    elif program == "rlkit" or words[:3] == ["python", "-m", "rlkit.cli"]:
        check_rlkit(words[1:])
    elif words[:2] == ["python", "-m"]:
        check_module(words[2], words[3:])
    elif program == "python":
        assert f"# {words[1]}\n" in page.text, f"{page.name} does not have {words[1]}"
    elif program == "make":
        targets = [word for word in words[1:] if "=" not in word]
        text = (ROOT / "Makefile").read_text()
        check_training(
            tuple(shlex.split(dict(w.split("=", 1) for w in words if "=" in w).get("ARGS", "--help")))
        )
        assert all(re.search(rf"^{target}:", text, re.MULTILINE) for target in targets), words
    elif program == "pip":
        extras = re.findall(r"\.\[([\w,]+)\]", " ".join(words))
        text = (ROOT / "pyproject.toml").read_text()
        for names in extras:
            assert all(re.search(rf"^{name} = \[", text, re.MULTILINE) for name in names.split(",")), words
    elif program == "tensorboard":
        assert words[1] == "--logdir"
    elif program == "eval":
        assert re.match("(python train.py|rlkit) -sc install=", words[1]), words
    elif program == "cp":
        assert (ROOT / words[1]).exists(), words
    else:
        assert program in SHELL_WORDS, f"{page.name}: who runs {words}?"


@lru_cache(maxsize=None)
def check_training(words: tuple[str, ...]) -> None:
    if any(re.search(OWN_TASKS, word) for word in words):
        return  # tests/journeys run what a page writes
    if words[:1] == ("--help",):
        words = tuple(word for word in words[1:] if "=" in word)
    if "-m" in words:
        words = tuple(_first_job(w) for w in words if w != "-m" and not w.startswith(("hydra", "sweep=")))
    words = tuple(
        word for word in words if word != "hydra/launcher=ray"
    )  # an extra that development is without
    for word in words:
        if word.startswith("training.initFrom="):
            file = Path(word.partition("=")[2])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        if word.startswith("task.masking.goals="):  # that the page shows
            goal = "{time: 1, body: pelvis, position: [0.5, 0, 1]}"
            Path(word.partition("=")[2]).write_text(f"goals: [{goal}]")
        if re.fullmatch(
            r"motion=(run\.npz|five\.yaml|clips)", word
        ):  # a clip, a list and a folder that the page makes
            robot = "g1" if "task.robot=g1" in words else "h1"
            file = Path(word.partition("=")[2])
            if file.suffix == ".yaml":
                file.write_text("clips: [h1/walk]")
                continue
            file = file if file.suffix else file / "run.npz"
            file.parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / "rlkit" / "motion" / "clips" / robot / "walk.npz", file)
    assert compose(words, machine=MACHINE).task_name


def _first_job(word: str) -> str:
    """A word of a sweep with one value alone."""
    word = re.sub(r"=\w+\(\D*([\d.e-]+).*", r"=\1", word)
    return re.sub(r"=([^\[,]+),.*", r"=\1", word)


def check_rlkit(words: list[str]) -> None:
    if words and words[0] in cli.TRAINING:
        check_training((*(["test=true"] if words[0] == "test" else []), *words[1:]))
        return
    if words[:1] == ["slurm"]:
        check_training(("hydra/launcher=slurm", *words[1 : words.index(">") if ">" in words else None]))
        return
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            cli._parser().parse_args(words)
        except SystemExit as end:
            assert end.code == 0, said.getvalue()


def check_module(module: str, words: list[str]) -> None:
    found = importlib.util.find_spec(module)
    assert found is not None and found.origin is not None, module
    if module.startswith("benchmarks."):
        text = "".join(path.read_text() for path in (ROOT / "benchmarks").rglob("*.py"))
        for option in (word for word in words if word.startswith("--")):
            assert f'"{option}"' in text, f"{module} has no {option}"
