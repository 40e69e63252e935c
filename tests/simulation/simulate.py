"""The method of the project, step by step and without any haste: `simulate(case)` gives a golden case's figures."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from simulation.attempts import SKIPPED, Attempt, read_tasks
from simulation.clock import Cell, day_cells, hour_cells, parse_instant
from simulation.money import round_ratio, split
from simulation.nodes import Pool, PoolUse, read_pools, use_of_type


class Period(NamedTuple):
    """The period, as far as the data go, with its local hours and the buckets that hold them."""

    start: int
    until: int
    hours: list[Cell]
    buckets: list[Cell]


class HourRow(NamedTuple):
    """One node type in one local hour."""

    cost: int
    busy_cost: int
    node_us: int
    busy_us: int
    off_schedule_us: int
    executed_us: int


class Leaf(NamedTuple):
    """The money of an attempt in a bucket."""

    attempt: Attempt
    bucket: Cell
    money: int


Grid = dict[tuple[Cell, str], HourRow]
Uses = dict[str, dict[Cell, PoolUse]]


def simulate(case: dict[str, Any]) -> dict[str, Any]:
    """The `expected` part of a golden file, from its `case` part."""
    zone = case["timeZone"]
    now = parse_instant(case["now"], zone)
    period = _read_period(case, now)
    pools = read_pools(case, period.start, period.until)
    tasks = read_tasks(case, now)
    touching = [a for a in tasks.attempts if a.touches(period.start, period.until)]
    charged = [a for a in touching if a.outcome not in SKIPPED]
    types = sorted({pool.node_type for pool in pools} | {a.node_type for a in charged})
    uses = _pool_uses(pools, period)
    grid: Grid = {}
    leaves: list[Leaf] = []
    for k in types:
        attempts = [a for a in charged if a.node_type == k]
        names = [pool.name for pool in pools if pool.node_type == k]
        grid |= {(hour, k): _hour_row(hour, [uses[n][hour] for n in names], attempts) for hour in period.hours}
        for bucket in period.buckets:
            money = sum(
                row.cost if case["idle"] == "Distribute" else row.busy_cost for row in _rows_in(bucket, k, grid)
            )
            leaves += _allocate(bucket, money, attempts)
    return {
        "dataUntil": min(parse_instant(case["period"]["end"], zone), now),
        **_totals(grid, leaves),
        "uncoveredUs": sum(use.uncovered_us for cells in uses.values() for use in cells.values()),
        "byType": {k: _line(period.buckets, k, grid, leaves) for k in types},
        "byBucket": {f"{b.start}/{k}": _line([b], k, grid, leaves) for b in period.buckets for k in types},
        "byHour": _by_hour(period, types, grid, leaves),
        "byService": _by_service(leaves),
        "byTask": _by_task(leaves),
        "poolCost": {name: sum(use.cost for use in cells.values()) for name, cells in uses.items()},
        "poolUs": {name: sum(use.node_us for use in cells.values()) for name, cells in uses.items()},
        "counts": _counts(charged, period),
        "skippedAttempts": dict(Counter(a.outcome for a in touching if a.outcome in SKIPPED)),
        "chargedAttempts": len(charged),
        "neverRan": sum(period.start <= last < period.until for last in tasks.never_ran),
    }


def _read_period(case: dict[str, Any], now: int) -> Period:
    zone = case["timeZone"]
    start = parse_instant(case["period"]["start"], zone)
    until = max(start, min(parse_instant(case["period"]["end"], zone), now))
    hours = hour_cells(zone, start, until)
    return Period(start, until, hours, hours if case["bucket"] == "Hour" else day_cells(zone, start, until))


def _pool_uses(pools: list[Pool], period: Period) -> Uses:
    uses: Uses = {pool.name: {} for pool in pools}
    for node_type in {pool.node_type for pool in pools}:
        of_type = [pool for pool in pools if pool.node_type == node_type]
        for hour in period.hours:
            for pool, use in zip(of_type, use_of_type(of_type, hour), strict=True):
                uses[pool.name][hour] = use
    return uses


def _hour_row(hour: Cell, billed: list[PoolUse], attempts: list[Attempt]) -> HourRow:
    """One type in one hour, from its pools and its attempts."""
    cost = sum(use.cost for use in billed)
    node_us = sum(use.node_us for use in billed)
    union = _union_us(attempts, hour)
    busy = min(union, node_us)
    busy_cost = round_ratio(cost * busy, node_us) if node_us else 0
    return HourRow(cost, busy_cost, node_us, busy, union - busy, sum(a.us_in(*hour) for a in attempts))


def _union_us(attempts: list[Attempt], hour: Cell) -> int:
    """Per node the union of the attempts' intervals within an hour, summed over nodes."""
    intervals: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for a in attempts:
        intervals[a.node].append(a.part_in(*hour))
    total = 0
    for of_node in intervals.values():
        covered = hour.start
        for start, end in sorted(of_node):
            total += max(0, end - max(start, covered))
            covered = max(covered, end)
    return total


