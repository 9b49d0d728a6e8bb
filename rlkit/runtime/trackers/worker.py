"""The process of a tracker: what a training tells it stands line by line in its standard input.

Its standard output has one line, the `Opened`. Whatever a package raises ends the process; its last words on standard
error are the reason.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TextIO

from rlkit.config.schema.trackers import TRACKERS
from rlkit.runtime.trackers.api import Job, Tracker


def main() -> None:
    """Take the job, then everything until the end of the input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the training decides what is the end, and closes the input
    os.nice(5)
    answers, lines = _answers(), sys.stdin
    tracker = _opened(Job(**json.loads(lines.readline())))
    answers.write(json.dumps(asdict(tracker.opened)) + "\n")
    answers.close()
    state = "interrupted"  # where the training was killed before it could say
    for line in lines:
        if not line.endswith("\n"):
            break  # torn by a kill
        what, words = json.loads(line)
        if what == "close":
            state = words[0]
            break
        _do(tracker, what, words)
    tracker.close(state)


def _opened(job: Job) -> Tracker:
    module, _, name = TRACKERS[job.tracker].made_by.partition(":")
    return getattr(import_module(module), name)(job)


def _do(tracker: Tracker, what: str, words: list) -> None:
    if what == "write":
        tracker.write(*words)
        return
    name, path, last = words
    if Path(path).exists():  # a video may have been pruned meanwhile
        (tracker.add_video if what == "video" else tracker.add_file)(name, Path(path), last)


def _answers() -> TextIO:
    """Standard output for the training alone: what packages print goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return answers
