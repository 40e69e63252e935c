"""Style and scripts of the pages. They say nothing of anybody's figures, so everybody may have them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from gpucost.pages.assets import CHARTS, Asset, asset, charts_path
from gpucost.web.encoding import takes_gzip

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""A file's address holds a digest of it."""


@dataclass(slots=True)
class Statics:
    """The files, each as its address names it. For one event loop only."""

    _charts: asyncio.Task[Asset] | None = None
    """The charts' runtime, made once for all."""

    async def file(self, request: web.Request) -> web.Response:
        """A file. Raises HTTPNotFound."""
        path = f"static/{request.match_info['file']}"
        found = next((one for one in map(asset, ("page.css", "page.js")) if one.path == path), None)
        if path == charts_path():
            found = await self._runtime()
        if found is None:
            raise web.HTTPNotFound(text="no such file")
        zipped = takes_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])))
        headers = {hdrs.CONTENT_TYPE: found.media_type, hdrs.CACHE_CONTROL: FOR_EVER, hdrs.VARY: "Accept-Encoding"}
        if zipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=found.zipped if zipped else found.text.encode(), headers=headers)

    async def warm(self) -> None:
        """Make the charts' runtime before a browser asks for it: that takes a second or two, once."""
        await self._runtime()

    async def _runtime(self) -> Asset:
        """However many ask for it, one thread makes it."""
        if self._charts is None or (self._charts.done() and self._charts.exception()):
            self._charts = asyncio.ensure_future(asyncio.to_thread(asset, CHARTS))
        return await asyncio.shield(self._charts)
