"""Links that leave docs/ lead to a copy inside of the site, so that the same page works here and on a code host.

A hook of MkDocs: what a page links to, `../rlkit/env/api.py` or `../CONTRIBUTING.md`, becomes a page below repository/,
and so does what that page links to in its turn. Missing files are left to MkDocs, which refuses them.
"""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Callable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
COPIES = "repository"
HIDDEN = "---\nsearch:\n  exclude: true\n---\n\n"
LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".xml": "xml",
    ".json": "json",
}
_PROSE_OR_FENCE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")


def relinked(markdown: str, source: str, page: str, wanted: Callable[[str], None]) -> str:
    """The text of the file `source` of the repository with the links of the page `page` of the site.

    wanted: is told of every file or folder outside of docs/ that is linked to.
    """

    def moved(match: re.Match[str]) -> str:
        target = normpath(join(dirname(source), match[2]))
        if target.startswith("docs/"):
            place = target[len("docs/") :]
        elif (ROOT / target).exists() and not target.startswith(".."):
            wanted(target)
            place = f"{COPIES}/{target}.md"
        else:
            return match[0]
        return match[1] + relpath(place, dirname(page) or ".") + match[3]

    parts = _PROSE_OR_FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(moved, part) for part in parts)


def copy_of(path: str, wanted: Callable[[str], None]) -> str:
    """A file or folder of the repository as a page."""
    place = ROOT / path
    if place.is_dir():
        return f"{HIDDEN}# {path}\n\n" + "".join(f"- `{inner.name}`\n" for inner in sorted(place.iterdir()))
    text = place.read_text(encoding="utf-8")
    if place.suffix == ".md":
        return HIDDEN + relinked(text, path, f"{COPIES}/{path}.md", wanted)
    return f"{HIDDEN}# {path}\n\n````{LANGUAGES.get(place.suffix, 'text')}\n{text}\n````\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file that is linked to, straight or by such a page."""
    waiting: list[str] = []
    for file in files.documentation_pages():
        relinked(file.content_string, f"docs/{file.src_uri}", file.src_uri, waiting.append)
    done: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path not in done:
            done.add(path)
            page = File.generated(config, f"{COPIES}/{path}.md", content=copy_of(path, waiting.append))
            page.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(page)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page of docs/ there."""
    if page.file.generated_by is not None:
        return markdown
    return relinked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri, lambda path: None)
