"""Task databases: a URL or a path becomes a relation of raw events in a DuckDB connection.

DuckDB, Parquet and CSV files are read in place; SQLite and PostgreSQL are pulled as Arrow, with only the columns that
the method needs. Every session on a task database is read-only and ends after a timeout. No message repeats a password.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

import duckdb

from gpucost.api.costreport import SpecError
from gpucost.core.issues import shorten, show
from gpucost.engine.source import (
    DATABASE_TIMEOUT,
    OPTIONAL,
    REQUIRED,
    TABLE_MISSING,
    SourceError,
    named,
    number_again,
)
from gpucost.sources.csvfiles import explain_bytes, split_encoding, view_csv
from gpucost.sources.query import check_select
from gpucost.sources.text import one_line, redacted

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

    def missing(self, names: Iterable[str]) -> bool:
        """Whether a column is missing without which nothing can be computed; then the names of all say more than rows."""
        return not set(self.columns) - set(OPTIONAL) <= {name.lower() for name in names}


EVENTS: Final = Table("task_history", "gpucost_raw_events", (*REQUIRED, *OPTIONAL), "spec.tasks.query")


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
    folders: tuple[str, ...] | None = None
    """Folders in which files may be read; None: anywhere, for a user's own command. Where others write the queries, a path
    or a function of DuckDB could otherwise show any file of the machine."""


DEFAULT_LIMITS: Final = Limits()

_DATA_ERRORS: Final = (
    duckdb.IOException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.SerializationException,
)
"""What DuckDB says of damaged or contradictory data; any other error of its own is a fault of ours."""


@dataclass(frozen=True, slots=True)
class TaskDatabase:
    """A task database within reach: the URL or path, and the DuckDB connection that its tables are brought to."""

    con: duckdb.DuckDBPyConnection
    url: str
    limits: Limits

    def bring(self, table: Table, query: str | None, running: Sequence[str] = ()) -> str:
        """Make a table, or one SELECT in its place, a relation of the connection, and return the relation's name.

        ``running``: statuses whose metainfo matters. Raises SourceError that says what, where and what to do, and
        SpecError for a query that is no SELECT.
        """
        url = self.url
        if not url:  # a connection of the caller's own
            names = {str(row[0]) for row in self.con.execute("SHOW TABLES").fetchall()}
            _view(self.con, table, query, "the DuckDB connection", names)
            return table.relation
        scheme = url.partition("://")[0].partition("+")[0].lower() if "://" in url else ""
        if scheme == "sqlite":
            _bring_sqlite(self.con, _path(url, self.limits), table, query, self.limits)
        elif scheme == "duckdb":
            _bring_duckdb(self.con, _path(url, self.limits), table, query)
        elif scheme in ("postgresql", "postgres"):
            from gpucost.sources.postgresql import bring_postgresql  # its driver takes most of a second to import

            bring_postgresql(self.con, url, table, query, self.limits, running)
        elif scheme:
            raise SourceError(
                f"{scheme}:// is no task database that gpucost reads; "
                "it takes sqlite:///FILE, duckdb:///FILE, postgresql://HOST/DATABASE, and paths of Parquet or CSV files"
            )
        else:
            path, encoding = split_encoding(url)
            _check_folder(path, self.limits.folders)
            _bring_files(self.con, path, table, query, encoding)
        return table.relation


@contextmanager
def open_database(url: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[TaskDatabase]:
    """A task database by ``sqlite:///``, ``duckdb:///`` or ``postgresql://`` URL, or a path or glob of files.

    What runs longer than the limit is stopped, with a SourceError.
    """
    with engine(limits) as con:
        database = TaskDatabase(con, url, limits)
        with guarded(database):
            yield database


@contextmanager
def guarded(database: TaskDatabase) -> Iterator[None]:
    """Work on a task database within its limits; what goes beyond them, or can't be read, is a SourceError."""
    url, limits = database.url, database.limits
    with _alarm(database.con, limits.timeout_seconds):
        try:
            yield
        except duckdb.InterruptException:
            raise SourceError(
                f"reading {redacted(url)} took longer than {limits.timeout_seconds:g} s and was stopped; "
                "take a shorter period, or allow more time",
                DATABASE_TIMEOUT,
            ) from None
        except duckdb.OutOfMemoryException as error:
            raise SourceError(
                f"reading {redacted(url)} needs more memory or disk to spill than is allowed: {one_line(error, url)}; "
                "allow more, or take a shorter period"
            ) from None
        except _DATA_ERRORS as error:  # files are read while the report is computed, not before
            told = None if "://" in url or not url else _wrong_bytes(error, split_encoding(url)[0])
            raise SourceError(told or f"{redacted(url)} can't be read: {one_line(error, url)}") from None


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
                _set(con, name, str(value))
        if limits.folders is not None:
            _confine(con, limits.folders)
        yield con
    finally:
        con.close()


