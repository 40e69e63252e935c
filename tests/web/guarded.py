"""A small application behind a guard, on a free port of the loopback interface: what a test asks to learn whom it lets in.

``/`` names who asks and the namespaces of ``among`` that he may read, ``/reports/NAMESPACE`` is for those who may read it,
``/metrics`` for those who may get this path.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp
from aiohttp import web

from gpucost.web.access import Guard, server_log


class Answer(NamedTuple):
    status: int
    text: str
    headers: Mapping[str, str]


Ask = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True)
class _Pages:
    guard: Guard
    among: Collection[str]

    async def index(self, request: web.Request) -> web.Response:
        viewer = await self.guard.viewer(request)
        everything = "all" if await viewer.may_read_all() else "some"
        text = f"{viewer.name} {everything} {sorted(await viewer.readable(self.among))}"
        return web.Response(text=text, headers={"X-Host": request.host})

    async def report(self, request: web.Request) -> web.Response:
        viewer = await self.guard.viewer(request)
        if not await viewer.may_read(request.match_info["namespace"]):
            raise web.HTTPForbidden
        return web.Response(text="report")

    async def metrics(self, request: web.Request) -> web.Response:
        viewer = await self.guard.viewer(request)
        if not await viewer.may_get_path("/metrics"):
            raise web.HTTPForbidden
        return web.Response(text="metrics")


def application(guard: Guard, among: Collection[str] = ()) -> web.Application:
    """The application."""
    pages, app = _Pages(guard, among), web.Application()
    app.router.add_get("/", pages.index)
    app.router.add_get("/reports/{namespace:.*}", pages.report)
    app.router.add_get("/metrics", pages.metrics)
    return app


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The URL of an application on a free port."""
    runner = web.AppRunner(app, access_log=None, logger=server_log())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def asked(guard: Guard, use: Callable[[Ask], Awaitable[None]], among: Collection[str] = ()) -> None:
    """Serve it while ``use`` asks: a path, and a token or headers."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with served(application(guard, among)) as url, aiohttp.ClientSession(timeout=timeout) as session:

        async def ask(path: str = "/", token: str | None = None, method: str = "GET", **headers: str) -> Answer:
            sent = headers if token is None else {"Authorization": f"Bearer {token}", **headers}
            async with session.request(method, url + path, headers=sent) as answer:
                return Answer(answer.status, await answer.text(), answer.headers)

        await use(ask)


def guarded(guard: Guard, use: Callable[[Ask], Awaitable[None]], among: Collection[str] = ()) -> None:
    """The same, in an event loop of its own."""
    asyncio.run(asked(guard, use, among))
