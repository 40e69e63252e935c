"""The pages of reports: each handler asks who may see it, takes the report from the library, and renders it in a thread."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from aiohttp import hdrs, web

from gpucost.api.costreport import CostReport, SpecError
from gpucost.computing import over_dates
from gpucost.pages.assets import CHARTS, SERVED_POLICY, asset, charts_path
from gpucost.pages.comparing import Other, compare_page, previous_dates
from gpucost.pages.drill import attempts_page, explain_page, schedule_page
from gpucost.pages.frame import Frame
from gpucost.pages.links import SERVER, query
from gpucost.pages.listing import listing_page, message_page
from gpucost.pages.overview import Download, Extras, report_page
from gpucost.report.attempttables import NoDetails
from gpucost.report.downloads import FORMATS, download, names
from gpucost.report.explain import NotFound
from gpucost.report.report import Report
from gpucost.web.access import ClosedGuard, Guard, Viewer
from gpucost.web.encoding import takes_gzip
from gpucost.web.library import Key, Library, NoReports, Shelved, Unavailable, Unknown

TO_ROOT: Final = "../../../"
"""From the page of a report to the server's root: links are relative, so that a proxy may put the server below a path."""
PAGES_KEPT: Final = 32
LOOKED_SECONDS: Final = 3600.0
"""How long after somebody looked at a report its page is kept ready."""
FOR_EVER: Final = "public, max-age=31536000, immutable"
OPEN: Final = "kubectl gpucost open"
"""The command that opens the pages with one's own token."""
EXPLAINED: Final = ("pool", "service", "day", "task")
HEADERS: Final = {
    "Content-Security-Policy": SERVED_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
"""Of every page, besides those of the server."""


class Page(NamedTuple):
    """A rendered page, plain and compressed."""

    plain: bytes
    zipped: bytes


@dataclass(slots=True)
class ReportPages:
    """Routes of the pages. Rendered pages are kept until the report is computed anew.

    Whoever makes them may put library and guard in place later: until then nobody gets in.
    """

    library: Library = field(default_factory=NoReports)
    guard: Guard = field(default_factory=lambda: ClosedGuard("the operator is starting"))
    _kept: OrderedDict[tuple[object, ...], Page] = field(default_factory=OrderedDict)
    _looked: dict[Key, float] = field(default_factory=dict)
    """When somebody last looked at each report, by a clock in seconds."""
    _tasks: set[asyncio.Future[None]] = field(default_factory=set)

    async def viewer(self, request: web.Request) -> Viewer:
        """Who asks, by the guard that stands now."""
        return await self.guard.viewer(request)

    def add_to(self, app: web.Application) -> None:
        """Add the routes. HEAD comes with GET; nothing else is answered."""
        add, root = app.router.add_get, "/reports/{namespace}/{name}/"
        add("/", self.index)
        add("/static/{file}", self.static)
        add(root, self.report)
        add(root + "schedule", self.schedule)
        add(root + "attempts", self.attempts)
        add(root + "compare", self.compare)
        add(root + "download", self.download)
        add(root + "artifacts/{time}/{file}", self.artifact)
        for kind in EXPLAINED:
            add(root + kind, self._explaining(kind))

    # Who asks for what

    async def _allowed(self, request: web.Request) -> tuple[Viewer, Key]:
        viewer = await self.guard.viewer(request)
        key = request.match_info["namespace"], request.match_info["name"]
        if not await viewer.may_read(key[0]):
            raise web.HTTPForbidden(text=f"you may not get costreports.gpucost.dev in namespace {key[0]}")
        return viewer, key

    async def index(self, request: web.Request) -> web.Response:
        """The list of the reports that the viewer may see."""
        viewer = await self.guard.viewer(request)
        listed = self.library.listed()
        readable = await viewer.readable({one.namespace for one in listed})
        mine = [one for one in listed if one.namespace in readable]
        return await self._rendered(request, None, lambda: listing_page(mine, Frame("Cost reports", "")))

    async def report(self, request: web.Request) -> web.Response:
        """The page of a report."""
        _, key = await self._allowed(request)
        self._behind(self._warm())
        page = await self._report_page(key)
        self._looked[key] = time.monotonic()
        return html(request, page)

    async def _report_page(self, key: Key) -> Page:
        shelved, kept = await self._shelved(key), self.library.kept(key)
        extras = Extras(
            attempts=shelved.report.census is not None,
            downloads=_downloads(shelved.report),
            kept=[Download(one.name, f"artifacts/{quote(one.name)}") for one in kept],
        )
        frame = Frame("/".join(key), TO_ROOT, (), shelved.notice)
        mark = ("report", key, shelved.report.now_us, shelved.notice, tuple(kept))
        return await self._page(mark, lambda: report_page(shelved.report, frame, SERVER, extras))

    def renew(self, key: Key) -> None:
        """A report was computed anew: where there are few, or people look at it, its page is rendered before they ask."""
        looked = time.monotonic() - self._looked.get(key, float("-inf")) < LOOKED_SECONDS
        if looked or len(self.library.listed()) <= PAGES_KEPT:
            self._behind(self._renewed(key))

    async def _renewed(self, key: Key) -> None:
        with suppress(web.HTTPException):  # whoever asks is told
            await self._report_page(key)

    async def _warm(self) -> None:
        """Make the charts' runtime before the browser asks for it: that takes a second or two, once."""
        await asyncio.to_thread(lambda: asset(CHARTS).zipped)

    def _behind(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def schedule(self, request: web.Request) -> web.Response:
        """Node counts over time."""
        _, key = await self._allowed(request)
        shelved = await self._shelved(key)
        frame = _inner(key, "Schedules", shelved.notice)
        mark = "schedule", key, shelved.report.now_us, shelved.notice
        return await self._rendered(request, mark, lambda: schedule_page(shelved.report, frame))

    def _explaining(self, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def explain(request: web.Request) -> web.Response:
            _, key = await self._allowed(request)
            name = request.query.get("name", "")
            shelved = await self._shelved(key)
            report = await self._detailed(key) if kind == "task" else shelved.report
            frame = _inner(key, f"{kind.capitalize()} {name}", shelved.notice)
            return await self._rendered(request, None, lambda: explain_page(report, kind, name, frame))

        return explain

    async def attempts(self, request: web.Request) -> web.Response:
        """Attempts of a service, a day or both."""
        _, key = await self._allowed(request)
        service, date, page = request.query.get("service"), request.query.get("date"), request.query.get("page", "1")
        shelved, report = await self._shelved(key), await self._detailed(key)
        number = int(page) if page.isdecimal() and len(page) < 9 else 1
        frame = _inner(key, "Attempts", shelved.notice)
        return await self._rendered(request, None, lambda: attempts_page(report, service, date, number, frame))

    async def compare(self, request: web.Request) -> web.Response:
        """What changed from another report, or from another period of the same one, to this."""
        viewer, key = await self._allowed(request)
        shelved = await self._shelved(key)
        listed = self.library.listed()
        readable = await viewer.readable({one.namespace for one in listed})
        others = [Other(one.namespace, one.name) for one in listed if one.namespace in readable and one[:2] != key]
        wanted, start, end = (request.query.get(name, "") for name in ("with", "start", "end"))
        before = await self._before(viewer, shelved.report, wanted, start, end)
        frame = _inner(key, "Compare", shelved.notice)
        dates = (start, end) if start or end else previous_dates(shelved.report)
        return await self._rendered(
            request, None, lambda: compare_page(before, shelved.report, others, wanted, dates, frame)
        )

    async def _before(self, viewer: Viewer, after: Report, wanted: str, start: str, end: str) -> Report | None:
        """What is compared with; None as long as nothing was chosen."""
        if wanted:
            namespace, _, name = wanted.partition("/")
            if not await viewer.may_read(namespace):
                raise web.HTTPForbidden(text=f"you may not get costreports.gpucost.dev in namespace {namespace}")
            return (await self._shelved((namespace, name))).report
        if not start and not end:
            return None
        _check_dates(after, start, end)
        try:
            return await self.library.over((after.namespace, after.name), start, end)
        except Unavailable as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None

    async def download(self, request: web.Request) -> web.Response:
        """A table or all of them, in one of the formats."""
        _, key = await self._allowed(request)
        report = (await self._shelved(key)).report
        name, kind = request.query.get("table", ""), request.query.get("format", "")
        if kind not in FORMATS:
            raise web.HTTPNotFound(text=f"format must be one of {', '.join(FORMATS)}")
        try:
            found = download(report, name, kind)
        except KeyError as error:
            raise web.HTTPNotFound(text=str(error.args[0])) from None
        return web.Response(
            body=await asyncio.to_thread(lambda: found.content),
            headers={
                hdrs.CONTENT_TYPE: found.media_type,
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="{found.file_name}"',
            },
        )

    async def artifact(self, request: web.Request) -> web.Response:
        """A file that was kept of an earlier computation."""
        _, key = await self._allowed(request)
        name = f"{request.match_info['time']}/{request.match_info['file']}"
        try:
            content = await self.library.read(key, name)
        except Unknown:
            content = None
        if content is None:
            raise web.HTTPNotFound(text=f"no file {name[:200]} is kept of this report")
        return web.Response(body=content, headers=_kept_headers(request.match_info["file"]))

    async def static(self, request: web.Request) -> web.Response:
        """Style and scripts. They say nothing of anybody's figures, so everybody may have them."""
        path = f"static/{request.match_info['file']}"
        name = (
            CHARTS
            if path == charts_path()
            else next((n for n in ("page.css", "page.js") if asset(n).path == path), None)
        )
        if name is None:
            raise web.HTTPNotFound(text="no such file")
        found = await asyncio.to_thread(asset, name)
        zipped = takes_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])))
        headers = {hdrs.CONTENT_TYPE: found.media_type, hdrs.CACHE_CONTROL: FOR_EVER, hdrs.VARY: "Accept-Encoding"}
        if zipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=found.zipped if zipped else found.text.encode(), headers=headers)

    # Where it comes from, and how it goes out

    async def _shelved(self, key: Key) -> Shelved:
        try:
            return await self.library.shelved(key)
        except Unknown:
            raise web.HTTPNotFound(text=f"there is no CostReport {key[1]} in namespace {key[0]}") from None
        except Unavailable as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None

    async def _detailed(self, key: Key) -> Report:
        try:
            return await self.library.detailed(key)
        except Unavailable as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from None

    async def _rendered(
        self, request: web.Request, mark: tuple[object, ...] | None, render: Callable[[], str]
    ) -> web.Response:
        return html(request, await self._page(mark, render))

    async def _page(self, mark: tuple[object, ...] | None, render: Callable[[], str]) -> Page:
        """A page, kept under its mark if it has one."""
        page = self._kept.get(mark) if mark else None
        if page is None:
            try:
                page = await asyncio.to_thread(_page, render)
            except (NotFound, NoDetails) as error:
                raise web.HTTPNotFound(text=str(error)) from None
        if mark:
            self._kept[mark] = page
            self._kept.move_to_end(mark)
            while len(self._kept) > PAGES_KEPT:
                self._kept.popitem(last=False)
        return page


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


