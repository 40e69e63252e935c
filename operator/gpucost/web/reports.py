"""The pages of reports: each handler asks who may see it, takes the report from the library, and renders it in a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote

from aiohttp import hdrs, web

from gpucost.pages.comparing import Other, compare_page, previous_dates
from gpucost.pages.drill import attempts_page, explain_page, schedule_page
from gpucost.pages.frame import Frame
from gpucost.pages.links import SERVER, query
from gpucost.pages.listing import last_figures_page, listing_page, message_page
from gpucost.pages.overview import Download, Extras, report_page
from gpucost.pages.spread import spread_page
from gpucost.report.downloads import FORMATS, download, names
from gpucost.report.report import Report
from gpucost.web.access import ClosedGuard, Guard, Viewer
from gpucost.web.behind import Behind
from gpucost.web.library import Key, Library, NoReports, Shelved, Unavailable, Unfit, Unknown
from gpucost.web.rendering import SEALED, Mark, Page, Pages, html, rendered, streamed
from gpucost.web.statics import Statics

Found = TypeVar("Found")
TO_ROOT: Final = "../../../"
"""From the page of a report to the server's root: links are relative, so that a proxy may put the server below a path."""
FEW_REPORTS: Final = 32
"""Up to so many the page of each is kept ready, whether somebody looks or not."""
DOWNLOADS: Final = 4
"""Downloads that are made at a time: each has a table in memory."""
LOOKED_SECONDS: Final = 3600.0
"""How long after somebody looked at a report its page is kept ready."""
OPEN: Final = "kubectl gpucost open"
"""The command that opens the pages with one's own token."""
EXPLAINED: Final = ("pool", "service", "day", "task")


