"""Looks at a task database of whatever schema: which table has the tasks, how to read it, and what it then names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb

from gpucost.api.costreport import SpecError, Statuses
from gpucost.core.issues import shorten
from gpucost.core.zones import UTC
from gpucost.drafting.columns import (
    NODE_TYPES,
    STATUSES,
    TableColumns,
    find_event,
    find_job,
    is_number,
    weigh_table,
)
from gpucost.drafting.models import find_models
from gpucost.drafting.queries import as_text, quote_name, quote_text, write_event_query, write_job_query
from gpucost.drafting.statuses import Sorted, sort_statuses
from gpucost.drafting.tools import Tool, find_tool
from gpucost.engine.reduction import Names, list_events
from gpucost.engine.source import (
    REQUIRED,
    SOURCE,
    TASKS_UNREADABLE,
    UNIT_US,
    SourceError,
    TimeRule,
    UnitError,
    create_source,
)
from gpucost.sources.catalogue import Catalogue, Dialect, ListedTable, list_tables, read_values
from gpucost.sources.scheduletable import COLUMNS as SCHEDULE_COLUMNS
from gpucost.sources.scheduletable import SCALING
from gpucost.sources.tasks import EVENTS, open_database

TRIES: Final = 5
"""Tables that are read, the likeliest first, until one holds a task."""
MOST_TYPES: Final = 50
"""A column of more different values is no node type."""
_SURE_TYPES: Final = frozenset(
    ("node_type", "gpu_type", "gpu_model", "gpu_name", "gpu", "accelerator", "accelerator_type")
)
_NAIVE_TEXT: Final = (
    "creation_ts <> '' AND TRY_CAST(creation_ts AS DOUBLE) IS NULL "
    r"AND NOT regexp_matches(creation_ts, '\d[Tt ].*([A-Za-z]|[+-]\d\d(:?\d\d){0,2}) *$')"
)
"""ISO text without an offset."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read as events."""

    query: str | None
    """None: it is task_history as gpucost has it."""
    what: str
    """A noun for the table: ``one row per job``."""
    statuses: Statuses = field(default_factory=Statuses)
    time_zone: str | None = None
    epoch_unit: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenEvents:
    """What the events of a reading name."""

    names: Names
    node_types: tuple[str, ...]
    """Those that the events state themselves."""
    numeric_time: str | None
    """A time of them that is a number; None where times are not."""
    naive_time: bool
    """Whether some time has no offset."""


@dataclass(frozen=True, slots=True)
class SeenTasks:
    """What a task database holds, and how its tasks are read."""

    tables: tuple[ListedTable, ...] = ()
    """All of them, the likeliest first; none where the tasks stand in task_history as gpucost has it."""
    table: ListedTable | None = None
    """Where the tasks stand."""
    reading: Reading | None = None
    """None: no table looks like one of tasks, or it can't be read as one."""
    events: SeenEvents | None = None
    statuses: Sorted = field(default_factory=Sorted)
    pools: tuple[str, ...] = ()
    """Node pools of the schedule table."""
    scheduled: bool = False
    """Whether there is a schedule table."""
    remarks: tuple[str, ...] = ()


def look_at_tasks(url: str) -> SeenTasks:
    """Find the tasks of a database. Raises SourceError where it can't be reached or read at all."""
    catalogue = list_tables(url)
    pools = _scheduled_pools(url, catalogue)
    own = next((table for table in catalogue.tables if _is_own(table)), None)
    found = _look_at_own(url, own) if own else _look_at_foreign(url, catalogue)
    return SeenTasks(
        found.tables,
        found.table,
        found.reading,
        found.events,
        found.statuses,
        pools or (),
        pools is not None,
        found.remarks,
    )


def _is_own(table: ListedTable) -> bool:
    return table.name == EVENTS.name and table.schema is None and TableColumns.of(table).has(" ".join(REQUIRED))


def _scheduled_pools(url: str, catalogue: Catalogue) -> tuple[str, ...] | None:
    """Pools of the table k8s_nodes_scaling; None where there is no such table."""
    for table in catalogue.tables:
        if (
            table.name == SCALING.name
            and table.schema is None
            and TableColumns.of(table).has(" ".join(SCHEDULE_COLUMNS))
        ):
            rows = read_values(url, f"SELECT DISTINCT node_pool_name FROM {SCALING.name}", ("node_pool_name",))
            return tuple(sorted(str(name) for (name,) in rows if name))
    return None


