"""Two reports side by side: every effect in money, every sum exact, every sentence true."""

from __future__ import annotations

import copy
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import gpucost
from casereport import built_with_events, spec_of, versions_of
from examples import dollars, slow
from gpucost.api.costreport import parse_spec
from gpucost.core.comparison import NodeEffects
from gpucost.core.money import NANO
from gpucost.report.build import Inputs, build_report
from gpucost.report.comparison import Comparison, compare
from gpucost.report.report import Report, total
from simulation.cases import cases
from simulation.clock import parse_instant

Case = dict[str, Any]
GOLDEN = sorted((Path(__file__).parents[1] / "data" / "golden").glob("*.json"))


def tasks(count: int, *, service: str = "draw", node: str = "gpu-0", hours: int = 1, end: str = "done") -> list[Case]:
    """Tasks of so many hours each, one after another from midnight on."""
    metainfo = f'{{"node_name": "{node}"}}'
    return [
        {"task_id": f"{service}-{node}-{i}", "service_name": service, "status": status, "creation_ts": at} | place
        for i in range(count)
        for status, at, place in (
            ("running", MIDNIGHT + i * hours * HOUR, {"metainfo": metainfo}),
            (end, MIDNIGHT + (i + 1) * hours * HOUR, {}),
        )
    ]


def nodes(pool: str, count: int) -> Case:
    return {"name": pool, "pool": pool, "nodes": count, "schedule": "0 0 * * *"}


def node_type(name: str, price: str | None) -> Case:
    return {"name": name, "match": [f"{name}*"], "prices": [{"pricePerHour": price}] if price else []}


HOUR = 3_600_000_000
MIDNIGHT = parse_instant("2025-06-02T00:00:00Z", "UTC")
BEFORE: Case = {
    "period": {"start": "2025-06-02", "end": "2025-06-03"},
    "timeZone": "UTC",
    "now": "2025-06-09T00:00:00Z",
    "bucket": "Day",
    "idle": "Distribute",
    "executionTime": "RunningOnly",
    "staleAfterSeconds": 86400,
    "types": [node_type("gpu", "10"), node_type("mini", "1")],
    "cronJobs": [nodes("gpu-pool", 2)],
    "exclude": [],
    "events": tasks(4),
}
"""A day of two nodes at 10 USD, 480 USD, on which four tasks took an hour each."""


def report_of(*, of_tasks: bool = True, currency: str = "USD", **changes: Any) -> Report:
    """The report of BEFORE with changes."""
    return report_from(BEFORE | changes, of_tasks=of_tasks, currency=currency)


def report_from(case: Case, *, of_tasks: bool = True, currency: str = "USD") -> Report:
    spec = spec_of(case) | {"currency": currency}
    now = parse_instant(case["now"], case["timeZone"])
    if not of_tasks:
        del spec["tasks"]
    inputs = Inputs("case", "default", parse_spec(spec), versions_of(case))
    return built_with_events(case, inputs, now) if of_tasks else build_report(inputs, now)


def check(comparison: Comparison, before: Report, after: Report) -> Comparison:
    """Per type, service and in total, the effects sum exactly to the change of the reports' own figures."""
    cost = [{name: total(r.grid.node_cost[k]) for k, name in enumerate(r.types)} for r in (before, after)]
    assert {x.name for x in comparison.node_types} == cost[0].keys() | cost[1].keys()
    for x in comparison.node_types:
        assert x.effects.total == cost[1].get(x.name, 0) - cost[0].get(x.name, 0)
    assert comparison.effects.total == total(after.grid.node_cost) - total(before.grid.node_cost)
    if comparison.services:
        change = total(after.grid.allocated) - total(before.grid.allocated)
        assert sum(x.effects.total for x in comparison.services) == change
    for service in comparison.services:
        assert service.effects.total == service.after.cost - service.before.cost
    return comparison


def compared(before: Report, after: Report) -> Comparison:
    return check(compare(before, after), before, after)


