"""`--write-support` for test_support.py."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "write what test_support.py sees into rlkit/config/support.yaml and docs/support.md"
    parser.addoption("--write-support", action="store_true", help=text)
