"""Charts: their data points are the report's figures, and every document draws, in any theme, width and report."""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vl_convert
from hypothesis import given

from casereport import report_of, spec_of, versions_of
from examples import slow
from gpucost.api.costreport import parse_spec
from gpucost.core.actuation import Records, Run
from gpucost.core.calendar import WEEKDAYS
from gpucost.core.instants import parse_instant
from gpucost.core.money import HOUR_US, NANO
from gpucost.report.build import Inputs, build_report
from gpucost.report.charts import CHARTS, available, chart, charts
from gpucost.report.charts.chart import NOTEBOOK_MIME, Chart
from gpucost.report.charts.figures import NAME_LENGTH, TOP, shown_name
from gpucost.report.charts.nodes import LANES, MOST_STEPS, lanes_of, scheduled_us
from gpucost.report.charts.render import VEGA_LITE, png, svg
from gpucost.report.charts.theme import DARK, LIGHT, THEMES, Hue, Theme
from gpucost.report.charts.waterfall import steps_of
from gpucost.report.lines import task_lines
from gpucost.report.report import Report, total
from gpucost.report.tables import table
from report.chartcase import HOSTILE, case
from simulation.cases import cases

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "golden").glob("*.json"))


def without_tasks(now: str = "2025-06-10T00:00:00Z", records: Records | None = None) -> Report:
    """The same nodes as a report that reads no tasks."""
    spec = {key: value for key, value in spec_of(case()).items() if key != "tasks"}
    inputs = Inputs("case", "default", parse_spec(spec), versions_of(case()), records=records)
    return build_report(inputs, parse_instant(now) or 0)


@pytest.fixture(scope="module")
def plain() -> Report:
    return report_of(json.loads((GOLDEN[0].parent / "plain.json").read_text(encoding="utf-8"))["case"])


def sums(drawn: Chart, key: str, value: str) -> dict[str, float]:
    """Sums of a chart's rows by a field."""
    found: dict[str, float] = defaultdict(float)
    for row in drawn.rows:
        found[row[key]] += row[value] or 0
    return dict(found)


