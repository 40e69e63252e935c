"""Schedules and prices -> node counts -> anchored node cost."""

import fnmatch
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from simulation.clock import DAY, HOUR, QUARTER, SECOND, Cell, parse_instant
from simulation.cron import Every, Schedule, fires_of_day, parse
from simulation.money import nano_units, round_ratio

UNKNOWN_TYPE = "unknown"
LOOK_BACK = 8 * 366 * DAY
SINCE_EVER = -(10**18)


class Job(NamedTuple):
    """A scaling CronJob; `earliest` is the first instant at which it can fire, `anchor` what `@every` counts from."""

    nodes: int
    schedule: Schedule
    zone: str
    suspended: bool
    earliest: int
    anchor: int


class Span(NamedTuple):
    """A stretch of one node count (None: unknown) and one price per node and hour (nano-units, 0 where unpriced)."""

    start: int
    end: int
    nodes: int | None
    price: int

    def node_us(self, start: int, end: int) -> int:
        """Node time within [start, end)."""
        return (self.nodes or 0) * max(0, min(end, self.end) - max(start, self.start))

    def uncovered_us(self, start: int, end: int) -> int:
        """Time of unknown count within [start, end)."""
        return max(0, min(end, self.end) - max(start, self.start)) if self.nodes is None else 0


class Pool(NamedTuple):
    """A node pool with its spans by UTC quarter hour."""

    name: str
    node_type: str
    spans: dict[int, list[Span]]


class PoolUse(NamedTuple):
    """What one pool costs and bills in a cell."""

    cost: int
    node_us: int
    uncovered_us: int


def glob_match(name: str, patterns: list[str]) -> bool:
    """Whether a whole name matches any glob, case ignored."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def type_of(name: str, types: list[dict[str, Any]]) -> str:
    """The first type whose globs match a pool's or a node's name."""
    return next((str(rule["name"]) for rule in types if glob_match(name, rule["match"])), UNKNOWN_TYPE)


def read_pools(case: dict[str, Any], start: int, end: int) -> list[Pool]:
    """All pools, ordered by the UTF-8 bytes of their names, from the quarter hour of `start` on."""
    jobs: dict[str, list[Job]] = defaultdict(list)
    for raw in case["cronJobs"]:
        jobs[raw["pool"]].append(_read_job(raw, case))
    names = sorted(jobs, key=lambda name: name.encode())
    return [_read_pool(name, jobs[name], case, start // QUARTER * QUARTER, end) for name in names]


def _read_pool(name: str, jobs: list[Job], case: dict[str, Any], start: int, end: int) -> Pool:
    node_type = type_of(name, case["types"])
    rule: dict[str, Any] = next((rule for rule in case["types"] if rule["name"] == node_type), {})
    counts = node_counts(jobs, rule.get("initialNodes"), start, end)
    prices = _read_prices(rule.get("prices", []), case["timeZone"])
    spans: dict[int, list[Span]] = defaultdict(list)
    for span in _spans(counts, prices, start, end):
        spans[span.start // QUARTER].append(span)
    return Pool(name, node_type, spans)


def _read_job(raw: dict[str, Any], case: dict[str, Any]) -> Job:
    earliest, anchor = _validity(raw, case)
    zone = raw.get("timeZone") or "UTC"
    return Job(raw["nodes"], parse(raw["schedule"]), zone, bool(raw.get("suspend")), earliest, anchor)


def _validity(raw: dict[str, Any], case: dict[str, Any]) -> tuple[int, int]:
    """The first instant that can fire and the origin of `@every`: creation, which keeps its grid into the past."""
    created = raw.get("created") and parse_instant(raw["created"], case["timeZone"])
    assumed_text = raw.get("validFrom") or case.get("assumeSchedulesFrom")
    if assumed_text:
        assumed = parse_instant(assumed_text, case["timeZone"])
        return assumed, assumed if created is None else created
    if created is None:
        return SINCE_EVER, 0
    return created + 1, created


def _read_prices(raw: list[dict[str, Any]], zone: str) -> list[tuple[int, int]]:
    starts = [parse_instant(step["from"], zone) if step.get("from") else SINCE_EVER for step in raw]
    return sorted(zip(starts, (nano_units(step["pricePerHour"]) for step in raw), strict=True))


def fires(job: Job, start: int, end: int) -> list[int]:
    """The instants of [start, end) at which a job fires."""
    start = max(start, job.earliest)
    if job.suspended or start >= end:
        return []
    if isinstance(job.schedule, Every):
        origin, step = job.anchor // SECOND * SECOND, job.schedule.step
        return list(range(origin - (origin - start) // step * step, end, step))
    days = range(start // DAY, (end - 1) // DAY + 1)
    found = [t for day in days for t in fires_of_day(job.schedule, job.zone, day)]
    return [t for t in found if start <= t < end]


def last_fire(job: Job, instant: int) -> int | None:
    """A job's latest fire at or before an instant."""
    day = instant // DAY
    while (day + 1) * DAY > max(job.earliest, instant - LOOK_BACK):
        window = (instant - job.schedule.step, instant + 1) if isinstance(job.schedule, Every) else None
        found = fires(job, *(window or (day * DAY, min((day + 1) * DAY, instant + 1))))
        if found or window or job.suspended:
            return found[-1] if found else None
        day -= 1
    return None


