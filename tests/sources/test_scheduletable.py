"""The table k8s_nodes_scaling as a source of schedules: what a row sets, since when, and what replaces it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from command import cron_job, manifest
from examples import shown, utc
from gpucost.api.costreport import DayTypeSource, ScheduleTable, SpecError
from gpucost.computing import compute
from gpucost.core.issues import DAY_TYPE_CONTRADICTION, POOL_STATED_TWICE, UNREADABLE_TABLE_ROW
from gpucost.core.money import HOUR_US
from gpucost.core.schedule import FOR_EVER
from gpucost.engine.source import SourceError
from gpucost.report.report import Report
from gpucost.sources.scheduletable import COLUMNS, ScheduleRows, read_schedule_table
from gpucost.sources.tasks import DEFAULT_LIMITS, TaskDatabase, open_database
from postgres import Postgres

Row = tuple[int, str, int | None, bool | None, str, str]
NIGHT, MORNING, EVENING = "0 0 * * *", "0 8 * * *", "0 20 * * *"
WEEK = {"range": {"start": "2025-06-02", "end": "2025-06-09"}}


@pytest.fixture(params=["sqlite", "postgresql"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Make the table by our own DDL, in SQLite and in PostgreSQL, and return its URL."""
    ddl = (resources.files("gpucost") / "sql" / f"k8s_nodes_scaling.{request.param}.sql").read_text(encoding="utf-8")

    def in_sqlite(*rows: Row) -> str:
        with closing(sqlite3.connect(tmp_path / "scaling.db")) as con, con:
            con.execute(ddl)
            con.executemany("INSERT INTO k8s_nodes_scaling VALUES (?, ?, ?, ?, ?, ?)", rows)
        return f"sqlite:///{tmp_path / 'scaling.db'}"

    def in_postgresql(*rows: Row) -> str:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new_database()
        insert = "INSERT INTO k8s_nodes_scaling OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s)"
        server.execute(url, ddl)
        if rows:
            server.execute(url, insert, rows=rows)
        return url

    return in_sqlite if request.param == "sqlite" else in_postgresql


def memory(*rows: Sequence[Any], **types: str) -> duckdb.DuckDBPyConnection:
    """The table in DuckDB's memory; everything as text where no type is given."""
    con = duckdb.connect()
    kinds = {"id": "INTEGER", "nodes_count": "INTEGER", "is_weekend": "BOOLEAN", "creation_ts": "TIMESTAMPTZ", **types}
    con.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(f"{name} {kinds.get(name, 'VARCHAR')}" for name in COLUMNS)
    con.execute(f"CREATE TABLE k8s_nodes_scaling ({columns})")
    for row in rows:
        con.execute(f"INSERT INTO k8s_nodes_scaling VALUES ({', '.join('?' * len(COLUMNS))})", row)
    return con


def read(db: Any, *, stated: Sequence[str] = (), **spec: Any) -> ScheduleRows:
    settings = ScheduleTable.model_validate({"enabled": True, **spec})
    if isinstance(db, str):
        with open_database(db) as database:
            return read_schedule_table(database, settings, stated)
    return read_schedule_table(TaskDatabase(db, "", DEFAULT_LIMITS), settings, stated)


def held(rows: ScheduleRows) -> list[tuple[str, int, str, str]]:
    """Label, count, since, until."""
    return [
        (s.label.rpartition("/")[2], s.nodes, shown(s.since_us), "" if s.until_us == FOR_EVER else shown(s.until_us))
        for s in rows.held
    ]


def report_of(db: Any, *jobs: dict[str, Any], now: str = "2025-07-01T00:00:00Z", **settings: Any) -> Report:
    types = [{"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1"}]}]
    pools = {"types": types, "scheduleTable": {"enabled": True, **settings}}
    return compute(manifest(period=WEEK, nodePools=pools), jobs, db, now=now)


