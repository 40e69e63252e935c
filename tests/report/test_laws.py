"""The conservation laws of the method, section 6: exact equality on random cases.

``cases()`` draws schedules, prices, zones around their clock changes, and task events of every sort.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from casereport import events_of, figures, money_by_service, spec_of, versions_of
from examples import slow
from gpucost.api.costreport import parse_spec
from gpucost.core.allocation import Idle
from gpucost.core.instants import instant_text
from gpucost.core.money import HOUR_US, money_text, parse_price
from gpucost.core.nodecost import QUARTER_US, quarter_start
from gpucost.engine.reduction import Census
from gpucost.report.build import Inputs, build_report
from gpucost.report.lines import task_lines
from gpucost.report.report import OUTCOMES, Ended, Report, Touching, total
from gpucost.report.status import status_of
from simulation.cases import cases
from simulation.clock import parse_instant

Case = dict[str, Any]
OPEN = [str(outcome) for outcome in OUTCOMES].index("Open")


@pytest.fixture(scope="module")
def con() -> Iterable[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        yield connection


def report_in(
    con: duckdb.DuckDBPyConnection,
    case: Case,
    *,
    period: tuple[int, int] | None = None,
    now: int | None = None,
    events: pa.Table | None = None,
    tasks: Mapping[str, str] | None = None,
) -> Report:
    """The report of a case, with another period, present, event table or keys of spec.tasks. It keeps its own laws."""
    spec = spec_of(case)
    if period is not None:
        spec["period"]["range"] = {"start": instant_text(period[0]), "end": instant_text(period[1])}
    spec["tasks"] |= tasks or {}
    con.register("raw", events_of(case) if events is None else events)
    inputs = Inputs("case", "default", parse_spec(spec), versions_of(case), tasks=(con, "raw"))
    report = build_report(inputs, now_of(case) if now is None else now, details=True)
    for law in LAWS_OF_ONE_REPORT:
        law(report)
    return report


def now_of(case: Case) -> int:
    return parse_instant(case["now"], case["timeZone"])


def ends_of(case: Case) -> tuple[int, int]:
    start, end = (parse_instant(case["period"][key], case["timeZone"]) for key in ("start", "end"))
    return start, end


# What one report must keep.


def c1_allocated_and_unallocated_are_the_node_cost(report: Report) -> None:
    """Per bucket and type all of the money goes to what ran there, or none of it where nothing ran; in every view."""
    grid, buckets = report.grid, report.buckets
    money = grid.node_cost if report.spec.allocation.idle is Idle.DISTRIBUTE else grid.busy_cost
    by_slot = np.zeros(len(report.types) * buckets.count, dtype=np.int64)
    np.add.at(by_slot, report.shares.slot, report.shares.cost)
    for k in range(len(report.types)):
        for bucket in range(buckets.count):
            mine = buckets.of_cell == bucket
            executed, allocated = total(grid.executed_us[k][mine]), total(grid.allocated[k][mine])
            assert allocated == (total(money[k][mine]) if executed else 0)
            assert allocated == by_slot[k * buckets.count + bucket]
            assert 0 <= allocated <= total(grid.node_cost[k][mine])
    assert sum(line.cost for line in task_lines(report).values()) == total(grid.allocated)


def c2_busy_and_idle_are_the_node_cost(report: Report) -> None:
    """Per hour and type."""
    grid = report.grid
    assert (grid.busy_cost + grid.idle_cost == grid.node_cost).all()
    assert ((grid.busy_cost >= 0) & (grid.busy_cost <= grid.node_cost)).all()
    assert ((grid.busy_us >= 0) & (grid.busy_us <= grid.node_us)).all()
    assert (grid.busy_us + grid.off_schedule_us <= grid.executed_us).all()
    assert (grid.off_schedule_us >= 0).all()


def c3_tasks_outcomes_types_and_services_sum_to_the_allocated(report: Report) -> None:
    assert report.details is not None
    rows, cost = report.details.attempts, report.details.cost
    allocated = total(report.grid.allocated)
    assert total(cost) == total(report.details.pieces.cost) == allocated
    assert summed(zip(rows.service, rows.outcome, strict=True), cost) == summed(
        money_by_service(report), [money for money, _ in money_by_service(report).values()]
    )
    by_type = {k: total(row) for k, row in enumerate(report.grid.allocated)}
    assert summed(rows.node_type, cost) == summed(by_type, by_type.values())


def c4_pieces_of_an_attempt_are_its_duration(report: Report) -> None:
    assert report.details is not None
    rows, pieces = report.details.attempts, report.details.pieces
    lengths = rows.part_end_us - rows.part_start_us
    assert summed(pieces.attempt, pieces.executed_us) == summed(range(len(lengths)), lengths)
    assert report.details.executed_us.tolist() == lengths.tolist()
    slots = rows.node_type[pieces.attempt] * report.buckets.count + pieces.bucket
    assert summed(slots, pieces.executed_us) == summed(report.shares.slot, report.shares.executed_us)
    assert total(report.grid.executed_us) == total(lengths)


def c6_pools_are_types_and_hours_are_days_are_the_period(report: Report) -> None:
    whole = report.cells.edges[[0, -1]]
    for k, (name, use) in enumerate(zip(report.types, report.uses, strict=True)):
        mine = [line for line in report.pools if line.pool.node_type == name]
        assert sum(line.cost for line in mine) == total(report.grid.node_cost[k]) == use.cost.between(whole).sum()
        assert sum(line.node_us for line in mine) == total(report.grid.node_us[k])
        assert total(report.cells.by_day(report.grid.node_cost[k])) == total(report.grid.node_cost[k])
    assert {line.pool.node_type for line in report.pools} <= set(report.types)


def c7_loaded_is_charged_and_skipped(report: Report) -> None:
    """And each charged attempt is a row of its own: counted in the period, open, or charged for its part only."""
    assert report.details is not None
    rows, quality = report.details.attempts, report.quality
    assert quality.loaded == quality.charged + sum(quality.skipped.values())
    assert quality.charged == len(rows.task) == report.touching.attempts.sum()
    counted = rows.counted.astype(bool)
    assert summed(rows.outcome[counted], np.ones(counted.sum())) == summed(report.ended.outcome, report.ended.attempts)
    assert rows.retry[counted].sum() == report.ended.retries.sum()
    assert not counted[rows.outcome == OPEN].any()


def summed(keys: Iterable[Any], values: Iterable[Any]) -> Counter[Any]:
    """Sums by key, without those that are 0."""
    found: Counter[Any] = Counter()
    for key, value in zip(keys, values, strict=True):
        found[tuple(map(int, key)) if isinstance(key, tuple) else int(key)] += int(value)
    return Counter({key: value for key, value in found.items() if value})


LAWS_OF_ONE_REPORT = (
    c1_allocated_and_unallocated_are_the_node_cost,
    c2_busy_and_idle_are_the_node_cost,
    c3_tasks_outcomes_types_and_services_sum_to_the_allocated,
    c4_pieces_of_an_attempt_are_its_duration,
    c6_pools_are_types_and_hours_are_days_are_the_period,
    c7_loaded_is_charged_and_skipped,
)


@slow(50)
@given(case=cases())
def test_one_report_keeps_c1_c2_c3_c4_c6_c7(con: duckdb.DuckDBPyConnection, case: Case) -> None:
    """As does every other report of this file; and it says so itself."""
    report = report_in(con, case)
    assert report.conserved
    assert sorted({law.name[:2] for law in report.laws}) == ["C1", "C2", "C3", "C4", "C6"]


# C5: figures of adjacent periods add up.


def additive(report: Report) -> Counter[Any]:
    """What adds up over any cut: node time and cost by type and pool, executed time, counts other than open."""
    names = report.types
    found: Counter[Any] = Counter()
    for k, name in enumerate(names):
        for what in ("node_us", "node_cost", "executed_us"):
            found[what, name] += total(getattr(report.grid, what)[k])
    for line in report.pools:
        found["pool cost", line.pool.name] += line.cost
        found["pool time", line.pool.name] += line.node_us
        found["uncovered", line.pool.name] += line.uncovered_us
    for service, kind, outcome, attempts, retries in zip(
        report.ended.service,
        report.ended.node_type,
        report.ended.outcome,
        report.ended.attempts,
        report.ended.retries,
        strict=True,
    ):
        key = report.services[service], names[kind], OUTCOMES[outcome]
        found["attempts", *key] += int(attempts)
        found["retries", *key] += int(retries)
    for service_name, task_line in task_lines(report).items():
        found["tasks", service_name] += task_line.tasks
        for outcome_name, executed_us in task_line.executed_by.items():
            found["executed", service_name, outcome_name] += executed_us
    quality = report.quality
    found["never ran"] = quality.never_ran
    found["unpriced"] = quality.unpriced_us
    found["excluded"] = quality.excluded_us
    return found


def busy(report: Report) -> Counter[Any]:
    """What adds up where the cut is an hour's edge."""
    return Counter(
        {
            (what, name): total(getattr(report.grid, what)[k])
            for k, name in enumerate(report.types)
            for what in ("busy_us", "busy_cost", "off_schedule_us")
        }
    )


