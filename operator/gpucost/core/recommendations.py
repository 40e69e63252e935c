"""Advice from how busy nodes were: hours in which they stood idle, and counts that would have been enough (section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from gpucost.core.calendar import Cells
from gpucost.core.grid import Grid
from gpucost.core.money import Ints
from gpucost.core.nodes import TypeUse
from gpucost.core.proposals import NO_LIMIT, Block, Proposal, cap_nodes, join_hours, most_nodes

NIGHT_HOURS: Final = range(7)
"""Local hours 0 to 6: 00:00-07:00."""
WORK_HOURS: Final = range(7, 24)
"""Local hours 7 to 23 of weekdays: 07:00-24:00."""
BLOCKS_A_DAY: Final = 3
HIGH_FROM_DAYS, MEDIUM_FROM_DAYS = 28, 7

Mask = npt.NDArray[np.bool_]


class Advice(StrEnum):
    """What may be advised for a node type."""

    REMOVE = "Remove"
    NIGHT_SHUT_DOWN = "NightShutDown"
    NIGHT_REDUCE = "NightReduce"
    WEEKEND_SHUT_DOWN = "WeekendShutDown"
    WEEKDAY_SCHEDULE = "WeekdaySchedule"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Utilisation below which hours are worth a word."""

    night_shut_down: Fraction
    night_reduce: Fraction
    weekend_shut_down: Fraction


@dataclass(frozen=True, slots=True)
class Usage:
    """What nodes did: figures by type and cell, and what makes the node counts of each type."""

    grid: Grid
    cells: Cells
    peaks: Ints
    """The most nodes of a type that were busy at once, of shape (types, cells)."""
    uses: Sequence[TypeUse]

    def scheduled(self, node_type: int) -> Ints:
        """The most nodes of a type that were billed in each cell."""
        return most_nodes(self.uses[node_type].counts, self.cells.edges)


@dataclass(frozen=True, slots=True)
class Cut:
    """Local hours ``[start, end)`` in which fewer nodes would have been enough."""

    start: int
    end: int
    nodes: int
    """The most that were busy at once."""
    scheduled: int
    """The most that were scheduled."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Advice for one type: the hours that it is about, and what it would have saved in each."""

    kind: Advice
    node_type: int
    cells: Mask
    """The hours that are judged."""
    busy_us: int
    """Busy node time in these hours, in microseconds."""
    billed_us: int
    """Billed node time in these hours, in microseconds."""
    saved: Ints
    """Nano-units by cell: of shutting down, idle cost; else node cost less that of the proposal."""
    idle_cost: int
    """Idle cost of these hours, in nano-units."""
    excluded_us: int
    """Executed time of excluded services in these hours."""
    proposal: Proposal | None = None
    """Other counts; None where nodes are to be shut down, for what ran on them would then have to move."""
    cuts: tuple[Cut, ...] = ()
    """Where the proposal has fewer nodes."""

    @property
    def savings(self) -> int:
        """Nano-units in the period."""
        return int(self.saved.sum())


def find_savings(usage: Usage, thresholds: Thresholds, types: Sequence[int]) -> tuple[Finding, ...]:
    """What can be advised for the given types. A type on which nothing ran is to be removed, and nothing else."""
    if not usage.cells.count:
        return ()
    return tuple(finding for kind in types for finding in _of_type(usage, kind, thresholds) if finding.savings > 0)


def _of_type(usage: Usage, kind: int, thresholds: Thresholds) -> Iterator[Finding]:
    if not usage.grid.node_us[kind].any():
        return
    if not usage.grid.executed_us[kind].any() and not usage.grid.excluded_us[kind].any():
        everything = np.ones(usage.cells.count, dtype=bool)
        yield _with_caps(usage, Advice.REMOVE, kind, everything, np.zeros(usage.cells.count, dtype=np.int64))
        return
    yield from _of_nights(usage, kind, thresholds)
    weekend = _idle_hours(usage, Advice.WEEKEND_SHUT_DOWN, kind, _is_weekend(usage.cells))
    if _is_below(weekend, thresholds.weekend_shut_down):
        yield weekend
    yield _of_weekdays(usage, kind)