def _allocate(bucket: Cell, money: int, attempts: list[Attempt]) -> list[Leaf]:
    """Split the money of a bucket and type: (service, outcome), then task, then attempt."""
    executed = [a for a in attempts if a.us_in(*bucket)]
    return [
        Leaf(attempt, bucket, attempt_share)
        for share, group in _split(money, executed, bucket, lambda a: (a.service.encode(), a.outcome))
        for task_share, of_task in _split(share, group, bucket, lambda a: a.task.encode())
        for attempt_share, [attempt] in _split(task_share, of_task, bucket, lambda a: a.start)
    ]


def _split(
    money: int, attempts: list[Attempt], bucket: Cell, key: Callable[[Attempt], Any]
) -> list[tuple[int, list[Attempt]]]:
    """Group attempts by a key, in its order, and split money over the groups by executed time."""
    groups: dict[Any, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        groups[key(attempt)].append(attempt)
    ordered = [groups[k] for k in sorted(groups)]
    weights = [sum(a.us_in(*bucket) for a in group) for group in ordered]
    return list(zip(split(money, weights), ordered, strict=True))


def _totals(grid: Grid, leaves: list[Leaf]) -> dict[str, int]:
    rows = list(grid.values())
    cost = sum(row.cost for row in rows)
    busy_cost = sum(row.busy_cost for row in rows)
    allocated = sum(leaf.money for leaf in leaves)
    return {
        "nodeCost": cost,
        "allocated": allocated,
        "unallocated": cost - allocated,
        "busyCost": busy_cost,
        "idleCost": cost - busy_cost,
        "nodeUs": sum(row.node_us for row in rows),
        "busyUs": sum(row.busy_us for row in rows),
        "offScheduleUs": sum(row.off_schedule_us for row in rows),
        "executedUs": sum(row.executed_us for row in rows),
    }


def _line(buckets: list[Cell], node_type: str, grid: Grid, leaves: list[Leaf]) -> list[int]:
    """[cost, allocated, node_us, busy_cost] of a type over some buckets."""
    rows = [row for bucket in buckets for row in _rows_in(bucket, node_type, grid)]
    money = sum(leaf.money for leaf in leaves if leaf.bucket in buckets and leaf.attempt.node_type == node_type)
    return [sum(row.cost for row in rows), money, sum(r.node_us for r in rows), sum(r.busy_cost for r in rows)]


def _rows_in(bucket: Cell, node_type: str, grid: Grid) -> list[HourRow]:
    """A bucket's hours of one type, in time order."""
    return [row for (hour, k), row in grid.items() if k == node_type and hour.is_in(bucket)]


def _by_hour(period: Period, types: list[str], grid: Grid, leaves: list[Leaf]) -> dict[str, list[int]]:
    """[cost, busy_cost, node_us, busy_us, executed_us, allocated] of hours and types that have anything."""
    lines: dict[str, list[int]] = {}
    for bucket, node_type in product(period.buckets, types):
        hours = [hour for hour in period.hours if hour.is_in(bucket)]
        rows = _rows_in(bucket, node_type, grid)
        money = split(_line([bucket], node_type, grid, leaves)[1], [row.executed_us for row in rows])
        for hour, row, share in zip(hours, rows, money, strict=True):
            line = [row.cost, row.busy_cost, row.node_us, row.busy_us, row.executed_us, share]
            lines |= {f"{hour.start}/{node_type}": line} if any(line) else {}
    return lines


def _by_service(leaves: list[Leaf]) -> dict[str, dict[str, int]]:
    money: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for leaf in leaves:
        money[leaf.attempt.service][leaf.attempt.outcome] += leaf.money
    return {service: dict(outcomes) for service, outcomes in money.items()}


def _by_task(leaves: list[Leaf]) -> dict[str, int]:
    money: dict[str, int] = defaultdict(int)
    for leaf in leaves:
        money[leaf.attempt.task] += leaf.money
    return dict(money)


def _counts(charged: list[Attempt], period: Period) -> dict[str, int]:
    """Ended attempts by outcome and the retries among them; Open ones that touch the period."""
    ended = [a for a in charged if a.counts_in(period.start, period.until)]
    is_open = [a for a in charged if a.outcome == "Open"]
    return {**Counter(a.outcome for a in ended + is_open), "retries": sum(a.retry for a in ended)}
