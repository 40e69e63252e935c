"""The six CSV files of the notebook that this method replaces, with its columns (section 5). Further columns follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Final

import numpy as np

from gpucost.core.allocation import Outcome
from gpucost.core.calendar import EPOCH_ORDINAL, WEEKDAYS, sum_by
from gpucost.core.instants import instant_text
from gpucost.core.money import HOUR_US, SECOND_US, Ints, group_starts, multiply_divide_round, round_half_up
from gpucost.core.zones import DAY_US, Zone
from gpucost.report.attempttables import cost_per_attempt, cost_per_failed_second, details_of, names, per_second
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.lines import TaskLine, day_lines, day_of_bucket, ratio, task_lines
from gpucost.report.report import OUTCOMES, Report

SUCCESS, FAILURE = OUTCOMES.index(Outcome.SUCCESS), OUTCOMES.index(Outcome.FAILURE)
_SUCCEEDED: Final = np.array([{SUCCESS: True, FAILURE: False}.get(i) for i in range(len(OUTCOMES))], dtype=object)
"""Per outcome the column success: empty where it is neither."""
_COST_TYPE: Final = np.array([{SUCCESS: "per_task", FAILURE: "per_second"}.get(i) for i in range(len(OUTCOMES))])


def gen_price_by_service_enhanced(report: Report) -> Table:
    """Cost per generation of each service, successes and failures."""
    return _per_generation(report, "gen_price_by_service_enhanced", (Outcome.SUCCESS, Outcome.FAILURE))


def gen_price_by_service_success_enhanced(report: Report) -> Table:
    """Cost per successful generation of each service."""
    return _per_generation(report, "gen_price_by_service_success_enhanced", (Outcome.SUCCESS,))


def _ranked(report: Report, outcomes: Collection[Outcome]) -> list[tuple[int, str, TaskLine]]:
    """Services that have such attempts or money, by ended attempts, descending."""
    numbers = {name: i for i, name in enumerate(report.services)}
    rows = [
        (numbers[name], name, line)
        for name, line in task_lines(report).items()
        if any(line.attempts_by[o] or line.executed_by[o] for o in outcomes)
    ]
    return sorted(rows, key=lambda row: (-sum(row[2].attempts_by[o] for o in outcomes), row[1].encode()))


def _per_generation(report: Report, name: str, outcomes: Collection[Outcome]) -> Table:
    rows = details_of(report).attempts
    ranked = _ranked(report, outcomes)
    totals = [sum(line.attempts_by[o] for o in outcomes) for _, _, line in ranked]
    money = [sum(line.cost_by[o] for o in outcomes) for _, _, line in ranked]
    counted = rows.counted.astype(bool)
    spreads = [cost_per_attempt(report, counted & (rows.service == s), outcomes) for s, _, _ in ranked]
    return Table(
        name,
        (
            Column("service_name", Kind.TEXT, [service for _, service, _ in ranked]),
            Column("total_tasks", Kind.COUNT, totals, "attempts that ended in the period"),
            Column("total_allocated_cost", Kind.MONEY, money),
            Column("avg_cost_per_gen", Kind.TARIFF, [d.mean if d else None for d in spreads], "mean over attempts"),
            Column("std_cost_per_gen", Kind.TARIFF, [d.std if d else None for d in spreads], "of a sample: n - 1"),
            Column("weighted_avg_cost", Kind.TARIFF, list(map(ratio, money, totals)), "total cost / total tasks"),
        ),
    )


def gen_price_by_service_fail_enhanced(report: Report) -> Table:
    """Cost per failed second of each service."""
    rows = details_of(report).attempts
    ranked = _ranked(report, (Outcome.FAILURE,))
    lines = [line for _, _, line in ranked]
    counted = rows.counted.astype(bool)
    spreads = [cost_per_failed_second(report, counted & (rows.service == s)) for s, _, _ in ranked]
    money = [line.cost_by[Outcome.FAILURE] for line in lines]
    executed = [line.executed_by[Outcome.FAILURE] for line in lines]
    weighted = [ratio(cost * SECOND_US, us) for cost, us in zip(money, executed, strict=True)]
    return Table(
        "gen_price_by_service_fail_enhanced",
        (
            Column("service_name", Kind.TEXT, [service for _, service, _ in ranked]),
            Column("total_tasks", Kind.COUNT, [line.attempts_by[Outcome.FAILURE] for line in lines], "ended attempts"),
            Column("total_seconds", Kind.SECONDS, executed),
            Column("total_allocated_cost", Kind.MONEY, money),
            Column("avg_cost_per_second", Kind.TARIFF, [d.mean if d else None for d in spreads], "mean over attempts"),
            Column("std_cost_per_second", Kind.TARIFF, [d.std if d else None for d in spreads], "of a sample: n - 1"),
            Column("weighted_avg_cost_per_second", Kind.TARIFF, weighted, "total cost / total seconds"),
        ),
    )


def gen_cost_detailed_enhanced(report: Report) -> Table:
    """A row per local date and attempt, of its part on that date; an attempt of zero length has a row of zeros."""
    details = details_of(report)
    rows, pieces = details.attempts, details.pieces
    empty = np.flatnonzero(details.executed_us == 0)
    attempt = np.concatenate((pieces.attempt, empty))
    day = np.concatenate(
        (day_of_bucket(report)[pieces.bucket], report.cells.day[report.cells.locate(rows.part_start_us[empty])])
    )
    executed = np.concatenate((pieces.executed_us, np.zeros(len(empty), dtype=np.int64)))
    cost = np.concatenate((pieces.cost, np.zeros(len(empty), dtype=np.int64)))
    order = np.lexsort((attempt, day))
    first = group_starts(day[order], attempt[order])
    executed, cost = _sums(executed[order], first), _sums(cost[order], first)
    attempt, day = attempt[order][first], day[order][first]
    kind = rows.node_type[attempt]
    per_day = _by_type_and_day(report, kind, day, executed)
    node_cost = np.array([report.cells.by_day(row) for row in report.grid.node_cost], dtype=np.int64)
    node_cost = node_cost.reshape(len(report.types), len(report.dates))
    dates = np.array([str(date) for date in report.dates], dtype=object)
    weekdays = np.array([WEEKDAYS[date.weekday()] for date in report.dates], dtype=object)
    local = Zone.parse(report.spec.time_zone).local_us(np.maximum(rows.started_us[attempt], report.period.start_us))
    outcome = rows.outcome[attempt]
    return Table(
        "gen_cost_detailed_enhanced",
        (
            Column("date", Kind.TEXT, dates[day], "local date"),
            Column("start", Kind.TEXT, [instant_text(at) for at in rows.started_us[attempt].tolist()], "UTC"),
            Column("is_weekend", Kind.FLAG, report.cells.weekend[day].astype(bool)),
            Column("task_id", Kind.TEXT, rows.task_ids[rows.task[attempt]]),
            Column("service_name", Kind.TEXT, names(report.services)[rows.service[attempt]]),
            Column("node_type", Kind.TEXT, names(report.types)[kind]),
            Column("success", Kind.FLAG, _SUCCEEDED[outcome], "empty: neither success nor failure"),
            Column("task_count", Kind.COUNT, np.ones(len(attempt), dtype=np.int64)),
            Column("total_seconds", Kind.SECONDS, executed, "executed on the date"),
            Column("duration_ratio", Kind.SHARE, _share(executed, per_day), "of the date's and type's executed time"),
            Column("daily_node_cost", Kind.MONEY, node_cost[kind, day], "of the date and type"),
            Column("allocated_cost", Kind.MONEY, cost),
            Column("cost_per_generation", Kind.MONEY, cost, "allocated_cost / task_count"),
            Column("cost_per_second", Kind.MONEY, per_second(cost, executed), "empty for zero seconds"),
            Column("hour", Kind.COUNT, local % (24 * HOUR_US) // HOUR_US, "local hour of the start in the period"),
            Column("weekday_name", Kind.TEXT, weekdays[day]),
            Column("outcome", Kind.TEXT, names(tuple(map(str, OUTCOMES)))[outcome]),
        ),
    )


def _sums(values: Ints, first: Ints) -> Ints:
    sums: Ints = np.add.reduceat(values, first) if len(first) else values
    return sums


def _by_type_and_day(report: Report, kind: Ints, day: Ints, executed: Ints) -> Ints:
    """Executed time of each row's type and day."""
    slot = kind * len(report.dates) + day
    sums = sum_by(slot, executed, len(report.types) * len(report.dates))
    return np.asarray(sums[slot], dtype=np.int64)


