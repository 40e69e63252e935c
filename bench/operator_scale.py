"""Measures the operator at scale on a real API server: 1,000 CostReports on 10 databases of 10,000 tasks, 5,000 CronJobs.

python bench/operator_scale.py            # the binaries and servers are those of tests/cluster

What it is held against: as many bare status patches of the same size by a bare HTTP client, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import yaml

import kubernetes_server
import postgres
from gpucost.kube.access import find_access
from gpucost.kube.client import COST_REPORTS, CRON_JOBS, SECRETS, Cluster, Resource
from operator_process import Operator

ROOT = Path(__file__).resolve().parents[1]
NAMESPACES = Resource("", "v1", "namespaces")
PARALLEL = 20
SECONDS = 600


def cronjob(number: int) -> dict[str, Any]:
    """One in five scales a pool of its namespace; most CronJobs of a cluster do something else."""
    scales = number // 10 % 5 == 0
    notes = (
        {"gpucost.dev/node-pool": f"gpu-a100-{number // 50 % 20}", "gpucost.dev/nodes": str(number % 7)}
        if scales
        else {}
    )
    container = {"name": "main", "image": "registry.example/job:1", "args": ["run"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    spec = {"schedule": f"{number % 60} {number % 24} * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": f"job-{number}",
            "annotations": {**notes, "gpucost.dev/valid-from": "2025-01-01T00:00:00Z"},
        },
        "spec": spec,
    }


def report(number: int) -> dict[str, Any]:
    """A month of two types with tasks of one of the databases."""
    return {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": f"report-{number}"},
        "spec": {
            "period": {"range": {"start": "2025-06-01", "end": "2025-07-01"}},
            "timeZone": "Europe/Berlin",
            "refresh": {"every": "1h"},
            "nodePools": {
                "types": [{"name": "a100", "match": ["*a100*"], "initialNodes": 0, "prices": [{"pricePerHour": "11"}]}]
            },
            "tasks": {"databaseSecretRef": {"name": f"db-{number % 10}"}, "staleAfter": "24h"},
        },
    }


def fill_database(server: postgres.Postgres, name: str, tasks: int) -> str:
    """A database with tasks of one month; returns its URL."""
    chance = random.Random(name)
    server.execute(server.url, f"CREATE DATABASE {name}")
    url = server.url_of(database=name)
    schema = (ROOT / "sql" / "task_history.postgresql.sql").read_text(encoding="utf-8")
    rows = []
    for task in range(tasks):
        service = f"service-{chance.randrange(12)}"
        at, took = 1_748_750_000 + chance.random() * 2_500_000, chance.expovariate(1 / 30)
        node = json.dumps({"node_name": f"gpu-a100-{chance.randrange(50)}-x"})
        end = "done" if chance.random() < 0.95 else "error"
        rows += [(str(task), service, s, t, "n", node) for s, t in (("new", at - 5), ("running", at), (end, at + took))]
    server.execute(url, schema)
    insert = (
        "INSERT INTO task_history (task_id, service_name, status, creation_ts, node_id, metainfo) "
        "VALUES (%s, %s, %s, to_timestamp(%s), %s, %s)"
    )
    server.execute(url, insert, rows=rows)
    return url


async def many(work: list[Callable[[], Awaitable[Any]]]) -> float:
    """Do all of it, so many at a time; the seconds that it took."""
    limit = asyncio.Semaphore(PARALLEL)

    async def one(call: Callable[[], Awaitable[Any]]) -> None:
        async with limit:
            await call()

    started = time.perf_counter()
    await asyncio.gather(*(one(call) for call in work))
    return time.perf_counter() - started


async def fill_cluster(cluster: Cluster, urls: list[str], reports: int, cronjobs: int) -> None:
    """Namespaces of ten, each with a tenth of the objects."""
    spaces = [f"team-{n}" for n in range(10)]
    for space in spaces:
        body = {"metadata": {"name": space}}
        await cluster.request("POST", NAMESPACES.path(), body=body)
    secrets = [
        {"metadata": {"name": f"db-{n}"}, "data": {"url": base64.b64encode(url.encode()).decode()}}
        for n, url in enumerate(urls)
    ]
    await many([lambda s=s, b=b: cluster.create(SECRETS, s, b) for s in spaces for b in secrets])
    made = [(CRON_JOBS, spaces[n % 10], cronjob(n)) for n in range(cronjobs)]
    made += [(COST_REPORTS, spaces[n % 10], report(n)) for n in range(reports)]
    await many([lambda r=r, s=s, b=b: cluster.create(r, s, b) for r, s, b in made])


async def statuses(cluster: Cluster) -> dict[tuple[str, str], dict[str, Any]]:
    """Every CostReport."""
    return {(o["metadata"]["namespace"], o["metadata"]["name"]): o async for o in cluster.list(COST_REPORTS)}


async def until(seconds: float, what: str, done: Callable[[], Awaitable[bool]], pause: float = 1.0) -> float:
    """How long it takes until something is so."""
    started = time.perf_counter()
    while not await done():
        if time.perf_counter() - started > seconds:
            raise TimeoutError(f"not within {seconds} s: {what}")
        await asyncio.sleep(pause)
    return time.perf_counter() - started


def ready_series(operator: Operator) -> int:
    """How many reports /metrics shows as ready."""
    return len(re.findall(r"^gpucost_report_ready\{[^}]*\} 1\.0$", operator.metrics(), re.M))


async def bare_patches(cluster: Cluster, objects: dict[tuple[str, str], dict[str, Any]]) -> float:
    """The rival: first statuses of the same size, on as many new objects, by a bare client."""
    await cluster.request("POST", NAMESPACES.path(), body={"metadata": {"name": "rival"}})
    manifests = [report(n) | {"metadata": {"name": f"r-{n}"}} for n in range(len(objects))]
    await many([lambda b=b: cluster.create(COST_REPORTS, "rival", b) for b in manifests])
    bodies = [{"status": o["status"]} for o in objects.values()]
    return await many(
        [
            lambda n=n, b=b: cluster.patch(COST_REPORTS, "rival", f"r-{n}", b, subresource="status")
            for n, b in enumerate(bodies)
        ]
    )


async def measure(server: kubernetes_server.Cluster, urls: list[str], reports: int, cronjobs: int) -> None:
    """All of it, printed line by line."""
    cluster = Cluster(find_access(str(server.kubeconfig)))
    folder = Path(tempfile.mkdtemp(prefix="gpucost-bench-"))
    try:
        await fill_cluster(cluster, urls, reports, cronjobs)
        print(f"{reports} CostReports on {len(urls)} databases, {cronjobs} CronJobs", flush=True)
        with Operator(server.kubeconfig_for("operator"), folder) as operator:

            async def all_ready() -> bool:
                return ready_series(operator) == reports

            operator.wait_ready()
            first = await until(SECONDS, "all ready", all_ready)
            before = await statuses(cluster)
            size = sum(len(json.dumps(o["status"])) for o in before.values()) / reports
            print(f"first start, every status written: {first:.1f} s; {size:,.0f} bytes each", flush=True)
            operator.stop()
            started = time.perf_counter()
            operator.start()
            operator.wait_ready()
            ready = time.perf_counter() - started
            await until(SECONDS, "all ready", all_ready, pause=0.2)
            confirmed = time.perf_counter() - started
            print(f"restart: ready after {ready:.2f} s, every status confirmed after {confirmed:.2f} s", flush=True)
            after = await statuses(cluster)
            same = sum(
                before[key]["metadata"]["resourceVersion"] == o["metadata"]["resourceVersion"]
                for key, o in after.items()
            )
            print(f"restart: {reports - same} objects written", flush=True)
            print(f"memory of the operator: {memory_mib(operator):.0f} MiB", flush=True)
            edits = [await edit_shows(cluster, n) for n in range(1, 6)]
            print(f"an edited CronJob shows in the status of a report after {sorted(edits)[2]:.2f} s (5 edits, median)")
            print(f"scrape: {min(scrape(operator) for _ in range(5)) * 1000:.0f} ms", flush=True)
        rival = await bare_patches(cluster, before)
        print(
            f"bare status patches of that size: {rival:.1f} s; first start {first / rival:.2f} times that", flush=True
        )
    finally:
        await cluster.close()


async def edit_shows(cluster: Cluster, number: int) -> float:
    """How long until a report of the namespace is computed from an edited CronJob."""
    space, name = f"team-{number}", f"job-{50 + number}"  # object n lies in the namespace of its last digit
    key = (space, f"report-{number}")

    async def stamp() -> Any:
        body = await cluster.get(COST_REPORTS, *key)
        return body["status"].get("inputRevision"), body["status"].get("lastSuccessTime")

    before = await stamp()
    body = {"metadata": {"annotations": {"gpucost.dev/valid-from": f"2025-02-0{number}T00:00:00Z"}}}
    await cluster.patch(CRON_JOBS, space, name, body)

    async def changed() -> bool:
        return bool(await stamp() != before)

    return await until(60, "the edit shows", changed, pause=0.02)


def scrape(operator: Operator) -> float:
    """Seconds of one scrape."""
    started = time.perf_counter()
    operator.metrics()
    return time.perf_counter() - started


def memory_mib(operator: Operator) -> float:
    """Peak resident memory of the process."""
    pid = operator.process.pid
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s+(\d+)", text)[0]) / 1024


@contextmanager
def databases(count: int, tasks: int) -> Iterator[list[str]]:
    """So many task databases on one server."""
    with postgres.running() as server:
        yield [fill_database(server, f"tasks{n}", tasks) for n in range(count)]


def main() -> None:
    """Start everything and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=1_000)
    parser.add_argument("--cronjobs", type=int, default=5_000)
    parser.add_argument("--tasks", type=int, default=10_000)
    stated = parser.parse_args()
    with databases(10, stated.tasks) as urls, kubernetes_server.running() as server:
        server.apply(list(yaml.safe_load_all((ROOT / "tests/cluster/rbac.yaml").read_text(encoding="utf-8"))))
        server.kubectl("apply", "-f", str(ROOT / "crds"))
        server.kubectl("wait", "--for=condition=Established", "crd/costreports.gpucost.dev")
        server.wait_for_lists()
        asyncio.run(measure(server, urls, stated.reports, stated.cronjobs))


if __name__ == "__main__":
    main()
