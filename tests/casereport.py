"""Golden and random cases as inputs of build_report(), and its Report as the figures that a case expects."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from gpucost.api.costreport import parse_spec
from gpucost.core.instants import instant_text
from gpucost.core.scaling import ScheduleVersion, order_counts
from gpucost.core.versions import KnownVersion
from gpucost.report.build import Inputs, build_report
from gpucost.report.report import OUTCOMES, Report, total
from simulation.clock import parse_instant

TEXTS = ("service_name", "status", "node_id", "metainfo")


def spec_of(case: dict[str, Any]) -> dict[str, Any]:
    """The CostReport spec of a case."""
    types = []
    for rule in case["types"]:
        prices = [
            {"pricePerHour": p["pricePerHour"]}
            | ({"validFrom": instant_text(parse_instant(p["from"], case["timeZone"]))} if "from" in p else {})
            for p in rule["prices"]
        ]
        types.append({k: v for k, v in rule.items() if k != "prices"} | {"prices": prices})
    pools: dict[str, Any] = {"types": types}
    if "assumeSchedulesFrom" in case:
        pools["assumeSchedulesFrom"] = case["assumeSchedulesFrom"]
    return {
        "period": {"range": case["period"]},
        "timeZone": case["timeZone"],
        "nodePools": pools,
        "tasks": {
            "services": {"include": case.get("include", ["*"]), "exclude": case["exclude"]},
            "executionTime": case["executionTime"],
            "staleAfter": f"{case['staleAfterSeconds']}s",
        },
        "allocation": {"bucket": case["bucket"], "idle": case["idle"]},
    }


def versions_of(case: dict[str, Any]) -> tuple[tuple[KnownVersion, ...], ...]:
    """The schedule versions of a case, each the first known of its CronJob."""

    def instant(job: dict[str, Any], key: str) -> int | None:
        return parse_instant(job[key], "UTC") if job.get(key) else None

    return tuple(
        (
            KnownVersion(
                ScheduleVersion(
                    uid=job["name"],
                    namespace="default",
                    name=job["name"],
                    counts=order_counts({job["pool"]: job["nodes"]}),
                    schedule=job["schedule"],
                    time_zone=job.get("timeZone"),
                    suspended=job.get("suspend", False),
                    starting_deadline_seconds=None,
                    created_us=instant(job, "created"),
                    valid_from_us=instant(job, "validFrom"),
                )
            ),
        )
        for job in case["cronJobs"]
    )


def events_of(case: dict[str, Any]) -> pa.Table:
    """The events of a case as a typed table."""
    rows = case["events"]
    columns: dict[str, Any] = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in TEXTS}
    columns["task_id"] = _key(rows, "task_id")
    columns["creation_ts"] = pa.array([row["creation_ts"] for row in rows], pa.timestamp("us", tz="UTC"))
    if any("event_id" in row for row in rows):
        columns["event_id"] = _key(rows, "event_id")
    if any("node_type" in row for row in rows):
        columns["node_type"] = pa.array([row.get("node_type") for row in rows], pa.string())
    return pa.table(columns)


def _key(rows: list[dict[str, Any]], name: str) -> pa.Array:
    values = [row.get(name) for row in rows]
    if all(isinstance(value, int) for value in values):
        return pa.array(values, pa.int64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for all cases of a process, with one thread: to open one takes longer than to compute a case."""
    return duckdb.connect(config={"threads": 1})


def report_of(case: dict[str, Any], *, details: bool = True) -> Report:
    """The report of a case, by way of DuckDB."""
    inputs = Inputs("case", "default", parse_spec(spec_of(case)), versions_of(case))
    return built_with_events(case, inputs, parse_instant(case["now"], case["timeZone"]), details=details)


def built_with_events(case: dict[str, Any], inputs: Inputs, now_us: int, *, details: bool = False) -> Report:
    """The report of these inputs and the events of a case."""
    with _database().cursor() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("raw", events_of(case))
        return build_report(replace(inputs, tasks=(con, "raw")), now_us, details=details)


