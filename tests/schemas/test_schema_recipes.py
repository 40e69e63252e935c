"""docs/schemas.md: each recipe is run on the small table that it shows, and is what init drafts from that table."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
import yaml

from command import cron_job, gpucost, write
from postgres import Postgres

DOC: Final = (Path(__file__).parents[2] / "docs" / "schemas.md").read_text(encoding="utf-8")
RECIPES: Final = {
    title: body for title, body in re.findall(r"(?ms)^## ([^\n]+)\n(.*?)(?=^## |\Z)", DOC) if "```yaml" in body
}
ENGINES: Final = {
    "One row per job": "sqlite",
    "One row per event": "sqlite",
    "Celery with Django": "postgresql",
    "Celery without Django": "postgresql",
    "Airflow": "postgresql",
    "Slurm": "csv",
    "MLflow": "sqlite",
    "Argo Workflows": "postgresql",
    "Kubeflow Pipelines": "tsv",
    "Temporal": "postgresql",
    "Parquet and CSV exports": "parquet",
}
BY_HAND: Final = ("Celery without Django", "Kubeflow Pipelines", "Temporal")
"""Recipes that hold what no column tells."""
NODE: Final = {"One row per job": "A100"}
"""Types with another name than a100."""


def test_every_recipe_is_tried() -> None:
    assert set(RECIPES) == set(ENGINES)


def block(title: str, kind: str) -> str:
    """The last block of a kind in a recipe."""
    return str(re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", RECIPES[title])[-1])


def tasks_of(title: str) -> dict[str, Any]:
    tasks: dict[str, Any] = yaml.safe_load(block(title, "yaml"))["tasks"]
    return tasks


def database(title: str, engine: str, folder: Path, server: Any) -> str:
    """The recipe's small table in a new database, and its URL or path."""
    match engine:
        case "sqlite":
            with closing(sqlite3.connect(folder / "small.db")) as con:
                con.executescript(block(title, "sql"))
            return f"sqlite:///{folder / 'small.db'}"
        case "postgresql":
            postgres: Postgres = server("postgres")
            url = postgres.new_database()
            postgres.execute(url, *(sql for sql in re.split(r"(?m);$", block(title, "sql")) if sql.strip()))
            return url
        case "csv" | "tsv":
            (folder / f"small.{engine}").write_text(block(title, engine), encoding="utf-8")
            return str(folder / f"small.{engine}")
    (folder / "small.csv").write_text(block(title, "csv"), encoding="utf-8")
    duckdb.connect().execute(f"COPY (FROM '{folder / 'small.csv'}') TO '{folder / 'small.parquet'}'")
    return str(folder / "small.parquet")


def report(tasks: dict[str, Any], kind: str, url: str, folder: Path) -> dict[str, Any]:
    """The summary of 2 June 2025, on which one node of pool gpu-a100 stands at 1 USD an hour."""
    types = [{"name": kind, "match": ["*a100*"], "prices": [{"pricePerHour": "1"}]}]
    spec = {
        "period": {"range": {"start": "2025-06-02", "end": "2025-06-03"}},
        "nodePools": {"types": types},
        "tasks": tasks,
    }
    document = {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": "june", "namespace": "finops"},
        "spec": spec,
    }
    jobs = write(folder / "jobs.yaml", cron_job(pool="gpu-a100"))
    files = ("-f", write(folder / "report.yaml", document), "--cronjobs", jobs)
    status = gpucost("report", *files, "--db", url, "--now", "2025-06-10T00:00:00Z", "-o", "json").status()
    assert status["quality"]["attempts"]["skipped"] == []
    summary: dict[str, Any] = status["summary"]
    return summary