def allocation(report: Report) -> Counter[Any]:
    """What adds up where the cut is a bucket's edge: money by type, hour, service and outcome, and task."""
    assert report.details is not None
    rows, found = report.details.attempts, Counter[Any]()
    for k, name in enumerate(report.types):
        for edge, money in zip(report.cells.edges[:-1], report.grid.allocated[k], strict=True):
            found["allocated", name, int(edge)] += int(money)
    for task, service, outcome, money in zip(rows.task, rows.service, rows.outcome, report.details.cost, strict=True):
        found["task", rows.task_ids[task], report.services[service], OUTCOMES[outcome]] += int(money)
    return found


def same(whole: Counter[Any], *parts: Counter[Any]) -> None:
    keys = set(whole).union(*parts)
    assert {k: whole[k] for k in keys if whole[k]} == {k: n for k in keys if (n := sum(part[k] for part in parts))}


@slow(25)
@given(data=st.data(), case=cases())
def test_c5_figures_of_adjacent_periods_add_up(con: duckdb.DuckDBPyConnection, data: st.DataObject, case: Case) -> None:
    """The cut is anywhere, or where something changes: a price, a day, an hour, the present."""
    start, end = ends_of(case)
    whole = report_in(con, case)
    prices = [p["from"] for rule in case["types"] for p in rule["prices"] if "from" in p]
    turns = [parse_instant(text, case["timeZone"]) for text in prices]
    edges = [*whole.cells.edges.tolist(), *whole.buckets.edges.tolist(), *turns, now_of(case)]
    marked = sorted({at for at in edges if start < at < end})
    anywhere = st.integers(start + 1, end - 1)
    assume(end - start > 1)
    cut = data.draw(anywhere | st.sampled_from(marked) if marked else anywhere)
    parts = report_in(con, case, period=(start, cut)), report_in(con, case, period=(cut, end))
    same(additive(whole), *map(additive, parts))
    if cut in whole.cells.edges or cut >= now_of(case):
        same(busy(whole), *map(busy, parts))
    if cut in whole.buckets.edges or cut >= now_of(case):
        same(allocation(whole), *map(allocation, parts))