# Data points


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_waterfall_ends_at_nothing_to_the_nano_unit(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    steps = steps_of(report_of(golden["case"], details=False))
    assert sum(step.cost for step in steps) == golden["expected"]["nodeCost"]
    assert sum(step.cost for step in steps[:4]) == golden["expected"]["busyCost"]
    assert all(step.cost >= 0 for step in steps)


@slow(5)
@given(drawn=cases())
def test_charts_of_random_reports_add_up_and_are_finite(drawn: dict[str, Any]) -> None:
    """Schedules, prices, zones and events of every sort: whatever a report can give can be written as JSON."""
    report = report_of(drawn)
    assert sum(step.cost for step in steps_of(report)) == total(report.grid.node_cost)
    json.dumps([each.document(LIGHT) for each in charts(report)], allow_nan=False)


def test_the_waterfall_splits_busy_cost_over_outcomes_as_idle_separate_does() -> None:
    """Whatever the report's own mode: the same case with ``idle: Separate`` allocates exactly these sums."""
    golden = json.loads((GOLDEN[0].parent / "plain.json").read_text(encoding="utf-8"))["case"]
    steps = {step.name: step.cost for step in steps_of(report_of(golden, details=False))}
    apart = task_lines(report_of(golden | {"idle": "Separate"}, details=False)).values()
    for outcome in ("Success", "Failure", "Interrupted", "Open"):
        assert steps[outcome] == sum(cost for line in apart for name, cost in line.cost_by.items() if name == outcome)


def test_idle_is_of_an_unused_type_else_of_the_night_else_of_the_weekend_else_of_the_weekday() -> None:
    """One node at $10 all week: 7 nights of 7 h, 2 weekend days of 17 h, 5 weekdays of 17 h, of which one hour is busy."""
    always = [{"name": "on", "pool": "gpu-pool", "nodes": 1, "schedule": "0 0 * * *"}]
    steps = {step.name: step.cost // NANO for step in steps_of(report_of(case(cronJobs=always)))}
    assert steps["Success"] == 10
    assert steps["Idle: types on which no task ran"] == 0
    assert steps["Idle at night, 00:00-07:00"] == 490
    assert steps["Idle at weekends"] == 340
    assert steps["Idle on weekdays, 07:00-24:00"] == 840


def test_a_type_on_which_no_task_ran_is_idle_as_such_at_any_hour() -> None:
    steps = {step.name: step.cost // NANO for step in steps_of(report_of(case(events=[], services=())))}
    assert steps == dict.fromkeys(steps, 0) | {"Idle: types on which no task ran": 1200}


def test_the_waterfalls_bars_begin_where_the_one_before_ends(plain: Report) -> None:
    first, *steps = chart(plain, "waterfall").rows
    assert first["to"] == pytest.approx(total(plain.grid.node_cost) / NANO)
    assert [step["to"] for step in steps] == [first["to"], *(step["from"] for step in steps[:-1])]
    assert steps[-1]["from"] == 0


def test_days_are_those_of_the_table(plain: Report) -> None:
    days = table(plain, "days").frame()
    rows = {name: chart(plain, name).rows for name in ("daily_cost", "coverage", "cost_per_success")}
    assert [row["date"] for row in rows["daily_cost"]] == days["date"].tolist()
    assert [row["node"] for row in rows["daily_cost"]] == pytest.approx(days["node_cost"].astype(float).tolist())
    assert [row["allocated"] for row in rows["daily_cost"]] == pytest.approx(
        days["allocated_cost"].astype(float).tolist()
    )
    assert _floats([row["coverage"] for row in rows["coverage"]]) == _floats(days["coverage_ratio"])
    assert _floats([row["cost"] for row in rows["cost_per_success"]]) == _floats(days["cost_per_success"])


def _floats(values: Any) -> list[float | None]:
    return [None if str(value) in ("None", "<NA>") else float(value) for value in values]


def test_a_day_without_node_cost_is_a_gap_and_a_day_without_tasks_says_so() -> None:
    """Tasks on Monday only, no nodes at weekends: coverage 1, four times 0, twice nothing."""
    rows = chart(report_of(case()), "coverage").rows
    assert [row["coverage"] for row in rows] == [1, 0, 0, 0, 0, None, None]
    assert [row["state"] for row in rows] == ["tasks ran", *["no task ran"] * 4, *["no node cost"] * 2]


def test_a_day_without_a_success_has_no_cost_per_success() -> None:
    """Distribute: Monday's $240 for its one success."""
    assert [row["cost"] for row in chart(report_of(case()), "cost_per_success").rows] == [240, *[None] * 6]


def test_a_failed_second_costs_what_its_day_costs_it() -> None:
    failed = copy.deepcopy(case())
    failed["events"][1]["status"] = "error"
    rows = chart(report_of(failed), "cost_per_failed_second").rows
    assert [row["cost"] for row in rows] == [0.066666667, *[None] * 6]


def test_utilisation_by_hour_is_none_where_there_are_no_nodes() -> None:
    """One of two nodes ran on one of five weekdays from 9 to 10: 10 %."""
    rows = {(row["day_type"], row["hour"]): row for row in chart(report_of(case()), "utilization_by_hour").rows}
    assert len(rows) == 48
    assert rows["Weekday", 9]["utilization"] == 0.1
    assert rows["Weekday", 8]["utilization"] == 0
    assert rows["Weekday", 3]["utilization"] is None
    assert rows["Weekend", 9]["utilization"] is None


def test_utilisation_by_weekday() -> None:
    """One busy hour in Monday's 24 node-hours."""
    rows = chart(report_of(case()), "utilization_by_weekday").rows
    assert [row["weekday"] for row in rows] == [day[:3] for day in WEEKDAYS]
    assert [row["utilization"] for row in rows] == [0.041667, 0, 0, 0, 0, None, None]


def test_busy_and_idle_cost_of_a_type_are_its_node_cost(plain: Report) -> None:
    types = table(plain, "node_types").frame()
    drawn = chart(plain, "cost_by_node_type")
    assert sums(drawn, "name", "cost") == pytest.approx(
        dict(zip(types["node_type"], types["node_cost"].astype(float), strict=True))
    )
    assert sums(drawn, "part", "cost")["idle"] == pytest.approx(float(types["idle_cost"].sum()))


def test_services_are_ranked_by_cost_and_split_by_outcome(plain: Report) -> None:
    services = table(plain, "services").frame()
    drawn = chart(plain, "top_services")
    shown = list(dict.fromkeys(row["name"] for row in drawn.rows))
    assert shown == services["service_name"].tolist()[:TOP]
    assert sums(drawn, "outcome", "cost")["Success"] == pytest.approx(float(services["success_cost"][:TOP].sum()))


def test_of_more_services_than_bars_the_summary_says_how_many_and_how_much() -> None:
    """25 services with an hour each on Monday, which costs $240: 10 are drawn, 15 have 144 USD together."""
    drawn = chart(report_of(case(services=tuple(f"s{i:02d}" for i in range(25)))), "top_services")
    assert len({row["rank"] for row in drawn.rows}) == TOP
    assert drawn.summary.startswith("240.00 USD was charged to 25 services, most to s")
    assert drawn.summary.endswith("Not drawn: 15 more services with 144.00 USD in all.")


def test_the_dearest_successes_first(plain: Report) -> None:
    rows = chart(plain, "top_cost_per_success").rows
    lines = table(plain, "services").frame().set_index("service_name")["cost_per_success"].dropna().astype(float)
    assert [row["cost"] for row in rows] == pytest.approx(sorted(lines, reverse=True)[:TOP])


def test_the_spread_is_that_of_table_distributions(plain: Report) -> None:
    found = table(plain, "distributions").frame()
    found = found[found["measure"] == "cost_per_success"]
    expected = {row["service_name"]: row for row in found.to_dict("records")}
    rows = chart(plain, "cost_per_success_spread").rows
    assert rows
    for row in rows:
        for key in ("count", "p05", "p25", "p50", "p75", "p95"):
            assert row[key] == pytest.approx(float(expected[row["name"]][key]))


def test_idle_money_of_the_week_is_the_reports(plain: Report) -> None:
    rows = chart(plain, "idle_heatmap").rows
    assert len(rows) == 7 * 24
    assert sum(row["idle"] or 0 for row in rows) == pytest.approx(total(plain.grid.idle_cost) / NANO)


def test_an_hour_of_the_week_without_nodes_has_no_idle_cost_rather_than_none() -> None:
    rows = {(row["weekday"], row["hour"]): row["idle"] for row in chart(report_of(case()), "idle_heatmap").rows}
    assert rows["Mon", 9] == 10
    assert rows["Tue", 9] == 20
    assert rows["Tue", 3] is None
    assert rows["Sat", 9] is None


# Nodes


def test_steps_of_nodes_carry_their_cronjob_and_busy_nodes_lie_under_them() -> None:
    drawn = chart(report_of(case()), "node_counts")
    monday = parse_instant("2025-06-02T00:00:00Z") or 0
    first, *_ = (row for row in drawn.rows if row["kind"] == "billed, idle")
    assert (first["nodes"], first["cause"]) == (2, "default/on")
    assert [(first[key] * 1000 - monday) // HOUR_US for key in ("at", "until")] == [8, 20]
    (busy,) = (row for row in drawn.rows if row["kind"] == "tasks ran")
    assert (busy["nodes"], (busy["at"] * 1000 - monday) // HOUR_US) == (1, 9)


def test_rectangles_have_the_area_of_node_time_and_busy_time(plain: Report) -> None:
    """Of the six lanes that are drawn: pools, and the type of several pools."""
    rows = chart(plain, "node_counts").rows
    hours: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        hours[row["pool"], row["kind"]] += row["nodes"] * (row["until"] - row["at"]) / 3_600_000
    lanes = {lane.name: lane for lane in lanes_of(plain)[:LANES]}
    pools = {line.pool.name: line.node_us / HOUR_US for line in plain.pools if line.pool.name in lanes}
    drawn = {
        pool: sum(found for (name, kind), found in hours.items() if name == pool and "billed" in kind) for pool in pools
    }
    assert drawn == pytest.approx(pools, abs=0.01)
    busy = sum(found for (_, kind), found in hours.items() if kind == "tasks ran")
    known = [total(lane.busy_us) for lane in lanes.values() if lane.busy_us is not None]
    assert busy == pytest.approx(sum(known) / HOUR_US, abs=0.1)


def test_of_pools_of_one_type_only_the_type_knows_its_busy_nodes(plain: Report) -> None:
    kinds = {(row["pool"], row["kind"]) for row in chart(plain, "node_counts").rows}
    assert ("a100: all pools", "tasks ran") in kinds
    assert ("gpu-a100", "billed") in kinds
    assert ("gpu-a100", "tasks ran") not in kinds


def test_node_counts_of_long_periods_are_means_that_keep_node_time() -> None:
    """Three pools that change four times a day for a year: 4,392 changes."""
    jobs = [
        {"name": f"{pool}-{hour}", "pool": f"gpu-{pool}", "nodes": hour % 5, "schedule": f"0 {hour} * * *"}
        for pool in "abc"
        for hour in (3, 8, 13, 19)
    ]
    year = {"start": "2024-06-02", "end": "2025-06-03"}
    report = report_of(case(cronJobs=jobs, period=year), details=False)
    drawn = chart(report, "node_counts")
    assert len(drawn.rows) <= 2 * MOST_STEPS
    assert "There are too many changes to draw: node counts are means of each week." in drawn.summary
    billed = [row for row in drawn.rows if row["kind"] == "billed"]
    alone = [row for row in billed if row["pool"] == "gpu-a"]
    hours = sum(row["nodes"] * (row["until"] - row["at"]) for row in alone) / 3_600_000
    assert hours == pytest.approx(report.pools[0].node_us / HOUR_US, rel=1e-3)


def test_the_repeated_hour_of_autumn_does_not_go_back() -> None:
    autumn = case(
        timeZone="Europe/Berlin", period={"start": "2025-10-26", "end": "2025-10-27"}, now="2025-10-28T00:00:00"
    )
    autumn["cronJobs"] = [
        {"name": f"at-{minute}", "pool": "gpu-pool", "nodes": 1 + minute, "schedule": f"{minute} 0,1 * * *"}
        for minute in (10, 40)
    ]
    rows = [row for row in chart(report_of(autumn), "node_counts").rows if "cause" in row]
    assert len(rows) >= 4
    assert all(before["until"] <= after["at"] for before, after in itertools.pairwise(rows))


def test_drift_is_what_jobs_did_against_what_was_scheduled() -> None:
    """Monday's Job of 08:00 is done at 09:00, from where on both are known; that of 20:00 at 21:00: 2 node-hours more."""

    def run(at: str, ended: str) -> Run:
        start, end = parse_instant(f"2025-06-02T{at}:00Z"), parse_instant(f"2025-06-02T{ended}:00Z")
        return Run(start, start or 0, end, True)

    did = Records({"default/on": [run("08:00", "09:00")], "default/off": [run("20:00", "21:00")]})
    report = without_tasks("2025-06-03T00:00:00Z", did)
    drawn = chart(report, "drift")
    assert drawn.summary.startswith("Jobs made 2.0 node-hours more than was scheduled (+20.00 USD) in 1 pool,")
    (row,) = drawn.rows
    assert (row["name"], row["scheduled"], row["done"], row["hours"], row["cost"]) == ("gpu-pool", 22, 24, 2, 20)
    (line,) = report.pools
    assert line.drift is not None
    assert scheduled_us(report, line) == 22 * HOUR_US


# What a report has


def test_a_report_without_tasks_shows_nodes_only_and_claims_no_idleness() -> None:
    report = without_tasks()
    assert available(report) == ["daily_cost", "cost_by_node_type", "node_counts"]
    assert "allocated" not in chart(report, "daily_cost").rows[0]
    assert {row["part"] for row in chart(report, "cost_by_node_type").rows} == {"node cost"}
    assert {row["kind"] for row in chart(report, "node_counts").rows} == {"billed"}


def test_a_missing_chart_says_what_the_report_lacks() -> None:
    with pytest.raises(ValueError, match=r"there is no chart waterfall: the report has no spec\.tasks"):
        chart(without_tasks(), "waterfall")
    with pytest.raises(ValueError, match="compute it with details=True"):
        report_of(case(), details=False).chart("cost_per_success_spread")
    with pytest.raises(KeyError, match="there are waterfall, daily_cost"):
        without_tasks().chart("pie")


def test_a_period_that_has_not_begun_has_no_charts() -> None:
    assert report_of(case(now="2025-06-01T00:00:00Z", events=[])).charts == []


def test_names_of_charts_are_those_of_the_registry(plain: Report) -> None:
    assert [drawn.name for drawn in charts(plain)] == available(plain) == plain.charts
    assert set(CHARTS) - set(available(plain)) == {"drift"}


# Sentences


def test_summaries_say_the_figures() -> None:
    said = {drawn.name: drawn.summary for drawn in charts(report_of(case()))}
    assert said["daily_cost"] == (
        "Nodes cost 1,200.00 USD. The dearest day was 2025-06-02 with 240.00 USD."
        " 240.00 USD (20.0 %) was charged to tasks, 960.00 USD to nobody."
    )
    assert said["coverage"] == (
        "On the mean of days 20.0 % of node cost is charged to tasks. 4 days with node cost had no task."
        " 2 days had no node cost and no coverage: a gap, not 0 %."
    )
    assert said["waterfall"] == (
        "Node cost 1,200.00 USD = Success 10.00 USD (0.8 %) + Idle on weekdays, 07:00-24:00 1,190.00 USD (99.2 %)."
        " Idle nodes stand apart here; the tables charge them to the attempts of the day (idle: Distribute)."
    )
    assert said["cost_per_success"] == "A success cost 240.00 USD over the period. 6 days had none."
    assert said["idle_heatmap"] == (
        "Idle nodes cost 1,190.00 USD, 99.2 % of node cost."
        " The dearest hour of the week, with 20.00 USD, is Monday from 08:00. Empty: no nodes."
    )


def test_a_name_from_the_data_is_one_line_and_not_endless() -> None:
    assert shown_name("a\nb\x00c") == "a\ufffdb\ufffdc"
    assert shown_name("\u202eevil") == "\ufffdevil"
    assert shown_name("x" * 5000) == "x" * NAME_LENGTH + "…"


# Documents


SHAPES: dict[str, Callable[[], Report]] = {
    "one service": lambda: report_of(case()),
    "hostile names": lambda: report_of(case(services=HOSTILE)),
    "many services": lambda: report_of(case(services=tuple(f"service-{i}" for i in range(100)))),
    "no tasks": without_tasks,
    "no attempts": lambda: report_of(case(events=[])),
    "no price": lambda: report_of(case(types=[{"name": "gpu", "match": ["gpu*"], "prices": [{"pricePerHour": "0"}]}])),
    "one day": lambda: report_of(case(period={"start": "2025-06-02", "end": "2025-06-03"})),
    "a year": lambda: report_of(case(period={"start": "2024-06-05", "end": "2025-06-06"})),
}


@pytest.fixture(scope="module", params=SHAPES)
def shaped(request: pytest.FixtureRequest) -> Report:
    """Reports of many shapes."""
    return SHAPES[request.param]()


@pytest.mark.parametrize("version", [VEGA_LITE, "5.20"], ids=["files and pages", "notebooks"])
def test_every_document_compiles_without_a_warning(
    shaped: Report, version: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for drawn, theme in itertools.product(charts(shaped), THEMES.values()):
        document = drawn.document(theme)
        vl_convert.vegalite_to_vega(document, vl_version=version, show_warnings=True)
        assert capfd.readouterr() == ("", ""), drawn.name


def test_every_chart_draws_at_its_width(shaped: Report) -> None:
    for drawn, width in itertools.product(charts(shaped), (320, 760)):
        text = svg(drawn, LIGHT, width)
        size = re.search(r'<svg [^>]*width="([\d.]+)" height="([\d.]+)"', text)
        assert size is not None
        assert float(size[1]) <= width, drawn.name
        assert "NaN" not in text, drawn.name
        assert "Infinity" not in text, drawn.name


def test_names_are_data_and_never_part_of_an_expression() -> None:
    for drawn in charts(SHAPES["hostile names"]()):
        spec = json.dumps(drawn.spec)
        assert not any(json.dumps(shown_name(name))[1:-1] in spec for name in HOSTILE if name != "null"), drawn.name


def test_documents_are_json_and_floats_are_finite(shaped: Report) -> None:
    for drawn in charts(shaped):
        json.dumps(drawn.document(DARK), allow_nan=False)


def test_all_charts_of_a_year_are_small() -> None:
    documents = [drawn.document(LIGHT) for drawn in charts(SHAPES["a year"]())]
    assert len(json.dumps(documents)) < 500_000


def test_a_png_is_as_wide_as_asked(plain: Report) -> None:
    data = png(chart(plain, "waterfall"), LIGHT, 320, 2)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") in range(600, 645)


def test_a_notebook_gets_a_document_a_picture_and_a_sentence(plain: Report) -> None:
    drawn = chart(plain, "waterfall")
    shown = drawn._repr_mimebundle_()
    assert set(shown) == {NOTEBOOK_MIME, "image/png", "text/plain"}
    assert shown[NOTEBOOK_MIME]["title"] == ["Where node cost goes"]
    assert shown["text/plain"] == f"Where node cost goes. {drawn.summary}"
    assert set(drawn._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert "image/png" not in drawn._repr_mimebundle_(exclude={"image/png"})


# Colours


def linear_rgb(colour: str) -> list[float]:
    """Linear light of sRGB."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4) for part in parts]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    red, green, blue = linear_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("theme", "page"), [(LIGHT, "#ffffff"), (DARK, "#14171a")], ids=["light", "dark"])
def test_marks_and_texts_stand_out_from_the_page(theme: Theme, page: str) -> None:
    assert theme.page == page
    for hue in set(Hue) - {Hue.SHADE}:
        assert contrast(theme.hues[hue], page) >= 3, hue
    assert contrast(theme.muted, page) >= 4.5
    assert contrast(theme.hues[Hue.INK], page) >= 4.5


SIGHTS = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "without red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "without green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "without blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
"""What is seen of linear red, green and blue: Machado, Oliveira and Fernandes 2009, severity 1."""
TOGETHER = (
    (Hue.SUCCESS, Hue.FAILURE, Hue.INTERRUPTED, Hue.OPEN, Hue.IDLE),
    (Hue.BUSY, Hue.IDLE),
    (Hue.BUSY, Hue.WEEKEND),
)
"""Hues that share a chart."""


def oklab(colour: str, sight: str) -> tuple[float, ...]:
    """Coordinates in which equal distances look equally far apart (Ottosson 2020), as a sight sees the colour."""
    linear = linear_rgb(colour)
    red, green, blue = (max(0, sum(map(float.__mul__, map(float, row), linear))) for row in SIGHTS[sight])
    cones = (
        0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue,
        0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue,
        0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue,
    )
    x, y, z = (cone ** (1 / 3) for cone in cones)
    return (
        0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z,
        1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z,
        0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z,
    )


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_hues_that_share_a_chart_look_apart_whatever_the_sight(theme: Theme, sight: str) -> None:
    """A distance of 0.1 is that of two clearly different colours; a just noticeable one is 0.02."""
    for hues in TOGETHER:
        for one, other in itertools.combinations(hues, 2):
            assert math.dist(oklab(theme.hues[one], sight), oklab(theme.hues[other], sight)) > 0.1, (one, other)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_colours_are_parameters_with_their_meanings_names(theme: Theme, plain: Report) -> None:
    document = chart(plain, "top_services").document(theme, 320)
    assert {row["name"]: row["value"] for row in document["params"]} == {str(hue): theme.hues[hue] for hue in Hue}
    assert "#" not in json.dumps(document | {"params": [], "config": {}, "data": {}})


# The docs


def test_the_page_lists_every_chart_with_its_question_and_its_needs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "charts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    assert rows == [
        (name, found.answers, ", ".join(need.words for need in found.needs)) for name, found in CHARTS.items()
    ]