def _look_at_own(url: str, table: ListedTable) -> SeenTasks:
    reading = Reading(None, "one row per event")
    events, statuses = _look_at_events(url, reading)
    return SeenTasks((), table, reading, events, statuses)


def _look_at_foreign(url: str, catalogue: Catalogue) -> SeenTasks:
    """The first table of the likeliest that holds a task, else the likeliest."""
    likely = _likely(catalogue)
    tables = _likeliest_first(catalogue, [columns.table for columns, _ in likely])
    best: SeenTasks | None = None
    for columns, tool in likely[:TRIES]:
        seen = _try_table(url, catalogue, columns, tool, tables)
        if seen.events is not None and seen.events.names.statuses:
            return seen
        best = best or seen
    return best or SeenTasks(tables, remarks=(_nothing(tables),))


def _nothing(tables: Sequence[ListedTable]) -> str:
    if not tables:
        return "The database has no table that its user may read."
    return "No table looks like one of tasks: write spec.tasks.query yourself; docs/schemas.md has examples."


def _likely(catalogue: Catalogue) -> list[tuple[TableColumns, Tool | None]]:
    """Tables that may hold tasks, the likeliest first."""
    every = [(columns, find_tool(columns)) for columns in map(TableColumns.of, catalogue.tables)]
    weighed = [(_weight(columns, tool), columns, tool) for columns, tool in every]
    likely = sorted((entry for entry in weighed if any(entry[0])), key=lambda entry: entry[0], reverse=True)
    return [(columns, tool) for _, columns, tool in likely]


def _weight(columns: TableColumns, tool: Tool | None) -> tuple[bool, bool, int]:
    by_name = tool is not None and columns.table.name.lower() in tool.tables
    return by_name, tool is not None, weigh_table(columns)


def _likeliest_first(catalogue: Catalogue, likely: list[ListedTable]) -> tuple[ListedTable, ...]:
    return (*likely, *(table for table in catalogue.tables if table not in set(likely)))


def _try_table(
    url: str, catalogue: Catalogue, columns: TableColumns, tool: Tool | None, tables: tuple[ListedTable, ...]
) -> SeenTasks:
    reading = _reading_of(url, catalogue, columns, tool)
    if reading is None:
        return SeenTasks(tables, columns.table, remarks=_no_start(columns.table, tool))
    try:
        events, statuses = _look_at_events(url, reading)
    except (SourceError, SpecError) as error:
        if isinstance(error, SourceError) and error.reason != TASKS_UNREADABLE:
            raise
        remark = f"The query below does not run yet, mend it: {shorten(str(error), 300)}"
        return SeenTasks(tables, columns.table, Reading(reading.query, reading.what), remarks=(remark,))
    empty = (
        () if events.names.statuses else ("The table has no job yet: spec.tasks.statuses knows none of its statuses.",)
    )
    return SeenTasks(tables, columns.table, reading, events, statuses, remarks=reading.remarks + empty)


def _no_start(table: ListedTable, tool: Tool | None) -> tuple[str, ...]:
    return (
        f"{shorten(table.name)} looks like {tool.name if tool else 'tasks'}, but no column says when a task started: "
        "its cost can't be known. docs/schemas.md says how to have it recorded.",
    )


def _reading_of(url: str, catalogue: Catalogue, columns: TableColumns, tool: Tool | None) -> Reading | None:
    dialect = catalogue.dialect
    if tool is not None:

        def has(source: str, column: str, text: str) -> bool:
            query = f"SELECT {column} AS value FROM {source} WHERE {column} = {quote_text(text)} LIMIT 1"
            return bool(read_values(url, query, ("value",)))

        job = tool.read(columns, catalogue, has)
        if job is None:
            return None
        query = write_job_query(job, dialect)
        remarks = tool.remarks + ((tool.without_node,) if job.node_name is None and tool.without_node else ())
        return Reading(query, tool.name, tool.statuses, tool.time_zone, tool.epoch_unit, remarks)
    if columns.has(" ".join(REQUIRED)):
        return Reading(f"SELECT * FROM {columns.source}", "one row per event")
    return _usual_reading(columns, _node_type(url, columns), dialect)


