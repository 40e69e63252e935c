"""Looks at a task database of whatever schema: which table has the tasks, and how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gpucost.api.costreport import SpecError
from gpucost.core.issues import shorten
from gpucost.drafting.columns import TableColumns, weigh_table
from gpucost.drafting.events import SeenEvents, look_at_events
from gpucost.drafting.readings import ONE_ROW_PER_EVENT, Reading, read_table
from gpucost.drafting.tools import Tool, find_tool
from gpucost.engine.source import REQUIRED, TASKS_UNREADABLE, SourceError
from gpucost.sources.catalogue import Catalogue, ListedTable, list_tables, read_values
from gpucost.sources.scheduletable import COLUMNS as SCHEDULE_COLUMNS
from gpucost.sources.scheduletable import SCALING
from gpucost.sources.tasks import EVENTS

TRIES: Final = 5
"""Tables that are read, the likeliest first, until one holds a task."""
_NOTHING_READABLE: Final = "The database has no table that its user may read."
_NO_TASKS: Final = "No table looks like one of tasks: write spec.tasks.query yourself; docs/schemas.md has examples."
_NO_JOB: Final = "The table has no job yet: spec.tasks.statuses may lack some of its statuses."
_NEVER_RUNS: Final = (
    "No event has a status that means running, so that nothing would be charged: put it into "
    "spec.tasks.statuses.running; if there is one row per job, see docs/schemas.md."
)


@dataclass(frozen=True, slots=True)
class FoundTasks:
    """The table of the tasks, how it is read, and what it names."""

    table: ListedTable
    reading: Reading
    events: SeenEvents


@dataclass(frozen=True, slots=True)
class SeenTasks:
    """What a task database holds."""

    tables: tuple[ListedTable, ...] = ()
    """All of them, the likeliest first; none where the tasks stand in task_history as gpucost has it."""
    found: FoundTasks | None = None
    """None: no table looks like one of tasks, or it can't be read as one."""
    query: str | None = None
    """One that does not run as it stands."""
    scheduled: tuple[str, ...] | None = None
    """Node pools of the schedule table; None where there is no such table."""
    remarks: tuple[str, ...] = ()


def look_at_tasks(url: str) -> SeenTasks:
    """Find the tasks of a database. Raises SourceError where it can't be reached or read at all."""
    catalogue = list_tables(url)
    own = _named(catalogue, EVENTS.name, REQUIRED)
    if own is None:
        seen = _look_at_foreign(url, catalogue)
    else:
        reading = Reading(None, ONE_ROW_PER_EVENT)
        events = look_at_events(url, reading)
        seen = SeenTasks(found=FoundTasks(own, reading, events), remarks=_doubts(events))
    return replace(seen, scheduled=_scheduled_pools(url, catalogue))


def _named(catalogue: Catalogue, name: str, columns: Sequence[str]) -> ListedTable | None:
    """The table of a name, where it has these columns."""
    for table in catalogue.tables:
        if table.name == name and table.schema is None and TableColumns.of(table).has(" ".join(columns)):
            return table
    return None


def _scheduled_pools(url: str, catalogue: Catalogue) -> tuple[str, ...] | None:
    if catalogue.files or _named(catalogue, SCALING.name, SCHEDULE_COLUMNS) is None:
        return None
    rows = read_values(url, f"SELECT DISTINCT node_pool_name FROM {SCALING.name}", ("node_pool_name",))
    return tuple(sorted(str(name) for (name,) in rows if name))


def _look_at_foreign(url: str, catalogue: Catalogue) -> SeenTasks:
    """The first table of the likeliest that holds a task, else the likeliest that can be read."""
    likely = _likely_tables(catalogue)
    first = [columns.table for columns, _ in likely]
    tables = (*first, *(table for table in catalogue.tables if table not in frozenset(first)))
    tried: list[SeenTasks] = []
    for columns, tool in likely[:TRIES]:
        seen = _try_table(url, catalogue, columns, tool)
        tried.append(replace(seen, tables=tables))
        if seen.found is not None and seen.found.events.names.statuses:
            return tried[-1]
    if tried:
        return next((seen for seen in tried if seen.found is not None), tried[0])
    return SeenTasks(tables, remarks=(_NO_TASKS if tables else _NOTHING_READABLE,))


def _likely_tables(catalogue: Catalogue) -> list[tuple[TableColumns, Tool | None]]:
    """Tables that may hold tasks, the likeliest first: those of a known tool by name and columns, by columns, others."""
    every = [(columns, find_tool(columns)) for columns in map(TableColumns.of, catalogue.tables)]
    weighed = [(_weigh(columns, tool), columns, tool) for columns, tool in every]
    likely = sorted((entry for entry in weighed if any(entry[0])), key=lambda entry: entry[0], reverse=True)
    return [(columns, tool) for _, columns, tool in likely]


def _weigh(columns: TableColumns, tool: Tool | None) -> tuple[bool, bool, int]:
    by_name = tool is not None and columns.table.name.lower() in tool.tables
    return by_name, tool is not None, weigh_table(columns)


def _try_table(url: str, catalogue: Catalogue, columns: TableColumns, tool: Tool | None) -> SeenTasks:
    query = None
    try:
        reading = read_table(url, catalogue, columns, tool)
        if reading is None:
            return SeenTasks(remarks=(_say_no_start(columns.table, tool),))
        query = reading.query
        events = look_at_events(url, reading)
    except (SourceError, SpecError) as error:
        if isinstance(error, SourceError) and error.reason != TASKS_UNREADABLE:
            raise
        told = f"{shorten(columns.table.name)} can't be read as tasks yet: {shorten(str(error), 300)}"
        return SeenTasks(query=query, remarks=(told,))
    return SeenTasks(found=FoundTasks(columns.table, reading, events), remarks=reading.remarks + _doubts(events))


def _doubts(events: SeenEvents) -> tuple[str, ...]:
    """What makes a draft of little use as it stands."""
    if not events.names.statuses:
        return (_NO_JOB,)
    return () if set(events.statuses.running) & set(events.names.statuses) else (_NEVER_RUNS,)


def _say_no_start(table: ListedTable, tool: Tool | None) -> str:
    return (
        f"{shorten(table.name)} looks like {tool.name if tool else 'tasks'}, but no column says when a task started, "
        "so its cost can't be known: docs/schemas.md says how to have it recorded."
    )
