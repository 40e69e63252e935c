"""Two reports side by side: what changed, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gpucost.core.allocation import Outcome
from gpucost.core.comparison import NodeEffects, NodeUsage, ServiceEffects, ServiceUsage, node_effects, service_effects
from gpucost.core.instants import instant_text
from gpucost.core.money import decimal_text, hours_text, shown_money, shown_percent
from gpucost.core.zones import DAY_US
from gpucost.report.lines import is_priced, node_line, ratio, task_lines
from gpucost.report.report import OUTCOMES, Report, total
from gpucost.report.status import display_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two reports, as a whole."""

    name: str
    period: str
    covered_us: int
    """Length of what has happened of the period."""
    nodes: NodeUsage
    allocated: int | None
    """None: the report has no tasks."""

    @property
    def cost_per_day(self) -> Fraction | None:
        """Nano-units of node cost per 24 hours; None for a period that has not begun."""
        return ratio(self.nodes.cost * DAY_US, self.covered_us)

    @property
    def cost_per_success(self) -> Fraction | None:
        """Nano-units of node cost per success, idle nodes and failures included."""
        return ratio(self.nodes.cost, self.nodes.successes or 0)


@dataclass(frozen=True, slots=True)
class TypeChange:
    """A node type in both periods."""

    name: str
    before: NodeUsage
    after: NodeUsage
    priced: tuple[bool, bool]
    """Whether it had a price before and after; without one its cost of 0 says nothing."""

    @property
    def effects(self) -> NodeEffects:
        """Why its node cost changed."""
        return node_effects(self.before, self.after)

    @property
    def presence(self) -> str | None:
        """``new``, or ``gone``: it had nodes in one period only."""
        return _presence(self.before.node_us, self.after.node_us)


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """A service in both periods."""

    name: str
    before: ServiceUsage
    after: ServiceUsage

    @property
    def effects(self) -> ServiceEffects:
        """Why its allocated cost changed."""
        return service_effects(self.before, self.after)

    @property
    def presence(self) -> str | None:
        """``new``, or ``gone``: it executed in one period only."""
        return _presence(self.before.executed_us, self.after.executed_us)


def _presence(before: int, after: int) -> str | None:
    return None if bool(before) is bool(after) else "gone" if before else "new"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one report to another. Types and services with the largest change come first."""

    currency: str
    before: Side
    after: Side
    node_types: tuple[TypeChange, ...]
    services: tuple[ServiceChange, ...]
    """None of them unless both reports have tasks."""
    notes: tuple[str, ...]
    """Sentences that a reader of the figures should know."""

    @property
    def change(self) -> int:
        """Nano-units of node cost, after less before."""
        return self.after.nodes.cost - self.before.nodes.cost

    @property
    def effects(self) -> NodeEffects:
        """Why the node cost changed: the sum over the node types."""
        return sum((kind.effects for kind in self.node_types), start=NodeEffects())

    @property
    def sentence(self) -> str:
        """The change and its effects to the cent: ``3.00 USD more than before (10.0 %): +3.00 from higher prices.``"""
        parts = [
            f"{_signed(money)} from {words}" for money, words in _causes(self) if shown_money(abs(money)) != "0.00"
        ]
        return f"{_headline(self)}{': ' if parts else ''}{', '.join(parts)}."

    @property
    def frames(self) -> list[str]:
        """Names of the tables of a comparison."""
        from gpucost.report.comparisontables import TABLES  # tables read comparisons, as with reports

        return list(TABLES)

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a pandas frame with exact decimals and its units. Raises KeyError for a name not in ``frames``."""
        from gpucost.report.comparisontables import TABLES
        from gpucost.report.notebookview import framed

        return framed(TABLES[name](self), self.currency)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from gpucost.report.notebookview import comparison_html

        return comparison_html(self)


def compare(before: Report, after: Report) -> Comparison:
    """Compare two reports, of two periods or of two plans for one. Raises ValueError where their currencies differ."""
    currency = before.spec.currency
    if after.spec.currency != currency:
        raise ValueError(f"reports in {currency} and {after.spec.currency} can't be compared; give both one currency")
    sides = _side(before), _side(after)
    types, services = _type_changes(before, after), _service_changes(before, after)
    notes = *_notes_on_time(before, after), *_notes_on_rules(before, after), *_notes_on_gaps(before, after)
    return Comparison(currency, *sides, types, services, tuple(dict.fromkeys(notes)))


def _side(report: Report) -> Side:
    allocated = total(report.grid.allocated) if _has_tasks(report) else None
    whole = sum((_type_usage(report, k) for k in range(len(report.types))), start=_no_nodes(report))
    return Side(report.name, display_of(report)["period"], report.period.covered_us, whole, allocated)


def _has_tasks(report: Report) -> bool:
    return report.census is not None


def _no_nodes(report: Report) -> NodeUsage:
    return NodeUsage() if _has_tasks(report) else NodeUsage(executed_us=None, successes=None)


def _type_usage(report: Report, kind: int) -> NodeUsage:
    line = node_line(report, node_type=kind)
    if not _has_tasks(report):
        return NodeUsage(line.node_cost, line.node_us, None, None)
    ended = report.ended
    mine = (ended.node_type == kind) & (ended.outcome == OUTCOMES.index(Outcome.SUCCESS))
    return NodeUsage(line.node_cost, line.node_us, line.executed_us, total(ended.attempts[mine]))


