"""The report of a demonstration, and its events as a person may look at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from gpucost.api.costreport import parse_cost_report
from gpucost.core.versions import KnownVersion
from gpucost.demo import Demo
from gpucost.report.build import Inputs, build_report
from gpucost.report.report import Report
from gpucost.sources.cronjobs.manifests import read_cronjobs


@contextmanager
def filled(demo: Demo, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": threads}) as con:
        con.execute("SET TimeZone = 'UTC'")
        assert demo.fill(con) == "task_history"
        yield con


def rows(demo: Demo, sql: str, threads: int = 2) -> list[tuple[Any, ...]]:
    with filled(demo, threads) as con:
        return con.execute(sql).fetchall()


def report_of(demo: Demo) -> Report:
    manifest, found = parse_cost_report(demo.report), read_cronjobs(demo.cronjobs)
    histories = tuple((KnownVersion(version),) for version in found.versions)
    with filled(demo) as con:
        tasks = (con, "task_history")
        inputs = Inputs(manifest.name, manifest.namespace, manifest.spec, histories, issues=found.issues, tasks=tasks)
        return build_report(inputs, demo.now_us, details=True)