def _check_dates(report: Report, start: str, end: str) -> None:
    """Raises HTTPBadRequest where they are no period: another answer than that of a database that is not there."""
    stated = CostReport(name=report.name, namespace=report.namespace, manifest={}, spec=report.spec)
    try:
        over_dates(stated, start, end)
    except SpecError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _inner(key: Key, title: str, notice: str) -> Frame:
    """The frame of a page beside the report's."""
    return Frame(title, TO_ROOT, (("/".join(key), "./"),), notice)


_KEPT_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _kept_headers(file: str) -> dict[str, str]:
    """A kept page is shown under its own policy, which stands in it; anything else is saved."""
    kind = _KEPT_TYPES.get(file.rpartition(".")[2], "application/octet-stream")
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: kind}
    if not file.endswith(".html"):
        headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{file}"'
    return headers


def _downloads(report: Report) -> Sequence[Download]:
    return [Download(title, query("download", table=name, format=kind)) for title, name, kind in names(report)]


@web.middleware
async def errors(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """Refusals as pages for browsers, with their status and headers; others get the sentence alone."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
            raise
        told = (error.text or error.reason).strip()
        if error.status == web.HTTPUnauthorized.status_code:
            told = f"{told}; a browser sends none, so open the pages by: {OPEN}"
        depth = request.rel_url.raw_path.count("/") - 1
        frame = Frame(f"{error.status} {error.reason}", "../" * depth)
        kept = {
            name: value for name, value in error.headers.items() if name not in (hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH)
        }
        page = await asyncio.to_thread(_page, lambda: message_page(frame, told))
        return html(request, page, error.status, kept)
