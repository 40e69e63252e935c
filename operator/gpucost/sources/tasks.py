"""Task databases: a URL or a path becomes a relation of raw events in a DuckDB connection.

DuckDB, Parquet and CSV files are read in place; SQLite and PostgreSQL are pulled as Arrow, with only the columns that
the method needs. Every session on a task database is read-only and ends after a timeout. No message repeats a password.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

import duckdb

from gpucost.engine.source import OPTIONAL, REQUIRED, SourceError
from gpucost.sources.query import check_select
from gpucost.sources.text import first_line, redacted

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a task database: its name there, the relation that it becomes here, and the columns worth pulling."""

    name: str
    relation: str
    columns: tuple[str, ...]
    setting: str
    """Path of the spec's query for it."""


EVENTS: Final = Table("task_history", "raw_events", (*REQUIRED, *OPTIONAL), "spec.tasks.query")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session on a task database may take."""

    timeout_seconds: float = 600.0
    """A statement that runs longer is stopped."""
    memory: str | None = None
    """DuckDB's memory limit, such as 512MB; None: DuckDB's own, most of the machine."""
    spill_folder: str | None = None
    """A writable folder in which DuckDB may spill; None: beside the working directory, DuckDB's own choice."""
    threads: int | None = None


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class TaskDatabase:
    """A task database within reach: the URL or path, and the DuckDB connection that its tables are brought to."""

    con: duckdb.DuckDBPyConnection
    url: str
    limits: Limits

    def bring(self, table: Table, query: str | None, running: Sequence[str] = ()) -> str:
        """Make a table, or one SELECT in its place, a relation of the connection, and return the relation's name.

        ``running``: statuses whose metainfo matters. Raises SourceError that says what, where and what to do.
        """
        url = self.url
        if not url:  # a connection of the caller's own
            names = {str(row[0]) for row in self.con.execute("SHOW TABLES").fetchall()}
            _view(self.con, table, query, "the DuckDB connection", names)
            return table.relation
        scheme = url.partition("://")[0].partition("+")[0].lower() if "://" in url else ""
        if scheme == "sqlite":
            _bring_sqlite(self.con, _path(url), table, query, self.limits)
        elif scheme == "duckdb":
            _bring_duckdb(self.con, _path(url), table, query)
        elif scheme in ("postgresql", "postgres"):
            from gpucost.sources.postgresql import bring_postgresql  # its driver takes most of a second to import

            bring_postgresql(self.con, url, table, query, self.limits.timeout_seconds, running)
        elif scheme:
            raise SourceError(
                f"{scheme}:// is no task database that gpucost reads; "
                "it takes sqlite:///FILE, duckdb:///FILE, postgresql://HOST/DATABASE, and paths of Parquet or CSV files"
            )
        else:
            _bring_files(self.con, url, table, query)
        return table.relation


