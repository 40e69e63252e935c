"""The same task events in every kind of task database, and the report that gpucost makes of them there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from casereport import spec_of
from gpucost.computing import compute
from gpucost.report.report import Report
from gpucost.report.status import status_of
from postgres import Postgres
from simulation.clock import parse_instant

FILES: Final = ("sqlite", "duckdb", "parquet", "csv", "glob", "connection")
"""Engines that need no server."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_numbers = count()
Database = str | duckdb.DuckDBPyConnection


def case_report(case: Mapping[str, Any], db: Database | None, *, details: bool = False, **tasks: Any) -> Report:
    """The report of a golden or random case whose events are in a task database. ``tasks``: settings of spec.tasks."""
    spec = spec_of(dict(case))
    spec["tasks"] |= tasks
    now = parse_instant(case["now"], case["timeZone"])
    return compute(spec, [manifest_of(job) for job in case["cronJobs"]], db, now=now, details=details)


def status_text(report: Report) -> str:
    """The status, as the bytes that -o json prints."""
    return json.dumps(status_of(report), indent=2, ensure_ascii=False)


def manifest_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """The CronJob of a case as kubectl prints it."""
    annotations = {"gpucost.dev/node-pool": job["pool"], "gpucost.dev/nodes": str(job["nodes"])}
    if job.get("validFrom"):
        annotations["gpucost.dev/valid-from"] = job["validFrom"]
    metadata = {"name": job["name"], "namespace": "default", "uid": job["name"], "annotations": annotations}
    if job.get("created"):
        metadata["creationTimestamp"] = job["created"]
    spec = {"schedule": job["schedule"], "suspend": job.get("suspend", False)}
    if job.get("timeZone"):
        spec["timeZone"] = job["timeZone"]
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def put(
    engine: str,
    table: pa.Table,
    folder: Path,
    server: Postgres | None = None,
    types: Mapping[str, str] | None = None,
    *,
    name: str = "task_history",
) -> Database:
    """Write a table of events to a new task database and return its URL, path or connection.

    ``types``: PostgreSQL types of columns, where Arrow's own don't say them.
    """
    stem = f"db{next(_numbers)}"
    match engine:
        case "postgresql":
            assert server is not None
            return put_postgresql(server.new_database(), table, types or {}, name)
        case "sqlite":
            return f"sqlite:///{put_sqlite(folder / f'{stem}.db', table, name)}"
        case "duckdb":
            path = folder / f"{stem}.duckdb"
            with duckdb.connect(str(path)) as con:
                con.register("rows", table)
                con.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
            return f"duckdb:///{path}"
        case "connection":
            connection = duckdb.connect()
            connection.execute("SET TimeZone = 'America/New_York'")  # the caller's zone must not matter
            connection.register(name, table)
            return connection
        case "parquet" | "csv" | "glob":
            return str(put_files(engine, table, folder / stem))
    raise AssertionError(engine)


def put_files(kind: str, table: pa.Table, stem: Path) -> Path:
    """One Parquet or CSV file, or several Parquet files and the glob that matches them."""
    if kind == "parquet":
        pyarrow.parquet.write_table(table, stem.with_suffix(".parquet"))
        return stem.with_suffix(".parquet")
    if kind == "csv":
        texts = [_csv_texts(column) for column in table.columns]
        pyarrow.csv.write_csv(pa.table(texts, names=table.column_names), stem.with_suffix(".csv"))
        return stem.with_suffix(".csv")
    stem.mkdir()
    third = table.num_rows // 3 + 1
    for part in range(3):
        pyarrow.parquet.write_table(table.slice(part * third, third), stem / f"part-{part}.parquet")
    return stem / "part-*.parquet"


def _csv_texts(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if value is None else str(_plain(value)) for value in values_of(column)], pa.string())


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """Python values; times as datetimes, for which Arrow would need the zone's data."""
    if pa.types.is_timestamp(column.type):
        zone = UTC if column.type.tz else None
        moments = (
            None if us is None else EPOCH + timedelta(microseconds=us) for us in column.cast(pa.int64()).to_pylist()
        )
        return [None if moment is None else moment.replace(tzinfo=zone) for moment in moments]
    return list(column.to_pylist())


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def put_sqlite(path: Path, table: pa.Table, name: str = "task_history") -> Path:
    """A table without declared types, so that every value keeps its own."""
    columns = ", ".join(table.column_names)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute(f"CREATE TABLE {name} ({columns})")
        rows = zip(*([_plain(v) for v in values_of(column)] for column in table.columns), strict=True)
        con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * table.num_columns)})", rows)
    return path


_POSTGRESQL: Final[Sequence[tuple[Callable[[pa.DataType], bool], str]]] = (
    (lambda kind: kind == pa.uint64(), "numeric(20)"),
    (pa.types.is_integer, "bigint"),
    (pa.types.is_floating, "double precision"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None, "timestamptz"),
    (pa.types.is_timestamp, "timestamp"),
    (lambda _: True, "text"),
)


def put_postgresql(url: str, table: pa.Table, types: Mapping[str, str], name: str = "task_history") -> str:
    import psycopg

    usual = {field.name: next(kind for fits, kind in _POSTGRESQL if fits(field.type)) for field in table.schema}
    kinds = {name: types.get(name, kind) for name, kind in usual.items()}
    columns = ", ".join(f"{column} {kind}" for column, kind in kinds.items())
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {name}")  # type: ignore[arg-type]
        cursor.execute(f"CREATE TABLE {name} ({columns})")  # type: ignore[arg-type]
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:  # type: ignore[arg-type]
            for row in zip(*(values_of(column) for column in table.columns), strict=True):
                copy.write_row(row)
    return url
