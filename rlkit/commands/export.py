"""`rlkit export`: a trained policy as ONNX and TorchScript, with what a robot must know to use it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rlkit.commands.options import add_root, add_trust
from rlkit.errors import FAILED
from rlkit.untrusted import printable

HELP = "write a run's policy as ONNX and TorchScript, compared with the original before"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the run and the options."""
    parser.description = (
        "Write the policy of a run as policy.onnx and policy.pt with policy.json, which says what its numbers mean."
        " The formats are first compared with the policy on observations from its own task."
    )
    parser.add_argument("ref", metavar="RUN", help="as checkpoint= takes it: latest, a run, run:best, a file")
    parser.add_argument("--format", choices=("onnx", "torchscript", "both"), default="both", help="(both)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the files go (<run>/export)")
    add_trust(parser)
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Export; 1 where the task cannot be built or a format differs. Raises WorkspaceError for a refusal."""
    from rlkit.export.request import FORMATS, read_request

    formats = FORMATS if arguments.format == "both" else (arguments.format,)
    request = read_request(arguments.ref, arguments.root, formats, arguments.out, arguments.trust)
    from rlkit.export.export import FAILURES, export  # torch and the simulator come with it

    try:
        export(request)
    except FAILURES as error:
        print(printable(f"rlkit export: {error}"), file=sys.stderr)
        return FAILED
    return 0
