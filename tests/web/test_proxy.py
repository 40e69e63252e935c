"""The proxy that adds one's own token, over real sockets: whom it lets in, what it passes on, and what it keeps to itself."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from gpucost.kube.access import AccessError
from gpucost.web.proxy import Proxy
from web.guarded import served

TOKEN = "t0ken-of-the-owner"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: SimpleCookie

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Site:
    """An operator that tells what it was asked, and a proxy before it."""

    proxy: Proxy
    url: str
    asked: list[web.Request] = field(default_factory=list)

    @asynccontextmanager
    async def browser(self, *, enters: bool = True) -> AsyncIterator[Browser]:
        """One that has followed the link, unless stated."""
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address too, as browsers have them
        async with aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as session:
            browser = Browser(session, self)
            if enters:
                first = await browser.ask(self.proxy.link)
                assert first.status == 303
                browser.place = first.headers["Location"]
            yield browser


@dataclass
class Browser:
    session: aiohttp.ClientSession
    site: Site
    place: str = "/"

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for a path as it is, and follow no redirect."""
        url = URL(self.site.url + path, encoded=True)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url, headers=names, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read(), answer.cookies)

    async def page(self, path: str = "", method: str = "GET", **headers: str) -> Answer:
        """Ask for a page of the operator."""
        return await self.ask(self.place + path, method, **headers)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def greets(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"hello {request.method} {request.raw_path}")


def proxied(use: Callable[[Site], Awaitable[None]], handler: Handler = greets, start: str = "") -> None:
    """Run an operator of one handler, and the proxy before it, while ``use`` asks."""
    asked: list[web.Request] = []

    async def noted(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return await handler(request)

    async def run() -> None:
        behind = web.Application()
        behind.router.add_route("*", "/{path:.*}", noted)
        async with served(behind) as operator:

            async def url() -> str:
                return operator

            async def token() -> str:
                return TOKEN

            proxy = Proxy(url, token, start)
            async with served(proxy.application()) as front:
                await use(Site(proxy, front, asked))

    asyncio.run(run())


# Who gets in


def test_the_link_leads_to_the_page_which_is_asked_for_with_the_owner_s_token() -> None:
    async def use(site: Site) -> None:
        async with site.browser() as browser:
            assert browser.place.endswith("/reports/finops/june/")
            answer = await browser.page("service?name=a%2Fb%20c")
            assert answer.text == "hello GET /reports/finops/june/service?name=a%2Fb%20c"
            assert site.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"

    proxied(use, start="reports/finops/june/")


def test_the_link_works_once() -> None:
    async def use(site: Site) -> None:
        async with site.browser(), site.browser(enters=False) as late:
            assert (await late.ask(site.proxy.link)).status == 403
        assert site.asked == []

    proxied(use)


def test_to_look_at_the_link_does_not_use_it_up() -> None:
    async def use(site: Site) -> None:
        async with site.browser(enters=False) as other:
            assert (await other.ask(site.proxy.link, "HEAD")).status == 405
            assert (await other.ask("/open/wrong")).status == 403
            assert (await other.ask("/open/%C3%B6")).status == 403
        async with site.browser() as browser:
            assert (await browser.page()).status == 200

    proxied(use)


def test_the_cookie_is_for_this_browser_and_this_path_only() -> None:
    async def use(site: Site) -> None:
        async with site.browser(enters=False) as browser:
            answer = await browser.ask(site.proxy.link)
            cookie, place = answer.cookies["gpucost"], answer.headers["Location"]
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", place)
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert cookie.value not in place + site.proxy.link

    proxied(use)


def test_without_the_cookie_nobody_gets_in_and_the_operator_is_not_asked() -> None:
    async def use(site: Site) -> None:
        async with site.browser() as browser, site.browser(enters=False) as stranger:
            for headers in (
                {},
                {"Cookie": "gpucost="},
                {"Cookie": "gpucost=guess"},
                {"Authorization": f"Bearer {TOKEN}"},
            ):
                assert (await stranger.ask(browser.place, **headers)).status == 403
            assert (await stranger.ask("/")).status == 404
            assert (await stranger.ask("/reports/finops/june/")).status == 404
        assert site.asked == []

    proxied(use)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "192.0.2.1", ""])
def test_a_foreign_name_for_this_machine_is_misdirected(host: str) -> None:
    async def use(site: Site) -> None:
        async with site.browser() as browser:
            assert (await browser.page(Host=host)).status == 421
        async with site.browser(enters=False) as browser:
            assert (await browser.ask(site.proxy.link, Host=host)).status == 421
        assert site.asked == []

    proxied(use)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_get_and_head_is_passed_on(method: str) -> None:
    async def use(site: Site) -> None:
        async with site.browser() as browser:
            assert (await browser.page(method=method)).status == 405
            assert (await browser.page(method="HEAD")).status == 200
        assert [request.method for request in site.asked] == ["HEAD"]

    proxied(use)


# What is passed on


