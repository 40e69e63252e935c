"""The reports that the operator's pages show: those it has computed, and on demand their attempts or another period."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gpucost.api.costreport import CostReport, SpecError
from gpucost.computing import over_dates
from gpucost.controller.artifacts import Artifacts
from gpucost.controller.reconcile import Reconciler
from gpucost.controller.status import ready_of
from gpucost.controller.store import SeenReport
from gpucost.pages.listing import Listed
from gpucost.report.report import Report
from gpucost.web.library import Kept, Key, Shelved, Unavailable, Unknown

DETAILED: Final = 2
"""Reports whose attempts are kept: they take much memory, and few people look at them at the same time."""
WAIT_SECONDS: Final = 30.0
"""How long a page waits for a report to be computed."""


@dataclass(slots=True)
class OperatorLibrary:
    """Reports of the cluster. For one event loop only."""

    reconciler: Reconciler
    artifacts: Artifacts | None
    max_attempts: int
    """A report with more attempts is not read attempt by attempt here."""
    _detailed: OrderedDict[tuple[str, int], Report] = field(default_factory=OrderedDict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def listed(self) -> Sequence[Listed]:
        """All CostReports, with their statuses."""
        return [Listed(*key, seen.status) for key, seen in self.reconciler.store.reports.items()]

    async def shelved(self, key: Key) -> Shelved:
        """The last good figures; they are computed if memory does not hold them. Raises Unknown, Unavailable."""
        seen = self._seen(key)
        report = self.reconciler.shelf.get(key, seen.uid)
        if report is None:
            report = await self._asked(key)
        return Shelved(report, _notice(self._seen(key)))

    async def _asked(self, key: Key) -> Report:
        try:
            return await asyncio.wait_for(self.reconciler.ask(key), WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable(
                f"the report is being computed for more than {WAIT_SECONDS:g} s; load the page again"
            ) from None

    async def detailed(self, key: Key) -> Report:
        """The report with its attempts, as of the moment of the figures shown. Raises Unknown, Unavailable."""
        report = (await self.shelved(key)).report
        if report.quality.charged > self.max_attempts:
            raise Unavailable(
                f"the report has {report.quality.charged:,} attempts, more than are read here one by one "
                f"({self.max_attempts:,}); gpucost explain on your own machine shows them"
            )
        seen = self._seen(key)
        mark = seen.uid, report.now_us
        async with self._turn:
            if mark not in self._detailed:
                self._detailed[mark] = await self._compute(seen, _spec(seen), report.now_us)
            self._detailed.move_to_end(mark)
            while len(self._detailed) > DETAILED:
                self._detailed.popitem(last=False)
            return self._detailed[mark]

    async def over(self, key: Key, start: str, end: str) -> Report:
        """The report over other local dates. Raises Unknown, Unavailable."""
        seen = self._seen(key)
        try:
            spec = over_dates(_spec(seen), start, end)
        except SpecError as error:
            raise Unavailable(str(error)) from None
        async with self._turn:
            return await self._compute(seen, spec, None)

    async def _compute(self, seen: SeenReport, spec: CostReport, details_at_us: int | None) -> Report:
        return await self.reconciler.compute_for_page(seen, spec, details_at_us)

    def kept(self, key: Key) -> Sequence[Kept]:
        """Files of earlier computations, the newest first."""
        if self.artifacts is None:
            return ()
        return [Kept(name) for name in self.artifacts.names(self._seen(key).uid)]

    async def read(self, key: Key, kept: str) -> bytes | None:
        """A kept file. Raises Unknown."""
        if self.artifacts is None:
            return None
        return await asyncio.to_thread(self.artifacts.read, self._seen(key).uid, kept)

    def _seen(self, key: Key) -> SeenReport:
        seen = self.reconciler.store.reports.get(key)
        if seen is None:
            raise Unknown
        return seen


def _spec(seen: SeenReport) -> CostReport:
    if isinstance(seen.parsed, SpecError):
        raise Unavailable(str(seen.parsed))
    return seen.parsed


def _notice(seen: SeenReport) -> str:
    """What a reader must know before any figure: why they are not fresh."""
    ready = ready_of(seen.status)
    return "" if ready.get("status") == "True" else str(ready.get("message") or "")
