"""Section 5 of the method: what is saved by fewer nodes is what a report with these nodes costs less."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import dollars, slow
from gpucost import compute
from gpucost.report.report import Recommendation, Report, total

Cron = tuple[str, str, int]
"""Pool, schedule, nodes."""
Run = tuple[str, str, str, str]
"""Service, node, start, end."""

MONDAY = dt.datetime(2025, 6, 2, tzinfo=dt.UTC)


def cronjob(name: str, cron: Cron, zone: str) -> dict[str, Any]:
    pool, schedule, nodes = cron
    annotations = {"gpucost.dev/node-pool": pool, "gpucost.dev/nodes": str(nodes)}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"namespace": "ops", "name": name, "annotations": annotations},
        "spec": {"schedule": schedule, "timeZone": zone},
    }


def report_of(
    crons: Sequence[Cron], runs: Sequence[Run], *, zone: str = "UTC", start: str = "2025-06-02", end: str = "2025-06-16"
) -> Report:
    """Types l4 and a100 by the names of pools and nodes; the price of l4 falls in the middle of a minute."""
    falls = {"validFrom": "2025-06-05T10:07:13Z", "pricePerHour": "0.987654321"}
    spec: dict[str, Any] = {
        "apiVersion": "gpucost.dev/v1alpha1",
        "kind": "CostReport",
        "metadata": {"name": "r", "namespace": "ops"},
        "spec": {
            "period": {"range": {"start": start, "end": end}},
            "timeZone": zone,
            "nodePools": {
                "types": [
                    {"name": "a100", "match": ["*a100*"], "prices": [{"pricePerHour": "11.07"}]},
                    {"name": "l4", "match": ["*l4*"], "prices": [{"pricePerHour": "1.300000001"}, falls]},
                ]
            },
            "tasks": {},
        },
    }
    jobs = [cronjob(f"job-{i}", cron, zone) for i, cron in enumerate(crons)]
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'; SET threads = 1")
        con.register("task_history", _events(runs))
        return compute(spec, jobs, con, now="2025-09-01T00:00:00Z", details=False)


def _events(runs: Sequence[Run]) -> pa.Table:
    rows = []
    for i, (service, node, start, end) in enumerate(runs):
        meta = f'{{"node_name": "{node}"}}'
        rows += [(f"t{i}", service, "running", start, "", meta), (f"t{i}", service, "done", end, "", "")]
    names = ("task_id", "service_name", "status", "creation_ts", "node_id", "metainfo")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.table([pa.array(list(column), pa.string()) for column in columns], names=list(names))


def rerun(report: Report, advice: Recommendation, crons: Sequence[Cron], runs: Sequence[Run], **stated: str) -> Report:
    """The report with the proposed CronJobs in place of those of the type's pools."""
    pools = {line.pool.name for line in report.pools if line.pool.node_type == advice.node_type}
    kept = [cron for cron in crons if cron[0] not in pools]
    proposed = [(line.pool, line.schedule, line.nodes) for line in advice.schedules]
    assert {line.time_zone for line in advice.schedules} <= {stated.get("zone", "UTC")}
    return report_of([*kept, *proposed], runs, **stated)


def cost(report: Report) -> int:
    return total(report.grid.node_cost)


OFFICE = [("l4", "0 8 * * 1-5", 12), ("l4", "0 20 * * *", 2), ("a100", "0 0 * * *", 4)]


def busy(node: str, day: int, start: int, end: int, minute: int = 0) -> Run:
    """A run on a day counted from Monday, 2025-06-02, between two hours."""
    at = MONDAY + dt.timedelta(days=day)
    return ("img", node, f"{at + dt.timedelta(hours=start)}", f"{at + dt.timedelta(hours=end, minutes=minute)}")


def test_weekdays_name_the_counts_and_the_cron_lines() -> None:
    """Twelve nodes from 8 to 20, at most 5 busy at once: 7 fewer for 12 h on 10 weekdays are 840 node-hours."""
    runs = [busy(f"gke-l4-{i}", day, 9, 19) for i in range(5) for day in range(5)]
    runs += [busy("gke-l4-1", day, 2, 5) for day in range(14)]  # so that nights and weekends are not idle
    report = report_of(OFFICE[:2], runs)
    (advice,) = [one for one in report.recommendations if one.name == "l4-weekday-schedule"]
    assert (advice.nodes_before, advice.nodes_after) == (12, 5)
    assert "09-19 at most 5 of 12 nodes of pool l4 were busy at once: schedule 5" in advice.message
    assert [f"{line.schedule} -> {line.nodes}" for line in advice.schedules] == [
        "0 0 * * 2-6 -> 2",
        "0 7 * * 1-5 -> 0",
        "0 9 * * 1-5 -> 5",
        "0 19 * * 1-5 -> 0",
    ]
    assert cost(report) - cost(rerun(report, advice, OFFICE[:2], runs)) == advice.savings


def test_a_type_without_work_is_to_be_removed() -> None:
    """Four a100 nodes for 14 days at 11.07."""
    runs = [busy("gke-l4-1", day, 9, 19) for day in range(5)]
    report = report_of(OFFICE, runs)
    (advice,) = [one for one in report.recommendations if one.node_type == "a100"]
    assert advice.name == "a100-remove"
    assert advice.message.startswith("No task ran on pool a100 in the period: remove it.")
    assert dollars(advice.savings) == 4 * 24 * 14 * 11.07
    assert cost(report) - cost(rerun(report, advice, OFFICE, runs)) == advice.savings