def test_of_the_browser_s_headers_only_those_of_the_wanted_form_are_passed_on() -> None:
    async def use(site: Site) -> None:
        async with site.browser() as browser:
            await browser.page(
                Authorization="Basic b3RoZXI=",
                Cookie="other=1",
                Proxy_Authorization="x",
                X_Forwarded_For="1.2.3.4",
                X_Remote_User="admin",
                Impersonate_User="admin",
                Referer="https://elsewhere.example/",
                Origin="https://elsewhere.example",
                Accept="text/html",
                Accept_Language="de",
                Accept_Encoding="gzip",
                If_None_Match='"1"',
                Range="bytes=0-9",
                User_Agent="browser",
            )
        (request,) = site.asked
        assert dict(request.headers) == {
            "Host": request.host,
            "Accept": "text/html",
            "Accept-Language": "de",
            "Accept-Encoding": "gzip",
            "If-None-Match": '"1"',
            "Range": "bytes=0-9",
            "User-Agent": "browser",
            "Authorization": f"Bearer {TOKEN}",
        }

    proxied(use)


def test_the_answer_comes_as_it_is_with_its_policy_and_without_the_token() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        headers = {
            "Content-Security-Policy": "default-src 'self'",
            "Cache-Control": "public, max-age=60",
            "Content-Encoding": "gzip",
            "ETag": '"1"',
            "Set-Cookie": "a=b",
            "Connection": "X-Private",
            "X-Private": "1",
            "WWW-Authenticate": "Basic",
        }
        return web.Response(status=203, body=gzip.compress(b"page"), headers=headers, content_type="text/html")

    async def use(site: Site) -> None:
        async with site.browser() as browser:
            answer = await browser.page()
            assert (answer.status, gzip.decompress(answer.body)) == (203, b"page")
            assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
            assert answer.headers["Cache-Control"] == "public, max-age=60"
            assert answer.headers["ETag"] == '"1"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert not {"Set-Cookie", "X-Private", "WWW-Authenticate", "Server", "Authorization"} & set(answer.headers)
            assert TOKEN not in str(answer.headers)

    proxied(use, handler)


@pytest.mark.parametrize("status", [204, 304, 401, 403, 404, 500, 503])
def test_every_status_is_passed_on(status: int) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Retry-After": "5"})

    async def use(site: Site) -> None:
        async with site.browser() as browser:
            answer = await browser.page()
            assert (answer.status, answer.headers["Retry-After"]) == (status, "5")

    proxied(use, handler)


def test_head_has_the_length_and_no_body() -> None:
    async def use(site: Site) -> None:
        async with site.browser() as browser:
            answer = await browser.page(method="HEAD")
            assert (answer.headers["Content-Length"], answer.body) == (str(len("hello HEAD /")), b"")

    proxied(use)


def test_an_answer_comes_piece_by_piece() -> None:
    """The second piece is made only when the browser has the first."""
    seen = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"first")
        await seen.wait()
        await answer.write(b"second")
        return answer

    async def use(site: Site) -> None:
        async with site.browser() as browser, browser.session.get(site.url + browser.place) as answer:
            assert await answer.content.readany() == b"first"
            seen.set()
            assert await answer.read() == b"second"

    proxied(use, handler)


def test_half_an_answer_does_not_look_like_a_whole_one() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return answer

    async def use(site: Site) -> None:
        async with site.browser() as browser:
            with pytest.raises(aiohttp.ClientError):
                await browser.page()

    proxied(use, handler)


@pytest.mark.parametrize(
    ("stated", "passed"), [("/reports/a/b/", "PLACE/reports/a/b/"), ("../b/", "../b/"), ("?sort=cost", "?sort=cost")]
)
def test_a_redirect_stays_below_the_proxy_s_path(stated: str, passed: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": stated})

    async def use(site: Site) -> None:
        async with site.browser() as browser:
            answer = await browser.page()
            assert (answer.status, len(site.asked)) == (302, 1)
            assert answer.headers["Location"] == passed.replace("PLACE", browser.place.rstrip("/"))

    proxied(use, handler)


@pytest.mark.parametrize(
    "stated",
    ["https://login.example/", "//login.example/", "javascript:alert(1)", "\\\\login.example", "/\\login.example"],
)
def test_a_redirect_to_elsewhere_is_not_passed_on(stated: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": stated})

    async def use(site: Site) -> None:
        async with site.browser() as browser:
            answer = await browser.page()
            assert answer.status == 502
            assert "sends the browser to another server" in answer.text
            assert "Location" not in answer.headers

    proxied(use, handler)


# When something is missing


def test_an_operator_that_is_gone_is_one_sentence() -> None:
    async def run() -> None:
        async def nowhere() -> str:
            return "http://127.0.0.1:1"

        async def token() -> str:
            return TOKEN

        proxy = Proxy(nowhere, token)
        async with served(proxy.application()) as front, Site(proxy, front).browser() as browser:
            answer = await browser.page()
            assert answer.status == 502
            assert answer.text.startswith("the operator can't be reached: ")
            assert TOKEN not in answer.text

    asyncio.run(run())


def test_a_token_that_can_t_be_renewed_is_one_sentence() -> None:
    async def run() -> None:
        async def url() -> str:
            return "http://127.0.0.1:1"

        async def token() -> str:
            raise AccessError("your login has expired")

        proxy = Proxy(url, token)
        async with served(proxy.application()) as front, Site(proxy, front).browser() as browser:
            answer = await browser.page()
            assert (answer.status, answer.text) == (502, "your login has expired\n")

    asyncio.run(run())
