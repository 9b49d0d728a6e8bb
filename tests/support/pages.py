"""README, CONTRIBUTING and docs/ taken apart: command lines, links, headings, table cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]
SHELL = ("", "bash", "console")  # fences whose lines may be typed


@dataclass(frozen=True)
class Page:
    """One page by its path."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The page without what stands in fences."""
        return re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL)

    def blocks(self, *languages: str) -> list[str]:
        """What stands in fences of these languages."""
        found = re.findall(r"^```(\w*)\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)
        return [body for language, body in found if language in languages]

    def lines(self) -> list[str]:
        """Lines to type: all of bash fences, of plain ones those that begin with a program of ours."""
        typed = []
        for language in SHELL:
            for block in self.blocks(language):
                for line in block.replace("\\\n", " ").splitlines():
                    ours = re.match(r"(python|rlkit|torchrun|make|pip|tensorboard) ", line)
                    if line.strip() and not line.startswith("#") and (language == "bash" or ours):
                        typed.append(line.strip())
        return typed

    def anchors(self) -> set[str]:
        """What `page.md#anchor` may name, as GitHub makes it from headings."""
        found: set[str] = set()
        for heading in re.findall(r"^#+ (.+?)\s*#*$", self.prose, re.MULTILINE):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
            anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            number = sum(1 for other in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other))
            found.add(f"{anchor}-{number}" if anchor in found else anchor)
        return found

    def links(self) -> list[str]:
        """Targets of links and pictures that lie in the repository."""
        targets = re.findall(r"\]\(([^)\s]+)\)", self.prose)
        return [target for target in targets if not re.match(r"[a-z]+:", target)]

    def rows(self) -> Iterator[list[str]]:
        """The cells of every table row, without heads and rules."""
        for table in re.findall(r"^\|.*\n\|[-| :]+\|\n((?:^\|.*\n?)+)", self.prose, re.MULTILINE):
            for line in table.splitlines():
                cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
                yield [cell.strip().replace("\\|", "|") for cell in cells]


def pages() -> list[Page]:
    """README, CONTRIBUTING and every page of docs/."""
    top = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    return [Page(path) for path in (*top, *sorted((ROOT / "docs").rglob("*.md")))]


def code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)
