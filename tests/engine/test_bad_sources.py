"""Task databases that are missing, refuse, take too long or hold odd things: one sentence, or a report that names them."""

from __future__ import annotations

import hashlib
import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest

from command import HEADER, NOW, Ran, cron_job, gpucost, manifest, write
from gpucost.engine.source import SourceError
from gpucost.sources.tasks import EVENTS, Limits, open_database
from gpucost.sources.text import one_line, redacted
from postgres import PASSWORD, Postgres
from taskdatabases import put, put_postgresql

COLUMNS = HEADER.split(",")
CONFINED = Limits(folders=("/data",))
LIFE = [
    (1, 7, "text2img", "new", "2025-06-02T08:00:00Z", None, None),
    (2, 7, "text2img", "running", "2025-06-02T08:10:00Z", None, '{"node_name": "l4-0"}'),
    (3, 7, "text2img", "done", "2025-06-02T08:40:00Z", None, None),
]
Report = Callable[..., Ran]
everywhere = pytest.mark.parametrize("engine", ["sqlite", "duckdb", "parquet", "csv", "postgresql"])
no_server = pytest.mark.parametrize("engine", ["sqlite", "duckdb", "parquet", "csv"])


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Run the report of two days of June on a task database, in this process."""

    def run(db: object, *words: str, **tasks: Any) -> Ran:
        path = write(tmp_path / "report.yaml", manifest(tasks=tasks), cron_job())
        return gpucost("report", "-f", path, "--cronjobs", path, "--db", str(db), "--now", NOW, "-o", "json", *words)

    return run


@pytest.fixture
def server(engine: str, request: pytest.FixtureRequest) -> Postgres | None:
    return request.getfixturevalue("postgres") if engine == "postgresql" else None


def events(*rows: Sequence[Any]) -> pa.Table:
    """Events as a table: ids as they are, everything else as text."""
    columns = zip(*rows, strict=True) if rows else [[] for _ in COLUMNS]
    return pa.table({name: _array(name, list(values)) for name, values in zip(COLUMNS, columns, strict=True)})


def _array(name: str, values: list[Any]) -> pa.Array:
    return pa.array(values, pa.int64() if name == "event_id" else None if name == "task_id" and values else pa.string())


def sqlite_of(path: Path, *rows: Sequence[Any]) -> str:
    with closing(sqlite3.connect(path)) as con, con:
        con.execute(f"CREATE TABLE task_history ({', '.join(COLUMNS)})")
        con.executemany(f"INSERT INTO task_history VALUES ({', '.join('?' * len(COLUMNS))})", rows)
    return f"sqlite:///{path}"


class TestOutOfReach:
    @pytest.mark.parametrize(
        "url", ["sqlite:///{}/no.db", "duckdb:///{}/no.db", "{}/no.parquet", "{}/*.csv", "{}/no.csv"]
    )
    def test_a_file_that_is_missing(self, url: str, tmp_path: Path, report: Report) -> None:
        said = report(url.format(tmp_path)).sentence(1)
        assert str(tmp_path) in said
        assert "check the path" in said
        assert list(tmp_path.iterdir()) == [tmp_path / "report.yaml"]  # nothing was created

    def test_names_that_are_none(self, tmp_path: Path, report: Report) -> None:
        assert "names no file; write for example sqlite:///tasks.db" in report("sqlite://tasks.db").sentence(1)
        assert "no task database that gpucost reads; it takes sqlite:///FILE" in report("mysql://h/db").sentence(1)
        assert "name its files" in report(tmp_path).sentence(1)
        (tmp_path / "tasks.xlsx").write_text("", encoding="utf-8")
        assert "must be Parquet or CSV files" in report(tmp_path / "tasks.xlsx").sentence(1)

    @pytest.mark.parametrize("name", ["sqlite:///{}/a.db", "duckdb:///{}/a.db", "{}/a.parquet", "{}/a.csv"])
    @pytest.mark.parametrize("content", [b"\x00\xff" * 5000, b"PAR1 and so on PAR1", b"SQLite format 3\x00 no"])
    def test_a_file_that_is_something_else(self, name: str, content: bytes, tmp_path: Path, report: Report) -> None:
        for ending in ("db", "parquet", "csv"):
            (tmp_path / f"a.{ending}").write_bytes(content)
        said = report(name.format(tmp_path)).sentence(1)
        assert str(tmp_path) in said or "has no column task_id" in said  # nearly any text is a CSV file

    def test_files_of_no_bytes(self, tmp_path: Path, report: Report) -> None:
        for ending in ("db", "parquet", "csv"):
            (tmp_path / f"a.{ending}").write_bytes(b"")
        assert "it has no tables" in report(f"sqlite:///{tmp_path}/a.db").sentence(1)
        assert "can't be read" in report(f"duckdb:///{tmp_path}/a.db").sentence(1)
        assert "can't be read" in report(tmp_path / "a.parquet").sentence(1)
        assert "has no column" in report(tmp_path / "a.csv").sentence(1)

    def test_a_parquet_file_cut_short(self, tmp_path: Path, report: Report) -> None:
        """Two good files and one whose data is damaged: seen only while the report is computed."""
        for _ in range(3):
            path = Path(str(put("parquet", events(*LIFE * 500), tmp_path)))
        content = bytearray(path.read_bytes())
        content[20:2000] = bytes(1980)
        path.write_bytes(content)
        assert f"{tmp_path}/*.parquet can't be read: " in report(tmp_path / "*.parquet").sentence(1)

    def test_a_csv_file_with_broken_text(self, tmp_path: Path, report: Report) -> None:
        path = tmp_path / "tasks.csv"
        rows = "".join(f"{i},1,s,running,2025-06-02T08:00:00Z,,\n" for i in range(30_000))
        path.write_bytes((HEADER + "\n" + rows).encode() + b"30001,1,\xff\xfe,done,2025-06-02T08:00:00Z,,\n")
        said = report(path).sentence(1)
        assert "can't be read" in said
        assert "(in line 30,002)" in said

    def test_a_server_that_is_not_there(self, report: Report) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        said = report(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/tasks").sentence(1)
        assert f"the task database postgresql://127.0.0.1:{port}/tasks can't be reached: " in said
        assert "refused" in said
        assert PASSWORD not in said

    def test_a_server_that_never_answers(self, report: Report) -> None:
        """It accepts, and says nothing."""
        with closing(socket.socket()) as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            port = silent.getsockname()[1]
            said = report(f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/tasks?connect_timeout=2").sentence(1)
        assert "can't be reached" in said
        assert PASSWORD not in said

    @pytest.mark.parametrize("password", ["wrong-secret", "wr%40ng-secret", "wrong:secret"])
    def test_a_wrong_password(self, password: str, postgres: Postgres, report: Report) -> None:
        said = report(postgres.url_of(password=password)).sentence(1)
        assert "refuses us: " in said
        assert "password authentication failed" in said
        assert "check user and password" in said
        assert "secret" not in said

    @pytest.mark.parametrize(
        "password", ["pa/secret", "pa#secret", "pa?secret", "pa@secret", "pa@x/secret", "secret%zz", "[secret"]
    )
    def test_passwords_that_were_not_quoted(self, password: str, postgres: Postgres, report: Report) -> None:
        said = report(postgres.url_of(password=password)).sentence(1)
        assert "secret" not in said

    def test_passwords_in_parameters(self, postgres: Postgres, report: Report) -> None:
        said = report(f"postgresql://127.0.0.1:{postgres.port}/no?user=postgres&password=a-secret").sentence(1)
        assert "secret" not in said
        good = f"postgresql://127.0.0.1:{postgres.port}/no_such_db?user=postgres&password={PASSWORD}"
        said = report(good).sentence(1)
        assert '"no_such_db" does not exist' in said
        assert PASSWORD not in said

    def test_urls_as_sqlalchemy_writes_them(self, postgres: Postgres, report: Report) -> None:
        url = put_postgresql(postgres.new_database(), events(*LIFE), {})
        for scheme in ("postgres", "postgresql+psycopg", "postgresql"):
            assert report(url.replace("postgresql", scheme, 1)).status()["summary"]["succeeded"] == 1
        assert report(url + "?application_name=x&options=-c%20search_path%3Dpublic").code == 0
        assert "search_path" not in report(url + "?options=-c%20search_path%3Dnowhere").sentence(1)


class TestTimeouts:
    def test_a_query_that_sleeps(self, postgres: Postgres, report: Report) -> None:
        url = put_postgresql(postgres.new_database(), events(*LIFE), {})
        said = report(url, "--timeout", "1", query="SELECT t.* FROM task_history t, pg_sleep(30)").sentence(1)
        assert "did not answer within 1 s; take a shorter period, or raise the timeout" in said

    def test_a_table_that_is_locked(self, postgres: Postgres, report: Report) -> None:
        url = put_postgresql(postgres.new_database(), events(*LIFE), {})
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE task_history IN ACCESS EXCLUSIVE MODE")
            assert "did not answer within 0.3 s" in report(url, "--timeout", "0.3").sentence(1)

    def test_a_timeout_below_a_millisecond_is_not_none_at_all(self, postgres: Postgres, report: Report) -> None:
        url = put_postgresql(postgres.new_database(), events(*LIFE), {})
        report(url, "--timeout", "0.001", query="SELECT t.* FROM task_history t, pg_sleep(30)").sentence(1)

    def test_sqlite_is_interrupted(self, tmp_path: Path, report: Report) -> None:
        url = sqlite_of(tmp_path / "tasks.db", *LIFE)
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT task_history.* FROM task_history, n"
        )
        said = report(url, "--timeout", "0.5", query=endless).sentence(1)
        assert said.startswith(f"reading {url} took longer than 0.5 s and was stopped; ")

    def test_sqlite_that_is_locked(self, tmp_path: Path, report: Report) -> None:
        url = sqlite_of(tmp_path / "tasks.db", *LIFE)
        with closing(sqlite3.connect(tmp_path / "tasks.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert "locked" in report(url, "--timeout", "0.3").sentence(1)

    @pytest.mark.parametrize("engine", ["duckdb", "parquet"])
    def test_duckdb_is_interrupted(self, engine: str, tmp_path: Path, report: Report) -> None:
        url = put(engine, events(*LIFE), tmp_path)
        endless = "SELECT t.* FROM task_history t, range(100000000) a, range(100000) b WHERE a.range + b.range < 0"
        assert "took longer than 0.5 s and was stopped" in report(url, "--timeout", "0.5", query=endless).sentence(1)


class TestTables:
    @pytest.mark.parametrize("engine", ["sqlite", "duckdb", "postgresql"])
    def test_a_table_that_is_missing(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        url = put(engine, events(*LIFE), tmp_path, server, name="history")
        said = report(url).sentence(1)
        assert "has no table task_history" in said
        assert "spec.tasks.query" in said
        assert engine == "postgresql" or "it has history" in said
        said = report(url, query="SELECT * FROM nowhere").sentence(1)
        assert "nowhere" in said

    @everywhere
    def test_columns_that_are_missing(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        table = events(*LIFE).rename_columns(
            ["event_id", "id", "service", "state", "creation_ts", "node_id", "metainfo"]
        )
        url = put(engine, table, tmp_path, server)
        said = report(url).sentence(1)
        assert "has no column task_id, service_name, status; it has event_id, id, service, state, creation_ts" in said
        assert "spec.tasks.query: one SELECT that names the columns" in said

    @everywhere
    def test_creation_ts_of_a_type_that_is_no_time(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        table = events(*LIFE)
        number = table.set_column(4, "creation_ts", pa.array([1, 2, 3]))
        said = report(put(engine, number, tmp_path, server)).sentence(1)
        assert (
            "its unit is not guessed: set spec.tasks.epochUnit to Seconds, Milliseconds, Microseconds or Nanoseconds"
            in said
        )
        truth = put("duckdb", table.set_column(4, "creation_ts", pa.array([True, False, True])), tmp_path)
        assert "creation_ts is of type BOOLEAN; it must be a timestamp" in report(truth).sentence(1)

    @everywhere
    def test_an_empty_table(self, engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
        ran = report(put(engine, events(), tmp_path, server))
        assert "NoTasks" in ran.issues()
        summary = ran.status()["summary"]
        assert summary["nodeCost"] == "48.00"
        assert summary["attempts"] == 0
        assert summary["coverageRatio"] == "0"
        assert not {"costPerSuccess", "costPerFailedSecond", "effectiveCostPerSuccess"} & summary.keys()

    def test_neither_pools_nor_tasks(self, tmp_path: Path) -> None:
        path = write(tmp_path / "report.yaml", manifest(tasks={}, nodePools={}))
        ran = gpucost("report", "-f", path, "--db", put("csv", events(), tmp_path), "--now", NOW, "-o", "json")
        summary = ran.status()["summary"]
        assert {"NoTasks", "NoNodePools"} <= ran.issues().keys()
        assert not {"coverageRatio", "utilizationRatio", "costPerSuccess"} & summary.keys()


QUERIES = [
    ("SELECT 1; SELECT 2", "must be exactly one SELECT, not 2 statements"),
    ("SELECT * FROM task_history; DROP TABLE task_history", "must be exactly one SELECT, not 2 statements"),
    ("INSERT INTO task_history SELECT * FROM task_history", "must be one SELECT, not INSERT"),
    ("UPDATE task_history SET status = 'done'", "must be one SELECT, not UPDATE"),
    ("DELETE FROM task_history", "must be one SELECT, not DELETE"),
    ("DROP TABLE task_history", "must be one SELECT, not DROP"),
    ("WITH gone AS (DELETE FROM task_history RETURNING *) SELECT * FROM gone", "must only read, but it has DELETE"),
    ("WITH x AS (INSERT INTO task_history SELECT * FROM task_history RETURNING *) SELECT * FROM x", "it has INSERT"),
    ("SELECT * INTO copy FROM task_history", "must only read, but it has INTO"),
    ("SELECT * FROM task_history FOR UPDATE", "must only read, but it has LOCK"),
    ("ALTER TABLE task_history RENAME TO x", "must be one SELECT, not ALTER"),
    ("PRAGMA query_only = false", "must be one SELECT, not PRAGMA"),
    ("CALL f()", "must be one SELECT, not COMMAND"),
    ("", "must be exactly one SELECT, not 0 statements"),
    ("-- nothing", "must be exactly one SELECT, not 0 statements"),
    ("SELEC * FROM task_history", "can't be parsed"),
    ("SELECT (", "can't be parsed"),
]


class TestQueries:
    @pytest.mark.parametrize(("query", "said"), QUERIES)
    def test_only_one_select_is_run(self, query: str, said: str, tmp_path: Path, report: Report, capfd: Any) -> None:
        sentence = report(sqlite_of(tmp_path / "tasks.db", *LIFE), query=query).sentence(2)
        assert sentence.startswith("spec.tasks.query ")
        assert said in sentence
        assert capfd.readouterr().err == ""  # the parser's own warnings

    @pytest.mark.parametrize(("query", "said"), QUERIES[:8])
    def test_only_one_select_is_run_by_postgresql(
        self, query: str, said: str, postgres: Postgres, report: Report
    ) -> None:
        url = put_postgresql(postgres.new_database(), events(*LIFE), {})
        assert said in report(url, query=query).sentence(2)
        assert postgres.execute(url, "SELECT count(*) FROM task_history") == [(3,)]

    @pytest.mark.parametrize("engine", ["sqlite", "duckdb", "postgresql"])
    @pytest.mark.parametrize(
        "query",
        [
            "SELECT * FROM task_history;",
            "SELECT * FROM task_history -- all of it",
            "/* ours; */ SELECT * FROM task_history ; -- it's all",
            "WITH t AS (SELECT * FROM task_history) SELECT * FROM t",
            "SELECT * FROM task_history WHERE service_name <> 'a;b'",
            "(SELECT * FROM task_history) UNION ALL SELECT * FROM task_history WHERE 1 = 0",
        ],
    )
    def test_selects_of_any_form(
        self, engine: str, query: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        if engine == "sqlite" and query.startswith("("):
            query = query.replace("(", "", 1).replace(")", "", 1)
        ran = report(put(engine, events(*LIFE), tmp_path, server), query=query)
        assert ran.status()["summary"]["succeeded"] == 1

    def test_a_select_with_side_effects_is_refused_by_the_session(self, postgres: Postgres, report: Report) -> None:
        """What no parser can see: a function that writes. The session is read-only."""
        url = put_postgresql(postgres.new_database(), events(*LIFE), {})
        postgres.execute(
            url,
            "CREATE FUNCTION sly() RETURNS int LANGUAGE plpgsql AS "
            "$$ BEGIN SET transaction_read_only = off; DELETE FROM task_history; RETURN 1; END $$",
            "CREATE FUNCTION bold() RETURNS int LANGUAGE sql AS 'DELETE FROM task_history; SELECT 1'",
        )
        for function in ("sly()", "bold()", "nextval('s')", "set_config('transaction_read_only', 'off', false)"):
            postgres.execute(url, "CREATE SEQUENCE IF NOT EXISTS s")
            ran = report(url, query=f"SELECT t.*, {function} AS x FROM task_history t WHERE {function} IS NOT NULL")
            assert postgres.execute(url, "SELECT count(*) FROM task_history") == [(3,)]
            assert postgres.execute(url, "SELECT is_called FROM s") == [(False,)]
            if not function.startswith("set_config"):
                assert "read-only" in ran.sentence(1) or "read-write" in ran.sentence(1)


def reason_in(message: str) -> str:
    """Why rows can't be used, from the sentence that says it."""
    return message.partition("can't be used: ")[2].partition(",")[0]


