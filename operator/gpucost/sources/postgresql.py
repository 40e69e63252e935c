"""PostgreSQL as a task database: slim typed events by Arrow, in a read-only session with a statement timeout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import duckdb

from gpucost.engine.source import SourceError
from gpucost.sources.query import check_select
from gpucost.sources.text import first_line, redacted

if TYPE_CHECKING:
    from gpucost.sources.tasks import Table

CONNECT_TIMEOUT_SECONDS: Final = 10
_NATIVE: Final = frozenset(("int2", "int4", "int8", "timestamp", "timestamptz", "date", "float4", "float8"))


def bring_postgresql(
    con: duckdb.DuckDBPyConnection,
    url: str,
    table: Table,
    query: str | None,
    timeout_seconds: float,
    running: Sequence[str],
) -> None:
    """Pull a table's columns that the method needs, or a query's in its place, into a temporary table of DuckDB.

    metainfo comes for running events only: nothing else of it is ever read. Raises SourceError without the password.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    where = f"the task database {redacted(url)}"
    statement = check_select(query, "postgres") if query else f"SELECT * FROM {table.name}"
    try:
        with (
            dbapi.connect(_read_only(url, timeout_seconds), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            kinds = _kinds(cursor, statement)
            cursor.execute(_slim(statement, kinds, table, running))
            reader = cursor.fetch_record_batch()  # noqa: F841  (DuckDB finds it by its name)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table.relation} AS SELECT * FROM reader")
    except (Error, duckdb.Error) as error:
        raise SourceError(_explain(where, first_line(error), table, timeout_seconds)) from None


def _read_only(url: str, timeout_seconds: float) -> str:
    """The URL for libpq, with a session that is read-only and ends its statements after a timeout."""
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query))
    parameters.setdefault("connect_timeout", str(CONNECT_TIMEOUT_SECONDS))
    ours = f"-c default_transaction_read_only=on -c statement_timeout={int(timeout_seconds * 1000)}"
    parameters["options"] = f"{parameters.get('options', '')} {ours}".strip()
    return urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(parameters, quote_via=quote), ""))


def _kinds(cursor: Any, statement: str) -> dict[str, str]:
    """PostgreSQL's type of each column."""
    cursor.execute(f"SELECT * FROM ({statement}) AS events LIMIT 0")
    schema = cursor.fetch_arrow_table().schema
    return {field.name: (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() for field in schema}


def _slim(statement: str, kinds: Mapping[str, str], table: Table, running: Sequence[str]) -> str:
    wanted = [name for name in kinds if name.lower() in table.columns] or list(kinds)
    columns = ", ".join(_column(name, kinds[name], running) for name in wanted)
    return f"SELECT {columns} FROM ({statement}) AS events"


def _column(name: str, kind: str, running: Sequence[str]) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if name.lower() == "metainfo":
        statuses = ", ".join("'" + status.replace("'", "''") + "'" for status in running)
        return f"CASE WHEN status IN ({statuses}) THEN CAST({quoted} AS text) END AS {quoted}"
    return quoted if kind in _NATIVE else f"CAST({quoted} AS text) AS {quoted}"


def _explain(where: str, message: str, table: Table, timeout_seconds: float) -> str:
    if "statement timeout" in message:
        return f"{where} did not answer within {timeout_seconds:g} s; take a shorter period, or raise the timeout"
    if "does not exist" in message and table.name in message:
        return f"{where} has no table {table.name}; name yours in {table.setting}"
    if "could not connect" in message or "connection to server" in message or "Failed to connect" in message:
        return f"{where} can't be reached: {message}; check host, port, user and password"
    return f"{where} can't be read: {message}"