@dataclass(slots=True)
class ReportPages:
    """Routes of the pages. Rendered pages are kept until the report is computed anew.

    Whoever makes them may put library and guard in place later: until then nobody gets in.
    """

    library: Library = field(default_factory=NoReports)
    guard: Guard = field(default_factory=lambda: ClosedGuard("the operator is starting"))
    _pages: Pages = field(default_factory=Pages)
    _looked: dict[Key, float] = field(default_factory=dict)
    """When somebody last looked at each report, by a clock in seconds."""
    _statics: Statics = field(default_factory=Statics)
    _behind: Behind = field(default_factory=Behind)
    _large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DOWNLOADS))

    async def viewer(self, request: web.Request) -> Viewer:
        """Who asks, by the guard that stands now."""
        return await self.guard.viewer(request)

    def add_to(self, app: web.Application) -> None:
        """Add the routes. HEAD comes with GET; nothing else is answered."""
        add, root = app.router.add_get, "/reports/{namespace}/{name}/"
        add("/", self.index)
        add("/static/{file}", self._statics.file)
        add(root, self.report)
        add(root.rstrip("/"), self.beside)
        add(root + "schedule", self.schedule)
        add(root + "attempts", self.attempts)
        add(root + "spread", self.spread)
        add(root + "compare", self.compare)
        add(root + "download", self.download)
        add(root + "artifacts/{time}/{file}", self.artifact)
        for kind in EXPLAINED:
            add(root + kind, self._explaining(kind))
        app.on_cleanup.append(self._behind.end)

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
        return html(request, await rendered(lambda: listing_page(mine, Frame("Cost reports", ""))))

    async def beside(self, request: web.Request) -> web.Response:
        """The address of a report without its slash: links of its page need it."""
        raise web.HTTPPermanentRedirect(f"{request.rel_url.raw_parts[-1]}/")

    async def report(self, request: web.Request) -> web.Response:
        """The page of a report; where it can't be computed, the last figures of its status."""
        _, key = await self._allowed(request)
        self._behind.start(self._statics.warm())
        try:
            page = await self._report_page(key)
        except web.HTTPServiceUnavailable as error:
            found, why = [one for one in self.library.listed() if one[:2] == key], str(error.text)
            frame = Frame("/".join(key), TO_ROOT, (), why)
            return html(request, await rendered(lambda: last_figures_page(found, frame)), error.status)
        self._note_look(key)
        return html(request, page)

    async def _report_page(self, key: Key) -> Page:
        shelved, kept = await self._shelved(key), self.library.kept(key)
        extras = Extras(
            attempts=self.library.lists_attempts(shelved.report),
            downloads=_downloads(shelved.report),
            kept=[Download(one.name, f"artifacts/{quote(one.name)}") for one in kept],
        )
        frame = Frame("/".join(key), TO_ROOT, (), shelved.notice)
        mark = _mark(shelved, "report", tuple(kept))
        return await self._pages.page(mark, lambda: report_page(shelved.report, frame, SERVER, extras))

    def renew(self, key: Key) -> None:
        """A report was computed anew: where there are few, or people look at it, its page is rendered before they ask."""
        looked = time.monotonic() - self._looked.get(key, float("-inf")) < LOOKED_SECONDS
        if looked or self.library.size() <= FEW_REPORTS:
            self._behind.start(self._renewed(key))

    async def _renewed(self, key: Key) -> None:
        with suppress(web.HTTPException):  # whoever asks is told
            await self._report_page(key)

    def _note_look(self, key: Key) -> None:
        now = time.monotonic()
        self._looked = {one: at for one, at in self._looked.items() if now - at < LOOKED_SECONDS} | {key: now}

    async def schedule(self, request: web.Request) -> web.Response:
        """Node counts over time."""
        _, key = await self._allowed(request)
        return await self._shown(request, await self._shelved(key), "Schedules", schedule_page)

    def _explaining(self, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def explain(request: web.Request) -> web.Response:
            _, key = await self._allowed(request)
            name = request.query.get("name", "")
            shelved = await (self._detailed if kind == "task" else self._shelved)(key)
            title = f"{kind.capitalize()} {name}"
            return await self._shown(
                request, shelved, title, lambda found, frame: explain_page(found, kind, name, frame)
            )

        return explain

    async def attempts(self, request: web.Request) -> web.Response:
        """Attempts of a service, a day or both."""
        _, key = await self._allowed(request)
        service, date, page = request.query.get("service"), request.query.get("date"), request.query.get("page", "1")
        number = int(page) if page.isdecimal() and len(page) < 9 else 1
        return await self._shown(
            request,
            await self._detailed(key),
            "Attempts",
            lambda found, frame: attempts_page(found, service, date, number, frame),
            (service, date, number),
        )

    async def spread(self, request: web.Request) -> web.Response:
        """How costs spread over attempts."""
        _, key = await self._allowed(request)
        return await self._shown(request, await self._detailed(key), "Spread of costs", spread_page)

    async def _shown(
        self,
        request: web.Request,
        shelved: Shelved,
        title: str,
        render: Callable[[Report, Frame], str],
        choice: tuple[object, ...] = (),
    ) -> web.Response:
        """A page beside the report's. Its title and the reader's choice tell it from the others of the same figures."""
        report = shelved.report
        frame = _inner((report.namespace, report.name), title, shelved.notice)
        mark = _mark(shelved, title, *choice)
        return html(request, await self._pages.page(mark, lambda: render(report, frame)))

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
        page = await rendered(lambda: compare_page(before, shelved.report, others, wanted, dates, frame))
        return html(request, page)

    async def _before(self, viewer: Viewer, after: Report, wanted: str, start: str, end: str) -> Report | None:
        """What is compared with; None as long as nothing was chosen."""
        if wanted:
            namespace, _, name = wanted.partition("/")
            if not await viewer.may_read(namespace):
                raise web.HTTPForbidden(text=f"you may not get costreports.gpucost.dev in namespace {namespace}")
            return (await self._shelved((namespace, name))).report
        if not start and not end:
            return None
        return await _answered(self.library.over((after.namespace, after.name), start, end))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A table or all of them, in one of the formats."""
        _, key = await self._allowed(request)
        report = (await self._shelved(key)).report
        name, kind = request.query.get("table", ""), request.query.get("format", "")
        if kind not in FORMATS:
            raise web.HTTPNotFound(text=f"format must be one of {', '.join(FORMATS)}")
        try:
            found = await asyncio.to_thread(download, report, name, kind)
        except KeyError as error:
            raise web.HTTPNotFound(text=str(error.args[0])) from None
        async with self._large:
            return await streamed(request, found)

    async def artifact(self, request: web.Request) -> web.Response:
        """A file that was kept of an earlier computation."""
        _, key = await self._allowed(request)
        name = f"{request.match_info['time']}/{request.match_info['file']}"
        content = await _answered(self.library.read(key, name))
        if content is None:
            raise web.HTTPNotFound(text=f"no file {name[:200]} is kept of this report")
        return web.Response(body=content, headers=_kept_headers(request.match_info["file"]))

    # Where it comes from

    async def _shelved(self, key: Key) -> Shelved:
        return await _answered(self.library.shelved(key))

    async def _detailed(self, key: Key) -> Shelved:
        return await _answered(self.library.detailed(key))


async def _answered(asked: Awaitable[Found]) -> Found:
    """What the library answers, or its refusal as HTTP has it."""
    try:
        return await asked
    except Unknown as error:
        raise web.HTTPNotFound(text=str(error)) from None
    except Unfit as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    except Unavailable as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from None


def _mark(shelved: Shelved, *choice: object) -> Mark:
    """What decides a page of a report: figures of the same instant are the same."""
    report = shelved.report
    return report.namespace, report.name, report.now_us, report.input_revision, shelved.notice, *choice


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
    """A kept page is shown under its own policy, which stands in it but for the frames; anything else is saved."""
    kind = _KEPT_TYPES.get(file.rpartition(".")[2], "application/octet-stream")
    headers = {**SEALED, "Content-Security-Policy": "frame-ancestors 'none'", hdrs.CONTENT_TYPE: kind}
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
        page = await rendered(lambda: message_page(frame, told))
        return html(request, page, error.status, kept)
