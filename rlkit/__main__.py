"""`python -m rlkit` is `rlkit`."""

from __future__ import annotations

from rlkit.cli import start

if __name__ == "__main__":  # workers that import this file again must not start a run
    start()
