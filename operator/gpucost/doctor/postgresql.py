"""What PostgreSQL says of our session, its user, and the tables that are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gpucost.doctor.clocks import Told, judge_clock, now_us
from gpucost.doctor.findings import Finding, ok, warning
from gpucost.sources.tasks import EVENTS, Table, TaskDatabase

LARGE_ROWS: Final = 1_000_000
"""From here on a query for some days is worth an index."""
TIME: Final = "creation_ts"

_SESSION: Final = """
    SELECT current_setting('default_transaction_read_only') AS read_only, quote_ident(current_user) AS who,
        current_setting('is_superuser') AS superuser,
        CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS clock_us
"""
_TABLE: Final = """
    SELECT '{literal}' AS name, CAST(c.relkind AS text) AS kind, CAST(c.reltuples AS float8) AS rows,
        has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writable,
        pg_has_role(c.relowner, 'USAGE') AS owned,
        EXISTS (
            SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND lower(a.attname) = 'creation_ts'
        ) AS timed,
        EXISTS (
            SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE i.indrelid = c.oid AND lower(a.attname) = 'creation_ts'
        ) AS indexed
    FROM pg_class c WHERE c.oid = to_regclass('{literal}')
"""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What the server says of our session."""

    read_only: bool
    user: str
    """Quoted as SQL needs it."""
    superuser: bool
    clock: Told


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the server says of a table, for our user."""

    name: str
    kind: str
    """``r`` a table, ``p`` one of partitions, ``v`` a view, and so on."""
    rows: float
    """By its statistics; negative where it has none."""
    writable: bool
    owned: bool
    timed: bool
    """Whether it has a column creation_ts."""
    indexed: bool
    """Whether an index begins with creation_ts."""


def examine_postgresql(database: TaskDatabase, check: str, query: str | None) -> Iterator[Finding]:
    """Look at the session and at the tables that a query (None: the default one) reads. Raises SourceError."""
    session = _session(database)
    yield judge_session(check, session)
    yield judge_clock(check, session.clock)
    for name in tables_of(query):
        for table in _table(database, name):
            yield judge_writing(check, session, table)
            yield from judge_index(check, table)


def _session(database: TaskDatabase) -> SessionFacts:
    asked_us = now_us()
    row = _rows(database, _SESSION, ("read_only", "who", "superuser", "clock_us"))[0]
    clock = Told(int(row[3]), 1, asked_us, now_us())
    return SessionFacts(row[0] == "on", str(row[1]), row[2] == "on", clock)


def _table(database: TaskDatabase, name: str) -> list[TableFacts]:
    """None where there is no such table: the query itself will say so."""
    columns = ("name", "kind", "rows", "writable", "owned", "timed", "indexed")
    statement = _TABLE.format(literal=name.replace("'", "''"))
    return [
        TableFacts(str(row[0]), str(row[1]), float(row[2]), *(flag == "true" for flag in row[3:]))
        for row in _rows(database, statement, columns)
    ]


def _rows(database: TaskDatabase, query: str, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """What a query of ours answers, in the session that events are read in."""
    table = Table("facts", "gpucost_doctor_facts", columns, "the query of gpucost doctor")
    relation = database.bring(table, query)
    return database.con.execute(f"SELECT {', '.join(columns)} FROM {relation}").fetchall()


def tables_of(query: str | None) -> Sequence[str]:
    """The tables that a query reads, as SQL names them."""
    if query is None:
        return (EVENTS.name,)
    import sqlglot
    from sqlglot import exp

    parsed = sqlglot.parse_one(query, dialect="postgres")
    own = {each.alias_or_name for each in parsed.find_all(exp.CTE)}
    names = (".".join(part.sql("postgres") for part in table.parts) for table in parsed.find_all(exp.Table))
    return sorted({name for name in names if name and name not in own})


def judge_session(check: str, session: SessionFacts) -> Finding:
    """Whether what we run can't write."""
    if session.read_only:
        return ok(check, "it can be reached, and the session is read-only")
    remedy = (
        f"connect past the pooler that drops the session's options, or: ALTER ROLE {session.user} "
        "SET default_transaction_read_only = on"
    )
    return warning(check, "the session is not read-only, though it asks to be", remedy)


def judge_writing(check: str, session: SessionFacts, table: TableFacts) -> Finding:
    """Whether the user has rights that nothing here needs."""
    if not (session.superuser or table.owned or table.writable):
        return ok(check, f"its user may not write to {table.name}")
    if session.superuser or table.owned:
        what = (
            f"its user {session.user} {'is a superuser' if session.superuser else f'owns {table.name}'}, and may write"
        )
        make = f"CREATE ROLE gpucost_reader LOGIN PASSWORD '...'; GRANT SELECT ON {table.name} TO gpucost_reader"
        return warning(check, what, f"make one that only reads, and use it in the URL: {make}")
    what = f"its user {session.user} may write to {table.name}; gpucost only reads"
    return warning(check, what, f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table.name} FROM {session.user}, PUBLIC")


def judge_index(check: str, table: TableFacts) -> Iterator[Finding]:
    """Advice for a large table; nothing where there is nothing to say."""
    if table.kind not in ("r", "p") or not table.timed or table.indexed or table.rows < LARGE_ROWS:
        return
    what = f"{table.name} has about {table.rows:,.0f} rows and no index that begins with {TIME}"
    concurrently = "" if table.kind == "p" else " CONCURRENTLY"  # which partitioned tables don't take
    yield warning(
        check,
        what,
        "advice, for queries that choose by time, as spec.tasks.query may: "
        f"CREATE INDEX{concurrently} ON {table.name} USING brin ({TIME})",
    )