@contextmanager
def open_database(url: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[TaskDatabase]:
    """A task database by ``sqlite:///``, ``duckdb:///`` or ``postgresql://`` URL, or a path or glob of files.

    What runs longer than the limit is stopped, with a SourceError.
    """
    with engine(limits) as con, _alarm(con, limits.timeout_seconds):
        try:
            yield TaskDatabase(con, url, limits)
        except duckdb.InterruptException:
            raise SourceError(
                f"reading {redacted(url)} took longer than {limits.timeout_seconds:g} s and was stopped; "
                "take a shorter period, or allow more time"
            ) from None


@contextmanager
def engine(limits: Limits = DEFAULT_LIMITS) -> Iterator[duckdb.DuckDBPyConnection]:
    """An embedded DuckDB in memory, in UTC, that never downloads extensions."""
    con = duckdb.connect(":memory:")
    try:
        con.execute("SET TimeZone = 'UTC'; SET autoinstall_known_extensions = false")
        con.execute("SET autoload_known_extensions = false; SET preserve_insertion_order = false")
        for name, value in (
            ("memory_limit", limits.memory),
            ("temp_directory", limits.spill_folder),
            ("threads", limits.threads),
        ):
            if value is not None:
                con.execute(f"SET {name} = '{value}'")
        yield con
    finally:
        con.close()


@contextmanager
def _alarm(con: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """DuckDB has no statement timeout of its own: interrupt it."""
    timer = threading.Timer(seconds, con.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _path(url: str) -> str:
    """The file of a URL like sqlite:///relative or sqlite:////absolute."""
    path = unquote(urlsplit(url).path)[1:]
    if not path:
        raise SourceError(f"{url} names no file; write for example {url.partition(':')[0]}:///tasks.db")
    if not Path(path).is_file():
        raise SourceError(f"the task database {path} does not exist; check the path given with --db")
    return path


def _bring_duckdb(con: duckdb.DuckDBPyConnection, path: str, table: Table, query: str | None) -> None:
    literal = path.replace("'", "''")
    where = f"the DuckDB file {path}"
    with _said(where):
        con.execute(f"ATTACH IF NOT EXISTS '{literal}' AS tasks (READ_ONLY)")
        con.execute("USE tasks")
        names = {str(row[0]) for row in con.execute("SHOW TABLES").fetchall()}
    _view(con, table, query, where, names)


def _bring_files(con: duckdb.DuckDBPyConnection, path: str, table: Table, query: str | None) -> None:
    """Parquet or CSV files are one table, which a query sees under the table's name."""
    files = [path] if Path(path).is_file() else sorted(glob(path, recursive=True))
    if not files:
        raise SourceError(f"no file matches {path}; check the path given with --db")
    endings = {Path(file).suffix.lower() for file in files}
    with _said(f"the files {path}"):
        if endings <= {".parquet", ".pq"}:
            con.read_parquet(files).create_view(table.name)
        elif endings <= {".csv", ".tsv", ".gz", ".txt"}:
            _view_csv(con, files, table.name)
        else:
            raise SourceError(f"{path} is neither Parquet nor CSV, by its ending {', '.join(sorted(endings))}")
    _view(con, table, query, f"the files {path}", {table.name})


def _view_csv(con: duckdb.DuckDBPyConnection, files: Sequence[str], name: str) -> None:
    """All columns as text: a guess by the first rows may turn keys into floats. Only event_id orders as a number, if it
    is one in every row."""
    texts = con.read_csv(list(files), header=True, all_varchar=True)  # type: ignore[arg-type]  # the stub lacks lists
    texts.create_view("csv_texts")
    number = ""
    if "event_id" in texts.columns:
        check = "SELECT bool_and(TRY_CAST(event_id AS HUGEINT) IS NOT NULL) FROM csv_texts WHERE event_id <> ''"
        (numeric,) = con.execute(check).fetchone() or (False,)
        number = " REPLACE (TRY_CAST(event_id AS HUGEINT) AS event_id)" if numeric else ""
    con.execute(f"CREATE VIEW {name} AS SELECT *{number} FROM csv_texts")


def _view(con: duckdb.DuckDBPyConnection, table: Table, query: str | None, where: str, names: Collection[str]) -> None:
    """The relation as a view of the table, or of the query's result."""
    if query is None and table.name not in names:
        raise SourceError(_no_table(where, table, sorted(names)))
    statement = f"SELECT * FROM {table.name}" if query is None else check_select(query, "duckdb")
    with _said(where if query is None else f"{where} by {table.setting}"):
        con.execute(f"CREATE OR REPLACE TEMP VIEW {table.relation} AS {statement}")


def _no_table(where: str, table: Table, names: Sequence[str]) -> str:
    found = f"it has {', '.join(names[:20])}" if names else "it has no tables"
    return f"{where} has no table {table.name}; {found}. Name yours in {table.setting}"


@contextmanager
def _said(where: str) -> Iterator[None]:
    """Turn DuckDB's errors into one sentence."""
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise SourceError(f"{where} can't be read: {first_line(error)}") from None


def _bring_sqlite(con: duckdb.DuckDBPyConnection, path: str, table: Table, query: str | None, limits: Limits) -> None:
    """Pull the columns as text and integers; SQLite's own types are per value, and nothing may be lost by a guess."""
    where = f"the SQLite file {path}"
    try:
        with _sqlite(path, limits.timeout_seconds) as source:
            names = [
                str(row[0]) for row in source.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            ]
            if query is None and table.name not in names:
                raise SourceError(_no_table(where, table, sorted(names)))
            statement = f"SELECT * FROM {table.name}" if query is None else check_select(query, "sqlite")
            reader = _sqlite_reader(source, statement, table.columns)  # noqa: F841  (DuckDB finds it by its name)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table.relation} AS SELECT * FROM reader")
    except sqlite3.Error as error:
        if "interrupted" in str(error):
            raise duckdb.InterruptException from None
        raise SourceError(f"{where} can't be read: {first_line(error)}") from None


@contextmanager
def _sqlite(path: str, timeout_seconds: float) -> Iterator[sqlite3.Connection]:
    """A read-only connection that is interrupted after a timeout."""
    source = sqlite3.connect(f"file:{quote(str(Path(path).resolve()))}?mode=ro", uri=True, timeout=timeout_seconds)
    timer = threading.Timer(timeout_seconds, source.interrupt)
    timer.daemon = True
    timer.start()
    try:
        source.execute("PRAGMA query_only = true")
        yield source
    finally:
        timer.cancel()
        source.close()


def _sqlite_reader(source: sqlite3.Connection, statement: str, wanted: Collection[str]) -> pa.RecordBatchReader:
    """Batches of the columns that the method needs; of other columns only the names."""
    import pyarrow as pa  # a fifth of a second that only SQLite needs

    cursor = source.execute(f"SELECT * FROM ({statement}) LIMIT 0")
    names = [str(column[0]) for column in cursor.description]
    kinds = _sqlite_kinds(source, statement, [name for name in names if name.lower() in wanted])
    if not kinds:
        return pa.RecordBatchReader.from_batches(pa.schema([(name, pa.string()) for name in names]), [])
    columns = ", ".join(
        f'"{name}"' if kind == pa.int64() else f'CAST("{name}" AS TEXT) AS "{name}"' for name, kind in kinds.items()
    )
    schema = pa.schema(list(kinds.items()))
    cursor = source.execute(f"SELECT {columns} FROM ({statement})")
    cursor.arraysize = BATCH_ROWS
    return pa.RecordBatchReader.from_batches(schema, (_batch(rows, schema) for rows in iter(cursor.fetchmany, [])))


def _sqlite_kinds(source: sqlite3.Connection, statement: str, names: Sequence[str]) -> dict[str, pa.DataType]:
    """int64 for columns whose every value is an integer, else text."""
    import pyarrow as pa

    if not names:
        return {}
    checks = ", ".join(
        f"""coalesce(min(typeof("{name}") IN ('integer', 'null')), 0), count("{name}")""" for name in names
    )
    row = source.execute(f"SELECT {checks} FROM ({statement})").fetchone()
    whole = {name: bool(row[2 * i]) and row[2 * i + 1] > 0 for i, name in enumerate(names)}
    return {name: pa.int64() if whole[name] else pa.string() for name in names}


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
