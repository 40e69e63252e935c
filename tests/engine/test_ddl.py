"""The table definitions that a site can start from are what the reports read."""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import psycopg
import pytest

from command import gpucost, manifest, write
from postgres import Postgres

EVENTS = """
    INSERT INTO task_history (task_id, service_name, status, creation_ts, node_id, metainfo) VALUES
    (1, 'text2img', 'new', '2025-06-02T10:00:00Z', NULL, NULL),
    (1, 'text2img', 'running', '2025-06-02T10:00:30Z', 'i-1', '{"node_name": "gpu-a100-0"}'),
    (1, 'text2img', 'done', '2025-06-02T11:00:30Z', NULL, NULL)
"""
SCALING = """
    INSERT INTO k8s_nodes_scaling (node_pool_name, nodes_count, time_cron, creation_ts) VALUES
    ('gpu-a100', 1, '0 0 * * *', '2025-01-01T00:00:00Z')
"""


def ddl(name: str) -> str:
    """A table definition as it travels in the package."""
    return (resources.files("gpucost") / "sql" / name).read_text(encoding="utf-8")


def check(url: str, folder: Path) -> None:
    """One node at $11 for a day of 24 hours, one attempt of an hour that pays for all of it."""
    spec = manifest(
        tasks={},
        period={"range": {"start": "2025-06-02", "end": "2025-06-03"}},
        nodePools={
            "scheduleTable": {"enabled": True},
            "types": [{"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": 11}]}],
        },
    )
    path = write(folder / "report.yaml", spec)
    ran = gpucost("report", "-f", path, "--db", url, "--now", "2025-06-10T00:00:00Z", "-o", "json")
    assert ran.code == 0, ran.err
    assert '"nodeCost": "264.00"' in ran.out
    assert '"costPerSuccess": "264.00"' in ran.out


def test_sqlite(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tasks.db")) as con:
        con.executescript(ddl("task_history.sqlite.sql") + ddl("k8s_nodes_scaling.sqlite.sql") + EVENTS + ";" + SCALING)
    check(f"sqlite:///{tmp_path / 'tasks.db'}", tmp_path)


def test_postgresql_with_its_brin_index(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as con:
        for statement in (
            ddl("task_history.postgresql.sql"),
            ddl("k8s_nodes_scaling.postgresql.sql"),
            EVENTS,
            SCALING,
        ):
            con.execute(statement)  # type: ignore[arg-type]  # psycopg wants literals
        methods = con.execute(
            "SELECT amname FROM pg_index JOIN pg_class ON oid = indexrelid JOIN pg_am a ON a.oid = relam "
            "WHERE indrelid = 'task_history'::regclass"
        ).fetchall()
    assert ("brin",) in methods
    check(url, tmp_path)


@pytest.mark.parametrize("name", ["task_history", "k8s_nodes_scaling"])
@pytest.mark.parametrize("engine", ["postgresql", "sqlite"])
def test_the_link_at_the_root_shows_them(name: str, engine: str) -> None:
    root = Path(__file__).parents[2]
    assert (root / "sql" / f"{name}.{engine}.sql").read_text(encoding="utf-8") == ddl(f"{name}.{engine}.sql")