def _type_changes(before: Report, after: Report) -> tuple[TypeChange, ...]:
    (was, was_priced), (now, now_priced) = map(_type_usages, (before, after))
    changes = [
        TypeChange(
            name,
            was.get(name, _no_nodes(before)),
            now.get(name, _no_nodes(after)),
            (name in was_priced, name in now_priced),
        )
        for name in was | now
    ]
    return tuple(sorted(changes, key=_largest_first))


def _type_usages(report: Report) -> tuple[dict[str, NodeUsage], set[str]]:
    """The usage of each type by name, and the names of those with a price."""
    usages = {name: _type_usage(report, k) for k, name in enumerate(report.types)}
    return usages, {name for k, name in enumerate(report.types) if is_priced(report, k)}


def _service_changes(before: Report, after: Report) -> tuple[ServiceChange, ...]:
    if not (_has_tasks(before) and _has_tasks(after)):
        return ()
    was, now = _service_usages(before), _service_usages(after)
    changes = [ServiceChange(name, was.get(name, ServiceUsage()), now.get(name, ServiceUsage())) for name in was | now]
    return tuple(sorted(changes, key=_largest_first))


def _service_usages(report: Report) -> dict[str, ServiceUsage]:
    lines = task_lines(report).items()
    return {name: ServiceUsage(line.cost, line.executed_us, line.attempts_by[Outcome.SUCCESS]) for name, line in lines}


def _largest_first(change: TypeChange | ServiceChange) -> tuple[int, bytes]:
    return -abs(change.after.cost - change.before.cost), change.name.encode()


# What a reader should know


def _notes_on_time(before: Report, after: Report) -> Iterator[str]:
    """Periods of different length, or not yet over."""
    lengths = before.period.covered_us, after.period.covered_us
    if lengths[0] != lengths[1]:
        days = [decimal_text(Fraction(length, DAY_US), 2) for length in lengths]
        yield (
            f"The periods are {days[0]} and {days[1]} days long, and a longer one has more of everything: "
            "compare the figures per day too."
        )
    for report in (before, after):
        if report.period.data_until_us < report.period.end_us:
            until = instant_text(max(report.period.data_until_us, report.period.start_us))
            yield f"{display_of(report)['period']} is not over; its figures end at {until}."


def _notes_on_rules(before: Report, after: Report) -> Iterator[str]:
    """Reports that count, share out or bill in different ways."""
    if not (_has_tasks(before) and _has_tasks(after)):
        yield "A report without tasks knows no successes: only the effects of schedule and price are told apart."
    elif _counting(before) != _counting(after):
        yield "Tasks are counted by different rules (spec.tasks): successes and times differ for that reason too."
    if before.spec.allocation != after.spec.allocation:
        yield "Cost is shared out by different rules (spec.allocation): services differ for that reason too."
    sources = before.spec.node_pools.source, after.spec.node_pools.source
    if sources[0] is not sources[1]:
        yield f"Different clocks are billed: {sources[0]} before, {sources[1]} after."


def _notes_on_gaps(before: Report, after: Report) -> Iterator[str]:
    """What is unknown, and so stands in the cost as nothing."""
    unpriced = before.quality.unpriced_us, after.quality.unpriced_us
    uncovered = before.quality.uncovered_us, after.quality.uncovered_us
    for what, (was, now) in (("Node-hours without a price", unpriced), ("Hours of unknown node count", uncovered)):
        if was or now:
            yield f"{what} cost nothing here: {hours_text(was)} before, {hours_text(now)} after."


def _counting(report: Report) -> Any:
    """What of a spec decides which attempts are counted, and how."""
    tasks = report.spec.tasks
    return tasks and (tasks.services, tasks.statuses, tasks.execution_time, tasks.stale_after)


# The sentence


def _headline(comparison: Comparison) -> str:
    change, currency = comparison.change, comparison.currency
    if not change:
        return f"The same node cost as before, {shown_money(comparison.after.nodes.cost, currency)}"
    percent = shown_percent(abs(change), comparison.before.nodes.cost)
    part = f" ({percent})" if percent else ""
    return f"{shown_money(abs(change), currency)} {'more' if change > 0 else 'less'} than before{part}"


def _signed(nano: int) -> str:
    return f"{'+' if nano > 0 else ''}{shown_money(nano)}"


def _causes(comparison: Comparison) -> list[tuple[int, str]]:
    """Effects with their words, the largest first."""
    effects = comparison.effects
    causes = [
        (effects.volume, _volume_words(comparison)),
        (effects.efficiency, f"{'longer' if effects.efficiency > 0 else 'shorter'} run time per success"),
        (effects.schedule, _schedule_words(comparison)),
        (effects.price, f"{'higher' if effects.price > 0 else 'lower'} prices"),
    ]
    return sorted(causes, key=lambda cause: -abs(cause[0]))


def _volume_words(comparison: Comparison) -> str:
    """Successes that only move to a dearer type cost more although there are not more of them."""
    change = (comparison.after.nodes.successes or 0) - (comparison.before.nodes.successes or 0)
    dearer = comparison.effects.volume > 0
    if change and (change > 0) is dearer:
        return "more successes" if dearer else "fewer successes"
    return f"successes on {'dearer' if dearer else 'cheaper'} node types"


def _schedule_words(comparison: Comparison) -> str:
    more = "more" if comparison.effects.schedule > 0 else "fewer"
    known = comparison.before.nodes.executed_us is not None and comparison.after.nodes.executed_us is not None
    return f"{more} nodes for the same work" if known else f"{more} node-hours"
