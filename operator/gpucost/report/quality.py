"""What was read, what was left out and why: the quality of a report's figures (section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from gpucost.api.costreport import ClockSource, CostReportSpec
from gpucost.core import issues as why
from gpucost.core.calendar import Cells
from gpucost.core.grid import Grid
from gpucost.core.instants import instant_text
from gpucost.core.issues import Issue, counted, shorten, show
from gpucost.core.money import hours_text, shown_hours
from gpucost.core.nodes import TypeUse, node_us
from gpucost.core.schedule import HeldSchedule
from gpucost.core.versions import zones_to_warn_of
from gpucost.engine.reduction import SKIPPED, UNKNOWN_STATUS, Census, Rollup
from gpucost.report.doubts import known_statuses
from gpucost.report.nodeissues import doubts_of
from gpucost.report.report import PoolLine, Quality, total


def assess(
    read: Sequence[Issue],
    spec: CostReportSpec,
    pools: Sequence[PoolLine],
    uses: Sequence[TypeUse],
    cells: Cells,
    grid: Grid,
    rollup: Rollup | None,
    schedules: Sequence[HeldSchedule],
) -> Quality:
    """Counts of what was left out, and every issue, each with what to do about it."""
    skipped, charged = _attempts(rollup)
    conflicts = tuple(conflict for line in pools for conflict in line.pool.timeline.conflicts)
    unpriced = sum(int(node_us(use.unpriced(), cells.edges).sum()) for use in uses)
    assumed = _assumed_us(pools, cells) if spec.node_pools.source is ClockSource.SCHEDULE else 0
    inside = rollup.executed.wanted.astype(bool) if rollup else np.zeros(0, dtype=bool)
    quality = Quality(
        loaded=charged + sum(skipped.values()),
        charged=charged,
        skipped=skipped,
        never_ran=rollup.never_ran if rollup else 0,
        uncovered_us=sum(line.uncovered_us for line in pools),
        assumed_us=assumed,
        excluded_us=total(rollup.executed.executed_us[~inside]) if rollup else 0,
        unpriced_us=unpriced,
        off_schedule_us=total(grid.off_schedule_us),
        future_events=rollup.census.future_events if rollup else 0,
        conflicts=conflicts,
        issues=(),
    )
    found = (*read, *_of_schedules(quality, pools, uses, cells, schedules), *_of_tasks(quality, spec, rollup))
    return replace(quality, issues=tuple(found))


def _attempts(rollup: Rollup | None) -> tuple[dict[str, int], int]:
    """Attempts that touch the period: skipped ones by reason, and how many are charged."""
    if rollup is None:
        return {}, 0
    rows = rollup.counts
    wanted = rows.wanted.astype(bool)
    skipped = {name: total(rows.touching[wanted & (rows.outcome == code)]) for code, name in SKIPPED.items()}
    charged = total(rows.touching[wanted & (rows.outcome < UNKNOWN_STATUS)])
    return {name: count for name, count in skipped.items() if count}, charged


def _assumed_us(pools: Iterable[PoolLine], cells: Cells) -> int:
    """Node time before a ledger first saw a CronJob of the pool, and of later ones what they claim to have set before they
    were seen; without a ledger, all of it up to now."""
    start, until = int(cells.edges[0]), int(cells.edges[-1])
    found = 0
    for line in pools:
        counts = line.pool.timeline.counts.integral(until)
        first = min(s.seen_us for s in line.pool.schedules)
        spans = [(start, min(first, until))]
        spans += ((max(s.since_us, start), min(s.seen_us, until)) for s in line.pool.schedules)
        for lo, hi in _union(spans):
            found += int(counts.between(np.array([lo, hi], dtype=np.int64))[0])
    return found


def _union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of time as disjoint ones, empty ones left out."""
    found: list[tuple[int, int]] = []
    for lo, hi in sorted(span for span in spans if span[0] < span[1]):
        if found and lo <= found[-1][1]:
            found[-1] = found[-1][0], max(hi, found[-1][1])
        else:
            found.append((lo, hi))
    return found


