"""The series of a report show what its status shows, and nothing that is unknown."""

from __future__ import annotations

import json
import math
import zlib
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casereport import report_of, spec_of, versions_of
from examples import slow
from gpucost.api.costreport import parse_spec
from gpucost.core.money import NANO, SECOND_US, decimal_text
from gpucost.metrics.samples import ReportSamples, Row, dump, load, samples_of
from gpucost.report.build import Inputs, build_report
from gpucost.report.lines import node_line
from gpucost.report.report import Report
from gpucost.report.status import status_of
from gpucost.report.tables import table
from metrics.pages import NAMES, case_of, golden, with_top
from simulation.cases import cases
from simulation.clock import parse_instant

Figures = dict[str, dict[tuple[str, ...], float]]
COUNTS = {"Success": "succeeded", "Failure": "failed", "Interrupted": "interrupted", "Open": "open"}


def figures_of(samples: ReportSamples) -> Figures:
    """Each family's rows by their labels; a row stands once."""
    found = {name: {row.labels: row.value for row in rows} for name, rows in samples.rows.items()}
    assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in samples.rows.items()}
    return found


def listed(rows: list[dict[str, Any]], field: str, *labels: str, money: str = "") -> dict[tuple[str, ...], float]:
    """A field of a list in the status, by the names of its rows."""
    end = (money,) if money else ()
    return {(*(r[label] for label in labels), *end): float(r[field]) for r in rows if field in r}


def status_figures(report: Report) -> Figures:
    """What the status says, in the shape of the families; only what the status holds to the last digit."""
    status = status_of(report, top_services=report.spec.outputs.top_services)
    types, pools, services = status["nodeTypes"], status["nodePools"], status["services"]
    quality, coin = status["quality"], report.spec.currency
    counts: dict[tuple[str, ...], float] = {
        (s["name"], outcome): float(s[field]) for s in services for outcome, field in COUNTS.items()
    }
    return {
        "gpucost_report_node_cost": listed(types, "nodeCost", "name", money=coin),
        "gpucost_report_allocated_cost": listed(types, "allocatedCost", "name", money=coin),
        "gpucost_report_idle_cost": listed(types, "idleCost", "name", money=coin),
        "gpucost_report_unallocated_cost": listed(types, "unallocatedCost", "name", money=coin),
        "gpucost_report_coverage_ratio": listed(types, "coverageRatio", "name"),
        "gpucost_report_utilization_ratio": listed(types, "utilizationRatio", "name"),
        "gpucost_report_potential_savings": listed([status["summary"]], "potentialSavings", money=coin),
        "gpucost_report_conflicts": {(): quality["conflicts"]},
        "gpucost_report_uncovered_seconds": {(): float(quality["uncoveredSeconds"])},
        "gpucost_attempts_skipped": listed(quality["attempts"]["skipped"], "count", "reason"),
        "gpucost_node_pool_scheduled_nodes": listed(pools, "nodesNow", "name", "nodeType"),
        "gpucost_service_attempts": counts,
        "gpucost_cost_per_success": listed(services, "costPerSuccess", "name", money=coin),
        "gpucost_cost_per_failed_second": listed(services, "costPerFailedSecond", "name", money=coin),
    }


def assert_status_shows(report: Report) -> None:
    found = figures_of(samples_of(report))
    for family, expected in status_figures(report).items():
        assert found.get(family, {}) == expected, family


@pytest.mark.parametrize("name", NAMES)
def test_series_of_a_golden_report_are_the_figures_of_its_status(name: str) -> None:
    for top in (20, 3):
        assert_status_shows(with_top(golden(name), top))


