"""Documents draw in Chromium, on a page that forbids evaluated code, at a phone's width and without a word of warning."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from casereport import report_of
from gpucost.report.charts import charts
from gpucost.report.charts.render import bundle
from gpucost.report.charts.theme import DARK, LIGHT
from report.chartcase import HOSTILE, case

PAGE = "http://127.0.0.1:9/"
"""Every request is answered by the test: nothing listens there."""
POLICY = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:"
DRAW = """
window.domains = [];
window.drawn = (async () => {
  for (const [i, document_] of DOCUMENTS.entries()) {
    const place = document.body.appendChild(document.createElement("div"));
    place.style.width = "320px";
    const {view} = await vegaEmbed(place, document_, {ast: true, actions: false, renderer: "svg"});
    const domain = view.scale("x").domain();
    window.domains.push(typeof domain[0] === "string" ? [0, 1] : domain.map(Number));
  }
  return document.querySelectorAll("svg").length;
})();
"""


@pytest.fixture
def page() -> Iterator[Page]:
    program = shutil.which("chromium")
    if program is None:
        assert not os.environ.get("CI"), "Chromium is missing"
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 340, "height": 900})
        browser.close()


def test_a_page_without_unsafe_eval_draws_every_chart(page: Page) -> None:
    """Hostile names are text in it: no script of theirs runs, and tooltips show them as they are."""
    drawn = charts(report_of(case(services=HOSTILE)))
    documents = [each.document(theme) for each in drawn for theme in (LIGHT, DARK)]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.route("**/*", lambda route: _answer(route, documents))
    page.goto(PAGE)
    assert page.evaluate("window.drawn") == len(documents)
    assert said == []
    for each, domain in zip(documents, page.evaluate("window.domains"), strict=True):
        assert domain == sorted(domain), each["description"]  # NaN would not be
        assert domain[0] < domain[-1], each["description"]
    widths = page.evaluate("[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().width)")
    assert max(widths) <= 320
    assert "<script>alert(1)</script>" in page.evaluate(
        "[...document.querySelectorAll('svg text')].map(t => t.textContent)"
    )


def _answer(route: Route, documents: list[dict[str, Any]]) -> None:
    scripts = {"draw.js": f"const DOCUMENTS = {json.dumps(documents)};{DRAW}"}
    name = route.request.url.removeprefix(PAGE)
    if name == "vega.js":
        route.fulfill(body=bundle(), content_type="text/javascript; charset=utf-8")
    elif name in scripts:
        route.fulfill(body=scripts[name], content_type="text/javascript; charset=utf-8")
    else:
        html = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Charts</title><body>'
        html += '<script src="/vega.js"></script><script src="/draw.js"></script>'
        route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY})
