"""The SELECT that makes events of a table with one row per job, in the SQL of its database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpucost.sources.catalogue import Dialect

_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS: Final = (
    "all analyse analyze and any array as asc at begin between both by case cast check collate column commit constraint "
    "create cross current default desc distinct do drop else end except exists false fetch first following for foreign "
    "from full grant group having if in index initially inner insert intersect interval into is isnull join key lateral "
    "leading left like limit local match natural new not notnull null offset old on only or order out outer over "
    "overlaps partition placing plan pragma primary qualify range references replace returning right row rows select "
    "session_user set show similar some start system table tables then time timestamp date to trailing transaction "
    "trigger true union unique update user using values view when where window with pivot unpivot summarize"
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
    rows = [
        _columns(job, job.start, "'running'", dialect, named=True),
        f"FROM {job.source}",
        f"WHERE {job.started}",
        "UNION ALL",
        _columns(job, job.end, job.status, dialect, named=False),
        f"FROM {job.source}",
        f"WHERE {job.started} AND {job.ended}",
    ]
    return "\n".join(rows)


def write_event_query(event: Event, dialect: Dialect) -> str:
    """The events of a table whose columns have other names."""
    return f"{_columns(event, event.time, event.status, dialect, named=True)}\nFROM {event.source}"


def _columns(of: Job | Event, time: str, status: str, dialect: Dialect, *, named: bool) -> str:
    """The columns of one SELECT; only the first of a UNION names them, and only events that start need a node."""
    chosen: list[tuple[str, str]] = [
        (of.task_id, "task_id"),
        (of.service or "NULL", "service_name"),
        (status, "status"),
        (time, "creation_ts"),
        ((of.node_id if named else None) or "NULL", "node_id"),
        (_metainfo(of.node_name if named else None, dialect), "metainfo"),
    ]
    chosen += [(part, name) for part, name in ((of.node_type, "node_type"), (of.user, "user_id")) if part is not None]
    if not named:
        return f"SELECT {', '.join(part for part, _ in chosen)}"
    return "SELECT " + ",\n       ".join(_named(part, name) for part, name in chosen)


def _named(expression: str, name: str) -> str:
    return name if expression == name else f"{expression} AS {name}"


def _metainfo(node_name: str | None, dialect: Dialect) -> str:
    if node_name is None:
        return "NULL"
    function = "json_build_object" if dialect is Dialect.POSTGRESQL else "json_object"
    return f"{function}('node_name', {node_name})"


def join_texts(parts: Sequence[str]) -> str:
    """Several columns as one key."""
    return " || '/' || ".join(as_text(part) for part in parts)
