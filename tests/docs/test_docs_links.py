"""Every link in README and docs leads somewhere, and every page is found from README."""

from __future__ import annotations

import pytest
from pages import ROOT, Page, pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_anchor_leads_somewhere(page: Page) -> None:
    for target in page.links():
        file, _, anchor = target.partition("#")
        path = (page.path.parent / file).resolve() if file else page.path
        assert path.exists(), f"{page.name} links to {target}"
        assert path.is_relative_to(ROOT), f"{page.name} links out of the repository: {target}"
        if anchor:
            there = Page(path).anchors()
            assert anchor in there, f"{page.name} links to {target}; {file or 'it'} has {sorted(there)}"


def test_every_page_is_found_from_readme() -> None:
    found, more = set(), [ROOT / "README.md"]
    while more:
        path = more.pop()
        found.add(path)
        files = {(path.parent / link.partition("#")[0]).resolve() for link in Page(path).links()}
        more += [file for file in files if file.suffix == ".md" and file not in found]
    lost = {page.path for page in PAGES} - found
    assert not lost, f"no way from README to {sorted(lost)}"


def test_the_index_lists_every_page() -> None:
    index = Page(ROOT / "docs/README.md")
    listed = {(index.path.parent / link.partition("#")[0]).resolve() for link in index.links()}
    assert {page.path for page in PAGES if page.path.parent == index.path.parent} - {index.path} <= listed


def test_anchors_are_those_of_github() -> None:
    page = Page(ROOT / "docs/tasks.md")
    assert {"a-reward-term-of-your-own", "what-differs-from-the-original-task-and-why"} <= page.anchors()
