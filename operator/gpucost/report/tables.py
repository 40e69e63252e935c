"""Every table of section 5 that the rollup suffices for. ``TABLES`` names them all, also those of attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from gpucost.core.allocation import Outcome
from gpucost.core.calendar import DAY_TYPES, WEEKDAYS
from gpucost.core.instants import instant_text
from gpucost.core.money import HOUR_US, SECOND_US
from gpucost.report import attempttables
from gpucost.report.columns import Column, Kind, Table
from gpucost.report.lines import (
    Mask,
    NodeLine,
    TaskLine,
    bucket_of_share,
    by_cost,
    day_lines,
    day_of_bucket,
    day_type_lines,
    day_type_of,
    days_of,
    hour_ranges,
    node_line,
    node_lines,
    ratio,
    task_lines,
    whole_line,
)
from gpucost.report.report import OUTCOMES, Report

GOOD_COVERAGE: Final = Fraction(99, 100)
POOR_COVERAGE: Final = Fraction(1, 2)
PEAKS: Final = 5


def node_columns(lines: Sequence[NodeLine]) -> tuple[Column, ...]:
    """Node time and money of lines, as columns."""
    return (
        Column("node_seconds", Kind.SECONDS, [x.node_us for x in lines], "billed node time"),
        Column("node_hours", Kind.HOURS, [x.node_us for x in lines], "billed node time"),
        Column("node_cost", Kind.MONEY, [x.node_cost for x in lines], "cost of the billed nodes"),
        Column("allocated_cost", Kind.MONEY, [x.allocated for x in lines], "node cost charged to attempts"),
        Column("unallocated_cost", Kind.MONEY, [x.unallocated for x in lines], "node cost charged to nobody"),
        Column("busy_seconds", Kind.SECONDS, [x.busy_us for x in lines], "billed node time in which a task ran"),
        Column("busy_cost", Kind.MONEY, [x.busy_cost for x in lines], "node cost of busy time"),
        Column("idle_seconds", Kind.SECONDS, [x.idle_us for x in lines], "billed node time in which none ran"),
        Column("idle_cost", Kind.MONEY, [x.idle_cost for x in lines], "node cost of idle time"),
        Column("executed_seconds", Kind.SECONDS, [x.executed_us for x in lines], "executed time of charged attempts"),
        Column("off_schedule_seconds", Kind.SECONDS, [x.off_schedule_us for x in lines], "busy time beyond billed"),
        Column("coverage_ratio", Kind.RATIO, [ratio(x.allocated, x.node_cost) for x in lines], "allocated / node cost"),
        Column("utilization_ratio", Kind.RATIO, [ratio(x.busy_us, x.node_us) for x in lines], "busy / billed"),
    )


def task_columns(lines: Sequence[TaskLine]) -> tuple[Column, ...]:
    """Counts, money and tariffs of lines, as columns."""
    counts = {
        "succeeded": Outcome.SUCCESS,
        "failed": Outcome.FAILURE,
        "interrupted": Outcome.INTERRUPTED,
        "open": Outcome.OPEN,
    }
    return (
        Column("tasks", Kind.COUNT, [x.tasks for x in lines], "ended attempts that are no retries"),
        Column("attempts", Kind.COUNT, [x.attempts for x in lines], "attempts that ended in the period"),
        *(Column(name, Kind.COUNT, [x.attempts_by[o] for x in lines], f"attempts: {o}") for name, o in counts.items()),
        Column("retries", Kind.COUNT, [x.retries for x in lines], "ended attempts that are retries"),
        Column("executed_seconds", Kind.SECONDS, [x.executed_us for x in lines], "executed time in the period"),
        Column("allocated_cost", Kind.MONEY, [x.cost for x in lines], "charged node cost"),
        *(
            Column(f"{o.lower()}_cost", Kind.MONEY, [x.cost_by[o] for x in lines], f"charged node cost: {o}")
            for o in Outcome
        ),
        Column("cost_per_success", Kind.TARIFF, [cost_per_success(x) for x in lines], "success cost / succeeded"),
        Column(
            "cost_per_failed_second",
            Kind.TARIFF,
            [ratio(x.cost_by[Outcome.FAILURE] * SECOND_US, x.executed_by[Outcome.FAILURE]) for x in lines],
            "failure cost / failed seconds",
        ),
        Column(
            "effective_cost_per_success",
            Kind.TARIFF,
            [ratio(x.effective_cost, x.attempts_by[Outcome.SUCCESS]) for x in lines],
            "success, failure and interrupted cost / succeeded",
        ),
    )


def cost_per_success(line: TaskLine) -> Fraction | None:
    """Nano-units per success; None without one (section 4)."""
    return ratio(line.cost_by[Outcome.SUCCESS], line.attempts_by[Outcome.SUCCESS])


def totals(report: Report) -> Table:
    """One row: the whole period."""
    nodes = node_columns([node_line(report)])
    tasks = task_columns([whole_line(report)])
    mine = {column.name for column in nodes}
    savings = Column(
        "potential_savings",
        Kind.MONEY,
        [report.potential_savings],
        "the largest single saving of each hour and type, summed",
    )
    return Table("totals", (*nodes, *(c for c in tasks if c.name not in mine), savings))


def node_types(report: Report) -> Table:
    """One row per node type."""
    lines = [node_line(report, node_type=k) for k in range(len(report.types))]
    return Table("node_types", (Column("node_type", Kind.TEXT, report.types), *node_columns(lines)))


def node_pools(report: Report) -> Table:
    """One row per node pool."""
    rows = report.pools
    return Table(
        "node_pools",
        (
            Column("node_pool", Kind.TEXT, [x.pool.name for x in rows]),
            Column("node_type", Kind.TEXT, [x.pool.node_type for x in rows]),
            Column("node_seconds", Kind.SECONDS, [x.node_us for x in rows], "billed node time"),
            Column("node_hours", Kind.HOURS, [x.node_us for x in rows], "billed node time"),
            Column("node_cost", Kind.MONEY, [x.cost for x in rows], "cost of the billed nodes"),
            Column("uncovered_seconds", Kind.SECONDS, [x.uncovered_us for x in rows], "time of unknown node count"),
            Column("conflicts", Kind.COUNT, [len(x.pool.timeline.conflicts) for x in rows], "contradicting fires"),
        ),
    )


def node_counts(report: Report) -> Table:
    """Node counts over time: one row per change, with the schedule that made it."""
    rows = [
        (line.pool, at, nodes, cause)
        for line in report.pools
        for at, nodes, cause in line.pool.timeline.changes(report.period.start_us)
    ]
    return Table(
        "node_counts",
        (
            Column("node_pool", Kind.TEXT, [pool.name for pool, *_ in rows]),
            Column("node_type", Kind.TEXT, [pool.node_type for pool, *_ in rows]),
            Column("time", Kind.TEXT, [instant_text(at) for _, at, _, _ in rows], "UTC"),
            Column("nodes", Kind.COUNT, [nodes for _, _, nodes, _ in rows], "from this time on; null: unknown"),
            Column("cause", Kind.TEXT, [cause for *_, cause in rows], "CronJob, table row or rule that made it"),
        ),
    )


def day_types(report: Report) -> Table:
    """Weekdays and weekends."""
    lines = day_type_lines(report)
    days = [days_of(report, index) for index in range(2)]
    keys = Column("day_type", Kind.TEXT, DAY_TYPES), Column("days", Kind.COUNT, days, "local days of the period so far")
    return Table("day_types", (*keys, *node_columns(lines)))


def weekdays(report: Report) -> Table:
    """Monday to Sunday."""
    of_day = report.cells.weekday if report.dates else np.zeros(0, dtype=np.int64)
    lines = node_lines(report, of_day[report.cells.day] if report.dates else report.cells.day, 7)
    keys = (
        Column("weekday", Kind.TEXT, WEEKDAYS),
        Column("days", Kind.COUNT, [int((of_day == w).sum()) for w in range(7)], "local days of the period so far"),
    )
    return Table("weekdays", (*keys, *node_columns(lines)))


def days(report: Report) -> Table:
    """Local days: node time and money, coverage, and attempts that ended on them."""
    lines = day_lines(report)
    ended = _ended_by(report, report.cells.day, len(report.dates))
    money = _money_by_day(report)
    keys = (
        Column("date", Kind.TEXT, [str(date) for date in report.dates], "local date"),
        Column("weekday", Kind.TEXT, [WEEKDAYS[date.weekday()] for date in report.dates]),
        Column("is_weekend", Kind.FLAG, [date.weekday() >= 5 for date in report.dates]),
    )
    tariffs = (
        Column("succeeded", Kind.COUNT, ended[Outcome.SUCCESS], "attempts that ended on the day"),
        Column("failed", Kind.COUNT, ended[Outcome.FAILURE], "attempts that ended on the day"),
        Column("interrupted", Kind.COUNT, ended[Outcome.INTERRUPTED], "attempts that ended on the day"),
        *(Column(f"{o.lower()}_cost", Kind.MONEY, money[o][0], f"charged node cost: {o}") for o in Outcome),
        Column("cost_per_success", Kind.TARIFF, list(map(ratio, money[Outcome.SUCCESS][0], ended[Outcome.SUCCESS]))),
        Column(
            "cost_per_failed_second",
            Kind.TARIFF,
            [ratio(cost * SECOND_US, us) for cost, us in zip(*money[Outcome.FAILURE], strict=True)],
        ),
    )
    return Table("days", (*keys, *node_columns(lines), *tariffs))


def _ended_by(report: Report, key_of_cell: np.ndarray, size: int) -> dict[Outcome, list[int]]:
    counts = np.zeros((len(OUTCOMES), size), dtype=np.int64)
    np.add.at(counts, (report.ended.outcome, key_of_cell[report.ended.cell]), report.ended.attempts)
    return {outcome: counts[i].tolist() for i, outcome in enumerate(OUTCOMES)}


def _money_by_day(report: Report) -> dict[Outcome, tuple[list[int], list[int]]]:
    """Per outcome: money and executed microseconds of each day."""
    sums = np.zeros((2, len(OUTCOMES), len(report.dates)), dtype=np.int64)
    day = day_of_bucket(report)[bucket_of_share(report)]
    np.add.at(sums[0], (report.shares.outcome, day), report.shares.cost)
    np.add.at(sums[1], (report.shares.outcome, day), report.shares.executed_us)
    return {outcome: (sums[0][i].tolist(), sums[1][i].tolist()) for i, outcome in enumerate(OUTCOMES)}


GRID: Final = tuple((name, hour) for name in DAY_TYPES for hour in range(24))
"""The hour grid's rows: day type and local hour."""


