"""Options that several commands have."""

from __future__ import annotations

import argparse


def add_trust(parser: argparse.ArgumentParser) -> None:
    """`--trust MODULE`, which may be given again."""
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE",
        help="may be imported where the run or recording asks for it, though it is not installed; again for another",
    )