def _share(part: Ints, whole: Ints) -> Ints:
    """Millionths, rounded half up; masked where the whole is zero."""
    share = multiply_divide_round(part, np.full(len(part), 1_000_000), np.maximum(whole, 1))
    return np.ma.masked_where(whole == 0, share)


def daily_costs(report: Report) -> Table:
    """Node cost of each local date and node type."""
    by_type = [day_lines(report, k) for k in range(len(report.types))]
    rows = [(day, k, lines[day]) for day in range(len(report.dates)) for k, lines in enumerate(by_type)]
    return Table(
        "daily_costs",
        (
            Column("date", Kind.TEXT, [str(report.dates[day]) for day, _, _ in rows], "local date"),
            Column("is_weekend", Kind.FLAG, [report.dates[day].weekday() >= 5 for day, _, _ in rows]),
            Column("node_type", Kind.TEXT, [report.types[k] for _, k, _ in rows]),
            Column("node_hours", Kind.HOURS, [line.node_us for _, _, line in rows]),
            Column(
                "hourly_price",
                Kind.TARIFF,
                [ratio(line.node_cost * HOUR_US, line.node_us) for _, _, line in rows],
                "daily_cost / node_hours",
            ),
            Column("daily_cost", Kind.MONEY, [line.node_cost for _, _, line in rows]),
        ),
    )


