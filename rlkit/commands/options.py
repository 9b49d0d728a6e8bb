"""Options that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_root(parser: argparse.ArgumentParser, default: Any = Path()) -> None:
    """`--root`, the folder of the workspace."""
    parser.add_argument(
        "--root", type=Path, default=default, metavar="DIR", help="folder that holds runs_all/ (here)"
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """`--trust MODULE`, which may be given again."""
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE",
        help="may be imported where the run or recording asks for it, though it is not installed; again for another",
    )


def add_viewer(parser: argparse.ArgumentParser) -> None:
    """`--viewer`, and where its page is."""
    parser.add_argument(
        "--viewer", choices=("web", "native"), default="web", help="a page, or a window of MuJoCo's (web)"
    )
    parser.add_argument("--port", type=int, default=8080, help="of the page; 0 takes a free one (8080)")
    parser.add_argument("--host", default="127.0.0.1", help="of the page; 0.0.0.0 lets others in (127.0.0.1)")
