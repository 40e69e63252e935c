"""One report in five places: its page, files, metrics, status and frames in a notebook have the same figures."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from io import BytesIO

import openpyxl
import pyarrow.csv as pa_csv

from browser.chromium import StartVisit
from browser.server import Site
from gpucost.core.money import NANO, SECOND_US, shown_hours, shown_money, shown_tariff
from gpucost.metrics.samples import samples_of
from gpucost.pages.grid import percent
from gpucost.report.downloads import download
from gpucost.report.report import total
from gpucost.report.status import status_of


def test_the_sums_are_the_same_in_all_five(visit: StartVisit, site: Site) -> None:
    """Money of the nodes, of attempts, of idle nodes: exact, but for the page (to the cent) and metrics (floats)."""
    report = site.report("demo")
    exact = {
        name: total(values)
        for name, values in (
            ("node_cost", report.grid.node_cost),
            ("allocated_cost", report.grid.allocated),
            ("idle_cost", report.grid.idle_cost),
        )
    }

    found = visit()
    found.go(site.page("demo"))
    assert found.page.locator(".facts dd a").all_inner_texts()[:3] == [shown_money(x, "USD") for x in exact.values()]

    status, frame = status_of(report), report.frame("totals")
    book = openpyxl.load_workbook(BytesIO(download(report, "tables", "xlsx").content()), read_only=True)
    (in_json,) = json.loads(download(report, "totals", "json").content())
    in_csv = pa_csv.read_csv(BytesIO(download(report, "totals", "csv").content()), convert_options=TEXTS)
    head, row = book["totals"].iter_rows(values_only=True)
    metrics = samples_of(report).rows
    for name, nano in exact.items():
        words = name.split("_")
        assert nanos(status["summary"][words[0] + words[1].capitalize()]) == nano
        assert nanos(frame[name][0]) == nanos(in_json[name]) == nanos(in_csv[name][0].as_py()) == nano
        assert dict(zip(head, row, strict=True))[name] == nano / NANO
        assert Fraction(sum(one.value for one in metrics[f"gpucost_report_{name}"])) == Fraction(nano / NANO)


def test_a_service_is_the_same_in_all_five(visit: StartVisit, site: Site) -> None:
    """Counts and money of one service, and what a success of it costs: rounded to 6 digits on the page, else to 9."""
    report, name = site.report("demo"), "video"
    (stated,) = (one for one in status_of(report)["services"] if one["name"] == name)
    nano, per_success = nanos(stated["allocatedCost"]), Decimal(stated["costPerSuccess"])

    found = visit()
    found.go(site.page("demo"))
    head, *body = found.table("services")
    shown = dict(zip(head, next(row for row in body if row[0] == name), strict=True))
    assert shown["allocated"] == shown_money(nano)
    assert shown["per success"] == shown_tariff(Fraction(nanos(per_success)))
    assert shown["succeeded"] == f"{stated['succeeded']:,}"

    (frame,) = (row for row in report.frame("services").to_dict("records") if row["service_name"] == name)
    (in_json,) = (
        row for row in json.loads(download(report, "services", "json").content()) if row["service_name"] == name
    )
    table = pa_csv.read_csv(BytesIO(download(report, "services", "csv").content()), convert_options=TEXTS).to_pylist()
    (in_csv,) = (row for row in table if row["service_name"] == name)
    for row in (frame, in_json, in_csv):
        assert nanos(row["allocated_cost"]) == nano
        assert Decimal(row["cost_per_success"]) == per_success
        assert int(row["succeeded"]) == stated["succeeded"]

    metrics = samples_of(report).rows
    money = [one.value for one in metrics["gpucost_service_cost"] if one.labels[0] == name]
    (rate,) = (one.value for one in metrics["gpucost_cost_per_success"] if one.labels[0] == name)
    assert round(sum(money) * NANO) == nano
    assert rate == float(per_success)


def test_node_types_and_their_ratios_are_the_same_in_all_five(visit: StartVisit, site: Site) -> None:
    report = site.report("demo")
    found = visit()
    found.go(site.page("demo"))
    frame, metrics = report.frame("node_types").set_index("node_type"), samples_of(report).rows
    for stated in status_of(report)["nodeTypes"]:
        name, coverage = stated["name"], Decimal(stated["coverageRatio"])
        (coverage_series,) = (x.value for x in metrics["gpucost_report_coverage_ratio"] if x.labels == (name,))
        (seconds,) = (x.value for x in metrics["gpucost_report_node_seconds"] if x.labels[0] == name)
        assert frame.coverage_ratio[name] == coverage
        assert coverage_series == float(coverage)
        assert Decimal(seconds) / 3600 == Decimal(stated["nodeHours"]) == frame.node_hours[name]
        place = found.column("node_types", "node type").index(name)
        assert found.column("node_types", "coverage")[place] == percent(Fraction(coverage))
        assert found.column("node_types", "node-hours")[place] == shown_hours(int(seconds * SECOND_US))


TEXTS = pa_csv.ConvertOptions(
    column_types={
        "allocated_cost": "string",
        "node_cost": "string",
        "idle_cost": "string",
        "cost_per_success": "string",
    }
)


def nanos(money: object) -> int:
    """Nano-units of a decimal or its text."""
    return int(Decimal(str(money)) * NANO)