@contextmanager
def unchanged(*paths: Path) -> Iterator[None]:
    """The files keep their bytes, and no others appear beside them."""

    def look() -> dict[Path, str]:
        files = sorted(file for path in paths for file in path.parent.iterdir() if file.suffix not in (".yaml",))
        return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = look()
    yield
    assert look() == before


class TestReadOnly:
    @no_server
    def test_files_keep_their_bytes(self, engine: str, tmp_path: Path, report: Report) -> None:
        url = str(put(engine, events(*LIFE), tmp_path))
        with unchanged(tmp_path / "x"):
            assert report(url).code == 0
            assert report(url, query="SELECT * FROM task_history").code == 0
            report(url, query="DELETE FROM task_history").sentence(2)
            report(url, query="SELECT * FROM nowhere").sentence(1)

    def test_a_database_in_wal_mode_that_others_write_to(self, tmp_path: Path, report: Report) -> None:
        url = sqlite_of(tmp_path / "tasks.db", *LIFE[:2])
        with closing(sqlite3.connect(tmp_path / "tasks.db", isolation_level=None)) as other:
            other.execute("PRAGMA journal_mode = WAL")
            other.execute(f"INSERT INTO task_history VALUES ({', '.join('?' * len(COLUMNS))})", LIFE[2])
            assert report(url).status()["summary"]["succeeded"] == 1
            other.execute("BEGIN IMMEDIATE")  # we are in nobody's way, and nobody in ours
            other.execute("DELETE FROM task_history")
            assert report(url, "--timeout", "5").status()["summary"]["succeeded"] == 1
            other.execute("ROLLBACK")

    def test_a_file_without_write_permission(self, tmp_path: Path, report: Report) -> None:
        url = sqlite_of(tmp_path / "tasks.db", *LIFE)
        (tmp_path / "tasks.db").chmod(0o444)
        assert report(url).status()["summary"]["succeeded"] == 1

    def test_names_with_odd_characters(self, tmp_path: Path, report: Report) -> None:
        folder = tmp_path / "it's a [folder] #1"
        folder.mkdir()
        for name in ("tasks.db", "täsks#2;.db"):
            assert report(sqlite_of(folder / name, *LIFE)).status()["summary"]["succeeded"] == 1
        for engine in ("duckdb", "parquet", "csv"):
            assert report(put(engine, events(*LIFE), folder)).status()["summary"]["succeeded"] == 1