def _confine(con: duckdb.DuckDBPyConnection, folders: Sequence[str]) -> None:
    """No statement may reach beyond these folders, nor the network, nor undo this."""
    names = ", ".join("'" + str(Path(folder).resolve()).replace("'", "''") + "/'" for folder in folders)
    con.execute(f"SET allowed_directories = [{names}]")
    con.execute("SET enable_external_access = false; SET lock_configuration = true")


def _check_folder(path: str, folders: Sequence[str] | None) -> None:
    """Refuse a file outside the folders that may be read, without a word on whether it exists."""
    if folders is None:
        return
    resolved = Path(path).resolve()
    if not any(resolved.is_relative_to(Path(folder).resolve()) for folder in folders):
        raise SourceError(
            "the database URL names a file outside the folders that this operator may read; "
            "use postgresql://, or have the folder added to --data-folder"
        )


def _set(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    literal = value.replace("'", "''")
    try:
        con.execute(f"SET {name} = '{literal}'")
    except duckdb.Error as error:
        raise SpecError(f"{name} can't be {show(value)}: {one_line(error)}") from None


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


def _path(url: str, limits: Limits) -> str:
    """The file of a URL like sqlite:///relative or sqlite:////absolute."""
    rest = url.partition("://")[2].partition("?")[0]
    path = unquote(rest[1:])
    if not rest.startswith("/") or not path:
        raise SourceError(f"{redacted(url)} names no file; write for example {url.partition(':')[0]}:///tasks.db")
    _check_folder(path, limits.folders)
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


def _files_of(path: str) -> list[str]:
    return [path] if Path(path).is_file() else sorted(glob(path, recursive=True))


def _wrong_bytes(error: duckdb.Error, path: str) -> str | None:
    """A sentence on the first byte that is no UTF-8, where that is what an error is about."""
    if "not utf-8 encoded" not in str(error):
        return None
    return next(filter(None, (explain_bytes(file) for file in _files_of(path))), None)


def _bring_files(
    con: duckdb.DuckDBPyConnection, path: str, table: Table, query: str | None, encoding: str | None
) -> None:
    """Parquet or CSV files are one table, which a query sees under the table's name."""
    files = _files_of(path)
    if not files:
        raise SourceError(f"no file matches {redacted(path)}; check the path given with --db")
    if Path(files[0]).is_dir():
        raise SourceError(f"{path} is a folder; name its files, such as {Path(path) / '*.parquet'}")
    endings = {Path(file).suffix.lower() for file in files}
    csv = endings <= {".csv", ".tsv", ".gz", ".txt"}
    found = ", ".join(sorted(ending or "none" for ending in endings))
    with _said(f"the files {path}", path):
        if endings <= {".parquet", ".pq"}:
            con.read_parquet(files, union_by_name=True).create_view(table.name)
        elif csv:
            view_csv(con, files, table.name, encoding)
        else:
            raise SourceError(
                f"{path} must be Parquet or CSV files, all of one kind, by their endings, not {shorten(found)}"
            )
    _view(con, table, query, f"the files {path}", {table.name})
    if csv:
        _number_events(con, table)


def _number_events(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """event_id orders as a number if it is one in every row."""
    columns = [str(name) for name, *_ in con.execute(f"DESCRIBE {table.relation}").fetchall()]
    name = next((column for column in columns if column.lower() == "event_id"), None)
    number = number_again(con, table.relation, name) if name else ""
    if number:
        con.execute(f"ALTER VIEW {table.relation} RENAME TO {table.relation}_texts")
        con.execute(f"CREATE OR REPLACE TEMP VIEW {table.relation} AS SELECT *{number} FROM {table.relation}_texts")


def _view(con: duckdb.DuckDBPyConnection, table: Table, query: str | None, where: str, names: Collection[str]) -> None:
    """The relation as a view of the table, or of the query's result."""
    if query is None and table.name not in names:
        raise SourceError(_no_table(where, table, sorted(names)), TABLE_MISSING)
    statement = f"SELECT * FROM {table.name}" if query is None else check_select(query, "duckdb", table.setting)
    with _said(where if query is None else f"{where} by {table.setting}"):
        con.execute(f"CREATE OR REPLACE TEMP VIEW {table.relation} AS {statement}")


def _no_table(where: str, table: Table, names: Sequence[str]) -> str:
    found = f"it has {', '.join(names[:20])}" if names else "it has no tables"
    return f"{where} has no table {table.name}; {found}. Name yours in {table.setting}"


@contextmanager
def _said(where: str, path: str | None = None) -> Iterator[None]:
    """Turn DuckDB's errors into one sentence. ``path``: of the files, where they are what is read."""
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        told = _wrong_bytes(error, path) if path else None
        raise SourceError(told or f"{where} can't be read: {one_line(error)}") from None


def _bring_sqlite(con: duckdb.DuckDBPyConnection, path: str, table: Table, query: str | None, limits: Limits) -> None:
    """Pull the columns as text and integers; SQLite's own types are per value, and nothing may be lost by a guess."""
    where = f"the SQLite file {path}"
    try:
        with _sqlite(path, limits.timeout_seconds) as source:
            names = [
                str(row[0]) for row in source.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            ]
            if query is None and table.name not in names:
                raise SourceError(_no_table(where, table, sorted(names)), TABLE_MISSING)
            statement = f"SELECT * FROM {table.name}" if query is None else check_select(query, "sqlite", table.setting)
            source.execute("BEGIN")  # both readings see the same rows
            try:
                _pull_sqlite(con, source, statement, table)
            except sqlite3.OperationalError as error:
                if "decode" not in str(error):
                    raise
                source.text_factory = lambda text: text.decode(errors="replace")  # slower, so only where it is needed
                _pull_sqlite(con, source, statement, table)
    except sqlite3.Error as error:
        if "interrupted" in str(error):
            raise duckdb.InterruptException from None
        asked = where if query is None else f"{where} by {table.setting}"
        raise SourceError(f"{asked} can't be read: {one_line(error)}") from None


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


def _pull_sqlite(con: duckdb.DuckDBPyConnection, source: sqlite3.Connection, statement: str, table: Table) -> None:
    """Batch by batch, for a thread of DuckDB's own must not touch the cursor, nor swallow its errors."""
    schema, batches = _sqlite_batches(source, statement, table)
    with named(con, "gpucost_batch", schema.empty_table()):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table.relation} AS SELECT * FROM gpucost_batch")
    for batch in batches:
        with named(con, "gpucost_batch", batch):
            con.execute(f"INSERT INTO {table.relation} SELECT * FROM gpucost_batch")


def _sqlite_batches(source: sqlite3.Connection, statement: str, table: Table) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """The columns that the method needs, batch by batch; of other columns only the names."""
    import pyarrow as pa  # a fifth of a second that only SQLite needs

    cursor = source.execute(f"SELECT * FROM ({statement}) LIMIT 0")
    names = [str(column[0]) for column in cursor.description]
    if table.missing(names):
        return pa.schema([(name, pa.string()) for name in names]), iter(())
    kinds = _sqlite_kinds(source, statement, [name for name in names if name.lower() in table.columns])
    columns = ", ".join(
        f'CAST("{name}" AS TEXT) AS "{name}"' if kind == pa.string() else f'"{name}"' for name, kind in kinds.items()
    )
    schema = pa.schema(list(kinds.items()))
    cursor = source.execute(f"SELECT {columns} FROM ({statement})")
    cursor.arraysize = BATCH_ROWS
    return schema, (_batch(rows, schema) for rows in iter(cursor.fetchmany, []))


def _sqlite_kinds(source: sqlite3.Connection, statement: str, names: Sequence[str]) -> dict[str, pa.DataType]:
    """int64 for columns whose every value is an integer, else text; float64 for times and event ids with fractions, whose
    text would lose digits and order."""
    import pyarrow as pa

    types = ("= 'integer'", "IN ('integer', 'real')")
    checks = ", ".join(f'min(CASE WHEN "{n}" IS NOT NULL THEN typeof("{n}") {t} END)' for n in names for t in types)
    row = source.execute(f"SELECT {checks} FROM ({statement})").fetchone()  # null where there is no value
    kinds = {}
    for name, whole, number in zip(names, row[::2], row[1::2], strict=True):
        fraction = number and name.lower() in ("creation_ts", "event_id")
        kinds[name] = pa.int64() if whole else pa.float64() if fraction else pa.string()
    return kinds


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