def _grid_lines(report: Report, node_type: int | None = None) -> list[NodeLine]:
    """The lines of the hour grid's rows."""
    return node_lines(report, day_type_of(report) * 24 + report.cells.hour, len(GRID), node_type)


def _hour_columns(lines: Sequence[NodeLine]) -> tuple[Column, ...]:
    shares = [ratio(line.busy_us, line.node_us) for line in lines]
    best = max((share for share in shares if share is not None), default=Fraction(0))
    per_used = [ratio(line.allocated * HOUR_US, line.busy_us) for line in lines]
    of_best = [share / best if share is not None and best else None for share in shares]
    return (
        *node_columns(lines),
        Column("allocated_cost_per_used_hour", Kind.TARIFF, per_used, "allocated cost / busy node-hour"),
        Column("utilization_of_best_hour", Kind.RATIO, of_best, "utilisation / utilisation of the best hour"),
    )


def hours(report: Report) -> Table:
    """The hour grid: 24 local hours of weekdays and of weekends, idle ones included."""
    keys = (
        Column("day_type", Kind.TEXT, [name for name, _ in GRID]),
        Column("hour", Kind.COUNT, [hour for _, hour in GRID], "local hour, 0-23"),
    )
    return Table("hours", (*keys, *_hour_columns(_grid_lines(report))))


