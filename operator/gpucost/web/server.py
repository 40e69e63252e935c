"""The operator's HTTP server: metrics and health, in the event loop of the controller.

Pages of reports join ``_Pages`` and ``PAGES`` below.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from aiohttp import hdrs, web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS

from gpucost.metrics.page import MetricsPage

SHUTDOWN_SECONDS: Final = 5.0
"""How long open requests may take once the server stops: well under Kubernetes' 30 s of grace."""

REFUSED: Final = frozenset({"0", "0.", "0.0", "0.00", "0.000"})
"""Weights of a content coding that a client won't have."""

PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/metrics": "cost and health for Prometheus",
        "/healthz": "whether the operator's loop turns",
        "/readyz": "whether the operator is ready, or what it waits for",
    }
)
"""What ``/`` lists: paths and what is there."""


def application(page: MetricsPage, unready: Callable[[], Sequence[str]]) -> web.Application:
    """The server's application. ``unready`` names what is not ready, one sentence each; nothing when all is."""
    pages = _Pages(page, unready)
    app = web.Application()
    app.router.add_get("/", pages.index)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/healthz", pages.health)
    app.router.add_get("/readyz", pages.readiness)
    app.on_response_prepare.append(_seal)
    return app


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen on one address only; port 0 takes a free one, see ``runner.addresses``. The caller cleans the runner up.

    Raises OSError with one sentence where the address can't be had.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise OSError(f"can't listen on {address(host, port)}: {_why(error)}; free it or choose another") from error
    return runner


def _why(error: OSError) -> str:
    """The system's own words: asyncio's repeat the address. A host that can't be resolved has a negative number."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def address(host: str, port: int) -> str:
    """Host and port as in a URL: ``127.0.0.1:8080``, ``[::1]:8080``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True, slots=True)
class _Pages:
    page: MetricsPage
    unready: Callable[[], Sequence[str]]

    async def index(self, _: web.Request) -> web.Response:
        listed = [f"{path:<10} {told}\n" for path, told in PAGES.items()]
        return web.Response(text="".join(["gpucost\n\n", *listed]))

    async def metrics(self, request: web.Request) -> web.Response:
        """In the format and encoding that the client asks for; identity and text where it asks for nothing."""
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


def takes_openmetrics(accept: str) -> bool:
    """Whether an Accept header asks for OpenMetrics 1.0 rather than the text format, as prometheus_client reads it."""
    try:
        _, chosen = choose_encoder(accept)
    except TypeError:  # it compares a version that is no number, such as 1.x
        return False
    return chosen.startswith("application/openmetrics-text")


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, str] = {}
    for choice in accept_encoding.lower().split(","):
        coding, _, weight = choice.partition(";")
        weights[coding.strip()] = weight.strip().removeprefix("q=").strip()
    told = weights.get("gzip", weights.get("*"))
    return told is not None and told not in REFUSED


async def _seal(_: web.Request, response: web.StreamResponse) -> None:
    """Figures are not to be cached or guessed at, and nobody needs the server's version."""
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.popall(hdrs.SERVER, None)