@pytest.mark.parametrize("name", NAMES)
def test_seconds_are_exact_where_the_status_rounds_hours(name: str) -> None:
    """0.000001 h are 3.6 ms: hours of the status are rounded, seconds of the metrics are not."""
    report, found = golden(name), figures_of(samples_of(golden(name)))
    for k, kind in enumerate(report.types):
        assert found["gpucost_report_node_seconds"][kind, "USD"] == node_line(report, node_type=k).node_us / SECOND_US
    quality = report.quality
    assert found["gpucost_report_unpriced_seconds"] == {(): quality.unpriced_us / SECOND_US}
    assert found["gpucost_report_off_schedule_seconds"] == {(): quality.off_schedule_us / SECOND_US}
    assert status_of(report)["quality"]["unpricedHours"] == decimal_text(Fraction(quality.unpriced_us, 3600 * 10**6), 6)


@pytest.mark.parametrize("name", NAMES)
def test_hours_are_those_of_the_hour_grid(name: str) -> None:
    columns = {column.name: column.values for column in table(golden(name), "hours_by_type").columns}
    keys = zip(map(str, columns["hour"]), columns["day_type"], columns["node_type"], strict=True)
    expected = {
        key: float(decimal_text(share, 6))
        for key, share in zip(keys, columns["utilization_ratio"], strict=True)
        if share is not None
    }
    assert figures_of(samples_of(golden(name)))["gpucost_hour_utilization_ratio"] == expected


@pytest.mark.parametrize("name", NAMES)
def test_costs_of_a_service_by_outcome_sum_to_its_allocated_cost(name: str) -> None:
    for top in (1, 4, 20):
        report = with_top(golden(name), top)
        shown = status_of(report, top_services=top)["services"]
        assert len(shown) == min(top + 1, len(shown))
        found = figures_of(samples_of(report))["gpucost_service_cost"]
        for service in shown:
            mine = [value for labels, value in found.items() if labels[0] == service["name"]]
            assert len(mine) == 4
            assert sum(Decimal(repr(value)) for value in mine) == Decimal(service["allocatedCost"])


@slow(4)
@given(cases(), st.integers(1, 4))
def test_costs_of_random_reports_sum_to_the_allocated_cost(case: dict[str, Any], top: int) -> None:
    """Sums of floats, as Prometheus makes them, are within rounding of the exact one; families equal the status."""
    report = with_top(report_of(case, details=False), top)
    found = figures_of(samples_of(report))
    allocated = node_line(report).allocated / NANO
    for family in ("gpucost_service_cost", "gpucost_report_allocated_cost"):
        assert math.isclose(sum(found.get(family, {}).values()), allocated, rel_tol=1e-12, abs_tol=1e-9)
    assert all(math.isfinite(value) for rows in found.values() for value in rows.values())
    assert_status_shows(report)


def test_the_dearest_services_stand_by_name_and_the_rest_is_other() -> None:
    report = golden("dense")
    names = [service["name"] for service in status_of(report)["services"]]
    for top in range(1, len(names) + 1):
        shown = figures_of(samples_of(with_top(report, top)))["gpucost_service_cost"]
        assert list(dict.fromkeys(labels[0] for labels in shown)) == (
            names if top == len(names) else [*names[:top], "other"]
        )


def test_a_service_named_other_shares_the_row_of_the_rest() -> None:
    case = case_of("dense")
    names = [service["name"] for service in status_of(golden("dense"))["services"]]
    for event in case["events"]:
        event["service_name"] = "other" if event.get("service_name") == names[0] else event.get("service_name")
    report = with_top(report_of(case), 2)
    shown = figures_of(samples_of(report))["gpucost_service_cost"]
    assert list(dict.fromkeys(labels[0] for labels in shown)) == [names[1], "other"]
    assert_status_shows(report)


def test_the_price_of_an_hour_is_that_of_the_nodes_now() -> None:
    """On 6 June: prices fell on the 5th, the spot pool is down, and t4-legacy is of a type without a price."""
    found = figures_of(samples_of(golden("open-period")))
    assert found["gpucost_node_pool_scheduled_nodes"] == {
        ("gpu-a100", "a100"): 3,
        ("gpu-a100-spot", "a100"): 0,
        ("l4-batch", "l4"): 1,
        ("t4-legacy", "unknown"): 1,
    }
    assert found["gpucost_node_pool_cost_per_hour"] == {
        ("gpu-a100", "USD"): 27.370370367,  # 3 * 9.123456789
        ("gpu-a100-spot", "USD"): 0.0,
        ("l4-batch", "USD"): 0.333333333,
    }


