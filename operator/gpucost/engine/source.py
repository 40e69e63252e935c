"""The columns of a task database, checked and brought to one form: the relation ``gpucost_source``.

It has task_id, event_id (null where there is none), ts (UTC microseconds), status, service_name, node_id, metainfo,
node_type (texts, empty where missing), problem (null, or why the row can't be used), impossible_text (the time of such a row
as it stands, where that is why) and naive (whether the time has no offset).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import duckdb
import numpy as np

from gpucost.core.issues import shorten
from gpucost.core.zones import Zone

REQUIRED: Final = ("task_id", "service_name", "status", "creation_ts", "node_id", "metainfo")
SOURCE: Final = "gpucost_source"
"""Name of the relation. What is made beside a site's own tables has a prefix, lest it hides one of theirs."""
OPTIONAL: Final = ("event_id", "node_type", "user_id")
UNIT_US: Final[Mapping[str, Fraction]] = {
    "Seconds": Fraction(1_000_000),
    "Milliseconds": Fraction(1_000),
    "Microseconds": Fraction(1),
    "Nanoseconds": Fraction(1, 1_000),
}

_INTEGERS: Final = frozenset(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
)
_NAIVE: Final = frozenset(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"))
_AWARE: Final = frozenset(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMPTZ_NS"))
_EARLIEST, _LATEST = "TIMESTAMP '0001-01-02'", "TIMESTAMP '9999-12-30'"
_EARLIEST_US, _LATEST_US = -62_135_510_400_000_000, 253_402_128_000_000_000
"""The same in microseconds since 1970."""
_OFFSET = r"\d[Tt ].*([A-Za-z]|[+-]\d\d(:?\d\d){0,2}) *$"
"""ISO text that ends with an offset, Z, or the name of a zone."""
_FEW_TURNS = 16
"""Up to here a reading may be repeated in the statement for each turn of the clock; more turns take it as a parameter."""
_COLUMNS_SHOWN = 30
_LAST_TURN_US = 7_258_118_400_000_000
"""2200: later turns of the clock are not looked at, for 8,000 years of them would be a statement of megabytes."""


TASKS_UNREADABLE: Final = "TasksUnreadable"
DATABASE_UNREACHABLE: Final = "DatabaseUnreachable"
AUTHENTICATION_FAILED: Final = "AuthenticationFailed"
DATABASE_TIMEOUT: Final = "DatabaseTimeout"
TABLE_MISSING: Final = "TableMissing"


class SourceError(ValueError):
    """A task database without what the method needs; the message says what, where and what to do."""

    def __init__(self, message: str, reason: str = TASKS_UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason
        """One of the constants above; their sentences stand with the conditions."""


class UnitError(SourceError):
    """Times are numbers, and nobody said of which unit."""


@dataclass(frozen=True, slots=True)
class TimeRule:
    """How creation_ts is read: the zone of naive timestamps, and the unit of numbers (never guessed)."""

    zone: Zone
    epoch_unit: str | None
    advice: str = "set spec.tasks.epochUnit to Seconds, Milliseconds, Microseconds or Nanoseconds"
    """What to do about numbers without a unit."""


def create_source(con: duckdb.DuckDBPyConnection, raw: str, rule: TimeRule) -> None:
    """Create the view ``source`` over the relation ``raw`` of a connection. Raises SourceError for wrong columns."""
    columns = {str(name).lower(): str(kind) for name, kind, *_ in con.execute(f"DESCRIBE {raw}").fetchall()}
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise SourceError(
            f"the task database has no column {', '.join(missing)}; it has {_list_columns(columns)}. "
            "Map your schema with spec.tasks.query: one SELECT that names the columns "
            f"{', '.join(REQUIRED)} (and optionally {', '.join(OPTIONAL)})"
        )
    con.execute(f"CREATE OR REPLACE TEMP VIEW {SOURCE} AS {_select(con, raw, columns, rule)}")


def _select(con: duckdb.DuckDBPyConnection, raw: str, columns: Mapping[str, str], rule: TimeRule) -> str:
    task = _key("task_id", columns["task_id"])
    event = _event_key(columns.get("event_id"))
    texts = ", ".join(
        f"{_text(name, columns.get(name))} AS {name}" for name in (*REQUIRED[1:3], "node_id", "node_type")
    )
    time = instant_of(con, raw, columns["creation_ts"], rule)
    return f"""
        SELECT task_id, event_id, ts, status, service_name, node_id, metainfo, node_type, user_id, naive,
            CASE WHEN task_id IS NULL THEN 'NoTaskId' WHEN no_time THEN 'NoTime' WHEN ts IS NULL THEN 'ImpossibleTime' END
                AS problem,
            CASE WHEN task_id IS NOT NULL AND NOT no_time AND ts IS NULL THEN left(CAST(creation_ts AS VARCHAR), 100) END
                AS impossible_text
        FROM (
            SELECT {task} AS task_id, {event} AS event_id, {time} AS ts, {_no_time(columns["creation_ts"])} AS no_time, {texts},
                creation_ts, {_is_naive(columns["creation_ts"], time)} AS naive,
                {_metainfo(columns["metainfo"])} AS metainfo, {_text("user_id", columns.get("user_id"))} AS user_id
            FROM {raw}
        )
    """


def _key(name: str, kind: str) -> str:
    """A key in its own type where that is an integer, else as text; an empty text is no key."""
    return name if kind in _INTEGERS else f"nullif(CAST({name} AS VARCHAR), '')"


def _event_key(kind: str | None) -> str:
    """event_id orders as a number if its column is numeric."""
    if kind is None:
        return "CAST(NULL AS BIGINT)"
    return (
        "event_id" if kind in _INTEGERS or kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) else _key("event_id", kind)
    )


@contextmanager
def named(con: duckdb.DuckDBPyConnection, name: str, table: Any) -> Iterator[None]:
    """A table or a stream of Arrow under a name. DuckDB would find a variable of ours itself, but not once it is confined."""
    con.register(name, table)
    try:
        yield
    finally:
        con.unregister(name)


def number_again(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> str:
    """SQL after ``SELECT *`` that makes a column of texts one of numbers, where every text is one; else nothing."""
    for kind, pattern in (("HUGEINT", r"[+-]?\d+"), ("DECIMAL(38, 9)", r"[+-]?(\d+\.?\d{0,9}|\.\d{1,9})")):
        text = f"nullif(CAST({name} AS VARCHAR), '')"
        check = f"regexp_full_match({text}, '{pattern}') AND TRY_CAST({text} AS {kind}) IS NOT NULL"
        (numeric,) = con.execute(f"SELECT bool_and({check}) FROM {relation} WHERE {text} IS NOT NULL").fetchone() or (
            False,
        )
        if numeric:
            return f" REPLACE (TRY_CAST({text} AS {kind}) AS {name})"
    return ""


def _no_time(kind: str) -> str:
    return "coalesce(creation_ts, '') = ''" if kind == "VARCHAR" else "creation_ts IS NULL"


def _text(name: str, kind: str | None) -> str:
    if kind is None:
        return "''"
    return f"coalesce({name}, '')" if kind == "VARCHAR" else f"coalesce(CAST({name} AS VARCHAR), '')"


def _list_columns(names: Collection[str]) -> str:
    """The columns that are there, whole names only."""
    more = f" and {len(names) - _COLUMNS_SHOWN} more" if len(names) > _COLUMNS_SHOWN else ""
    return ", ".join(shorten(name) for name in list(names)[:_COLUMNS_SHOWN]) + more


def _is_naive(kind: str, time: str) -> str:
    """SQL for whether a time has no offset. Texts that are read row by row may have one or not."""
    if kind == "VARCHAR" and _OFFSET in time:
        return f"NOT regexp_matches(creation_ts, '{_OFFSET}')"
    return "TRUE" if kind in _NAIVE else "FALSE"


def _metainfo(kind: str) -> str:
    """JSON as text; a struct or map of a typed file becomes JSON, and bytes are UTF-8."""
    if kind.startswith(("STRUCT", "MAP")):
        return "coalesce(CAST(to_json(metainfo) AS VARCHAR), '')"
    if kind == "BLOB":
        return "coalesce(decode(metainfo, 'replace'), '')"
    return _text("metainfo", kind)


def instant_of(con: duckdb.DuckDBPyConnection, raw: str, kind: str, rule: TimeRule) -> str:
    """SQL for the UTC microseconds of the column creation_ts of a relation, null where it is no possible time."""
    if kind in _AWARE:
        return f"epoch_us({_sane('CAST(creation_ts AS TIMESTAMPTZ)', 'TIMESTAMPTZ')})"
    if kind in _NAIVE:
        return _naive(con, raw, "CAST(creation_ts AS TIMESTAMP)", rule.zone)
    if kind == "VARCHAR" and rule.epoch_unit is None:
        return _iso(con, raw, rule)
    if kind in _INTEGERS or kind in ("DOUBLE", "FLOAT", "VARCHAR") or kind.startswith("DECIMAL"):
        return _epoch(kind, rule)
    raise SourceError(
        f"creation_ts is of type {kind}; it must be a timestamp, ISO text, or a number with spec.tasks.epochUnit"
    )


def _sane(moment: str, kind: str) -> str:
    """A timestamp, or null where no calendar has it (infinity, years beyond 9999)."""
    early, late = _EARLIEST.replace("TIMESTAMP", kind), _LATEST.replace("TIMESTAMP", kind)
    return f"CASE WHEN {moment} BETWEEN {early} AND {late} THEN {moment} END"


def _epoch(kind: str, rule: TimeRule) -> str:
    if rule.epoch_unit is None:
        raise UnitError(f"creation_ts is a number ({kind}), and its unit is not guessed: {rule.advice}")
    exact, factor = "TRY_CAST(creation_ts AS DECIMAL(38, 6))", UNIT_US[rule.epoch_unit]
    possible = f"{exact} BETWEEN {_EARLIEST_US // factor} AND {_LATEST_US // factor}"
    whole, parts = f"CAST(floor({exact} * {factor.numerator}) AS HUGEINT)", factor.denominator
    micros = whole if parts == 1 else f"({whole} - (({whole} % {parts}) + {parts}) % {parts}) // {parts}"
    return f"CASE WHEN {possible} THEN CAST({micros} AS BIGINT) END"


def _iso(con: duckdb.DuckDBPyConnection, raw: str, rule: TimeRule) -> str:
    """ISO 8601 text with or without an offset, row by row."""
    numbers = f"SELECT bool_and(TRY_CAST(creation_ts AS DECIMAL(38, 6)) IS NOT NULL) FROM {raw} WHERE creation_ts <> ''"
    (numeric,) = con.execute(numbers).fetchone() or (False,)
    if numeric:
        return _epoch("text of numbers", rule)
    aware = f"epoch_us({_sane(_lenient('TIMESTAMPTZ'), 'TIMESTAMPTZ')})"
    naive = _naive(con, raw, _lenient("TIMESTAMP"), rule.zone)
    return f"CASE WHEN regexp_matches(creation_ts, '{_OFFSET}') THEN {aware} ELSE {naive} END"


def _lenient(kind: str) -> str:
    """Text as a timestamp; a second try in capitals (z, t), without spaces around and before the offset, and with a point
    for the comma, as ISO 8601 and other databases write it."""
    tidy = r"regexp_replace(replace(upper(trim(creation_ts)), ',', '.'), ' +([+-]\d\d(:?\d\d)*)$', '\1')"
    return f"coalesce(TRY_CAST(creation_ts AS {kind}), TRY_CAST({tidy} AS {kind}))"


def _naive(con: duckdb.DuckDBPyConnection, raw: str, moment: str, zone: Zone) -> str:
    """UTC microseconds of local readings. Of two readings in an autumn hour the first is meant; a reading that spring
    skips is taken as if the clock had not been changed yet."""
    reading = f"epoch_us({_sane(moment, 'TIMESTAMP')})"
    if zone.name == "UTC":
        return reading
    first, last = con.execute(f"SELECT min({reading}), max({reading}) FROM {raw}").fetchone() or (None, None)
    if first is None:
        return reading
    until = max(first, min(last, _LAST_TURN_US))
    offsets = zone.offsets(first - 2 * 86_400_000_000, until + 2 * 86_400_000_000)
    turns = offsets.starts[1:] + np.maximum(offsets.values[1:], offsets.values[:-1])
    if len(turns) <= _FEW_TURNS:
        return f"{reading} - ({_choose(reading, turns.tolist(), offsets.values.tolist())})"
    local = _choose("reading", turns.tolist(), offsets.values.tolist())
    return f"list_transform([{reading}], lambda reading: reading - ({local}))[1]"


def _choose(reading: str, turns: list[int], values: list[int]) -> str:
    """A balanced CASE: ``values[i]`` where the reading lies between ``turns[i - 1]`` and ``turns[i]``."""
    if not turns:
        return str(values[0])
    middle = len(turns) // 2
    low = _choose(reading, turns[:middle], values[: middle + 1])
    high = _choose(reading, turns[middle + 1 :], values[middle + 1 :])
    return f"CASE WHEN {reading} < {turns[middle]} THEN {low} ELSE {high} END"