def hours_by_type(report: Report) -> Table:
    """The hour grid of each node type."""
    rows = [(name, *row) for name in report.types for row in GRID]
    parts = [_hour_columns(_grid_lines(report, kind)) for kind in range(len(report.types))] or [_hour_columns([])]
    keys = (
        Column("node_type", Kind.TEXT, [name for name, _, _ in rows]),
        Column("day_type", Kind.TEXT, [name for _, name, _ in rows]),
        Column("hour", Kind.COUNT, [hour for _, _, hour in rows], "local hour, 0-23"),
    )
    joined = tuple(
        Column(same[0].name, same[0].kind, [value for part in same for value in part.values], same[0].note)
        for same in zip(*parts, strict=True)
    )
    return Table("hours_by_type", (*keys, *joined))


def peaks(report: Report) -> Table:
    """The five busiest and five idlest hours of weekdays and weekends by used hours; the busiest and idlest of all days."""
    grid = [(*row, line) for row, line in zip(GRID, _grid_lines(report), strict=True)]
    rows: list[tuple[str, str, int | None, str | None, NodeLine]] = []
    for name in DAY_TYPES:
        mine = [(hour, line) for kind, hour, line in grid if kind == name and days_of(report, DAY_TYPES.index(name))]
        busiest = sorted(mine, key=lambda row: (-row[1].busy_us, row[0]))
        idlest = sorted(mine, key=lambda row: (row[1].busy_us, row[0]))
        rows += [(f"busiest {i + 1}", name, hour, None, line) for i, (hour, line) in enumerate(busiest[:PEAKS])]
        rows += [(f"idlest {i + 1}", name, hour, None, line) for i, (hour, line) in enumerate(idlest[:PEAKS])]
    every = list(enumerate(node_lines(report, report.cells.hour, 24))) if report.dates else []
    busiest_hour = sorted(every, key=lambda row: (-row[1].busy_us, row[0]))[:1]
    idlest_hour = sorted(every, key=lambda row: (row[1].busy_us, row[0]))[:1]
    rows += [("busiest hour", "", hour, None, line) for hour, line in busiest_hour]
    rows += [("idlest hour", "", hour, None, line) for hour, line in idlest_hour]
    by_day = list(zip(map(str, report.dates), day_lines(report), strict=True))
    for date, line in sorted(by_day, key=lambda row: (-row[1].busy_us, row[0]))[:1]:
        rows.append(("busiest day", "", None, date, line))
    keys = (
        Column("rank", Kind.TEXT, [row[0] for row in rows]),
        Column("day_type", Kind.TEXT, [row[1] for row in rows]),
        Column("hour", Kind.COUNT, [row[2] for row in rows], "local hour, 0-23"),
        Column("date", Kind.TEXT, [row[3] for row in rows]),
    )
    return Table("peaks", (*keys, *node_columns([row[4] for row in rows])))


