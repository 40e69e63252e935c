"""Measures a scrape of 1,000 reports with 100 series each: gpucost's page beside Gauges encoded at each scrape.

python bench/scrape.py
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median
from typing import NamedTuple, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.aiohttp import make_aiohttp_handler

from gpucost.metrics.families import BY_NAME, REPORT_LABELS
from gpucost.metrics.page import MetricsPage
from gpucost.metrics.samples import ReportSamples, Row
from gpucost.web.listening import serve
from gpucost.web.server import application

REPORTS = 1_000
SERIES = 100
BAR_SECONDS = 0.050
OUTCOMES = ("Failure", "Interrupted", "Open", "Success")
SINGLES = (
    "gpucost_report_ready",
    "gpucost_report_last_success_timestamp_seconds",
    "gpucost_report_data_until_timestamp_seconds",
    "gpucost_report_compute_seconds",
    "gpucost_report_conflicts",
    "gpucost_report_uncovered_seconds",
    "gpucost_report_unpriced_seconds",
    "gpucost_report_off_schedule_seconds",
)
BY_TYPE = ("gpucost_report_node_cost", "gpucost_report_node_seconds")
SERVICES = tuple(f"service-{i}" for i in range(5))
NODE_TYPES = ("a100", "l4")


class Shows(Protocol):
    """What both contestants can do."""

    def put(self, namespace: str, name: str, samples: ReportSamples) -> None: ...


class Gauges:
    """The usual way: a Gauge per family, set at each change and encoded at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = {
            family.name: Gauge(family.name, family.help, (*REPORT_LABELS, *family.labels), registry=registry)
            for family in BY_NAME.values()
        }

    def put(self, namespace: str, name: str, samples: ReportSamples) -> None:
        for family, rows in samples.rows.items():
            for row in rows:
                self._gauges[family].labels(namespace, name, *row.labels).set(row.value)


def samples(turn: int) -> ReportSamples:
    """100 series with values of as many digits as real ones have: states, types, services, hours."""
    digits = (turn * 2_654_435_761 + i * 40_503 for i in count())
    rows: dict[str, tuple[Row, ...]] = {name: (Row((), next(digits) % 10**9 / 1e6),) for name in SINGLES}
    for name in BY_TYPE:
        rows[name] = tuple(Row((kind, "USD"), next(digits) % 10**12 / 1e9) for kind in NODE_TYPES)
    rows["gpucost_service_cost"] = tuple(
        Row((name, outcome, "USD"), next(digits) % 10**12 / 1e9) for name in SERVICES for outcome in OUTCOMES
    )
    rows["gpucost_service_attempts"] = tuple(
        Row((name, outcome), next(digits) % 10_000) for name in SERVICES for outcome in OUTCOMES
    )
    rows["gpucost_hour_utilization_ratio"] = tuple(
        Row((str(hour), day_type, "a100"), next(digits) % 10**6 / 1e6)
        for day_type in ("Weekday", "Weekend")
        for hour in range(24)
    )
    assert sum(map(len, rows.values())) == SERIES
    return ReportSamples(rows)


def name(report: int) -> tuple[str, str]:
    """Namespace and name of a report."""
    return f"team-{report % 20:02d}", f"monthly-cost-{report:04d}"


def fill(shows: Shows) -> None:
    """All reports, each once."""
    for i in range(REPORTS):
        shows.put(*name(i), samples(i))


class Contestant(NamedTuple):
    """Something that shows reports, and its text page."""

    shows: Shows
    encode: Callable[[], bytes]


def contestant(ours: bool) -> Contestant:
    """gpucost's page or the Gauges, without reports."""
    registry = CollectorRegistry()
    if ours:
        page = MetricsPage(registry)
        return Contestant(page, lambda: page.encode(False))
    return Contestant(Gauges(registry), lambda: generate_latest(registry))


