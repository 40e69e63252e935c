"""The pictures of README.md and docs/, made from the demo by one command: ``make pictures``.

Each is a part of a page in a real browser, so a picture shows what people will see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from browser.chromium import FLAGS
from docs.generate import ROOT
from gpucost.computing import compute, read_report
from gpucost.demo import made_demo
from gpucost.demo.made import USUAL_TASKS
from gpucost.pages.links import report_path
from gpucost.sources.tasks import engine
from gpucost.web.access import LocalGuard
from gpucost.web.listening import serve
from gpucost.web.local import LocalLibrary
from gpucost.web.reports import ReportPages
from gpucost.web.server import pages_application
from processes import program

IMAGES: Final = ROOT / "docs" / "images"
DRAWN: Final = "html[data-charts=drawn]"
SHOTS: Final[Mapping[str, tuple[str, str, str, int]]] = {
    "report.png": ("", "body", "light", 1100),
    "spent.png": ("", "section[aria-labelledby=services] .charts", "light", 1100),
    "report-dark.png": ("", "section[aria-labelledby=services]", "dark", 1100),
    "idle.png": ("", "section[aria-labelledby=idle] .charts", "light", 1100),
    "days.png": ("", "section[aria-labelledby=days] .charts", "light", 1100),
    "narrow.png": ("", "body", "light", 360),
    "schedule.png": ("schedule", "main", "light", 1100),
    "attempts.png": ("attempts?service=video&date=2025-08-20", "main", "light", 1100),
    "compare.png": ("compare?start=2025-08-04&end=2025-08-18", "main", "light", 1100),
}
"""By file: the page beside the report's, the part of it, the theme, and the width of the window."""
HEIGHT: Final = 860


async def make_pictures() -> None:
    """Serve the demo, and take every picture."""
    demo = made_demo(USUAL_TASKS)
    with engine() as con:
        demo.fill(con)
        again = partial(compute, cronjobs=demo.cronjobs, db=con, now=demo.now_us)
        report, spec = again(demo.report), read_report(demo.report)
        key = report.namespace, report.name
        pages = ReportPages(LocalLibrary({key: report}, {key: spec}, again), LocalGuard())
        runner = await serve(pages_application(pages), "127.0.0.1", 0)
        try:
            await _take(f"http://127.0.0.1:{runner.addresses[0][1]}/{report_path(*key)}")
        finally:
            await runner.cleanup()


async def _take(url: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=program("chromium"), args=FLAGS)
        for name, shot in SHOTS.items():
            await _shoot(browser, url, name, *shot)
        await browser.close()


async def _shoot(browser: Browser, url: str, name: str, path: str, part: str, theme: Any, width: int) -> None:
    page = await browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=theme)
    await page.goto(url + path)
    if await page.query_selector(".chart"):
        await page.wait_for_selector(DRAWN)
    await _save(page, part, IMAGES / name)
    await page.close()


async def _save(page: Page, part: str, target: Any) -> None:
    if part == "body":
        await page.screenshot(path=target)
    else:
        box = await page.locator(part).bounding_box()
        assert box is not None
        clip = {"x": 0, "y": box["y"], "width": box["x"] * 2 + box["width"], "height": min(box["height"], HEIGHT)}
        await page.screenshot(path=target, clip=clip, full_page=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(make_pictures())
