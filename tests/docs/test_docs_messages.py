"""The troubleshooting page quotes what the code says, and settings and metrics that there are."""

from __future__ import annotations

import ast
import re
from typing import Iterator

import pytest
from pages import ROOT, Page, code

PAGE = Page(ROOT / "docs/troubleshooting.md")
# Said by Python, or seen as a metric.
NOT_OURS = ("No module named 'hydra'", "failure/unstable")


def texts() -> Iterator[str]:
    """Every text in rlkit, with … for what is filled in."""
    for path in sorted((ROOT / "rlkit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"%s|%d|\{\}|\{!r\}", "…", node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                yield "".join(parts)


def quoted() -> list[str]:
    """The messages in the first column, of tables whose first column is messages."""
    found = []
    for part in re.findall(r"\| (?:message|what you see) \|.*?(?=\n\n|\Z)", PAGE.text, re.DOTALL):
        for line in part.splitlines()[2:]:
            cell = line.split(" | ")[0]
            found += [text for text in code(cell) if " " in text]
    return found


@pytest.fixture(scope="module")
def said() -> str:
    return "\n".join(texts())


@pytest.mark.slow
@pytest.mark.parametrize("message", [text for text in quoted() if text not in NOT_OURS])
def test_a_quoted_message_is_one_of_the_code(message: str, said: str) -> None:
    pieces = [re.escape(piece) for piece in message.split("…")]
    assert re.search(r"[^\n]{0,80}?".join(pieces), said), message


def test_there_are_messages() -> None:
    assert len(quoted()) > 40