def test_lines_about_the_same_hours_say_so_and_count_once() -> None:
    from gpucost.report.words import advice_notes

    runs = [busy("gke-l4-1", day, 9, 19) for day in range(5)]
    report = report_of([("l4", "0 0 * * *", 3)], runs)
    assert report.potential_savings is not None
    assert sum(advice.savings for advice in report.recommendations) > report.potential_savings
    assert next(advice_notes(report)).startswith("Some of these lines are about the same hours: together they save ")


def test_idle_time_that_peaks_need_is_said() -> None:
    """All of two nodes are busy for an hour of each block: the rest of their idle time is the price of that."""
    runs = [busy(f"gke-l4-{i}", 0, 0, 24) for i in range(2)]
    report = report_of([("l4", "0 0 * * *", 2)], runs)
    assert {advice.name for advice in report.recommendations} == {"l4-weekend-shut-down", "l4-night-shut-down"}
    assert len(report.needed) == 1
    assert report.needed[0].startswith("Mon-Fri 07-24 every node of pool l4, up to 2, was busy")


def test_idle_time_is_not_said_to_be_needed_where_fewer_nodes_were_enough() -> None:
    """Ten nodes on a Monday, one of them idle from 23:00: nine would do then. An eleventh ran for two hours: more work beyond
    the schedule than that hour of idle time, so nothing is advised, and nothing is called needed."""
    runs = [busy(f"gke-l4-{i}", 0, 0, 24) for i in range(9)]
    runs += [busy("gke-l4-9", 0, 0, 23), busy("gke-l4-10", 0, 10, 12)]
    report = report_of([("l4", "0 0 * * *", 10)], runs, end="2025-06-03")
    assert report.caution is None  # 2 of 241 h
    assert (report.recommendations, report.needed) == ((), ())


def test_more_cron_lines_than_a_person_would_keep_are_left_out() -> None:
    """Thirty-three pools with two lines each and more; what is saved is known all the same."""
    crons = [(f"l4-{i:02}", cron, nodes) for i in range(33) for cron, nodes in (("0 8 * * 1-5", 2), ("0 20 * * *", 1))]
    report = report_of(crons, [busy("gke-l4-1", day, 9, 19) for day in range(14)])
    (advice,) = [one for one in report.recommendations if one.name == "l4-weekday-schedule"]
    assert advice.savings > 0
    assert advice.schedules == ()


# The law, on random weeks


HOURS = st.integers(0, 23)
DAYS = st.sampled_from(["*", "1-5", "0,6", "1", "2-4", "5,6"])
CRONS = st.builds(
    lambda pool, hour, minute, days, nodes: (pool, f"{minute} {hour} * * {days}", nodes),
    st.sampled_from(["l4", "l4-b", "a100"]),
    HOURS,
    st.sampled_from([0, 0, 0, 20, 37]),
    DAYS,
    st.integers(0, 6),
)
RUNS = st.builds(
    lambda node, day, start, length: busy(node, day, start, start, length),
    st.sampled_from([f"gke-l4-{i}" for i in range(4)] + ["gke-a100-1", "gke-a100-2", ""]),
    st.integers(0, 13),
    HOURS,
    st.integers(1, 500),
)


@slow(4)
@given(
    st.lists(CRONS, min_size=1, max_size=6),
    st.lists(RUNS, min_size=1, max_size=12),
    st.sampled_from([("UTC", "2025-06-02", "2025-06-16"), ("Europe/Berlin", "2025-06-03", "2025-06-14")]),
)
def test_a_rerun_with_the_proposed_cronjobs_costs_exactly_the_savings_less(
    crons: list[Cron], runs: list[Run], when: tuple[str, str, str]
) -> None:
    zone, start, end = when
    stated = {"zone": zone, "start": start, "end": end}
    report = report_of(crons, runs, **stated)
    assert (report.potential_savings or 0) <= cost(report)
    for advice in report.recommendations:
        if advice.name.endswith(("-remove", "-reduce", "-schedule")) and (
            advice.schedules or advice.name.endswith("-remove")
        ):
            assert cost(report) - cost(rerun(report, advice, crons, runs, **stated)) == advice.savings


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [("Europe/Berlin", "2025-03-24", "2025-04-07"), ("Asia/Kolkata", "2025-06-02", "2025-06-16")],
)
def test_weekly_schedules_of_the_billing_zone_always_have_cron_lines(zone: str, start: str, end: str) -> None:
    """Also where the clock changes, and where hours begin at half past of UTC."""
    first = dt.datetime.fromisoformat(f"{start}T00:00Z")
    ran = [f"{first + dt.timedelta(days=1, hours=hour)}" for hour in (5, 9)]
    runs = [("img", f"gke-l4-{i}", ran[0], ran[1]) for i in (1, 2)]
    crons = [("l4", "30 8 * * 1-5", 9), ("l4", "15 18 * * 1-5", 4), ("l4", "0 0 * * 6", 1)]
    stated = {"zone": zone, "start": start, "end": end}
    report = report_of(crons, runs, **stated)
    offered = [advice for advice in report.recommendations if advice.name.endswith("-schedule")]
    assert offered
    for advice in offered:
        assert advice.schedules
        assert cost(report) - cost(rerun(report, advice, crons, runs, **stated)) == advice.savings
