"""What a task database holds: its tables with their columns, and a few values of them, read as every task database is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

from gpucost.engine.source import SourceError
from gpucost.sources.tasks import DEFAULT_LIMITS, EVENTS, Limits, Table, open_database

MOST_COLUMNS: Final = 500_000
"""Columns of all tables together that are looked at; what lies beyond is not known."""


class Dialect(StrEnum):
    """SQL of a task database, by sqlglot's names."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgres"
    DUCKDB = "duckdb"


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type as the database states it, in lower case; a CSV file's are all text."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ListedTable:
    """A table or view with its columns in their order."""

    name: str
    schema: str | None
    """Where its name alone would not find it."""
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The tables of a task database, by name."""

    dialect: Dialect
    tables: tuple[ListedTable, ...]
    files: bool
    """Whether it is files, which are one table, task_history."""


def list_tables(url: str, limits: Limits = DEFAULT_LIMITS) -> Catalogue:
    """The tables of a task database that its user may read. Raises SourceError as reading it does."""
    dialect, files = _dialect(url)
    if files:
        return Catalogue(dialect, (ListedTable(EVENTS.name, None, _file_columns(url, limits)),), files=True)
    rows = _column_rows(url, dialect, limits)
    tables = [
        ListedTable(str(name), schema or None, tuple(Column(str(c), str(k or "").lower()) for *_, c, k in group))
        for (schema, name), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]
    return Catalogue(dialect, tuple(sorted(tables, key=lambda t: (t.schema or "", t.name))), files=False)


def read_values(url: str, query: str, columns: Sequence[str], limits: Limits = DEFAULT_LIMITS) -> list[tuple[Any, ...]]:
    """Rows of one SELECT of these columns, in no order. Raises SourceError or SpecError as a report's query does."""
    with open_database(url, limits) as database:
        relation = database.bring(Table(EVENTS.name, "gpucost_values", tuple(columns), "the query"), query)
        return database.con.execute(f"SELECT {', '.join(columns)} FROM {relation}").fetchall()


def _dialect(url: str) -> tuple[Dialect, bool]:
    scheme = url.partition("://")[0].partition("+")[0].lower() if "://" in url else ""
    if scheme == "sqlite":
        return Dialect.SQLITE, False
    if scheme in ("postgresql", "postgres"):
        return Dialect.POSTGRESQL, False
    return Dialect.DUCKDB, not scheme


def _file_columns(url: str, limits: Limits) -> tuple[Column, ...]:
    with open_database(url, limits) as database:
        described = database.con.execute(f"DESCRIBE {database.bring(EVENTS, None)}").fetchall()
    return tuple(Column(str(name), str(kind).lower()) for name, kind, *_ in described)


_NAMES: Final = ("table_schema", "table_name", "position", "column_name", "kind")
_LISTING: Final = {
    Dialect.SQLITE: """
        SELECT '' AS table_schema, listed.name AS table_name, held.cid AS position, held.name AS column_name,
            held.type AS kind
        FROM sqlite_master AS listed JOIN pragma_table_info(listed.name) AS held
        WHERE listed.type IN ('table', 'view') AND listed.name NOT LIKE 'sqlite^_%' ESCAPE '^'
    """,
    Dialect.POSTGRESQL: """
        SELECT CASE WHEN pg_table_is_visible(listed.oid) THEN '' ELSE space.nspname END AS table_schema,
            listed.relname AS table_name, held.attnum AS position, held.attname AS column_name,
            format_type(held.atttypid, NULL) AS kind
        FROM pg_class AS listed
        JOIN pg_namespace AS space ON space.oid = listed.relnamespace
        JOIN pg_attribute AS held ON held.attrelid = listed.oid
        WHERE listed.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT listed.relispartition AND held.attnum > 0
            AND NOT held.attisdropped AND has_table_privilege(listed.oid, 'SELECT')
            AND space.nspname NOT IN ('pg_catalog', 'information_schema') AND space.nspname NOT LIKE 'pg_toast%'
    """,
    Dialect.DUCKDB: """
        SELECT CASE WHEN schema_name = 'main' THEN '' ELSE schema_name END AS table_schema, table_name,
            column_index AS position, column_name, data_type AS kind
        FROM duckdb_columns() WHERE NOT internal AND database_name = current_database()
    """,
}


def _column_rows(url: str, dialect: Dialect, limits: Limits) -> Iterable[tuple[str, str, str, str]]:
    try:
        found = _listed(url, dialect, "", limits)
    except SourceError:
        if dialect is not Dialect.SQLITE:
            raise
        # A view of a table that is gone, or a table of a module that is not here, fails the whole listing
        found = _listed(url, dialect, "AND listed.type = 'table' AND listed.sql NOT LIKE 'CREATE VIRTUAL%'", limits)
    found.sort(key=lambda row: (row[0], row[1], int(row[2])))
    return ((schema, name, column, kind) for schema, name, _, column, kind in found)


def _listed(url: str, dialect: Dialect, condition: str, limits: Limits) -> list[tuple[Any, ...]]:
    return read_values(url, f"{_LISTING[dialect]} {condition} LIMIT {MOST_COLUMNS}", _NAMES, limits)