# What changed, in a sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({}, "The same node cost as before, 480.00 USD.", id="nothing"),
        pytest.param(
            {"types": [node_type("gpu", "12")]},
            "96.00 USD more than before (20.0 %): +96.00 from higher prices.",
            id="a higher price is all of the change",
        ),
        pytest.param(
            {"cronJobs": [nodes("gpu-pool", 1)]},
            "240.00 USD less than before (50.0 %): -240.00 from fewer nodes for the same work.",
            id="fewer nodes at equal tasks are of the schedule alone",
        ),
        pytest.param(
            {"cronJobs": [nodes("gpu-pool", 4)], "events": tasks(8)},
            "480.00 USD more than before (100.0 %): +480.00 from more successes.",
            id="twice the tasks on twice the nodes",
        ),
        pytest.param(
            {"events": tasks(8)},
            "The same node cost as before, 480.00 USD: +480.00 from more successes, "
            "-480.00 from fewer nodes for the same work.",
            id="twice the tasks on the same nodes",
        ),
        pytest.param(
            {"events": [*tasks(4), *tasks(2, service="broken", end="error")], "cronJobs": [nodes("gpu-pool", 3)]},
            "240.00 USD more than before (50.0 %): +240.00 from longer run time per success.",
            id="failures are time that successes take",
        ),
        pytest.param(
            {"types": [node_type("gpu", "9")], "cronJobs": [nodes("gpu-pool", 3)]},
            "168.00 USD more than before (35.0 %): +240.00 from more nodes for the same work, -72.00 from lower prices.",
            id="the largest effect comes first",
        ),
    ],
)
def test_the_sentence_says_what_changed_and_by_what(changes: Case, sentence: str) -> None:
    assert compared(report_of(), report_of(**changes)).sentence == sentence


def test_successes_that_move_to_a_cheaper_type_are_not_called_fewer() -> None:
    """Six tasks before and after. On gpu they cost 120 each, on mini 6: two that move take 240 off gpu, add 12 to mini."""
    pools = [nodes("gpu-pool", 2), nodes("mini-pool", 1)]
    before = report_of(cronJobs=pools, events=[*tasks(4), *tasks(2, node="mini-0")])
    after = report_of(cronJobs=pools, events=[*tasks(2), *tasks(4, node="mini-0")])
    found = compared(before, after)
    assert dollars(found.effects.volume) == -240 + 24
    assert "-216.00 from successes on cheaper node types" in found.sentence


def test_without_tasks_only_schedule_and_price_are_told_apart() -> None:
    before = report_of(of_tasks=False)
    after = report_of(of_tasks=False, cronJobs=[nodes("gpu-pool", 3)], types=[node_type("gpu", "12")])
    found = compared(before, after)
    assert found.effects == NodeEffects(schedule=240 * NANO, price=144 * NANO)
    assert found.sentence == (
        "384.00 USD more than before (80.0 %): +240.00 from more node-hours, +144.00 from higher prices."
    )
    assert found.services == ()
    assert [note for note in found.notes if "without tasks" in note]


def test_a_change_from_nothing_has_no_percentage() -> None:
    found = compared(report_of(cronJobs=[]), report_of())
    assert found.sentence == "480.00 USD more than before: +480.00 from more nodes for the same work."


# Types and services that come and go


def test_a_new_and_a_gone_type_are_named_and_are_of_the_schedule() -> None:
    found = compared(report_of(), report_of(cronJobs=[nodes("mini-pool", 2)], events=tasks(4, node="mini-0")))
    assert [(x.name, x.presence, x.effects) for x in found.node_types] == [
        ("gpu", "gone", NodeEffects(schedule=-480 * NANO)),
        ("mini", "new", NodeEffects(schedule=48 * NANO)),
    ]


def test_services_come_by_the_size_of_their_change_and_say_that_they_are_new_or_gone() -> None:
    """480 USD are shared by hours: draw 3 of 8 and movie 5 of 8, then draw 4 of 8 and sound 4 of 8."""
    before = report_of(events=[*tasks(3), *tasks(1, service="movie", hours=5)])
    after = report_of(events=[*tasks(4), *tasks(1, service="sound", hours=4)])
    found = compared(before, after)
    assert [(x.name, x.presence, dollars(x.effects.total)) for x in found.services] == [
        ("movie", "gone", -300),
        ("sound", "new", 240),
        ("draw", None, 60),
    ]
    draw = found.services[2].effects
    assert [dollars(money) for money in (draw.volume, draw.efficiency, draw.rate)] == [60, 0, 0]


def test_a_price_that_was_not_known_is_told_and_absent() -> None:
    found = compared(report_of(types=[node_type("gpu", None)]), report_of())
    assert found.effects == NodeEffects(price=480 * NANO)
    assert "Node-hours without a price cost nothing here: 48 before, 0 after." in found.notes
    row = found.frame("comparison_node_types").iloc[0]
    assert row.isna()["price_per_hour_before"]
    assert row["price_per_hour_after"] == 10


# What a reader should know


def test_periods_of_different_length_are_told_and_shown_per_day() -> None:
    week = report_of(period={"start": "2025-06-02", "end": "2025-06-09"})
    found = compared(report_of(), week)
    assert found.notes[0].startswith("The periods are 1 and 7 days long")
    assert list(found.frame("comparison_totals")["node_cost_per_day"]) == [480, 480, 0]