def task(name: str, *events: tuple[str, str], service: str = "draw", node: str = "gpu-0") -> list[Case]:
    """Events of a task, as (status, time)."""
    return [
        {
            "task_id": name,
            "service_name": service,
            "status": status,
            "creation_ts": parse_instant(at, "UTC"),
            "metainfo": f'{{"node_name": "{node}"}}',
        }
        for status, at in events
    ]


AUTUMN: Case = {
    "period": {"start": "2025-10-25", "end": "2025-10-28"},
    "timeZone": "Europe/Berlin",
    "now": "2025-11-05T00:00:00Z",
    "bucket": "Day",
    "idle": "Distribute",
    "executionTime": "RunningOnly",
    "staleAfterSeconds": 86400,
    "types": [
        {
            "name": "gpu",
            "match": ["gpu*"],
            "initialNodes": 2,
            "prices": [
                {"pricePerHour": "0.333333333"},
                {"from": "2025-10-26T01:07:13Z", "pricePerHour": "7.777777777"},
            ],
        }
    ],
    "cronJobs": [
        {"name": "up", "pool": "gpu-1", "nodes": 3, "schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
        {"name": "down", "pool": "gpu-1", "nodes": 1, "schedule": "11 3,19 * * *", "timeZone": "UTC"},
        {"name": "other", "pool": "gpu-2", "nodes": 2, "schedule": "@every 37m", "timeZone": "UTC"},
    ],
    "exclude": [],
    "events": [
        *task("a", ("running", "2025-10-25T23:59:59.5"), ("done", "2025-10-26T03:00:00.25")),
        *task("b", ("running", "2025-10-26T00:30"), ("error", "2025-10-26T01:30"), ("running", "2025-10-26T01:31")),
        *task("b", ("done", "2025-10-27T10:00")),
    ],
}
"""Three days of 24, 25 and 24 hours. On Sunday 02:30 comes twice, and the price changes at 01:07:13 UTC."""


@pytest.fixture(scope="module")
def whole(con: duckdb.DuckDBPyConnection) -> Report:
    return report_in(con, AUTUMN)


@pytest.mark.parametrize(
    ("cut", "what"),
    [
        ("2025-10-26T00:30:00Z", "the first of two 02:30, a fire"),
        ("2025-10-26T01:00:00Z", "the second of two 02:00, an hour's edge"),
        ("2025-10-26T01:07:13Z", "a price change, mid-minute"),
        ("2025-10-26T01:07:12.999999Z", "a microsecond before it"),
        ("2025-10-26T01:31:00.000001Z", "a microsecond into an attempt, in the midst of a minute"),
        ("2025-10-26T23:00:00Z", "the end of a day of 25 hours, a bucket's edge"),
        ("2025-10-26T03:11:00Z", "a change of the schedule"),
    ],
)
def test_c5_holds_at_clock_price_and_schedule_changes(
    con: duckdb.DuckDBPyConnection, whole: Report, cut: str, what: str
) -> None:
    (start, end), at = ends_of(AUTUMN), parse_instant(cut, "UTC")
    parts = report_in(con, AUTUMN, period=(start, at)), report_in(con, AUTUMN, period=(at, end))
    same(additive(whole), *map(additive, parts))
    assert total(whole.grid.node_cost) > 0, what
    if at in whole.cells.edges:
        same(busy(whole), *map(busy, parts))
    if at in whole.buckets.edges:
        same(allocation(whole), *map(allocation, parts))


# C8: what may change without any figure changing.

OF_ROWS = ("copies", "different_copies", "future_events", "issues")
"""What counts rows of the database, not events."""


def other_times(events: pa.Table, kind: str) -> tuple[pa.Table, dict[str, str]]:
    """The same instants in another representation, with what spec.tasks has to say of it."""
    if not events.num_rows:
        return events, {}
    index = events.column_names.index("creation_ts")
    micros = events["creation_ts"].cast(pa.int64())
    moments = [dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=us) for us in micros.to_pylist()]
    tokyo = dt.timezone(dt.timedelta(hours=9))
    column, tasks = {
        "tokyo": (events["creation_ts"].cast(pa.timestamp("us", tz="Asia/Tokyo")), {}),
        "text": (pa.array([m.astimezone(tokyo).isoformat() for m in moments]), {}),
        "naive": (pa.array([m.replace(tzinfo=None) for m in moments], pa.timestamp("us")), {"timeZone": "UTC"}),
        "kathmandu": (
            pa.array([m.replace(tzinfo=None) + dt.timedelta(minutes=345) for m in moments], pa.timestamp("us")),
            {"timeZone": "Asia/Kathmandu"},
        ),
        "epoch": (micros, {"epochUnit": "Microseconds"}),
    }[kind]
    return events.set_column(index, "creation_ts", column), tasks