def _of_schedules(
    quality: Quality,
    pools: Sequence[PoolLine],
    uses: Sequence[TypeUse],
    cells: Cells,
    schedules: Sequence[HeldSchedule],
) -> Iterator[Issue]:
    if not pools:
        yield Issue(
            why.NO_POOLS,
            "nothing states a node pool: give CronJobs (--cronjobs) annotated with gpucost.dev/node-pool and "
            "gpucost.dev/nodes, or gpucost.dev/node-counts for several pools",
        )
    for line in pools:
        yield from _of_pool(line)
    for use in uses:
        unpriced = int(node_us(use.unpriced(), cells.edges).sum())
        if unpriced:
            names = ", ".join(shorten(pool.name) for pool in use.pools[:3])
            yield Issue(
                why.UNPRICED,
                f"{hours_text(unpriced)} node-hours of type {shorten(use.name)} (pool {names}) have no price; "
                "add one to spec.nodePools.types",
                len(use.pools),
            )
    if quality.assumed_us:
        yield Issue(
            why.ASSUMED,
            f"{shown_hours(quality.assumed_us)} node-hours assume that today's CronJobs held all along; no operator was there "
            "to record edits",
        )
    if quality.off_schedule_us:
        yield Issue(
            why.OFF_SCHEDULE,
            f"nodes were busy for {hours_text(quality.off_schedule_us)} h beyond the billed node time; "
            "schedules or node type rules may not match the nodes that ran",
        )
    yield from zones_to_warn_of(schedules, int(cells.edges[0]), int(cells.edges[-1]))


def _of_pool(line: PoolLine) -> Iterator[Issue]:
    name = shorten(line.pool.name)
    if line.uncovered_us:
        yield Issue(
            why.UNCOVERED,
            f"the node count of pool {name} is unknown for {hours_text(line.uncovered_us)} h; state initialNodes of "
            f"type {shorten(line.pool.node_type)}, or gpucost.dev/valid-from on its CronJobs",
        )
    conflicts = line.pool.timeline.conflicts
    if conflicts:
        first = conflicts[0]
        asked = ", ".join(f"{shorten(who)} ({n})" for who, n in zip(first.labels, first.nodes, strict=True))
        yield Issue(
            why.CONFLICT,
            f"pool {name} is told different counts at one instant, first at {instant_text(first.at_us)} by {asked}; "
            "the largest is billed, move one of the schedules",
            len(conflicts),
        )


def _of_tasks(quality: Quality, spec: CostReportSpec, rollup: Rollup | None) -> Iterator[Issue]:
    if rollup is None:
        return
    census = rollup.census
    if census.last_us is None:
        yield Issue(
            why.NO_TASKS, "the task database holds no usable event up to now; check tasks.query and the database"
        )
    yield from _of_statuses(census, spec)
    yield from doubts_of(rollup, spec)
    if census.naive_times and spec.tasks and spec.tasks.time_zone is None:
        yield Issue(
            why.TIME_ZONE_ASSUMED, "times without an offset are read as UTC; set spec.tasks.timeZone to their zone"
        )
    for reason, count in census.unusable.items():
        yield Issue(why.UNUSABLE_ROWS, _unusable(reason, count, census.impossible_time, spec), count)
    if census.different_copies:
        yield Issue(
            why.DIFFERENT_COPIES,
            f"{census.different_copies} rows repeat an event_id of their task with other contents; the first stands",
            census.different_copies,
        )
    if census.future_events:
        yield Issue(
            why.FUTURE_EVENTS, f"{counted(census.future_events, 'event')} after now are left out", census.future_events
        )
    if quality.skipped.get("Lost"):
        count = quality.skipped["Lost"]
        yield Issue(
            why.LOST_ATTEMPTS,
            f"{counted(count, 'attempt')} {'has' if count == 1 else 'have'} no end, and no event for "
            f"{spec.tasks.stale_after if spec.tasks else ''}; nothing is charged for them",
            count,
        )


def _unusable(reason: str, count: int, impossible: str, spec: CostReportSpec) -> str:
    """Rows that can't be used; of times that can't be read an example and the forms that are taken."""
    told = f"{counted(count, 'row')} of the task database can't be used: {reason}"
    if reason != "ImpossibleTime":
        return told
    unit = spec.tasks.epoch_unit if spec.tasks else None
    if unit:
        return (
            f"{told}, such as {show(impossible)}; spec.tasks.epochUnit is {unit}, so creation_ts takes numbers of that unit, "
            "from the years 1 to 9999, and no text of a date. Set the right unit, leave it out for times in ISO 8601, or "
            "convert the others in spec.tasks.query"
        )
    return (
        f"{told}, such as {show(impossible)}; creation_ts takes timestamps, ISO 8601 text such as 2025-06-02T10:00:00+02:00, "
        "and numbers with spec.tasks.epochUnit. Convert other forms in spec.tasks.query: day and month are not guessed"
    )


def _of_statuses(census: Census, spec: CostReportSpec) -> Iterator[Issue]:
    known = known_statuses(spec)
    counts: dict[str, int] = {}
    for status, events in zip(census.status, census.events.tolist(), strict=True):
        if status not in known and events:
            counts[status] = counts.get(status, 0) + events
    for status in sorted(counts, key=lambda s: (-counts[s], s))[:20]:
        yield Issue(
            why.UNKNOWN_STATUS,
            f"status {show(status)} ({counted(counts[status], 'event')}) is in none of spec.tasks.statuses, so attempts that "
            "end with it are skipped; add it to success, failure or waiting",
            counts[status],
        )
