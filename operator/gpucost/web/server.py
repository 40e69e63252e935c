"""The HTTP server: metrics and health of the operator, pages of reports; in the event loop of the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from aiohttp import hdrs, web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS

from gpucost.metrics.page import MetricsPage
from gpucost.web.access import Guard
from gpucost.web.encoding import takes_gzip, takes_openmetrics
from gpucost.web.reports import ReportPages, errors

PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/metrics": "cost and health for Prometheus",
        "/healthz": "whether the operator's loop turns",
        "/readyz": "whether the operator is ready, or what it waits for",
    }
)
"""What ``/`` lists: paths and what is there."""


def application(
    page: MetricsPage,
    unready: Callable[[], Sequence[str]],
    reports: ReportPages | None = None,
    scrapers: Guard | None = None,
) -> web.Application:
    """The operator's application. ``unready`` names what is not ready, one sentence each; nothing when all is.

    ``reports``: the pages of reports, if they are wanted. ``scrapers``: who stands before /metrics; None: nobody.
    """
    pages = _Pages(page, unready, scrapers)
    app = pages_application(reports) if reports else web.Application()
    if reports is None:
        app.router.add_get("/", pages.index)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/healthz", pages.health)
    app.router.add_get("/readyz", pages.readiness)
    if reports is None:
        app.on_response_prepare.append(_seal)
    return app


def pages_application(reports: ReportPages) -> web.Application:
    """An application of nothing but the pages of reports."""
    app = web.Application(middlewares=[errors])
    reports.add_to(app)
    app.on_response_prepare.append(_seal)
    return app


@dataclass(frozen=True, slots=True)
class _Pages:
    page: MetricsPage
    unready: Callable[[], Sequence[str]]
    scrapers: Guard | None

    async def index(self, _: web.Request) -> web.Response:
        listed = [f"{path:<10} {told}\n" for path, told in PAGES.items()]
        return web.Response(text="".join(["gpucost\n\n", *listed]))

    async def metrics(self, request: web.Request) -> web.Response:
        """In the format and encoding that the client asks for; identity and text where it asks for nothing."""
        if self.scrapers is not None and not await (await self.scrapers.viewer(request)).may_get_path("/metrics"):
            raise web.HTTPForbidden(text="you may not get the path /metrics\n")
        openmetrics = takes_openmetrics(",".join(request.headers.getall(hdrs.ACCEPT, [])))
        gzip = takes_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])))
        headers = {
            hdrs.CONTENT_TYPE: OPENMETRICS if openmetrics else CONTENT_TYPE_PLAIN_0_0_4,
            hdrs.VARY: "Accept, Accept-Encoding",
        }
        if gzip:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=self.page.encode(openmetrics, gzip=gzip), headers=headers)

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readiness(self, _: web.Request) -> web.Response:
        missing = self.unready()
        return web.Response(text="".join(f"{line}\n" for line in missing) or "ok\n", status=503 if missing else 200)


async def _seal(_: web.Request, response: web.StreamResponse) -> None:
    """Figures are not to be cached or guessed at, and nobody needs the server's version."""
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.popall(hdrs.SERVER, None)
