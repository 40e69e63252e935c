"""gpucost init on databases of whatever schema: exit 0, a manifest that is valid, and what it could not tell in comments."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from command import cron_job, gpucost, write
from gpucost.api.costreport import parse_spec
from postgres import PASSWORD, Postgres

JOBS = "id, model, state, queued_at, started_at, finished_at, gpu, worker, team"
"""Columns of a job table as an application has it."""
HOST = "ip-10-0-1-10.ec2.internal"
ROWS = (
    (1, "sdxl", "SUCCESS", "2025-06-02 09:00", "2025-06-02 10:00:00", "2025-06-02 11:00:00", "A100", HOST, "vision"),
    (2, "sdxl", "FAILURE", "2025-06-02 09:00", "2025-06-02 12:00:00", "2025-06-02 12:30:00", "A100", HOST, "vision"),
    (3, "llama", "REVOKED", "2025-06-02 09:00", "2025-06-02 13:00:00", "2025-06-02 13:15:00", "A100", HOST, "text"),
    (4, "llama", "RETRY", "2025-06-02 09:00", "2025-06-02 14:00:00", "2025-06-02 14:15:00", "A100", HOST, "text"),
    (5, "llama", "PENDING", "2025-06-02 09:00", None, None, None, None, "text"),
)


def sqlite(folder: Path, *statements: str, rows: Sequence[Sequence[Any]] = ()) -> str:
    """A new SQLite database; the last statement is run for each of the rows if there are any."""
    path = folder / "tasks.db"
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("BEGIN")  # or each table is written to the disk by itself
        for statement in statements[:-1] if rows else statements:
            con.execute(statement)
        if rows:
            con.executemany(statements[-1], rows)
    return f"sqlite:///{path}"


def jobs(folder: Path, rows: Sequence[Sequence[Any]] = ROWS) -> str:
    return sqlite(
        folder, f"CREATE TABLE jobs ({JOBS})", "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows=rows
    )


def scaling(folder: Path, *pools: str, zone: str = "UTC") -> Path:
    documents = [cron_job(f"scale-{pool}", pool=pool) for pool in pools or ("gpu-a100",)]
    for document in documents:
        document["spec"]["timeZone"] = zone
    return write(folder / "scaling.yaml", *documents)


def drafted(db: str, cronjobs: Path | None = None) -> tuple[dict[str, Any], str]:
    """The spec of a draft, which is valid, and its comments."""
    words = () if cronjobs is None else ("--cronjobs", cronjobs)
    ran = gpucost("init", *words, "--db", db)
    assert (ran.code, ran.err) == (0, ""), ran
    spec = yaml.safe_load(ran.out)["spec"]
    parse_spec(spec)
    return spec, "\n".join(line for line in ran.out.splitlines() if line.startswith("#"))


def status(spec: dict[str, Any], db: str, cronjobs: Path, folder: Path) -> dict[str, Any]:
    """The report of 2 June 2025 by a draft whose every price is filled in as 1 USD."""
    for kind in spec["nodePools"]["types"]:
        kind["prices"] = [{"pricePerHour": "1"}]
    spec["period"] = {"range": {"start": "2025-06-02", "end": "2025-06-03"}}
    document = {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": "june", "namespace": "finops"},
        "spec": spec,
    }
    files = ("-f", write(folder / "filled.yaml", document), "--cronjobs", cronjobs)
    return gpucost("report", *files, "--db", db, "--now", "2025-06-10T00:00:00Z", "-o", "json").status()


# One row per job


def test_a_job_table_is_right_in_one_go(tmp_path: Path) -> None:
    """A node of 24 USD: 1 h succeeded, 0.5 h and 0.25 h failed, 0.25 h went back to the queue; the fifth never started."""
    db, cronjobs = jobs(tmp_path), scaling(tmp_path)
    spec, comments = drafted(db, cronjobs)
    found = status(spec, db, cronjobs, tmp_path)
    summary = found["summary"]
    assert (summary["attempts"], summary["succeeded"], summary["failed"], summary["interrupted"]) == (4, 1, 2, 1)
    assert (summary["allocatedCost"], summary["successCost"], summary["failureCost"]) == ("24.00", "12.00", "9.00")
    assert [service["name"] for service in found["services"]] == ["sdxl", "llama"]
    assert "Tasks are read from jobs (one row per job)" in comments
    assert "team AS user_id" in spec["tasks"]["query"]


def test_every_table_is_listed_the_likeliest_first(tmp_path: Path) -> None:
    db = sqlite(tmp_path, "CREATE TABLE accounts (id, name)", f"CREATE TABLE jobs ({JOBS})", "CREATE TABLE zoo (id)")
    _, comments = drafted(db)
    assert f"# The database has 3 tables:\n#   jobs({JOBS})\n#   accounts(id, name)\n#   zoo(id)\n" in comments


def test_statuses_are_sorted_by_their_words_and_others_are_listed(tmp_path: Path) -> None:
    words = ("Succeeded", "up_for_retry", "OUT_OF_MEMORY", "timed-out", "Weird one", "InProgress")
    rows = [(n, "m", word, *ROWS[0][3:]) for n, word in enumerate(words)]
    spec, comments = drafted(jobs(tmp_path, rows))
    assert spec["tasks"]["statuses"] == {
        "running": ["running", "InProgress"],
        "success": ["Succeeded"],
        "failure": ["OUT_OF_MEMORY", "timed-out"],
        "waiting": ["up_for_retry"],
    }
    assert "put each into one of spec.tasks.statuses: Weird one" in comments


@pytest.mark.parametrize(
    ("start", "end"),
    [("start_time", "end_time"), ("begin", "end"), ("startedAt", "finishedAt"), ("StartDate", "EndDate")],
)
def test_starts_and_ends_have_many_names(start: str, end: str, tmp_path: Path) -> None:
    db = sqlite(
        tmp_path,
        f'CREATE TABLE work ("id" text, "{start}" text, "{end}" text, outcome text, hostname text)',
        "INSERT INTO work VALUES ('a', '2025-06-02T10:00:00Z', '2025-06-02T11:00:00Z', 'ok', 'gpu-a100-1')",
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(db, cronjobs)
    found = status(spec, db, cronjobs, tmp_path)
    assert (found["summary"]["succeeded"], found["summary"]["allocatedCost"]) == (1, "24.00")


def test_without_a_status_an_exit_code_tells_success_from_failure(tmp_path: Path) -> None:
    db = sqlite(
        tmp_path,
        "CREATE TABLE runs (id, start_time text, end_time text, exit_code integer, node text)",
        "INSERT INTO runs VALUES (?, '2025-06-02T10:00:00Z', '2025-06-02T11:00:00Z', ?, 'gpu-a100-1')",
        rows=[(1, 0), (2, 137)],
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(db, cronjobs)
    summary = status(spec, db, cronjobs, tmp_path)["summary"]
    assert (summary["succeeded"], summary["failed"]) == (1, 1)


def test_without_any_sign_of_the_outcome_the_draft_says_what_it_takes(tmp_path: Path) -> None:
    _, comments = drafted(sqlite(tmp_path, "CREATE TABLE runs (id, start_time text, end_time text, node text)"))
    assert "No column says how a job ended: each with end_time is taken as done." in comments
    assert "The table has no job yet" in comments


def test_the_table_with_jobs_is_taken_where_the_likeliest_is_empty(tmp_path: Path) -> None:
    db = jobs(tmp_path)
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con:
        con.execute("CREATE TABLE task_runs (id, status, model, host, gpu, start_time, end_time)")
    spec, comments = drafted(db)
    assert "Tasks are read from jobs" in comments
    assert "FROM jobs" in spec["tasks"]["query"]


# Types and names of nodes


def test_types_are_named_as_the_column_writes_them(tmp_path: Path) -> None:
    rows = [(*ROWS[0][:6], kind, HOST, "t") for kind in ("A100", "NVIDIA L4")]
    spec, _ = drafted(jobs(tmp_path, rows), scaling(tmp_path, "gpu-a100", "gpu-l4-spot", "gpu-t4"))
    assert [(kind["name"], kind["match"][0]) for kind in spec["nodePools"]["types"]] == [
        ("A100", "a100"),
        ("NVIDIA L4", "l4"),
        ("t4", "t4"),
    ]


def test_two_types_of_one_model_are_told_apart_by_their_other_words(tmp_path: Path) -> None:
    rows = [(*ROWS[0][:6], kind, HOST, "t") for kind in ("A100-40GB", "A100-80GB")]
    spec, _ = drafted(jobs(tmp_path, rows), scaling(tmp_path, "pool-a100-80gb"))
    assert [kind["match"] for kind in spec["nodePools"]["types"]] == [["*a100*40gb*"], ["*a100*80gb*"]]


def test_a_number_of_gpus_is_no_type(tmp_path: Path) -> None:
    spec, _ = drafted(jobs(tmp_path, [(*ROWS[0][:6], count, "gpu-a100-1", "t") for count in ("1", "8")]))
    assert "node_type" not in spec["tasks"]["query"]
    assert [kind["name"] for kind in spec["nodePools"]["types"]] == ["a100"]


def test_host_names_without_a_model_are_said_to_tell_no_type(tmp_path: Path) -> None:
    rows = [(*ROWS[0][:6], None, host, "t") for host in (HOST, "ip-10-0-1-11.ec2.internal")]
    spec, comments = drafted(jobs(tmp_path, rows), scaling(tmp_path))
    assert f"No type can be told from 2 node names such as {HOST}, ip-10-0-1-11.ec2.internal" in comments
    assert "name them in nodePools.types[].match, or select node_type in spec.tasks.query" in comments
    assert [kind["name"] for kind in spec["nodePools"]["types"]] == ["a100"]


def test_a_type_that_fits_no_pool_is_named(tmp_path: Path) -> None:
    _, comments = drafted(jobs(tmp_path, [(*ROWS[0][:6], "H100", HOST, "t")]), scaling(tmp_path))
    assert "Tasks state H100, and no pool's name fits" in comments


# Times


def test_naive_times_are_read_in_the_zone_of_the_cronjobs_and_the_draft_says_so(tmp_path: Path) -> None:
    spec, comments = drafted(jobs(tmp_path), scaling(tmp_path, zone="Europe/Berlin"))
    assert spec["tasks"]["timeZone"] == "Europe/Berlin"
    assert "Times without an offset are read as Europe/Berlin, the zone that most CronJobs state" in comments


def test_times_with_an_offset_need_no_zone(tmp_path: Path) -> None:
    rows = [(*ROWS[0][:4], "2025-06-02T10:00:00Z", "2025-06-02 13:00:00+02:00", *ROWS[0][6:])]
    spec, comments = drafted(jobs(tmp_path, rows))
    assert "timeZone" not in spec["tasks"]
    assert "offset" not in comments


def test_the_unit_of_numbers_is_left_to_a_person_where_the_system_is_not_known(tmp_path: Path) -> None:
    rows = [(*ROWS[0][:4], 1748858400, 1748862000, *ROWS[0][6:])]
    spec, comments = drafted(jobs(tmp_path, rows))
    assert spec["tasks"]["epochUnit"] is None
    assert "Times are numbers such as 1748862000: fill in spec.tasks.epochUnit." in comments


# The tables of gpucost and of the notebook


EVENTS = "event_id, task_id, service_name, status, creation_ts, node_id, metainfo"


def notebook(folder: Path) -> str:
    metainfo = json.dumps({"node_name": "gke-gpu-a100-1"})
    events = (
        (1, 1, "sdxl", "running", "2025-06-02T10:00:00Z", None, metainfo),
        (2, 1, "sdxl", "done", "2025-06-02T11:00:00Z", None, metainfo),
    )
    db = sqlite(
        folder,
        "CREATE TABLE k8s_nodes_scaling (id, node_pool_name, nodes_count, is_weekend, time_cron, creation_ts)",
        "INSERT INTO k8s_nodes_scaling VALUES (1, 'gpu-a100', 1, NULL, '0 0 * * *', '2025-05-01T00:00:00Z')",
        f"CREATE TABLE task_history ({EVENTS})",
        "INSERT INTO task_history VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows=events,
    )
    return db


def test_the_two_tables_of_the_notebook_need_no_query(tmp_path: Path) -> None:
    db = notebook(tmp_path)
    spec, comments = drafted(db)
    assert spec["nodePools"]["scheduleTable"] == {"enabled": True, "timeZone": "UTC"}
    assert [kind["name"] for kind in spec["nodePools"]["types"]] == ["a100"]
    assert set(spec["tasks"]) == {"databaseSecretRef", "services"}
    assert "Found node pools: gpu-a100" in comments
    empty = write(tmp_path / "none.yaml")
    assert status(spec, db, empty, tmp_path)["summary"]["allocatedCost"] == "24.00"


def test_foreign_jobs_beside_the_schedule_table(tmp_path: Path) -> None:
    db = notebook(tmp_path)
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con, con:
        con.execute("DROP TABLE task_history")
        con.execute(f"CREATE TABLE jobs ({JOBS})")
        con.executemany("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", ROWS)
    spec, _ = drafted(db)
    assert spec["nodePools"]["scheduleTable"]["enabled"]
    assert status(spec, db, write(tmp_path / "none.yaml"), tmp_path)["summary"]["allocatedCost"] == "24.00"


def test_statuses_of_ones_own_events_are_added_to_the_usual_ones(tmp_path: Path) -> None:
    db = notebook(tmp_path)
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con, con:
        con.execute("UPDATE task_history SET status = 'SUCCESS' WHERE event_id = 2")
    spec, _ = drafted(db)
    assert spec["tasks"]["statuses"]["success"] == ["done", "SUCCESS"]


# Nothing that looks like tasks


@pytest.mark.parametrize("tables", [(), ("CREATE TABLE accounts (id, name)",)])
def test_a_database_without_tasks_still_gives_a_draft(tables: Sequence[str], tmp_path: Path) -> None:
    spec, comments = drafted(sqlite(tmp_path, *tables), scaling(tmp_path))
    assert "tasks" not in spec
    assert [kind["name"] for kind in spec["nodePools"]["types"]] == ["a100"]
    assert "#       SELECT id AS task_id, model AS service_name, 'running' AS status" in comments


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tasks.db").write_text("no database, but long enough to be taken for one\n" * 100, encoding="utf-8")
    assert "file is not a database" in gpucost("init", "--db", f"sqlite:///{tmp_path / 'tasks.db'}").sentence(1)


def test_init_without_anything_to_look_at_is_wrong_usage() -> None:
    assert gpucost("init").sentence(2) == "init needs something to look at: --cronjobs FILE, --db URL, or both"


# Hostile names and sizes

HOSTILE = (
    'jo"bs',
    "jo'bs; DROP TABLE x",
    "line\nbreak",
    "prices: []",
    "r\N{LATIN SMALL LETTER E WITH ACUTE}sum\N{ROCKET}",
    "select",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_tables_are_quoted_and_shown_on_one_line(name: str, tmp_path: Path) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    db = sqlite(
        tmp_path,
        f"CREATE TABLE {quoted} ({JOBS})",
        f"INSERT INTO {quoted} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows=ROWS,
    )
    cronjobs = scaling(tmp_path)
    spec, comments = drafted(db, cronjobs)
    assert all(line.startswith("# ") for line in comments.splitlines())
    assert status(spec, db, cronjobs, tmp_path)["summary"]["allocatedCost"] == "24.00"


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_stay_what_they_are(value: str, tmp_path: Path) -> None:
    rows = [(1, value, value, *ROWS[0][3:6], value, value, value)]
    spec, comments = drafted(jobs(tmp_path, rows))
    assert value in {kind["name"] for kind in spec["nodePools"]["types"]}
    assert all(line.startswith("# ") for line in comments.splitlines())


def test_two_thousand_tables_are_counted_and_a_few_are_shown(tmp_path: Path) -> None:
    tables = (f"CREATE TABLE t{n} (id, name, started_at)" for n in range(2_000))
    _, comments = drafted(sqlite(tmp_path, *tables, f"CREATE TABLE jobs ({JOBS})"))
    assert "# The database has 2,001 tables:" in comments
    assert "#   and 1,981 more" in comments
    assert len(comments) < 5_000


def test_a_view_of_a_table_that_is_gone_does_not_hide_the_others(tmp_path: Path) -> None:
    db = jobs(tmp_path)
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con, con:
        con.execute("CREATE VIEW broken AS SELECT * FROM gone")
    assert "Tasks are read from jobs" in drafted(db)[1]


# Other databases and files


def test_a_csv_file_of_another_schema(tmp_path: Path) -> None:
    """Offsets mixed; t3 has an end without a start, t4 neither."""
    path = tmp_path / "runs.csv"
    path.write_text(
        "run_id,dag,state,start_date,end_date,host\n"
        "t1,img,success,2025-06-02T10:00:00+00:00,2025-06-02T11:00:00+00:00,gpu-a100-1\n"
        "t2,img,failed,2025-06-02 14:00:00+02:00,2025-06-02 14:30:00+02:00,gpu-a100-1\n"
        "t3,img,upstream_failed,,2025-06-02 15:00:00+02:00,\n"
        "t4,img,skipped,,,\n",
        encoding="utf-8",
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(str(path), cronjobs)
    summary = status(spec, str(path), cronjobs, tmp_path)["summary"]
    assert (summary["allocatedCost"], summary["attempts"], summary["succeeded"], summary["failed"]) == (
        "24.00",
        2,
        1,
        1,
    )


def test_a_parquet_file_of_another_schema(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    duckdb.connect().execute(
        "COPY (SELECT 1 AS id, 'done' AS state, TIMESTAMP '2025-06-02 10:00' AS started, TIMESTAMP '2025-06-02 11:00' AS "
        f"finished, 'gpu-a100-1' AS node) TO '{path}'"
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(str(path), cronjobs)
    assert spec["tasks"]["timeZone"] == "UTC"
    assert status(spec, str(path), cronjobs, tmp_path)["summary"]["allocatedCost"] == "24.00"


def pg_jobs(columns: str, rows: Iterable[str]) -> str:
    return f"CREATE TABLE jobs ({columns}); INSERT INTO jobs VALUES {', '.join(rows)}"


def test_postgresql_with_enumerations_and_times_without_zone(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new_database()
    postgres.execute(
        url,
        "DROP TYPE IF EXISTS job_state; CREATE TYPE job_state AS ENUM ('SUCCESS', 'FAILURE')",
        pg_jobs(
            'id uuid, model text, "State" job_state, started_at timestamp, finished_at timestamp, gpu text, worker inet',
            (
                "(gen_random_uuid(), 'm', 'SUCCESS', '2025-06-02 10:00', '2025-06-02 11:00', 'A100', '10.0.0.1')",
                "(gen_random_uuid(), 'm', 'FAILURE', '2025-06-02 12:00', '2025-06-02 12:30', 'A100', '10.0.0.1')",
            ),
        ),
    )
    cronjobs = scaling(tmp_path)
    spec, comments = drafted(url, cronjobs)
    summary = status(spec, url, cronjobs, tmp_path)["summary"]
    assert (summary["allocatedCost"], summary["succeeded"], summary["failed"]) == ("24.00", 1, 1)
    assert PASSWORD not in comments + json.dumps(spec)
    assert "postgres" not in comments + json.dumps(spec)


def test_a_table_of_another_schema_is_named_with_it(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.new_database()
    postgres.execute(
        url,
        'DROP SCHEMA IF EXISTS "Ml" CASCADE; CREATE SCHEMA "Ml"',
        "CREATE TABLE \"Ml\".jobs AS SELECT 1 AS id, 'done' AS state, timestamptz '2025-06-02 10:00Z' AS started_at, "
        "timestamptz '2025-06-02 11:00Z' AS finished_at, 'gpu-a100-1' AS node",
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(url, cronjobs)
    assert 'FROM "Ml".jobs' in spec["tasks"]["query"]
    assert status(spec, url, cronjobs, tmp_path)["summary"]["allocatedCost"] == "24.00"
    postgres.execute(url, 'DROP SCHEMA "Ml" CASCADE')


def test_a_wrong_password_is_an_error_that_does_not_show_it(postgres: Postgres) -> None:
    url = postgres.url_of(password="not-this-one")
    sentence = gpucost("init", "--db", url).sentence(1)
    assert "check user and password" in sentence
    assert "not-this-one" not in sentence


def test_a_table_of_an_unknown_tool_in_duckdb_keeps_its_schema(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as con:
        con.execute(
            "CREATE SCHEMA ml; CREATE TABLE ml.jobs (id bigint, started_at timestamptz, finished_at timestamptz)"
        )
        con.execute("INSERT INTO ml.jobs VALUES (1, '2025-06-02 10:00Z', '2025-06-02 11:00Z')")
    spec, _ = drafted(f"duckdb:///{tmp_path / 'x.duckdb'}")
    assert "FROM ml.jobs" in spec["tasks"]["query"]


def test_a_start_with_a_zone_and_an_end_without(tmp_path: Path, postgres: Postgres) -> None:
    """The server's zone is not that of the times; the end is read in tasks.timeZone."""
    url = postgres.new_database()
    postgres.execute(
        url,
        pg_jobs(
            "id integer, status text, host text, start_time timestamptz, end_time timestamp",
            ("(1, 'done', 'gpu-a100-1', '2025-06-02 10:00Z', '2025-06-02 11:00')",),
        ),
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(url, cronjobs)
    assert spec["tasks"]["timeZone"] == "UTC"
    summary = status(spec, url, cronjobs, tmp_path)["summary"]
    assert (summary["executedHours"], summary["allocatedCost"]) == ("1", "24.00")


def test_a_query_that_does_not_run_is_shown_with_the_reason(tmp_path: Path) -> None:
    """Times of day are no times."""
    with duckdb.connect(str(tmp_path / "x.duckdb")) as con:
        con.execute("CREATE TABLE jobs (id BIGINT, state VARCHAR, start_time TIME, end_time TIME)")
    spec, comments = drafted(f"duckdb:///{tmp_path / 'x.duckdb'}")
    assert "tasks" not in spec
    assert "# jobs can't be read as tasks yet: creation_ts is of type TIME" in comments
    assert "#              start_time AS creation_ts," in comments


def test_a_flag_of_success_tells_the_outcome(tmp_path: Path) -> None:
    db = sqlite(
        tmp_path,
        "CREATE TABLE runs (id, start_time text, end_time text, success boolean, node text)",
        "INSERT INTO runs VALUES (?, '2025-06-02T10:00:00Z', '2025-06-02T11:00:00Z', ?, 'gpu-a100-1')",
        rows=[(1, True), (2, False), (3, None)],
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(db, cronjobs)
    summary = status(spec, db, cronjobs, tmp_path)["summary"]
    assert (summary["succeeded"], summary["failed"]) == (1, 2)


def test_mlflow_without_a_tag_of_the_node_is_told_how_to_set_one(tmp_path: Path) -> None:
    db = sqlite(
        tmp_path,
        "CREATE TABLE runs (run_uuid text, status text, start_time bigint, end_time bigint, experiment_id integer)",
        "INSERT INTO runs VALUES ('a', 'FINISHED', 1748858400000, 1748862000000, 1)",
    )
    spec, comments = drafted(db)
    assert spec["tasks"]["epochUnit"] == "Milliseconds"
    assert "set a tag node_name in each run (mlflow.set_tag), which init then reads" in comments


def test_kubeflow_tasks_are_preferred_to_runs_where_their_starts_are_filled(tmp_path: Path) -> None:
    db = sqlite(
        tmp_path,
        "CREATE TABLE tasks (UUID, Name, State, StartedTimestamp bigint, FinishedTimestamp bigint)",
        "CREATE TABLE run_details (UUID, Name, State, Conditions, CreatedAtInSec bigint, FinishedAtInSec bigint)",
        "INSERT INTO run_details VALUES ('r', 'images', NULL, 'Succeeded', 1748858400, 1748862000)",
        "INSERT INTO tasks VALUES ('t', 'render', 'SUCCEEDED', 0, 0)",
    )
    assert "Tasks are read from run_details" in drafted(db)[1]
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con, con:
        con.execute("UPDATE tasks SET StartedTimestamp = 1748858400, FinishedTimestamp = 1748862000")
    assert "Tasks are read from tasks" in drafted(db)[1]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [("101", True), ("101_7", True), ("101+0", True), ("101.batch", False), ("101.extern", False), ("101.0", False)],
)
def test_of_slurm_jobs_are_read_and_steps_are_not(cell: str, kept: bool, tmp_path: Path) -> None:
    path = tmp_path / "sacct.txt"
    path.write_text(
        "JobID|JobName|Partition|State|Start|End|NodeList\n"
        f"{cell}|train|gpu|COMPLETED|2025-06-02T10:00:00|2025-06-02T11:00:00|gpu-a100-1\n"
        "7|other|gpu|RUNNING|2025-06-02T10:00:00|Unknown|gpu-a100-2\n",
        encoding="utf-8",
    )
    cronjobs = scaling(tmp_path)
    spec, comments = drafted(str(path), cronjobs)
    assert "A NodeList of several nodes such as gpu[01-04] counts as one node" in comments
    assert status(spec, str(path), cronjobs, tmp_path)["summary"]["succeeded"] == kept


def test_without_a_start_the_entry_into_the_queue_is_taken_and_said(tmp_path: Path) -> None:
    db = sqlite(
        tmp_path,
        "CREATE TABLE jobs (id, status, created_at text, completed_at text, host text)",
        "INSERT INTO jobs VALUES (1, 'completed', '2025-06-02T10:00:00Z', '2025-06-02T11:00:00Z', 'gpu-a100-1')",
    )
    cronjobs = scaling(tmp_path)
    spec, comments = drafted(db, cronjobs)
    assert "No column says when a job started: created_at is taken, so waiting counts as execution." in comments
    assert status(spec, db, cronjobs, tmp_path)["summary"]["executedHours"] == "1"


def test_events_of_which_none_runs_are_doubted(tmp_path: Path) -> None:
    """One row per job in the columns of task_history: nothing of it could be charged."""
    db = notebook(tmp_path)
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con, con:
        con.execute("DELETE FROM task_history WHERE event_id = 1")
    assert "No event has a status that means running, so that nothing would be charged" in drafted(db)[1]


def test_a_table_with_one_time_and_no_task_of_its_events_is_no_table_of_tasks(tmp_path: Path) -> None:
    spec, comments = drafted(sqlite(tmp_path, "CREATE TABLE jobs (id, status, created_at)"))
    assert "tasks" not in spec
    assert "No table looks like one of tasks" in comments


def test_events_with_metainfo_and_an_id_of_their_own(tmp_path: Path) -> None:
    """task_history without node_id: metainfo names the node, id orders what has the same time."""
    metainfo = json.dumps({"node_name": "gke-gpu-a100-1"})
    db = sqlite(
        tmp_path,
        "CREATE TABLE task_history (id, task_id, service_name, status, creation_ts, metainfo)",
        "INSERT INTO task_history VALUES (?, 1, 'sdxl', ?, ?, ?)",
        rows=[
            (1, "new", "2025-06-02T10:00:00Z", None),
            (2, "running", "2025-06-02T10:00:00Z", metainfo),
            (3, "done", "2025-06-02T11:00:00Z", None),
        ],
    )
    cronjobs = scaling(tmp_path)
    spec, _ = drafted(db, cronjobs)
    assert "id AS event_id" in spec["tasks"]["query"]
    assert status(spec, db, cronjobs, tmp_path)["summary"]["allocatedCost"] == "24.00"
