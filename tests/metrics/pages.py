"""Reports of golden cases, and what a page says, as values to compare."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from casereport import report_of
from gpucost.metrics.samples import ReportSamples, Row
from gpucost.report.report import Report

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def case_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))["case"]
    return found


@cache
def golden(name: str) -> Report:
    return report_of(case_of(name), details=False)


def with_top(report: Report, top: int) -> Report:
    """The report, with so many services by name."""
    outputs = report.spec.outputs.model_copy(update={"top_services": top})
    return replace(report, spec=report.spec.model_copy(update={"outputs": outputs}))


def made(services: int = 3, value: float = 1.5, name: str = "text2img") -> ReportSamples:
    """A small report: ready, with a cost of some services."""
    costs = tuple(Row((f"{name}-{i}", "Success", "USD"), value + i) for i in range(services))
    return ReportSamples({"gpucost_service_cost": costs}).with_state(ready=True)


def series(page: bytes, openmetrics: bool = False) -> Series:
    """Every series that a parser finds on a page, with its value; each stands once."""
    found: Series = {}
    for sample in (s for family in families(page, openmetrics) for s in family.samples):
        key = sample.name, frozenset(sample.labels.items())
        assert key not in found
        found[key] = sample.value
    return found


def families(page: bytes, openmetrics: bool = False) -> Iterable[Metric]:
    found: Iterable[Metric] = (read_openmetrics if openmetrics else read_text)(page.decode())
    return found


def of_report(page: bytes, report: str) -> Series:
    """The series of one report, by its name."""
    return {key: value for key, value in series(page).items() if ("report", report) in key[1]}