def tasks_raw_detailed_enhanced(report: Report) -> Table:
    """A row per task, service, node type and outcome. The sum of its money is the allocated total, exactly."""
    details = details_of(report)
    rows = details.attempts
    order = np.lexsort((np.arange(len(rows.task)), rows.outcome, rows.node_type, rows.service, rows.task))
    keys = [column[order] for column in (rows.task, rows.service, rows.node_type, rows.outcome)]
    first = group_starts(*keys)
    task, service, kind, outcome = (key[first] for key in keys)
    executed, cost = _sums(details.executed_us[order], first), _sums(details.cost[order], first)
    zone = Zone.parse(report.spec.time_zone)
    dates = _local_dates(zone, rows.part_start_us[order][first])
    return Table(
        "tasks_raw_detailed_enhanced",
        (
            Column("task_id", Kind.TEXT, rows.task_ids[task]),
            Column("task_date", Kind.TEXT, dates, "local date of its first part in the period"),
            Column("node_type", Kind.TEXT, names(report.types)[kind]),
            Column("service_name", Kind.TEXT, names(report.services)[service]),
            Column("success", Kind.FLAG, _SUCCEEDED[outcome], "empty: neither success nor failure"),
            Column("duration_seconds", Kind.SECONDS, executed, "executed in the period"),
            Column("allocated_cost_per_task", Kind.MONEY, cost),
            Column("weighted_avg_cost", Kind.MONEY, _average(report, service, outcome), "of the service, by cost_type"),
            Column("cost_type", Kind.TEXT, _COST_TYPE[outcome], "per_task, per_second, or empty"),
            Column("outcome", Kind.TEXT, names(tuple(map(str, OUTCOMES)))[outcome]),
            Column("user_id", Kind.TEXT, rows.users[task]),
        ),
    )


def _local_dates(zone: Zone, instants: Ints) -> np.ndarray:
    """The local date of each instant as text; each date is written once."""
    days, which = np.unique(zone.local_us(instants) // DAY_US, return_inverse=True)
    texts = [str(dt.date.fromordinal(EPOCH_ORDINAL + day)) for day in days.tolist()]
    return np.array(texts, dtype=object)[which]


def _average(report: Report, service: Ints, outcome: Ints) -> list[int | None]:
    """Nano-units per success, or per failed second, of the row's service; None for other outcomes."""
    averages: dict[tuple[int, int], int] = {}
    numbers = {name: i for i, name in enumerate(report.services)}
    for name, line in task_lines(report).items():
        succeeded = line.attempts_by[Outcome.SUCCESS]
        failed_us = line.executed_by[Outcome.FAILURE]
        if succeeded:
            averages[numbers[name], SUCCESS] = round_half_up(line.cost_by[Outcome.SUCCESS], succeeded)
        if failed_us:
            averages[numbers[name], FAILURE] = round_half_up(line.cost_by[Outcome.FAILURE] * SECOND_US, failed_us)
    return [averages.get(key) for key in zip(service.tolist(), outcome.tolist(), strict=True)]


FILES: Final[tuple[Callable[[Report], Table], ...]] = (
    gen_price_by_service_enhanced,
    gen_price_by_service_success_enhanced,
    gen_price_by_service_fail_enhanced,
    gen_cost_detailed_enhanced,
    daily_costs,
    tasks_raw_detailed_enhanced,
)
