"""Pages as they go out: rendered in a thread, once for all who ask for the same, and kept while there is room."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from gpucost.pages.assets import SERVED_POLICY
from gpucost.report.attempttables import NoDetails
from gpucost.report.downloads import Download
from gpucost.report.explain import NotFound
from gpucost.web.encoding import takes_gzip

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of kept pages: some fifty of a thousand services each."""
SEALED: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""Headers of every page, besides those of the server."""
HEADERS: Final = {"Content-Security-Policy": SERVED_POLICY, **SEALED}

STALLED_SECONDS: Final = 60.0
"""How long a chunk of a download waits for a client that does not take it."""

Mark = tuple[object, ...]
"""What decides a page's content."""


class Page(NamedTuple):
    """A rendered page, plain and compressed."""

    plain: bytes
    zipped: bytes

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.plain) + len(self.zipped)


@dataclass(slots=True)
class Pages:
    """Rendered pages. For one event loop only."""

    max_bytes: int = MAX_BYTES
    _kept: OrderedDict[Mark, Page] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _under_way: dict[Mark, asyncio.Task[Page]] = field(default_factory=dict)

    async def page(self, mark: Mark, render: Callable[[], str]) -> Page:
        """The page of a mark. Raises HTTPNotFound where there is nothing to show."""
        if mark in self._kept:
            self._kept.move_to_end(mark)
            return self._kept[mark]
        task = self._under_way.get(mark)
        if task is None:
            task = self._under_way[mark] = asyncio.ensure_future(self._rendered(mark, render))
            task.add_done_callback(lambda done: self._ended(mark, done))
        try:
            return await asyncio.shield(task)
        except (NotFound, NoDetails) as error:
            raise web.HTTPNotFound(text=str(error)) from None

    async def _rendered(self, mark: Mark, render: Callable[[], str]) -> Page:
        page = await rendered(render)
        self._kept[mark] = page
        self._bytes += page.size
        while self._bytes > self.max_bytes and self._kept:
            self._bytes -= self._kept.popitem(last=False)[1].size
        return page

    def _ended(self, mark: Mark, done: asyncio.Task[Page]) -> None:
        del self._under_way[mark]
        if not done.cancelled():
            done.exception()  # it counts as seen, even where nobody waits any more


async def rendered(render: Callable[[], str]) -> Page:
    """A page, rendered and compressed in a thread."""
    return await asyncio.to_thread(_page, render)


def _page(render: Callable[[], str]) -> Page:
    plain = render().encode()
    return Page(plain, gzip.compress(plain, compresslevel=3))


def html(request: web.Request, page: Page, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A page as an answer."""
    zipped = takes_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])))
    found = {**HEADERS, hdrs.CONTENT_TYPE: "text/html; charset=utf-8", hdrs.VARY: "Accept-Encoding", **(headers or {})}
    if zipped:
        found[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=page.zipped if zipped else page.plain, status=status, headers=found)


async def streamed(request: web.Request, found: Download) -> web.StreamResponse:
    """A download as an answer: each chunk is made in a thread when the one before has been sent."""
    headers = {
        hdrs.CONTENT_TYPE: found.media_type,
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{found.file_name}"',
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    # What fails here ends the connection without the last chunk, so that half a file does not look like a whole one.
    while (chunk := await asyncio.to_thread(next, found.chunks, None)) is not None:
        async with asyncio.timeout(STALLED_SECONDS):
            await response.write(chunk)
    await response.write_eof()
    return response
