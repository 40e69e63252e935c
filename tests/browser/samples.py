"""Reports for the pages to show: the demo's, and those at the edges of what a page must bear."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from gpucost.computing import compute
from gpucost.core.instants import instant_text
from gpucost.demo import Demo, made_demo
from gpucost.demo.scenario import Scaling, annotated, cost_report
from gpucost.pages.files import page_contents
from gpucost.report.report import Report

HOSTILE: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><script>alert(3)</script>",
    "{{7*7}}${7*7}",
    "../..",
    "%2e%2e",
    "a/b?c#d&e=f",
    "'; DROP TABLE task_history; --",
    "two\nlines",
    "right\u202eto left",
    "x" * 300,
    "\U0001f680 emoji",
    "=cmd|' /C calc'!A0",
    "javascript:alert(4)",
)
"""Names of services as somebody who wants to do harm would choose them, the dearest first."""

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """The inputs of a report."""

    manifest: Manifest
    cronjobs: list[Manifest]
    now: str
    con: duckdb.DuckDBPyConnection | None = None

    def compute(self, manifest: Any = None) -> Report:
        """The report with its attempts, or another of the same inputs."""
        return compute(manifest or self.manifest, self.cronjobs, self.con, now=self.now, details=True)


def demo(tasks: int = 2_000, **spec: Any) -> Sample:
    """The demo with another spec: four weeks of three node types and four services."""
    made = made_demo(tasks)
    manifest = {**made.report, "spec": {**made.report["spec"], **spec}}
    return Sample(manifest, made.cronjobs, instant_text(made.now_us), _filled(made))


def without_tasks() -> Sample:
    """The demo's nodes, of which nobody says what they did."""
    made = made_demo(0)
    spec = {key: value for key, value in made.report["spec"].items() if key != "tasks"}
    return Sample({**made.report, "spec": spec}, made.cronjobs, instant_text(made.now_us))


def not_begun() -> Sample:
    """The demo on the day before its period."""
    made = made_demo(0)
    return Sample(made.report, made.cronjobs, "2025-08-01T00:00:00Z", _filled(made))


def services(names: tuple[str, ...], days: int) -> Sample:
    """Services of which the first is the dearest: each runs once in every three days, and fails every third time; of three
    services the first fails the third time at the earliest."""
    types = [{"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": "11"}]}]
    dates = "2025-01-01", str(dt.date(2025, 1, 1) + dt.timedelta(days=days))
    scalings = (Scaling("up", "gpu-a100", 4, "0 6 * * *"), Scaling("down", "gpu-a100", 0, "0 20 * * *"))
    con = duckdb.connect(config={"threads": 2})
    con.execute("SET TimeZone = 'UTC'")
    con.execute(_ROUNDS, {"names": list(names), "days": days})
    cronjobs = [annotated(scaling, "UTC") for scaling in scalings]
    return Sample(cost_report("services", "UTC", dates, types), cronjobs, f"{dates[1]}T12:00:00Z", con)


_ROUNDS: Final = """
CREATE TABLE task_history AS
SELECT number * 1000 + round AS task_id, name AS service_name, event.status,
    TIMESTAMPTZ '2025-01-01 07:00+00' + INTERVAL (round * 3 + number % 3) DAY + INTERVAL (number) SECOND
        + INTERVAL (event.share * (3600 - 3 * number)) SECOND AS creation_ts,
    NULL::VARCHAR AS node_id, '{"node_name": "gpu-a100-' || number % 4 || '"}' AS metainfo
FROM (SELECT unnest($names) AS name, generate_subscripts($names, 1) - 1 AS number) AS service,
    range($days // 3) AS rounds(round),
    (VALUES ('running', 0), (NULL, 1)) AS ends(state, share),
    LATERAL (SELECT coalesce(state, CASE WHEN (round + number) % 3 = 2 THEN 'error' ELSE 'done' END) AS status, share) AS event
"""


def _filled(made: Demo) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 2})
    con.execute("SET TimeZone = 'UTC'")
    made.fill(con)
    return con


MANY: Final = (*HOSTILE, *(f"service-{number}" for number in range(1000 - len(HOSTILE))))
SAMPLES: Final[Mapping[str, Callable[[], Sample]]] = {
    "demo": demo,
    "separate": partial(demo, allocation={"idle": "Separate"}),
    "without tasks": without_tasks,
    "not begun": not_begun,
    "idle": partial(demo, 0),
    "one service": partial(services, ("alone",), 10),
    "1,000 services": partial(services, MANY, 366),
}


@dataclass
class Samples:
    """Sample reports by name and their files, each made when it is first wanted."""

    folder: Path
    made: dict[str, Sample] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)

    def sample(self, name: str) -> Sample:
        return self.made.setdefault(name, self.made.get(name) or SAMPLES[name]())

    def report(self, name: str) -> Report:
        if name not in self.reports:
            self.reports[name] = self.sample(name).compute()
        return self.reports[name]

    def file(self, name: str) -> Path:
        """report.html, as ``--out`` writes it."""
        target = self.folder / f"{name}.html"
        if not target.exists():
            partial = self.folder / f"{name}.{os.getpid()}"
            partial.write_bytes(b"".join(dict(page_contents(self.report(name)))["report.html"]))
            partial.rename(target)
        return target


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samples]:
    """The samples of this session. Workers of xdist make them for each other: their folders lie in one."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "report-files"
    folder.mkdir(exist_ok=True)
    found = Samples(folder)
    with ExitStack() as stack:
        yield found
        for sample in found.made.values():
            if sample.con is not None:
                stack.enter_context(sample.con)