def coverage(report: Report) -> Table:
    """Daily coverage in one row: over the days that cost something."""
    lines = day_lines(report)
    shares = [share for line in lines if (share := ratio(line.allocated, line.node_cost)) is not None]
    gap = max((abs(line.unallocated) for line in lines), default=None)
    return Table(
        "coverage",
        (
            Column(
                "mean", Kind.RATIO, [sum(shares, Fraction(0)) / len(shares) if shares else None], "of daily coverage"
            ),
            Column("min", Kind.RATIO, [min(shares, default=None)]),
            Column("max", Kind.RATIO, [max(shares, default=None)]),
            Column("largest_difference", Kind.MONEY, [gap], "node cost less allocated cost of a day"),
            Column("days_good", Kind.COUNT, [sum(share >= GOOD_COVERAGE for share in shares)], "days of at least 99 %"),
            Column("days_poor", Kind.COUNT, [sum(share < POOR_COVERAGE for share in shares)], "days below 50 %"),
            Column("days_without_cost", Kind.COUNT, [sum(not line.node_cost for line in lines)]),
        ),
    )


def type_day_types(report: Report) -> Table:
    """Per node type and day type: the hours with nodes, node-hours a day, attempts, executed time, mean duration."""
    rows = [(k, index, day_type_of(report) == index) for k in range(len(report.types)) for index in range(2)]
    lines = [line for k in range(len(report.types)) for line in day_type_lines(report, k)]
    ended = [_ended_in(report, k, mask) for k, _, mask in rows]
    return Table(
        "type_day_types",
        (
            Column("node_type", Kind.TEXT, [report.types[k] for k, _, _ in rows]),
            Column("day_type", Kind.TEXT, [DAY_TYPES[index] for _, index, _ in rows]),
            Column("hours_with_nodes", Kind.TEXT, [_hours_with_nodes(report, k, mask) for k, _, mask in rows], "local"),
            Column(
                "node_hours_per_day",
                Kind.RATIO,
                [
                    ratio(line.node_us, days_of(report, index) * HOUR_US)
                    for line, (_, index, _) in zip(lines, rows, strict=True)
                ],
            ),
            Column("attempts", Kind.COUNT, [count for count, _ in ended], "ended on such days"),
            Column("executed_seconds", Kind.SECONDS, [line.executed_us for line in lines]),
            Column(
                "mean_seconds",
                Kind.RATIO,
                [ratio(length_us, count * SECOND_US) for count, length_us in ended],
                "mean length of these attempts",
            ),
        ),
    )


