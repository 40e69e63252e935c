"""Sightings of CronJobs and Jobs on their way into the ledger: in order, each with the instant at which it was noticed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from gpucost.controller.queue import Key
from gpucost.controller.threads import Threads
from gpucost.ledger.errors import LedgerError
from gpucost.ledger.ledger import Ledger
from gpucost.ledger.records import JobOutcome
from gpucost.ledger.sightings import Sighting

RETRY_SECONDS: Final = (1, 2, 5, 10, 15)
"""Waits between tries while the ledger can't be written."""
LOG: Final = logging.getLogger("gpucost.ledger")


@dataclass(frozen=True, slots=True)
class Seen:
    """CronJobs as they are; ``complete``: there are no others in these namespaces (None: in all)."""

    sightings: Sequence[Sighting]
    at_us: int
    complete: bool = False
    namespaces: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A CronJob that a watch saw go."""

    key: Key
    uid: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Everything was listed at an instant: no edit that is noticed later is older."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A CostReport that is gone: nothing of it is needed any more."""

    uid: str


Note = Seen | Gone | Confirmed | Forgotten | JobOutcome


@dataclass(slots=True)
class Recorder:
    """Writes notes to the ledger one after the other, and tries again as long as the ledger can't be written."""

    ledger: Ledger
    threads: Threads
    changed: Callable[[set[Key]], None] = lambda _: None
    """Called with CronJobs whose history changed, or whose Jobs ended."""
    troubled: Callable[[], None] = lambda: None
    """Called when the ledger fails, and when it works again."""
    failure: str | None = None
    """Why the ledger can't be written now."""
    _notes: deque[Note] = field(default_factory=deque)
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, note: Note) -> None:
        """Have something written; the loop goes on meanwhile."""
        self._notes.append(note)
        self._settled.clear()
        self._stirred.set()

    async def settled(self) -> None:
        """Wait until everything noted so far is in the ledger."""
        if self._notes:
            await self._settled.wait()

    async def unended_jobs(self) -> dict[str, JobOutcome]:
        """Jobs that the ledger last saw running; none where it can't be asked."""
        try:
            return await self.threads.ledger(self.ledger.unended_jobs)
        except LedgerError:
            return {}

    async def work(self) -> None:
        """Write what is noted, for ever."""
        tries = 0
        while True:
            await self._stirred.wait()
            try:
                await self._write_all()
                tries = 0
                self._became(None)
            except LedgerError as error:
                self._became(str(error))
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1

    async def _write_all(self) -> None:
        while self._notes:
            count, changed = await self.threads.ledger(self._write, list(self._notes))
            for _ in range(count):
                self._notes.popleft()
            if changed:
                self.changed(changed)
        self._stirred.clear()
        self._settled.set()

    def _write(self, notes: Sequence[Note]) -> tuple[int, set[Key]]:
        """In the ledger's thread: neighbouring Jobs in one transaction, all else one by one."""
        first = notes[0]
        match first:
            case Seen():
                found = self.ledger.observe(
                    first.sightings, first.at_us, complete=first.complete, namespaces=first.namespaces
                )
                return 1, found
            case Gone():
                return 1, self.ledger.observe_deleted(*first.key, first.uid, first.at_us)
            case Confirmed():
                self.ledger.confirm(first.at_us)  # writes always, so a full disk is noticed
                return 1, set()
            case Forgotten():
                self.ledger.forget_report(first.uid)
                return 1, set()
        jobs = []
        for note in notes:
            if not isinstance(note, JobOutcome):
                break
            jobs.append(note)
        self.ledger.record_jobs(jobs)
        over = [job for job in jobs if job.ended_us is not None or job.gone_us is not None]
        return len(jobs), {(job.namespace, job.cronjob) for job in over}

    def _became(self, failure: str | None) -> None:
        if (failure is None) == (self.failure is None):
            self.failure = failure
            return
        self.failure = failure
        LOG.log(logging.INFO if failure is None else logging.ERROR, failure or "the ledger can be written again")
        self.troubled()


def now_us() -> int:
    """The clock, in microseconds since 1970."""
    return time.time_ns() // 1000