def seconds(work: Callable[[], object]) -> float:
    """Wall time."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_process(runs: int) -> dict[str, list[float]]:
    """Median seconds of ours and of the Gauges, by what was done; the two take turns."""
    found: dict[str, list[list[float]]] = {}
    for _ in range(runs):
        for ours in (True, False):
            new = contestant(ours)

            def scratch(new: Contestant = new) -> None:
                fill(new.shows)
                new.encode()

            def change(new: Contestant = new) -> None:
                new.shows.put(*name(500), samples(7))
                new.encode()

            for what, work in (("from scratch", scratch), ("after one change", change), ("again", new.encode)):
                found.setdefault(f"encoded {what}", [[], []])[not ours].append(seconds(work))
    return {what: [median(times) for times in both] for what, both in found.items()}


async def serving(ours: bool) -> None:
    """Serve all reports until the parent is done; POST /change changes some. Prints the port."""
    registry, turns = CollectorRegistry(), count(REPORTS)
    shows: Shows
    if ours:
        shows = page = MetricsPage(registry)
        app = application(page, list)
    else:
        shows, app = Gauges(registry), web.Application()
        app.router.add_get("/metrics", make_aiohttp_handler(registry))
    fill(shows)

    async def change(request: web.Request) -> web.Response:
        for i in range(int(request.query["reports"])):
            shows.put(*name(i), samples(next(turns)))
        return web.Response()

    app.router.add_post("/change", change)
    runner = await serve(app, "127.0.0.1", 0)
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@contextmanager
def server(who: str) -> Iterator[http.client.HTTPConnection]:
    """A connection to a process of its own that serves all reports."""
    command = [sys.executable, __file__, "--serve", who]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        assert child.stdout
        connection = http.client.HTTPConnection("127.0.0.1", int(child.stdout.readline()), timeout=60)
        try:
            yield connection
        finally:
            connection.close()
            child.stdin.close()


def scrape(connection: http.client.HTTPConnection, coding: str, changed: int) -> tuple[float, int]:
    """Seconds and bytes of one scrape, after so many reports have changed."""
    if changed:
        connection.request("POST", f"/change?reports={changed}")
        connection.getresponse().read()
    started = time.perf_counter()
    connection.request("GET", "/metrics", headers={"Accept-Encoding": coding})
    size = len(connection.getresponse().read())
    return time.perf_counter() - started, size


def over_http(runs: int) -> Iterator[tuple[str, list[float], list[int]]]:
    """What was scraped, median seconds and bytes of ours and of the Gauges; the two take turns."""
    with server("ours") as ours, server("gauges") as gauges:
        for coding in ("identity", "gzip"):
            for changed in (0, 1, REPORTS):
                both = [[scrape(c, coding, changed) for c in (ours, gauges)] for _ in range(runs + 1)][1:]
                times = [median(row[i][0] for row in both) for i in range(2)]
                yield f"scraped, {coding}, {changed:,} changed", times, [both[0][i][1] for i in range(2)]


def main() -> None:
    """Prints a line per measurement; the bar is that of a scrape of 100,000 series."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", choices=["ours", "gauges"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serving(args.serve == "ours"))
        return
    print(f"{REPORTS:,} reports of {SERIES} series; load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    print(f"{'':32} {'gpucost':>10} {'Gauges':>10} {'ratio':>7}")
    for what, (ours, gauges) in in_process(args.runs).items():
        print(f"{what:32} {ours * 1000:7.1f} ms {gauges * 1000:7.1f} ms {ours / gauges:7.3f}")
    for what, (ours, gauges), sizes in over_http(args.runs):
        verdict = "met" if ours <= BAR_SECONDS else "MISSED"
        line = f"{what:32} {ours * 1000:7.1f} ms {gauges * 1000:7.1f} ms {ours / gauges:7.3f}"
        print(f"{line}  {sizes[0] / 1e6:.1f} and {sizes[1] / 1e6:.1f} MB; at most {BAR_SECONDS * 1000:g} ms: {verdict}")


if __name__ == "__main__":
    main()