def node_hours(report: Report) -> dict[str, int]:
    return {line.pool.name: line.node_us // HOUR_US for line in report.pools}


def test_rows_hold_from_their_creation_until_a_later_row_replaces_them(table: Callable[..., str]) -> None:
    rows = read(
        table(
            (1, "l4", 4, None, MORNING, "2025-06-01T10:00:00Z"),
            (2, "l4", 0, None, EVENING, "2025-06-01T10:00:00Z"),
            (3, "l4", 6, None, MORNING, "2025-06-04T12:00:00Z"),
            (4, "a100", 1, None, MORNING, "2025-06-02T00:00:00Z"),
        )
    )
    assert rows.issues == ()
    assert held(rows) == [
        ("4", 1, "2025-06-02T00:00", ""),
        ("2", 0, "2025-06-01T10:00", ""),
        ("1", 4, "2025-06-01T10:00", "2025-06-04T12:00"),
        ("3", 6, "2025-06-04T12:00", ""),
    ]


def test_a_null_count_ends_a_row(table: Callable[..., str]) -> None:
    rows = read(
        table(
            (1, "l4", 4, None, MORNING, "2025-06-01T10:00:00Z"),
            (2, "l4", None, None, MORNING, "2025-06-03T10:00:00Z"),
            (3, "l4", 5, None, MORNING, "2025-06-05T10:00:00Z"),
        )
    )
    assert held(rows) == [("1", 4, "2025-06-01T10:00", "2025-06-03T10:00"), ("3", 5, "2025-06-05T10:00", "")]
    assert rows.issues == ()


def test_of_rows_of_one_instant_the_larger_id_stands(table: Callable[..., str]) -> None:
    """As a number: 10 comes after 9."""
    same = "2025-06-01T10:00:00Z"
    db = table((10, "l4", 7, None, MORNING, same), (9, "l4", 4, None, MORNING, same), (2, "l4", 5, None, MORNING, same))
    assert [row for row in held(read(db)) if row[2] != row[3]] == [("10", 7, "2025-06-01T10:00", "")]
    assert node_hours(report_of(db)) == {"l4": 7 * (24 * 7 - 8)}  # unknown until the first fire


def test_a_week_of_node_hours(table: Callable[..., str]) -> None:
    """4 nodes from 8 to 20, from Wednesday noon on 6 nodes, and on Sunday the morning's row ends."""
    db = table(
        (1, "pool-l4", 4, None, MORNING, "2025-05-01T00:00:00Z"),
        (2, "pool-l4", 0, None, EVENING, "2025-05-01T00:00:00Z"),
        (3, "pool-l4", 6, None, MORNING, "2025-06-04T12:00:00Z"),
        (4, "pool-l4", None, None, MORNING, "2025-06-08T07:00:00Z"),
    )
    report = report_of(db)
    assert node_hours(report) == {"pool-l4": 3 * 4 * 12 + 3 * 6 * 12}  # an edit changes the count at the next fire
    assert report.quality.assumed_us == 0  # the table is its own record


def test_a_pool_that_cron_jobs_state_ignores_its_rows(table: Callable[..., str]) -> None:
    db = table(
        (1, "gpu-l4", 40, None, MORNING, "2025-05-01T00:00:00Z"),
        (2, "l4-other", 2, None, NIGHT, "2025-05-01T00:00:00Z"),
    )
    report = report_of(db, cron_job(pool="gpu-l4", nodes="1"))
    assert node_hours(report) == {"gpu-l4": 7 * 24, "l4-other": 2 * 7 * 24}
    said = [issue.message for issue in report.quality.issues if issue.reason == POOL_STATED_TWICE]
    assert said == ["pool gpu-l4 is stated by CronJobs; its rows in k8s_nodes_scaling are ignored"]


WEEKEND_ROWS: list[tuple[str, bool | None, bool]] = [
    ("0 8 * * 1-5", False, False),
    ("0 8 * * 1-5", True, True),
    ("0 8 * * 0,6", True, False),
    ("0 8 * * 0,6", False, True),
    ("0 8 * * SAT", True, False),
    ("0 8 * * *", True, True),
    ("0 8 * * *", False, True),
    ("0 8 * * 5,6", True, True),
    ("0 8 * * *", None, False),
    ("0 8 1 * *", True, True),
    ("0 8 13 * 6", True, True),  # the 13th or a Saturday
    ("@every 1h", True, True),
]


@pytest.mark.parametrize(("cron", "weekend", "contradicts"), WEEKEND_ROWS)
def test_a_flag_that_contradicts_the_cron_is_an_issue(cron: str, weekend: bool | None, contradicts: bool) -> None:
    rows = read(memory((1, "l4", 4, weekend, cron, "2025-06-01T10:00:00Z")))
    assert [issue.reason for issue in rows.issues] == [DAY_TYPE_CONTRADICTION] * contradicts
    assert rows.held[0].weekend is None  # the cron decides
    if contradicts:
        assert f"'{cron}'" in rows.issues[0].message


def test_the_flag_may_decide_the_days(table: Callable[..., str]) -> None:
    """dayTypeSource Flag: 2 nodes all day on weekdays, 1 on weekends; without it both fire every day and conflict."""
    db = table(
        (1, "l4", 2, False, NIGHT, "2025-05-01T00:00:00Z"),
        (2, "l4", 1, True, "00 0 * * *", "2025-05-01T00:00:00Z"),
    )
    by_flag = report_of(db, dayTypeSource="Flag")
    assert node_hours(by_flag) == {"l4": 5 * 24 * 2 + 2 * 24 * 1}
    assert not by_flag.quality.conflicts
    by_cron = report_of(db)
    assert node_hours(by_cron) == {"l4": 7 * 24 * 2}
    assert len(by_cron.quality.conflicts) >= 7
    assert sum(issue.reason == DAY_TYPE_CONTRADICTION for issue in by_cron.quality.issues) == 2


def test_flags_of_every_spelling() -> None:
    for spelling, weekend in (
        ("t", True),
        ("TRUE", True),
        ("1", True),
        ("0", False),
        ("no", False),
        ("1.0", True),
        ("", None),
    ):
        rows = read(memory((1, "l4", 4, spelling, MORNING, "2025-06-01"), is_weekend="VARCHAR"), dayTypeSource="Flag")
        assert rows.held[0].weekend is weekend, spelling


def test_crons_and_naive_times_are_of_the_tables_zone() -> None:
    con = memory((1, "l4", 3, None, MORNING, "2025-06-04T12:00:00"), creation_ts="TIMESTAMP")
    (schedule,) = read(con, timeZone="Europe/Berlin").held
    assert shown(schedule.since_us) == "2025-06-04T10:00"
    assert [shown(t) for t in schedule.fires(utc("2025-06-01"), utc("2025-06-07"))] == [
        "2025-06-05T06:00",
        "2025-06-06T06:00",
    ]


def test_every_counts_from_the_rows_creation() -> None:
    (schedule,) = read(memory((1, "l4", 3, None, "@every 90m", "2025-06-04T12:10:00Z"))).held
    fires = schedule.fires(utc("2025-06-01"), utc("2025-06-04T16:00:00"))
    assert [shown(t) for t in fires] == ["2025-06-04T13:40", "2025-06-04T15:10"]


BAD: list[tuple[str, Sequence[Any], str]] = [
    ("no pool", (1, None, "4", None, MORNING, "2025-06-01"), "pool"),
    ("no cron", (1, "l4", "4", None, None, "2025-06-01"), "time_cron"),
    ("no time", (1, "l4", "4", None, MORNING, None), "creation_ts"),
    ("an impossible time", (1, "l4", "4", None, MORNING, "someday"), "creation_ts"),
    ("a count that is none", (1, "l4", "four", None, MORNING, "2025-06-01"), "'four' is not a whole number of nodes"),
    ("a negative count", (1, "l4", "-4", None, MORNING, "2025-06-01"), "'-4' is not a whole number"),
    ("half a node", (1, "l4", "1.5", None, MORNING, "2025-06-01"), "'1.5' is not a whole number"),
    ("a flag that is none", (1, "l4", "4", "sometimes", MORNING, "2025-06-01"), "is_weekend is 'sometimes'"),
    ("an invalid cron", (1, "l4", "4", None, "0 8 * * 7", "2025-06-01"), "day of week"),
    ("a zone in the cron", (1, "l4", "4", None, "TZ=UTC 0 8 * * 1", "2025-06-01"), "TZ="),
]


@pytest.mark.parametrize(("row", "said"), [pytest.param(row, said, id=name) for name, row, said in BAD])
def test_rows_that_cannot_be_read_are_issues(row: Sequence[Any], said: str) -> None:
    good = (2, "l4", "2", None, EVENING, "2025-06-01")
    rows = read(memory(row, good, nodes_count="VARCHAR", is_weekend="VARCHAR", creation_ts="VARCHAR"))
    assert [issue.reason for issue in rows.issues] == [UNREADABLE_TABLE_ROW]
    assert said in rows.issues[0].message
    assert "row '1' of k8s_nodes_scaling" in rows.issues[0].message
    assert [s.nodes for s in rows.held] == [2]


def test_counts_of_a_pandas_file(tmp_path: Path) -> None:
    """Integers with nulls become 2.0 there."""
    columns = [[1.0, 2.0], ["l4", "l4"], [2.0, None], [None, None], [MORNING, EVENING], ["2025-06-01", "2025-06-02"]]
    con = duckdb.connect()
    con.register("k8s_nodes_scaling", pa.table(dict(zip(COLUMNS, map(pa.array, columns), strict=True))))
    rows = read(con)
    assert rows.issues == ()
    assert held(rows) == [("1", 2, "2025-06-01T00:00", "")]


def test_a_query_maps_another_table(table: Callable[..., str]) -> None:
    db = table((1, "l4", 4, None, MORNING, "2025-06-01T10:00:00Z"))
    names = ", ".join(COLUMNS[:2])
    query = (
        f"SELECT {names}, nodes_count * 2 AS nodes_count, is_weekend, time_cron, creation_ts FROM k8s_nodes_scaling;"
    )
    assert held(read(db, query=query)) == [("1", 8, "2025-06-01T10:00", "")]


def test_what_is_missing_is_said(table: Callable[..., str]) -> None:
    db = table()
    assert read(db) == ScheduleRows((), ())
    with pytest.raises(
        SourceError, match=r"schedule table has no column time_cron, creation_ts; it has id, node_pool_name"
    ):
        read(db, query="SELECT id, node_pool_name, nodes_count, is_weekend FROM k8s_nodes_scaling")
    with pytest.raises(SpecError, match=r"spec\.nodePools\.scheduleTable\.query must be one SELECT, not DELETE"):
        read(db, query="DELETE FROM k8s_nodes_scaling")
    with pytest.raises(
        SourceError, match=r"unit is not guessed: make it a timestamp with spec\.nodePools\.scheduleTable"
    ):
        read(memory((1, "l4", 4, None, MORNING, 1), creation_ts="BIGINT"))


def test_a_database_without_the_table(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute("CREATE TABLE other (x)")
    said = r"has no table k8s_nodes_scaling; it has other\. Name yours in spec\.nodePools\.scheduleTable\.query"
    with pytest.raises(SourceError, match=said):
        read(f"sqlite:///{tmp_path / 'a.db'}")


def test_tasks_and_schedules_of_one_database(table: Callable[..., str], request: pytest.FixtureRequest) -> None:
    db = table((1, "l4", 4, None, NIGHT, "2025-05-01T00:00:00Z"))
    ddl = (
        "CREATE TABLE task_history (event_id bigint, task_id bigint, service_name text, status text, creation_ts text, "
    )
    rows = [(1, 7, "s", "running", "2025-06-02T08:00:00Z", None, '{"node_name": "l4"}')]
    rows += [(2, 7, "s", "done", "2025-06-02T09:00:00Z", None, None)]
    if db.startswith("sqlite"):
        with closing(sqlite3.connect(db.removeprefix("sqlite:///"))) as con, con:
            con.execute(ddl + "node_id text, metainfo text)")
            con.executemany("INSERT INTO task_history VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        insert = "INSERT INTO task_history VALUES (%s, %s, %s, %s, %s, %s, %s)"
        server.execute(db, ddl + "node_id text, metainfo text)", insert, rows=rows)
    types = [{"name": "l4", "match": ["l4"], "prices": [{"pricePerHour": "1"}]}]
    spec = manifest(period=WEEK, tasks={}, nodePools={"types": types, "scheduleTable": {"enabled": True}})
    report = compute(spec, (), db, now="2025-07-01T00:00:00Z")
    assert node_hours(report) == {"l4": 4 * 24 * 7}
    assert report.quality.charged == 1


def test_day_type_sources_are_these_two() -> None:
    assert [source.value for source in DayTypeSource] == ["Cron", "Flag"]
