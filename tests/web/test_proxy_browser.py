"""The proxy in a real browser: its link, its cookie, and what pages of other servers on the same machine can do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from playwright.async_api import BrowserContext, Error, async_playwright

from gpucost.web.proxy import Proxy
from processes import Missing, program, skip
from web.guarded import served

TOKEN: Final = "t0ken-of-the-owner"
REBOUND: Final = "--host-resolver-rules=MAP evil.example 127.0.0.1"
"""A name of somebody else's that leads to this machine."""


def browsed(use: Callable[[BrowserContext, Proxy, str, str], Awaitable[None]]) -> list[web.Request]:
    """Run an operator of small pages, the proxy before it, and a server of somebody else's on another port, while ``use``
    browses; what the latter was asked. ``use`` gets the URLs of the proxy and of that server."""
    try:
        chromium = program("chromium")
    except Missing as why:
        skip("Chromium", why)
    strange: list[web.Request] = []

    async def page(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        text = f'<title>{request.path}</title><a href="next/">next</a><a href="../">back</a>'
        return web.Response(text=text, content_type="text/html")

    async def stranger(request: web.Request) -> web.Response:
        strange.append(request)
        return web.Response(text="<title>strange</title>", content_type="text/html")

    async def run() -> None:
        async with served(_every(page)) as operator, served(_every(stranger)) as elsewhere:
            proxy = Proxy(_always(operator), _always(TOKEN), "reports/")
            async with served(proxy.application()) as front, async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", REBOUND])
                try:
                    await use(await browser.new_context(), proxy, front, elsewhere)
                finally:
                    await browser.close()

    asyncio.run(run())
    return strange


def _every(handler: Any) -> web.Application:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    return app


def _always(value: str) -> Callable[[], Awaitable[str]]:
    async def give() -> str:
        return value

    return give


def test_the_link_opens_the_page_and_the_browser_walks_on_and_back() -> None:
    async def use(context: BrowserContext, proxy: Proxy, front: str, _: str) -> None:
        page = await context.new_page()
        await page.goto(front + proxy.link)
        assert await page.title() == "/reports/"
        await page.get_by_text("next").click()
        assert await page.title() == "/reports/next/"
        await page.get_by_text("back").click()
        assert await page.title() == "/reports/"
        await page.go_back()
        assert await page.title() == "/reports/next/"
        await page.reload()
        assert await page.title() == "/reports/next/"
        assert await page.evaluate("document.cookie") == ""

    browsed(use)


def test_another_browser_does_not_get_in_by_the_same_link_or_address() -> None:
    async def use(context: BrowserContext, proxy: Proxy, front: str, _: str) -> None:
        page = await context.new_page()
        await page.goto(front + proxy.link)
        assert context.browser is not None
        other = await (await context.browser.new_context()).new_page()
        for url in (front + proxy.link, page.url):
            answer = await other.goto(url)
            assert answer is not None
            assert answer.status == 403

    browsed(use)


def test_a_server_on_another_port_gets_no_cookie_and_its_pages_can_t_read_ours() -> None:
    async def use(context: BrowserContext, proxy: Proxy, front: str, elsewhere: str) -> None:
        page = await context.new_page()
        await page.goto(front + proxy.link)
        ours = page.url
        await page.goto(elsewhere)
        assert await page.title() == "strange"
        for url in (ours, front, front + proxy.link):
            for mode in ("cors", "no-cors"):
                read = f"fetch('{url}', {{mode: '{mode}', credentials: 'include'}}).then(a => a.text()).catch(() => '')"
                assert await page.evaluate(read) == ""

    for request in browsed(use):
        assert "Cookie" not in request.headers


def test_a_name_that_is_resolved_to_this_machine_reads_nothing() -> None:
    """DNS rebinding: the browser takes it for the page's own server."""

    async def use(context: BrowserContext, proxy: Proxy, front: str, elsewhere: str) -> None:
        page = await context.new_page()
        await page.goto(front + proxy.link)
        path, port = page.url.removeprefix(front), front.rpartition(":")[2]
        for target in ("/", path, proxy.link):
            try:
                answer = await page.goto(f"http://evil.example:{port}{target}")
            except Error as error:
                raise AssertionError(f"the name did not lead here: {error}") from None
            assert answer is not None
            assert (answer.status, await answer.text()) == (421, "this proxy is for this machine only\n")

    browsed(use)
