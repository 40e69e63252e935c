"""Between the ledger's tables and values. Every function works inside a transaction of its caller."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, Table, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from gpucost.core.actuation import Run
from gpucost.core.scaling import PoolCount, ScheduleVersion, order_counts
from gpucost.core.versions import KnownVersion
from gpucost.ledger.history import History, Remembered
from gpucost.ledger.records import FinalReport, JobOutcome, Restatement, Snapshot
from gpucost.ledger.tables import COUNTS, CRONJOBS, FINALS, GAPS, JOBS, RESTATEMENTS, SNAPSHOTS, VERSIONS

Key = tuple[str, str]
"""Namespace and name."""
_Values = dict[str, Any]
_Counts = Mapping[tuple[str, str, int], tuple[PoolCount, ...]]
"""The counts of every version, by namespace, name and number."""

_OF_VERSION: Final = ("uid", "schedule", "time_zone", "suspended", "starting_deadline_seconds", "created_us")
_OF_KNOWN: Final = ("edited_us", "ended_us", "seen_us", "edit_doubt_us", "end_doubt_us")


def upsert(connection: Connection, table: Table, rows: Sequence[_Values], *, keep: bool = False) -> None:
    """Insert rows, or update those of the same key where they differ; ``keep``: NULL doesn't replace what is known."""
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    others = [column for column in table.columns if not column.primary_key]
    fresh = {
        c.name: func.coalesce(statement.excluded[c.name], c) if keep else statement.excluded[c.name] for c in others
    }
    differs = or_(*(fresh[c.name].is_distinct_from(c) for c in others))
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=fresh, where=differs), rows
    )


def _row(value: JobOutcome | FinalReport | Restatement | Snapshot) -> _Values:
    return {field.name: getattr(value, field.name) for field in fields(value)}


# Histories


def load_histories(connection: Connection) -> dict[Key, Remembered]:
    """All that is remembered of CronJobs."""
    versions: dict[Key, list[Row[Any]]] = {}
    ordered = select(VERSIONS).order_by(VERSIONS.c.namespace, VERSIONS.c.name, VERSIONS.c.number)
    for row in connection.execute(ordered):
        versions.setdefault((row.namespace, row.name), []).append(row)
    counts = _load_counts(connection)
    cronjobs = connection.execute(select(CRONJOBS))
    return {
        (row.namespace, row.name): _remembered(row, versions.get((row.namespace, row.name), []), counts)
        for row in cronjobs
    }


def _load_counts(connection: Connection) -> _Counts:
    found: dict[tuple[str, str, int], dict[str, int]] = {}
    for row in connection.execute(select(COUNTS)):
        found.setdefault((row.namespace, row.name, row.number), {})[row.pool] = row.nodes
    return {key: order_counts(nodes) for key, nodes in found.items()}


def _remembered(row: Row[Any], versions: Sequence[Row[Any]], counts: _Counts) -> Remembered:
    known = tuple(_known(version, counts, None if version.number else row.valid_from_us) for version in versions)
    history = History(row.namespace, row.name, row.uid, json.loads(row.labels), row.present, known)
    return Remembered(history, row.generation, row.noticed_us)


def _known(row: Row[Any], counts: _Counts, valid_from_us: int | None) -> KnownVersion:
    version = ScheduleVersion(
        namespace=row.namespace,
        name=row.name,
        counts=counts[row.namespace, row.name, row.number],
        valid_from_us=valid_from_us,
        **{name: getattr(row, name) for name in _OF_VERSION},
    )
    return KnownVersion(version, **{name: getattr(row, name) for name in _OF_KNOWN})