def _ended_in(report: Report, kind: int, mask: Mask) -> tuple[int, int]:
    """How many attempts ended in some cells, and their length in microseconds."""
    ended = report.ended
    if not len(ended.cell):
        return 0, 0
    mine = (ended.node_type == kind) & mask[ended.cell]
    return int(ended.attempts[mine].sum()), int(ended.lengths_us[mine].sum())


def _hours_with_nodes(report: Report, kind: int, mask: Mask) -> str:
    """Local hours in which nodes are billed on some day, as ranges: ``8-19, 22``."""
    return hour_ranges(report.cells.hour[mask & (report.grid.node_us[kind] > 0)].tolist())


def services(report: Report) -> Table:
    """One row per service with a charged attempt, the dearest first."""
    ranked = by_cost(task_lines(report))
    names = Column("service_name", Kind.TEXT, [name for name, _ in ranked])
    return Table("services", (names, *task_columns([line for _, line in ranked])))


def service_outcomes(report: Report) -> Table:
    """One row per service and outcome."""
    rows = [(name, o, line) for name, line in by_cost(task_lines(report)) for o in Outcome]
    rows = [row for row in rows if row[2].attempts_by[row[1]] or row[2].executed_by[row[1]]]
    keys = Column("service_name", Kind.TEXT, [name for name, _, _ in rows])
    return Table("service_outcomes", (keys, *_outcome_columns([(o, line) for _, o, line in rows])))


def outcomes(report: Report) -> Table:
    """One row per outcome."""
    whole = whole_line(report)
    return Table("outcomes", _outcome_columns([(o, whole) for o in Outcome]))


def _outcome_columns(rows: Sequence[tuple[Outcome, TaskLine]]) -> tuple[Column, ...]:
    return (
        Column("outcome", Kind.TEXT, [str(o) for o, _ in rows]),
        Column("attempts", Kind.COUNT, [x.attempts_by[o] for o, x in rows], "ended in the period; Open: touching it"),
        Column("executed_seconds", Kind.SECONDS, [x.executed_by[o] for o, x in rows], "executed time in the period"),
        Column("allocated_cost", Kind.MONEY, [x.cost_by[o] for o, x in rows], "charged node cost"),
    )


def seen_statuses(report: Report) -> Table:
    """Statuses of the task database with the number of their events, each event once."""
    return Table("seen_statuses", _seen(report, "status", report.census.status if report.census else ()))


def seen_services(report: Report) -> Table:
    """Services of the task database with the number of their events, each event once."""
    return Table("seen_services", _seen(report, "service_name", report.census.service if report.census else ()))


def _seen(report: Report, key: str, names: Iterable[Any]) -> tuple[Column, ...]:
    counts: dict[str, list[int]] = {}
    rows = (report.census.events, report.census.events_in_period) if report.census else ((), ())
    for name, events, inside in zip(names, *rows, strict=True):
        found = counts.setdefault(str(name), [0, 0])
        found[0] += int(events)
        found[1] += int(inside)
    ordered = sorted(counts, key=lambda name: (-counts[name][0], name))
    return (
        Column(key, Kind.TEXT, ordered),
        Column("events", Kind.COUNT, [counts[name][0] for name in ordered], "up to now"),
        Column("events_in_period", Kind.COUNT, [counts[name][1] for name in ordered]),
    )


