"""What a benchmark measured, kept where pages can quote it: `--save` writes benchmarks/results/NAME.json.

A page quotes between `<!-- figures of NAME -->` and `<!-- end of figures -->`; tests/test_figures.py fails where a
number in between is not in that file, rounded as the page has it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import Any, Iterator, Mapping

from rlkit.workspace import write_atomic

FOLDER = Path(__file__).parent / "results"
QUOTED = re.compile(r"<!-- figures of ([\w-]+) -->(.*?)<!-- end of figures -->", re.DOTALL)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def add_option(parser: argparse.ArgumentParser, name: str) -> None:
    """`--save [NAME]`, with the benchmark's own name as the default."""
    text = f"write what was measured into benchmarks/results/NAME.json (by itself: {name})"
    parser.add_argument("--save", nargs="?", const=name, metavar="NAME", help=text)


def save(name: str, figures: Any) -> Path:
    """Write the figures (nested dicts and lists of numbers and text) with their command, date and processor."""
    command = [Path(sys.executable).name, "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]
    content = {
        "command": shlex.join(command),
        "date": date.today().isoformat(),
        "processor": processor(),
        "versions": versions(),
        "figures": figures,
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    write_atomic(path, json.dumps(content, indent=1) + "\n")
    print(f"wrote {path}")
    return path


def read(name: str) -> Mapping[str, Any]:
    """What was saved under a name."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def processor() -> str:
    """Its name and how many cores this process has."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def versions() -> Mapping[str, str]:
    """Python's and those of the libraries that the figures rest on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("torch", "mujoco", "rl-games", "rsl-rl-lib", "gymnasium", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def missing(text: str, content: Mapping[str, Any]) -> list[str]:
    """The numbers of a quoted passage that are in no figure of a results file, nor in its date and processor."""
    values = list(_numbers(content["figures"]))
    known = {word.replace(",", "") for word in _NUMBER.findall(f"{content['date']} {content['processor']}")}
    return [
        word
        for word in _NUMBER.findall(text)
        if not _backed(word.rstrip(",").replace(",", ""), values, known)
    ]


def _backed(word: str, values: list[float], known: set[str]) -> bool:
    digits = len(word.partition(".")[2])
    return word in known or any(f"{abs(value):.{digits}f}" == word for value in values)


def _numbers(figures: Any) -> Iterator[float]:
    if isinstance(figures, bool):
        return
    if isinstance(figures, (int, float)):
        yield float(figures)
    elif isinstance(figures, Mapping):
        for key, value in figures.items():
            yield from _numbers_in(str(key))
            yield from _numbers(value)
    elif isinstance(figures, (list, tuple)):
        for value in figures:
            yield from _numbers(value)
    elif isinstance(figures, str):
        yield from _numbers_in(figures)


def _numbers_in(text: str) -> Iterator[float]:
    """Those in names, as 64 in "64 envs"."""
    yield from (float(word.rstrip(",").replace(",", "")) for word in _NUMBER.findall(text))


def quotes(page: Path) -> list[tuple[str, str]]:
    """(name of the results file, text) of every quoted passage of a page."""
    return QUOTED.findall(page.read_text(encoding="utf-8"))
