"""The `rlkit` command: trains and tests as train.py does, and whatever else there is to do with runs."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from signal import SIGINT
from typing import NoReturn, Sequence

from rlkit import __version__
from rlkit.errors import BAD_REQUEST, RlkitError, interrupted_by
from rlkit.packages import problem
from rlkit.untrusted import printable

TRAINING = {
    "train": "train a policy; the words are those of train.py, and `rlkit train --help` lists them",
    "test": "test a policy: rlkit test checkpoint=latest; it is train with test=true",
}

COMMANDS = (
    "new", "model", "try_", "demo", "zoo", "runs", "sweep", "report", "compare", "view", "replay", "motion", "export",
    "sim2sim", "slurm", "doctor",
)  # fmt: skip
"""Modules of rlkit.commands, in the order that the help lists them; `try` is a word of Python's."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `rlkit` command; returns the exit status, 2 for a request that cannot be met."""
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and out.errors == "strict":
        # Another encoding lacks some of our signs; in this one a path may have bytes of another
        out.reconfigure(errors="surrogateescape" if out.encoding.lower() == "utf-8" else "replace")
    try:
        return _main(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt as stop:  # also while modules are imported, which a network's disk makes long
        print("interrupted", file=sys.stderr)
        return interrupted_by(getattr(stop, "signal", SIGINT))


def _main(words: list[str]) -> int:
    if words and words[0] in ("-sc", "--shell-completion") and _completed(words):
        return 0
    if words and words[0] in (*TRAINING, "-sc", "--shell-completion"):
        return _train(words)
    if words[:1] == ["slurm"] and not {"-h", "--help"} & set(words):
        words.insert(1, "--")  # -m is one of train.py's words
    arguments = _parser().parse_args(words)
    try:
        status = arguments.command(arguments)
        sys.stdout.flush()
    except RlkitError as error:
        print(f"rlkit: {printable(str(error))}", file=sys.stderr)
        return BAD_REQUEST
    except BrokenPipeError:  # `rlkit runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _completed(words: Sequence[str]) -> bool:
    """Answer a shell that asks for the first word; the others are settings, as of train.py."""
    query = next((word for word in words if word.startswith("query=")), None)
    typed = os.environ.get("COMP_LINE", "").split(" ")
    if query is None or len(typed) != 2:
        return False
    names = [*TRAINING, *(name.rstrip("_") for name in COMMANDS)]
    separator = "\n" if query == "query=fish" else " "
    print(separator.join(name for name in sorted(names) if name.startswith(typed[1])))
    return True


def _train(words: list[str]) -> int:
    """What train.py does with the words; no other command is imported for it."""
    lacking = problem()
    if lacking is not None:
        print(lacking, file=sys.stderr)
        return BAD_REQUEST
    from rlkit import app

    if words[0] in TRAINING:
        return app.main([*(["test=true"] if words[0] == "test" else []), *words[1:]])
    return app.main(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlkit", description="Train and test policies, look at runs, and take out of them what you need."
    )
    parser.add_argument("--version", action="version", version=f"rlkit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.required = True
    for name, text in TRAINING.items():
        commands.add_parser(name, help=text)  # for the list: main has taken their words
    for name in COMMANDS:
        module = importlib.import_module(f"rlkit.commands.{name}")
        command = commands.add_parser(name.rstrip("_"), help=module.HELP, description=module.HELP)
        module.configure(command)
        command.set_defaults(command=module.run)
    return parser


def start() -> NoReturn:
    """What `python -m` starts, which puts the current folder first on the import path: it may be somebody's run."""
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    sys.exit(main())


if __name__ == "__main__":
    start()
