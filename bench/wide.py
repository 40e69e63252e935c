"""A wide report: many services over a whole year, as the pages must show them. Made from a table of events in DuckDB."""

from __future__ import annotations

import duckdb

from gpucost.computing import compute
from gpucost.report.report import Report

START = "2025-01-01"
POOLS = {"a100": ("gpu-a100", "11"), "l4": ("gpu-l4", "1"), "h100": ("gpu-h100", "12.5")}

SPEC = {
    "period": {"range": {"start": START, "end": "2026-01-02"}},
    "nodePools": {
        "types": [
            {"name": name, "match": [f"*{name}*"], "initialNodes": 0, "prices": [{"pricePerHour": price}]}
            for name, (_, price) in POOLS.items()
        ]
    },
    "tasks": {},
    "outputs": {"topServices": 20},
}
EVENTS = """
CREATE TABLE task_history AS
WITH tasks AS (
    SELECT i, i % {services} AS service, i % 3 AS kind, hash(i) % 100 AS luck,
        TIMESTAMPTZ '2025-01-01 08:00:00Z' + to_days((i * 7919 % {days})::INTEGER)
            + to_seconds((hash(i * 3) % 36000)::DOUBLE) AS started
    FROM range({tasks}) AS made(i)
)
SELECT 't' || i AS task_id, 'service-' || lpad(service::VARCHAR, 4, '0') AS service_name, status, creation_ts,
    '{{"node_name": "' || ['gpu-a100-', 'gpu-l4-', 'gpu-h100-'][kind + 1] || (i % 4) || '"}}' AS metainfo,
    NULL::VARCHAR AS node_id
FROM tasks, LATERAL (
    SELECT unnest(['running', CASE WHEN luck < 92 THEN 'done' ELSE 'error' END]) AS status,
        unnest([started, started + to_seconds((30 + luck * 3)::DOUBLE)]) AS creation_ts
)
"""


def cron_jobs() -> list[dict[str, object]]:
    """Up in the morning and down in the evening, on working days."""
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {
                "name": f"{pool}-{word}",
                "annotations": {"gpucost.dev/node-pool": pool, "gpucost.dev/nodes": str(nodes)},
            },
            "spec": {"schedule": schedule, "timeZone": "UTC", "jobTemplate": {}},
        }
        for pool, _ in POOLS.values()
        for word, schedule, nodes in (("up", "0 8 * * 1-5", 4), ("down", "0 18 * * 1-5", 0))
    ]


def wide_report(services: int = 1_000, tasks: int = 120_000, *, days: int = 366, details: bool = False) -> Report:
    """A report of so many services and days."""
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(EVENTS.format(services=services, tasks=tasks, days=days))
        return compute(SPEC, cron_jobs(), con, now="2026-02-01T00:00:00Z", details=details)
