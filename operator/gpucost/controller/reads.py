"""Reads of task databases that several reports share. Runs in worker threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from gpucost.api.costreport import CostReport
from gpucost.computing import KeptEvents, Pools, bring_events, compute_from
from gpucost.core.zones import Zone
from gpucost.engine.source import DATABASE_TIMEOUT, SourceError
from gpucost.report.report import Report
from gpucost.sources.tasks import Limits, TaskDatabase, engine, guarded

LOCK_SECONDS: Final = 1.0
CONNECT_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a report is to be computed: from events read at an instant or later."""

    not_before_us: int
    at_us: int | None = None
    """As of which instant; None: of the read."""
    details: bool = False
    """With its attempts."""


@dataclass(frozen=True, slots=True)
class Job:
    """A report to compute: with which pools, from which database (None: none), and how."""

    report: CostReport
    pools: Pools
    url: str | None
    wanted: Wanted


_Source = tuple[str, str | None, tuple[str, ...]]
"""Database, query and running statuses: what decides which rows are read."""


@dataclass(slots=True)
class _Read:
    """A task database within reach. The lock keeps two reports from working in one connection."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: ExitStack = field(default_factory=ExitStack)
    database: TaskDatabase | None = None
    events: KeptEvents | None = None
    read_us: int = 0
    failure: SourceError | None = None
    """Of the read at ``read_us``: it is shared as well, or a dead database would cost every report its whole timeout."""

    def close(self) -> None:
        """End the connection; whoever waits for the lock reads anew."""
        self.database = None
        self.kept.close()


@dataclass(slots=True)
class Reads:
    """Computes reports, and shares among them what they read of the same database."""

    limits: Limits
    share_us: int
    zone: Zone
    """Of CronJobs without one."""
    _reads: dict[_Source, _Read] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def longest_seconds(self) -> float:
        """Twice what a statement may take, and a connection: whatever takes longer hangs, and its own timeouts don't help."""
        return 2 * self.limits.timeout_seconds + CONNECT_TIMEOUT_SECONDS

    def compute(self, job: Job) -> Report:
        """Compute a report as of now; with tasks, as of the moment at which their events were read.

        Raises SpecError, SourceError, OverflowError.
        """
        at = job.wanted.at_us
        if job.url is None:
            now_us = _now_us() if at is None else at
            return compute_from(job.report, job.pools, None, now_us, self.zone)
        with self._read(job, job.url) as read:
            return compute_from(
                job.report,
                job.pools,
                read.database,
                read.read_us if at is None else at,
                self.zone,
                kept=read.events,
                details=job.wanted.details,
            )

    def release(self, *, older_than_us: int | None = None) -> None:
        """Let go of reads that are too old to be shared; of all reads at the end."""
        limit = _now_us() - (self.share_us if older_than_us is None else older_than_us)
        with self._lock:
            old = [(source, read) for source, read in self._reads.items() if read.read_us < limit]
        for source, read in old:
            if read.lock.acquire(blocking=False):  # one in use is let go of the next time
                with self._lock:
                    self._reads.pop(source, None)
                read.close()
                read.lock.release()

    @contextmanager
    def _read(self, job: Job, url: str) -> Iterator[_Read]:
        tasks = job.report.spec.tasks
        source = url, tasks.query if tasks else None, tasks.statuses.running if tasks else ()
        with self._lock:
            read = self._reads.setdefault(source, _Read())
        with _held(read.lock):
            fresh = max(job.wanted.not_before_us, _now_us() - self.share_us)
            if read.failure is not None and read.read_us >= fresh:
                raise read.failure
            if read.database is None or read.read_us < fresh:
                self._read_anew(read, job, url)
            assert read.database is not None
            try:
                with guarded(read.database):
                    yield read
            except BaseException:
                read.close()  # what was interrupted is not to be trusted
                raise

    def _read_anew(self, read: _Read, job: Job, url: str) -> None:
        read.close()
        database = TaskDatabase(read.kept.enter_context(engine(self.limits)), url, self.limits)
        read.failure = None
        try:
            with guarded(database):
                read.events = bring_events(job.report, database)
        except SourceError as error:
            read.failure = error
            raise
        finally:
            read.read_us = _now_us()
        read.database = database


@contextmanager
def _held(lock: threading.Lock) -> Iterator[None]:
    """A lock that is free but for a moment, unless a read in it hangs: then nobody else is to wait for it."""
    if not lock.acquire(timeout=LOCK_SECONDS):
        raise SourceError("an earlier read of the task database hangs; look whether its server does", DATABASE_TIMEOUT)
    try:
        yield
    finally:
        lock.release()


def _now_us() -> int:
    return time.time_ns() // 1000
