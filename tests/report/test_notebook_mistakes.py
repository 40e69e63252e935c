"""The 21 mistakes of the notebook that this method replaces (section 8), each with an example that shows what is right.

Unless a test says otherwise a node of type a100 costs $10 an hour and one of l4 $1, and the day is Monday, 2025-06-02.
"""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from casereport import events_of, report_of, spec_of, versions_of
from examples import dollars, hours, utc, version
from gpucost.api.costreport import parse_spec
from gpucost.core.versions import KnownVersion
from gpucost.report.build import Inputs, build_report
from gpucost.report.files import contents, write_files
from gpucost.report.report import OUTCOMES, Report, total
from gpucost.report.tables import table

MONDAY, TUESDAY, WEDNESDAY = "2025-06-02", "2025-06-03", "2025-06-04"

Case = dict[str, Any]
Pools = list[tuple[str, str, int]]
"""(pool, schedule, nodes) of CronJobs that hold since ever."""

ONE_NODE: Pools = [("a100", "@daily", 1)]
"""24 node-hours, $240 a day."""


def node_type(name: str, price: int | str) -> Case:
    return {"name": name, "match": [f"*{name}*"], "prices": [{"pricePerHour": price}]}


def case_of(pools: Pools, *tasks: list[Case], start: str = MONDAY, end: str = TUESDAY, **other: Any) -> Case:
    """A case of a few days of June 2025, read in July."""
    jobs = [
        {"name": f"job-{i}", "pool": pool, "schedule": schedule, "nodes": nodes}
        for i, (pool, schedule, nodes) in enumerate(pools)
    ]
    case: Case = {
        "period": {"start": start, "end": end},
        "timeZone": "UTC",
        "now": "2025-07-10T00:00:00Z",
        "bucket": "Day",
        "idle": "Distribute",
        "executionTime": "RunningOnly",
        "staleAfterSeconds": 86400,
        "types": [node_type("a100", 10), node_type("l4", 1)],
        "cronJobs": jobs,
        "exclude": [],
        "events": [event for task in tasks for event in task],
    }
    return case | other


def report_on(pools: Pools, *tasks: list[Case], **other: Any) -> Report:
    return report_of(case_of(pools, *tasks, **other))


def task(name: str, *events: tuple[str, str], service: str | None = "draw", node: str = "a100-0") -> list[Case]:
    """A task's events as (time, status); a time without a date is Monday's."""
    return [
        {
            "task_id": name,
            "service_name": service,
            "status": status,
            "creation_ts": utc(at if "T" in at else f"{MONDAY}T{at}"),
            "metainfo": f'{{"node_name": "{node}"}}',
        }
        for at, status in events
    ]


def run(name: str, start: str, end: str, status: str = "done", **other: Any) -> list[Case]:
    """A task that ran once."""
    return task(name, (start, "running"), (end, status), **other)