def node_counts(jobs: list[Job], initial: int | None, start: int, end: int) -> list[tuple[int, int | None]]:
    """The step function of a pool's node count from `start` on; fires at one instant: the highest count."""
    counts: dict[int, int | None] = {start: initial}
    before = [(last, job.nodes) for job in jobs if (last := last_fire(job, start)) is not None]
    if before:
        counts[start] = max(before)[1]
    by_instant: dict[int, int] = {}
    for job in jobs:
        for instant in fires(job, start + 1, end):
            by_instant[instant] = max(job.nodes, by_instant.get(instant, 0))
    return sorted({**counts, **by_instant}.items())


def _spans(counts: list[tuple[int, int | None]], prices: list[tuple[int, int]], start: int, end: int) -> list[Span]:
    """Cut [start, end) where the count or the price changes and at every quarter hour."""
    quarters = range(start, end, QUARTER)
    edges = sorted({*quarters, *(t for t, _ in counts), *(t for t, _ in prices if start < t < end), max(start, end)})
    spans = []
    for a, b in pairwise(edges):
        price = _value_at(prices, a)
        spans.append(Span(a, b, _value_at(counts, a), 0 if price is None else price))
    return spans


def _value_at(steps: Sequence[tuple[int, int | None]], instant: int) -> int | None:
    """The value of a step function: that of the latest step at or before the instant."""
    index = bisect_right(steps, instant, key=lambda step: step[0])
    return steps[index - 1][1] if index else None


def use_of_type(pools: list[Pool], cell: Cell) -> list[PoolUse]:
    """What each pool of one type uses in a cell, summed over its pieces inside quarter hours."""
    edges = sorted({cell.start, cell.end, *range(-(-cell.start // QUARTER) * QUARTER, cell.end, QUARTER)})
    total = [PoolUse(0, 0, 0) for _ in pools]
    for a, b in pairwise(edges):
        quarter = a // QUARTER
        upper, lower = _anchored(pools, quarter, b), _anchored(pools, quarter, a)
        for i, pool in enumerate(pools):
            cost = (upper[i + 1] - upper[i]) - (lower[i + 1] - lower[i])
            node_us = sum(span.node_us(a, b) for span in pool.spans.get(quarter, []))
            uncovered_us = sum(span.uncovered_us(a, b) for span in pool.spans.get(quarter, []))
            total[i] = PoolUse(total[i].cost + cost, total[i].node_us + node_us, total[i].uncovered_us + uncovered_us)
    return total


def _anchored(pools: list[Pool], quarter: int, instant: int) -> list[int]:
    """round F(instant, i) for i = 0 .. n: the cost of the first i pools since the quarter hour began."""
    exact = 0
    rounded = [0]
    for pool in pools:
        exact += sum(span.price * span.node_us(quarter * QUARTER, instant) for span in pool.spans.get(quarter, []))
        rounded.append(round_ratio(exact, HOUR))
    return rounded
