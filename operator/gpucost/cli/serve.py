"""Pages of reports on one's own machine."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import Callable

from aiohttp import web

from gpucost.api.costreport import CostReport
from gpucost.pages.links import report_path
from gpucost.report.report import Report
from gpucost.web.access import LocalGuard
from gpucost.web.listening import address, serve
from gpucost.web.local import LocalLibrary
from gpucost.web.reports import ReportPages
from gpucost.web.server import pages_application

HOST = "127.0.0.1"
"""Nobody but this machine may see the pages, for they ask nobody who he is."""


def serve_report(spec: CostReport, report: Report, port: int, compute: Callable[[CostReport], Report]) -> None:
    """Serve the pages of one report on the loopback interface until Ctrl-C; ``compute``: the same over another period."""
    key = report.namespace, report.name
    library = LocalLibrary({key: report}, {key: spec}, compute)
    asyncio.run(_serve(ReportPages(library, LocalGuard()), report_path(*key), port))


async def _serve(pages: ReportPages, path: str, port: int) -> None:
    runner = await _listen(pages, port)
    try:
        url = f"http://{address(*runner.addresses[0][:2])}/{path}"
        print(f"gpucost: {url} shows the report; Ctrl-C ends it", file=sys.stderr, flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


async def _listen(pages: ReportPages, port: int) -> web.AppRunner:
    try:
        return await serve(pages_application(pages), HOST, port)
    except OSError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE:
            raise OSError(f"port {port} is in use; choose another with --port") from None
        raise