def rows(report: Report, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table(report, name).arrow().to_pylist()
    return found


def node_hours(report: Report) -> float:
    return hours(total(report.grid.node_us))


def node_cost(report: Report) -> float:
    return dollars(total(report.grid.node_cost))


def by_task(report: Report) -> dict[str, float]:
    """Dollars per task."""
    assert report.details is not None
    found: Counter[str] = Counter()
    for number, money in zip(report.details.attempts.task, report.details.cost, strict=True):
        found[str(report.details.attempts.task_ids[number])] += int(money)
    return {name: dollars(money) for name, money in found.items()}


def by_type(report: Report) -> dict[str, float]:
    """Allocated dollars per node type."""
    return {name: dollars(total(report.grid.allocated[k])) for k, name in enumerate(report.types)}


def ended(report: Report) -> dict[str, int]:
    """Ended attempts by outcome."""
    found: Counter[str] = Counter()
    for outcome, attempts in zip(report.ended.outcome, report.ended.attempts, strict=True):
        found[str(OUTCOMES[outcome])] += int(attempts)
    return dict(found)


def test_01_the_node_count_is_carried_over_midnight() -> None:
    """3 nodes from 20:00, 1 from 8:00: 24 + 12 + 12 = 48 node-hours a day. From 0 at midnight it would be 24."""
    report = report_on([("a100", "0 20 * * *", 3), ("a100", "0 8 * * *", 1)], end=WEDNESDAY)
    assert [hours(us) for us in report.cells.by_day(report.grid.node_us[0])] == [48, 48]
    assert node_cost(report) == 960


def test_02_changes_count_from_their_minute_on() -> None:
    """1 node at 9:00, 5 at 9:15, 0 at 10:45: 0.25 + 5 * 1.5 = 7.75 node-hours. By whole hours it would be 2."""
    report = report_on([("a100", "0 9 * * *", 1), ("a100", "15 9 * * *", 5), ("a100", "45 10 * * *", 0)])
    assert (node_hours(report), node_cost(report)) == (7.75, 77.5)


def test_03_pools_of_one_type_are_summed() -> None:
    """2 nodes from 6:00 to 12:00 and 4 from 9:00 to 11:00: 12 + 8 = 20 node-hours."""
    first = [("a100-1", "0 6 * * *", 2), ("a100-1", "0 12 * * *", 0)]
    second = [("a100-2", "0 9 * * *", 4), ("a100-2", "0 11 * * *", 0)]
    report = report_on([*first, *second])
    assert {line.pool.name: hours(line.node_us) for line in report.pools} == {"a100-1": 12, "a100-2": 8}
    assert (report.types, node_hours(report), node_cost(report)) == (("a100",), 20, 200)


def test_04_lists_ranges_steps_and_names_in_a_cron_are_read() -> None:
    """3 nodes at 8:00 and 14:00 on working days, 0 at 10:30, 16:30 and 22:30: 5 hours, 15 node-hours on Monday."""
    pools = [("a100", "0 8,14 * * MON-FRI", 3), ("a100", "30 10/6 * * *", 0)]
    assert node_hours(report_on(pools)) == 15
    assert node_hours(report_on(pools, start="2025-06-01", end=MONDAY)) == 0  # a Sunday


def test_05_yesterday_keeps_its_schedule_and_its_price() -> None:
    """2 nodes on Monday; edited to 5 on Tuesday, 0:00. $10 an hour until Tuesday noon, $8 from then on."""
    midnight = utc(TUESDAY)
    history = (
        KnownVersion(version("@daily", 2, "a100"), None, midnight),
        KnownVersion(version("@daily", 5, "a100"), midnight, None),
    )
    prices = [{"pricePerHour": "10"}, {"from": f"{TUESDAY}T12:00:00Z", "pricePerHour": "8"}]
    case = case_of([], end=WEDNESDAY, types=[node_type("a100", 10) | {"prices": prices}])
    report = build_report(Inputs("r", "ops", parse_spec(spec_of(case)), (history,)), utc("2025-07-10"))
    assert [hours(us) for us in report.cells.by_day(report.grid.node_us[0])] == [48, 120]
    assert [dollars(cost) for cost in report.cells.by_day(report.grid.node_cost[0])] == [480, 600 + 480]


def test_06_nodes_and_tasks_have_one_period() -> None:
    """June has 30 days, $7200; the task of the 30th gets that day's $240, the one of July 1, 0:00, is not in it."""
    last = run("last", "2025-06-30T10:00", "2025-06-30T11:00")
    next_month = run("next", "2025-07-01T00:00", "2025-07-01T01:00")
    report = report_on(ONE_NODE, last, next_month, start="2025-06-01", end="2025-07-01")
    assert (len(report.dates), str(report.dates[-1]), node_cost(report)) == (30, "2025-06-30", 7200)
    assert by_task(report) == {"last": 240}
    assert report.quality.charged == 1


def test_07_a_type_is_what_a_rule_says_and_otherwise_unknown() -> None:
    """h100 costs $30 by its own rule. What no rule matches is `unknown`: no l4 at $1, but unpriced, and reported."""
    pools = [("gpu-h100", "@daily", 1), ("cpu", "@daily", 2)]
    report = report_on(
        pools,
        run("big", "10:00", "11:00", node="gpu-h100-7"),
        run("odd", "10:00", "11:00", node="cpu-1"),
        types=[node_type("a100", 10), node_type("l4", 1), node_type("h100", 30)],
    )
    assert by_type(report) == {"h100": 720, "unknown": 0}
    assert by_task(report) == {"big": 720, "odd": 0}
    assert hours(report.quality.unpriced_us) == 48
    assert [issue.message for issue in report.quality.issues if issue.reason == "UnpricedNodes"] == [
        "48 node-hours of type unknown (pool cpu) have no price; add one to spec.nodePools.types"
    ]


def test_08_both_spellings_of_a_status_end_an_attempt() -> None:
    """Four failures of an hour each share the day's $240. With two of them dropped the others would pay $120."""
    spellings = ("error_exec_timeout", "execution_timeout", "canceled", "cancelled")
    report = report_on(ONE_NODE, *(run(status, "10:00", "11:00", status) for status in spellings))
    assert ended(report) == {"Failure": 4}
    assert by_task(report) == dict.fromkeys(spellings, 60)


def test_09_a_retry_is_an_attempt_of_its_own_and_the_queue_is_free() -> None:
    """`twice` failed after an hour, waited for two, then took another; `once` ran two hours: half of $240 each."""
    twice = task("twice", ("08:00", "running"), ("09:00", "error"), ("09:01", "waiting"), ("11:00", "running"))
    report = report_on(ONE_NODE, twice, task("twice", ("12:00", "done")), run("once", "08:00", "10:00"))
    assert by_task(report) == {"twice": 120, "once": 120}
    assert ended(report) == {"Failure": 1, "Success": 2}
    (totals,) = rows(report, "totals")
    assert (totals["tasks"], totals["attempts"], totals["retries"]) == (2, 3, 1)
    assert (totals["failure_cost"], totals["success_cost"]) == (60, 180)


def test_10_the_node_is_that_of_the_running_event() -> None:
    """While it waited it was meant for an l4; it ran on an a100."""
    waiting = task("t", ("08:00", "waiting"), node="l4-0")
    report = report_on([*ONE_NODE, ("l4", "@daily", 1)], waiting, run("t", "09:00", "10:00", node="a100-0"))
    assert by_type(report) == {"a100": 240, "l4": 0}


def test_11_an_attempt_across_midnight_is_cut() -> None:
    """`night` ran 2 of the 4 hours of Monday and all of Tuesday's 2: $120 and $240. On its start day alone: $160."""
    night = run("night", "22:00", f"{TUESDAY}T02:00")
    report = report_on(ONE_NODE, night, run("day", "10:00", "12:00"), end=WEDNESDAY)
    assert by_task(report) == {"night": 360, "day": 120}
    assert [dollars(cost) for cost in report.cells.by_day(report.grid.allocated[0])] == [240, 240]


def test_12_the_database_s_is_weekend_is_no_key() -> None:
    """A task of Saturday, 2025-06-07, that calls it a weekday: it gets Saturday's $240 all the same."""
    case = case_of(ONE_NODE, run("t", "2025-06-07T10:00", "2025-06-07T11:00"), start="2025-06-07", end="2025-06-08")
    events = events_of(case).append_column("is_weekend", pa.array([False, False]))
    with duckdb.connect() as con:
        con.register("raw", events)
        inputs = Inputs("r", "ops", parse_spec(spec_of(case)), versions_of(case), tasks=(con, "raw"))
        report = build_report(inputs, utc("2025-07-10"), details=True)
    assert by_task(report) == {"t": 240}
    assert {row["day_type"]: row["allocated_cost"] for row in rows(report, "day_types")} == {
        "Weekday": 0,
        "Weekend": 240,
    }


def test_13_a_task_without_a_service_is_of_the_service_unknown() -> None:
    """Three tasks of an hour, two of them without a service: $160 of $240."""
    null, empty = run("null", "10:00", "11:00", service=None), run("empty", "10:00", "11:00", service="")
    report = report_on(ONE_NODE, null, empty, run("named", "10:00", "11:00"))
    costs = {row["service_name"]: row["allocated_cost"] for row in rows(report, "services")}
    assert costs == {"unknown": 160, "draw": 80}
    assert dollars(total(report.grid.allocated)) == node_cost(report) == 240


def test_14_attempts_are_selected_by_overlap() -> None:
    """One began on Sunday at 22:00, one ended on Tuesday at 5:00. Monday holds 1 and 3 hours: $60 and $180."""
    early = run("early", "2025-06-01T22:00", "01:00")
    late = run("late", "21:00", f"{TUESDAY}T05:00")
    report = report_on(ONE_NODE, early, late)
    assert by_task(report) == {"early": 60, "late": 180}
    assert ended(report) == {"Success": 1}  # the late one counts on Tuesday


def test_15_the_hour_grid_holds_idle_hours() -> None:
    """One node all day, one task from 10:00 to 11:00: 24 hours of weekdays, 23 of them fully idle at $10."""
    grid = rows(report_on(ONE_NODE, run("t", "10:00", "11:00")), "hours")
    assert len(grid) == 48
    weekday = {row["hour"]: row for row in grid if row["day_type"] == "Weekday"}
    assert {hour: row["node_hours"] for hour, row in weekday.items()} == dict.fromkeys(range(24), 1)
    assert {hour: row["idle_cost"] for hour, row in weekday.items()} == dict.fromkeys(range(24), 10) | {10: 0}
    assert {hour: row["utilization_ratio"] for hour, row in weekday.items()} == dict.fromkeys(range(24), 0) | {10: 1}
    assert weekday[10]["allocated_cost"] == 240


def test_16_weekdays_are_counted() -> None:
    """1 to 10 August 2025, Friday to Sunday: 6 weekdays and 4 days of weekends. 10 * 5/7 would be 7."""
    found = rows(report_on(ONE_NODE, start="2025-08-01", end="2025-08-11", now="2025-09-01T00:00:00Z"), "day_types")
    assert {row["day_type"]: (row["days"], row["node_hours"]) for row in found} == {
        "Weekday": (6, 144),
        "Weekend": (4, 96),
    }


def test_17_utilisation_is_weighted_and_absent_without_nodes() -> None:
    """1 node busy at 0:00, 9 idle at 1:00: 10 % of 10 node-hours, though the mean of 100 % and 0 % is 50 %."""
    pools = [("a100", "0 0 * * *", 1), ("a100", "0 1 * * *", 9), ("a100", "0 2 * * *", 0)]
    report = report_on(pools, run("t", "00:00", "01:00"))
    (advice,) = report.recommendations
    assert (advice.name, dollars(advice.savings)) == ("a100-night-reduce", 80)
    assert "at most 1 of 9 nodes" in advice.message
    weekday = {row["hour"]: row["utilization_ratio"] for row in rows(report, "hours") if row["day_type"] == "Weekday"}
    assert weekday == dict.fromkeys(range(24), None) | {0: 1, 1: 0}
    (totals,) = rows(report, "totals")
    assert totals["utilization_ratio"] == Decimal("0.1")


def test_18_several_tasks_on_a_node_keep_one_node_busy() -> None:
    """Two nodes for an hour, three tasks on one of them: 1 node-hour idle, $10, and not 2 - 3 = -1."""
    pools = [("a100", "0 10 * * *", 2), ("a100", "0 11 * * *", 0)]
    report = report_on(pools, *(run(name, "10:00", "11:00") for name in "abc"))
    (totals,) = rows(report, "totals")
    assert [totals[name] / 3600 for name in ("node_seconds", "executed_seconds", "busy_seconds", "idle_seconds")] == [
        2,
        3,
        1,
        1,
    ]
    assert (totals["busy_cost"], totals["idle_cost"]) == (10, 10)


@pytest.fixture(scope="module")
def two_days() -> Report:
    """Mistake 11's tasks, and one that ran on both types."""
    both = [
        *run("both", f"{TUESDAY}T10:00", f"{TUESDAY}T12:00"),
        *run("both", f"{TUESDAY}T13:00", f"{TUESDAY}T14:00", node="l4-0"),
    ]
    night, day = run("night", "22:00", f"{TUESDAY}T02:00"), run("day", "10:00", "12:00", "error")
    return report_on([*ONE_NODE, ("l4", "@daily", 1)], night, day, both, end=WEDNESDAY)


@pytest.fixture(scope="module")
def folder(two_days: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report")
    for _ in write_files(contents(two_days, {"kind": "CostReport"}), path):
        pass
    return path


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_19_the_task_file_holds_all_of_a_task_s_cost(folder: Path) -> None:
    """Monday: night 120, day 120. Tuesday: night 120, both 120, and 24 on l4: 504. First rows would hold 360."""
    found: Counter[tuple[str, str]] = Counter()
    for line in lines_of(folder / "tasks_raw_detailed_enhanced.csv"):
        found[line["task_id"], line["node_type"]] += Decimal(line["allocated_cost_per_task"])  # type: ignore[assignment]
    assert found == {("night", "a100"): 240, ("day", "a100"): 120, ("both", "a100"): 120, ("both", "l4"): 24}
    detailed = lines_of(folder / "gen_cost_detailed_enhanced.csv")
    assert sum(Decimal(line["allocated_cost"]) for line in detailed) == sum(found.values()) == 504


COLUMNS = {
    "gen_price_by_service_enhanced": "service_name total_tasks total_allocated_cost avg_cost_per_gen std_cost_per_gen "
    "weighted_avg_cost",
    "gen_price_by_service_success_enhanced": "service_name total_tasks total_allocated_cost avg_cost_per_gen "
    "std_cost_per_gen weighted_avg_cost",
    "gen_price_by_service_fail_enhanced": "service_name total_tasks total_seconds total_allocated_cost "
    "avg_cost_per_second std_cost_per_second weighted_avg_cost_per_second",
    "gen_cost_detailed_enhanced": "date start is_weekend task_id service_name node_type success task_count "
    "total_seconds duration_ratio daily_node_cost allocated_cost cost_per_generation cost_per_second hour weekday_name",
    "daily_costs": "date is_weekend node_type node_hours hourly_price daily_cost",
    "tasks_raw_detailed_enhanced": "task_id task_date node_type service_name success duration_seconds "
    "allocated_cost_per_task weighted_avg_cost cost_type",
}


def test_20_all_six_files_are_saved_with_the_notebook_s_columns(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.csv")} == set(COLUMNS)
    for name, columns in COLUMNS.items():
        found = lines_of(folder / f"{name}.csv")
        assert len(found) > 0, name
        assert list(found[0])[: len(columns.split())] == columns.split()  # further columns may follow


def test_20_table_2_and_the_weekdays_are_there(two_days: Report) -> None:
    """Costs of both outcomes by service, and every weekday by name, with days that the period has not."""
    found = {row["weekday"]: (row["days"], row["allocated_cost"]) for row in rows(two_days, "weekdays")}
    assert found.pop("Monday") == (1, 240)
    assert found.pop("Tuesday") == (1, 264)
    assert found == dict.fromkeys(("Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), (0, 0))
    by_outcome = {row["outcome"]: row["allocated_cost"] for row in rows(two_days, "outcomes")}
    assert by_outcome == {"Failure": 120, "Interrupted": 0, "Open": 0, "Success": 384}


def test_21_a_weighted_mean_has_weights() -> None:
    """A failed hour on Monday and 3 on Tuesday, $240 each: $480 / 14,400 s = 0.0333 a second.

    The unweighted mean of Monday's 0.0667 and Tuesday's 0.0222 would be 0.0444.
    """
    one, three = run("one", "10:00", "11:00", "error"), run("three", f"{TUESDAY}T10:00", f"{TUESDAY}T13:00", "error")
    report = report_on(ONE_NODE, one, three, end=WEDNESDAY)
    found = {row["service_name"]: row for row in rows(report, "distributions")}
    assert found["draw"]["measure"] == "cost_per_failed_second"
    assert found["draw"]["weighted_mean"] == Decimal("0.033333333")
    assert found["draw"]["mean"] == Decimal("0.044444445")  # of 0.066666667 and 0.022222222
    (service,) = rows(report, "services")
    assert service["cost_per_failed_second"] == Decimal("0.033333333")


def test_21_the_dearest_services_come_first() -> None:
    """`dear` ran 9 hours once, `many` three times one: $180 and $60 of $240."""
    many = [run(f"many-{i}", "10:00", "11:00", service="many") for i in range(3)]
    report = report_on(ONE_NODE, run("dear", "01:00", "10:00", service="dear"), *many)
    found = [(row["service_name"], row["succeeded"], row["allocated_cost"]) for row in rows(report, "services")]
    assert found == [("dear", 1, 180), ("many", 3, 60)]
