"""The ledger: what must be remembered, in SQLite or PostgreSQL, with a copy of the histories and snapshots in memory.

One worker thread at a time calls it; ``histories()`` and ``snapshots()`` may be read from any thread. Every method that
writes is one transaction, durable when it returns. If it raises LedgerError, nothing has changed, and the same call may
be made again with the same arguments: it is idempotent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from alembic.util import CommandError
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import SQLAlchemyError

from gpucost.core.actuation import Records
from gpucost.core.instants import instant_text
from gpucost.ledger import rows
from gpucost.ledger.database import Database, database_at, ensure_state
from gpucost.ledger.dating import TOLERANCE_US
from gpucost.ledger.errors import LedgerBusy, LedgerError, unusable
from gpucost.ledger.history import History, Moment, Remembered, gone, seen
from gpucost.ledger.migrating import migrate
from gpucost.ledger.records import FinalReport, JobOutcome, Restatement, Snapshot
from gpucost.ledger.rows import Key
from gpucost.ledger.sightings import Edit, Sighting, edits_of
from gpucost.ledger.tables import STATE

__all__ = [
    "Edit",
    "FinalReport",
    "History",
    "JobOutcome",
    "Key",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "Restatement",
    "Sighting",
    "Snapshot",
    "edits_of",
]

BEFORE_ALL_US: Final = -(2**60)
"""Since when nobody watched, before the first look."""

_Memory = Mapping[Key, Remembered]
_Changes = Mapping[Key, Remembered | None]


class Ledger:
    """An open ledger, which no other instance can open as long as it lives."""

    def __init__(self, database: Database, holder: str, tolerance_us: int) -> None:
        self._database = database
        self._holder = holder
        self._tolerance_us = tolerance_us
        self._connection: Connection | None = None
        self._closed = False
        self._confirmed_us: int | None = None
        self._memory: _Memory = {}
        self._histories: Mapping[Key, History] = MappingProxyType({})
        self._snapshots: Mapping[str, Snapshot] = MappingProxyType({})
        self._marks: Mapping[Key, str] = MappingProxyType({})
        self._unreported: set[Key] = set()
        """Histories that changed in a transaction whose answer was lost."""

    @classmethod
    def open(cls, url: str, holder: str, *, tolerance_us: int = TOLERANCE_US) -> Ledger:
        """Take the lock, bring the tables up to date and load what is remembered.

        ``holder`` is who we are, for the message of another instance. If nobody watched for longer than
        ``tolerance_us``, what happened meanwhile is in doubt. Raises LedgerBusy and LedgerError.
        """
        who = f"{holder} (process {os.getpid()} on {socket.gethostname()}, since {instant_text(_second_us())})"
        ledger = cls(database_at(url), who, tolerance_us)
        try:
            with ledger._transaction():
                ledger._unreported.clear()  # all of it is new to the caller
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Give the lock up. It can't be used any more."""
        self._closed = True
        self._hang_up()
        self._database.release()

    # CronJobs

    def histories(self) -> Mapping[Key, History]:
        """All that is known of CronJobs, by namespace and name."""
        return self._histories

    @property
    def confirmed_us(self) -> int | None:
        """Until when the watch was live; None: it never was."""
        return self._confirmed_us

    def observe(
        self,
        sightings: Sequence[Sighting],
        now_us: int,
        *,
        complete: bool = False,
        namespaces: Collection[str] | None = None,
    ) -> set[Key]:
        """Remember what the API server says now, and return the keys of the histories that changed.

        ``complete``: this is the whole list, of these namespaces (None: of all), so that what is missing is gone.
        """

        def changes(memory: _Memory) -> _Changes:
            moment = self._moment(now_us)
            found = _sighted(memory, sightings, moment)
            return found | _missing(memory, sightings, moment, namespaces) if complete else found

        return self._remember(changes)

    def observe_deleted(self, namespace: str, name: str, uid: str, now_us: int) -> set[Key]:
        """Remember that a watch saw a CronJob being deleted; if another one lives under its name, that says nothing."""

        def changes(memory: _Memory) -> _Changes:
            before = memory.get((namespace, name))
            if before is None or not before.history.present or before.history.uid != uid:
                return {}
            return {(namespace, name): gone(before, self._moment(now_us), watched=True)}

        return self._remember(changes)

    def confirm(self, now_us: int) -> None:
        """Remember that the watch was live until now: an edit that is noticed later can't be older."""
        with self._transaction() as connection:
            connection.execute(update(STATE).values(confirmed_us=now_us))
            last = self._confirmed_us
            if last is None or now_us - last > self._tolerance_us:
                rows.write_gap(connection, BEFORE_ALL_US if last is None else last, now_us)
        self._confirmed_us = now_us

    def _moment(self, now_us: int) -> Moment:
        return Moment(now_us, self._confirmed_us, self._tolerance_us)

    def _remember(self, changes: Callable[[_Memory], _Changes]) -> set[Key]:
        """Write what changes, if anything does."""
        if changes(self._memory):
            with self._transaction() as connection:
                after = changes(self._memory)  # a new connection read it anew
                rows.write_histories(connection, self._memory, after)
            merged = {**self._memory, **after}
            self._publish({key: remembered for key, remembered in merged.items() if remembered is not None})
        reported, self._unreported = self._unreported, set()
        return reported

    def _publish(self, memory: _Memory) -> None:
        """Replace what is in memory, and note whose History differs from what the caller knows."""
        histories = {key: remembered.history for key, remembered in memory.items()}
        both = histories.keys() | self._histories.keys()
        self._unreported |= {key for key in both if histories.get(key) != self._histories.get(key)}
        self._memory, self._histories = memory, MappingProxyType(histories)

    # Jobs and reports

    def record_jobs(self, outcomes: Sequence[JobOutcome]) -> None:
        """Remember what became of Jobs. What was known and isn't stated any more stays known."""
        if outcomes:
            with self._transaction() as connection:
                rows.write_jobs(connection, outcomes)
                marks = rows.load_marks(connection, {(outcome.namespace, outcome.cronjob) for outcome in outcomes})
            self._marks = MappingProxyType({**self._marks, **marks})

    def records(self, keys: Collection[Key], since_us: int) -> Records:
        """What became of these CronJobs' Jobs since an instant, with the last success before it, and what nobody watched."""
        known = {key for key in keys if key in self._marks}
        with self._transaction() as connection:
            runs = rows.load_runs(connection, known, since_us) if known else {}
            return Records(runs, rows.load_gaps(connection, since_us))

    def unended_jobs(self) -> dict[str, JobOutcome]:
        """Jobs that were last seen running, by uid: some may be gone since."""
        with self._transaction() as connection:
            return rows.load_unended(connection)

    def job_marks(self) -> Mapping[Key, str]:
        """For each CronJob a text that changes when anything of its Jobs does."""
        return self._marks

    def final_of(self, report_uid: str, start_us: int, end_us: int) -> FinalReport | None:
        """The final figures of a report's period, if they were saved."""
        with self._transaction() as connection:
            return rows.load_final(connection, report_uid, start_us, end_us)

    def restatements(self, report_uid: str, start_us: int, end_us: int, limit: int = 10) -> tuple[Restatement, ...]:
        """The last restatements of a report's period, oldest first."""
        with self._transaction() as connection:
            return rows.load_restatements(connection, report_uid, start_us, end_us, limit)

    def snapshots(self) -> Mapping[str, Snapshot]:
        """The last snapshot of each report, by its uid."""
        return self._snapshots

    def save(
        self, snapshot: Snapshot, final: FinalReport | None = None, restatements: Sequence[Restatement] = ()
    ) -> None:
        """Save or replace the snapshot of a report; with it, in one transaction, the final figures of its period where they
        are new, and what changed in them and why."""
        with self._transaction() as connection:
            rows.write_snapshot(connection, snapshot)
            if final is not None:
                rows.write_final(connection, final)
            rows.write_restatements(connection, restatements)
        self._snapshots = MappingProxyType({**self._snapshots, snapshot.report_uid: snapshot})

    def forget_report(self, report_uid: str) -> None:
        """Forget the snapshot, the final figures and the restatements of a report that was deleted."""
        with self._transaction() as connection:
            rows.delete_report(connection, report_uid)
        self._snapshots = MappingProxyType({uid: s for uid, s in self._snapshots.items() if uid != report_uid})

    # The connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction under the lock. An error of the database is a LedgerError, and its connection is given up."""
        try:
            connection = self._connected()
            with connection.begin():
                yield connection
        except (SQLAlchemyError, CommandError, OSError) as error:
            if not self._database.survives(error):
                self._hang_up()
            raise unusable(self._database.url, error) from None

    def _connected(self) -> Connection:
        """The connection, or another one if it was lost; that reads again what is remembered."""
        if self._closed:
            raise LedgerError(f"the ledger of {self._holder} is closed: open it again")
        if self._connection is not None and not self._database.is_alive(self._connection):
            self._hang_up()
        if self._connection is None:
            self._connection = self._loaded(self._database.connect(self._holder))
        return self._connection

    def _loaded(self, connection: Connection) -> Connection:
        try:
            with connection.begin():
                self._load(connection)
        except BaseException:
            _abandon(connection)
            raise
        return connection

    def _load(self, connection: Connection) -> None:
        migrate(connection)
        ensure_state(connection)
        self._database.note_holder(connection, self._holder)
        self._confirmed_us = connection.scalar(select(STATE.c.confirmed_us))
        self._snapshots = MappingProxyType(rows.load_snapshots(connection))
        self._marks = MappingProxyType(rows.load_marks(connection))
        self._publish(rows.load_histories(connection))

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _abandon(connection)


def _abandon(connection: Connection) -> None:
    connection.invalidate()  # no rollback, for which a server that is gone would be waited for
    connection.close()


def _second_us() -> int:
    """The time, in whole seconds."""
    return time.time_ns() // 10**9 * 10**6


def _sighted(memory: _Memory, sightings: Sequence[Sighting], moment: Moment) -> dict[Key, Remembered | None]:
    found: dict[Key, Remembered | None] = {}
    for sighting in sightings:
        key = (sighting.namespace, sighting.name)
        before = found.get(key) or memory.get(key)
        after = seen(before, sighting, moment)
        if after is not before:
            found[key] = after
    return found


def _missing(
    memory: _Memory, sightings: Sequence[Sighting], moment: Moment, namespaces: Collection[str] | None
) -> dict[Key, Remembered | None]:
    there = {(sighting.namespace, sighting.name) for sighting in sightings}
    return {
        key: gone(before, moment, watched=False)
        for key, before in memory.items()
        if before.history.present and key not in there and (namespaces is None or key[0] in namespaces)
    }
