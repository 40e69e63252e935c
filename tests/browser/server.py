"""The pages as ``gpucost serve`` gives them, on a free port, in an event loop of another thread than the browser's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Thread
from urllib.parse import urlencode

import pytest
from aiohttp import web

from browser.samples import HOSTILE, Sample, Samples, services, without_tasks
from gpucost.api.costreport import CostReport
from gpucost.computing import read_report
from gpucost.report.report import Report
from gpucost.web.access import LocalGuard
from gpucost.web.library import Key
from gpucost.web.listening import serve
from gpucost.web.local import LocalLibrary
from gpucost.web.reports import ReportPages
from gpucost.web.server import pages_application


@contextmanager
def served(pages: Callable[[], ReportPages]) -> Iterator[str]:
    """The URL of pages, without a slash at the end."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        return await serve(pages_application(pages()), "127.0.0.1", 0)

    try:
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield "http://{}:{}".format(*runner.addresses[0])
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True)
class Site:
    """A server of three reports, all of the namespace demo: demo, services (with hostile names) and nodes (without tasks)."""

    url: str
    samples: dict[Key, Sample]
    reports: dict[Key, Report]

    def report(self, name: str) -> Report:
        return self.reports["demo", name]

    def page(self, name: str, path: str = "", **query: str) -> str:
        """The URL of a report's page, or of one beside it."""
        return f"{self.url}/reports/demo/{name}/{path}" + (f"?{urlencode(query)}" if query else "")


@pytest.fixture(scope="session")
def site(samples: Samples) -> Iterator[Site]:
    """The server of this session."""
    nodes = without_tasks()
    nodes.manifest["metadata"] = {**nodes.manifest["metadata"], "name": "nodes"}
    shown = {"demo": samples.sample("demo"), "services": services(HOSTILE, 6), "nodes": nodes}
    found = {("demo", name): sample for name, sample in shown.items()}
    reports = {key: sample.compute() for key, sample in found.items()}
    specs = {key: read_report(sample.manifest) for key, sample in found.items()}

    def compute(spec: CostReport) -> Report:
        return found[spec.namespace, spec.name].compute(spec)

    library = partial(LocalLibrary, reports, specs, compute)
    with served(lambda: ReportPages(library(), LocalGuard())) as url:
        yield Site(url, found, reports)
