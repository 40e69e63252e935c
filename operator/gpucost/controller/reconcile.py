"""A visit of one CostReport: is anything to compute; if so compute it, then status, metrics, ledger and Events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Final

from gpucost.api.costreport import CostReport, SpecError
from gpucost.computing import Pools
from gpucost.controller.events import event_of
from gpucost.controller.finals import Settled, settle
from gpucost.controller.keeper import Keeper
from gpucost.controller.pools import Past, fingerprint, keys_of
from gpucost.controller.queue import Key, Urgency, Visit, WorkQueue
from gpucost.controller.reads import Job, Reads, Wanted
from gpucost.controller.recorder import Forgotten, Recorder, now_us
from gpucost.controller.refreshing import next_refresh, retry_seconds
from gpucost.controller.secrets import SecretError, database_url
from gpucost.controller.status import (
    Failure,
    computed_status,
    failed_status,
    figures_of,
    instant_in,
    is_fresh,
    merge_patch,
    pending_status,
    ready_of,
    transitions,
)
from gpucost.controller.store import SeenReport, Store
from gpucost.controller.threads import Threads
from gpucost.core.money import SECOND_US
from gpucost.core.zones import Zone, ZoneError
from gpucost.engine.source import AUTHENTICATION_FAILED, DATABASE_TIMEOUT, SourceError
from gpucost.kube.client import COST_REPORTS, EVENTS, ApiError, Cluster
from gpucost.ledger.errors import LedgerError
from gpucost.ledger.ledger import Ledger
from gpucost.ledger.records import Snapshot
from gpucost.metrics.operator import OperatorMetrics
from gpucost.metrics.page import MetricsPage
from gpucost.metrics.samples import ReportSamples, dump, load, samples_of
from gpucost.report.build import resolve_period
from gpucost.report.conditions import (
    COMPUTED,
    INVALID_SPEC,
    LEDGER_UNAVAILABLE,
    NOT_COMPUTED,
    PENDING,
    SECRET_UNREADABLE,
    SUSPENDED,
)
from gpucost.report.report import Report
from gpucost.report.status import Fields
from gpucost.sources.text import redacted
from gpucost.web.library import Unavailable

LOG: Final = logging.getLogger("gpucost.report")
PENDING_SECONDS: Final = 1.0
"""How long a first computation may take before the status says that it is under way."""


class _Failed(Exception):
    """Raised inside this module only: why a report can't be computed now."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _Computed:
    report: Report
    seconds: float
    fingerprint: str