def figures(report: Report) -> dict[str, Any]:
    """Every figure that a golden case expects."""
    grid, quality = report.grid, report.quality
    return {
        "dataUntil": report.period.data_until_us,
        "nodeCost": total(grid.node_cost),
        "allocated": total(grid.allocated),
        "unallocated": total(grid.node_cost) - total(grid.allocated),
        "busyCost": total(grid.busy_cost),
        "idleCost": total(grid.idle_cost),
        "nodeUs": total(grid.node_us),
        "busyUs": total(grid.busy_us),
        "offScheduleUs": quality.off_schedule_us,
        "executedUs": total(grid.executed_us),
        "uncoveredUs": quality.uncovered_us,
        "byType": {
            name: [total(c[k]) for c in (grid.node_cost, grid.allocated, grid.node_us, grid.busy_cost)]
            for k, name in enumerate(report.types)
        },
        "byBucket": _by_bucket(report),
        "byHour": _by_hour(report),
        "byService": _by_service(report),
        "byTask": _by_task(report),
        "poolCost": {line.pool.name: line.cost for line in report.pools},
        "poolUs": {line.pool.name: line.node_us for line in report.pools},
        "counts": _counts(report),
        "skippedAttempts": dict(quality.skipped),
        "chargedAttempts": quality.charged,
        "neverRan": quality.never_ran,
    }


def _by_bucket(report: Report) -> dict[str, list[int]]:
    grid, edges = report.grid, report.buckets.edges
    return {
        f"{edges[bucket]}/{name}": [
            total(column[k][report.buckets.of_cell == bucket])
            for column in (grid.node_cost, grid.allocated, grid.node_us, grid.busy_cost)
        ]
        for bucket in range(report.buckets.count)
        for k, name in enumerate(report.types)
    }


def _by_hour(report: Report) -> dict[str, list[int]]:
    grid = report.grid
    columns = (grid.node_cost, grid.busy_cost, grid.node_us, grid.busy_us, grid.executed_us, grid.allocated)
    rows = {
        f"{report.cells.edges[cell]}/{name}": [int(column[k][cell]) for column in columns]
        for cell in range(report.cells.count)
        for k, name in enumerate(report.types)
    }
    return {key: row for key, row in rows.items() if any(row)}


def _by_service(report: Report) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (service, outcome), (money, executed) in money_by_service(report).items():
        if executed:
            found.setdefault(report.services[service], {})[str(OUTCOMES[outcome])] = money
    return found


def _by_task(report: Report) -> dict[str, int]:
    assert report.details is not None
    found: Counter[str] = Counter()
    attempts = report.details.attempts
    rows = zip(attempts.task, report.details.cost, report.details.executed_us, strict=True)
    for task, money, executed in rows:
        if executed:
            found[str(attempts.task_ids[task])] += int(money)
    return dict(found)


def _counts(report: Report) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for outcome, attempts in zip(report.ended.outcome, report.ended.attempts, strict=True):
        counts[str(OUTCOMES[outcome])] += int(attempts)
    for outcome, attempts in zip(report.touching.outcome, report.touching.attempts, strict=True):
        if OUTCOMES[outcome] == "Open":
            counts["Open"] += int(attempts)
    return dict(counts) | {"retries": int(report.ended.retries.sum())}


def money_by_service(report: Report) -> dict[tuple[int, int], tuple[int, int]]:
    """(service, outcome) -> (money in nano-units, executed microseconds), row by row."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    shares = report.shares
    rows = zip(shares.service, shares.outcome, shares.cost, shares.executed_us, strict=True)
    for service, outcome, cost, executed in rows:
        money, time = found.get((int(service), int(outcome)), (0, 0))
        found[int(service), int(outcome)] = money + int(cost), time + int(executed)
    return found
