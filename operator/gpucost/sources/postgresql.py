"""PostgreSQL as a task database: slim typed events by Arrow, in a read-only session with a statement timeout."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

import duckdb

from gpucost.core.issues import shorten
from gpucost.engine.source import (
    AUTHENTICATION_FAILED,
    DATABASE_TIMEOUT,
    DATABASE_UNREACHABLE,
    TABLE_MISSING,
    SourceError,
    named,
    number_again,
)
from gpucost.sources.query import check_select
from gpucost.sources.text import one_line, redacted

if TYPE_CHECKING:
    from gpucost.sources.tasks import Limits, Table

_PATIENCE: Final = {
    "connect_timeout": "10",
    "tcp_user_timeout": "30000",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""libpq's parameters where the URL doesn't state them: a server that vanished is an error within a minute, for the statement
timeout is its own, and a thread that waits for ever computes nothing else."""
AUTHORITIES: Final = "/etc/ssl/certs/"
"""Where an administrator mounts certificate authorities that reports may name."""
_HARMLESS: Final = frozenset(
    {
        *_PATIENCE,
        "application_name",
        "channel_binding",
        "gssencmode",
        "options",
        "password",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""libpq's parameters that a tenant's URL may have: none of them has it read a file of ours."""
_PLACE: Final = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(:(?!0+$)\d{0,5})?")
"""A host, an address in brackets, or nothing; and a port."""
_BOUNDED: Final = frozenset(("timestamp", "timestamptz", "date"))
_NATIVE: Final = frozenset(("int2", "int4", "int8", "float4", "float8"))


def bring_postgresql(
    con: duckdb.DuckDBPyConnection,
    url: str,
    table: Table,
    query: str | None,
    limits: Limits,
    running: Sequence[str],
) -> None:
    """Pull a table's columns that the method needs, or a query's in its place, into a temporary table of DuckDB.

    metainfo comes for running events only: nothing else of it is ever read. Raises SourceError without the password,
    SpecError for a query that is no SELECT.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    where = f"the task database {redacted(url)}"
    statement = f"SELECT * FROM {table.name}" if query is None else check_select(query, "postgres", table.setting)
    try:
        with (
            dbapi.connect(_read_only(url, limits), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            kinds = _kinds(cursor, statement)
            cursor.execute(_slim(statement, kinds, table, running))
            reader = cursor.fetch_record_batch()
            # numeric comes as text, for Arrow has no numbers of any length; event_id must be a number again, to order.
            numeric = next(
                (name for name, kind in kinds.items() if kind == "numeric" and name.lower() == "event_id"), None
            )
            pulled = table.relation if numeric is None else f"{table.relation}_pulled"
            with named(con, "gpucost_reader", reader):
                con.execute(f"CREATE OR REPLACE TEMP TABLE {pulled} AS SELECT * FROM gpucost_reader")
            if numeric is not None:
                replace = number_again(con, pulled, numeric)
                con.execute(f"CREATE OR REPLACE TEMP VIEW {table.relation} AS SELECT *{replace} FROM {pulled}")
    except duckdb.InterruptException:
        raise
    except (Error, duckdb.Error) as error:
        raise _explained(where, one_line(error, url), table, limits.timeout_seconds) from None


def _read_only(url: str, limits: Limits) -> str:
    """The URL for libpq, with a session that is read-only and ends its statements after a timeout.

    Without a host libpq takes the socket of the machine, and what a service's file or PGHOST and its kind say.
    """
    parts = _parts(url)
    if parts is None:
        raise SourceError(
            f"{redacted(url)} is no URL of a database: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with special characters of user and password as %40 for @, %2F for / and so on"
        )
    parameters = {unquote(name): unquote(value) for name, _, value in _pairs(parts.query) if value}
    if limits.folders is not None:
        _check_tenant(parts, parameters)
    for name, value in _PATIENCE.items():
        parameters.setdefault(name, value)
    ours = f"-c default_transaction_read_only=on -c statement_timeout={max(1, round(limits.timeout_seconds * 1000))}"
    parameters["options"] = f"{parameters.get('options', '')} {ours}".strip()
    return f"postgresql://{parts.netloc}{parts.path}?{urlencode(parameters, quote_via=quote)}"


def _check_tenant(parts: SplitResult, parameters: Mapping[str, str]) -> None:
    """Refuse what would have libpq read files or sockets of the machine, where others write the URLs."""
    wrong = sorted(name for name in parameters if name not in _HARMLESS)
    authority = parameters.get("sslrootcert", AUTHORITIES)
    if wrong:
        raise SourceError(
            f"the database URL has the parameter {shorten(wrong[0])}, which an operator does not take; "
            f"leave it out, {', '.join(sorted(_HARMLESS))} are taken"
        )
    if (authority != "system" and not authority.startswith(AUTHORITIES)) or ".." in authority:
        raise SourceError(
            f"sslrootcert of the database URL must lie in {AUTHORITIES}: mount the CA there, or use system"
        )
    if not all(host and not re.match("[@/]", unquote(host)) for host in _hosts(parts)):
        raise SourceError("the database URL must name a host: sockets of the operator's machine are not for reports")


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL; None where user and password can't be told from the rest, so that no message shows a piece."""
    try:
        parts = urlsplit(url)
        clear = parts.netloc.count("@") < 2 and "@" not in parts.path + parts.fragment
    except ValueError:  # there is half a bracket
        return None
    return parts if clear and all(_PLACE.fullmatch(place) for place in _places(parts)) else None


def _places(parts: SplitResult) -> list[str]:
    """Hosts with their ports: libpq tries one after the other."""
    return parts.netloc.rpartition("@")[2].split(",")


def _hosts(parts: SplitResult) -> list[str]:
    return [place if place.startswith("[") else place.partition(":")[0] for place in _places(parts)]


def _pairs(query: str) -> list[tuple[str, str, str]]:
    """Parameters as they are written: libpq takes a plus sign for itself, not for a blank."""
    return [pair.partition("=") for pair in query.split("&")]


def _kinds(cursor: Any, statement: str) -> dict[str, str]:
    """PostgreSQL's type of each column."""
    cursor.execute(f"SELECT * FROM ({statement}) AS events LIMIT 0")
    schema = cursor.fetch_arrow_table().schema
    return {field.name: (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() for field in schema}


def _slim(statement: str, kinds: Mapping[str, str], table: Table, running: Sequence[str]) -> str:
    if table.missing(kinds):
        return f"SELECT * FROM ({statement}) AS events LIMIT 0"
    wanted = [name for name in kinds if name.lower() in table.columns]
    status = next((name for name in kinds if name.lower() == "status"), None)
    columns = ", ".join(_column(name, kinds[name], status, running) for name in wanted)
    return f"SELECT {columns} FROM ({statement}) AS events"


def _column(name: str, kind: str, status: str | None, running: Sequence[str]) -> str:
    column = _quoted(name)
    if name.lower() == "metainfo" and status:
        statuses = ", ".join("'" + text.replace("'", "''") + "'" for text in running) or "NULL"
        content = column if kind == "bytea" else f"CAST({column} AS text)"  # bytes as text would be digits
        return f"CASE WHEN CAST({_quoted(status)} AS text) IN ({statuses}) THEN {content} END AS {column}"
    if kind in _BOUNDED:  # Arrow has no infinity and fewer years: what lies outside becomes a date that we refuse
        low, high = f"{kind} '0001-01-01'", f"{kind} '9999-12-31'"
        return f"CASE WHEN {column} < {low} THEN {low} WHEN {column} > {high} THEN {high} ELSE {column} END AS {column}"
    return column if kind in _NATIVE else f"CAST({column} AS text) AS {column}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _explained(where: str, message: str, table: Table, timeout_seconds: float) -> SourceError:
    if "statement timeout" in message:
        told = f"did not answer within {timeout_seconds:g} s; take a shorter period, or raise the timeout"
        return SourceError(f"{where} {told}", DATABASE_TIMEOUT)
    missing = re.search(r'database "(.*)" does not exist', message)
    if missing:
        told = f'can\'t be read: database "{shorten(missing[1])}" does not exist; check its name in the URL'
        return SourceError(f"{where} {told}", DATABASE_UNREACHABLE)
    if "definition of service" in message:
        return SourceError(f"{where} can't be found: {message}; check PGSERVICEFILE", DATABASE_UNREACHABLE)
    if "does not exist" in message and table.name in message:
        return SourceError(f"{where} has no table {table.name}; name yours in {table.setting}", TABLE_MISSING)
    if any(sign in message for sign in _REFUSED):
        return SourceError(f"{where} refuses us: {message}; check user and password", AUTHENTICATION_FAILED)
    if any(sign in message for sign in _UNREACHABLE):
        told = f"can't be reached: {message}; check host and port"
        return SourceError(f"{where} {told}", DATABASE_UNREACHABLE)
    return SourceError(f"{where} can't be read: {message}")


_REFUSED: Final = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied",
    'FATAL:  role "',
)
_UNREACHABLE: Final = (
    "could not connect",
    "connection to server",
    "Failed to connect",
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
)
"""What libpq says; it has no codes for these."""