@slow(25)
@given(
    case=cases(),
    seed=st.integers(0, 2**32),
    copies=st.integers(1, 3),
    kind=st.sampled_from(["tokyo", "text", "naive", "kathmandu", "epoch"]),
)
def test_c8_row_order_a_duplicate_load_and_the_zone_of_representation_change_nothing(
    con: duckdb.DuckDBPyConnection, case: Case, seed: int, copies: int, kind: str
) -> None:
    rows = case["events"] * copies
    random.Random(seed).shuffle(rows)
    before, other = report_in(con, case), case | {"events": rows}
    assert plain(report_in(con, other), without=OF_ROWS) == plain(before, without=OF_ROWS)
    events, tasks = other_times(events_of(other), kind)
    after = report_in(con, other, events=events, tasks=tasks)
    assert figures(after) == figures(before)
    assert plain(after.census, without=OF_ROWS) == plain(before.census, without=OF_ROWS)


# C9: price times k.


@slow(25)
@given(case=cases(), k=st.integers(2, 9))
def test_c9_a_price_times_k_changes_no_time_and_no_count(con: duckdb.DuckDBPyConnection, case: Case, k: int) -> None:
    """Node cost is within (k + 1) / 2 nano-units per quarter hour, and as much again where the start is within one."""
    types = [
        rule
        | {"prices": [p | {"pricePerHour": money_text(k * parse_price(p["pricePerHour"]))} for p in rule["prices"]]}
        for rule in case["types"]
    ]
    before, after = report_in(con, case), report_in(con, case | {"types": types})
    lo, hi = (int(at) for at in before.cells.edges[[0, -1]])
    quarters = -((quarter_start(lo) - hi) // QUARTER_US) + (lo != quarter_start(lo)) if hi > lo else 0
    for kind in range(len(before.types)):
        away = total(after.grid.node_cost[kind]) - k * total(before.grid.node_cost[kind])
        assert abs(away) <= Fraction(k + 1, 2) * quarters
    for name in ("node_us", "busy_us", "off_schedule_us", "executed_us", "excluded_us"):
        assert np.array_equal(getattr(after.grid, name), getattr(before.grid, name)), name
    assert plain(after.ended) == plain(before.ended)
    assert plain(after.touching) == plain(before.touching)
    assert plain(after.census) == plain(before.census)
    assert after.shares.executed_us.tolist() == before.shares.executed_us.tolist()


# C10: a final report recomputes byte-identically.


@slow(25)
@given(case=cases(), days=st.integers(0, 40), hours=st.integers(0, 23))
def test_c10_a_final_report_stays_as_it_is(con: duckdb.DuckDBPyConnection, case: Case, days: int, hours: int) -> None:
    """Once the period and staleAfter have passed and nothing is open, the present does not matter any more."""
    last = max((row["creation_ts"] for row in case["events"]), default=0)
    now = max(ends_of(case)[1] + case["staleAfterSeconds"] * 1_000_000, last)
    report = report_in(con, case, now=now)
    again = report_in(con, case, now=now)
    assert plain(again) == plain(report)
    assert status_text(again) == status_text(report)
    later = report_in(con, case, now=now + (24 * days + hours) * HOUR_US)
    if report.final:
        assert plain(later, without=("now_us",)) == plain(report, without=("now_us",))
        assert status_text(later) == status_text(report)
        assert later.final
    else:
        assert (report.touching.outcome == OPEN).any()


def status_text(report: Report) -> str:
    """The status byte by byte, but for the time at which it was computed."""
    status = status_of(report) | {"lastSuccessTime": ""}
    status["conditions"] = [(c["type"], c["status"], c["reason"]) for c in status["conditions"]]
    return json.dumps(status)


def test_c10_an_input_that_changes_the_figures_changes_the_revision(con: duckdb.DuckDBPyConnection) -> None:
    """Spec, schedule, price and data; but not what only matters to the operator."""
    job = AUTUMN["cronJobs"][0]
    changed = {
        "schedule": AUTUMN | {"cronJobs": [job | {"nodes": 4}, *AUTUMN["cronJobs"][1:]]},
        "price": AUTUMN | {"types": [AUTUMN["types"][0] | {"prices": [{"pricePerHour": "8"}]}]},
        "spec": AUTUMN | {"bucket": "Hour"},
        "data": AUTUMN | {"events": [*AUTUMN["events"], *task("c", ("running", "2025-10-26T00:30"))]},
    }
    before = report_in(con, AUTUMN).input_revision
    assert re.fullmatch("[0-9a-f]{16}", before)
    assert {name for name, case in changed.items() if report_in(con, case).input_revision == before} == set()
    later = AUTUMN | {"now": "2025-12-01T00:00:00Z"}
    assert report_in(con, later).input_revision == before


@pytest.mark.parametrize(
    ("now", "final"),
    [("2025-10-28T22:59:59Z", False), ("2025-10-28T23:00:00Z", True)],
)
def test_c10_final_begins_when_stale_after_has_passed(con: duckdb.DuckDBPyConnection, now: str, final: bool) -> None:
    """The period ends on 2025-10-28 00:00 in Berlin, 23:00 UTC the day before; staleAfter is a day."""
    assert report_in(con, AUTUMN | {"now": now}).final is final


def test_c10_an_open_attempt_that_touches_the_period_keeps_it_from_being_final(con: duckdb.DuckDBPyConnection) -> None:
    """It still runs in November: a running event of today keeps it open, so its end may yet come."""
    running = task("c", ("running", "2025-10-26T10:00"), ("running", "2025-11-04T12:00"))
    assert not report_in(con, AUTUMN | {"events": [*AUTUMN["events"], *running]}).final


def plain(value: Any, without: Collection[str] = ()) -> Any:
    """A value and all that it holds as numbers, texts, lists and maps, to compare to the last digit."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: plain(getattr(value, f.name), without) for f in fields(value) if f.name not in without}
        return in_any_order(found) if isinstance(value, Census | Ended | Touching) else found
    if isinstance(value, np.ndarray):
        return np.ma.filled(value, -1).tolist()
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Mapping):
        return {plain(key): plain(item, without) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, without) for item in value]
    return value


def in_any_order(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns of equal length as their sorted rows: the engine gives them in whatever order."""
    rows = {name: column for name, column in columns.items() if isinstance(column, list)}
    return columns | dict.fromkeys(rows, sorted(zip(*rows.values(), strict=True)))
