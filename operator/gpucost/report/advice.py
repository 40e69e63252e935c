"""Recommendations in words (section 5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from gpucost.api.costreport import CostReportSpec
from gpucost.core.calendar import Cells
from gpucost.core.issues import ADVICE_WITHHELD, Issue, shorten
from gpucost.core.money import Ints, decimal_text, shown_hours, shown_money
from gpucost.core.proposals import LINES_AT_MOST, CronLine, cron_lines
from gpucost.core.recommendations import (
    Advice,
    Cut,
    Finding,
    Thresholds,
    Usage,
    confidence,
    find_savings,
    potential_savings,
    work_hours,
)
from gpucost.core.zones import Zone
from gpucost.report.doubts import Doubt
from gpucost.report.lines import hour_ranges
from gpucost.report.report import Recommendation

_WHEN: Final = {
    Advice.NIGHT_SHUT_DOWN: "At night (00:00-07:00)",
    Advice.NIGHT_REDUCE: "At night (00:00-07:00)",
    Advice.WEEKEND_SHUT_DOWN: "On weekends",
}


@dataclass(frozen=True, slots=True)
class Advised:
    """What to do, what all of it together would save (None where nothing can be known), and why something is missing."""

    recommendations: tuple[Recommendation, ...]
    potential_savings: int | None
    withheld: tuple[Issue, ...]
    needed: tuple[str, ...]
    """Idle cost of weekdays that no fewer nodes would have saved, a sentence a type."""


def advise(spec: CostReportSpec, usage: Usage, types: Sequence[str], doubts: Sequence[Doubt]) -> Advised:
    """Recommendations, the largest savings first, for the types of which enough was understood."""
    stated = spec.recommendations
    thresholds = Thresholds(
        Fraction(stated.night_shut_down_below),
        Fraction(stated.night_reduce_below),
        Fraction(stated.weekend_shut_down_below),
    )
    doubted = {name for doubt in doubts for name in doubt.types}
    sure = [kind for kind, name in enumerate(types) if name not in doubted]
    every = find_savings(usage, thresholds, sure)
    found = [finding for finding in every if _is_understood(finding, usage)]
    zone = Zone.parse(spec.time_zone)
    words = _Wording(spec.currency, zone, confidence(whole_days(usage.cells, zone)), usage, types)
    advice = sorted(map(words.recommend, found), key=lambda one: (-one.savings, one.name))
    return Advised(
        tuple(advice),
        potential_savings(found, usage.grid),
        tuple(_withheld(doubts, usage, types)),
        tuple(words.explain_need(idle) for idle in _needed(usage, sure, every)),
    )


def _needed(usage: Usage, types: Sequence[int], found: Sequence[Finding]) -> Iterator[Finding]:
    """Idle weekdays of types of which no fewer nodes would have been enough then."""
    less = {finding.node_type for finding in found if finding.kind in (Advice.REMOVE, Advice.WEEKDAY_SCHEDULE)}
    idle = [work_hours(usage, kind) for kind in types if kind not in less] if usage.cells.count else []
    yield from (finding for finding in idle if finding.idle_cost)


def _is_understood(finding: Finding, usage: Usage) -> bool:
    """Whether less work of the type lies beyond its billed time than the advice counts as idle."""
    return int(usage.grid.off_schedule_us[finding.node_type].sum()) < finding.billed_us - finding.busy_us


def _withheld(doubts: Sequence[Doubt], usage: Usage, types: Sequence[str]) -> Iterator[Issue]:
    """For each doubt the types with node cost about which nothing is advised because of it."""
    for doubt in doubts:
        names = [name for kind, name in enumerate(types) if name in doubt.types and usage.grid.node_us[kind].any()]
        if names:
            told = f"no advice for node types {', '.join(map(shorten, names[:5]))}: {doubt.sentence}"
            yield Issue(ADVICE_WITHHELD, told, len(names))


def whole_days(cells: Cells, zone: Zone) -> int:
    """Local days that lie in the period so far from their first instant to their last."""
    lengths = cells.by_day(np.diff(cells.edges)).tolist()
    whole = [zone.day_start(date + dt.timedelta(days=1)) - zone.day_start(date) for date in cells.dates]
    return sum(length == day for length, day in zip(lengths, whole, strict=True))


@dataclass(frozen=True, slots=True)
class _Wording:
    """What the sentences about one report's findings have in common."""

    currency: str
    zone: Zone
    sure: str
    usage: Usage
    types: Sequence[str]

    def recommend(self, finding: Finding) -> Recommendation:
        node_type = self.types[finding.node_type]
        pools = self.usage.uses[finding.node_type].pools
        slug = "".join("-" + c.lower() if c.isupper() else c for c in finding.kind).lstrip("-")
        scheduled = self.usage.scheduled(finding.node_type)[finding.cells].tolist()
        before = [cut.scheduled for cut in finding.cuts] or scheduled
        return Recommendation(
            name=f"{node_type}-{slug}",
            node_type=node_type,
            node_pool=pools[0].name if len(pools) == 1 else None,
            message=" ".join(self._sentences(finding)),
            savings=finding.savings,
            confidence=self.sure,
            nodes_before=max(before),
            nodes_after=max((cut.nodes for cut in finding.cuts), default=0),
            schedules=tuple(self._schedules(finding)),
        )

    def explain_need(self, idle: Finding) -> str:
        """Why nothing is advised about idle cost of weekdays."""
        most = int(self.usage.scheduled(idle.node_type)[idle.cells].max(initial=0))
        return (
            f"Mon-Fri 07-24 every node of {self._whose(idle)}, up to {most}, was busy at some time in each block of hours: "
            f"{shown_money(idle.idle_cost, self.currency)} of idle time is needed for these peaks, unless tasks may wait."
        )

    def _sentences(self, finding: Finding) -> Iterator[str]:
        yield from {
            Advice.REMOVE: self._remove,
            Advice.NIGHT_SHUT_DOWN: self._shut_down,
            Advice.NIGHT_REDUCE: self._reduce,
            Advice.WEEKEND_SHUT_DOWN: self._shut_down,
            Advice.WEEKDAY_SCHEDULE: self._schedule,
        }[finding.kind](finding)
        if finding.excluded_us:
            spent, hours = shown_hours(finding.excluded_us), self._hours_of(finding, self.usage.grid.excluded_us)
            yield f"Excluded services ran on such nodes for {spent} h then, in local hours {hours}."

    def _remove(self, finding: Finding) -> Iterator[str]:
        whose, hours = self._whose(finding), shown_hours(finding.billed_us)
        yield f"No task ran on {whose} in the period: remove {_it(self._pools(finding))}. {hours} node-hours were billed."

    def _shut_down(self, finding: Finding) -> Iterator[str]:
        percent = decimal_text(Fraction(100 * finding.busy_us, finding.billed_us), 1, 1)
        it = _it(self._pools(finding))
        idle = shown_money(finding.savings, self.currency)
        yield (
            f"{_WHEN[finding.kind]} {self._whose(finding)} ran tasks {percent} % of the node time: shut {it} down. "
            f"Idle nodes cost {idle} in those hours."
        )
        if finding.busy_us:
            hours = self._hours_of(finding, self.usage.grid.busy_us)
            busy = shown_hours(finding.busy_us)
            yield f"Work that ran then, {busy} node-hours in local hours {hours}, would have to move."

    def _reduce(self, finding: Finding) -> Iterator[str]:
        (cut,) = finding.cuts
        yield f"{_WHEN[finding.kind]} {self._enough(finding, cut)}."

    def _schedule(self, finding: Finding) -> Iterator[str]:
        parts = [f"{cut.start:02d}-{cut.end:02d} {self._enough(finding, cut)}" for cut in finding.cuts]
        yield f"Mon-Fri {'; '.join(parts)}."
        rest = finding.idle_cost - finding.savings
        if rest > 0:
            idle = shown_money(finding.idle_cost, self.currency)
            yield f"Of {idle} idle then, {shown_money(rest, self.currency)} is needed for these peaks."

    def _enough(self, finding: Finding, cut: Cut) -> str:
        whose = self._whose(finding)
        if not cut.nodes:
            return f"none of {cut.scheduled} nodes of {whose} was busy: schedule none"
        return f"at most {cut.nodes} of {cut.scheduled} nodes of {whose} were busy at once: schedule {cut.nodes}"

    def _pools(self, finding: Finding) -> int:
        return len(self.usage.uses[finding.node_type].pools)

    def _whose(self, finding: Finding) -> str:
        pools = self.usage.uses[finding.node_type].pools
        if len(pools) == 1:
            return f"pool {shorten(pools[0].name)}"
        return f"the {len(pools)} pools of type {shorten(self.types[finding.node_type])}"

    def _hours_of(self, finding: Finding, column: Ints) -> str:
        """Local hours of a finding in which a figure of its type, from a column of the grid, is above zero."""
        ran = finding.cells & (column[finding.node_type] > 0)
        return hour_ranges(self.usage.cells.hour[ran].tolist())

    def _schedules(self, finding: Finding) -> Iterator[CronLine]:
        """The cron lines of the proposal, where every pool has some; none for a pool that is to be removed."""
        if finding.proposal is None or finding.kind is Advice.REMOVE:
            return
        lines: list[CronLine] = []
        for pool, counts in zip(self.usage.uses[finding.node_type].pools, finding.proposal.counts, strict=True):
            zones = dict.fromkeys((self.zone, *(schedule.zone for schedule in pool.schedules)))
            found = cron_lines(pool.name, counts, list(zones), int(self.usage.cells.edges[-1]))
            if found is None or len(lines) + len(found) > LINES_AT_MOST:
                return
            lines += found
        yield from lines


def _it(pools: int) -> str:
    return "it" if pools == 1 else "them"