def write_histories(
    connection: Connection, before: Mapping[Key, Remembered], after: Mapping[Key, Remembered | None]
) -> None:
    """Write what differs; None: nothing is worth remembering any more."""
    kept = [remembered for remembered in after.values() if remembered is not None]
    for namespace, name in (key for key, remembered in after.items() if remembered is None):
        connection.execute(delete(CRONJOBS).where(CRONJOBS.c.namespace == namespace, CRONJOBS.c.name == name))
    upsert(connection, CRONJOBS, [_cronjob_row(remembered) for remembered in kept])
    changed = [version for remembered in kept for version in _changed_versions(before, remembered.history)]
    upsert(connection, VERSIONS, [_version_row(key, known) for key, known in changed])
    upsert(connection, COUNTS, [row for key, known in changed for row in _count_rows(key, known.version)])


def _cronjob_row(remembered: Remembered) -> _Values:
    history = remembered.history
    return {
        "namespace": history.namespace,
        "name": history.name,
        "uid": history.uid,
        "labels": json.dumps(dict(history.labels), sort_keys=True),
        "present": history.present,
        "generation": remembered.generation,
        "valid_from_us": history.known[0].version.valid_from_us if history.known else None,
        "noticed_us": remembered.noticed_us,
    }


def _changed_versions(before: Mapping[Key, Remembered], history: History) -> Iterator[tuple[_Values, KnownVersion]]:
    """Versions that are new or have ended, with their keys; earlier ones never change."""
    old = before.get((history.namespace, history.name))
    first = max(len(old.history.known) - 1, 0) if old else 0
    for number, known in enumerate(history.known[first:], first):
        yield {"namespace": history.namespace, "name": history.name, "number": number}, known


def _version_row(key: _Values, known: KnownVersion) -> _Values:
    stated = {name: getattr(known.version, name) for name in _OF_VERSION}
    times = {name: getattr(known, name) for name in _OF_KNOWN}
    return {**key, **stated, **times}


def _count_rows(key: _Values, version: ScheduleVersion) -> Iterator[_Values]:
    for count in version.counts:
        yield {**key, "pool": count.pool, "nodes": count.nodes}


# Jobs


def write_jobs(connection: Connection, outcomes: Iterable[JobOutcome]) -> None:
    """Add what is known of Jobs to what was known before."""
    upsert(connection, JOBS, [_row(outcome) for outcome in outcomes], keep=True)


def load_runs(connection: Connection, keys: Collection[Key], since_us: int) -> dict[str, tuple[Run, ...]]:
    """What became of CronJobs' Jobs that ended or were made since an instant, and the last success before it; by
    ``namespace/name``."""
    c = JOBS.c
    mine = c.namespace.in_({namespace for namespace, _ in keys})
    before = (
        select(c.namespace, c.cronjob, func.max(c.ended_us).label("ended_us"))
        .where(mine, c.succeeded, c.ended_us < since_us)
        .group_by(c.namespace, c.cronjob)
        .subquery()
    )
    same = before.c.namespace == c.namespace, before.c.cronjob == c.cronjob, before.c.ended_us == c.ended_us
    late = select(JOBS).where(mine, or_(c.ended_us >= since_us, c.created_us >= since_us))
    found: dict[str, list[Run]] = {}
    for query in (select(JOBS).join(before, and_(*same)), late):
        for row in connection.execute(query):
            if (row.namespace, row.cronjob) in keys and row.created_us is not None:
                run = Run(row.scheduled_us, row.created_us, row.ended_us, row.succeeded, row.gone_us is not None)
                found.setdefault(f"{row.namespace}/{row.cronjob}", []).append(run)
    return {label: tuple(sorted(runs, key=lambda run: run.created_us)) for label, runs in found.items()}


def load_unended(connection: Connection) -> dict[str, JobOutcome]:
    """Jobs that were last seen running, by uid."""
    found = select(JOBS).where(JOBS.c.ended_us.is_(None), JOBS.c.gone_us.is_(None))
    return {row["uid"]: JobOutcome(**row) for row in connection.execute(found).mappings()}