@pytest.mark.parametrize("title", ENGINES)
def test_a_recipe_charges_the_node_day_to_a_success_and_a_failure(
    title: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """24 node-hours of 1 USD over 1 h that succeeded and half an hour that failed: 16.00 and 8.00."""
    url = database(title, ENGINES[title], tmp_path, request.getfixturevalue)
    summary = report(tasks_of(title), NODE.get(title, "a100"), url, tmp_path)
    assert (summary["attempts"], summary["succeeded"], summary["failed"]) == (2, 1, 1)
    assert (summary["allocatedCost"], summary["successCost"], summary["failureCost"]) == ("24.00", "16.00", "8.00")
    assert summary["executedHours"] == "1.5"


@pytest.mark.parametrize("title", [title for title in ENGINES if title not in BY_HAND])
def test_a_recipe_is_what_init_drafts(title: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = database(title, ENGINES[title], tmp_path, request.getfixturevalue)
    drafted = drafted_tasks(url, tmp_path)
    assert {name: drafted[name] for name in tasks_of(title)} == tasks_of(title)
    assert set(drafted) - set(tasks_of(title)) == {"databaseSecretRef", "services"}


@pytest.mark.parametrize("title", ["Kubeflow Pipelines", "Temporal"])
def test_where_no_column_names_the_node_the_draft_is_the_recipe_without_node_type(
    title: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = database(title, ENGINES[title], tmp_path, request.getfixturevalue)
    wanted = tasks_of(title)
    wanted["query"] = wanted["query"].replace(",\n       'a100' AS node_type", "").replace(", 'a100'\n", "\n")
    drafted = drafted_tasks(url, tmp_path)
    assert {name: drafted[name] for name in wanted} == wanted
    summary = report(drafted, "a100", url, tmp_path)
    assert (summary["attempts"], summary["succeeded"], summary["failed"]) == (2, 1, 1)
    assert summary["allocatedCost"] == "0.00"


@pytest.mark.parametrize("title", ["One row per job", "One row per event", "MLflow"])
def test_a_recipe_for_sqlite_is_drafted_for_postgresql_too(title: str, tmp_path: Path, postgres: Postgres) -> None:
    url = database(title, "postgresql", tmp_path, lambda _: postgres)
    summary = report(drafted_tasks(url, tmp_path), NODE.get(title, "a100"), url, tmp_path)
    assert (summary["attempts"], summary["succeeded"], summary["failed"]) == (2, 1, 1)
    assert summary["allocatedCost"] == "24.00"


@pytest.mark.parametrize("title", ["Celery with Django", "Airflow", "Temporal", "Argo Workflows"])
def test_a_recipe_for_postgresql_is_drafted_for_sqlite_too(title: str, tmp_path: Path) -> None:
    url = database(title, "sqlite", tmp_path, None)
    summary = report(drafted_tasks(url, tmp_path), "a100", url, tmp_path)
    assert (summary["attempts"], summary["succeeded"], summary["failed"]) == (2, 1, 1)


@pytest.mark.parametrize("title", ["One row per job", "Airflow", "MLflow", "Temporal", "Celery with Django"])
def test_a_recipe_is_drafted_for_duckdb_too(title: str, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "small.duckdb")) as con:
        con.execute(block(title, "sql"))
    url = f"duckdb:///{tmp_path / 'small.duckdb'}"
    summary = report(drafted_tasks(url, tmp_path), NODE.get(title, "a100"), url, tmp_path)
    assert (summary["attempts"], summary["succeeded"], summary["failed"]) == (2, 1, 1)


def drafted_tasks(url: str, folder: Path) -> dict[str, Any]:
    """spec.tasks of the draft, beside a CronJob in UTC."""
    jobs = write(folder / "scaling.yaml", cron_job(pool="gpu-a100"))
    drafted = gpucost("init", "--cronjobs", jobs, "--db", url)
    assert (drafted.code, drafted.err) == (0, "")
    tasks: dict[str, Any] = yaml.safe_load(drafted.out)["spec"]["tasks"]
    return tasks


def test_celery_without_a_start_is_told_what_is_missing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "small.db")) as con:
        con.executescript(block("Celery without Django", "sql").partition("CREATE TABLE celery_started")[0])
    drafted = gpucost("init", "--db", f"sqlite:///{tmp_path / 'small.db'}")
    assert drafted.code == 0
    assert "celery_taskmeta looks like Celery, but no column says when a task started" in drafted.out
    assert "tasks" not in yaml.safe_load(drafted.out)["spec"]


def test_the_model_that_slurm_allocated_can_be_selected_as_the_type() -> None:
    expression = re.findall(r"`(nullif\(regexp_extract\(AllocTRES.*) AS node_type`", RECIPES["Slurm"])[0]
    rows = [("billing=8,cpu=8,gres/gpu:a100=4,node=1",), ("cpu=8,gres/gpu=4",)]
    con = duckdb.connect()
    con.execute("CREATE TABLE jobs (AllocTRES VARCHAR)")
    con.executemany("INSERT INTO jobs VALUES (?)", rows)
    assert con.execute(f"SELECT {expression} FROM jobs").fetchall() == [("a100",), (None,)]
