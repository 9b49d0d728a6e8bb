"""The site: builds without a warning, opens without a network, leads nowhere that is not there, and loses nothing."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from needs import lacking
from pages import ROOT, Page, pages

pytestmark = pytest.mark.slow

LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
COUNTED = ("li", "table", "tr", "td", "pre", "h1", "h2", "h3", "img", "blockquote")
DOCS = [page for page in pages() if page.path.is_relative_to(ROOT / "docs")]
HUBS = ("api/tasks.md", "api/environments.md", "api/learners.md", "api/simulators.md")


class Html(HTMLParser):
    """What a built page loads, links to and can be linked at, and how many elements its article has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._in_article = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in_article |= tag == "article"
        self.counts[tag] += self._in_article
        for name in ("id", "name"):
            self.anchors.add(given.get(name) or "")
        target = given.get(LOADED.get(tag, "href")) or ""
        if tag in LOADED:
            self.loads.append(target)
        if target:
            self.links.append(target)

    def handle_endtag(self, tag: str) -> None:
        self._in_article &= tag != "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, once for all of xdist's processes; what it says would be a warning.

    RLKIT_SITE names one that `make docs` has just built, as in CI.
    """
    if "RLKIT_SITE" in os.environ:
        return Path(os.environ["RLKIT_SITE"])
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            command = [
                sys.executable,
                "-m",
                "mkdocs",
                "build",
                "--quiet",
                "--strict",
                "--site-dir",
                str(folder),
            ]
            environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def built(site: Path) -> dict[Path, Html]:
    return {path: Html(path) for path in sorted(site.rglob("*.html"))}


def of_page(page: Page) -> str:
    """Where the site has a page of docs/."""
    name = str(page.path.relative_to(ROOT / "docs"))
    return name.replace("README.md", "index.html").replace(".md", ".html")


def test_every_page_is_there(site: Path) -> None:
    assert [of_page(page) for page in DOCS if not (site / of_page(page)).exists()] == []


def test_nothing_is_loaded_from_elsewhere(site: Path, built: dict[Path, Html]) -> None:
    assert {target for page in built.values() for target in page.loads if urlsplit(target).netloc} == set()
    for sheet in site.rglob("*.css"):
        assert "url(http" not in sheet.read_text(encoding="utf-8"), sheet


def test_links_lead_to_pages_and_anchors_of_the_site(site: Path, built: dict[Path, Html]) -> None:
    for path, page in built.items():
        if path.name == "404.html":
            continue  # a server's, with links from its root
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert place.is_file(), f"{path.relative_to(site)} links to {link}"
            if parts.fragment and place in built:
                assert unquote(parts.fragment) in built[place].anchors, f"{path.relative_to(site)}: {link}"


@pytest.mark.parametrize(
    "page", [page for page in DOCS if page.path.parent.name != "api"], ids=lambda page: page.name
)
def test_the_site_shows_what_a_code_host_shows(page: Page, site: Path, built: dict[Path, Html]) -> None:
    """As many rows, items, blocks: where Markdown's dialects differ, a list without a blank line before it is text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(page.text)
    everything = [inner for token in tokens for inner in (token, *(token.children or ()))]
    wanted = Counter(token.tag for token in everything if token.nesting >= 0)
    wanted["pre"] = sum(token.type in ("fence", "code_block") for token in everything)
    found = built[site / of_page(page)].counts
    assert {tag: found[tag] for tag in COUNTED} == {tag: wanted[tag] for tag in COUNTED}


def test_files_outside_of_docs_are_shown_inside_of_the_site(site: Path, built: dict[Path, Html]) -> None:
    copy = site / "repository/CONTRIBUTING.md.html"
    assert "repository/CONTRIBUTING.md.html" in built[site / "index.html"].links
    assert "../architecture.html" in built[copy].links
    assert "rlkit authors" in (site / "repository/LICENSE.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HUBS)
def test_public_names_have_their_place(name: str, site: Path, built: dict[Path, Html]) -> None:
    module = name[len("api/") : -len(".md")]
    expected = {
        "tasks": ("tasks.api.Task.refresh", "tasks.terms.reward"),
        "environments": ("env.api.VecEnv.step", "env.task_env.TaskEnv"),
        "learners": ("learners.api.Learner.iterate",),
        "simulators": ("sims.api.Simulator.step", "sims.api.SceneSpec"),
    }[module]
    anchors = built[site / f"api/{module}.html"].anchors
    assert {f"rlkit.{part}" for part in expected} <= anchors


def test_search_knows_every_page_and_no_copy(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    known = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {of_page(page) for page in DOCS} <= known
    assert not any(location.startswith("repository/") for location in known)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        lacking("browser", "there is no chromium; .ci/packages installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_search_works_off_the_disk_and_pages_fit_the_window(browser: Any, site: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    for name in ("configuration.html", "api/environments.html", "index.html"):
        page.goto((site / name).as_uri())
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, name
    if width < 700:
        page.click("header label[for=__search]")
    page.locator("input[name=query]").press_sequentially("curriculum")
    page.wait_for_selector(".md-search-result__item")
    assert "Domain randomisation" in page.inner_text(".md-search-result__list")
    assert [url for url in asked if not url.startswith(("file://", "data:", "about:"))] == []
    page.close()