def load_marks(connection: Connection, keys: Collection[Key] | None = None) -> dict[Key, str]:
    """A text for each CronJob that changes when anything of its Jobs does."""
    c = JOBS.c
    sums = func.count(), func.count(c.ended_us) + func.count(c.gone_us), func.max(c.ended_us)
    every = select(c.namespace, c.cronjob, *sums).group_by(c.namespace, c.cronjob)
    chosen = (
        every
        if keys is None
        else every.where(c.namespace.in_({n for n, _ in keys}), c.cronjob.in_({n for _, n in keys}))
    )
    return {(row[0], row[1]): f"{row[2]}/{row[3]}/{row[4]}" for row in connection.execute(chosen)}


def load_gaps(connection: Connection, since_us: int) -> tuple[tuple[int, int], ...]:
    """Spans of time that nobody watched and that reach beyond an instant."""
    found = select(GAPS.c.from_us, GAPS.c.until_us).where(GAPS.c.until_us >= since_us).order_by(GAPS.c.until_us)
    return tuple((row.from_us, row.until_us) for row in connection.execute(found))


def write_gap(connection: Connection, from_us: int, until_us: int) -> None:
    """Remember that nobody watched for a while."""
    upsert(connection, GAPS, [{"from_us": from_us, "until_us": until_us}])


# Reports


def load_final(connection: Connection, report_uid: str, start_us: int, end_us: int) -> FinalReport | None:
    """The final figures of a report's period, if they were saved."""
    c = FINALS.c
    found = select(FINALS).where(c.report_uid == report_uid, c.start_us == start_us, c.end_us == end_us)
    row = connection.execute(found).mappings().one_or_none()
    if row is None:
        return None
    return FinalReport(**{**row, "inputs": json.loads(row["inputs"]), "status": json.loads(row["status"])})


def write_final(connection: Connection, final: FinalReport) -> None:
    """Save or replace the final figures of a report's period."""
    texts = {"inputs": json.dumps(dict(final.inputs)), "status": json.dumps(dict(final.status))}
    upsert(connection, FINALS, [_row(final) | texts])


def load_restatements(
    connection: Connection, report_uid: str, start_us: int, end_us: int, limit: int
) -> tuple[Restatement, ...]:
    """The last restatements of a report's period, oldest first."""
    c = RESTATEMENTS.c
    mine = c.report_uid == report_uid, c.start_us == start_us, c.end_us == end_us
    last = _restatements().where(*mine)
    rows = connection.execute(last.order_by(c.at_us.desc(), c.id.desc()).limit(limit)).all()
    return tuple(Restatement(*row) for row in reversed(rows))


def _restatements() -> Select[Any]:
    c = RESTATEMENTS.c
    return select(c.report_uid, c.start_us, c.end_us, c.at_us, c.field, c.before, c.after, c.why)


def write_restatements(connection: Connection, restatements: Sequence[Restatement]) -> None:
    """Add restatements; one that is there already, in every part, is the same."""
    c = RESTATEMENTS.c
    reports = {restatement.report_uid for restatement in restatements}
    times = {restatement.at_us for restatement in restatements}
    found = connection.execute(_restatements().where(c.report_uid.in_(reports), c.at_us.in_(times)))
    there = {Restatement(*row) for row in found}
    new = [_row(restatement) for restatement in restatements if restatement not in there]
    if new:
        connection.execute(RESTATEMENTS.insert(), new)


def load_snapshots(connection: Connection) -> dict[str, Snapshot]:
    """The last snapshot of each report."""
    return {row["report_uid"]: Snapshot(**row) for row in connection.execute(select(SNAPSHOTS)).mappings()}


def write_snapshot(connection: Connection, snapshot: Snapshot) -> None:
    """Save or replace the snapshot of a report."""
    upsert(connection, SNAPSHOTS, [_row(snapshot)])


def delete_report(connection: Connection, report_uid: str) -> None:
    """Forget all that was saved of a report."""
    for table in (SNAPSHOTS, FINALS, RESTATEMENTS):
        connection.execute(delete(table).where(table.c.report_uid == report_uid))
