"""Whatever the task database is and however it writes its columns, the same events give the same report, byte for byte."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from casereport import events_of, report_of, spec_of
from examples import slow
from gpucost.computing import compute
from gpucost.core.zones import Zone
from gpucost.report.status import status_of
from gpucost.sources.tasks import Limits
from postgres import Postgres
from simulation.cases import cases
from simulation.clock import parse_instant
from taskdatabases import (
    EPOCH,
    FILES,
    case_report,
    manifest_of,
    put,
    put_files,
    put_postgresql,
    put_sqlite,
    status_text,
)

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
CASE: dict[str, Any] = json.loads((GOLDEN / "plain.json").read_text(encoding="utf-8"))["case"]
TABLE = events_of(CASE)

engines = pytest.mark.parametrize("engine", [*FILES, "postgresql"])
kinds = pytest.mark.parametrize("engine", ["sqlite", "parquet", "csv", "postgresql"])
"""One of each way in which columns come: values with types of their own, typed files, texts, and typed by a server."""


@pytest.fixture(scope="module")
def expected() -> str:
    return status_text(case_report(CASE, _connected(TABLE)))


@pytest.fixture
def server(engine: str, request: pytest.FixtureRequest) -> Postgres | None:
    """The server, only where the engine needs it."""
    return request.getfixturevalue("postgres") if engine == "postgresql" else None


def _connected(table: pa.Table) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.register("task_history", table)
    return con


def _with(table: pa.Table, **columns: Any) -> pa.Table:
    """The table with some columns in another form: arrays, or functions of their values."""
    for name, column in columns.items():
        values = [column(value) for value in table[name].to_pylist()] if callable(column) else column
        table = table.set_column(
            table.schema.get_field_index(name), name, pa.array(values) if callable(column) else values
        )
    return table


def _times(table: pa.Table) -> list[int]:
    times: list[int] = table["creation_ts"].cast(pa.int64()).to_pylist()
    return times


def _rounded(unit_us: int) -> dict[str, Any]:
    """The case with times of whole units."""
    return CASE | {
        "events": [event | {"creation_ts": event["creation_ts"] // unit_us * unit_us} for event in CASE["events"]]
    }


def _figures(text: str) -> Any:
    """The status without the hash of the spec."""
    return {key: value for key, value in json.loads(text).items() if key != "inputRevision"}


def test_the_reference_is_the_golden_report(expected: str) -> None:
    golden = json.loads(status_text(report_of(CASE)))
    assert _figures(expected)["summary"] == golden["summary"]
    assert _figures(expected)["services"] == golden["services"]


@engines
def test_every_engine_gives_the_same_bytes(engine: str, server: Postgres | None, tmp_path: Path, expected: str) -> None:
    assert status_text(case_report(CASE, put(engine, TABLE, tmp_path, server))) == expected


@pytest.mark.parametrize("engine", [*(engine for engine in FILES if engine != "connection"), "postgresql"])
def test_an_engine_confined_to_folders_reads_the_same(
    engine: str, server: Postgres | None, tmp_path: Path, expected: str
) -> None:
    """As the operator's is, where others write the queries: DuckDB then finds no variable of ours by its name."""
    limits = Limits(folders=(str(tmp_path),))
    manifests = [manifest_of(job) for job in CASE["cronJobs"]]
    now = parse_instant(CASE["now"], CASE["timeZone"])
    db = put(engine, TABLE, tmp_path, server)
    assert status_text(compute(spec_of(CASE), manifests, db, now=now, details=False, limits=limits)) == expected


