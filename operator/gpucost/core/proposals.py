"""Other node counts for a type: at most so many nodes in certain hours, what they would have cost, and the cron lines of them.

A proposal is a step function per pool, so that a report computed with it costs exactly what is said here: the same anchored
cost of the same counts (section 1). Cron lines are offered only where they give these very counts throughout the period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

import numpy as np

from gpucost.core.calendar import Cells
from gpucost.core.cron import parse_cron
from gpucost.core.money import Ints
from gpucost.core.nodecost import quarter_start, type_cost
from gpucost.core.nodes import TypeUse
from gpucost.core.schedule import HeldSchedule, pool_timeline
from gpucost.core.steps import Steps
from gpucost.core.zones import DAY_US, Zone

NO_LIMIT: Final = 2**31
"""A cap that no count reaches."""
LINES_AT_MOST: Final = 64
"""More cron lines are no schedule that a person would keep, nor one for which a status has room."""
_MINUTE_US: Final = 60_000_000
_WEEK_US: Final = 7 * DAY_US


@dataclass(frozen=True, slots=True)
class Proposal:
    """Node counts of a type's pools, in the order of their names, and the type's cost by cell, in nano-units."""

    counts: tuple[Steps, ...]
    cost: Ints


@dataclass(frozen=True, slots=True)
class CronLine:
    """A CronJob that a proposal consists of: it sets a pool to a count whenever its schedule fires."""

    pool: str
    schedule: str
    time_zone: str
    nodes: int


@dataclass(frozen=True, slots=True)
class Block:
    """Local hours ``[start, end)`` of a day for which one count is proposed."""

    start: int
    end: int
    nodes: int


def cap_nodes(use: TypeUse, cells: Cells, caps: Ints) -> Proposal:
    """At most ``caps[i]`` nodes of the type in cell ``i``; what is over goes from the last pools, in the order of names.

    Before the first cell its cap holds too, for costs are anchored at the quarter hour in which the period begins.
    """
    origin, until_us = quarter_start(int(cells.edges[0])), int(cells.edges[-1])
    changes = np.flatnonzero(np.diff(caps, prepend=caps[0] - 1))
    limits = Steps(np.append(origin, cells.edges[changes[1:]]), caps[changes])
    left, counts = limits, []
    for pool in use.pools:
        asked = pool.timeline.counts
        starts = np.unique(
            np.concatenate((left.starts, asked.starts[(asked.starts > origin) & (asked.starts < until_us)]))
        )
        taken = np.minimum(asked.at(starts), left.at(starts))
        counts.append(_merge_equal(Steps(starts, taken)))
        left = Steps(starts, left.at(starts) - taken)
    cost = type_cost(counts, use.prices.nano_per_hour, origin, max(until_us, origin))
    return Proposal(tuple(counts), cost.between(cells.edges))


def _merge_equal(steps: Steps) -> Steps:
    """The same function without starts at which nothing changes."""
    kept = np.diff(steps.values, prepend=steps.values[0] - 1) != 0
    return Steps(steps.starts[kept], steps.values[kept])


def most_nodes(counts: Steps, edges: Ints) -> Ints:
    """The highest count within each cell between neighbouring edges."""
    inner = counts.starts[(counts.starts > edges[0]) & (counts.starts < edges[-1])]
    starts = np.union1d(edges[:-1], inner)
    return np.asarray(np.maximum.reduceat(counts.at(starts), np.searchsorted(starts, edges[:-1])), dtype=np.int64)


def join_hours(needs: Sequence[int], first_hour: int, most: int) -> tuple[Block, ...]:
    """Neighbouring hours from ``first_hour`` on as at most ``most`` blocks, each as high as its highest hour: least
    node-hours, then fewest blocks, then the least list of starts."""
    options = []
    for count in range(1, most + 1):
        for cuts in combinations(range(1, len(needs)), count - 1):
            spans = tuple(pairwise((0, *cuts, len(needs))))
            area = sum((end - start) * max(needs[start:end]) for start, end in spans)
            options.append((area, count, spans))
    _, _, spans = min(options)
    return tuple(Block(first_hour + a, first_hour + b, max(needs[a:b])) for a, b in spans)


def cron_lines(pool: str, counts: Steps, zones: Sequence[Zone], until_us: int) -> tuple[CronLine, ...] | None:
    """Weekly cron lines, read in the first of the zones in which they give exactly these counts of a pool from the first
    start to ``until_us``; None where no such lines do, or where less than a week would have to stand for all."""
    if until_us - int(counts.starts[0]) < _WEEK_US:
        return None
    for zone in zones:
        lines = tuple(_weekly_lines(pool, counts, zone))
        if len(lines) <= LINES_AT_MOST and _gives(lines, counts, zone, until_us):
            return lines
    return None


def _weekly_lines(pool: str, counts: Steps, zone: Zone) -> Iterator[CronLine]:
    """A line for each local time of the day and count to which the pool is set then, with the weekdays of it."""
    changes = counts.starts[1:] if len(counts.starts) > 1 else counts.starts
    values = counts.values[1:] if len(counts.starts) > 1 else counts.values
    local = np.asarray(zone.local_us(changes), dtype=np.int64)
    days: dict[tuple[int, int], set[int]] = {}
    for at, nodes in zip(local.tolist(), values.tolist(), strict=True):
        days.setdefault((at % DAY_US // _MINUTE_US, nodes), set()).add((at // DAY_US + 4) % 7)
    if len(counts.starts) == 1:  # the same count for ever: any time will do
        days = {(0, int(counts.values[0])): set(range(7))}
    for (minute, nodes), on in sorted(days.items()):
        yield CronLine(pool, f"{minute % 60} {minute // 60} * * {_day_field(on)}", zone.name, nodes)


def _day_field(days: set[int]) -> str:
    """Days of the week, 0 (Sunday) to 6, as a cron field: ``*``, ``1-5``, ``0,6``."""
    if len(days) == 7:
        return "*"
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def _gives(lines: Sequence[CronLine], counts: Steps, zone: Zone, until_us: int) -> bool:
    """Whether the lines, expanded as any CronJobs are, set these counts."""
    held = [
        HeldSchedule(str(i), line.pool, line.nodes, parse_cron(line.schedule), zone) for i, line in enumerate(lines)
    ]
    start_us = int(counts.starts[0])
    made = pool_timeline("", held, start_us, until_us, initial=None)
    return (
        not made.conflicts
        and np.array_equal(made.counts.starts, counts.starts)
        and np.array_equal(made.counts.values, counts.values)
        and bool(made.known.values.all())
    )
