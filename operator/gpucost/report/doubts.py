"""What a report did not understand of its inputs, how much of them that is, and for which types advice would mislead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from gpucost.api.costreport import CostReportSpec
from gpucost.core import issues as why
from gpucost.core.grid import Grid
from gpucost.core.instants import instant_text
from gpucost.core.issues import Issue, counted
from gpucost.core.money import hours_text
from gpucost.core.nodes import UNKNOWN_TYPE
from gpucost.engine.reduction import UNKNOWN_STATUS, Rollup

TOLERATED: Final = Fraction(1, 100)
"""Of what was loaded: more that is not understood, and advice is withheld (section 5)."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a whole: attempts, rows, microseconds."""

    part: int
    whole: int

    @property
    def share(self) -> Fraction:
        """From 0 to 1; 0 of nothing is 0."""
        return min(Fraction(self.part, self.whole), Fraction(1)) if self.whole else Fraction(self.part > 0)


@dataclass(frozen=True, slots=True)
class Doubts:
    """How much of a report's inputs was not understood; all zero for a report of node cost only but for ``unread``."""

    unread: Amount
    """CronJobs and table rows that scale nodes and can't be read, of all that scale nodes."""
    unusable: Amount
    """Rows of the task database that can't be used."""
    unknown_status: Amount
    """Events whose status no set knows."""
    skipped: Amount
    """Attempts that are not charged, of those loaded."""
    unknown_node: Amount
    """Charged attempts on nodes of no listed type, of those loaded."""
    never_ran: Amount
    """Tasks that never ran, of all tasks."""
    off_schedule: Amount
    """Busy microseconds beyond the billed node time, of executed microseconds."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that was not understood, and the types for which advice is withheld because of it."""

    share: Fraction
    sentence: str
    """What, how much, and what to do; without a full stop."""
    types: tuple[str, ...]
    of_tasks: bool = True
    """Whether it is about task events, not about schedules."""


def measure_doubts(
    issues: Sequence[Issue], spec: CostReportSpec, schedules: int, grid: Grid, rollup: Rollup | None
) -> Doubts:
    """The amounts. ``schedules``: how many CronJobs and rows could be read."""
    unread = sum(1 for issue in issues if issue.reason in why.UNREAD_SCHEDULES)
    scalers = Amount(unread, unread + schedules)
    if rollup is None:
        nothing = Amount(0, 0)
        return Doubts(scalers, nothing, nothing, nothing, nothing, nothing, nothing)
    census, rows = rollup.census, rollup.counts
    mine = rows.wanted.astype(bool)
    loaded = int(rows.touching[mine].sum())
    skipped = int(rows.touching[mine & (rows.outcome >= UNKNOWN_STATUS)].sum())
    strange = mine & (rows.outcome < UNKNOWN_STATUS) & np.isin(rows.node_type, unlisted_types(spec, rollup))
    unusable, events = sum(census.unusable.values()), int(census.events.sum())
    known = known_statuses(spec)
    unknown = sum(int(n) for status, n in zip(census.status, census.events, strict=True) if status not in known)
    tasks = rollup.never_ran + loaded - int(rows.retries[mine].sum())
    return Doubts(
        unread=scalers,
        unusable=Amount(unusable, unusable + events + census.future_events),
        unknown_status=Amount(unknown, events),
        skipped=Amount(skipped, loaded),
        unknown_node=Amount(int(rows.touching[strange].sum()), loaded),
        never_ran=Amount(rollup.never_ran, tasks),
        off_schedule=Amount(int(grid.off_schedule_us.sum()), int(grid.executed_us.sum())),
    )


def known_statuses(spec: CostReportSpec) -> frozenset[str]:
    """Every status that a set of the spec knows."""
    sets = spec.tasks.statuses if spec.tasks else None
    return frozenset((*sets.running, *sets.success, *sets.failure, *sets.waiting)) if sets else frozenset()


def unlisted_types(spec: CostReportSpec, rollup: Rollup) -> list[int]:
    """Numbers of the rollup's types that the spec does not list: ``unknown``, and what task events state."""
    listed = {rule.name for rule in spec.node_pools.types}
    return [i for i, name in enumerate(rollup.node_types) if name == UNKNOWN_TYPE or name not in listed]


def find_doubts(
    doubts: Doubts,
    issues: Sequence[Issue],
    spec: CostReportSpec,
    types: Sequence[str],
    grid: Grid,
    rollup: Rollup | None,
) -> tuple[Doubt, ...]:
    """What is too much for advice, the largest share first. Doubts about work that may have run anywhere concern every
    type; those about work of one type that one."""
    found = list(_about_schedules(doubts, issues, types))
    if rollup is not None:
        found += _about_events(doubts, issues, types, rollup)
        found += _about_work(doubts, issues, spec, types, grid, rollup)
    return tuple(sorted(found, key=lambda doubt: -doubt.share))


