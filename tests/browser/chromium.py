"""A real Chromium for the tests: one browser a module, a fresh context a visit, and no page may be at fault in it.

A module and not a session: Playwright's loop runs in the thread of the tests as long as the browser is open, and other
modules run loops of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, Response, sync_playwright

from processes import Missing, program, skip

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WATCH: Final = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI || event.sample}`));
"""
REFUSED: Final = re.compile("Failed to load resource: the server responded with a status of ([0-9]+)")
"""What Chromium writes into the console when the answer to a request is an error."""
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
ROWS: Final = 3
"""Rows of a table that axe looks at: the others are made by the same template."""


@dataclass
class Visit:
    """A tab of a browser that has nothing else open, and what went wrong in it."""

    page: Page
    faults: list[str] = field(default_factory=list)
    """Errors of scripts, of the console, and of the policy."""
    requests: list[str] = field(default_factory=list)
    """The URLs of all requests, but those of data that stands in the page."""

    def listen(self) -> None:
        """Note what happens from now on."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", self._asked)
        self.page.on("request", self._requested)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _asked(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.requests.append(request.url)

    def go(self, url: str, status: int = 200) -> Response:
        """Open a page, whose answer must have this status."""
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.status == status, f"{url}: {answer.status} {self.text()[:500]}"
        self.forgive(status)
        return answer

    def forgive(self, status: int) -> None:
        """An answer of this status was wanted: what the console says of it is no fault."""
        found = [REFUSED.match(fault) for fault in self.faults]
        self.faults = [
            text for text, refused in zip(self.faults, found, strict=True) if not refused or refused[1] != str(status)
        ]

    def drawn(self) -> None:
        """Wait until every chart is drawn."""
        self.page.wait_for_selector("html[data-charts=drawn]", state="attached")

    def text(self) -> str:
        """What the page says, as a reader sees it."""
        return self.page.locator("body").inner_text()

    def table(self, name: str) -> list[list[str]]:
        """The texts of a table's rows that are shown, by the name of the table: its head, its body, its foot."""
        rows = "rows => rows.filter(r => !r.hidden).map(r => [...r.cells].map(c => c.textContent.trim()))"
        found: list[list[str]] = self.page.locator(f"[id='table-{name}'] tr").evaluate_all(rows)
        return found

    def column(self, name: str, label: str) -> list[str]:
        """The cells of a table's body under a label."""
        head, *body = self.table(name)
        foot = self.page.locator(f"[id='table-{name}'] tfoot tr").count()
        return [row[head.index(label)] for row in body[: len(body) - foot]]


class StartVisit(Protocol):
    """Opens a tab; ``options``: of Playwright's context, such as ``java_script_enabled``."""

    def __call__(self, *, width: int = 1280, **options: Any) -> Visit: ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    try:
        chromium = program("chromium")
    except Missing as why:
        skip("Chromium", why)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield found
        finally:
            found.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[StartVisit]:
    """Opens tabs that are closed after the test, which fails if a page in one of them was at fault."""
    visits: list[Visit] = []
    with ExitStack() as stack:

        def start(*, width: int = 1280, **options: Any) -> Visit:
            context = browser.new_context(viewport={"width": width, "height": 900}, **options)
            stack.callback(context.close)
            context.add_init_script(WATCH)
            found = Visit(context.new_page())
            found.listen()
            visits.append(found)
            return found

        yield start
    assert [fault for one in visits for fault in one.faults] == []


def violations(page: Page, *, whole: bool = False, rules: tuple[str, ...] = RULES) -> list[str]:
    """What axe finds: the rule, and the first element that breaks it. Cuts the page's tables to few rows.

    ``whole``: also within charts, which are pictures with a text to everybody but a browser.
    """
    page.locator("tbody").evaluate_all(f"all => all.forEach(b => [...b.rows].slice({ROWS}).forEach(r => r.remove()))")
    where: Mapping[str, Any] = {} if whole else {"exclude": [[".plot"]]}
    options = {"runOnly": list(rules), "resultTypes": ["violations"]}
    found = Axe().run(page, context={"include": [["html"]], **where}, options=options)
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found.response["violations"]]