class TestRows:
    """Rows that can't be used are counted by reason, never dropped in silence."""

    @everywhere
    def test_unusable_rows_are_counted_by_reason(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        def row(number: int, task: str | None, time: str | None) -> tuple[Any, ...]:
            return (number, task, "s", "running", time, None, None)

        rows = [(i, str(t), *rest) for i, t, *rest in LIFE]
        bad = [row(10, None, "2025-06-02T08:00:00Z"), row(11, "8", None), row(12, "8", ""), row(13, "8", "yesterday")]
        bad += [row(14 + i, "8", text) for i, text in enumerate(("infinity", "-infinity", "2025-02-30T00:00:00Z"))]
        bad += [row(20, "", "2025-06-02T08:00:00Z"), row(21, "8", "99999-01-01T00:00:00Z")]
        ran = report(put(engine, events(*rows, *bad), tmp_path, server))
        found = [(i["count"], i["message"]) for i in ran.status()["quality"]["issues"] if i["reason"] == "UnusableRows"]
        assert [(count, reason_in(message)) for count, message in sorted(found)] == [
            (2, "NoTaskId"),
            (2, "NoTime"),
            (5, "ImpossibleTime"),
        ]
        assert "ImpossibleTime, such as '-infinity'; creation_ts takes timestamps, ISO 8601 text" in str(found)
        assert ran.status()["summary"]["succeeded"] == 1

    @pytest.mark.parametrize("kind", ["timestamptz", "timestamp", "date"])
    def test_infinite_times_of_postgresql(self, kind: str, postgres: Postgres, report: Report) -> None:
        table = events(*((10 + i, "8", "s", "running", "2025-06-02", None, None) for i in range(5)))
        url = put_postgresql(postgres.new_database(), table, {"creation_ts": kind})
        times = ("infinity", "-infinity", "0044-03-15 BC", "20000-01-01", None)
        for i, text in enumerate(times):
            value = "NULL" if text is None else f"'{text}'"
            postgres.execute(url, f"UPDATE task_history SET creation_ts = {value} WHERE event_id = {10 + i}")
        issues = report(url).status()["quality"]["issues"]
        counts = sorted((i["count"], reason_in(i["message"])) for i in issues if i["reason"] == "UnusableRows")
        assert counts == [(1, "NoTime"), (4, "ImpossibleTime")]

    @everywhere
    @pytest.mark.parametrize("unit", ["Seconds", "Milliseconds", "Microseconds"])
    def test_impossible_epochs(
        self, engine: str, unit: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        table = events(*((10 + i, "8", "s", "running", None, None, None) for i in range(6)))
        numbers = pa.array([float("inf"), float("-inf"), float("nan"), 1e40, -1e18 * 1e6, 2e18], pa.float64())
        ran = report(put(engine, table.set_column(4, "creation_ts", numbers), tmp_path, server), epochUnit=unit)
        expected = 5 if engine == "sqlite" else 6  # SQLite stores NaN as null
        assert f"{expected} rows of the task database can't be used: ImpossibleTime" in str(
            ran.status()["quality"]["issues"]
        )

    @everywhere
    def test_unknown_statuses_are_named_with_their_counts(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        rows = [*LIFE[:2], (3, 7, "text2img", "exploded", *LIFE[2][4:])]
        rows += [(4, 8, "s", "DONE", *LIFE[0][4:]), (5, 9, "s", "DONE", *LIFE[0][4:]), (6, 9, "s", None, *LIFE[1][4:])]
        status = report(put(engine, events(*rows), tmp_path, server)).status()
        unknown = [(i["count"], i["message"]) for i in status["quality"]["issues"] if i["reason"] == "UnknownStatus"]
        assert [(count, message.partition(" is in none ")[0]) for count, message in unknown] == [
            (2, "status 'DONE' (2 events)"),
            (1, "status '' (1 event)"),
            (1, "status 'exploded' (1 event)"),
        ]
        assert status["quality"]["attempts"]["skipped"] == [{"reason": "UnknownStatus", "count": 1}]

    @everywhere
    def test_events_long_ago_and_far_ahead(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        rows = [
            *LIFE,
            (4, 8, "s", "running", "1969-07-20T20:17:40Z", None, None),
            (5, 8, "s", "done", "1969-07-20T20:17:41Z", None, None),
            (6, 9, "s", "running", "1901-12-13T20:45:51Z", None, None),
            (7, 10, "s", "running", "2101-01-01T00:00:00Z", None, None),
            (8, 10, "s", "done", "9999-12-29T00:00:00Z", None, None),
            (9, 11, "s", "running", "0001-01-02T00:00:00Z", None, None),
        ]
        for zone in ("UTC", "Europe/Berlin"):
            naive = [(*row[:4], row[4].removesuffix("Z"), *row[5:]) for row in rows] if zone != "UTC" else rows
            status = report(put(engine, events(*naive), tmp_path, server), timeZone=zone).status()
            assert status["summary"]["succeeded"] == 1
            assert status["quality"]["futureEvents"] == 2
            assert status["quality"]["attempts"]["loaded"] == 1 + 2  # 9 and 11 run to this day: Lost
            assert status["quality"]["attempts"]["skipped"] == [{"reason": "Lost", "count": 2}]

    @everywhere
    def test_service_names_of_every_kind(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        names = ["a \"quoted\" 'one'", "two\nlines\r\n", "[red]markup[/red] <b>&amp;", "🦊 emoji ‮ bidi", "x" * 10_000]
        names += [
            "\\N",
            "NULL",
            " padded ",
            "a,b;c\td|e",
            "\x1b[31mred\x07",
            "%s {0} $1",
            "#comment",
            "Ünïcode",
            "=1+1",
        ]
        rows = []
        for i, name in enumerate(names):
            rows += [(10 * i + n, i, name, status, *rest) for n, _, _, status, *rest in LIFE]
        url = put(engine, events(*rows), tmp_path, server)
        found = report(url).status()["services"]
        assert {line["name"]: line["succeeded"] for line in found} == dict.fromkeys(names, 1)

    def test_service_names_on_a_terminal(self, tmp_path: Path) -> None:
        """Whatever a service is called: a name can't write control sequences to the terminal of who reads the report."""
        names = ["[red]markup[/red]", "two\nlines", "\x1b[31mred\x1b]0;title\x07", "x" * 10_000, "🦊"]
        rows = [(3 * i + n, i, name, s, *rest) for i, name in enumerate(names) for n, _, _, s, *rest in LIFE]
        path = write(tmp_path / "report.yaml", manifest(tasks={}), cron_job())
        url = put("sqlite", events(*rows), tmp_path)
        for words in ([], ["-o", "wide"], ["--out", str(tmp_path / "out")]):
            ran = gpucost("report", "-f", path, "--cronjobs", path, "--db", url, "--now", NOW, *words)
            assert ran.code == 0, ran.err
            assert "[red]markup[/red]" in ran.out
            assert "\x1b" not in ran.out
            assert "\x07" not in ran.out

    @everywhere
    def test_ids_of_tasks(self, engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
        ids = ["a", "A", " ", "it's", "🦊", "1", "01", "9223372036854775808", "-1", "x" * 10_000, "two\nlines", "null"]
        rows = [(10 * i + n, task, *rest) for i, task in enumerate(ids) for n, _, *rest in LIFE]
        assert report(put(engine, events(*rows), tmp_path, server)).status()["summary"]["succeeded"] == len(ids)

    @everywhere
    def test_one_task_with_100_000_events(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        count = 100_000
        statuses = ["running", "done"] * (count // 2)
        minutes = [
            f"2025-06-02T{8 + i // 60_000:02d}:{i // 1000 % 60:02d}:{i % 1000 * 60 // 1000:02d}Z" for i in range(count)
        ]
        table = pa.table(
            {
                "event_id": list(range(count)),
                "task_id": [7] * count,
                "service_name": ["s"] * count,
                "status": statuses,
                "creation_ts": minutes,
                "node_id": pa.array([None] * count, pa.string()),
                "metainfo": ['{"node_name": "l4-0"}'] * count,
            }
        )
        summary = report(put(engine, table, tmp_path, server)).status()["summary"]
        assert summary["attempts"] == count // 2
        assert summary["retries"] == count // 2 - 1

    @everywhere
    def test_metainfo_of_a_megabyte(self, engine: str, server: Postgres | None, tmp_path: Path, report: Report) -> None:
        huge = json.dumps({"log": 'a "b"\n' * 170_000, "node_name": "l4-0"})
        deep = "[" * 100_000
        rows = [(10 * t + n, t, *row, text) for t, text in enumerate((huge, deep)) for n, _, *row, _ in LIFE]
        ran = report(put(engine, events(*rows), tmp_path, server))
        assert {line["name"]: line["attempts"] for line in ran.status()["nodeTypes"]} == {"l4": 1, "unknown": 1}

    @pytest.mark.parametrize(
        "text",
        [
            '{"node_name": "a\\u0000b"}',
            '{"node_name": "\\ud800"}',
            '{"node_name": "l4-0"',
            "\x00",
            '{"node_name":"' + "l4" * 9000 + '"}',
        ],
    )
    def test_odd_metainfo(self, text: str, tmp_path: Path, report: Report) -> None:
        rows = [(n, t, *row, text) for n, t, *row, _ in LIFE]
        for engine in ("sqlite", "parquet"):
            assert report(put(engine, events(*rows), tmp_path)).status()["summary"]["succeeded"] == 1

    def test_no_status_means_running(self, tmp_path: Path, postgres: Postgres, report: Report) -> None:
        """An empty set of statuses is allowed, and then nothing ever runs."""
        for engine, server in (("sqlite", None), ("postgresql", postgres)):
            status = report(put(engine, events(*LIFE), tmp_path, server), statuses={"running": []}).status()
            assert status["quality"]["neverRan"] == 1

    def test_statuses_of_an_enum_type(self, postgres: Postgres, report: Report) -> None:
        url = postgres.new_database()
        postgres.execute(url, "CREATE TYPE state AS ENUM ('new', 'running', 'done')")
        put_postgresql(url, events(*LIFE), {"status": "state"})
        assert report(url, statuses={"running": ["running", "o'clock"]}).status()["summary"]["succeeded"] == 1

    def test_columns_in_capitals(self, postgres: Postgres, tmp_path: Path, report: Report) -> None:
        table = events(*LIFE)
        url = put_postgresql(postgres.new_database(), table, {}, "history")
        query = "SELECT " + ", ".join(f'{name} AS "{name.upper()}"' for name in COLUMNS) + " FROM history"
        assert report(url, query=query).status()["summary"]["succeeded"] == 1
        capitals = table.rename_columns([name.upper() for name in COLUMNS])
        for engine in ("sqlite", "duckdb", "parquet", "csv"):
            assert report(put(engine, capitals, tmp_path)).status()["summary"]["succeeded"] == 1

    def test_text_in_sqlite_that_is_no_utf_8(self, tmp_path: Path, report: Report) -> None:
        url = sqlite_of(tmp_path / "tasks.db", *LIFE)
        with closing(sqlite3.connect(tmp_path / "tasks.db")) as con, con:
            con.execute("UPDATE task_history SET service_name = CAST(x'fffe41' AS TEXT)")
        ran = report(url)
        assert ran.status()["summary"]["succeeded"] == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h:5432/db?sslmode=require", "postgresql://h:5432/db"),
        ("postgresql://u:se@cret@h/db", "postgresql://h/db"),
        ("postgresql://u:p/secret@h/db", "postgresql://..."),
        ("postgresql://u:p#secret@h/db", "postgresql://..."),
        ("postgresql://h/db?user=a@b&password=secret", "postgresql://..."),
        ("postgresql:///db?host=/run/postgresql&password=secret", "postgresql:///db"),
        ("sqlite:////data/a@b.db", "sqlite:////data/a@b.db"),
        ("data/*.parquet", "data/*.parquet"),
    ],
)
def test_urls_are_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert redacted(url) == shown
    assert "secret" not in one_line(ValueError(f"no route to {url}"), url)


def test_threads_do_not_share_a_database(tmp_path: Path, report: Report) -> None:
    """Reports at the same time do not disturb each other."""
    url = put("duckdb", events(*LIFE), tmp_path)
    from gpucost.computing import compute

    found: list[int] = []

    def run() -> None:
        found.append(len(compute(manifest(tasks={}), [cron_job()], str(url), now=NOW).services))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 4


def test_a_view_in_a_duckdb_file(tmp_path: Path, report: Report) -> None:
    url = str(put("duckdb", events(*LIFE), tmp_path, name="history"))
    with duckdb.connect(url.removeprefix("duckdb:///")) as con:
        con.execute("CREATE VIEW task_history AS SELECT * FROM history")
    assert report(url).status()["summary"]["succeeded"] == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'CSV Error on Line: 7\nOriginal Line: 3,"x\nValue with unterminated quote found.\n\nPossible fixes:\n* Disable\n',
            'CSV Error on Line: 7; Original Line: 3,"x; Value with unterminated quote found.',
        ),
        (
            'Error when sniffing file "a.csv".\nIt was not possible to detect the dialect\nThe search space used was:\nX',
            'Error when sniffing file "a.csv". It was not possible to detect the dialect',
        ),
        (
            'Column "a" not found!\nCandidate bindings: "b"\n\nLINE 1: SELECT a\n               ^',
            'Column "a" not found! Candidate bindings: "b"',
        ),
        ('ERROR: no column\nLINE 1: SELECT x\n  ^\nHINT:  Perhaps "y".', 'no column; HINT: Perhaps "y".'),
        ("", "ValueError"),
    ],
)
def test_errors_on_one_line_keep_their_reason(said: str, told: str) -> None:
    assert one_line(ValueError(said)) == told


class TestUrlsOfPostgresql:
    """As libpq takes them, for a user's own command; where others write the URLs, only hosts."""

    @pytest.fixture
    def url(self, postgres: Postgres) -> str:
        return put_postgresql(postgres.new_database(), events(*LIFE), {})

    def test_the_socket_of_the_machine(self, url: str, postgres: Postgres, report: Report) -> None:
        name = url.rpartition("/")[2]
        folder = str(postgres.folder)
        for form in (
            f"postgresql:///{name}?host={folder}&port={postgres.port}&user=postgres&password={PASSWORD}",
            f"postgresql://postgres:{PASSWORD}@/{name}?host={folder}&port={postgres.port}",
            f"postgresql://postgres:{PASSWORD}@{folder.replace('/', '%2F')}:{postgres.port}/{name}",
        ):
            assert report(form).status()["summary"]["succeeded"] == 1, form

    def test_where_the_environment_says(
        self, url: str, postgres: Postgres, report: Report, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stated = {
            "PGHOST": str(postgres.folder),
            "PGPORT": str(postgres.port),
            "PGUSER": "postgres",
            "PGPASSWORD": PASSWORD,
        }
        for name, value in stated.items():
            monkeypatch.setenv(name, value)
        assert report(f"postgresql:///{url.rpartition('/')[2]}").status()["summary"]["succeeded"] == 1

    def test_a_service(
        self, url: str, postgres: Postgres, tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = ["[ml]", "host=127.0.0.1", f"port={postgres.port}", f"dbname={url.rpartition('/')[2]}", "user=postgres"]
        (tmp_path / "services").write_text("\n".join([*lines, f"password={PASSWORD}"]), encoding="utf-8")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        for form in ("postgresql:///?service=ml", "postgresql://?service=ml"):
            assert report(form).status()["summary"]["succeeded"] == 1
        assert 'definition of service "lm" not found; check PGSERVICEFILE' in report(
            "postgresql:///?service=lm"
        ).sentence(1)

    def test_several_hosts(self, url: str, postgres: Postgres, report: Report) -> None:
        """libpq tries one after the other."""
        place = f"127.0.0.1:{postgres.port}"
        for places in (f"127.0.0.1:1,{place}", f"[::1]:1,{place}"):
            assert report(url.replace(place, places)).status()["summary"]["succeeded"] == 1

    def test_a_plus_sign_is_no_blank(self, url: str, postgres: Postgres, report: Report) -> None:
        said = report(url.replace(PASSWORD, "").replace(":@", "@") + "?password=a+b").sentence(1)
        assert "password authentication failed" in said
        assert "a+b" not in said

    def test_a_database_that_is_missing(self, url: str, report: Report) -> None:
        said = report(url + "_gone").sentence(1)
        assert '_gone" does not exist; check its name in the URL' in said
        assert "password" not in said

    @pytest.mark.parametrize("place", ["", "h,", "h,%2Frun", "%40x", "h,[::1],"])
    def test_sockets_are_not_for_reports_of_others(self, place: str) -> None:
        with (
            pytest.raises(SourceError, match="must name a host"),
            open_database(f"postgresql://{place}/ml", CONFINED) as db,
        ):
            db.bring(EVENTS, None)

    @pytest.mark.parametrize("parameter", ["host=/run", "service=ml", "hostaddr=127.0.0.1", "passfile=/x"])
    def test_parameters_are_not_for_reports_of_others(self, parameter: str) -> None:
        with (
            pytest.raises(SourceError, match="which an operator does not take"),
            open_database(f"postgresql://h/ml?{parameter}", CONFINED) as db,
        ):
            db.bring(EVENTS, None)


class TestTimes:
    @everywhere
    def test_times_without_an_offset_are_noticed(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        """Only where spec.tasks.timeZone is not set and one occurs; the figures are those of UTC."""
        mixed = [
            (n, t, s, status, time.removesuffix("Z") if n == 2 else time, *rest)
            for n, t, s, status, time, *rest in LIFE
        ]
        aware = put(engine, events(*LIFE), tmp_path, server)
        assert "TimeZoneAssumed" not in report(aware).issues()
        naive = put(engine, events(*mixed), tmp_path, server)
        said = report(naive).issues()["TimeZoneAssumed"]
        assert said == "times without an offset are read as UTC; set spec.tasks.timeZone to their zone"
        assert "TimeZoneAssumed" not in report(naive, timeZone="UTC").issues()
        assumed, stated = report(naive).status(), report(naive, timeZone="UTC").status()
        assert assumed["summary"] == stated["summary"]
        assert assumed["inputRevision"] == stated["inputRevision"]

    @pytest.mark.parametrize("engine", ["duckdb", "parquet", "postgresql"])
    def test_typed_times_without_an_offset(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        moments = pa.array([1_748_851_200_000_000 + n * 600_000_000 for n in range(3)], pa.timestamp("us"))
        naive = events(*LIFE).set_column(4, "creation_ts", moments)
        aware = events(*LIFE).set_column(4, "creation_ts", moments.cast(pa.timestamp("us", "UTC")))
        assert "TimeZoneAssumed" in report(put(engine, naive, tmp_path, server)).issues()
        assert "TimeZoneAssumed" not in report(put(engine, aware, tmp_path, server)).issues()

    @pytest.mark.parametrize("engine", ["duckdb", "parquet"])
    def test_nanoseconds_of_pandas(self, engine: str, tmp_path: Path, report: Report) -> None:
        moments = pa.array(
            [1_748_851_200_000_000_000 + n * 600_000_000_000 for n in range(3)], pa.timestamp("ns", "UTC")
        )
        ran = report(put(engine, events(*LIFE).set_column(4, "creation_ts", moments), tmp_path))
        assert ran.status()["summary"]["executedHours"] == "0.166667"
        assert "TimeZoneAssumed" not in ran.issues()

    @pytest.mark.parametrize("text", ["02.06.2025 10:00:00", "6/2/2025 10:00", "2 Jun 2025", "20250602T10", "10:00"])
    def test_times_of_a_locale_are_not_guessed(self, text: str, tmp_path: Path, report: Report) -> None:
        rows = [(n, t, s, status, text, *rest) for n, t, s, status, _, *rest in LIFE]
        said = report(put("csv", events(*rows), tmp_path)).issues()["UnusableRows"]
        assert f"3 rows of the task database can't be used: ImpossibleTime, such as '{text}'; creation_ts takes" in said
        assert "ISO 8601 text such as 2025-06-02T10:00:00+02:00, and numbers with spec.tasks.epochUnit" in said

    @everywhere
    def test_nanoseconds_are_cut_to_microseconds(
        self, engine: str, server: Postgres | None, tmp_path: Path, report: Report
    ) -> None:
        """Towards the past, before 1970 too."""
        first = 1_748_851_200_000_000_000
        numbers = pa.array([first, first + 999, first + 3_600_000_000_000 - 1], pa.int64())
        table = events(*LIFE).set_column(4, "creation_ts", numbers)
        summary = report(put(engine, table, tmp_path, server), epochUnit="Nanoseconds").status()["summary"]
        assert (summary["executedHours"], summary["succeeded"]) == ("1", 1)