def test_a_period_that_is_not_over_is_told() -> None:
    running = report_of(now="2025-06-02T12:00:00Z")
    told = "2025-06-02 is not over; its figures end at 2025-06-02T12:00:00Z."
    assert told in compare(report_of(), running).notes
    assert compare(running, running).notes == (told,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"idle": "Separate"}, "Cost is shared out by different rules (spec.allocation)"),
        ({"exclude": ["api-*"]}, "Tasks are counted by different rules (spec.tasks)"),
        ({"cronJobs": [{**nodes("gpu-pool", 2), "created": "2025-06-02T06:00:00Z"}]}, "Hours of unknown node count"),
    ],
)
def test_reports_that_are_not_alike_say_so(changes: Case, words: str) -> None:
    found = compared(report_of(), report_of(**changes))
    assert any(note.startswith(words) for note in found.notes)


def test_reports_that_are_alike_need_no_notes() -> None:
    assert compare(report_of(), report_of(events=tasks(8))).notes == ()


def test_two_currencies_are_refused() -> None:
    with pytest.raises(ValueError, match="reports in USD and EUR can't be compared"):
        compare(report_of(), report_of(currency="EUR"))


# Tables


def test_the_tables_show_the_effects_and_what_they_come_from() -> None:
    found = compared(report_of(), report_of(types=[node_type("gpu", "12")], events=tasks(8)))
    assert found.frames == ["comparison_totals", "comparison_node_types", "comparison_services"]
    totals = found.frame("comparison_totals").set_index("row")
    assert totals["node_cost"].tolist() == [480, 576, 96]
    assert totals["cost_per_success"].tolist() == [120, 72, -48]
    effects = ["volume_effect", "efficiency_effect", "schedule_effect", "price_effect"]
    assert totals.loc["change", effects].tolist() == [480, 0, -480, 96]
    row = found.frame("comparison_node_types").iloc[0]
    assert [row[name] for name in effects] == [480, 0, -480, 96]
    assert [row["succeeded_before"], row["succeeded_after"]] == [4, 8]
    assert [row["price_per_hour_before"], row["price_per_hour_after"]] == [10, 12]
    service = found.frame("comparison_services").iloc[0]
    assert [service[f"{name}_effect"] for name in ("volume", "efficiency", "rate")] == [480, 0, -384]
    assert [service["cost_per_hour_before"], service["cost_per_hour_after"]] == [120, 72]


def test_tables_have_their_columns_also_without_rows() -> None:
    nothing = report_of(of_tasks=False, cronJobs=[])
    for name in compare(nothing, nothing).frames:
        frame = compare(nothing, nothing).frame(name)
        assert list(frame.columns)
        assert len(frame) == (3 if name == "comparison_totals" else 0)


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text(encoding="utf-8")
    found = compare(report_of(), report_of())
    for name in found.frames:
        section = page.partition(f"### {name}\n")[2].partition("\n### ")[0]
        documented = [
            column for row in re.findall(r"^\| (`.*?) \|", section, re.M) for column in re.findall(r"`(\w+)`", row)
        ]
        assert sorted(documented) == sorted(found.frame(name).columns)


def test_it_is_reached_from_the_package() -> None:
    found = gpucost.compare(report_of(), report_of())
    assert isinstance(found, gpucost.Comparison)
    assert found.effects == NodeEffects()


# Any two reports


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_effects_sum_exactly_in_golden_cases(path: Path) -> None:
    """Against another price and schedule, and against the case before it in the folder."""
    case = json.loads(path.read_text(encoding="utf-8"))["case"]
    other = json.loads(GOLDEN[GOLDEN.index(path) - 1].read_text(encoding="utf-8"))["case"]
    changed = copy.deepcopy(case)
    for kind in changed["types"]:
        for price in kind["prices"]:
            price["pricePerHour"] = str(Decimal(price["pricePerHour"]) * 3 + Decimal("0.000000007"))
    for job in changed["cronJobs"]:
        job["nodes"] += 1
    report = report_from(case)
    for after in (report_from(changed), report_from(other)):
        compared(report, after)
        compared(after, report)


@slow(10)
@given(first=cases(), second=cases())
def test_effects_sum_exactly_whatever_is_compared(first: Case, second: Case) -> None:
    """And every table and the sentence can be made."""
    found = compared(report_from(first), report_from(second))
    assert found.sentence.endswith(".")
    totals = found.frame("comparison_totals")
    assert totals["node_cost"][2] == sum(found.frame("comparison_node_types")["change"], Decimal(0))
    assert totals["allocated_cost"][2] == sum(found.frame("comparison_services")["change"], Decimal(0))


@slow(10)
@given(case=cases())
def test_a_report_against_itself_has_not_changed(case: Case) -> None:
    report = report_from(case)
    found = compared(report, report)
    assert found.effects == NodeEffects()
    assert not any(x.effects.total or x.presence for x in found.node_types)
    assert not any(x.effects.total or x.presence for x in found.services)
