"""A task database: whether it can be reached, is read-only for us, and has what the method needs.

It is asked through the very sessions that the operator opens, so that what is true of one is true of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gpucost.api.costreport import ScheduleTable, SpecError, Statuses
from gpucost.core.issues import counted
from gpucost.core.zones import Zone
from gpucost.doctor.findings import Finding, from_sentence, ok, problem, skipped, warning
from gpucost.doctor.postgresql import examine_postgresql
from gpucost.engine.source import TABLE_MISSING, TASKS_UNREADABLE, SourceError, TimeRule, UnitError, create_source
from gpucost.sources.query import check_select
from gpucost.sources.scheduletable import read_schedule_table
from gpucost.sources.tasks import EVENTS, Limits, TaskDatabase, open_database
from gpucost.sources.text import redacted

SAMPLE_ROWS: Final = 1000
"""Rows that are looked at: enough to tell numbers from times in a column of texts."""
DIALECTS: Final = {"postgresql": "postgres", "postgres": "postgres", "sqlite": "sqlite"}
POSTGRES: Final = "postgres"
NO_TABLE: Final = ScheduleTable()
_DENIED: Final = re.compile(r"permission denied for (?P<kind>\w+) (?P<name>[^\s;,]+)")
_ABSENT: Final = re.compile(r"no such (table|column)|does not exist")
_UNKNOWN: Final = "check its URL, and that it runs and can be reached from here"


@dataclass(frozen=True, slots=True)
class Source:
    """A task database, and how reports read it."""

    check: str
    """What findings are called."""
    url: str
    query: str | None = None
    running: tuple[str, ...] = Statuses().running
    time_zone: str = "UTC"
    epoch_unit: str | None = None
    events: bool = True
    """Whether task events are read, and not the schedule table alone."""
    table: ScheduleTable = NO_TABLE

    @property
    def dialect(self) -> str:
        """The SQL that it speaks; files are read by DuckDB."""
        scheme = self.url.partition("://")[0].partition("+")[0].lower() if "://" in self.url else ""
        return DIALECTS.get(scheme, "duckdb")


def examine_database(source: Source, limits: Limits) -> list[Finding]:
    """Look at a task database, and say what is wrong with it."""
    found: list[Finding] = []
    try:
        with open_database(source.url, limits) as database:
            for finding in _examined(database, source):
                found.append(finding)  # one by one: what was found before an error stays
    except (SourceError, SpecError) as error:
        found.append(_failed(source, error))
    return found


def _examined(database: TaskDatabase, source: Source) -> Iterator[Finding]:
    query = check_select(source.query, source.dialect, EVENTS.setting) if source.query is not None else None
    if source.events:
        yield _events(database, source, query)
    if source.table.enabled:
        yield _schedule_table(database, source)
    if source.dialect == POSTGRES:
        yield from _server(database, source, query)
    else:
        yield ok(source.check, f"{redacted(source.url)} is read without the means to write")


def _server(database: TaskDatabase, source: Source, query: str | None) -> Iterator[Finding]:
    """What the server says of itself. One that only speaks PostgreSQL's protocol may not have its catalogs."""
    try:
        yield from examine_postgresql(database, source.check, query)
    except SourceError as error:
        if error.reason != TASKS_UNREADABLE:
            raise
        yield skipped(source.check, f"the server does not say what its user may do: {error}")


def _events(database: TaskDatabase, source: Source, query: str | None) -> Finding:
    """Whether the columns are there, and times can be told. Raises SourceError for what says enough itself."""
    sample = f"SELECT * FROM ({query or f'SELECT * FROM {EVENTS.name}'}) AS events LIMIT {SAMPLE_ROWS}"
    relation = database.bring(EVENTS, sample, source.running)
    rule = TimeRule(Zone.parse(source.time_zone), source.epoch_unit)
    try:
        create_source(database.con, relation, rule)
    except UnitError as error:
        return problem(source.check, str(error).partition(":")[0], rule.advice)
    ((rows,),) = database.con.execute(f"SELECT count(*) FROM {relation}").fetchall()  # all: else the result stays open
    what = f"{redacted(source.url)} has the columns that the method needs"
    if not rows:
        return warning(
            source.check, f"{what}, but no row", "see that tasks are written there, or mend spec.tasks.query"
        )
    return ok(source.check, what)


def _schedule_table(database: TaskDatabase, source: Source) -> Finding:
    rows = read_schedule_table(database, source.table, ())
    if rows.issues:
        first = "; ".join(issue.message for issue in rows.issues[:3])
        return warning(source.check, f"k8s_nodes_scaling: {first}", "mend these rows, or leave them out with its query")
    return ok(source.check, f"k8s_nodes_scaling can be read: {counted(len(rows.held), 'schedule')}")


def _failed(source: Source, error: Exception) -> Finding:
    """What an error says, and what to do. It never repeats a password."""
    said = str(error)
    denied = _DENIED.search(said)
    if denied:
        grant = "USAGE ON SCHEMA" if denied["kind"] == "schema" else "SELECT ON"
        remedy = f"as its owner: GRANT {grant} {denied['name']} TO the user of the URL"
        return problem(source.check, said.rpartition("; ")[0], remedy)
    was_read = "can't be read" in said  # else it is the file that does not exist
    is_absent = was_read and getattr(error, "reason", "") == TASKS_UNREADABLE and _ABSENT.search(said)
    if is_absent or getattr(error, "reason", "") == TABLE_MISSING:
        return problem(source.check, said.partition("; ")[0], "name your table and its columns in spec.tasks.query")
    return from_sentence(source.check, said, _UNKNOWN)


def grouped(sources: Sequence[Source]) -> list[Source]:
    """Each database that is read in one way once, under the names of all its reports."""
    found: dict[tuple[object, ...], Source] = {}
    for source in sources:
        key = (
            source.url,
            source.query,
            source.running,
            source.time_zone,
            source.epoch_unit,
            source.events,
            source.table,
        )
        found.setdefault(key, source)
    return list(found.values())