@kinds
def test_details_are_the_same_everywhere(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    found = case_report(CASE, put(engine, TABLE, tmp_path, server), details=True).details
    wanted = case_report(CASE, _connected(TABLE), details=True).details
    assert found
    assert wanted
    for name in (
        "task",
        "task_ids",
        "outcome",
        "started_us",
        "ended_us",
        "part_start_us",
        "part_end_us",
        "node",
        "retry",
    ):
        np.testing.assert_array_equal(getattr(found.attempts, name), getattr(wanted.attempts, name), name)
    np.testing.assert_array_equal(found.cost, wanted.cost)


@pytest.mark.parametrize("kind", ["json", "jsonb", "text", "varchar(200)"])
def test_metainfo_of_any_type_of_postgresql(kind: str, postgres: Postgres, tmp_path: Path, expected: str) -> None:
    table = _with(TABLE, metainfo=lambda text: text if _is_json(text) else None)
    found = case_report(CASE, put("postgresql", table, tmp_path, postgres, {"metainfo": kind}))
    assert status_text(found) == status_text(case_report(CASE, _connected(table)))


def _is_json(text: str | None) -> bool:
    try:
        json.loads(text or "")
    except ValueError:
        return False
    return True


def test_metainfo_as_a_struct_of_a_typed_file(tmp_path: Path) -> None:
    names = ["l4-0" if i % 2 else None for i in range(TABLE.num_rows)]
    struct = pa.array([{"node_name": name, "k": 1} for name in names])
    text = pa.array([json.dumps({"node_name": name, "k": 1}, separators=(",", ":")) for name in names])
    found = case_report(CASE, put("parquet", _with(TABLE, metainfo=struct), tmp_path))
    assert status_text(found) == status_text(case_report(CASE, _connected(_with(TABLE, metainfo=text))))


@kinds
@pytest.mark.parametrize("unit", ["Seconds", "Milliseconds", "Microseconds", "Nanoseconds"])
def test_epochs(engine: str, server: Postgres | None, unit: str, tmp_path: Path) -> None:
    unit_ns = {"Seconds": 1_000_000_000, "Milliseconds": 1_000_000, "Microseconds": 1000, "Nanoseconds": 1}[unit]
    case = _rounded(max(1, unit_ns // 1000))
    table = events_of(case)
    numbers = _with(table, creation_ts=pa.array([us * 1000 // unit_ns for us in _times(table)], pa.int64()))
    found = status_text(case_report(case, put(engine, numbers, tmp_path, server), epochUnit=unit))
    assert _figures(found) == _figures(status_text(case_report(case, _connected(table))))


@kinds
def test_epochs_with_fractions_keep_their_microseconds(
    engine: str, server: Postgres | None, tmp_path: Path, expected: str
) -> None:
    seconds = _with(TABLE, creation_ts=pa.array([us / 1e6 for us in _times(TABLE)], pa.float64()))
    found = status_text(case_report(CASE, put(engine, seconds, tmp_path, server), epochUnit="Seconds"))
    assert _figures(found) == _figures(expected)


@kinds
@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
def test_naive_times_in_a_zone(engine: str, server: Postgres | None, zone: str, tmp_path: Path) -> None:
    """Also where the clock goes back: of two readings the first is meant; and forward: as if it had not been changed."""
    case = CASE | {
        "timeZone": "UTC",
        "period": {"start": "2025-03-08", "end": "2025-03-11"},
        "now": "2025-11-04T00:00:00",
    }
    if zone == "Australia/Lord_Howe":
        case |= {"period": {"start": "2025-04-04", "end": "2025-04-07"}}
    start = 1_741_392_000_000_000 if zone != "Australia/Lord_Howe" else 1_743_724_800_000_000
    readings = np.array([start + i * 1_040_000_000 for i in range(TABLE.num_rows)])
    local = _with(TABLE, creation_ts=pa.array(readings, pa.timestamp("us")))
    utc = _with(TABLE, creation_ts=pa.array(Zone(zone).utc_of_naive(readings), pa.timestamp("us", "UTC")))
    found = status_text(case_report(case, put(engine, local, tmp_path, server), timeZone=zone))
    assert _figures(found) == _figures(status_text(case_report(case, _connected(utc))))
    texts = _with(
        local,
        creation_ts=pa.array([str(EPOCH + timedelta(microseconds=int(us))).removesuffix("+00:00") for us in readings]),
    )
    if engine != "postgresql":
        assert status_text(case_report(case, put(engine, texts, tmp_path, server), timeZone=zone)) == found


@pytest.mark.parametrize(
    ("reading", "instant"), [("2025-11-02T01:30:00", "05:30"), ("2025-11-02 00:59:59.999999", "04:59")]
)
def test_an_ambiguous_reading_is_the_first_of_two(reading: str, instant: str, tmp_path: Path) -> None:
    table = pa.table({name: [""] for name in ("service_name", "node_id", "metainfo")}).append_column("task_id", [["7"]])
    table = table.append_column("status", [["running"]]).append_column("creation_ts", [[reading]])
    case = CASE | {"now": "2025-11-02T08:00:00Z", "period": {"start": "2025-11-01", "end": "2025-11-03"}}
    report = case_report(case, put("sqlite", table, tmp_path), timeZone="America/New_York")
    assert report.census
    assert report.census.last_us
    assert str(EPOCH + timedelta(microseconds=report.census.last_us))[:16] == f"2025-11-02 {instant}"


OFFSETS = ["Z", "+00:00", "+05:30", "-0330", "+02", " UTC", " +01:00", "z"]


@kinds
def test_iso_text_with_and_without_offsets(engine: str, server: Postgres | None, tmp_path: Path, expected: str) -> None:
    """Row by row another offset, or none, which is read in tasks.timeZone."""
    hours = {"+05:30": 5.5, "-0330": -3.5, "+02": 2, " +01:00": 1}

    def text(index: int, us: int) -> str:
        offset = [*OFFSETS, ""][index % (len(OFFSETS) + 1)]
        local = EPOCH + timedelta(microseconds=us, hours=hours.get(offset, 0))
        shown = local.replace(tzinfo=None).isoformat(sep=" T"[index % 2]) + offset
        return shown.lower() if offset == "z" else shown

    table = _with(TABLE, creation_ts=pa.array([text(i, us) for i, us in enumerate(_times(TABLE))]))
    assert status_text(case_report(CASE, put(engine, table, tmp_path, server), timeZone="UTC")) == expected


@kinds
def test_text_ids_of_tasks(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    table = _with(TABLE, task_id=lambda i: f"task/{i} 'ü'")
    found = status_text(case_report(CASE, put(engine, table, tmp_path, server)))
    assert found == status_text(case_report(CASE, _connected(table)))


@pytest.mark.parametrize("kind", ["uuid", "text"])
def test_uuids_of_tasks(kind: str, postgres: Postgres, tmp_path: Path) -> None:
    table = _with(TABLE, task_id=lambda i: f"00000000-0000-4000-8000-{i:012d}")
    wanted = status_text(case_report(CASE, _connected(table)))
    assert status_text(case_report(CASE, put("postgresql", table, tmp_path, postgres, {"task_id": kind}))) == wanted
    typed = put("duckdb", table, tmp_path)
    with duckdb.connect(str(typed).removeprefix("duckdb:///")) as con:
        con.execute("ALTER TABLE task_history ALTER task_id TYPE UUID")
    assert status_text(case_report(CASE, typed)) == wanted


@kinds
def test_ids_of_tasks_beyond_63_bits(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    """SQLite has no such integers: there the column must be text, else it would hold floats."""
    huge = _with(TABLE, task_id=pa.array([i + 2**63 for i in TABLE["task_id"].to_pylist()], pa.uint64()))
    text = _with(TABLE, task_id=lambda i: str(i + 2**63))
    report = case_report(CASE, put(engine, text if engine == "sqlite" else huge, tmp_path, server), details=True)
    assert status_text(report) == status_text(case_report(CASE, _connected(text)))
    assert report.details
    assert int(report.details.attempts.task_ids[0]) > 2**63


@engines
def test_numeric_event_ids_order_as_numbers(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    """Ids of 9 and 10 at one instant: as text 10 would come first, and the order of their events turn round."""
    for kind, postgresql in ((pa.int64(), "bigint"), (pa.int64(), "numeric"), (pa.float64(), "double precision")):
        table = _tie(pa.array([9, 10, 11], kind))
        report = case_report(CASE | {"exclude": []}, put(engine, table, tmp_path, server, {"event_id": postgresql}))
        assert status_of(report)["summary"]["succeeded"] == 1, (kind, postgresql)


@kinds
def test_text_event_ids_order_by_their_bytes(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    for ids, succeeded in ((["e09", "e10", "e11"], 1), (["e9", "e10", "e11"], 0)):
        report = case_report(CASE | {"exclude": []}, put(engine, _tie(pa.array(ids)), tmp_path, server))
        assert status_of(report)["summary"]["succeeded"] == succeeded, ids


def _tie(event_ids: pa.Array) -> pa.Table:
    """A task that runs and is done at one instant, and ran before: the order of the ids decides what came last."""
    instant = 1_748_941_200_000_000
    return pa.table(
        {
            "event_id": event_ids,
            "task_id": [1, 1, 1],
            "service_name": ["s"] * 3,
            "status": ["running", "done", "pending"],
            "creation_ts": pa.array([instant, instant, instant], pa.timestamp("us", "UTC")),
            "node_id": [None] * 3,
            "metainfo": ['{"node_name": "l4-0"}'] * 3,
        }
    )


@kinds
def test_missing_values_are_the_same_as_empty_ones(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    odd = [None, "", "x"]
    table = TABLE
    for name in ("service_name", "node_id", "metainfo", "status"):
        values = table[name].to_pylist()
        table = _with(table, **{name: pa.array([odd[i % 3] if i % 4 == 0 else v for i, v in enumerate(values)])})
    assert status_text(case_report(CASE, put(engine, table, tmp_path, server))) == status_text(
        case_report(CASE, _connected(table))
    )


QUERIES = {
    "sqlite": "SELECT job AS task_id, svc AS service_name, lower(st) AS status, moment AS creation_ts, n AS node_id, "
    "'{\"node_name\": \"' || host || '\"}' AS metainfo, seq AS event_id, kind AS node_type, who AS user_id FROM events -- ours",
}
QUERIES["files"] = QUERIES["sqlite"].replace("FROM events", "FROM task_history").replace("-- ours", ";")


@engines
def test_a_query_maps_another_schema(engine: str, server: Postgres | None, tmp_path: Path) -> None:
    """In the database's own SQL; with the optional columns node_type, user_id and event_id."""
    mapped = _mapped()
    wanted = case_report(CASE, _connected(mapped), details=True)
    other = pa.table(
        {
            "job": mapped["task_id"],
            "svc": mapped["service_name"],
            "st": pa.array([s.upper() for s in mapped["status"].to_pylist()]),
            "moment": mapped["creation_ts"],
            "n": mapped["node_id"],
            "host": pa.array([json.loads(text)["node_name"] for text in mapped["metainfo"].to_pylist()]),
            "seq": mapped["event_id"],
            "kind": mapped["node_type"],
            "who": mapped["user_id"],
        }
    )
    files = engine in ("parquet", "csv", "glob")
    database = put(engine, other, tmp_path, server, name="task_history" if files else "ereignisse")
    query = QUERIES["files"] if files else QUERIES["sqlite"].replace("FROM events", "FROM ereignisse")
    report = case_report(CASE, database, details=True, query=query)
    assert _figures(status_text(report)) == _figures(status_text(wanted))
    assert report.details
    assert wanted.details
    np.testing.assert_array_equal(report.details.attempts.users, wanted.details.attempts.users)
    assert "mine" in report.types


def _mapped() -> pa.Table:
    rows = TABLE.num_rows
    table = _with(TABLE, metainfo=pa.array([f'{{"node_name": "l4-{i % 3}"}}' for i in range(rows)]))
    table = _with(table, status=lambda s: (s or "new").lower())
    table = table.append_column("node_type", pa.array(["mine" if i % 5 == 0 else None for i in range(rows)]))
    return table.append_column(
        "user_id", pa.array([f"user {t % 4}" if t % 3 else None for t in table["task_id"].to_pylist()])
    )


@pytest.mark.parametrize("name", ["events", "nodes", "services", "source", "statuses", "running"])
def test_a_duckdb_table_may_be_named_like_ours(name: str, tmp_path: Path, expected: str) -> None:
    path = str(put("duckdb", TABLE, tmp_path, name=name)).removeprefix("duckdb:///")
    with duckdb.connect(path) as con:
        con.execute(f"CREATE VIEW task_history AS SELECT * FROM {name}")
    assert status_text(case_report(CASE, f"duckdb:///{path}")) == expected
    found = status_text(case_report(CASE, f"duckdb:///{path}", query=f"SELECT * FROM {name}"))
    assert _figures(found) == _figures(expected)


def test_a_connection_is_left_as_it_was() -> None:
    with closing(_connected(TABLE)) as con:
        con.execute("CREATE TEMP TABLE events AS SELECT 1 AS mine")
        before = con.execute("SHOW TABLES").fetchall()
        case_report(CASE, con)
        assert con.execute("SHOW TABLES").fetchall() == before
        assert con.execute("SELECT mine FROM events").fetchall() == [(1,)]


def test_files_of_different_schemas_are_one_table(tmp_path: Path, expected: str) -> None:
    """event_id came later, and stands elsewhere: columns are matched by name, missing ones are null."""
    half = TABLE.num_rows // 2
    for kind in ("parquet", "csv"):
        folder = tmp_path / kind
        folder.mkdir()
        put_files(kind, TABLE.slice(0, half), folder / "a")
        rest = TABLE.slice(half)
        put_files(kind, rest.select(sorted(rest.column_names)), folder / "b")
        assert status_text(case_report(CASE, str(folder / f"*.{kind}"))) == expected
        put_files(kind, rest.drop_columns(["event_id"]), folder / "b")
        assert case_report(CASE, str(folder / f"*.{kind}")).census


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_with_other_separators(separator: str, tmp_path: Path, expected: str) -> None:
    path = put_files("csv", TABLE, tmp_path / "events")
    con = duckdb.connect()
    con.execute(f"CREATE TABLE t AS SELECT * FROM read_csv('{path}', all_varchar = true)")
    con.execute(f"COPY t TO '{path}' (DELIMITER '{separator}', HEADER)")
    con.close()
    assert status_text(case_report(CASE, str(path))) == expected


def test_csv_whose_quotes_come_late(tmp_path: Path) -> None:
    """Beyond the rows by which a format is guessed: a quoted service with separator, quote and newline in it."""
    rows = 21_000
    table = pa.table(
        {
            "event_id": list(range(rows)),
            "task_id": list(range(rows)),
            "service_name": [*["plain"] * (rows - 1), 'a, "b"\nc'],
            "status": ["done"] * rows,
            "creation_ts": ["2025-06-03T09:00:00Z"] * rows,
            "node_id": [None] * rows,
            "metainfo": [None] * rows,
        }
    )
    report = case_report(CASE, str(put_files("csv", table, tmp_path / "late")))
    assert report.census
    assert set(report.census.service) == {"plain", 'a, "b"\nc'}


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cases")


@slow(20)
@given(case=cases())
def test_random_cases_agree_in_every_engine(case: dict[str, Any], scratch: Path) -> None:
    table = events_of(case)
    expected = status_text(case_report(case, _connected(table)))
    for engine in FILES:
        assert status_text(case_report(case, put(engine, table, scratch))) == expected, engine


@slow(10)
@given(case=cases())
def test_random_cases_agree_in_postgresql(case: dict[str, Any], postgres: Postgres) -> None:
    table = events_of(case)
    expected = status_text(case_report(case, _connected(table)))
    assert status_text(case_report(case, put_postgresql(postgres.url, table, {}))) == expected


def test_rows_in_another_order_and_twice_are_the_same_events(tmp_path: Path, expected: str) -> None:
    shuffled = TABLE.take(np.random.default_rng(1).permutation(TABLE.num_rows))
    assert status_text(case_report(CASE, f"sqlite:///{put_sqlite(tmp_path / 'a.db', shuffled)}")) == expected
    twice = pa.concat_tables([shuffled, TABLE])
    assert status_text(case_report(CASE, f"sqlite:///{put_sqlite(tmp_path / 'b.db', twice)}")) == expected
