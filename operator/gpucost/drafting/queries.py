"""The SELECT that makes events of a table with one row per job, in the SQL of its database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gpucost.sources.catalogue import Dialect

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS: Final = (
    "add all alter analyse analyze and anti any array as asc asof asymmetric at authorization autoincrement begin "
    "between bigint binary bit boolean both by case cast char character check coalesce collate collation column "
    "columns commit concurrently constraint create cross current current_catalog current_date current_role "
    "current_schema current_time current_timestamp current_user date dec decimal default deferrable delete desc "
    "describe distinct do drop else end escape except exists extract false fetch first float following for force "
    "foreign freeze from full generated glob grant greatest group grouping grouping_id having if ilike in index "
    "initially inner inout insert install int integer intersect interval into is isnull join key lambda lateral "
    "leading least left like limit local localtime localtimestamp map match national natural nchar new none normalize "
    "not nothing notnull null nullif numeric offset old on only or order out outer over overlaps overlay partition "
    "pivot pivot_longer pivot_wider placing plan position positional pragma precision primary qualify raise range "
    "real references replace returning revoke right rollback row rows select semi session_user set setof show similar "
    "smallint some start struct substring summarize symmetric system table tables tablesample then time timestamp to "
    "trailing transaction treat trigger trim true try_cast tuple union unique unpack unpivot update user using values "
    "varchar variadic verbose view when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest "
    "xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable"
)
"""Names that some database or our own parser takes for a word of SQL."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row per job: where its parts stand, as SQL."""

    source: str
    """What follows FROM."""
    task_id: str
    service: str | None
    status: str
    """The status with which it ended."""
    start: str
    end: str
    started: str
    """Whether a row has a start."""
    ended: str
    node_name: str | None = None
    node_id: str | None = None
    node_type: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One row per event: where its parts stand, as SQL."""

    source: str
    task_id: str
    service: str | None
    status: str
    time: str
    event_id: str | None = None
    """A number that grows from event to event."""
    metainfo: str | None = None
    """Where it is JSON already, with the node's name in it."""
    node_name: str | None = None
    node_id: str | None = None
    node_type: str | None = None
    user: str | None = None


def quote_name(name: str) -> str:
    """An identifier, in quotes where it needs them."""
    if _PLAIN.fullmatch(name) and name not in _KEYWORDS.split():
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def as_text(expression: str) -> str:
    """An expression as text, in every dialect."""
    return f"CAST({expression} AS TEXT)"


def after_at(expression: str, dialect: Dialect) -> str:
    """What follows the first ``@`` of a text; all of it where there is none."""
    place = "instr" if dialect is Dialect.SQLITE else "strpos"
    return f"substr({expression}, {place}({expression}, '@') + 1)"


def write_job_query(job: Job, dialect: Dialect) -> str:
    """A row with status running for each start, and one with its own status for each end."""
    start = Event(
        job.source,
        job.task_id,
        job.service,
        "'running'",
        job.start,
        node_name=job.node_name,
        node_id=job.node_id,
        node_type=job.node_type,
        user=job.user,
    )
    end = [job.task_id, job.service or "NULL", job.status, job.end, "NULL", "NULL"]
    end += [part for part in (job.node_type, job.user) if part is not None]
    lines = [
        write_event_query(start, dialect),
        f"WHERE {job.started}",
        "UNION ALL",
        f"SELECT {', '.join(end)}",
        f"FROM {job.source}",
        f"WHERE {job.started} AND {job.ended}",
    ]
    return "\n".join(lines)


def write_event_query(event: Event, dialect: Dialect) -> str:
    """The events of a table whose columns have other names."""
    return f"{_named_columns(event, dialect)}\nFROM {event.source}"


def _named_columns(event: Event, dialect: Dialect) -> str:
    """The head of a SELECT, with the columns that are optional only where something stands for them."""
    chosen = [
        (event.task_id, "task_id"),
        (event.service or "NULL", "service_name"),
        (event.status, "status"),
        (event.time, "creation_ts"),
        (event.node_id or "NULL", "node_id"),
        (event.metainfo or _metainfo(event.node_name, dialect), "metainfo"),
    ]
    optional = ((event.node_type, "node_type"), (event.user, "user_id"), (event.event_id, "event_id"))
    chosen += [(part, name) for part, name in optional if part is not None]
    return "SELECT " + ",\n       ".join(_named(part, name) for part, name in chosen)


def _named(expression: str, name: str) -> str:
    return name if expression == name else f"{expression} AS {name}"


def _metainfo(node_name: str | None, dialect: Dialect) -> str:
    if node_name is None:
        return "NULL"
    function = "json_build_object" if dialect is Dialect.POSTGRESQL else "json_object"
    return f"{function}('node_name', {node_name})"