def _about_schedules(doubts: Doubts, issues: Sequence[Issue], types: Sequence[str]) -> Iterator[Doubt]:
    if doubts.unread.part:
        first = next(issue.message for issue in issues if issue.reason in why.UNREAD_SCHEDULES)
        more = f" (and {doubts.unread.part - 1} more)" if doubts.unread.part > 1 else ""
        yield Doubt(doubts.unread.share, f"node counts may be wrong: {first}{more}", tuple(types), of_tasks=False)


def _about_events(doubts: Doubts, issues: Sequence[Issue], types: Sequence[str], rollup: Rollup) -> Iterator[Doubt]:
    """Rows that can't be used, or no event at all."""
    everything, census = tuple(types), rollup.census
    if doubts.unusable.share > TOLERATED:
        part, whole = doubts.unusable.part, doubts.unusable.whole
        yield Doubt(doubts.unusable.share, _remedied(issues, (why.UNUSABLE_ROWS,), f"{part:,} of {whole:,} rows of the task "
                    "database can't be used"), everything)  # fmt: skip
    elif census.last_us is None:
        yield Doubt(
            Fraction(1), "the task database holds no event up to now; check tasks.query and the database", everything
        )
    elif not census.events_in_period.any() and not doubts.skipped.whole:
        last = instant_text(census.last_us)
        yield Doubt(
            Fraction(1), f"the task database has no event in this period; its last one is of {last}", everything
        )


def _about_work(
    doubts: Doubts, issues: Sequence[Issue], spec: CostReportSpec, types: Sequence[str], grid: Grid, rollup: Rollup
) -> Iterator[Doubt]:
    everything, never, strange = tuple(types), doubts.never_ran, doubts.unknown_node
    if never.part > TOLERATED * doubts.skipped.whole:
        yield Doubt(never.share, _never_ran(never, spec, rollup), everything)
    if strange.share > TOLERATED:
        told = f"the node type of {strange.part:,} of {counted(strange.whole, 'attempt')} is unknown"
        about = why.UNKNOWN_NODE_TYPE, why.UNREADABLE_METAINFO
        yield Doubt(strange.share, _remedied(issues, about, told), everything)
    yield from _skipped(doubts, issues, types, rollup)
    charged = doubts.skipped.whole - doubts.skipped.part
    took_time = rollup.executed.executed_us[rollup.executed.wanted.astype(bool)].any()
    if charged and not took_time:  # else a type on which only such attempts ran would be "to be removed"
        yield Doubt(
            Fraction(1),
            f"{counted(charged, 'charged attempt')} took no time at all in this period: does creation_ts hold dates without "
            "a time of day? Select the instants of the events in spec.tasks.query",
            everything,
        )
    for kind, name in enumerate(types):
        beyond = Amount(int(grid.off_schedule_us[kind].sum()), int(grid.executed_us[kind].sum()))
        if beyond.share > TOLERATED and not strange.share > TOLERATED:
            yield Doubt(
                beyond.share,
                f"nodes of type {why.shorten(name)} were busy for {hours_text(beyond.part)} h beyond their billed node "
                "time; its schedules, or the rules of spec.nodePools.types, may not be those of the nodes that ran",
                (name,),
            )


def _never_ran(never: Amount, spec: CostReportSpec, rollup: Rollup) -> str:
    told = f"{never.part:,} of {counted(never.whole, 'task')} never ran"
    running = spec.tasks.statuses.running if spec.tasks else ()
    if rollup.census.running_events:
        return f"{told}: none of their events has a status of spec.tasks.statuses.running"
    names = " or ".join(why.shorten(status) for status in running[:3])
    return f"{told}: no event has the status {names}; is there one row per job? see docs/schemas.md"


def _skipped(doubts: Doubts, issues: Sequence[Issue], types: Sequence[str], rollup: Rollup) -> Iterator[Doubt]:
    """Attempts left out, by the type that they ran on: of no listed type, they may have run on any."""
    rows = rollup.counts
    mine = rows.wanted.astype(bool)
    left_out = mine & (rows.outcome >= UNKNOWN_STATUS)
    affected = []
    for kind, name in enumerate(rollup.node_types):
        here = rows.node_type == kind
        amount = Amount(int(rows.touching[left_out & here].sum()), int(rows.touching[mine & here].sum()))
        if amount.share > TOLERATED:
            affected.append(name)
    if affected:
        skipped = doubts.skipped
        told = f"{skipped.part:,} of {counted(skipped.whole, 'attempt')} are left out"
        reason = why.UNKNOWN_STATUS if doubts.unknown_status.part else why.LOST_ATTEMPTS
        concerned = tuple(types) if set(affected) - set(types) else tuple(affected)
        yield Doubt(skipped.share, _remedied(issues, (reason,), told), concerned)


def _remedied(issues: Sequence[Issue], reasons: Sequence[str], told: str) -> str:
    """What was not understood, with the example and the remedy of the largest issue about it."""
    found = max((issue for issue in issues if issue.reason in reasons), key=lambda issue: issue.count, default=None)
    return f"{told}: {found.message}" if found else told