def test_a_period_that_is_over_has_no_nodes_now() -> None:
    assert (
        not {"gpucost_node_pool_scheduled_nodes", "gpucost_node_pool_cost_per_hour"}
        & samples_of(golden("plain")).rows.keys()
    )


def test_a_report_without_tasks_has_no_families_of_tasks() -> None:
    case = case_of("open-period")
    spec = parse_spec({key: value for key, value in spec_of(case).items() if key != "tasks"})
    report = build_report(
        Inputs("case", "default", spec, versions_of(case)), parse_instant(case["now"], case["timeZone"])
    )
    assert sorted(samples_of(report).rows) == [
        "gpucost_node_pool_cost_per_hour",
        "gpucost_node_pool_scheduled_nodes",
        "gpucost_report_conflicts",
        "gpucost_report_node_cost",
        "gpucost_report_node_seconds",
        "gpucost_report_uncovered_seconds",
        "gpucost_report_unpriced_seconds",
    ]


def test_what_the_controller_knows_replaces_what_it_knew() -> None:
    first = samples_of(golden("plain")).with_state(
        ready=True, last_success_us=1_750_000_000_250_000, data_until_us=1_700_000_000_000_000, compute_seconds=0.5
    )
    assert figures_of(first)["gpucost_report_last_success_timestamp_seconds"] == {(): 1_750_000_000.25}
    assert figures_of(first)["gpucost_report_data_until_timestamp_seconds"] == {(): 1_700_000_000.0}
    assert figures_of(first)["gpucost_report_compute_seconds"] == {(): 0.5}
    later = first.with_state(ready=False, last_success_us=1_750_000_000_250_000)
    assert figures_of(later)["gpucost_report_ready"] == {(): 0.0}
    assert "gpucost_report_data_until_timestamp_seconds" not in later.rows
    assert figures_of(later)["gpucost_report_compute_seconds"] == {(): 0.5}  # of the figures that are still shown
    assert later.rows["gpucost_report_node_cost"] == first.rows["gpucost_report_node_cost"]


def test_one_reason_says_why_a_report_is_not_ready() -> None:
    first = samples_of(golden("plain")).with_state(ready=True, reason="Computed")
    assert figures_of(first)["gpucost_report_ready_reason"] == {("Computed",): 1.0}
    suspended = first.with_state(ready=False, reason="Suspended")
    assert figures_of(suspended)["gpucost_report_ready_reason"] == {("Suspended",): 1.0}
    assert "gpucost_report_ready_reason" not in suspended.with_state(ready=False).rows


def test_a_report_that_was_never_computed_is_only_not_ready() -> None:
    assert ReportSamples().with_state(ready=False) == ReportSamples({"gpucost_report_ready": (Row((), 0.0),)})


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_gives_back_the_same_samples(name: str) -> None:
    samples = samples_of(golden(name)).with_state(ready=True, last_success_us=1, compute_seconds=0.1 + 0.2)
    blob = dump(samples)
    assert load(blob) == samples
    assert len(blob) < 8 * sum(len(rows) for rows in samples.rows.values()) + 500


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"no zlib",
        zlib.compress(b"{"),
        zlib.compress(b"[]"),
        zlib.compress(json.dumps({"version": 2, "rows": {}}).encode()),
        zlib.compress(json.dumps({"version": 1}).encode()),
        zlib.compress(json.dumps({"version": 1, "rows": {"gpucost_of_tomorrow": [[[], 1.0]]}}).encode()),
        zlib.compress(json.dumps({"version": 1, "rows": {"gpucost_report_ready": [[["more"], 1.0]]}}).encode()),
        zlib.compress(json.dumps({"version": 1, "rows": {"gpucost_report_ready": [[[], None]]}}).encode()),
    ],
)
def test_samples_of_another_version_have_to_be_computed_again(blob: bytes) -> None:
    assert load(blob) is None
