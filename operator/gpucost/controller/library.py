"""The reports that the operator's pages show: those it has computed, and on demand their attempts or another period."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gpucost.api.costreport import CostReport, SpecError
from gpucost.computing import over_dates
from gpucost.controller.reconcile import Reconciler
from gpucost.controller.status import instant_in, is_fresh, ready_of
from gpucost.controller.store import SeenReport
from gpucost.pages.listing import Listed
from gpucost.report.report import Report
from gpucost.web.library import Kept, Key, Shelved, Unavailable, Unfit, Unknown

DETAILED: Final = 2
"""Reports whose attempts are in memory at a time: they take much of it."""
IDLE_SECONDS: Final = 300.0
"""How long attempts stay that nobody looks at."""
WAIT_SECONDS: Final = 30.0
"""How long a page waits for a report to be computed."""
AT_ONCE: Final = 2
"""Reports that are computed for pages at a time."""

Mark = tuple[object, ...]


@dataclass(slots=True)
class _Detailed:
    report: Report
    uid: str
    used: float
    """By a clock in seconds."""


@dataclass(slots=True)
class OperatorLibrary:
    """Reports of the cluster. For one event loop only."""

    reconciler: Reconciler
    max_attempts: int
    """A report with more attempts is not read attempt by attempt here."""
    _detailed: dict[Mark, _Detailed] = field(default_factory=dict)
    _under_way: dict[Mark, asyncio.Task[Report]] = field(default_factory=dict)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def size(self) -> int:
        """How many CostReports there are."""
        return len(self.reconciler.store.reports)

    def listed(self) -> Sequence[Listed]:
        """All CostReports, with their statuses."""
        reports = self.reconciler.store.reports.items()
        return [Listed(*key, seen.status, is_fresh(seen.status, seen.generation)) for key, seen in reports]

    async def shelved(self, key: Key) -> Shelved:
        """The last good figures, those of the status; they are computed if memory does not hold them.

        Raises Unknown, Unavailable.
        """
        seen = self._seen(key)
        report = self.reconciler.keeper.shelf.get(key, seen.uid)
        if report is None:
            report = await self._shared(("shelf", seen.uid), lambda: self._recovered(key, seen))
        return Shelved(report, _notice(self._seen(key)))

    async def _recovered(self, key: Key, seen: SeenReport) -> Report:
        """The report of the status once more, as of then; where its inputs have changed, a new one by a visit."""
        computed_us = instant_in(seen.status, "lastSuccessTime")
        if computed_us is not None:
            report = await self.reconciler.compute_for_page(seen, _spec(seen), computed_us)
            if report.input_revision == seen.status.get("inputRevision"):
                self.reconciler.keeper.shelf.put(key, seen.uid, report)
                return report
        return await self.reconciler.ask(key)

    def lists_attempts(self, report: Report) -> bool:
        """Whether the report has tasks, and not too many attempts."""
        return report.census is not None and report.quality.charged <= self.max_attempts

    async def detailed(self, key: Key) -> Shelved:
        """The report with its attempts, as of the moment of the figures shown. Raises Unknown, Unavailable, Unfit."""
        shelved, seen = await self.shelved(key), self._seen(key)
        shown = shelved.report
        if shown.census is None:
            return shelved  # without tasks it has no attempts, and the page says so
        if not self.lists_attempts(shown):
            raise Unfit(
                f"the report has {shown.quality.charged:,} attempts, more than are read here one by one "
                f"({self.max_attempts:,}); gpucost explain on your own machine shows them"
            )
        mark = "attempts", seen.uid, shown.now_us
        kept = self._detailed.get(mark)
        if kept is not None:
            kept.used = time.monotonic()
        report = (
            kept.report if kept else await self._shared(mark, lambda: self._read_attempts(mark, seen, shown.now_us))
        )
        return Shelved(report, " ".join(filter(None, (shelved.notice, _other_inputs(shown, report)))))

    async def _read_attempts(self, mark: Mark, seen: SeenReport, at_us: int) -> Report:
        while len(self._detailed) >= DETAILED:
            del self._detailed[min(self._detailed, key=lambda mark: self._detailed[mark].used)]
        report = await self.reconciler.compute_for_page(seen, _spec(seen), at_us, details=True)
        self._detailed[mark] = _Detailed(report, seen.uid, time.monotonic())
        return report

    def release(self) -> None:
        """Let go of attempts that nobody looks at, and of those of deleted reports."""
        uids, limit = {seen.uid for seen in self.reconciler.store.reports.values()}, time.monotonic() - IDLE_SECONDS
        for mark in [mark for mark, one in self._detailed.items() if one.used < limit or one.uid not in uids]:
            del self._detailed[mark]

    async def over(self, key: Key, start: str, end: str) -> Report:
        """The report over other local dates. Raises Unknown, Unavailable, Unfit."""
        seen = self._seen(key)
        try:
            spec = over_dates(_spec(seen), start, end)
        except SpecError as error:
            raise Unfit(str(error)) from None
        mark = "over", seen.uid, seen.generation, start, end
        return await self._shared(mark, lambda: self.reconciler.compute_for_page(seen, spec))

    async def _shared(self, mark: Mark, compute: Callable[[], Coroutine[Any, Any, Report]]) -> Report:
        """One computation for all who ask for the same, a few at a time; nobody waits for ever, but it goes on."""
        task = self._under_way.get(mark)
        if task is None:
            task = self._under_way[mark] = asyncio.ensure_future(self._in_turn(compute))
            task.add_done_callback(lambda done: self._ended(mark, done))
        done, _ = await asyncio.wait({task}, timeout=WAIT_SECONDS)
        if not done:
            raise Unavailable(f"the figures are being computed for more than {WAIT_SECONDS:g} s; load the page again")
        return task.result()

    async def _in_turn(self, compute: Callable[[], Coroutine[Any, Any, Report]]) -> Report:
        async with self._turn:
            return await compute()

    def _ended(self, mark: Mark, done: asyncio.Task[Report]) -> None:
        del self._under_way[mark]
        if not done.cancelled():
            done.exception()  # it counts as seen, even where nobody waits any more

    def kept(self, key: Key) -> Sequence[Kept]:
        """Files of earlier computations, the newest first. Raises Unknown."""
        return [Kept(name) for name in self.reconciler.keeper.names(self._seen(key).uid)]

    async def read(self, key: Key, kept: str) -> bytes | None:
        """A kept file. Raises Unknown."""
        artifacts, uid = self.reconciler.keeper.artifacts, self._seen(key).uid
        return None if artifacts is None else await asyncio.to_thread(artifacts.read, uid, kept)

    def _seen(self, key: Key) -> SeenReport:
        seen = self.reconciler.store.reports.get(key)
        if seen is None:
            raise Unknown(key)
        return seen


def _spec(seen: SeenReport) -> CostReport:
    if isinstance(seen.parsed, SpecError):
        raise Unavailable(str(seen.parsed))
    return seen.parsed


def _notice(seen: SeenReport) -> str:
    """What a reader must know before any figure: why they are not fresh."""
    if is_fresh(seen.status, seen.generation):
        return ""
    ready = ready_of(seen.status)
    if ready.get("status") == "True":
        return "The spec has changed, and these are the figures of the one before: the new ones are being computed."
    return str(ready.get("message") or "These figures are not fresh.")


def _other_inputs(shown: Report, found: Report) -> str:
    """What to say where the attempts were read from other inputs than the figures of the report."""
    if shown.input_revision == found.input_revision:
        return ""
    return "The report's inputs have changed since its figures were computed: these attempts may not add up to them."
