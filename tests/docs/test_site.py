"""The docs as a site: built with warnings as errors, every link resolves, nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs.generate import ROOT

LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if LOADS.get(tag) in found and found.get("rel") != "canonical":
            self.loads.append(found[LOADS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by the strict builder."""
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "-f",
        str(ROOT / "site/mkdocs.yml"),
        "-d",
        str(target),
    ]
    built = subprocess.run(
        command, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return target


def test_every_page_of_the_docs_is_in_the_site(site: Path) -> None:
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in site.glob("*.html")}


def test_links_of_the_site_resolve(site: Path) -> None:
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.glob("*.html") if path.name != "404.html"}
    broken = [
        f"{path.name}: {link}"
        for path, page in pages.items()
        for link in page.links
        if not _resolves(path, link, pages)
    ]
    assert not broken


def _resolves(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    if link.startswith(("http://", "https://", "mailto:")):
        return True
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name not in ("", ".") else path
    target = target / "index.html" if target.is_dir() else target
    return target.is_file() and (not anchor or target not in pages or anchor in pages[target].anchors)


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    assert not [load for page in _pages(site) for load in page.loads if "//" in load]


def _pages(site: Path) -> Iterator[Page]:
    return (Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html"))
