"""The scenario as the manifests that `gpucost report` reads, and its status beside the figures of the rivals.

python bench/product.py --db tasks-1m.parquet
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from scenario import (
    END_US,
    FAILURE,
    HOUR_US,
    NANO,
    NOW_US,
    PRICE_NANO_PER_HOUR,
    RUNNING,
    SCHEDULE,
    SECOND_US,
    STALE_US,
    START_US,
    SUCCESS,
    TYPE_GLOBS,
    WAITING,
    default_dir,
    half_up,
)

GPUCOST = Path(sys.executable).with_name("gpucost")
COUNTS = {"Success": "succeeded", "Failure": "failed", "Interrupted": "interrupted", "Open": "open"}
COSTS = {"Success": "successCost", "Failure": "failureCost", "Interrupted": "interruptedCost", "Open": "openCost"}
#: Fields that are compared, and their units.
SERVICE = {"executedHours": 10**6, "allocatedCost": NANO, **dict.fromkeys([*COUNTS.values(), "attempts", "retries"], 1)}
NODES = {"executedHours": 10**6, "nodeCost": NANO, "unallocatedCost": NANO, "busyHours": 10**6}


def instant(us: int) -> str:
    """RFC 3339."""
    return datetime.fromtimestamp(us // SECOND_US, UTC).isoformat()


def cost_report() -> dict[str, Any]:
    """The manifest of the scenario's report."""
    types = [
        {"name": name, "match": [glob], "prices": [{"pricePerHour": str(PRICE_NANO_PER_HOUR[name] // NANO)}]}
        for name, glob in TYPE_GLOBS.items()
    ]
    statuses = {"running": [RUNNING], "success": [*SUCCESS], "failure": [*FAILURE], "waiting": [*WAITING]}
    return {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": "bench", "namespace": "bench"},
        "spec": {
            "period": {"range": {"start": instant(START_US), "end": instant(END_US)}},
            "nodePools": {"types": types},
            "tasks": {"statuses": statuses, "staleAfter": f"{STALE_US // HOUR_US}h"},
        },
    }


def cron_jobs() -> dict[str, Any]:
    """A List with one CronJob for each line of the scenario's schedule. No creationTimestamp: valid since ever."""
    items = []
    for pool, lines in SCHEDULE.items():
        for number, (weekdays, hour, minute, nodes) in enumerate(lines):
            days = ",".join(str((day + 1) % 7) for day in weekdays)
            notes = {"gpucost.dev/node-pool": pool, "gpucost.dev/nodes": str(nodes)}
            spec = {"schedule": f"{minute} {hour} * * {days}", "timeZone": "Etc/UTC", "jobTemplate": {"spec": {}}}
            metadata = {"name": f"{pool}-{number}", "namespace": "bench", "annotations": notes}
            items.append({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec})
    return {"apiVersion": "v1", "kind": "List", "items": items}


def write_manifests(folder: Path) -> tuple[Path, Path]:
    """The files of the report and of the CronJobs; JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    report, cronjobs = folder / "report.yaml", folder / "cronjobs.yaml"
    report.write_text(json.dumps(cost_report(), indent=1), encoding="utf-8")
    cronjobs.write_text(json.dumps(cron_jobs(), indent=1), encoding="utf-8")
    return report, cronjobs


def command(db: str | Path, *options: str) -> list[str]:
    """The command line that a person would write for the scenario."""
    report, cronjobs = write_manifests(default_dir() / "manifests")
    inputs = ["-f", str(report), "--cronjobs", str(cronjobs), "--db", str(db), "--now", instant(NOW_US)]
    return [str(GPUCOST), "report", *inputs, *options]


def status_of(db: str | Path) -> dict[str, Any]:
    """What the installed command answers; raises CalledProcessError if it fails."""
    done = subprocess.run(command(db, "-o", "json"), check=True, stdout=subprocess.PIPE)
    status: dict[str, Any] = json.loads(done.stdout)["status"]
    return status


def held(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures of a rival in the terms of a status: nano-units, and millionths of an hour."""
    services: defaultdict[str, Counter[str]] = defaultdict(Counter)
    types: defaultdict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for name, us in figures["executed_us"].items():
        node_type, service, _ = name.split("/")
        services[service]["executedHours"] += us
        types[node_type]["executedHours"] += us
        total["executedHours"] += us
    for name, nano in figures["allocated_nano"].items():
        service, outcome = name.split("/")
        services[service]["allocatedCost"] += nano
        total["allocatedCost"] += nano
        total[COSTS[outcome]] += nano
    for name, count in figures["counts"].items():
        service, outcome = name.split("/")
        for sums in (services[service], total):
            sums[COUNTS[outcome]] += count["attempts"]
            sums["attempts"] += count["attempts"] if outcome != "Open" else 0
            sums["retries"] += count["retries"]
    for name, nano in figures["node_cost_nano"].items():
        rest, busy = figures["unallocated_nano"][name], figures["busy_us"][name]["capped"]
        for sums in (types[name], total):
            sums.update({"nodeCost": nano, "unallocatedCost": rest, "busyHours": busy})
    for sums in (*services.values(), *types.values(), total):
        for field in sums.keys() & {"executedHours", "busyHours"}:
            sums[field] = half_up(sums[field] * 10**6, HOUR_US)
    for sums in (*services.values(), total):
        sums.update(dict.fromkeys(COUNTS.values(), 0))
    total.update(dict.fromkeys(COSTS.values(), 0))
    quality = {k: figures[k] for k in ("loaded", "charged", "neverRan")} | figures["skipped"]
    return {"services": services, "nodeTypes": types, "summary": total, "quality": quality}


def stated(status: dict[str, Any]) -> dict[str, Any]:
    """The same figures out of a status."""
    attempts = status["quality"]["attempts"]
    quality = {"loaded": attempts["loaded"], "charged": attempts["charged"], "neverRan": status["quality"]["neverRan"]}
    return {
        "services": {row["name"]: picked(row, SERVICE) for row in status["services"]},
        "nodeTypes": {row["name"]: picked(row, NODES) for row in status["nodeTypes"]},
        "summary": picked(status["summary"], {**SERVICE, **NODES, **dict.fromkeys(COSTS.values(), NANO)}),
        "quality": quality | {skipped["reason"]: skipped["count"] for skipped in attempts["skipped"]},
    }


def picked(row: dict[str, Any], units: dict[str, int]) -> dict[str, int]:
    """These fields as whole numbers of units."""
    return {field: int(Decimal(row[field]) * unit) for field, unit in units.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", default=str(default_dir() / "tasks-1m.parquet"), help="Parquet file or URL")
    print(json.dumps(status_of(parser.parse_args().db), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