@dataclass(slots=True)
class Reconciler:
    """Keeps each CostReport's status, metrics and ledger entries what they should be. Lives in the event loop."""

    store: Store
    queue: WorkQueue
    cluster: Cluster
    ledger: Ledger
    recorder: Recorder
    reads: Reads
    threads: Threads
    page: MetricsPage
    metrics: OperatorMetrics
    keeper: Keeper
    refresh_us: int
    """For reports that state none."""
    tell_computed: Callable[[Key], None] = lambda key: None
    """Called with every report that was computed."""
    _tries: dict[Key, int] = field(default_factory=dict)
    """Failures in a row, by report."""
    _looked_us: dict[Key, int] = field(default_factory=dict)
    """When each report last had an answer of its database: an older read, or failure, that others share is no news to it."""
    _samples: dict[str, ReportSamples] = field(default_factory=dict)
    """The last good figures, by uid of the report."""
    _asked: dict[Key, asyncio.Future[Report]] = field(default_factory=dict)
    """Pages that wait for a report."""
    _past: Past = field(default_factory=lambda: Past.of({}))
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    """By URL of the database."""

    async def work(self) -> None:
        """Visit what is due, for ever."""
        while True:
            visit = await self.queue.take()
            self.metrics.queue_waited(max(0, now_us() - visit.since_us) / 1e6)
            try:
                await self._visit(visit)
            except ApiError as error:
                self._again(visit.key, error)
            except Exception:
                LOG.exception("%s/%s: unexpected; it is tried again", *visit.key)
                self._again(visit.key, None)
            finally:
                self.queue.done(visit.key)
            await asyncio.sleep(0)  # a thousand visits with nothing to do must not keep probes and scrapes waiting

    def _again(self, key: Key, error: ApiError | None) -> None:
        """Come back to a report after a while that grows with every failure in a row."""
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        self._answer(key, Failure(NOT_COMPUTED, str(error or "something unexpected; the operator's log has it")))
        if error is not None and tries == 1 and not error.not_found:
            LOG.warning("%s/%s: %s; it is tried again", *key, error)
        self.queue.refresh(key, now_us() + int(retry_seconds(tries) * 1e6))

    async def _visit(self, visit: Visit) -> None:
        seen = self.store.reports.get(visit.key)
        if seen is None:
            self._answer(visit.key, GONE)
            return
        self._restore(seen)
        try:
            report = self._computable(seen)
            if not self._is_due(seen, report):
                self._settled(seen, instant_in(seen.status, "nextRefreshTime"))
                return
            await self._succeed(seen, await self._compute_visibly(seen, report, visit))
        except _Failed as failed:
            await self._fail(seen, failed.failure)
        except LedgerError as error:
            self.metrics.ledger_error()
            await self._fail(seen, Failure(LEDGER_UNAVAILABLE, str(error)))

    def forget(self, uid: str, key: Key) -> None:
        """A report was deleted: its series vanish at once."""
        self.page.remove(*key)
        self.keeper.shelf.remove(key)
        self._answer(key, GONE)
        self.queue.forget(key)
        self._tries.pop(key, None)
        self._looked_us.pop(key, None)
        self._samples.pop(uid, None)

    # Pages

    def ask(self, key: Key) -> asyncio.Future[Report]:
        """Compute a report soon, whether due or not, for a page that shows it. The answer may raise Unavailable."""
        if key not in self._asked:
            self._asked[key] = asyncio.get_running_loop().create_future()
            self.queue.changed(key)
        return asyncio.ensure_future(asyncio.shield(self._asked[key]))

    def _answer(self, key: Key, found: Report | Failure) -> None:
        waiting = self._asked.pop(key, None)
        if waiting is None:
            return
        if isinstance(found, Report):
            waiting.set_result(found)
        else:
            waiting.set_exception(Unavailable(found.message))
            waiting.exception()  # it counts as seen, even where nobody waits any more

    async def compute_for_page(
        self, seen: SeenReport, report: CostReport, at_us: int | None = None, *, details: bool = False
    ) -> Report:
        """A report that only a page shows: nothing is written. ``at_us``: as of which instant. Raises Unavailable."""
        try:
            since = now_us() - self.reads.share_us
            return (await self._computed(seen, report, Wanted(since, at_us, details)))[0]
        except _Failed as failed:
            raise Unavailable(failed.failure.message) from None
        except (ApiError, LedgerError) as error:
            raise Unavailable(str(error)) from None

    async def tell_files(self) -> None:
        """List kept files in the statuses of reports whose files have changed, for ever."""
        while True:
            key = await self.keeper.stale.get()
            seen = self.store.reports.get(key)
            if seen is None:
                continue
            status = {name: value for name, value in seen.status.items() if name != "artifacts"}
            kept = self.keeper.listed(key, seen.uid)
            try:
                await self._publish(seen, {**status, **({"artifacts": kept} if kept else {})})
            except ApiError as error:  # the next computation tells it too
                if not error.not_found:
                    LOG.warning("%s/%s: its files can't be listed: %s", *key, error)

    # Is there anything to compute?

    def _computable(self, seen: SeenReport) -> CostReport:
        if isinstance(seen.parsed, SpecError):
            raise _Failed(Failure(INVALID_SPEC, str(seen.parsed)))
        if seen.parsed.spec.suspend:
            raise _Failed(Failure(SUSPENDED, "spec.suspend is true: nothing is computed"))
        if self.recorder.failure is not None:
            raise _Failed(Failure(LEDGER_UNAVAILABLE, self.recorder.failure))
        return seen.parsed

    def _is_due(self, seen: SeenReport, report: CostReport) -> bool:
        """Not if the status is fresh, nothing that it rests on has changed, and its time has not come."""
        if seen.key in self._asked:
            return True
        due = instant_in(seen.status, "nextRefreshTime")
        snapshot = self.ledger.snapshots().get(seen.uid)
        if not is_fresh(seen.status, seen.generation) or snapshot is None or due is None or due <= now_us():
            return True
        if snapshot.computed_us != instant_in(seen.status, "lastSuccessTime"):
            return True
        return snapshot.fingerprint != self._fingerprint(seen, report, snapshot.computed_us)

    def _fingerprint(self, seen: SeenReport, report: CostReport, computed_us: int) -> str:
        marks = self.ledger.job_marks()
        return fingerprint(seen, report, self._chosen(report), marks, self.reads.zone, computed_us)

    def _chosen(self, report: CostReport) -> Pools:
        histories = self.ledger.histories()
        if self._past.histories is not histories:
            self._past = Past.of(histories)
        return self._past.chosen(report, self.store.troubled, self.store.sharing)

    # Computing

    async def _compute_visibly(self, seen: SeenReport, report: CostReport, visit: Visit) -> _Computed:
        """Compute; a report that was never visited says so if it takes a while."""
        task = asyncio.ensure_future(self._compute(seen, report, visit))
        try:
            if not ready_of(seen.status):
                done, _ = await asyncio.wait({task}, timeout=PENDING_SECONDS)
                if not done:
                    await self._publish(seen, pending_status(seen.status, seen.generation, now_us()))
            return await task
        finally:
            task.cancel()

    async def _compute(self, seen: SeenReport, report: CostReport, visit: Visit) -> _Computed:
        started, marks = time.monotonic(), self.ledger.job_marks()
        since = visit.since_us if visit.urgency is Urgency.CHANGED else visit.since_us - self.reads.share_us
        since = max(since, self._looked_us.get(seen.key, 0))
        try:
            found, pools = await self._computed(seen, report, Wanted(since))
        finally:
            self._looked_us[seen.key] = now_us()
        mark = fingerprint(seen, report, pools, marks, self.reads.zone, found.now_us)
        return _Computed(found, time.monotonic() - started, mark)

    async def _computed(self, seen: SeenReport, report: CostReport, wanted: Wanted) -> tuple[Report, Pools]:
        pools = await self._with_records(report, self._chosen(report))
        url: str | None = None
        try:
            url = await database_url(self.cluster, report)
            return await self._read_and_compute(Job(report, pools, url, wanted)), pools
        except SecretError as error:
            raise _Failed(Failure(SECRET_UNREADABLE, str(error), about_tasks=True)) from None
        except SourceError as error:
            self.metrics.database_error(error.reason)
            raise _Failed(Failure(error.reason, _named(str(error), report, url), about_tasks=True)) from None
        except SpecError as error:
            raise _Failed(Failure(INVALID_SPEC, str(error))) from None
        except (OverflowError, ZoneError) as error:
            raise _Failed(Failure(NOT_COMPUTED, str(error))) from None
        except ApiError:
            raise
        except Exception as error:
            LOG.exception("%s/%s: can't be computed", *seen.key)
            text = f"unexpected {type(error).__name__}; the operator's log has the traceback, please report it"
            raise _Failed(Failure(NOT_COMPUTED, text)) from None

    async def _with_records(self, report: CostReport, pools: Pools) -> Pools:
        """The pools with what became of their CronJobs' Jobs, from the ledger."""
        try:
            zone, now = Zone.parse(report.spec.time_zone), now_us()
            # A shared read may be of the period before this one.
            starts = [
                resolve_period(report.spec, zone, at).start_us for at in (now, now - self.reads.share_us - SECOND_US)
            ]
        except SpecError as error:
            raise _Failed(Failure(INVALID_SPEC, str(error))) from None
        records = await self.threads.ledger(self.ledger.records, keys_of(pools), min(starts))
        return replace(pools, records=records)

    async def _read_and_compute(self, job: Job) -> Report:
        """Once more with the Secret of now, if the database refuses the password and the Secret has another."""
        try:
            return await self._compute_in_turn(job)
        except SourceError as error:
            refused = error.reason == AUTHENTICATION_FAILED
            url = await database_url(self.cluster, job.report) if refused else job.url
            if url == job.url:
                raise
            return await self._compute_in_turn(replace(job, url=url))

    async def _compute_in_turn(self, job: Job) -> Report:
        """One report at a time for each database, so that a slow one does not take all threads."""
        if job.url is None:
            return await self.threads.compute(self.reads.compute, job)
        async with self._turns.setdefault(job.url, asyncio.Lock()):
            try:
                return await self.threads.compute_within(self.reads.longest_seconds, self.reads.compute, job)
            except TimeoutError:
                raise SourceError(
                    f"the task database did not answer within {self.reads.longest_seconds:g} s, nor stop the statement; look "
                    "whether its server hangs",
                    DATABASE_TIMEOUT,
                ) from None

    # What follows

    async def _succeed(self, seen: SeenReport, computed: _Computed) -> None:
        report = computed.report
        next_us = next_refresh(report, self.refresh_us)
        figures = await self.threads.compute(figures_of, report)
        samples = await self.threads.compute(samples_of, report)
        samples = samples.with_state(
            ready=True,
            reason=COMPUTED,
            last_success_us=report.now_us,
            data_until_us=report.period.data_until_us,
            compute_seconds=computed.seconds,
        )
        snapshot = Snapshot(seen.uid, seen.generation, computed.fingerprint, report.now_us, dump(samples))
        settled = await self.threads.ledger(self._keep, report, figures, snapshot)
        latest = self._latest(seen)
        kept = self.keeper.listed(seen.key, seen.uid)
        status = computed_status(figures, latest.status, seen.generation, next_us, settled.shown, kept)
        await self._publish(latest, status)
        if not self._exists(seen):
            self.recorder.note(Forgotten(seen.uid))
            self._answer(seen.key, GONE)
            return
        self._samples[seen.uid] = samples
        self.page.put(*seen.key, samples)
        self.keeper.shelf.put(seen.key, seen.uid, report)
        self.keeper.note(seen.key)
        self._answer(seen.key, report)
        self._settled(seen, next_us)
        self.tell_computed(seen.key)

    def _keep(self, report: Report, figures: Fields, snapshot: Snapshot) -> Settled:
        """In the ledger's thread, and before the status is written: a snapshot whose time is not the status' is not believed,
        so a crash between the two costs a computation."""
        settled = settle(self.ledger, report, snapshot.report_uid, figures)
        self.ledger.save(snapshot, settled.final, settled.new)
        return settled

    def _settled(self, seen: SeenReport, next_us: int | None) -> None:
        self._tries.pop(seen.key, None)
        if next_us is not None:
            self.queue.refresh(seen.key, next_us)

    async def _fail(self, seen: SeenReport, failure: Failure) -> None:
        """The last good figures stay, in status and metrics; Ready says why, and it is tried again."""
        self._answer(seen.key, failure)
        samples, seen = self._samples.get(seen.uid, ReportSamples()), self._latest(seen)
        await self._publish(seen, failed_status(failure, seen.status, seen.generation, now_us()))
        if self._exists(seen):
            state = samples.with_state(ready=False, reason=failure.reason, **_instants(seen.status))
            self.page.put(*seen.key, state)
        if failure.reason not in WAITS_FOR_A_CHANGE:
            self._again(seen.key, None)

    def _restore(self, seen: SeenReport) -> None:
        """After a restart: the figures that the status shows, out of the ledger."""
        if seen.uid in self._samples:
            return
        snapshot = self.ledger.snapshots().get(seen.uid)
        found = load(snapshot.samples) if snapshot else None
        if snapshot is None or found is None or snapshot.computed_us != instant_in(seen.status, "lastSuccessTime"):
            return
        self._samples[seen.uid] = found
        ready, reason = is_fresh(seen.status, seen.generation), ready_of(seen.status).get("reason")
        told = reason if ready or reason != COMPUTED else PENDING  # of a spec that was edited meanwhile
        self.page.put(*seen.key, found.with_state(ready=ready, reason=told, **_instants(seen.status)))

    def _latest(self, seen: SeenReport) -> SeenReport:
        """The report with the status that it has now: another may have been written since the visit began."""
        now = self.store.reports.get(seen.key)
        return seen if now is None or now.uid != seen.uid else replace(seen, status=now.status, version=now.version)

    def _exists(self, seen: SeenReport) -> bool:
        """Whether it was not deleted meanwhile."""
        now = self.store.reports.get(seen.key)
        return now is not None and now.uid == seen.uid

    async def _publish(self, seen: SeenReport, status: dict[str, Any]) -> None:
        """Write what differs, and tell of transitions."""
        patch = merge_patch(seen.status, status)
        if not patch:
            return
        body = {"metadata": {"uid": seen.uid}, "status": patch}
        answer = await self.cluster.patch(COST_REPORTS, *seen.key, body, subresource="status")
        self.store.see_status(answer)
        for transition in transitions(seen.status, status):
            LOG.info("%s/%s: %s is %s (%s): %s", *seen.key, *astuple(transition))
            try:
                await self.cluster.create(EVENTS, seen.namespace, dict(event_of(seen, transition, now_us())))
            except ApiError as error:
                LOG.warning("%s/%s: its Event can't be written: %s", *seen.key, error)


def _named(message: str, report: CostReport, url: str | None) -> str:
    """A message for the status, which others read: it names the Secret in place of its URL."""
    tasks = report.spec.tasks
    if not url or "://" not in url or tasks is None or tasks.database_secret_ref is None:
        return message
    name, shown = f"the task database of Secret {report.namespace}/{tasks.database_secret_ref.name}", redacted(url)
    return message.replace(f"the task database {shown}", name).replace(shown, name)


GONE: Final = Failure(NOT_COMPUTED, "the CostReport was deleted")
WAITS_FOR_A_CHANGE: Final = frozenset((INVALID_SPEC, SUSPENDED))
"""Failures that only a change of the object can mend."""


def _instants(status: Mapping[str, Any]) -> dict[str, int | None]:
    """What metrics say of the figures' age."""
    return {
        "last_success_us": instant_in(status, "lastSuccessTime"),
        "data_until_us": instant_in(status.get("period") or {}, "dataUntil"),
    }