def _of_nights(usage: Usage, kind: int, thresholds: Thresholds) -> Iterator[Finding]:
    """Nights are either to be shut down or to be reduced to what was busy at once."""
    night = np.isin(usage.cells.hour, NIGHT_HOURS)
    found = _idle_hours(usage, Advice.NIGHT_SHUT_DOWN, kind, night)
    if _is_below(found, thresholds.night_shut_down):
        yield found
    elif _is_below(found, thresholds.night_reduce):
        block = Block(NIGHT_HOURS.start, NIGHT_HOURS.stop, int(usage.peaks[kind][night].max()))
        yield _with_blocks(usage, Advice.NIGHT_REDUCE, kind, night, (block,))


def _is_below(found: Finding, share: Fraction) -> bool:
    """Whether utilisation, the sum of busy over the sum of billed node time, is below a share."""
    return found.billed_us > 0 and Fraction(found.busy_us, found.billed_us) < share


def _of_weekdays(usage: Usage, kind: int) -> Finding:
    """For each of at most three blocks of a weekday's hours the most nodes that were busy at once in any of them."""
    cells, work = usage.cells, _is_work(usage.cells)
    busy = np.minimum(usage.peaks[kind], usage.scheduled(kind))
    needs = [int(busy[work & (cells.hour == hour)].max(initial=0)) for hour in WORK_HOURS]
    return _with_blocks(usage, Advice.WEEKDAY_SCHEDULE, kind, work, join_hours(needs, WORK_HOURS.start, BLOCKS_A_DAY))


def work_hours(usage: Usage, kind: int) -> Finding:
    """What weekdays from 07:00 on were like for a type, with all that stood idle then as saved."""
    return _idle_hours(usage, Advice.WEEKDAY_SCHEDULE, kind, _is_work(usage.cells))


def _is_work(cells: Cells) -> Mask:
    return ~_is_weekend(cells) & np.isin(cells.hour, WORK_HOURS)


def _is_weekend(cells: Cells) -> Mask:
    return np.asarray(cells.weekend[cells.day].astype(bool))


def _idle_hours(usage: Usage, kind: Advice, node_type: int, hours: Mask) -> Finding:
    """Hours whose idle cost would be saved if the nodes were off."""
    saved = np.where(hours, usage.grid.idle_cost[node_type], 0)
    return _finding(usage, kind, node_type, hours, saved)


def _with_blocks(usage: Usage, kind: Advice, node_type: int, hours: Mask, blocks: Sequence[Block]) -> Finding:
    """Hours in which at most so many nodes would be kept as the block of each says."""
    caps = np.full(usage.cells.count, NO_LIMIT, dtype=np.int64)
    scheduled, cuts = usage.scheduled(node_type), []
    for block in blocks:
        here = hours & (usage.cells.hour >= block.start) & (usage.cells.hour < block.end)
        caps[here] = block.nodes
        most = int(scheduled[here].max(initial=0))
        if block.nodes < most:
            cuts.append(Cut(block.start, block.end, block.nodes, most))
    return _with_caps(usage, kind, node_type, hours, caps, tuple(cuts))


def _with_caps(
    usage: Usage, kind: Advice, node_type: int, hours: Mask, caps: Ints, cuts: tuple[Cut, ...] = ()
) -> Finding:
    proposal = cap_nodes(usage.uses[node_type], usage.cells, caps)
    saved = usage.grid.node_cost[node_type] - proposal.cost
    return replace(_finding(usage, kind, node_type, hours, saved), proposal=proposal, cuts=cuts)


def _finding(usage: Usage, kind: Advice, node_type: int, hours: Mask, saved: Ints) -> Finding:
    grid = usage.grid
    columns = grid.busy_us, grid.node_us, grid.idle_cost, grid.excluded_us
    busy, billed, idle, excluded = (int(column[node_type][hours].sum()) for column in columns)
    return Finding(kind, node_type, hours, busy, billed, saved, idle_cost=idle, excluded_us=excluded)


def potential_savings(found: Sequence[Finding], grid: Grid) -> int:
    """The largest single saving of each hour and type, summed: lines may overlap. In nano-units."""
    most = np.zeros(grid.node_us.shape, dtype=np.int64)
    for finding in found:
        np.maximum(most[finding.node_type], finding.saved, out=most[finding.node_type])
    return int(most.sum())


def confidence(whole_days: int) -> str:
    """High from 28 whole days of data, Medium from 7, else Low."""
    return "High" if whole_days >= HIGH_FROM_DAYS else "Medium" if whole_days >= MEDIUM_FROM_DAYS else "Low"