def _usual_reading(columns: TableColumns, node_type: str | None, dialect: Dialect) -> Reading | None:
    empty = Statuses(running=("running",), success=(), failure=(), waiting=())
    found = find_job(columns, node_type, dialect)
    if found is not None:
        job, remarks = found
        stated = columns.find(STATUSES) is not None
        return Reading(
            write_job_query(job, dialect), "one row per job", empty if stated else Statuses(), remarks=remarks
        )
    event = find_event(columns, node_type, dialect)
    if event is None:
        return None
    return Reading(write_event_query(event, dialect), "one row per event", empty)


def _node_type(url: str, columns: TableColumns) -> str | None:
    """The column that names a type of node or GPU, and not a number of them."""
    for name in NODE_TYPES.split():
        column = columns.by_name.get(name)
        if column is None or is_number(column) or column.kind.startswith("bool"):
            continue
        text = as_text(quote_name(column.name))
        query = f"SELECT DISTINCT {text} AS value FROM {columns.source} WHERE {text} <> '' LIMIT {MOST_TYPES + 1}"
        values = [str(value) for (value,) in read_values(url, query, ("value",))]
        if (
            values
            and len(values) <= MOST_TYPES
            and all(_names_type(value, sure=name in _SURE_TYPES) for value in values)
        ):
            return quote_name(column.name)
    return None


def _names_type(value: str, *, sure: bool) -> bool:
    return any(char.isalpha() for char in value) if sure else bool(find_models(value))


def _look_at_events(url: str, reading: Reading) -> tuple[SeenEvents, Sorted]:
    """What the events name, and what their statuses mean; once more where other statuses turn out to mean running, for
    only those events are asked for their nodes."""
    usual = reading.statuses
    events = _read_events(url, reading, usual.running)
    statuses = sort_statuses(events.names.statuses, usual)
    if statuses.running != usual.running:
        events = _read_events(url, reading, statuses.running)
    return events, statuses


def _read_events(url: str, reading: Reading, running: Sequence[str]) -> SeenEvents:
    """What the events of a reading name, read as a report reads them."""
    with open_database(url) as database:
        relation = database.bring(EVENTS, reading.query, running)
        names, numeric = _names(database.con, relation, reading, running)
        types = database.con.execute(f"SELECT DISTINCT node_type FROM {SOURCE} WHERE node_type <> ''").fetchall()
        number = _example_of_time(database.con, relation) if numeric else None
        naive = not numeric and _has_naive_time(database.con, relation)
    return SeenEvents(names, tuple(sorted(str(name) for (name,) in types)), number, naive)


def _names(
    con: duckdb.DuckDBPyConnection, relation: str, reading: Reading, running: Sequence[str]
) -> tuple[Names, bool]:
    """What the events name, and whether their times are numbers: for names any unit will do under which they are times."""
    try:
        create_source(con, relation, TimeRule(UTC, None))
        return list_events(con, running), False
    except UnitError:
        for unit in _units(reading):
            create_source(con, relation, TimeRule(UTC, unit))
            names = list_events(con, running)
            if names.nodes:
                break
        return names, True


def _units(reading: Reading) -> Iterator[str]:
    if reading.epoch_unit is not None:
        yield reading.epoch_unit
    else:
        yield from UNIT_US


def _example_of_time(con: duckdb.DuckDBPyConnection, relation: str) -> str:
    (example,) = con.execute(f"SELECT max(creation_ts) FROM {relation}").fetchone() or ("",)
    return str(example)


def _has_naive_time(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Whether some time of a relation has no offset, so that a zone must be assumed."""
    described = con.execute(f"DESCRIBE {relation}").fetchall()
    kind = next(str(kind) for name, kind, *_ in described if str(name).lower() == "creation_ts")
    if kind != "VARCHAR":
        return kind.startswith(("TIMESTAMP", "DATE")) and "TIME ZONE" not in kind
    return bool(con.execute(f"SELECT 1 FROM {relation} WHERE {_NAIVE_TEXT} LIMIT 1").fetchone())
