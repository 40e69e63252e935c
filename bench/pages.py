"""How fast the page of a wide report comes: 1,000 services over 366 days, asked for over HTTP and opened in a browser.

    python bench/pages.py [SERVICES]

Bars: first byte within 50 ms, interactive within 1.5 s, at most 3 MB. Needs Chromium.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import time
from typing import Final

import aiohttp
from playwright.async_api import async_playwright

from gpucost.api.costreport import CostReport
from gpucost.computing import read_report
from gpucost.pages.files import page_contents
from gpucost.pages.links import report_path
from gpucost.report.report import Report
from gpucost.web.access import LocalGuard
from gpucost.web.listening import serve
from gpucost.web.local import LocalLibrary
from gpucost.web.reports import ReportPages
from gpucost.web.server import pages_application
from wide import SPEC, wide_report

TIMES: Final = 9
INTERACTIVE: Final = """() => {
    const [page] = performance.getEntriesByType("navigation");
    return [page.domInteractive, page.loadEventEnd, performance.now()];
}"""


async def main(services: int) -> None:
    """Measure and print."""
    report = wide_report(services)
    print(f"{services:,} services, {len(report.dates)} days, {report.quality.charged:,} attempts")
    library = LocalLibrary({(report.namespace, report.name): report}, {}, _never)
    first = []
    for _ in range(3):  # a server that has not shown the page before
        async with _Server(library) as url, aiohttp.ClientSession() as session:
            first.append((await _ask(session, url))[0])
    async with _Server(library) as url, aiohttp.ClientSession() as session:
        again = [await _ask(session, url) for _ in range(TIMES)]
        seconds = statistics.median(one[0] for one in again[1:])
        print(f"first byte: {1000 * statistics.median(first):.0f} ms when it is rendered, then {1000 * seconds:.1f} ms")
        print(f"page: {again[0][1] / 1e6:.2f} MB, {again[0][2] / 1e6:.2f} MB as sent")
        await _open(url)
    size = sum(len(chunk) for name, chunks in page_contents(report) if name == "report.html" for chunk in chunks)
    print(f"report.html with runtime and pictures: {size / 1e6:.2f} MB")


def _never(_: CostReport) -> Report:
    raise NotImplementedError


class _Server:
    """The pages on a free port."""

    def __init__(self, library: LocalLibrary) -> None:
        self.pages, self.path = ReportPages(library, LocalGuard()), report_path(*next(iter(library.reports)))

    async def __aenter__(self) -> str:
        self.runner = await serve(pages_application(self.pages), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/{self.path}"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


async def _ask(session: aiohttp.ClientSession, url: str) -> tuple[float, int, int]:
    """Seconds to the first byte, bytes of the page, and bytes as sent."""
    started = time.perf_counter()
    async with session.get(url) as answer:
        seconds = time.perf_counter() - started
        sent = int(answer.headers["Content-Length"])
        return seconds, len(await answer.read()), sent


async def _open(url: str) -> None:
    """Milliseconds in a browser that has nothing of the page yet, but for the last line."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        rows = []
        for _ in range(3):
            context = await browser.new_context(viewport={"width": 1200, "height": 900})
            page = await context.new_page()
            await page.goto(url, wait_until="load")
            interactive, loaded, _ = await page.evaluate(INTERACTIVE)
            await page.wait_for_selector("html[data-charts=drawn]")
            rows.append((interactive, loaded, (await page.evaluate(INTERACTIVE))[2]))
            await context.close()
        await browser.close()
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    print(
        "browser: readable after {:.0f} ms, sortable after {:.0f} ms, all charts drawn after {:.0f} ms".format(*middle)
    )


if __name__ == "__main__":
    read_report(SPEC)  # fails early where the spec is wrong
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
