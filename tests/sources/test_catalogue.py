"""The tables and columns of a task database, in each kind of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from gpucost.engine.source import SourceError
from gpucost.sources.catalogue import Column, Dialect, ListedTable, list_tables, read_values
from postgres import PASSWORD, Postgres


def test_sqlite_lists_tables_and_views_with_their_types(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as con:
        con.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, state VARCHAR(20), anything)")
        con.execute("CREATE VIEW ended AS SELECT id FROM jobs")
    found = list_tables(f"sqlite:///{tmp_path / 'x.db'}")
    assert found.dialect is Dialect.SQLITE
    columns = (Column("id", "integer"), Column("state", "varchar(20)"), Column("anything", ""))
    assert found.tables == (
        ListedTable("ended", None, (Column("id", "integer"),)),
        ListedTable("jobs", None, columns),
    )


def test_duckdb_names_the_schema_only_where_it_is_needed(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as con:
        con.execute("CREATE TABLE jobs (id BIGINT); CREATE SCHEMA ml; CREATE TABLE ml.runs (ended TIMESTAMPTZ)")
    found = list_tables(f"duckdb:///{tmp_path / 'x.duckdb'}")
    assert found.tables == (
        ListedTable("jobs", None, (Column("id", "bigint"),)),
        ListedTable("runs", "ml", (Column("ended", "timestamp with time zone"),)),
    )


def test_files_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,state\n1,done\n", encoding="utf-8")
    found = list_tables(str(tmp_path / "x.csv"))
    assert found.files
    assert found.tables == (ListedTable("task_history", None, (Column("id", "varchar"), Column("state", "varchar"))),)


def test_postgresql_lists_what_the_user_may_read(postgres: Postgres) -> None:
    url = postgres.new_database()
    postgres.execute(
        url,
        "CREATE TABLE jobs (id bigint, state varchar(20), at timestamptz)",
        "CREATE TABLE secret (id bigint)",
        "CREATE TABLE parted (at date) PARTITION BY RANGE (at)",
        "CREATE TABLE part PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "CREATE MATERIALIZED VIEW summed AS SELECT count(*) AS n FROM jobs",
        f"DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
        "GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON jobs, parted, summed TO reader",
    )
    found = list_tables(postgres.url_of(user="reader"))
    assert [table.name for table in found.tables] == ["jobs", "parted", "summed"]
    kinds = [column.kind for column in found.tables[0].columns]
    assert kinds == ["bigint", "character varying", "timestamp with time zone"]
    postgres.execute(url, "DROP OWNED BY reader; DROP ROLE reader")


def test_values_are_read_by_one_select_only(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as con, con:
        con.execute("CREATE TABLE jobs AS SELECT 'done' AS state UNION ALL SELECT 'error'")
    url = f"sqlite:///{tmp_path / 'x.db'}"
    assert sorted(read_values(url, "SELECT state FROM jobs", ("state",))) == [("done",), ("error",)]
    with pytest.raises(ValueError, match="must be one SELECT, not DELETE"):
        read_values(url, "DELETE FROM jobs", ("state",))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist; check the path given with --db"):
        list_tables(f"sqlite:///{tmp_path / 'none.db'}")
