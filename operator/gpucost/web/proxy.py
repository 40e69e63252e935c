"""A proxy on one's own machine that adds one's bearer token to what the browser asks of the operator.

Whoever reaches the proxy has its owner's rights to see pages, so it has to know its owner's browser from other users of the
machine, and from web pages elsewhere:

- It starts with a link that works once, and only gives the browser a cookie. The link may be seen by others, in a list of
  processes say; by then it has been used.
- The cookie is HttpOnly and SameSite=Strict, and so of no use to scripts and to pages elsewhere. Browsers send cookies of
  127.0.0.1 to each of its ports, where other users may listen: so its path is a random one, which only the answer to the
  link tells.
- The header Host must be a name of the loopback interface, against names that are resolved to it (DNS rebinding).

Only GET and HEAD are passed on, and of their headers those that say which form of a page is wanted.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gpucost.kube.access import AccessError
from gpucost.web.access import LOOPBACK, is_called

COOKIE: Final = "gpucost"
ASKED: Final = (
    hdrs.ACCEPT,
    hdrs.ACCEPT_ENCODING,
    hdrs.ACCEPT_LANGUAGE,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_RANGE,
    hdrs.RANGE,
    hdrs.USER_AGENT,
)
"""Headers that are passed on: neither the browser's cookies nor an Authorization of its own."""
OWN: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "location",
        "proxy-authenticate",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    }
)
"""Headers of an answer that are not passed on: those of one connection (RFC 9110, 7.6.1), and what the proxy decides."""
SEALED: Final[Mapping[str, str]] = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer that has none of that name."""
TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
"""A page of a large report may take a while to begin; a download may go on for long."""
PIECE: Final = 1 << 16


@dataclass(slots=True)
class Proxy:
    """``operator`` gives the operator's URL, without a slash at its end, and ``token`` one's own token, at each request: a
    way may break and a token expire. Both may raise AccessError. ``start`` is the path of the page to open, below the
    operator's URL and a slash."""

    operator: Callable[[], Awaitable[str]]
    token: Callable[[], Awaitable[str]]
    start: str = ""
    session: aiohttp.ClientSession = field(init=False)
    _key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _place: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _entered: bool = False

    @property
    def link(self) -> str:
        """The path that lets a browser in, once."""
        return f"/open/{self._key}"

    def application(self) -> web.Application:
        """The proxy's application; make and run it inside one event loop."""
        app = web.Application(middlewares=[_named])
        app.router.add_get("/open/{key}", self.enter, allow_head=False)
        app.router.add_get(f"/{self._place}/{{path:.*}}", self.forward)
        app.on_response_prepare.append(_seal)
        app.cleanup_ctx.append(self._connected)
        return app

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(
            cookie_jar=jar,
            auto_decompress=False,
            skip_auto_headers=(hdrs.ACCEPT_ENCODING, hdrs.USER_AGENT),
            timeout=TIMEOUT,
        ) as self.session:
            yield

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Exchange the key of the link for the cookie."""
        if self._entered or not _equal(request.match_info["key"], self._key):
            raise web.HTTPForbidden(
                text="this link has been used, or is no link of this proxy: run gpucost open again\n"
            )
        self._entered = True
        answer = web.Response(status=303, headers={hdrs.LOCATION: f"/{self._place}/{self.start}"})
        answer.set_cookie(COOKIE, self._cookie, path=f"/{self._place}/", httponly=True, samesite="Strict")
        return answer

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Ask the operator, and pass its answer on as it comes."""
        if not _equal(request.cookies.get(COOKIE, ""), self._cookie):
            raise web.HTTPForbidden(text="this page is for the browser that gpucost open has opened\n")
        try:
            url = URL(await self.operator() + self._path(request), encoded=True)
            headers = _asked(request.headers) | {hdrs.AUTHORIZATION: f"Bearer {await self.token()}"}
            async with self.session.request(request.method, url, headers=headers, allow_redirects=False) as answer:
                return await self._pass_on(request, answer)
        except AccessError as error:
            raise _unreached(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise _unreached(f"the operator can't be reached: {said}; try again") from None

    def _path(self, request: web.Request) -> str:
        """What the browser asks for, below our path, and still escaped as it was."""
        path = request.rel_url.raw_path_qs
        if not path.startswith(f"/{self._place}/"):
            raise web.HTTPNotFound
        return path.removeprefix(f"/{self._place}")

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        passed = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_answered(answer.headers))
        if hdrs.LOCATION in answer.headers:
            passed.headers[hdrs.LOCATION] = self._location(answer.headers[hdrs.LOCATION])
        await passed.prepare(request)
        try:
            async for piece in answer.content.iter_chunked(PIECE):
                await passed.write(piece)
            await passed.write_eof()
        except (aiohttp.ClientError, TimeoutError, OSError):
            # Half an answer must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
        return passed

    def _location(self, stated: str) -> str:
        """Where a redirect leads, in our own words. Raises HTTPBadGateway where that is another server."""
        target = URL(stated, encoded=True)
        if target.scheme or target.raw_authority or "\\" in stated:  # a browser reads a backslash as a slash
            raise _unreached("the operator sends the browser to another server, as a login page in front of it does")
        return f"/{self._place}{stated}" if stated.startswith("/") else stated


@web.middleware
async def _named(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if not is_called(LOOPBACK, request.headers.getall(hdrs.HOST, [])):
        raise web.HTTPMisdirectedRequest(text="this proxy is for this machine only\n")
    return await handler(request)


async def _seal(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in SEALED.items():
        response.headers.setdefault(name, value)
    response.headers.popall(hdrs.SERVER, None)


def _unreached(why: str) -> web.HTTPBadGateway:
    return web.HTTPBadGateway(text=f"{why}\n")


def _equal(given: str, expected: str) -> bool:
    """Compared in a time that does not tell how much of it is right."""
    return secrets.compare_digest(given.encode(), expected.encode())


def _asked(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    return {name: ", ".join(headers.getall(name)) for name in ASKED if name in headers}


def _answered(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for value in headers.getall(hdrs.CONNECTION, []) for name in value.split(",")}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in OWN | named)