def recommendations(report: Report) -> Table:
    """Advice, the largest savings first."""
    rows = report.recommendations
    return Table(
        "recommendations",
        (
            Column("name", Kind.TEXT, [x.name for x in rows]),
            Column("node_type", Kind.TEXT, [x.node_type for x in rows]),
            Column("node_pool", Kind.TEXT, [x.node_pool for x in rows]),
            Column("message", Kind.TEXT, [x.message for x in rows]),
            Column(
                "savings",
                Kind.MONEY,
                [x.savings for x in rows],
                "node cost less that of the proposal; of shutting down, idle cost",
            ),
            Column("confidence", Kind.TEXT, [x.confidence for x in rows], "High, Medium or Low"),
            Column("nodes_before", Kind.COUNT, [x.nodes_before for x in rows], "the most scheduled in those hours"),
            Column("nodes_after", Kind.COUNT, [x.nodes_after for x in rows], "the most proposed for them"),
            Column(
                "schedules",
                Kind.TEXT,
                [
                    "; ".join(f"{line.pool} {line.schedule} ({line.time_zone}) {line.nodes}" for line in x.schedules)
                    for x in rows
                ],
                "all cron lines of the type's pools with the proposal: pool, schedule, zone, nodes",
            ),
        ),
    )


def issues(report: Report) -> Table:
    """What a reader of the figures should know."""
    rows = report.quality.issues
    return Table(
        "issues",
        (
            Column("reason", Kind.TEXT, [x.reason for x in rows]),
            Column("message", Kind.TEXT, [x.message for x in rows]),
            Column("count", Kind.COUNT, [x.count for x in rows]),
        ),
    )


def conflicts(report: Report) -> Table:
    """Instants at which schedules ask for different counts."""
    rows = report.quality.conflicts
    return Table(
        "conflicts",
        (
            Column("node_pool", Kind.TEXT, [x.pool for x in rows]),
            Column("time", Kind.TEXT, [instant_text(x.at_us) for x in rows], "UTC"),
            Column("schedules", Kind.TEXT, [", ".join(x.labels) for x in rows]),
            Column("nodes", Kind.TEXT, [", ".join(map(str, x.nodes)) for x in rows], "the largest is billed"),
        ),
    )


def cells(report: Report) -> Table:
    """Every local hour of the period and node type."""
    rows = [(k, cell) for k in range(len(report.types)) for cell in range(report.cells.count)]
    grid = report.grid
    columns = (
        ("node_seconds", Kind.SECONDS, grid.node_us),
        ("node_cost", Kind.MONEY, grid.node_cost),
        ("allocated_cost", Kind.MONEY, grid.allocated),
        ("busy_seconds", Kind.SECONDS, grid.busy_us),
        ("busy_cost", Kind.MONEY, grid.busy_cost),
        ("idle_cost", Kind.MONEY, grid.idle_cost),
        ("executed_seconds", Kind.SECONDS, grid.executed_us),
        ("off_schedule_seconds", Kind.SECONDS, grid.off_schedule_us),
    )
    starts = [instant_text(at) for at in report.cells.edges[:-1].tolist()]
    keys = (
        Column("node_type", Kind.TEXT, [report.types[k] for k, _ in rows]),
        Column("start", Kind.TEXT, [starts[cell] for _, cell in rows], "UTC"),
        Column("date", Kind.TEXT, [str(report.dates[report.cells.day[cell]]) for _, cell in rows], "local"),
        Column("hour", Kind.COUNT, [int(report.cells.hour[cell]) for _, cell in rows], "local hour, 0-23"),
    )
    return Table("cells", (*keys, *(Column(name, kind, values.ravel()) for name, kind, values in columns)))


TABLES: Final[Mapping[str, Callable[[Report], Table]]] = {
    build.__name__: build
    for build in (
        totals,
        node_types,
        node_pools,
        node_counts,
        day_types,
        weekdays,
        days,
        hours,
        hours_by_type,
        peaks,
        coverage,
        type_day_types,
        services,
        service_outcomes,
        outcomes,
        seen_statuses,
        seen_services,
        recommendations,
        issues,
        conflicts,
        cells,
        *attempttables.TABLES,
    )
}
"""Every table by its name. Those of attempts need a report with details."""


def table(report: Report, name: str) -> Table:
    """A table by its name. Raises KeyError that lists the names, ValueError where the report has no details for it."""
    if name not in TABLES:
        raise KeyError(f"no table is named {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name](report)


def available(report: Report) -> list[str]:
    """Names of the tables that a report can give."""
    detailed = {build.__name__ for build in attempttables.TABLES}
    return [name for name in TABLES if report.details is not None or name not in detailed]
